"""Names in C: another prefix, class names as strings, templates with words to fill in."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from quant.errors import ConfigError

DEFAULT_PREFIX = "sl"
_C_WORDS = frozenset(
    re.findall(
        r"\w+",
        "auto break case char const continue default do double else enum extern float for goto if "
        "inline int long register restrict return short signed sizeof static struct switch typedef "
        "union unsigned void volatile while main std int8 int16 int32 int64 uint8 uint16 uint32 "
        "uint64",
    )
)


def check_prefix(prefix: str) -> str:
    """Return a prefix of C names, or refuse it.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,23}", prefix) or prefix in _C_WORDS:
        raise ConfigError(
            f"prefix {prefix!r}: expected a small letter, then up to 23 of a-z, 0-9 and _, and no "
            "word of C, as in `pump`"
        )
    return prefix


def c_string(text: str) -> str:
    """Return a C string literal of a text: UTF-8, and no trigraph."""
    kept = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{kept}"'


def renamed(text: str, prefix: str) -> str:
    """Return text with the names of the kernel under another prefix."""
    if prefix == DEFAULT_PREFIX:
        return text
    text = re.sub(r"\bsl_", f"{prefix}_", text)
    return re.sub(r"\bSL_", f"{prefix.upper()}_", text)


def renamed_path(at: str, prefix: str) -> str:
    """Return a path whose last part has another prefix."""
    path = PurePosixPath(at)
    return str(path.with_name(renamed(path.name, prefix)))


def filled(text: str, values: dict[str, str]) -> str:
    """Return a template with its ``@WORDS@`` filled in; what a value holds is left as it is."""
    return re.sub(r"@([A-Z0-9_]+)@", lambda found: values[found[1]], text)
