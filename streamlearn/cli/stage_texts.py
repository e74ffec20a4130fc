"""A stage as a text of the command line: ``window:n=100,hop=50,features=mean+sd,magnitude``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from quant.errors import ConfigError
from quant.stages.stage import STAGES, Stage, stage_from_json


def read_stage(text: str) -> Stage:
    """Return the stage that a text says: its name, a colon, its settings.

    A setting is ``name=value``; a list's values have ``+`` between them; a name alone is a setting
    that is on. Channels are the stream's.

    Raises
    ------
    ConfigError
        If there is no such stage, or no such setting.
    """
    name, _, rest = text.partition(":")
    if name not in [*STAGES]:
        raise ConfigError(f"--stage {text}: {name!r} is none of {', '.join(STAGES)}")
    fields = {field.name: str(field.type) for field in dataclasses.fields(STAGES[name])}  # type: ignore[arg-type]
    for of_run in ("channels", "settled"):  # the stream's, and what a run learns
        fields.pop(of_run, None)
    settings: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        setting, given, value = part.partition("=")
        if setting not in fields or setting in settings:
            raise ConfigError(
                f"--stage {text}: {setting!r} is no setting of {name}, or there twice; "
                f"expected {', '.join(fields)}"
            )
        found = _value(value) if given else True
        many = fields[setting].startswith("Sequence")
        settings[setting] = [found] if many and not isinstance(found, list) else found
    try:
        return stage_from_json({"stage": name, **settings})
    except ConfigError as error:
        how = f": --stage {name}:SETTING=VALUE,… ({', '.join(fields)})" if not rest else ""
        raise ConfigError(f"--stage {text}: {error}{how}") from error


def read_stages(texts: Sequence[str]) -> list[dict[str, Any]] | None:
    """Return a chain as JSON values without channels; None if there is no stage.

    Raises
    ------
    ConfigError
        As :func:`read_stage`; or a stage is there twice.
    """
    found = [read_stage(text).to_json() for text in texts]
    names = [one["stage"] for one in found]
    if len({*names}) < len(names):
        raise ConfigError(f"--stage {', '.join(names)}: expected each stage once")
    for one in found:
        del one["channels"]
    return found or None


def _value(text: str) -> Any:
    """Return a number, a word, or a list of them."""
    if "+" in text:
        return [_value(part) for part in text.split("+")]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
