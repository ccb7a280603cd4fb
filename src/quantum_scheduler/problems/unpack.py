"""Unpack what was sent into text, never past its limit."""

import gzip
import io
import zlib

from quantum_scheduler.problems.model import DOCUMENT_BYTES_MAX, Issue, ProblemInvalid, ProblemTooLarge

GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 2**20


def unpack_text(data: bytes) -> str:
    """The text in `data`, inflated first where it is gzip.

    Raises ProblemTooLarge at DOCUMENT_BYTES_MAX, before the rest is inflated; ProblemInvalid for damaged gzip and for
    what `decode_text` refuses.
    """
    return decode_text(_inflate(data) if data.startswith(GZIP_MAGIC) else data)


def decode_text(document: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark.

    Raises ProblemTooLarge over DOCUMENT_BYTES_MAX, ProblemInvalid for other encodings and for nothing at all.
    """
    if len(document) > DOCUMENT_BYTES_MAX:
        raise _too_large()
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"the document is not UTF-8 text: byte {error.start + 1:,} is wrong"
        raise ProblemInvalid(Issue(field="", reason=reason)) from None
    if not text.strip():
        raise ProblemInvalid(Issue(field="", reason="the document is empty"))
    return text


def _inflate(data: bytes) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while chunk := stream.read(_CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > DOCUMENT_BYTES_MAX:
                    raise _too_large()
    except (EOFError, OSError, zlib.error) as error:
        raise ProblemInvalid(Issue(field="", reason=f"the gzip data is damaged: {error}")) from None
    return b"".join(chunks)


def _too_large() -> ProblemTooLarge:
    reason = f"the document is over {DOCUMENT_BYTES_MAX:,} bytes, the most that is taken"
    return ProblemTooLarge(Issue(field="", reason=reason))
