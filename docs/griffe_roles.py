"""Docstrings as the site shows them: ``:class:`Name``` as code, hyperparameters filled in."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`~?([^`]+)`")


class Roles(griffe.Extension):
    """Take the roles of reStructuredText out of docstrings; the names stay."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Rewrite the docstring of an object, once it is complete."""
        if obj.docstring is not None:
            # Both are filled in when the class is made.
            if "{inherited}" in obj.docstring.value or "{hyperparameters}" in obj.docstring.value:
                kind = getattr(importlib.import_module(obj.module.path), obj.name)
                obj.docstring.value = inspect.getdoc(kind) or ""
            obj.docstring.value = ROLE.sub(r"`\1`", obj.docstring.value)
