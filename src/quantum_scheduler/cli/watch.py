"""Follow a job until it has finished."""

from typing import Any

from rich.console import Console

from quantum_scheduler.cli.client import FINAL_STATES, Client
from quantum_scheduler.cli.program import name_program
from quantum_scheduler.cli.progress import show_progress


def watch_job(client: Client, job: dict[str, Any], narration: Console) -> dict[str, Any]:
    """Show a job's progress on `narration` until it has finished; return it as it then is."""
    if job["state"] in FINAL_STATES:
        return job
    try:
        with show_progress(narration, time_limit_s=job["time_limit_s"], doing=job["state"]) as tell:
            for event in client.follow_job(job["id"]):
                tell(event["data"] if event["event"] == "progress" else {"doing": event["data"]["state"]})
    except KeyboardInterrupt:
        narration.print(f"the job goes on; follow it: {name_program()} job {job['id']} --watch", soft_wrap=True)
        raise
    return client.fetch_job(job["id"])


def judge_job(job: dict[str, Any]) -> int:
    """Return the exit code of a job: 1 where its answer is no."""
    if job["state"] in {"failed", "cancelled"}:
        return 1
    return 1 if job.get("result") and job["result"]["solution"] is None else 0
