"""The site is strict: whatever is dead or unknown fails the build; what it adds is added."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytest.importorskip("mkdocs", reason="the extra docs is not installed")
pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")

BROKEN = {
    "a dead link": ("[x](no-such-page.md)", "no-such-page.md"),
    "a dead anchor": ("[x](target.md#no-such-part)", "no-such-part"),
    "a dead picture": ("![x](img/none.svg)", "img/none.svg"),
    "an unknown module": ("::: streamlearn.nowhere", "streamlearn.nowhere"),
    "an unknown name": ("[x][streamlearn.Nowhere]", "streamlearn.Nowhere"),
    "a missing snippet": ('--8<-- "tests/none.py"', "tests/none.py"),
}


def build(folder: Path, page: str) -> subprocess.CompletedProcess[str]:
    """Build a site of two pages with the project's own settings."""
    docs = folder / "docs"
    docs.mkdir(exist_ok=True)
    (docs / "index.md").write_text(f"# Canary\n\n{page}\n")
    (docs / "target.md").write_text("# Target\n\n## A part\n")
    for name in ("hooks.py", "griffe_roles.py", "site.css"):
        shutil.copy(ROOT / "docs" / name, docs)
    settings = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[0]
    settings = settings.replace("hooks: [docs/hooks.py]", "").replace(
        "paths: [.]", f"paths: [{ROOT}]"
    )
    (folder / "mkdocs.yml").write_text(settings.replace("watch: [quant", "# ["))
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_sound_page_builds(tmp_path: Path) -> None:
    built = build(tmp_path, "[x](target.md#a-part)\n\n::: streamlearn.load")
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "site" / "index.html").read_text()
    assert "doc-heading" in page
    assert not re.findall(r"src=\"?https?:|<link[^>]+href=\"?https?:", page), (
        "fetched from elsewhere"
    )


@pytest.mark.parametrize("what", BROKEN)
def test_canary_what_is_dead_or_unknown_fails_the_build(tmp_path: Path, what: str) -> None:
    page, named = BROKEN[what]
    built = build(tmp_path, page)
    assert built.returncode != 0
    assert named in built.stderr + built.stdout


def hooks():
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_of_the_repository_become_links_of_the_site() -> None:
    pages = {str(ROOT / "docs" / "faq.md"): "faq.md", str(ROOT / "SECURITY.md"): "SECURITY.md"}
    rewrite, here = hooks().rewrite, ROOT / "docs" / "reference" / "index.md"

    def said(text: str) -> str:
        return rewrite(text, here, "reference/index.md", pages)

    assert said("[a](../../SECURITY.md#b)") == "[a](../SECURITY.md#b)"
    assert said("[a](../faq.md)") == "[a](../faq.md)"
    assert said("[code](../../quant/noise.py)") == "code"  # a file, but no page
    assert said("[a](none.md)") == "[a](none.md)"  # left for mkdocs to refuse
    assert said("[a](https://x.org/y)") == "[a](https://x.org/y)"
    assert said("mu[row][column] and [x][quant.state]") == "mu[row]\\[column] and [x][quant.state]"


def test_every_note_beside_the_code_is_in_the_navigation() -> None:
    nav = [{"Specification": [{"Numbers": "quant/NUMBERS.md"}, {"State": "state-format.md"}]}]
    hooks().add_to_section(nav, ["quant/rules/mesu/NUMBERS.md"])
    assert nav[0]["Specification"][1] == {"Numbers: mesu": "quant/rules/mesu/NUMBERS.md"}
