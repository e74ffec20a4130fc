"""The export folder is one truth: 100 kinds of folders that are not, and signatures."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import SigningKey, VerifyKey, new_key, open_export, write_export
from export.package import contents_of
from quant.errors import ConfigError, ExportError, StateFormatError
from streamlearn import MesuClassifier

MANIFEST = "manifest.json"
Change = Callable[[Path], object]


def learner(seed: int = 0, **more: Any) -> MesuClassifier:
    made = MesuClassifier((3, 4, 2), classes=("a", "b"), seed=seed, **{"n_draws": 2, **more})
    for i, x in enumerate(np.random.default_rng(1).normal(size=(20, 3))):
        made.learn_one(x, "ab"[i % 2])
    return made


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "good"
    write_export(learner(), folder, {"label": "state"})
    return folder


@pytest.fixture(scope="module")
def others() -> dict[str, dict[str, bytes]]:
    """The files of exports that differ in one thing."""
    kinds: dict[str, dict[str, Any]] = {
        "seed": {"seed": 1},
        "window": {"memory_window": 5000},
        "classes": {},
        "step": {"step": "fixed"},
    }
    found = {name: contents_of(learner(**more)) for name, more in kinds.items()}
    renamed = learner()
    renamed._labels = ["a", "c"]
    return {**found, "classes": contents_of(renamed)}


def read(folder: Path) -> Any:
    return json.loads((folder / MANIFEST).read_text())


def write(folder: Path, manifest: Any) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest))


def edited(**changes: Any) -> Change:
    """Members of the manifest become other values; ``...`` takes one out."""

    def change(folder: Path) -> None:
        found = {**read(folder), **changes}
        write(folder, {name: value for name, value in found.items() if value is not ...})

    return change


def within(*path: Any, value: Any) -> Change:
    def change(folder: Path) -> None:
        found = part = read(folder)
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = value
        write(folder, found)

    return change


def put(folder: Path, name: str, data: bytes) -> None:
    """Put a file there, and make the manifest agree: only what it says is now wrong."""
    (folder / name).write_bytes(data)
    found = read(folder)
    found["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    write(folder, found)


def patched(name: str, old: bytes, new: bytes) -> Change:
    def change(folder: Path) -> None:
        data = (folder / name).read_bytes()
        assert old in data
        put(folder, name, data.replace(old, new, 1))

    return change


def replaced(name: str, by: Callable[[Path], object]) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        by(folder / name)

    return change


def flipped(name: str) -> Change:
    def change(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 4
        (folder / name).write_bytes(bytes(data))

    return change


def older(change: Change) -> Change:
    """The same in an export of another version, whose bytes this one cannot make again."""

    def both(folder: Path) -> None:
        change(folder)
        within("versions", "streamlearn", value="0.0.9")(folder)

    return both


def nested(path: Path) -> None:
    path.write_text('{"a":' * 100_000)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 36)


SCALARS = ("rule", "arithmetic", "n_features", "n_classes", "n_samples", "state_bytes")
MEMBERS = (
    *SCALARS,
    "network",
    "config",
    "classes",
    "state_sha256",
    "state_fields",
    "onnx",
    "files",
)
SOME = ("state.sls", "predict.onnx", "learn.onnx", "c/sl_config.h", "c/sl_learner.c")
KINDS: dict[str, Change] = {
    **{f"without {name}": edited(**{name: ...}) for name in (*MEMBERS, "c_sources", "versions")},
    **{f"{name} is null": edited(**{name: None}) for name in MEMBERS},
    **{f"{name} is a list": edited(**{name: [1]}) for name in MEMBERS},
    "format is another": edited(format="other"),
    "format is missing": edited(format=...),
    "format_version is newer": edited(format_version=3),
    "format_version is true": edited(format_version=True),
    "n_features is 3.0": edited(n_features=3.0),
    "n_classes is true": edited(n_classes=True),
    "n_samples is one more": edited(n_samples=21),
    "n_samples is infinite": lambda f: (f / MANIFEST).write_text(
        (f / MANIFEST).read_text().replace('"n_samples": 20', '"n_samples": Infinity')
    ),
    "classes are exchanged": edited(classes=["b", "a"]),
    "a class is renamed": edited(classes=["a", "c"]),
    "a class more": edited(classes=["a", "b", "c"], n_classes=3),
    "another layer size": within("network", "layers", value=[3, 5, 2]),
    "bias is 1": within("network", "bias", value=1),
    "another window": within("config", "memory_window", value=5000.0),
    "a new setting": within("config", "luck", value=1),
    "another offset": within("state_fields", 3, "offset", value=0),
    "another opset": within("onnx", "opset", value=99),
    "a member more": edited(trusted=True),
    "versions are numbers": within("versions", "onnx", value=1),
    "stream is a text": edited(stream="x"),
    "a source less": lambda f: edited(c_sources=read(f)["c_sources"][1:])(f),
    "a source more": lambda f: edited(c_sources=[*read(f)["c_sources"], "c/x.c"])(f),
    "a size is a text": within("files", "state.sls", "bytes", value="1"),
    "a size is true": within("files", "state.sls", "bytes", value=True),
    "a size is huge": within("files", "state.sls", "bytes", value=10**30),
    "a size is negative": within("files", "state.sls", "bytes", value=-1),
    "a hash is a number": within("files", "state.sls", "sha256", value=1),
    "an entry is a list": within("files", "state.sls", value=[]),
    **{f"lists {name!r}": within("files", name, value={"bytes": 0, "sha256": ""})
       for name in ("/etc/passwd", "../x", "c/../../x", "c\\x", "c/\0", "", ".", "c//x", "c")},
    "manifest is missing": lambda f: (f / MANIFEST).unlink(),
    "manifest is empty": lambda f: (f / MANIFEST).write_text(""),
    "manifest is a list": lambda f: write(f, [1]),
    "manifest is a text": lambda f: write(f, "x"),
    "manifest is cut": lambda f: os.truncate(f / MANIFEST, 500),
    "manifest is no UTF-8": lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe{}"),
    "manifest says a name twice": lambda f: (f / MANIFEST).write_text(
        (f / MANIFEST).read_text().replace('"rule"', '"rule": "bimu", "rule"', 1)
    ),
    "manifest is nested": replaced(MANIFEST, nested),
    "manifest is 64 GB": replaced(MANIFEST, sparse),
    "manifest is a pipe": replaced(MANIFEST, os.mkfifo),
    "manifest is a link": lambda f: (
        (f / MANIFEST).rename(f / "m"), (f / MANIFEST).symlink_to(f / "m"),
    ),
    "manifest is a folder": replaced(MANIFEST, lambda p: p.mkdir()),
    **{f"{name} is missing": (lambda n: lambda f: (f / n).unlink())(name) for name in SOME},
    **{f"{name} is changed": flipped(name) for name in SOME},
    "state is a pipe": replaced("state.sls", os.mkfifo),
    "state is a device": replaced("state.sls", lambda p: p.symlink_to("/dev/zero")),
    "state is 64 GB": replaced("state.sls", sparse),
    "c is a link": lambda f: ((f / "c").rename(f / "d"), (f / "c").symlink_to(f / "d")),
    "a header nobody listed": lambda f: (f / "c" / "string.h").write_text(""),
    "a link nobody listed": lambda f: (f / "c" / "math.h").symlink_to("nowhere"),
    "a header more, listed": lambda f: put(f, "c/string.h", b""),
    "a kernel that was edited": patched("c/sl_learner.c", b"#include", b"/**/\n#include"),
    "a config of more features": patched("c/sl_config.h", b"3", b"4"),
    "the state of C is another": patched("c/sl_state_image.c", b"\n    ", b"\n    9"),
    "state and C are exchanged": lambda f: put(f, "c/sl_state_image.c", b"x"),
    "predict.onnx is text": lambda f: put(f, "predict.onnx", b"no model"),
    "predict and learn are exchanged": lambda f: (
        put(f, "predict.onnx", (f / "learn.onnx").read_bytes()),
    ),
    "older, predict.onnx is text": older(lambda f: put(f, "predict.onnx", b"no model")),
    "older, the state of C is another": older(
        patched("c/sl_state_image.c", b"\n    ", b"\n    9")
    ),
}  # fmt: skip
#: Files of another export, with a manifest that has their hashes.
SWAPPED = {
    f"{name} of another {kind}{', older' * old}": (name, kind, old)
    for kind in ("seed", "window", "classes", "step")
    for name in ("state.sls", "predict.onnx")
    for old in (False, True)
} | {"C of another window": ("c/sl_config.h", "window", False)}


def refused(folder: Path) -> None:
    with pytest.raises((ExportError, StateFormatError)) as raised:
        open_export(folder)
    message = str(raised.value)
    assert len(message) > 30, "a refusal is a sentence"
    assert len(message) < 2000
    assert "Traceback" not in message


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_does_not_agree_is_refused(kind: str, good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(good, folder)
    KINDS[kind](folder)
    refused(folder)


@pytest.mark.parametrize("kind", SWAPPED)
def test_a_part_of_another_export_is_refused(
    kind: str, good: Path, others: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    name, other, old = SWAPPED[kind]
    folder = tmp_path / "export"
    shutil.copytree(good, folder)
    put(folder, name, others[other][name])
    if old:
        within("versions", "onnx", value="1.0")(folder)
    refused(folder)


def test_there_are_a_hundred_kinds() -> None:
    assert len(KINDS) + len(SWAPPED) >= 100


def test_a_whole_folder_is_opened_and_an_older_one_too(good: Path, tmp_path: Path) -> None:
    found = open_export(good)
    assert found.learner.state_sha256 == learner().state_sha256
    assert (found.remade, found.signed_by) == (True, None)
    folder = tmp_path / "older"
    shutil.copytree(good, folder)
    within("versions", "streamlearn", value="0.0.9")(folder)
    assert not open_export(folder).remade


def test_the_manifest_keeps_its_schema(good: Path) -> None:
    import jsonschema

    from export.schema import schema

    validate = jsonschema.Draft202012Validator(schema())
    jsonschema.Draft202012Validator.check_schema(schema())
    validate.validate(read(good))
    for name in ("rule", "files", "versions"):
        assert list(validate.iter_errors({k: v for k, v in read(good).items() if k != name}))
    assert list(validate.iter_errors({**read(good), "n_features": -1})), "canary"


# -- signatures ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two keys, and an export that the first one signed."""
    pytest.importorskip("cryptography")
    folder = tmp_path_factory.mktemp("signed")
    new_key(folder / "other")
    write_export(learner(), folder / "export", key=new_key(folder / "mine"))
    return folder


