"""The OpenAPI document is true: whatever is sent, the service answers as it says and never fails."""

import subprocess
import sysconfig
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
EXAMPLES = 15
# Nobody works on the jobs, so nobody waits for them.
CONFIGURATION = """
[parameters]
"query.wait" = 0
"""
# What fits the document may still make no sense (a circle of tasks), and a job that was deleted stays, as cancelled.
NOT_PROMISED = ("positive_data_acceptance", "use_after_free")
ENDLESS = "followJob"


def test_the_service_answers_as_its_document_says(
    idle: Callable[[], AbstractContextManager[Any]], tmp_path: Path
) -> None:
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    with idle() as service:
        run = subprocess.run(
            [
                *(SCHEMATHESIS, "--config-file", configuration, "run", f"{service.url}/v1/openapi.json"),
                *("--checks", "all", "--exclude-checks", ",".join(NOT_PROMISED)),
                *("--exclude-operation-id", ENDLESS, "--max-examples", str(EXAMPLES)),
                *("--header", f"Authorization: Bearer {service.make_key('all')}"),
                *("--continue-on-failure", "--no-color", "--generation-deterministic"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr
