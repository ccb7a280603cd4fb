"""Choose the user that Postgres runs as: it refuses to run as root."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

import structlog

from quantum_scheduler.postgres.model import PostgresUnavailable
from quantum_scheduler.postgres.run import SystemUser, program_path

USER = "pgserver"

log = structlog.get_logger(__name__)


def choose_system_user(cluster: Path) -> SystemUser | None:
    """Say whom the server on the folder `cluster` runs as: None is this process's own user.

    Under root it is the owner of the folder, or of the one around it while it is new. Where that is root too, it is the
    user `pgserver`, who is made if need be and let through to the folder and the programs. Raises PostgresUnavailable.
    """
    if os.geteuid() != 0:
        return None
    owner = (cluster if cluster.exists() else cluster.parent).stat()
    user = SystemUser(uid=owner.st_uid, gid=owner.st_gid) if owner.st_uid else _make_user()
    if user.uid == _find_user():
        _let_through(cluster)
        _let_in(program_path("postgres").parents[1])
    return user


def _find_user() -> int | None:
    try:
        return pwd.getpwnam(USER).pw_uid
    except KeyError:
        return None


def _make_user() -> SystemUser:
    if _find_user() is None:
        try:
            subprocess.run(
                ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER],
                check=False,
                capture_output=True,
            )
        except OSError as error:
            raise PostgresUnavailable(_no_user(str(error))) from error
    try:
        entry = pwd.getpwnam(USER)
    except KeyError as error:
        raise PostgresUnavailable(_no_user("useradd failed")) from error
    return SystemUser(uid=entry.pw_uid, gid=entry.pw_gid)


def _no_user(reason: str) -> str:
    return f"Postgres does not run as root, and no user {USER!r} can be made ({reason}): run as another user"


def _let_through(path: Path) -> None:
    """Let everybody pass, but not look, through the folders above `path`."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
            log.info("postgres.folder_opened", folder=str(folder), why=f"user {USER} must pass through it")


def _let_in(tree: Path) -> None:
    """Let everybody run the programs in `tree`, which a strict umask at installation may have forbidden."""
    _let_through(tree)
    if tree.stat().st_mode & stat.S_IROTH:
        return
    libraries = tree.parents[1] / f"{tree.parent.name}.libs"
    for path in (tree, *tree.rglob("*"), libraries, *libraries.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o500) >> 6)
