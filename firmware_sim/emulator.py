"""The one door to Unicorn: its names, untyped, and the two private ones that C callbacks need.

Hooks written in C are installed through the binding's own library handle (`uclib`) and engine
pointer (`Uc._uch`), which are private: the package pins Unicorn's minor version for that.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

uc: Any = import_module("unicorn")
arm: Any = import_module("unicorn.arm_const")
riscv: Any = import_module("unicorn.riscv_const")
uclib: Any = import_module("unicorn.unicorn_py3.unicorn").uclib

UcError: type[Exception] = uc.UcError
