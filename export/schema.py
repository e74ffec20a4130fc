"""The JSON schema of ``manifest.json``; ``docs/export-manifest.schema.json`` is written from it."""

from __future__ import annotations

from typing import Any

from export.package import FORMAT, FORMAT_VERSION, STATE_FILE
from quant.heads import HEADS
from quant.layout import C_TYPES
from quant.rule import RULES

_TEXT, _TEXTS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def schema() -> dict[str, Any]:
    """Return the schema (JSON Schema, draft 2020-12) of this version's manifests."""
    members: dict[str, Any] = {
        "format": {"const": FORMAT},
        "format_version": {"const": FORMAT_VERSION},
        "rule": {"enum": list(RULES)},
        "network": _object(
            {
                "layers": {"type": "array", "items": _whole(1), "minItems": 2},
                "bias": {"type": "boolean"},
                "front_end": _TEXT,
                "head": {"enum": list(HEADS)},
            },
            more=True,
        ),
        "config": {"type": "object", "description": "the rule's hyperparameters"},
        "arithmetic": {
            "enum": sorted(
                {
                    name
                    for rule in RULES.values()
                    for name, kind in rule.arithmetics.items()
                    if kind.kernel is not None
                }
            )
        },
        "n_features": _whole(1),
        "n_classes": {**_whole(0), "description": "0: the learner predicts a number"},
        "classes": {**_TEXTS, "description": "a text per class index"},
        "n_samples": {**_whole(0), "description": "samples learned before the export"},
        "state_bytes": _whole(1),
        "state_sha256": {**_HASH, "description": f"of the payload of {STATE_FILE}"},
        "state_fields": _fields({}),
        "onnx": _object(
            {
                "opset": _whole(1),
                "ir_version": _whole(1),
                "no_learning_because": {"type": ["string", "null"]},
            }
        ),
        "c_sources": {**_TEXTS, "minItems": 1},
        "files": {
            "type": "object",
            "additionalProperties": _object({"bytes": _whole(0), "sha256": _HASH}),
            "required": [STATE_FILE],
        },
        "versions": {"type": "object", "additionalProperties": _TEXT},
    }
    found = _object(members)
    found["properties"]["backbone"] = {
        **_object({"n_inputs": _whole(1), "n_features": _whole(1), "sha256": _HASH}),
        "description": "what makes the learner's features of raw values, if there is one",
    }
    found["properties"]["stages"] = {
        **_object(
            {
                "n_channels": _whole(1),
                "hop": _whole(1),
                "chain": {
                    "type": "array",
                    "minItems": 1,
                    "items": _object({"stage": _TEXT}, more=True),
                },
                "sha256": _HASH,
                "state_bytes": _whole(1),
                "state_fields": _fields(
                    {
                        "start": {
                            "type": ["number", "array"],
                            "description": "what it holds at first, and when a recording begins",
                        },
                        "kept": {
                            "type": "boolean",
                            "description": "a new recording leaves it as it is",
                        },
                    }
                ),
            }
        ),
        "description": "what makes the learner's features of a signal, stage by stage",
    }
    found["properties"]["stream"] = {"type": "object", "description": "how the stream is read"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "manifest.json of an export folder",
        **found,
    }


def _fields(more: dict[str, Any]) -> dict[str, Any]:
    """The fields of a state."""
    members = {
        "name": _TEXT,
        "type": {"enum": list(C_TYPES.values())},
        "shape": {"type": "array", "items": _whole(1)},
        "offset": _whole(0),
        **more,
    }
    return {"type": "array", "items": _object(members)}


def _whole(least: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least}


def _object(members: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": more,
    }
