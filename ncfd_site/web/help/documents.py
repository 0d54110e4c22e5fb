"""Docs of the project as pages, and the terms that their tables define."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER: Path = settings.BASE_DIR / "docs"
GLOSSARY = "glossary"
# Tables of terms, by their first heading.
TERM_TABLES = {"signal": "schema", "gate": "schema", "heuristic": "schema", "term": GLOSSARY}


@dataclass(frozen=True, slots=True)
class Page:
    """A doc as HTML, without its heading, which is the `title`."""

    title: str
    html: SafeString


@dataclass(frozen=True, slots=True)
class Term:
    """A term or code with its definition in words of the docs; `kind` is the first heading of its table."""

    kind: str
    name: str
    meaning: str

    @property
    def slug(self) -> str:
        """The anchor on the page of the glossary."""
        return _build_slug(self.name)


@cache
def list_documents() -> dict[str, Path]:
    """Return the files by name, such as "adr/0001-alembic-owns-the-schema"."""
    return {str(path.relative_to(FOLDER).with_suffix("")): path for path in sorted(FOLDER.rglob("*.md"))}


@cache
def render_document(name: str) -> Page:
    """Return a doc; raises KeyError if there is none with this name."""
    text = list_documents()[name].read_text(encoding="utf-8")
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    title = tokens[1].content
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", _build_slug(inline.content))
        elif opening.type == "table_open":
            opening.attrSet("class", "list")
        if inline.children:
            _rewrite_links(inline.children, name)
    return Page(title, SafeString(parser.renderer.render(tokens[3:], parser.options, {})))


@cache
def list_terms() -> list[Term]:
    """Return the terms of the docs in the order of their tables."""
    return [term for kind, name in TERM_TABLES.items() for term in _read_table(kind, list_documents()[name])]


def _read_table(kind: str, path: Path) -> Iterator[Term]:
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    heading = next(line for line in lines if line.startswith(f"| {kind} | "))
    names = _split_row(heading)[1:]
    next(lines)
    for line in lines:
        if not line.startswith("| "):
            return
        name, *cells = _split_row(line)
        parts = (cell if kind == "term" else f"{word} {cell}" for word, cell in zip(names, cells, strict=True))
        yield Term(kind, name, "; ".join(parts))


def _split_row(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def _rewrite_links(tokens: Iterable[Token], name: str) -> None:
    """Point links and images between docs to their pages; links to other files of the project become text."""
    is_text = False
    for token in tokens:
        if token.type == "image":
            token.attrSet("src", reverse("help_image", args=[Path(str(token.attrGet("src"))).stem]))
        elif token.type == "link_open":
            address, _, anchor = str(token.attrGet("href")).partition("#")
            if address and ":" not in address:
                target = (FOLDER / name).parent.joinpath(address).resolve()
                known = os.path.relpath(target, FOLDER).removesuffix(".md")
                is_text = known not in list_documents()
                if not is_text:
                    token.attrSet("href", f"{reverse('help_document', args=[known])}{anchor and '#'}{anchor}")
            if is_text:
                token.tag, token.attrs = "span", {}
        elif token.type == "link_close" and is_text:
            token.tag, is_text = "span", False


def _build_slug(text: str) -> str:
    return re.sub(r"[^\w -]", "", text.casefold()).strip().replace(" ", "-")
