"""IBM's REST interface for what is asked often: each request bounded in time, none repeated, no SDK imported.

The SDK retries a server error for 15 seconds, waits for results without end and takes 4 seconds to import; a poll or a
probe must not. https://quantum.cloud.ibm.com/docs/api/qiskit-runtime-rest
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.model import BackendError, ErrorKind
from quantum_scheduler.backends.trust import find_trust
from quantum_scheduler.backends.understand import understood
from quantum_scheduler.backends.within import call_within

IAM_URL = "https://iam.cloud.ibm.com"
API_VERSION = "2026-04-15"
RESULT_BYTES_MAX = 64 * 2**20
# A token is given up this long before it expires.
TOKEN_MARGIN_S = 60.0
MESSAGE_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose key and instance are used, and where the service listens. Nothing of it may be shown."""

    key: str
    instance: str
    api_url: str
    iam_url: str


def find_account() -> Account:
    """Find the account in the credentials. Raises BackendError of kind `auth` where something is missing."""
    key = credential("IBM_TOKEN") or credential("QISKIT_IBM_TOKEN")
    instance = credential("IBM_INSTANCE") or credential("QISKIT_IBM_INSTANCE")
    if key is None:
        raise BackendError("auth", "ibm: IBM_TOKEN is not set; it is an API key of IBM Cloud")
    if instance is None or _region_of(instance) is None:
        raise BackendError("auth", "ibm: IBM_INSTANCE is not set to the CRN of an instance")
    return Account(
        key=key,
        instance=instance,
        api_url=find_api_url(),
        iam_url=(credential("IAM_URL") or IAM_URL).rstrip("/"),
    )


def find_api_url() -> str:
    """Find where the service listens: in the region of the instance, or the first region where none is known."""
    instance = credential("IBM_INSTANCE") or credential("QISKIT_IBM_INSTANCE") or ""
    region = _region_of(instance) or "us-east"
    host = "quantum.cloud.ibm.com" if region == "us-east" else f"{region}.quantum.cloud.ibm.com"
    return (credential("IBM_API_URL") or f"https://{host}/api/v1").rstrip("/")


def _region_of(instance: str) -> str | None:
    """Read the region off the CRN of an instance; None where it is none."""
    parts = instance.split(":")
    return parts[5] if parts[0] == "crn" and len(parts) >= 8 else None