def test_a_signature_is_verified(signed: Path) -> None:
    key = SigningKey.load(signed / "mine")
    assert VerifyKey.load(signed / "mine.pub") == key.public
    assert open_export(signed / "export", signed / "mine.pub").signed_by == key.public.name
    assert (signed / "mine").stat().st_mode & 0o077 == 0, "others may read the secret"
    text = (signed / "export" / "manifest.json.minisig").read_text()
    assert f"trusted comment: state {learner().state_sha256}" in text


def test_the_files_are_minisigns(signed: Path) -> None:
    """Byte by byte as https://jedisct1.github.io/minisign/ has them."""
    public = base64.b64decode((signed / "mine.pub").read_text().splitlines()[1])
    assert (public[:2], len(public)) == (b"Ed", 42)
    lines = (signed / "export" / "manifest.json.minisig").read_text().splitlines()
    signature, both = base64.b64decode(lines[1]), base64.b64decode(lines[3])
    assert (signature[:2], signature[2:10], len(signature)) == (b"ED", public[2:10], 74)
    assert len(both) == 64
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = Ed25519PublicKey.from_public_bytes(public[10:])
    data = (signed / "export" / "manifest.json").read_bytes()
    key.verify(signature[10:], hashlib.blake2b(data).digest())
    key.verify(both, signature[10:] + lines[2].removeprefix("trusted comment: ").encode())


