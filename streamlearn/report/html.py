"""The page around its parts, whatever it is about: head, sections, words explained."""

from __future__ import annotations

from collections.abc import Iterable

from streamlearn.report.css import CSS
from streamlearn.report.glossary import GLOSSARY
from streamlearn.report.svg import Picture
from streamlearn.report.text import escaped


def document(title: str, body: Iterable[str]) -> str:
    """Return a whole page; empty parts are left out, ``title`` is escaped here."""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escaped(title)}</title>",
            f"<style>{CSS}</style>",
            "</head>",
            "<body>",
            "<main>",
            *(part for part in body if part),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def section(picture: Picture) -> str:
    """Return a picture with the sentences above and below it."""
    return (
        f"<section><h2>{escaped(picture.finding)}</h2>\n<figure>"
        f'<div class="card">{picture.svg}</div>\n'
        f"<figcaption>{escaped(picture.reading)}</figcaption></figure></section>"
    )


def glossary(body: str, words: Iterable[tuple[str, tuple[str, ...], str]] = GLOSSARY) -> str:
    """Explain the terms that a page uses."""
    used = [(term, text) for term, seen, text in words if any(word in body for word in seen)]
    terms = "\n".join(f"<dt>{escaped(t)}</dt><dd>{escaped(text)}</dd>" for t, text in used)
    return f"<h2>Glossary</h2>\n<dl>{terms}</dl>"
