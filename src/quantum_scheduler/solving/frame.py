"""The frames that a pool and its children exchange over a socket: a kind, a length, and that many bytes."""

import struct
from enum import IntEnum

HEADER = struct.Struct("!BQ")

# The same limit holds for an argument and for a result; both must fit in either process's memory several times.
FRAME_BYTES_MAX = 512 * 2**20
PROGRESS_BYTES_MAX = 2**20


class Kind(IntEnum):
    """What a frame holds. The pool sends CALL and ARGUMENT, the child all the others."""

    READY = 1  # nothing: the preloaded modules are imported
    CALL = 2  # JSON {"function", "memory_mb"}
    ARGUMENT = 3  # the argument of the call before it
    BEGUN = 4  # nothing: until this frame the function has certainly not run
    PROGRESS = 5  # what the function reported
    RESULT = 6  # what it returned
    FAILED = 7  # JSON {"kind", "message", "trace"}
    NO_MEMORY = 8  # nothing: it asked for more memory than it may use


class FrameTooLarge(ValueError):  # noqa: N818  an error is named for what happened
    """A frame would be over its limit."""


def pack_frame(kind: Kind, payload: bytes = b"", *, bytes_max: int = FRAME_BYTES_MAX) -> bytes:
    """Write one frame. Raises FrameTooLarge."""
    if len(payload) > bytes_max:
        raise FrameTooLarge(f"{len(payload)} bytes; at most {bytes_max} may be sent")
    return HEADER.pack(kind, len(payload)) + payload


def read_header(header: bytes | bytearray) -> tuple[Kind, int]:
    """Read a frame's kind and length. Raises ValueError where it is no header of ours."""
    number, length = HEADER.unpack(header)
    if length > FRAME_BYTES_MAX:
        raise FrameTooLarge(f"{length} bytes; at most {FRAME_BYTES_MAX} may be sent")
    return Kind(number), length
