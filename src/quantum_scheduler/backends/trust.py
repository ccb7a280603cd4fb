"""The authorities whose certificates vendors are known by."""

import ssl
from functools import cache

import httpx2


@cache
def find_trust() -> ssl.SSLContext:
    """Load them, once for a process: it takes as much work as some tens of requests."""
    return httpx2.create_ssl_context()
