"""The nouns of the database, and what can go wrong with it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal


class PostgresUnavailable(Exception):  # noqa: N818
    """The embedded Postgres cannot be made, started or stopped; the message is its own one-line reason."""


class DatabaseUnavailable(Exception):  # noqa: N818
    """No connection to the database can be had; the message names where it was sought, never a password."""


class DatabaseUrlInvalid(ValueError):  # noqa: N818
    """The database URL is not one; the message says how one looks."""


class DataDirInUse(Exception):  # noqa: N818
    """Another process holds the data folder. `pid` is None in the instant before that process has written its own."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        holder = f"process {pid} (look at it with `ps -fp {pid}`)" if pid else "another process"
        super().__init__(
            f"{data_dir} is in use by {holder}: stop it first, or choose another QUANTUM_SCHEDULER_DATA_DIR"
        )
        self.data_dir = data_dir
        self.pid = pid


class DataDirUnusable(Exception):  # noqa: N818
    """The data folder cannot be made or written to; the message names it and the reason."""


class MigrationRefused(Exception):  # noqa: N818
    """The migrations and the database do not fit together; nothing was changed by the one that is named."""


class BackupFailed(Exception):  # noqa: N818
    """A backup could not be written; a file that stood in its place is untouched."""


class RestoreFailed(Exception):  # noqa: N818
    """A backup could not be restored; the database is as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of statements. `checksum` is the SHA-256 of its text with line ends as LF, in hex."""

    number: int
    name: str
    checksum: str
    statements: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMigration:
    """What the database remembers of a migration."""

    number: int
    name: str
    checksum: str
    applied_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStatus:
    """Where one migration stands: `changed` was edited after it was applied, `unknown` came from a newer program."""

    number: int
    name: str
    state: Literal["applied", "pending", "changed", "unknown"]
    applied_at: datetime | None
