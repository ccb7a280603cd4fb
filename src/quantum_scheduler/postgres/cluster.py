"""The folder that Postgres keeps its data in: make it, configure it, and read who serves it."""

import hashlib
import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from quantum_scheduler.postgres.model import PostgresUnavailable
from quantum_scheduler.postgres.run import SERVER_ENVIRONMENT, VERSION, SystemUser, run_program

DATABASE = "quantum_scheduler"
SUPERUSER = "postgres"
SOCKET_PATH_BYTES_MAX = 107
# Where sockets go if neither the data folder nor TMPDIR has a path that is short and plain enough.
SHORT_FOLDERS = ("/tmp",)  # noqa: S108  the folder made there is checked to be our own
PLAIN_PATH = re.compile(r"[\w/.+-]+", re.ASCII)

INITDB = (
    f"--username={SUPERUSER}",
    "--auth=trust",  # who may connect is decided by the socket's own permissions
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # does not change when the operating system is upgraded
    "--builtin-locale=C.UTF-8",
)

OWN_SETTINGS = """\
# Settings in this file win over those of quantum-scheduler, which are written anew at every start.
include 'quantum-scheduler.conf'
"""

SETTINGS: Mapping[str, str] = {
    "cluster_name": "quantum-scheduler",  # shown in the list of processes
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",  # compiling costs more than these queries take
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements that fail are the caller's to log. What the server itself goes through still is logged.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """The server process of a cluster as it describes itself in `postmaster.pid`."""

    pid: int
    port: str
    socket_dir: str
    ready: bool

    def listens(self) -> bool:
        """Say whether a server is behind the socket, ready or not; the process id alone may be a stranger's by now."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(f"{self.socket_dir}/.s.PGSQL.{self.port}")
            except OSError:
                return False
        return True


def make_cluster(cluster: Path, user: SystemUser | None, *, durable: bool) -> None:
    """Make the cluster with its empty database, or nothing at all. Raises PostgresUnavailable, OSError.

    Where it need not be `durable`, nobody waits for the disk.
    """
    unfinished = cluster.with_name(cluster.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    _give(unfinished, user)
    initdb = [*INITDB, f"--pgdata={unfinished}", *([] if durable else ["--no-sync"])]
    made = run_program("initdb", initdb, user=user, folder=unfinished, environment=SERVER_ENVIRONMENT)
    if made.code:
        raise PostgresUnavailable(f"Postgres cannot make its folder {cluster}: {made.reason}")
    made = run_program(
        "postgres",
        ["--single", "-D", str(unfinished), *([] if durable else ["-F"]), "-c", "exit_on_error=on", SUPERUSER],
        user=user,
        folder=unfinished,
        environment=SERVER_ENVIRONMENT,
        standard_input=f"CREATE DATABASE {DATABASE};\n",
    )
    if made.code:
        raise PostgresUnavailable(f"Postgres cannot make the database {DATABASE}: {made.reason}")
    _write(unfinished / "postgresql.conf", OWN_SETTINGS, user)
    unfinished.rename(cluster)
    _sync_folder(cluster.parent)


def check_version(cluster: Path) -> None:
    """Raise PostgresUnavailable where another version of Postgres made the cluster."""
    made_by = (cluster / "PG_VERSION").read_text().strip()
    if made_by != str(VERSION):
        raise PostgresUnavailable(
            f"{cluster} was made by Postgres {made_by} and this is Postgres {VERSION}: back it up with the release of "
            "quantum-scheduler that made it, move the folder away, and restore"
        )


def configure(cluster: Path, user: SystemUser | None, overrides: Mapping[str, str]) -> None:
    """Write the settings of the next start. Raises PostgresUnavailable, OSError."""
    settings = {**SETTINGS, "unix_socket_directories": str(_choose_socket_dir(cluster, user)), **overrides}
    lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
    _write(cluster / "quantum-scheduler.conf", "".join(lines), user)


def read_postmaster(cluster: Path) -> Postmaster | None:
    """Read who serves the cluster, or served it before dying; None if nobody or not yet."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 5 or not lines[0].isdigit():
        return None
    status = lines[7].strip() if len(lines) > 7 else "starting"
    return Postmaster(pid=int(lines[0]), port=lines[3], socket_dir=lines[4], ready=status == "ready")


def drop_stale_locks(cluster: Path) -> None:
    """Remove the lock files of a dead server whose process id is taken, by a stranger or by its own corpse.

    Postgres itself removes them only when the process id is free; otherwise it would refuse to start.
    """
    postmaster = read_postmaster(cluster)
    if postmaster is None or not _is_stale(postmaster.pid, cluster):
        return
    socket_lock = Path(postmaster.socket_dir) / f".s.PGSQL.{postmaster.port}.lock"
    for lock_file in (socket_lock, cluster / "postmaster.pid"):
        lock_file.unlink(missing_ok=True)


def _is_stale(pid: int, cluster: Path) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    process = Path("/proc") / str(pid)
    try:
        return process.exists() and not (process / "cwd").samefile(cluster)
    except (FileNotFoundError, ProcessLookupError):
        return True  # a process that is dead but not yet collected by its parent has no folder
    except PermissionError:
        return False  # another user's process: Postgres knows that it cannot be a server of this folder


def _choose_socket_dir(cluster: Path, user: SystemUser | None) -> Path:
    if _may_hold_socket(cluster):
        return cluster
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:12]
    folders = [Path(parent) / f"quantum-scheduler-{digest}" for parent in (tempfile.gettempdir(), *SHORT_FOLDERS)]
    folder = next(filter(_may_hold_socket, folders))
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        _give(folder, user)
    found = folder.lstat()
    owner = user.uid if user else os.geteuid()
    # Anyone may have made a folder of this name first, and could then pose as the server.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise PostgresUnavailable(f"{folder} belongs to somebody else: remove it, or choose a shorter data folder")
    return folder


def _may_hold_socket(folder: Path) -> bool:
    path = os.fsencode(folder / ".s.PGSQL.5432")
    return len(path) <= SOCKET_PATH_BYTES_MAX and PLAIN_PATH.fullmatch(str(folder)) is not None


def _write(file: Path, text: str, user: SystemUser | None) -> None:
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(text)
    partial.chmod(0o600)
    _give(partial, user)
    partial.replace(file)


def _give(path: Path, user: SystemUser | None) -> None:
    if user is not None:
        os.chown(path, user.uid, user.gid)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
