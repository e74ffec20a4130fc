"""Evaluation asks for nothing but NumPy, and a learner asks for no evaluation."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("river", "sklearn", "matplotlib", "rich", "pandas")


def loaded(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_evaluation_loads_no_other_package() -> None:
    modules = loaded("from streamlearn.evaluation import Adwin, ClassificationMetrics, evaluate")
    assert not {name.split(".")[0] for name in modules} & set(HEAVY)


def test_streamlearn_loads_no_evaluation() -> None:
    assert not {name for name in loaded("import streamlearn") if "evaluation" in name}


def test_canary_what_is_loaded_is_seen() -> None:
    assert "streamlearn.evaluation.adwin" in loaded("import streamlearn.evaluation")
