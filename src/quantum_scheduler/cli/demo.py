"""`demo`: the whole service in a temporary folder, one sample week through its real API, and away again."""

import json as json_format
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from cyclopts import Parameter

from quantum_scheduler.cli.client import Client, ServiceUnreachable
from quantum_scheduler.cli.draw import draw_schedule
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.show import show_job
from quantum_scheduler.cli.watch import judge_job, watch_job
from quantum_scheduler.cli.write import check_writable, open_consoles, write_json
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.settings import read_settings

SAMPLE = Path(__file__).with_name("workshop.yaml")
TIME_LIMIT_S = 8.0
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0

HOW_TO = """
do it yourself:
  quantum-scheduler up
  curl -s 'http://127.0.0.1:8000/v1/jobs?wait=10' \\
    -H "Authorization: Bearer $(cat {key_file})" -H 'Content-Type: application/json' \\
    -d '{{"problem": {{"kind": "schedule", "agents": [{{"id": "Ann"}}, {{"id": "Bo"}}],
         "tasks": [{{"id": "cut", "duration": 3}}, {{"id": "sew", "duration": 4, "dependencies": ["cut"]}}]}}}}'"""


def demo(
    *,
    svg: Annotated[Path | None, Parameter(help="Where to draw the schedule; else in the data folder.")] = None,
    json: Json = False,
) -> int:
    """Start everything in a temporary folder, solve a sample week, stop."""
    from quantum_scheduler.problems.read import read_problem, write_document  # noqa: PLC0415  brings numpy along

    answers, narration = open_consoles()
    problem = read_problem(SAMPLE.read_bytes(), name=SAMPLE.name)
    assert isinstance(problem, ScheduleProblem)
    document = write_document(problem)
    settings = read_settings(os.environ)
    if svg is None:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    drawing = svg or settings.data_dir / "demo-gantt.svg"
    check_writable(drawing)
    narration.print("starting Postgres, the API and a worker in a temporary folder")
    began = time.monotonic()
    with (
        _run_service() as about,
        Client(about["url"], Path(about["key_file"]).read_text(encoding="ascii").strip()) as client,
    ):
        narration.print(f"ready at {about['url']} after {time.monotonic() - began:.1f} s; submitting {SAMPLE.name}")
        request = {
            "problem": json_format.loads(document),
            "name": "a week in the workshop",
            "time_limit_s": TIME_LIMIT_S,
        }
        job = watch_job(client, client.submit_job(request), narration)
        narration.print("stopping everything")
    if json:
        write_json(job)
    else:
        show_job(answers, job, problem, gantt=True)
    narration.print(f"\n{draw_schedule(drawing, problem, job['result'])}", soft_wrap=True)
    narration.print(HOW_TO.format(key_file=settings.key_file), soft_wrap=True)
    return judge_job(job)


@contextmanager
def _run_service() -> Iterator[dict[str, Any]]:
    """Run `up` in a folder of its own and lend what it says when it is ready. Raises ServiceUnreachable."""
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    up = ["up", "--port", "0", "--slots", "1", "--json", "--parent", str(os.getpid())]
    with (
        tempfile.TemporaryDirectory(prefix="qs-demo-", ignore_cleanup_errors=True) as folder,
        (Path(folder) / "up.log").open("w+b") as log,
    ):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "quantum_scheduler", *up],
            env={**environ, "QUANTUM_SCHEDULER_DATA_DIR": f"{folder}/data", "LOG_LEVEL": "warning"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the demo, which then stops the service in good order
        )
        try:
            yield _wait_until_ready(process, log)
        finally:
            _stop(process)


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: BinaryIO) -> dict[str, Any]:
    give_up = threading.Timer(START_TIMEOUT_S, process.terminate)
    give_up.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
    finally:
        give_up.cancel()
    if line:
        about: dict[str, Any] = json_format.loads(line)
        return about
    log.seek(0)
    said = log.read().decode(errors="replace").strip().splitlines()
    raise ServiceUnreachable(f"the service did not start: {said[-1] if said else 'it said nothing'}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        assert process.stdout is not None
        process.stdout.close()
