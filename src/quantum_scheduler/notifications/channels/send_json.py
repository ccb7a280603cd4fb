"""Send JSON over HTTP, and say in the channels' terms what became of it."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from quantum_scheduler.notifications.model import SendFailed

ANSWER_CHARS_MAX = 200
RETRY_AFTER_MAX_S = 3_600.0
# Worth another try: the rest of the 400s says that the message, the address or the key is wrong.
RETRIED_STATUSES = frozenset({408, 409, 425, 429})


async def send_json(
    http: httpx2.AsyncClient, url: str, body: object, *, headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    """POST a body as JSON. Raises SendFailed for anything but a 2xx, never naming the address, which may hold a key."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    try:
        response = await http.post(url, content=content, headers=sent)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise SendFailed(f"the connection failed: {type(error).__name__}") from None
    if response.is_success:
        return response
    is_final = 300 <= response.status_code < 500 and response.status_code not in RETRIED_STATUSES
    said = response.text[:ANSWER_CHARS_MAX]
    raise SendFailed(
        f"the answer was {response.status_code}: {said}", is_final=is_final, retry_after_s=read_retry_after(response)
    )


def read_retry_after(response: httpx2.Response) -> float | None:
    """Read Retry-After in seconds, as far as it is sensible."""
    try:
        return min(float(response.headers.get("Retry-After", "")), RETRY_AFTER_MAX_S)
    except ValueError:
        return None


def read_object(response: httpx2.Response) -> dict[str, Any]:
    """Read an answer that must be a JSON object. Raises SendFailed."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise SendFailed(f"the answer is not JSON: {response.text[:ANSWER_CHARS_MAX]}")
    return answer