SIGNATURE = "manifest.json.minisig"
FORGED: dict[str, tuple[Change, str]] = {
    "nobody signed": (lambda f: (f / SIGNATURE).unlink(), "minisig cannot be read"),
    "the manifest was changed": (
        lambda f: (f / MANIFEST).write_text((f / MANIFEST).read_text() + " "),
        "changed after it was signed",
    ),
    "the comment was changed": (
        lambda f: (f / SIGNATURE).write_text((f / SIGNATURE).read_text().replace("state ", "x ")),
        "changed after it was signed",
    ),
    "the signature is damaged": (
        lambda f: (f / SIGNATURE).write_text("x\n" * 4),
        "damaged or of another program",
    ),
    "the signature is binary": (
        lambda f: (f / SIGNATURE).write_bytes(b"\xff" * 100),
        "damaged or of another program",
    ),
    "the signature is a link": (
        lambda f: ((f / SIGNATURE).rename(f / "s"), (f / SIGNATURE).symlink_to(f / "s")),
        "link",
    ),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_signature_is_refused(kind: str, signed: Path, tmp_path: Path) -> None:
    change, message = FORGED[kind]
    folder = tmp_path / "export"
    shutil.copytree(signed / "export", folder)
    change(folder)
    with pytest.raises(ExportError, match=message):
        open_export(folder, signed / "mine.pub")


def test_the_signature_of_another_key_is_refused(signed: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="somebody else, or the wrong key"):
        open_export(signed / "export", signed / "other.pub")
    with pytest.raises(ExportError, match="no file of a public key"):
        VerifyKey.load(signed / "export" / SIGNATURE)
    with pytest.raises(ExportError, match=r"no file of a public key|no public key"):
        open_export(signed / "export", signed / "mine")
    with pytest.raises(ExportError, match="no key that signs"):
        SigningKey.load(signed / "mine.pub")
    with pytest.raises(ConfigError, match="exists: a key is never overwritten"):
        new_key(signed / "mine")
    secret = new_key(tmp_path / "locked", b"pass word")
    assert SigningKey.load(tmp_path / "locked", b"pass word").public == secret.public
    with pytest.raises(ExportError, match="another password"):
        SigningKey.load(tmp_path / "locked", b"other")


def test_a_new_export_without_a_key_takes_the_old_signature_away(
    signed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    shutil.copytree(signed / "export", folder)
    write_export(learner(), folder)
    assert not (folder / SIGNATURE).exists()
