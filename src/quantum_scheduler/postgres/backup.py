"""Save the database to a file, put it back, and open a prompt on it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from quantum_scheduler.postgres.model import BackupFailed, DatabaseUnavailable, RestoreFailed
from quantum_scheduler.postgres.run import pick_reason, program_path, run_program

# Whose the objects were does not matter: they become those of whoever restores them.
NO_OWNERS = ("--no-owner", "--no-privileges")
QUIETLY = ("--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1")
OURS = "TABLE DATA public schema_migration"

# What a newer program has added must go too, so the schema is replaced whole.
CLEAR = b"""
BEGIN;
SET LOCAL lock_timeout = '10s';
SET LOCAL client_min_messages = warning;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
COMMENT ON SCHEMA public IS 'standard public schema';
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
COMMIT = b"\nCOMMIT;\n"


def backup(dsn: str, file: Path) -> int:
    """Save the database to `file`, readable by its owner only, and return its size in bytes.

    A file that stands there is replaced once the new one is complete. Raises BackupFailed, DatabaseUnavailable.
    """
    url, environment = _hide_password(dsn)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            arguments = ["--format=custom", "--no-password", *NO_OWNERS, f"--file={partial}", f"--dbname={url}"]
            dumped = run_program("pg_dump", arguments, environment=environment)
            if dumped.code:
                _raise(BackupFailed(f"the database cannot be saved to {file}: {dumped.reason}"), dumped.reason)
            size = partial.stat().st_size
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise BackupFailed(f"{file} cannot be written: {error.strerror or error}") from error
    return size


def restore(dsn: str, file: Path) -> None:
    """Replace all that the database holds by what `file` holds, in one transaction.

    Raises RestoreFailed, where the database is as it was; DatabaseUnavailable.
    """
    _check(file)
    url, environment = _hide_password(dsn)
    reader = [str(program_path("pg_restore")), *NO_OWNERS, "--file=-", "--", str(file)]
    writer = [str(program_path("psql")), *QUIETLY, f"--dbname={url}"]
    with (
        tempfile.TemporaryFile() as complaints,
        tempfile.TemporaryFile() as refusals,
        subprocess.Popen(reader, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints) as reading,
        subprocess.Popen(
            writer, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=refusals, env=environment
        ) as writing,
    ):
        assert reading.stdout is not None
        assert writing.stdin is not None
        read = _pour(reading, reading.stdout, writing.stdin)
        written = writing.wait() == 0
        if not (read and written):
            # When the writer refuses, the reader only complains that nobody listens.
            said = _said(complaints) if written else _said(refusals)
            _raise(RestoreFailed(f"{file} cannot be restored, nothing was changed: {pick_reason(said)}"), said)


def psql(dsn: str, arguments: Sequence[str]) -> int:
    """Run psql on the terminal of this process until it ends, and return its exit code."""
    url, environment = _hide_password(dsn)
    with subprocess.Popen([program_path("psql"), f"--dbname={url}", *arguments], env=environment) as process:
        while True:
            with suppress(KeyboardInterrupt):  # Ctrl-C is for psql: it cancels the statement
                return process.wait()


def _pour(reading: subprocess.Popen[bytes], source: IO[bytes], sink: IO[bytes]) -> bool:
    """Hand the statements over and let them be committed only if all of them could be read."""
    with suppress(BrokenPipeError):
        sink.write(CLEAR)
        shutil.copyfileobj(source, sink)
    source.close()
    complete = reading.wait() == 0
    with suppress(BrokenPipeError):
        sink.write(COMMIT if complete else b"")
    with suppress(BrokenPipeError):
        sink.close()
    return complete


def _check(file: Path) -> None:
    if not file.is_file():
        raise RestoreFailed(f"{file} is not there" if not file.exists() else f"{file} is not a file")
    listed = run_program("pg_restore", ["--list", "--", str(file)])
    if listed.code:
        raise RestoreFailed(f"{file} is not a backup: {listed.reason}")
    if OURS not in listed.said:
        raise RestoreFailed(f"{file} is a backup of another program's database")


def _said(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _raise(error: Exception, said: str) -> NoReturn:
    if "connection to server" in said:
        raise DatabaseUnavailable(pick_reason(said))
    raise error


def _hide_password(dsn: str) -> tuple[str, dict[str, str]]:
    """Move the password from the URL to the environment: everybody may read the arguments of a process."""
    parts = urlsplit(dsn)
    login, at, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    secret = dict(query).get("password") or unquote(password)
    kept = urlencode([pair for pair in query if pair[0] != "password"], quote_via=quote)
    url = urlunsplit((parts.scheme, f"{user}{at}{host}", parts.path, kept, ""))
    return url, {**os.environ, **({"PGPASSWORD": secret} if secret else {})}
