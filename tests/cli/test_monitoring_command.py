"""`monitoring export`: files for Prometheus, Alertmanager and Grafana, from the runbooks and the metrics."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

RUNBOOK = """\
---
runbook: many-jobs
service: scheduling
owner: ops
review_by: 2099-01-01
on_call: infrastructure
lock: queue
---
# Many jobs

## Detection

| Signal | When | For | Severity | Clears when | For |
|---|---|---|---|---|---|
| Many jobs wait | `qih.queue_depth > 100` | 4 of 5 | P2 | `qih.queue_depth < 50` | 2m |
| A route fails | `api.error_rate(route="POST /v1/jobs") > 0.5` | 4 of 5 | P2 | `api.error_rate < 0.1` | 2m |

## Immediate response (0–5 minutes)

1. **Look**. Look at the queue.
"""


def test_the_files_are_written_from_ones_own_runbooks_too(run_here: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "many-jobs.md").write_text(RUNBOOK)
    environ = {"RUNBOOKS_DIR": str(tmp_path / "books"), "PUBLIC_URL": "https://qs.example"}
    out = tmp_path / "made" / "here"
    ended = run_here("monitoring", "export", "--out", out, "--interval", "15", "--json", environ=environ)
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout)
    assert {Path(each) for each in answer["files"]} == set(out.iterdir())
    assert [each for each in answer["left_out"] if each.startswith("many-jobs, A route fails")]
    rules = yaml.safe_load((out / "quantum-scheduler.rules.yml").read_text())
    alerts = {rule["alert"]: rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    alert = alerts["ManyJobsManyJobsWait"]
    assert alert["labels"] == {
        "runbook": "many-jobs", "key": "queue", "service": "scheduling", "policy": "infrastructure", "severity": "P2",
    }  # fmt: skip
    assert json.loads((out / "grafana-dashboard.json").read_text())["uid"] == "quantum-scheduler"
    assert "https://qs.example/api/alerts/alertmanager" in (out / "alertmanager.yml").read_text()


def test_a_folder_that_cannot_be_made_is_named(run_here: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run_here("monitoring", "export", "--out", tmp_path / "file")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
