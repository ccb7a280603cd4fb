"""Keep problems small in the database."""

import asyncio
import gzip
import zlib

COMPRESSION_LEVEL = 3
# More is done beside the event loop, which it would hold up for longer than starting a thread takes.
INLINE_MAX_BYTES = 64 * 1024
# Tells zlib that it is given a file of gzip; the module `gzip` reads the same in three times as long.
GZIP_WBITS = 31


async def pack_problem(document: bytes) -> bytes:
    """Compress the JSON document of a problem, always to the same bytes."""
    if len(document) <= INLINE_MAX_BYTES:
        return gzip.compress(document, COMPRESSION_LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, document, COMPRESSION_LEVEL, mtime=0)


async def unpack_problem(packed: bytes) -> bytes:
    """The document that was packed."""
    if len(packed) <= INLINE_MAX_BYTES:
        return zlib.decompress(packed, wbits=GZIP_WBITS)
    return await asyncio.to_thread(gzip.decompress, packed)
