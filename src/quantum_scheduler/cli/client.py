"""Talk to the service over HTTP, as any customer's program would."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2

from quantum_scheduler.settings import Settings

CONNECT_TIMEOUT_S = 5.0
# Reading a very large problem may take the service a minute.
ANSWER_TIMEOUT_S = 90.0
# A stream of events breaks when the service restarts; it is taken up again for so long before giving up.
RECONNECT_FOR_S = 60.0
RECONNECT_EVERY_S = 0.5
FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})

Job = dict[str, Any]


class ServiceUnreachable(Exception):  # noqa: N818  an error is named for what happened
    """The service does not answer, or answers that it cannot; nothing is known about the request."""


class RequestRefused(Exception):  # noqa: N818
    """The service refused the request; the message is its own reason, with the fields at fault."""


class RequestConflicts(RequestRefused):
    """The request was understood and the answer is no: the job is not in a state for it."""


class Client:
    """One customer's connection to the service. Every method raises ServiceUnreachable and RequestRefused."""

    def __init__(self, url: str, key: str | None) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._url = url
        timeout = httpx2.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        try:
            # The address is the user's own word; a proxy from the environment would only stand in the way.
            self._http = httpx2.Client(base_url=url, headers=headers, timeout=timeout, trust_env=False)
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise RequestRefused(f"QUANTUM_SCHEDULER_URL or the key cannot be used: {error}") from error

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._http.close()

    def submit_job(self, request: Mapping[str, Any], *, idempotency_key: str | None = None) -> Job:
        """Submit a job: `request` is the body of `POST /v1/jobs`."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return self._ask("POST", "/v1/jobs", json=request, headers=headers)

    def list_jobs(self, *, state: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
        """Fetch one page of jobs, newest first."""
        asked = {"state": state, "limit": limit, "cursor": cursor}
        return self._ask("GET", "/v1/jobs", params={key: value for key, value in asked.items() if value is not None})

    def fetch_job(self, job_id: str) -> Job:
        """Fetch one job, with its result when it has one."""
        return self._ask("GET", f"/v1/jobs/{_quote(job_id)}")

    def cancel_job(self, job_id: str) -> Job:
        """Cancel a job that has not finished."""
        return self._ask("DELETE", f"/v1/jobs/{_quote(job_id)}")

    def prioritise_job(self, job_id: str, priority: str) -> Job:
        """Change the priority of a job that waits."""
        return self._ask("POST", f"/v1/jobs/{_quote(job_id)}/priority", json={"priority": priority})

    def list_backends(self) -> dict[str, Any]:
        """Fetch what every backend can take."""
        return self._ask("GET", "/v1/backends")

    def check_backends(self) -> dict[str, Any]:
        """Fetch the health of every backend."""
        return self._ask("GET", "/v1/backends/health")

    def check_health(self) -> dict[str, Any]:
        """Fetch the health of the service itself."""
        return self._ask("GET", "/v1/health")

    def list_metrics(self) -> dict[str, Any]:
        """Fetch every metric as of the last sample."""
        return self._ask("GET", "/v1/metrics")

    def fetch_metric(self, name: str, *, since: str, step: str) -> dict[str, Any]:
        """Fetch what a metric was."""
        return self._ask("GET", f"/v1/metrics/{_quote(name)}", params={"since": since, "step": step})

    def follow_job(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Yield what happens to a job, {"seq", "event", "data"} each, until it has finished.

        A stream that breaks, because the service restarts or the network does, is taken up where it broke.
        """
        seen = ""
        lost_at: float | None = None
        while True:
            try:
                with self._open_events(job_id, seen) as events:
                    lost_at = None
                    for event in events:
                        seen = event.id or seen
                        data: dict[str, Any] = json.loads(event.data)
                        yield {"seq": int(seen) if seen.isdigit() else None, "event": event.event, "data": data}
                        if event.event == "state" and data["state"] in FINAL_STATES:
                            return
                if self.fetch_job(job_id)["state"] in FINAL_STATES:
                    return
            except (httpx2.TransportError, ServiceUnreachable) as error:
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > RECONNECT_FOR_S:
                    raise ServiceUnreachable(f"lost the service at {self._url}: {error}") from error
            time.sleep(RECONNECT_EVERY_S)

    @contextmanager
    def _open_events(self, job_id: str, seen: str) -> Iterator[Iterable[httpx2.ServerSentEvent]]:
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": seen} if seen else {})}
        with self._http.stream("GET", f"/v1/jobs/{_quote(job_id)}/events", headers=headers) as response:
            if response.is_error:
                response.read()
                raise _refuse(response)
            yield httpx2.EventSource(response)

    def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **request)
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ServiceUnreachable(
                f"no service at {self._url} ({reason}); start one: quantum-scheduler up"
            ) from error
        if response.is_error:
            raise _refuse(response)
        try:
            document: dict[str, Any] = response.json()
        except ValueError as error:
            raise ServiceUnreachable(f"{self._url} answers, but is not quantum-scheduler") from error
        return document


def find_key(settings: Settings) -> str | None:
    """Find the key from QUANTUM_SCHEDULER_API_KEY, or else the one that `up` keeps in the data folder."""
    if settings.api_key is not None:
        return settings.api_key
    try:
        return settings.key_file.read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeError):
        return None


def open_client(settings: Settings) -> Client:
    """Connect with the key that `find_key` finds."""
    return Client(settings.api_url, find_key(settings))


def _quote(job_id: str) -> str:
    """Make one segment of a path of whatever a person typed."""
    return quote(job_id, safe="") or "-"


def _refuse(response: httpx2.Response) -> Exception:
    """Turn an error response into the exception that carries its reason."""
    try:
        problem = response.json()
        fields = [f"{error['field']}: {error['reason']}".removeprefix(": ") for error in problem.get("errors") or ()]
        reason = "; ".join(fields) or problem.get("detail") or problem["title"]
    except (ValueError, KeyError, TypeError, AttributeError):
        reason = f"the service answered {response.status_code} {response.reason_phrase}"
    if response.status_code in {401, 403}:
        reason += " (the key comes from QUANTUM_SCHEDULER_API_KEY or from the data folder of `up`)"
    if response.is_server_error:
        return ServiceUnreachable(reason)
    return RequestConflicts(reason) if response.status_code == httpx2.codes.CONFLICT else RequestRefused(reason)