class IbmRest:
    """The service as one account sees it. `timeout_s` bounds a request, `total_s` all of them together."""

    def __init__(self, account: Account, *, timeout_s: float, total_s: float | None = None) -> None:
        self._account = account
        self._timeout_s = timeout_s
        self._ends_s = None if total_s is None else time.monotonic() + total_s
        self._token = ""
        self._token_ends_s = 0.0
        self._client = httpx2.Client(follow_redirects=False, verify=find_trust())

    def devices(self) -> Mapping[str, Any]:
        """List the instance's devices."""
        return self._get("/backends")

    def status(self, device: str) -> Mapping[str, Any]:
        """Tell whether a device takes jobs, and how many wait."""
        return self._get(f"/backends/{device}/status")

    def usage(self) -> Mapping[str, Any]:
        """Tell what the instance has used of what it may."""
        return self._get("/instances/usage")

    def find_job(self, tag: str) -> Mapping[str, Any] | None:
        """Find the latest job with this tag."""
        jobs = self._get("/jobs", params={"tags": tag, "limit": "1", "exclude_params": "true"})["jobs"]
        return jobs[0] if jobs else None

    def job(self, job: str) -> Mapping[str, Any]:
        """Read a job."""
        return self._get(f"/jobs/{job}", params={"exclude_params": "true"})

    def metrics(self, job: str) -> Mapping[str, Any]:
        """Read what a job has used."""
        return self._get(f"/jobs/{job}/metrics")

    def results(self, job: str) -> str:
        """Read the results of a job as they are on the wire."""
        response = self._request("GET", f"/jobs/{job}/results", accept="*/*")
        if len(response.content) > RESULT_BYTES_MAX:
            raise BackendError("integrity", f"ibm: the result has {len(response.content):,} bytes")
        return response.text

    def cancel(self, job: str) -> None:
        """Cancel a job; one that has ended is left as it is."""
        self._request("POST", f"/jobs/{job}/cancel", allowed=409)

    def close(self) -> None:
        """Let go of the connections; safe to repeat."""
        self._client.close()

    def _get(self, path: str, *, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        with understood("ibm"):
            document: Mapping[str, Any] = self._request("GET", path, params=params).json()
        return document

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        accept: str = "application/json",
        allowed: int = 0,
    ) -> httpx2.Response:
        headers = {
            "Authorization": f"Bearer {self._find_token()}",
            "Service-CRN": self._account.instance,
            "IBM-API-Version": API_VERSION,
            "Accept": accept,
        }
        return self._send(method, self._account.api_url + path, headers=headers, params=params, allowed=allowed)

    def _find_token(self) -> str:
        """Exchange the key for an access token, which is good for an hour."""
        if time.monotonic() >= self._token_ends_s:
            grant = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": self._account.key}
            url = f"{self._account.iam_url}/identity/token"
            answer = self._send("POST", url, data=grant, headers={"Accept": "application/json"}, refused="auth").json()
            self._token = str(answer["access_token"])
            self._token_ends_s = time.monotonic() + float(answer["expires_in"]) - TOKEN_MARGIN_S
        return self._token

    def _send(
        self, method: str, url: str, *, allowed: int = 0, refused: ErrorKind = "job_failed", **arguments: Any
    ) -> httpx2.Response:
        """Send one request. Raises BackendError, of kind `refused` where the service says no and not why."""
        left_s = self._left_s()
        try:
            response = call_within(
                left_s, lambda: self._client.request(method, url, timeout=left_s, **arguments), what="ibm"
            )
        except httpx2.TimeoutException as error:
            raise BackendError("timeout", f"ibm: no answer in time to {method} {_path(url)}") from error
        except httpx2.TransportError as error:
            raise BackendError("unavailable", f"ibm: {method} {_path(url)}: {error}") from error
        if response.status_code >= 400 and response.status_code != allowed:
            raise self._tell(response, refused)
        return response

    def _left_s(self) -> float:
        if self._ends_s is None:
            return self._timeout_s
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise BackendError("timeout", "ibm: no answer in time")
        return min(self._timeout_s, left_s)

    def _tell(self, response: httpx2.Response, refused: ErrorKind) -> BackendError:
        text = _read_message(response).replace(self._account.key, "***")[:MESSAGE_MAX]
        return BackendError(
            classify(response.status_code, text, refused),
            f"ibm: {response.status_code}: {text}",
            retry_after_s=read_retry_after(response.headers.get("Retry-After")),
        )


def classify(status: int, message: str, refused: ErrorKind = "job_failed") -> ErrorKind:
    """Say what follows from an HTTP status of the service and its message."""
    if status == 429:
        return "rate_limit"
    if status in (401, 403):
        return "quota" if re.search(r"usage|limit|quota", message, re.IGNORECASE) else "auth"
    if status == 402 or re.search(r"usage limit|quota", message, re.IGNORECASE):
        return "quota"
    return "unavailable" if status >= 500 else refused


def read_retry_after(text: str | None) -> float | None:
    """Read a Retry-After in seconds; one with a date is left to the caller's own back-off."""
    return float(text) if text and text.isascii() and text.isdigit() else None


def _read_message(response: httpx2.Response) -> str:
    """Read what the service, or IAM, says is wrong; where it says it in neither form, its whole answer."""
    try:
        told = response.json()
        return str(told["errorMessage"] if "errorMessage" in told else told["errors"][0]["message"])
    except (LookupError, TypeError, ValueError):
        return response.text


def _path(url: str) -> str:
    return httpx2.URL(url).path
