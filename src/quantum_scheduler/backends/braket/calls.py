"""Calls to Amazon Braket through boto3, each bounded in time, its errors told in the port's terms."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NoReturn

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.model import BackendError, ErrorKind
from quantum_scheduler.backends.within import call_within

CONNECT_TIMEOUT_S = 3.0
REGION = "us-east-1"
RESULT_BYTES_MAX = 64 * 2**20
SEARCH_PAGE = 100
SEARCH_PAGES_MAX = 5
MISSING = "the SDK is not installed: pip install 'quantum-scheduler[braket]'"

KINDS: Mapping[str, ErrorKind] = {
    "ThrottlingException": "rate_limit",
    "TooManyRequestsException": "rate_limit",
    "SlowDown": "rate_limit",
    "AccessDeniedException": "auth",
    "AccessDenied": "auth",
    "UnrecognizedClientException": "auth",
    "InvalidClientTokenId": "auth",
    "InvalidAccessKeyId": "auth",
    "InvalidSignatureException": "auth",
    "SignatureDoesNotMatch": "auth",
    "ExpiredTokenException": "auth",
    "ExpiredToken": "auth",
    "MissingAuthenticationTokenException": "auth",
    "ServiceQuotaExceededException": "quota",
    "DeviceOfflineException": "offline",
    "DeviceRetiredException": "offline",
}


# A session reads its tables of services once, and does not let two threads build clients at a time.
_SESSION_LOCK = threading.Lock()


def find_region() -> str:
    """Find the region that the credentials name."""
    return credential("AWS_REGION") or credential("AWS_DEFAULT_REGION") or REGION


def find_endpoint() -> str:
    """Find where Braket listens."""
    return credential("BRAKET_ENDPOINT") or f"https://braket.{find_region()}.amazonaws.com"


@cache
def _open_session() -> Any:
    import boto3  # noqa: PLC0415

    return boto3.Session()


class BraketCalls:
    """The few operations that are needed, on clients that are built when first used and never retry by themselves."""

    def __init__(self, region: str | None, *, timeout_s: float) -> None:
        self._region = region or find_region()
        self._timeout_s = timeout_s
        self._clients: dict[str, Any] = {}

    def get_device(self, arn: str) -> Mapping[str, Any]:
        """Read a device."""
        return self._call("braket", "get_device", deviceArn=arn)

    def create_task(self, **task: Any) -> str:
        """Create a task and return its ARN; the same `clientToken` again is the same task."""
        return str(self._call("braket", "create_quantum_task", **task)["quantumTaskArn"])

    def get_task(self, arn: str) -> Mapping[str, Any]:
        """Read a task with its place in the queue."""
        return self._call("braket", "get_quantum_task", quantumTaskArn=arn, additionalAttributeNames=["QueueInfo"])

    def cancel_task(self, arn: str, token: str) -> None:
        """Ask for a task to be cancelled; one that has ended is left as it is."""
        self._call("braket", "cancel_quantum_task", allowed="ConflictException", quantumTaskArn=arn, clientToken=token)

    def list_tasks(self, device_arn: str) -> Iterator[Mapping[str, Any]]:
        """List the latest tasks on a device, newest first."""
        following: dict[str, Any] = {}
        for _ in range(SEARCH_PAGES_MAX):
            page = self._call(
                "braket",
                "search_quantum_tasks",
                filters=[{"name": "deviceArn", "operator": "EQUAL", "values": [device_arn]}],
                maxResults=SEARCH_PAGE,
                **following,
            )
            yield from page["quantumTasks"]
            if not page.get("nextToken"):
                return
            following = {"nextToken": page["nextToken"]}

    def list_spending_limits(self, device_arn: str, *, timeout_s: float) -> Sequence[Mapping[str, Any]]:
        """List the limits of what may be spent on a device, within `timeout_s`."""
        criterion = {"name": "deviceArn", "operator": "EQUAL", "values": [device_arn]}
        answer = self._call("braket", "search_spending_limits", timeout_s=timeout_s, filters=[criterion])
        limits: Sequence[Mapping[str, Any]] = answer["spendingLimits"]
        return limits

    def get_object(self, bucket: str, key: str) -> bytes:
        """Read an object of S3."""
        response = self._call("s3", "get_object", Bucket=bucket, Key=key)
        if int(response["ContentLength"]) > RESULT_BYTES_MAX:
            raise BackendError("integrity", f"braket: the result has {response['ContentLength']:,} bytes")
        with _told_as_backend_error():
            return call_within(self._timeout_s, lambda: bytes(response["Body"].read()), what="braket")

    def close(self) -> None:
        """Let go of the connections; safe to repeat."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _call(
        self, service: str, operation: str, *, allowed: str = "", timeout_s: float | None = None, **arguments: Any
    ) -> Mapping[str, Any]:
        with _told_as_backend_error(allowed):
            client = self._client(service)
            response: Mapping[str, Any] = call_within(
                timeout_s or self._timeout_s, lambda: getattr(client, operation)(**arguments), what="braket"
            )
            return response
        return {}

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            from botocore.config import Config  # noqa: PLC0415

            connect_s = min(CONNECT_TIMEOUT_S, self._timeout_s / 2)
            endpoint = {"braket": "BRAKET_ENDPOINT", "s3": "AWS_ENDPOINT_URL_S3"}[service]
            config = Config(
                connect_timeout=connect_s, read_timeout=self._timeout_s - connect_s, retries={"total_max_attempts": 1}
            )
            with _SESSION_LOCK:
                self._clients[service] = _open_session().client(
                    service,
                    region_name=self._region,
                    endpoint_url=credential(endpoint),
                    config=config,
                    aws_access_key_id=credential("AWS_ACCESS_KEY_ID"),
                    aws_secret_access_key=credential("AWS_SECRET_ACCESS_KEY"),
                    aws_session_token=credential("AWS_SESSION_TOKEN"),
                )
        return self._clients[service]


@contextmanager
def _told_as_backend_error(allowed: str = "") -> Iterator[None]:
    """Turn every exception of boto3 into one BackendError; swallow the error code that is allowed."""
    try:
        import boto3  # noqa: F401, PLC0415  0.4 s, and only where Braket is used
        import botocore.exceptions as failures  # noqa: PLC0415
    except ImportError as error:
        raise BackendError("unavailable", f"braket: {MISSING}") from error
    try:
        yield
    except failures.ClientError as error:
        if error.response["Error"]["Code"] != allowed:
            _raise(error)
    except (failures.ConnectTimeoutError, failures.ReadTimeoutError) as error:
        raise BackendError("timeout", f"braket: {error}") from error
    except (failures.NoCredentialsError, failures.PartialCredentialsError, failures.ProfileNotFound) as error:
        raise BackendError("auth", f"braket: {error}") from error
    except (failures.BotoCoreError, failures.HTTPClientError) as error:
        raise BackendError("unavailable", f"braket: {error}") from error


def _raise(error: Any) -> NoReturn:
    """Raise what the service answered as an error of the port."""
    code, metadata = error.response["Error"]["Code"], error.response["ResponseMetadata"]
    status = int(metadata["HTTPStatusCode"])
    kind = KINDS.get(code) or ("rate_limit" if status == 429 else "unavailable" if status >= 500 else "job_failed")
    told = metadata["HTTPHeaders"].get("retry-after", "")
    retry_after_s = float(told) if told.replace(".", "", 1).isdigit() else None
    raise BackendError(kind, f"braket: {code}: {error.response['Error']['Message']}", retry_after_s=retry_after_s)
