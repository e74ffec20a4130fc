"""A JSON file that says what it holds, in which version; whatever else comes is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from quant.errors import StateFormatError


@dataclass(frozen=True)
class JsonFile:
    """A kind of file.

    Attributes
    ----------
    what : str
        What messages call it, as "chain".
    origin : str
        What writes it, as "an export wrote".
    format : str
        Its member of that name.
    version : int
    most : int
        Bytes that it has at most.
    """

    what: str
    origin: str
    format: str
    version: int
    most: int

    def read(self, data: bytes, name: str) -> dict[str, Any]:
        """Return the members of a file, which messages call `name`.

        Raises
        ------
        StateFormatError
            If the bytes are no file of this kind and version.
        """
        if len(data) > self.most:
            raise StateFormatError(
                f"{name}: {len(data)} bytes, a {self.what} has at most {self.most}"
            )
        try:
            values = json.loads(data.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise StateFormatError(f"{name}: no {self.what}, for it is no JSON: {error}") from None
        if not isinstance(values, dict) or values.get("format") != self.format:
            raise StateFormatError(f"{name}: no {self.what}: expected a file that {self.origin}")
        if values.get("version") != self.version:
            raise StateFormatError(
                f"{name}: a {self.what} of version {values.get('version')!r}, this one reads "
                f"{self.version}"
            )
        return values
