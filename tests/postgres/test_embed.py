import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from quantum_scheduler.postgres.cluster import read_postmaster
from quantum_scheduler.postgres.connect import connect
from quantum_scheduler.postgres.embed import LOG_BYTES_MAX, EmbeddedPostgres, start_postgres
from quantum_scheduler.postgres.model import PostgresUnavailable

USE = """
import sys, time
from pathlib import Path
from quantum_scheduler.postgres.embed import start_postgres
server = start_postgres(Path(sys.argv[1]), settings={"fsync": "off"})
print((server.cluster / "postmaster.pid").read_text().split()[0], file=sys.stderr, flush=True)
sys.stdin.readline()
server.stop()
"""


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path, on which no server is left running."""
    folder = Path(tempfile.mkdtemp(prefix="qs-"))
    try:
        yield folder
    finally:
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(folder)


@pytest.fixture
def new_dir() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def used_dir() -> Iterator[Path]:
    """A folder in which Postgres has been, and where it is not running."""
    with short_folder() as folder:
        start(folder).stop()
        yield folder


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server that tests may kill, if they start it again."""
    with short_folder() as folder, start(folder) as running:
        yield running


def start(data_dir: Path, **settings: str) -> EmbeddedPostgres:
    return start_postgres(data_dir, settings={"fsync": "off", **settings})


def postmaster_pid(server: EmbeddedPostgres) -> int:
    postmaster = read_postmaster(server.cluster)
    assert postmaster is not None
    return postmaster.pid


def kill(server: EmbeddedPostgres) -> None:
    os.kill(postmaster_pid(server), signal.SIGKILL)
    while server.is_running():
        time.sleep(0.001)


def user_process(data_dir: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", USE, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


async def run(server: EmbeddedPostgres, statement: str) -> Any:
    connection = await connect(server.dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_it_is_a_real_postgres_with_our_database(server: EmbeddedPostgres) -> None:
    assert await run(server, "SELECT current_database()") == "quantum_scheduler"
    assert await run(server, "SHOW server_version") == "18.4"
    assert await run(server, "SHOW synchronous_commit") == "on"


async def test_only_its_owner_may_connect(server: EmbeddedPostgres) -> None:
    assert stat.S_IMODE(server.cluster.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.cluster / ".s.PGSQL.5432").stat().st_mode) == 0o700
    assert await run(server, "SHOW listen_addresses") == ""


def test_a_second_user_gets_the_same_server_and_leaves_it_running(server: EmbeddedPostgres) -> None:
    before = postmaster_pid(server)
    second = start(server.data_dir)
    assert second.dsn == server.dsn
    second.stop()
    second.stop()
    assert postmaster_pid(server) == before
    assert server.is_running()


async def test_what_was_committed_survives_a_killed_server(server: EmbeddedPostgres) -> None:
    await run(server, "CREATE TABLE kept AS SELECT 42 AS value")
    kill(server)
    server.start()
    assert await run(server, "SELECT value FROM kept") == 42


async def test_what_was_committed_survives_a_crash(server: EmbeddedPostgres) -> None:
    await run(server, "CREATE TABLE kept_too AS SELECT 42 AS value")
    server.restart("immediate")
    assert await run(server, "SELECT value FROM kept_too") == 42


async def test_the_server_of_a_killed_user_is_found_again_and_stopped_by_the_last(used_dir: Path) -> None:
    with user_process(used_dir) as killed:
        assert killed.stderr is not None
        pid = int(killed.stderr.readline())
        killed.kill()
    with start(used_dir) as server:
        assert postmaster_pid(server) == pid
        assert await run(server, "SELECT 1") == 1
    assert not server.is_running()


def test_two_processes_that_start_at_once_get_one_server(new_dir: Path) -> None:
    with user_process(new_dir) as one, user_process(new_dir) as other:
        assert one.stderr is not None
        assert other.stderr is not None
        assert one.stderr.readline() == other.stderr.readline()
        one.communicate("stop\n", timeout=60)
        other.communicate("stop\n", timeout=60)
    assert (one.returncode, other.returncode) == (0, 0)
    assert not (new_dir / "postgres" / "postmaster.pid").exists()


def test_a_process_id_that_now_is_a_strangers_does_not_hinder(used_dir: Path) -> None:
    with start(used_dir) as server:
        died_with = (server.cluster / "postmaster.pid").read_text()
        owner = server.cluster.stat()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid, group=owner.st_gid, cwd="/") as stranger:
        left = server.cluster / "postmaster.pid"
        left.write_text("\n".join([str(stranger.pid), *died_with.splitlines()[1:]]) + "\n")
        os.chown(left, owner.st_uid, owner.st_gid)
        with start(used_dir) as again:
            assert postmaster_pid(again) != stranger.pid
        assert stranger.poll() is None
        stranger.kill()


async def test_a_folder_too_long_or_odd_for_a_socket_will_do(new_dir: Path) -> None:
    with start(new_dir / ("a long 'name', $HOME & more " * 4)) as server:
        assert len(os.fsencode(server.cluster)) > 107
        assert await run(server, "SELECT 1") == 1
        assert await run(server, "SHOW unix_socket_permissions") == "0700"


def test_a_temporary_folder_too_long_for_a_socket_is_not_used(new_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    program = (
        "import sys; from pathlib import Path; from quantum_scheduler.postgres.embed import start_postgres; "
        "start_postgres(Path(sys.argv[1])).stop()"
    )
    command = [sys.executable, "-c", program, str(new_dir / ("data" * 30))]
    environ = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def test_a_server_that_was_stopped_can_be_started_again(new_dir: Path) -> None:
    server = start(new_dir)
    server.stop()
    server.start()
    assert await run(server, "SELECT 1") == 1
    server.stop()
    with pytest.raises(PostgresUnavailable, match="was not started"):
        server.restart()


async def test_a_first_start_that_was_cut_short_is_begun_anew(new_dir: Path) -> None:
    unfinished = new_dir / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with start(new_dir) as server:
        assert await run(server, "SELECT 1") == 1
    assert not unfinished.exists()


def test_a_server_that_cannot_start_says_why_in_one_line(used_dir: Path) -> None:
    with pytest.raises(PostgresUnavailable, match=r"does not start: .*max_connections.*many.*server\.log") as refused:
        start(used_dir, max_connections="many")
    assert "\n" not in str(refused.value)


def test_a_folder_of_another_version_is_refused(new_dir: Path) -> None:
    (new_dir / "postgres").mkdir()
    (new_dir / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresUnavailable, match="made by Postgres 16 and this is Postgres 18"):
        start(new_dir)


def test_a_folder_that_cannot_be_made_is_refused(new_dir: Path) -> None:
    (new_dir / "file").touch()
    with pytest.raises(PostgresUnavailable, match="Not a directory"):
        start(new_dir / "file" / "data")


def test_a_long_log_is_set_aside_at_the_next_start(used_dir: Path) -> None:
    log_file = used_dir / "postgres" / "server.log"
    os.truncate(log_file, LOG_BYTES_MAX + 1)
    with start(used_dir):
        assert log_file.stat().st_size < LOG_BYTES_MAX
    assert log_file.with_suffix(".log.1").stat().st_size == LOG_BYTES_MAX + 1
