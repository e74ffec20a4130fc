"""Finds words that only this project used, in prose, docstrings, comments and messages.

The field has a word for each (docs/glossary.md); a reader from outside knows that one.
``python tests/readme/plain_words.py [FILE…]`` lists what is left.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

#: What is counted: "two bytes per synapse", not "two bytes a synapse".
COUNTED = (
    r"bytes?|bits?|one|two|three|four|numbers?|values?|names|sizes?|labels?|draws|factors?|"
    r"index|indices|targets?|learners?|files?|entry|entries|comparisons?|gradients?|instructions?|"
    r"tensors?|groups?|frames?|epochs?|joules?|µJ|variances?|commands?|pulses?|fraction bits"
)
PER = (
    r"synapse|sample|layer|class|unit|hidden unit|hidden layer|feature|row|column|weight|block|"
    r"output|task|batch|board|target|stream|seed|core|job|side|input|idea|line|rule"
)

#: What the field says, by a pattern of what this project said.
DIALECT: dict[str, str] = {
    r"\blessons?\b": "a learning step, an update",
    r"\b(?:takes?|taking|took) part\b": "selected, active (blocks)",
    r"\bblocks? (?:that|which) answers?\b|\bvot(?:es?|ed|ing)\b": "selected blocks, gate score",
    r"\bg(?:i|a)v(?:es?|ing|e) way\b": "is updated less often",
    r"\bfirm(?:er|ness|ly)?\b": "consolidated",
    r"\bdrown(?:s|ed|ing)?\b": "predicted weight noise exceeds the signal",
    r"\b(?:newest|latest) task\b": "last-task accuracy",
    r"\bmean (?:of|over) (?:all |the )?(?:\w+ )?tasks\b": "average accuracy",
    r"\bstrangers?\b|\bforeign images?\b": "out-of-distribution images",
    r"\btwins?\b": "float reference, C counterpart",
    r"\b(?:the|a|its|their|whose|inverse|of) spreads?\b|\bspread of a\b": (
        "standard deviation of the pre-activation"
    ),
    r"\bheld (?:there|at (?:the|its|their) ends?|within|to ±|to the)\b": "clamped",
    r"\b(?:train(?:ed|ing)?|learn(?:ed|ing|t)?|tasks?|sets?)(?: \w+){0,2} at once\b": "jointly",
    r"\b(?:the|an|our|its) aims?\b|\b(?:the|this|that) bar (?:is|was|of|for|that)\b": "target",
    r"\b(?:below|above|under|over|missed|misses|reach(?:es|ed)?) the bar\b": "target",
    rf"\b(?:{COUNTED})(?: of \w+)? an? (?:{PER})\b": "per",
}
_PATTERNS = [(re.compile(pattern, re.IGNORECASE), said) for pattern, said in DIALECT.items()]


class Found(NamedTuple):
    """A word of the dialect."""

    file: str
    line: int
    words: str
    better: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.words!r}: {self.better}"


def dialect_in(text: str, first_line: int = 1) -> list[tuple[int, str, str]]:
    """Return line, words, and what the field says, for every place of a text."""
    flat, lines = [], []
    for number, line in enumerate(text.splitlines(), first_line):
        words = " ".join(line.strip().lstrip("#/*>").split()) + " "
        flat.append(words)
        lines += [number] * len(words)
    whole = "".join(flat)  # words go on in the next line
    return sorted(
        (lines[match.start()], match[0], better)
        for pattern, better in _PATTERNS
        for match in pattern.finditer(whole)
    )


def prose_of_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield first line and text of every string with a blank and every run of comments."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
    run: list[str] = []
    first = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if run and token.start[0] != first + len(run):
                yield first, "\n".join(run)
                run = []
            first = first if run else token.start[0]
            run.append(token.string)
    if run:
        yield first, "\n".join(run)


def prose_of_c(source: str) -> Iterator[tuple[int, str]]:
    """Yield first line and text of every comment."""
    for match in re.finditer(r"/\*.*?\*/|//[^\n]*", source, re.DOTALL):
        yield source.count("\n", 0, match.start()) + 1, match[0]


def prose_of_markdown(source: str) -> Iterator[tuple[int, str]]:
    """Yield first line and text of every paragraph, without code, tables' bars and addresses."""
    bare = re.sub(r"```.*?```", lambda m: "\n" * m[0].count("\n"), source, flags=re.DOTALL)
    bare = re.sub(r"`[^`\n]*`|\]\([^)]*\)", "x", bare).replace("|", " ")
    for match in re.finditer(r"(?:[^\n]+\n?)+", bare):
        yield bare.count("\n", 0, match.start()) + 1, match[0]


READERS = {".py": prose_of_python, ".md": prose_of_markdown, ".c": prose_of_c, ".h": prose_of_c}


def dialect_of(path: Path) -> list[Found]:
    """Return what is left in a file."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
    return [
        Found(name, line, words, better)
        for first, text in READERS[path.suffix](path.read_text("utf-8"))
        for line, words, better in dialect_in(text, first)
    ]


def files() -> list[Path]:
    """Return README, documents, and the sources of everything that is installed or run."""
    folders = ("quant", "streamlearn", "export", "firmware_sim", "experiments", "docs")
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for folder in folders:
        found += [path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in READERS]
    return found


if __name__ == "__main__":
    given = [Path(name).resolve() for name in sys.argv[1:]] or files()
    for found in (place for path in given for place in dialect_of(path)):
        print(found)
