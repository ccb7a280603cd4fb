"""Read Markdown into an outline: headings over lists, tables, fenced blocks and paragraphs, each with its line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token

from quantum_scheduler.runbooks.model import RunbookInvalid

BYTES_MAX = 256 * 1024
LINES_MAX = 5_000
LINE_CHARS_MAX = 4_000
LEVEL_MAX = 12  # of lists within lists and quotes

# Blocks only: nobody needs the inline markup, and without it nothing can be slow.
_PARSER = MarkdownIt("commonmark", {"maxNesting": 2 * LEVEL_MAX}).enable("table").disable("inline")


@dataclass(slots=True)
class Text:
    """A paragraph as it is written."""

    line: int
    content: str


@dataclass(slots=True)
class Fence:
    """A fenced block; `info` is the word behind its backticks."""

    line: int
    info: str
    content: str


@dataclass(slots=True)
class Table:
    """A table: its head, and its rows with their lines."""

    line: int
    head: tuple[str, ...]
    rows: list[tuple[int, tuple[str, ...]]]


@dataclass(slots=True)
class Item:
    """An item of a list and what stands in it."""

    line: int
    blocks: list["Block"] = field(default_factory=list)

    @property
    def content(self) -> str:
        """The paragraph it begins with."""
        first = self.blocks[0] if self.blocks else None
        return first.content if isinstance(first, Text) else ""


@dataclass(slots=True)
class Listing:
    """A list of items."""

    line: int
    is_ordered: bool
    items: list[Item] = field(default_factory=list)


Block: TypeAlias = Text | Fence | Table | Listing


@dataclass(slots=True)
class Section:
    """A heading, what stands right under it, and the sections below; the outermost has level 0 and no title."""

    line: int
    level: int
    title: str
    blocks: list[Block] = field(default_factory=list)
    sections: list["Section"] = field(default_factory=list)

    def walk(self) -> Iterator["Section"]:
        """Go through this section and all below, in the order they are written."""
        yield self
        for section in self.sections:
            yield from section.walk()


def read_outline(text: str, *, lines_before: int = 0) -> Section:
    """Read Markdown that follows `lines_before` others. Raises RunbookInvalid where there is too much of anything."""
    check_size(text)
    tokens = _PARSER.parse(text)
    for token in tokens:
        if token.level > LEVEL_MAX and token.map is not None:
            raise RunbookInvalid(token.map[0] + 1 + lines_before, "lists and quotes are nested too deeply")
    return _Outliner(tokens, lines_before).read()


def check_size(text: str) -> None:
    """Raise RunbookInvalid at the line where a file becomes larger than a person would read."""
    size = 0
    for number, line in enumerate(text.split("\n"), start=1):
        size += len(line.encode("utf-8", "surrogatepass")) + 1
        if size > BYTES_MAX + 1 or number > LINES_MAX:
            raise RunbookInvalid(number, f"a runbook may have {BYTES_MAX // 1024} KiB and {LINES_MAX:,} lines")
        if len(line) > LINE_CHARS_MAX:
            raise RunbookInvalid(number, f"a line may have {LINE_CHARS_MAX:,} characters")
        indent = len(line) - len(line.lstrip(" >-*+\t"))
        if indent > 8 * LEVEL_MAX and line.strip(" -*_"):
            raise RunbookInvalid(number, "lists and quotes are nested too deeply")


class _Outliner:
    """Goes through the tokens once; its depth is bounded by `LEVEL_MAX`."""

    def __init__(self, tokens: Sequence[Token], lines_before: int) -> None:
        self._tokens = tokens
        self._lines_before = lines_before
        self._at = 0

    def read(self) -> Section:
        root = Section(line=1 + self._lines_before, level=0, title="")
        open_sections = [root]
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.type == "heading_open" and token.level == 0:
                section = Section(line=self._line(token), level=int(token.tag[1:]), title=self._inline(self._at + 1))
                while open_sections[-1].level >= section.level:
                    open_sections.pop()
                open_sections[-1].sections.append(section)
                open_sections.append(section)
                self._at += 3
            elif (block := self._read_block()) is not None:
                open_sections[-1].blocks.append(block)
        return root

    def _read_block(self) -> Block | None:
        """Read the block at this token and step past it; None where the token stands for nothing of its own."""
        token = self._tokens[self._at]
        if token.type in ("bullet_list_open", "ordered_list_open"):
            return self._read_list(token)
        if token.type == "table_open":
            return self._read_table(token)
        self._at += 1
        if token.type in ("fence", "code_block"):
            return Fence(line=self._line(token), info=token.info.strip().lower(), content=token.content)
        if token.type == "inline":
            return Text(line=self._line(token), content=token.content)
        return None

    def _read_list(self, opening: Token) -> Listing:
        listing = Listing(line=self._line(opening), is_ordered=opening.type == "ordered_list_open")
        closing = opening.type.replace("open", "close")
        self._at += 1
        while (token := self._tokens[self._at]).type != closing or token.level != opening.level:
            if token.type == "list_item_open" and token.level == opening.level + 1:
                listing.items.append(Item(line=self._line(token)))
                self._at += 1
            elif (block := self._read_block()) is not None:
                listing.items[-1].blocks.append(block)
        self._at += 1
        return listing

    def _read_table(self, opening: Token) -> Table:
        rows: list[tuple[int, tuple[str, ...]]] = []
        cells: list[str] = []
        line = self._line(opening)
        while (token := self._tokens[self._at]).type != "table_close":
            if token.type == "tr_open":
                cells, line = [], self._line(token)
            elif token.type == "inline":
                cells.append(token.content.strip())
            elif token.type == "tr_close":
                rows.append((line, tuple(cells)))
            self._at += 1
        self._at += 1
        return Table(line=self._line(opening), head=rows[0][1], rows=rows[1:])

    def _line(self, token: Token) -> int:
        return (token.map[0] if token.map else 0) + 1 + self._lines_before

    def _inline(self, at: int) -> str:
        return self._tokens[at].content.strip()
