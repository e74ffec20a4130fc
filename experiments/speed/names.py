"""How the contenders are called in results and tables."""

from __future__ import annotations

from experiments.metaplastic.settings import BATCH

FACTORED = "q16 factored, C"
TORCH_LOCAL, TORCH_PLAIN = "PyTorch, local, tuned", "PyTorch, local, plain"
TORCH_WEIGHTS = "PyTorch, weight sampling, tuned"
TORCH_AUTOGRAD, TORCH_SGD = "streamlearn.torch, autograd", "PyTorch, SGD, tuned"
METAPLASTIC, CALL = "metaplastic, q8, C", "metaplastic, q8, C, learn_one"
FLOAT, FLOAT_TORCH = "float MLP, SGD, numba", "float MLP, SGD, PyTorch, tuned"
PUBLISHED = f"published recipe, PyTorch, batches of {BATCH}"
PUBLISHED_ONE = "published recipe, PyTorch, batches of 1"
NUMBA, JAX, COMPILED = "MESU, numba", "MESU, JAX scan, jitted", "MESU, torch.compile"
SGD_C, SGD_FIXED = "SGD, float32, plain C", "SGD, Q16.16, plain C"
#: What a row is called that learns MESU in PyTorch, beside the others.
RIVAL_TUNED, RIVAL_PLAIN = f"MESU, {TORCH_LOCAL}", f"MESU, {TORCH_PLAIN}"

#: Sections of the result whose contenders need PyTorch and numba; and the others.
NEEDY = ("speed", "bytes", "width", "draws", "zeros", "length", "metaplastic")
FREE = ("rivals", "cores", "along")
