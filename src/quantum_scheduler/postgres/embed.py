"""A real Postgres inside a folder: started when first needed, stopped by the last process that uses it."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

import structlog

from quantum_scheduler.postgres.cluster import (
    DATABASE,
    SUPERUSER,
    Postmaster,
    check_version,
    configure,
    drop_stale_locks,
    make_cluster,
    read_postmaster,
)
from quantum_scheduler.postgres.lock import LockFile
from quantum_scheduler.postgres.model import PostgresUnavailable
from quantum_scheduler.postgres.run import LOG_PREFIX, SERVER_ENVIRONMENT, Outcome, SystemUser, run_program
from quantum_scheduler.postgres.system_user import choose_system_user

START_TIMEOUT_S = 300.0  # after a crash the log is replayed first
STOP_TIMEOUT_S = 60.0
DYING_S = 10.0
SIGNS_OF_DYING = ("shared memory block", '.pid" already exists', '.lock" already exists')
LOG_BYTES_MAX = 10 * 2**20
REASON_LINES_MAX = 3
POLL_S = 0.05

log = structlog.get_logger(__name__)


class EmbeddedPostgres:
    """One process's use of the Postgres in `data_dir`; other processes may use the same at the same time.

    The use ends with `stop` or with the process, however that ends. All methods block; call them from a thread where
    that matters. All raise PostgresUnavailable.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str], timeout_s: float) -> None:
        self.data_dir = data_dir
        self.cluster = data_dir / "postgres"
        self.log_file = self.cluster / "server.log"
        self._settings = settings
        self._timeout_s = timeout_s
        self._turn = LockFile(data_dir / "postgres.lock")  # held by the one process that starts or stops the server
        self._use = LockFile(data_dir / "postgres.users")  # shared by all processes that use it
        self._user: SystemUser | None = None
        self._postmaster: Postmaster | None = None

    @property
    def dsn(self) -> str:
        """The URL of the database `quantum_scheduler`, for asyncpg and for psql."""
        return self.database_url(DATABASE)

    def database_url(self, database: str) -> str:
        """Build the URL of any database of this server."""
        if self._postmaster is None:
            raise PostgresUnavailable(f"Postgres in {self.cluster} was not started")
        host, port = quote(self._postmaster.socket_dir, safe="/"), self._postmaster.port
        return f"postgresql://{SUPERUSER}@/{database}?host={host}&port={port}"

    def is_running(self) -> bool:
        """Say whether the server process is there; it may still be starting."""
        postmaster = read_postmaster(self.cluster)
        return postmaster is not None and postmaster.listens()

    def start(self) -> None:
        """Make the cluster if there is none, and wait until a server answers. May be called twice, and after `stop`."""
        with self._taking_turns():
            self._use.open()
            self._use.share()
            self._user = choose_system_user(self.cluster)
            if not self.cluster.exists():
                make_cluster(self.cluster, self._user, durable=self._settings.get("fsync") != "off")
                log.info("postgres.made", folder=str(self.cluster))
            check_version(self.cluster)
            self._postmaster = self._wait_until_ready()

    def stop(self) -> None:
        """End this use, and stop the server if no other process uses it. May be called twice."""
        if self._postmaster is not None:
            with self._taking_turns():
                socket_dir = Path(self._postmaster.socket_dir)
                self._postmaster = None
                if self._use.take_now():
                    self._shut_down("fast")
                    if socket_dir != self.cluster:
                        shutil.rmtree(socket_dir, ignore_errors=True)
        self.let_go()

    def let_go(self) -> None:
        """End this use and leave the server as it is. May be called twice."""
        self._postmaster = None
        self._use.close()
        self._turn.close()

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server for everybody and start it again; `immediate` is a crash that is recovered from."""
        if self._postmaster is None:
            raise PostgresUnavailable(f"Postgres in {self.cluster} was not started")
        with self._taking_turns():
            self._shut_down(mode)
            self._postmaster = self._wait_until_ready()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        try:
            self._turn.open()
            self._turn.take()
            try:
                yield
            finally:
                self._turn.release()
        except OSError as error:
            raise PostgresUnavailable(f"Postgres cannot use {self.cluster}: {error.strerror or error}") from error

    def _wait_until_ready(self) -> Postmaster:
        began = time.monotonic()
        give_up_at = began + self._timeout_s
        while True:
            postmaster = read_postmaster(self.cluster)
            if postmaster is None or not postmaster.listens():
                self._launch(give_up_at - time.monotonic(), may_fail=time.monotonic() < began + DYING_S)
            elif postmaster.ready:
                return postmaster
            if time.monotonic() > give_up_at:
                raise PostgresUnavailable(
                    f"Postgres in {self.cluster} is not ready after {self._timeout_s:g} s; its log is {self.log_file}"
                )
            time.sleep(POLL_S)

    def _launch(self, patience_s: float, *, may_fail: bool) -> None:
        drop_stale_locks(self.cluster)
        configure(self.cluster, self._user, self._settings)
        said_before = self._rotate_log()
        started = self._control("start", "-l", self.log_file.name, "-t", str(max(1, round(patience_s))))
        if started.code == 0 or self.is_running():
            return
        with self.log_file.open("rb") as file:
            file.seek(said_before)
            said = file.read().decode(errors="replace")
        # A server that was killed takes a moment to die, and its children one more to notice.
        if not (may_fail and any(sign in said for sign in SIGNS_OF_DYING)):
            lines = [LOG_PREFIX.sub("", line) for line in said.splitlines() if line.strip()]
            reason = "; ".join(lines[-REASON_LINES_MAX:]) or started.reason
            raise PostgresUnavailable(f"Postgres in {self.cluster} does not start: {reason} (log: {self.log_file})")

    def _shut_down(self, mode: Literal["fast", "immediate"]) -> None:
        # Asked of the socket, not of the process id in the file: that may be a stranger's by now.
        if not self.is_running():
            return
        stopped = self._control("stop", "-m", mode, "-t", str(round(STOP_TIMEOUT_S)))
        if stopped.code and self.is_running():
            log.warning("postgres.stop_slow", folder=str(self.cluster), reason=stopped.reason)
            stopped = self._control("stop", "-m", "immediate", "-t", str(round(STOP_TIMEOUT_S)))
        if stopped.code and self.is_running():
            raise PostgresUnavailable(f"Postgres in {self.cluster} does not stop: {stopped.reason}")

    def _control(self, *arguments: str) -> Outcome:
        # The folder goes by environment and by working directory: pg_ctl hands its arguments to a shell.
        environment = {**SERVER_ENVIRONMENT, "PGDATA": str(self.cluster)}
        return run_program("pg_ctl", ["-w", *arguments], user=self._user, folder=self.cluster, environment=environment)

    def _rotate_log(self) -> int:
        """Set a long log aside, in place of the one before, and return the bytes that the log holds now."""
        try:
            size = self.log_file.stat().st_size
        except FileNotFoundError:
            return 0
        if size <= LOG_BYTES_MAX:
            return size
        self.log_file.replace(self.log_file.with_suffix(".log.1"))
        return 0


def start_postgres(
    data_dir: Path, *, settings: Mapping[str, str] | None = None, timeout_s: float = START_TIMEOUT_S
) -> EmbeddedPostgres:
    """Use the Postgres in `data_dir`: attach to the server that runs there, or make and start one.

    `settings` override the server's own ones at its next start. Two users of the folder may call this at once.
    Raises PostgresUnavailable with a one-line reason.
    """
    folder = data_dir.expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = EmbeddedPostgres(folder, settings=settings or {}, timeout_s=timeout_s)
    except OSError as error:
        raise PostgresUnavailable(f"Postgres cannot use {folder}: {error.strerror or error}") from error
    try:
        server.start()
    except BaseException:
        server.let_go()
        raise
    return server
