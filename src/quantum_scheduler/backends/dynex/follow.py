"""Follow a job's events, which are all that Dynex tells of it."""

import threading
from dataclasses import dataclass, field
from typing import Any

from quantum_scheduler.backends.dynex.access import Access
from quantum_scheduler.backends.model import Poll

# States of a job that it does not leave, in the words that were seen.
FAILED = ("FAILED", "ERROR", "REJECTED")
CANCELLED = ("CANCELLED", "CANCELED")
RUNNING = ("RUNNING", "IN_PROGRESS", "PROCESSING")


@dataclass(kw_only=True)
class Story:
    """What the events have told so far."""

    state: str = ""
    error: str = ""
    envelopes: dict[int, Any] = field(default_factory=dict)
    chunks: int = 1

    def tell(self) -> Poll:
        """Say where the job stands."""
        if self.is_complete():
            return Poll(state="done")
        if self.error or self.state in FAILED:
            return Poll(state="failed")
        if self.state in CANCELLED:
            return Poll(state="cancelled")
        return Poll(state="running" if self.state in RUNNING else "queued")

    def is_complete(self) -> bool:
        """Whether every batch of the answer is here; without chunks the first batch is the answer."""
        return len(self.envelopes) >= self.chunks

    def is_over(self) -> bool:
        """Whether no event can change it any more."""
        return self.tell().state in ("done", "failed", "cancelled")

    def add(self, event: Any) -> None:
        """Take one event in."""
        match event.WhichOneof("payload"):
            case "status":
                self.state = event.status.state.upper()
                self.error = self.error or (event.status.reason if self.state in FAILED else "")
            case "progress" | "matrix_stats":
                self.state = "RUNNING"
            case "error":
                self.error = event.error.message or event.error.code or "the job failed"
            case "envelope" if event.envelope.valid:
                self.chunks = max(1, event.envelope.chunk_count)
                self.envelopes[event.envelope.chunk_index] = event.envelope
            case _:
                return


def follow_job(stub: Any, job_id: str, access: Access, *, timeout_s: float, quiet_s: float) -> Story:
    """Read the events from the first one on, until the job is over or `quiet_s` after the first has come.

    Raises RpcError where none has come within `timeout_s`.
    """
    import grpc  # noqa: PLC0415  a backend that is not used costs nothing
    from dynex.proto import sdk_pb2  # noqa: PLC0415

    story = Story()
    request = sdk_pb2.SubscribeJobRequest(job_id=job_id, from_seq=0)
    call = stub.SubscribeJob(request, metadata=access.metadata(), timeout=timeout_s)
    enough = threading.Timer(quiet_s, call.cancel)
    enough.daemon = True
    began = False
    try:
        for event in call:
            story.add(event)
            if story.is_over():
                break
            if not began:
                enough.start()
                began = True
    except grpc.RpcError as error:
        if not (began and error.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)):
            raise
    finally:
        enough.cancel()
        call.cancel()
    return story
