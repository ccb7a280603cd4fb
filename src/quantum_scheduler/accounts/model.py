"""The nouns of entry: who a key lets in, and why one was turned away."""

from dataclasses import dataclass
from uuid import UUID

# Until an installation has accounts of its own, everything in it belongs to this organisation.
LOCAL_ORG_ID = UUID("00000000-0000-7000-8000-000000000001")
LOCAL_ORG_NAME = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking: the organisation whose rows may be seen, and the key that opened the door."""

    org_id: UUID
    key_id: UUID


class KeyMissing(Exception):  # noqa: N818  an error is named for what happened
    """No key was shown."""

    def __init__(self) -> None:
        super().__init__("send the header `Authorization: Bearer KEY`")


class KeyUnknown(Exception):  # noqa: N818
    """The key shown opens nothing: mistyped, never issued, or revoked."""
