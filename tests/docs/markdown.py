"""Markdown, as far as tests look at it: fenced blocks, headings and their anchors, links, and words in code style."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.cluster.stack import CHECKOUT

_FENCE = re.compile(r"^( *)(```+)([^`\n]*)$")
_HEADING = re.compile(r"^#{1,6} (.+?)#*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block."""

    doc: str
    """The document, as a path in the checkout."""
    line: int
    """That of its first fence, counted from 1."""
    language: str
    text: str

    @property
    def where(self) -> str:
        """For messages, as editors understand it."""
        return f"{self.doc}:{self.line}"


class BadMarkdownError(Exception):
    """A fence that nothing closes."""


def documents() -> list[str]:
    """Every document for readers, as paths in the checkout."""
    found = [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")]
    return sorted(str(path.relative_to(CHECKOUT)) for path in found)


@cache
def read(doc: str) -> str:
    """The text of a document."""
    return (CHECKOUT / doc).read_text()


def blocks_of(doc: str) -> list[Block]:
    """The blocks of a document, in their order. Raises BadMarkdownError."""
    return split(doc, read(doc))[0]


def prose_of(doc: str) -> str:
    """A document without its blocks; lines stay where they are."""
    return split(doc, read(doc))[1]


def split(doc: str, text: str) -> tuple[list[Block], str]:
    """Blocks and the rest of a text. Raises BadMarkdownError."""
    blocks: list[Block] = []
    prose: list[str] = []
    inside: list[str] | None = None
    indent, fence, language, start = "", "", "", 0
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if inside is None and match:
            indent, fence, language = match[1], match[2], match[3].strip()
            inside, start = [], number
        elif inside is not None and line.strip() == fence:
            blocks.append(Block(doc, start, language, "".join(f"{each}\n" for each in inside)))
            inside = None
        elif inside is not None:
            inside.append(line.removeprefix(indent))
            line = ""
        prose.append("" if inside is not None or match else line)
    if inside is not None:
        raise BadMarkdownError(f"{doc}:{start}: this block has no end")
    return blocks, "\n".join(prose)


def links_of(doc: str) -> Iterator[str]:
    """What a document links to, pictures included."""
    return (match[2] for match in _LINK.finditer(_CODE.sub("", prose_of(doc))))


def words_in_code_style(doc: str) -> Iterator[str]:
    """What a document has between backticks, line breaks as spaces."""
    for paragraph in re.split(r"\n\s*\n", prose_of(doc)):
        for match in _CODE.finditer(paragraph):
            yield " ".join(match[1].split())


@cache
def anchors_of(doc: str) -> frozenset[str]:
    """What can stand behind # in a link to a document, as GitHub makes it of headings."""
    seen: Counter[str] = Counter()
    anchors = set()
    for match in _HEADING.finditer(prose_of(doc)):
        slug = slug_of(match[1])
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(anchors)


def slug_of(heading: str) -> str:
    """The anchor of a heading."""
    plain = _LINK.sub(r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
