"""Keep problems small in the database."""

import asyncio
import gzip

COMPRESSION_LEVEL = 3
# More is done beside the event loop, which it would hold up for longer than starting a thread takes.
INLINE_MAX_BYTES = 64 * 1024


async def pack_problem(document: bytes) -> bytes:
    """Compress the JSON document of a problem, always to the same bytes."""
    if len(document) <= INLINE_MAX_BYTES:
        return gzip.compress(document, COMPRESSION_LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, document, COMPRESSION_LEVEL, mtime=0)


async def unpack_problem(packed: bytes) -> bytes:
    """The document that was packed."""
    if len(packed) <= INLINE_MAX_BYTES:
        return gzip.decompress(packed)
    return await asyncio.to_thread(gzip.decompress, packed)
