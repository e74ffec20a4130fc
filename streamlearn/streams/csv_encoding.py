"""The encoding of a text, from its first bytes."""

from __future__ import annotations

import codecs

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: Bytes that no text has.
_CONTROLS = bytes({*range(32)} - {*b"\t\n\v\f\r"})


def guess_encoding(raw: bytes) -> str:
    """Return the encoding of the first bytes of a text.

    It is UTF-8, unless there is a mark of UTF-16, or the header (or a comment above it) is no
    UTF-8, or several lines are none and no line shows UTF-8. One bad byte in a row is damage.
    """
    if raw.startswith(_UTF16):
        return "utf-16"
    if len(raw.translate(None, _CONTROLS)) < len(raw) or _decodes(raw, "utf-8"):
        return "utf-8"
    lines = raw.split(b"\n")[:-1] or [raw]
    top = next((i for i, line in enumerate(lines) if line.strip() and line[:1] != b"#"), 0)
    foreign = [i for i, line in enumerate(lines) if not _decodes(line, "utf-8")]
    known = any(not lines[i].isascii() for i in range(len(lines)) if i not in foreign)
    if not foreign or (foreign[0] > top and (len(foreign) < 2 or known)):
        return "utf-8"
    return "cp1252" if _decodes(raw, "cp1252") else "iso8859-1"


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def decoder_of(encoding: str) -> codecs.IncrementalDecoder | None:
    """Return what decodes bytes as they come, or None for UTF-8, which stays as it is."""
    return None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("strict")
