"""The part of D-Wave's Solver API that takes large problems: multipart uploads, checked by MD5."""

import base64
import hashlib
import threading
from dataclasses import dataclass, field
from uuid import uuid4

from quantum_scheduler.testing.loopback import Reply, Request, reply_json


@dataclass(kw_only=True)
class _Upload:
    parts: dict[int, bytes] = field(default_factory=dict)
    complete: bool = False


class Uploads:
    """What was uploaded, by id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uploads: dict[str, _Upload] = {}

    def read(self, upload_id: str) -> bytes:
        """Return a whole upload. Raises KeyError where it is unknown or not combined."""
        with self._lock:
            upload = self._uploads[upload_id]
            if not upload.complete:
                raise KeyError(upload_id)
            return b"".join(upload.parts[number] for number in sorted(upload.parts))

    def clear(self) -> None:
        """Forget every upload."""
        with self._lock:
            self._uploads.clear()

    def answer(self, request: Request, path: list[str]) -> Reply:
        """Answer under `bqm/multipart`."""
        with self._lock:
            if request.method == "POST" and not path:
                upload_id = str(uuid4())
                self._uploads[upload_id] = _Upload()
                return reply_json({"id": upload_id})
            upload = self._uploads.get(path[0]) if path else None
            if upload is None:
                return reply_json({"error_code": 404, "error_msg": "No such upload"}, status=404)
            match request.method, path[1:]:
                case "PUT", ["part", number]:
                    return _take_part(upload, int(number), request)
                case "GET", ["status"]:
                    return reply_json(_tell(upload))
                case "POST", ["combine"]:
                    return _combine(upload, request)
                case _:
                    return reply_json({"error_code": 404, "error_msg": "Not found"}, status=404)


def _take_part(upload: _Upload, number: int, request: Request) -> Reply:
    if base64.b64encode(_digest(request.body)).decode() != request.headers.get("content-md5"):
        return reply_json({"error_code": 400, "error_msg": "Content-MD5 does not match"}, status=400)
    upload.parts[number] = request.body
    return reply_json({})


def _combine(upload: _Upload, request: Request) -> Reply:
    """Check the digest of the parts' digests, and take the upload as complete."""
    digest = _digest(b"".join(_digest(upload.parts[number]) for number in sorted(upload.parts)))
    if request.json()["checksum"] != digest.hex():
        return reply_json({"error_code": 400, "error_msg": "The checksum does not match"}, status=400)
    upload.complete = True
    return reply_json({})


def _tell(upload: _Upload) -> dict[str, object]:
    parts = [{"part_number": number, "checksum": _digest(data).hex()} for number, data in sorted(upload.parts.items())]
    return {"status": "UPLOAD_COMPLETED" if upload.complete else "UPLOAD_IN_PROGRESS", "parts": parts}


def _digest(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
