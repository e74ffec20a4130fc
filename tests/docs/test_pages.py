"""What the pages show is what happens: their programs and commands run and print what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pages
import pytest

#: Their programs need PyTorch: run by tests/pytorch/test_torch_learning.py and tests/backbone.
ELSEWHERE = {"torch.md", "backbone.md"}
PAGES = [
    path
    for path in sorted((pages.ROOT / "docs").rglob("*.md"))
    if path.name not in ELSEWHERE and any(pages.blocks(path.read_text()))
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_page_shows_runs_and_prints_what_it_says(path: Path) -> None:
    for block, printed in pages.run_page(path.read_text()):
        if block.output is not None:
            assert pages.fits(block.output, printed), (
                f"{path.name}: after\n{block.code}\ncame\n{printed}\nwrite it with: "
                f"python tests/docs/pages.py docs/{path.name}"
            )
        else:
            assert not re.search(r"^\w+Error: |^streamlearn: ", printed, re.MULTILINE), printed


def test_the_pages_for_a_start_are_among_them() -> None:
    assert {"index", "tutorial", "faq"} <= {path.stem for path in PAGES}


def test_canary_another_output_and_a_broken_program_are_seen() -> None:
    ((block, printed),) = pages.run_page("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    assert block.output is not None
    assert not pages.fits(block.output, printed)
    with pytest.raises(NameError):
        pages.run_page("```python\nnowhere\n```\n")
    ((_, printed),) = pages.run_page("```sh\nstreamlearn run --stream no.csv --label y\n```\n")
    assert printed.startswith("streamlearn: ")


def test_what_a_person_left_open_stays_open(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    code = 'print("took 12 s")\nprint("found 3")'
    text = f"```python\n{code}\n```\n\n```text\ntook … s\nfound {{}}\n```\n"
    page.write_text(text.format(2), "utf-8")
    pages.rewrite(page)
    assert page.read_text("utf-8") == text.format(3)
