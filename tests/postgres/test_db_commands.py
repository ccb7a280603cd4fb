import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantum_scheduler.postgres.embed import start_postgres
from quantum_scheduler.postgres.lock import hold_data_dir

RUN = """
import sys
import structlog
from quantum_scheduler.cli.db import app
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
app(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="qs-"))
    yield folder
    shutil.rmtree(folder)


def db(data_dir: Path, *arguments: str, url: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "QUANTUM_SCHEDULER_DATA_DIR": str(data_dir), "DATABASE_URL": url}
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_embedded_database_is_made_and_started_by_whoever_needs_it(data_dir: Path) -> None:
    absent = db(data_dir, "status")
    assert absent.returncode != 0
    assert "there is no database in" in absent.stderr
    assert json.loads(db(data_dir, "migrate", "--json").stdout)["applied"][0] == "0001_accounts"
    assert db(data_dir, "status").stdout.endswith("up to date\n")
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_a_backup_repairs_the_embedded_database(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    with start_postgres(data_dir, settings={"fsync": "off"}):
        assert db(data_dir, "migrate").returncode == 0
        assert json.loads(db(data_dir, "backup", str(file), "--json").stdout)["bytes"] == file.stat().st_size
        assert db(data_dir, "psql", "-c", "DROP TABLE schema_migration").returncode == 0
        broken = db(data_dir, "status", "--json")
        assert (broken.returncode, json.loads(broken.stdout)["current"]) == (1, False)
        assert "say --yes" in db(data_dir, "restore", str(file)).stderr
        restored = db(data_dir, "restore", str(file), "--yes", "--json")
        assert json.loads(restored.stdout) == {"file": str(file), "restored": True}
        mended = db(data_dir, "status", "--json")
        assert (mended.returncode, json.loads(mended.stdout)["current"]) == (0, True)


def test_restore_is_refused_while_somebody_holds_the_data_folder(tmp_path: Path, dsn: str) -> None:
    with hold_data_dir(tmp_path):
        refused = db(tmp_path, "restore", "any.backup", "--yes", url=dsn)
    assert refused.returncode != 0
    assert f"is in use by process {os.getpid()}" in refused.stderr


def test_a_database_given_by_url_is_looked_after_too(tmp_path: Path, dsn: str) -> None:
    assert db(tmp_path, "migrate", url=dsn).stdout == "nothing to do: the database is up to date\n"
    assert db(tmp_path, "psql", "-Atc", "SELECT 40 + 2", url=dsn).stdout == "42\n"
    assert list(tmp_path.iterdir()) == []
