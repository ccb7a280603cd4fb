"""The text of an API key: `qsk_live_<key id>_<secret>_<crc32>`, all parts in lower-case hexadecimal.

The key id finds the row, the secret (192 bits) is what only the owner knows, and the checksum tells a mistyped or cut
key from an unknown one without asking the database.
"""

import hashlib
import re
import zlib
from uuid import UUID

from quantum_scheduler.accounts.model import KeyUnknown
from quantum_scheduler.accounts.pepper import NO_PEPPER, Peppers

SECRET_BYTES = 24

_KEY = re.compile(r"qsk_live_(?P<id>[0-9a-f]{32})_[0-9a-f]{48}_(?P<checksum>[0-9a-f]{8})", re.ASCII)


def write_key(key_id: UUID, secret: bytes) -> str:
    """Write the key that its owner keeps; `secret` is SECRET_BYTES random bytes."""
    signed = f"qsk_live_{key_id.hex}_{secret.hex()}"
    return f"{signed}_{_checksum(signed)}"


def read_key_id(key: str) -> UUID:
    """Read the id out of a key, as a first check that needs no database. Raises KeyUnknown."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise KeyUnknown("this is not a key of this service: a key begins with qsk_live_ and has 99 characters")
    if _checksum(key.rpartition("_")[0]) != match["checksum"]:
        raise KeyUnknown("the key is mistyped: its checksum does not match")
    return UUID(match["id"])


def digest_key(key: str, peppers: Peppers | None, *, version: int | None = None) -> bytes:
    """Compute what is stored of a key: its HMAC-SHA256 under a pepper, by default the newest.

    With 192 random bits in it, guessing needs no slower hash. Keys from before there were peppers have version
    NO_PEPPER, their SHA-256. Raises KeyError where the pepper is unknown.
    """
    if peppers is None or version == NO_PEPPER:
        return hashlib.sha256(key.encode("ascii")).digest()
    return peppers.digest("api key", key, version=version)


def _checksum(signed: str) -> str:
    return f"{zlib.crc32(signed.encode('ascii')):08x}"
