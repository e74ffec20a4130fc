"""README, documents, docstrings, comments and messages use the field's words."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_words import DIALECT, dialect_in, dialect_of, files


def test_the_words_are_those_of_the_field() -> None:
    looked_at = list(files())
    assert len(looked_at) > 100
    found = [str(place) for path in looked_at for place in dialect_of(path)]
    assert not found, "\n".join(["words that the field does not use:", *found])


SPOILT = {
    "every sample is a lesson": "lesson",
    "the blocks that answer a sample": "blocks that answer",
    "of which so many take part": "take part",
    "a weight gives way": "gives way",
    "it grows firmer": "firmer",
    "the layer drowns in its noise": "drowns",
    "accuracy of the newest task": "newest task",
    "the mean of ten tasks": "mean of ten tasks",
    "tell strangers from digits": "strangers",
    "its float twin": "twin",
    "the spread of a column": "the spread",
    "values are held there": "held there",
    "all tasks learned at once": "tasks learned at once",
    "it misses the bar": "misses the bar",
    "two bytes a synapse": "bytes a synapse",
    "one number a layer": "number a layer",
}


@pytest.mark.parametrize("sentence", SPOILT)
def test_canary_a_word_of_the_dialect_is_seen(sentence: str) -> None:
    assert SPOILT[sentence] in [words for _, words, _ in dialect_in(sentence)]
    broken = sentence.replace(" ", "\n    # ")
    assert dialect_in(broken), "across the end of a line too"


def test_canary_every_pattern_has_a_sentence() -> None:
    hit = {better for sentence in SPOILT for _, _, better in dialect_in(sentence)}
    assert hit == set(DIALECT.values())


@pytest.mark.parametrize(
    "sentence",
    [
        "the firmware learns a sample and predicts a class",
        "evenly spread over the stream",
        "the state of a layer, a weight of a unit",
        "Ctrl-C raises at once",
        "the bar chart",
        "name a class by text",
    ],
)
def test_ordinary_words_are_no_alarm(sentence: str) -> None:
    assert not dialect_in(sentence)


@pytest.mark.parametrize(
    ("suffix", "text", "line"),
    [
        (".py", 'x = 1\n\ndef f():\n    """Say it.\n\n    A lesson.\n    """\n', 6),
        (".py", "x = 1  # fine\ny = 2\n# one\n# lesson\n", 4),
        (".py", 'raise ValueError(f"no lesson in {x}")\n', 1),
        (".c", "int lesson;\n/* a\n * lesson */\n", 3),
        (".md", "# T\n\n```\nlesson\n```\n\nOne `lesson`.\nA lesson.\n", 8),
    ],
)
def test_canary_every_kind_of_file_is_read(
    tmp_path: Path, suffix: str, text: str, line: int
) -> None:
    """Words in code are nobody's prose; words in prose are found at their line."""
    path = tmp_path / f"x{suffix}"
    path.write_text(text)
    assert [(place.line, place.words) for place in dialect_of(path)] == [(line, "lesson")]
