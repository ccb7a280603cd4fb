"""Where runbooks stand: the library of this package, and a folder of one's own whose runbooks take the place of those
of the same name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from quantum_scheduler.runbooks.model import Document, Runbook, RunbookInvalid
from quantum_scheduler.runbooks.outline import BYTES_MAX
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.read import read_document

LIBRARY = Path(__file__).parent / "library"
FILES_MAX = 1_000
# So many plans of runs are kept in memory.
PLANS_MAX = 64


class RunbookUnknown(LookupError):  # noqa: N818  an error is named for what happened
    """No runbook of this name stands on the shelf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A runbook with the text of the file that it stands in."""

    runbook: Runbook
    text: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Runbooks by name, and the files that are none, with the reason."""

    books: Mapping[str, Book]
    unreadable: Mapping[Path, str]

    def find(self, name: str) -> Book:
        """Find a runbook. Raises RunbookUnknown."""
        book = self.books.get(name)
        if book is None:
            known = ", ".join(sorted(self.books)) or "none"
            raise RunbookUnknown(f"there is no runbook {name}; there are: {known}")
        return book


def read_shelf(own: Path | None = None) -> Shelf:
    """Read all runbooks; a file that is none does not keep the others from being read."""
    books: dict[str, Book] = {}
    unreadable: dict[Path, str] = {}
    for folder in (LIBRARY, *(() if own is None else (own,))):
        for path in sorted(folder.glob("*.md"))[:FILES_MAX]:
            try:
                known = path.stat()
                books |= _read_books(path, known.st_mtime_ns, known.st_size)
            except (RunbookInvalid, OSError) as error:
                unreadable[path] = str(error)
    return Shelf(books=books, unreadable=unreadable)


def read_file(path: Path) -> tuple[str, Document]:
    """Read a file of runbooks: its text, and what it says. Raises RunbookInvalid."""
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 2)
        text = content.decode("utf-8")
    except OSError as error:
        raise RunbookInvalid(1, f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        if len(content) <= BYTES_MAX:
            raise RunbookInvalid(content.count(b"\n", 0, error.start) + 1, "this is not UTF-8 text") from None
        text = content.decode("utf-8", "replace")
    return text, read_document(text, name=path.name)


@lru_cache(maxsize=FILES_MAX)
def _read_books(path: Path, _changed_ns: int, _size: int) -> dict[str, Book]:
    """Read the runbooks of a file, once as long as it does not change. Raises RunbookInvalid."""
    text, document = read_file(path)
    return {each.name: Book(runbook=each, text=text, path=path) for each in document.runbooks}


@lru_cache(maxsize=PLANS_MAX)
def read_plan(text: str, name: str) -> Plan:
    """Read the plan of one of a document's runbooks, as it was when a run was pinned to it. Raises RunbookUnknown."""
    for runbook in read_document(text).runbooks:
        if runbook.name == name:
            return Plan(runbook)
    raise RunbookUnknown(f"the document has no runbook {name}")
