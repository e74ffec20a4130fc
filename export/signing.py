"""Signatures of an export: Ed25519, in the files of minisign (extra ``sign``).

The manifest is signed, and it has the hashes of all other files. ``minisign -Vm manifest.json -p
KEY.pub`` verifies the same signature without us.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant.durable import write_durably
from quant.errors import ConfigError, ExportError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNATURE_FILE = "manifest.json.minisig"
#: The algorithm of a key, and of a signature of a file's BLAKE2b.
_KEY, _HASHED = b"Ed", b"ED"
_ID_BYTES, _KEY_BYTES, _SIGNATURE_BYTES = 8, 32, 64
#: No file of a key or a signature is longer.
_FILE_MAX = 4096
_MISSING = "signatures need the package cryptography: pip install 'streamlearn[sign]'"


@dataclass(frozen=True)
class VerifyKey:
    """The public part of a key.

    Attributes
    ----------
    identity : bytes
        Eight bytes by which keys are told apart.
    public : bytes
        32 bytes.
    """

    identity: bytes
    public: bytes

    @property
    def name(self) -> str:
        """The identity as minisign writes it."""
        return self.identity[::-1].hex().upper()

    def to_text(self) -> str:
        """Return the file of the key, as minisign's ``.pub``."""
        data = base64.b64encode(_KEY + self.identity + self.public).decode()
        return f"untrusted comment: minisign public key {self.name}\n{data}\n"

    @classmethod
    def load(cls, path: str | Path) -> VerifyKey:
        """Read a public key's file.

        Raises
        ------
        ExportError
            If it is none.
        """
        lines = _lines(Path(path), "a public key", 2)
        data = _decoded(lines[1], len(_KEY) + _ID_BYTES + _KEY_BYTES)
        if data is None or data[:2] != _KEY:
            raise ExportError(
                f"{path}: no public key: expected minisign's, as `streamlearn keygen` writes"
            )
        return cls(data[2 : 2 + _ID_BYTES], data[2 + _ID_BYTES :])

    def verify(self, data: bytes, signature: str, what: str) -> str:
        """Return the trusted comment of a signature of ``data``.

        Raises
        ------
        ExportError
            If the signature is not this key's, or not of these bytes.
        ConfigError
            If the package ``cryptography`` is missing.
        """
        _serialization()
        from cryptography.exceptions import InvalidSignature

        lines = signature.splitlines()
        head = len(_HASHED) + _ID_BYTES
        first = _decoded(lines[1], head + _SIGNATURE_BYTES) if len(lines) == 4 else None
        second = _decoded(lines[3], _SIGNATURE_BYTES) if len(lines) == 4 else None
        comment = lines[2].removeprefix("trusted comment: ") if len(lines) == 4 else ""
        if first is None or second is None or first[:2] != _HASHED or comment == lines[2]:
            raise ExportError(f"{what}: its signature is damaged or of another program")
        if first[2:head] != self.identity:
            raise ExportError(
                f"{what}: signed by key {first[2:head][::-1].hex().upper()}, expected {self.name}; "
                "it comes from somebody else, or the wrong key was given"
            )
        key = _public(self.public)
        try:
            key.verify(first[head:], hashlib.blake2b(data).digest())
            key.verify(second, first[head:] + comment.encode())
        except InvalidSignature:
            raise ExportError(
                f"{what}: the signature of key {self.name} is not of these bytes: it was changed "
                "after it was signed"
            ) from None
        return comment


class SigningKey:
    """A key that signs; :func:`new_key` makes one, :meth:`load` reads it.

    Parameters
    ----------
    private : Ed25519PrivateKey
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        public = private.public_key().public_bytes_raw()
        self.public = VerifyKey(hashlib.blake2b(public, digest_size=_ID_BYTES).digest(), public)

    @classmethod
    def load(cls, path: str | Path, password: bytes | None = None) -> SigningKey:
        """Read a key in PEM (PKCS 8).

        Raises
        ------
        ExportError
            If it is none, or the password is wrong.
        ConfigError
            If the package ``cryptography`` is missing.
        """
        serialization = _serialization()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        try:
            found = serialization.load_pem_private_key(Path(path).read_bytes(), password)
        except (ValueError, TypeError) as error:
            raise ExportError(f"{path}: no key that signs, or another password: {error}") from error
        if not isinstance(found, Ed25519PrivateKey):
            raise ExportError(f"{path}: {type(found).__name__}, expected an Ed25519 key")
        return cls(found)

    def sign(self, data: bytes, comment: str) -> str:
        """Return the signature's file, as minisign's ``.minisig``."""
        signature = self._private.sign(hashlib.blake2b(data).digest())
        both = self._private.sign(signature + comment.encode())
        first = base64.b64encode(_HASHED + self.public.identity + signature).decode()
        return (
            f"untrusted comment: signature of key {self.public.name}\n{first}\n"
            f"trusted comment: {comment}\n{base64.b64encode(both).decode()}\n"
        )


def new_key(path: str | Path, password: bytes | None = None) -> SigningKey:
    """Make a key: ``path`` takes the secret part, which its owner alone may read, ``path.pub`` the
    public one.

    Raises
    ------
    ConfigError
        If a file is there already, or the package ``cryptography`` is missing.
    WriteError
        If a file cannot be written.
    """
    serialization = _serialization()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret, public = Path(path), Path(f"{path}.pub")
    for file in (secret, public):
        if file.exists():
            raise ConfigError(f"{file} exists: a key is never overwritten; give another name")
    key = SigningKey(Ed25519PrivateKey.generate())
    encryption = (
        serialization.NoEncryption()
        if password is None
        else serialization.BestAvailableEncryption(password)
    )
    text = key._private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    before = os.umask(0o077)
    try:
        write_durably(secret, text)
    finally:
        os.umask(before)
    write_durably(public, key.public.to_text())
    return key


def _serialization() -> Any:
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise ConfigError(_MISSING) from None
    return serialization


def _public(data: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(data)


def _lines(path: Path, what: str, n: int) -> list[str]:
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_MAX + 1)
    except OSError as error:
        raise ExportError(f"{path}: {what} is expected there: {error.strerror}") from error
    lines = data.decode("ascii", "replace").splitlines()
    if len(data) > _FILE_MAX or len(lines) != n:
        raise ExportError(f"{path}: no file of {what}: expected {n} lines of text")
    return lines


def _decoded(text: str, n_bytes: int) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == n_bytes else None
