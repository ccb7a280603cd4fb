"""Find out how far one gets towards a vendor from this machine: its name, its port, its certificate.

Nothing is asked of the vendor itself, and nothing of it is paid.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from urllib.parse import urlsplit

from quantum_scheduler.backends.braket import calls as braket
from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.dwave import access as dwave
from quantum_scheduler.backends.ibm import rest as ibm
from quantum_scheduler.backends.load import BackendUnknown

TIMEOUT_S = 5.0
ADDRESSES_MAX = 10
_PORTS = {"http": 80, "https": 443}


ENDPOINTS: Mapping[str, Callable[[], str | None]] = {
    "dwave": lambda: credential("DWAVE_API_ENDPOINT") or dwave.ENDPOINT,
    "ibm": ibm.find_api_url,
    "braket": braket.find_endpoint,
    "dynex": lambda: credential("DYNEX_GRPC_ENDPOINT"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a vendor listens; `is_plain` is without a certificate, as stand-ins on this machine are."""

    host: str
    port: int
    is_plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsProbe:
    """Whether a vendor's name has addresses; `ms` is how long it took to tell."""

    ok: bool
    host: str
    addresses: tuple[str, ...]
    ms: float
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe:
    """Whether a vendor's port takes connections."""

    ok: bool
    host: str
    port: int
    ms: float
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProbe:
    """Whether a vendor shows a certificate that this machine trusts, and for how many days it still holds.

    `is_plain` says that none is used there; then `ok` is whether the port answers.
    """

    ok: bool
    host: str
    is_plain: bool
    days_left: float | None
    version: str
    ms: float
    message: str = ""


def find_place(vendor: str) -> Place | None:
    """Find where the settings say that a vendor listens; None where they do not. Raises BackendUnknown."""
    if vendor not in ENDPOINTS:
        raise BackendUnknown(vendor)
    url = ENDPOINTS[vendor]()
    if not url:
        return None
    parts = urlsplit(url if "://" in url else f"//{url}")
    host = parts.hostname or ""
    is_plain = parts.scheme == "http" or (not parts.scheme and host in ("localhost", "127.0.0.1"))
    return Place(host=host, port=parts.port or _PORTS["http" if is_plain else "https"], is_plain=is_plain)


async def probe_dns(vendor: str, *, timeout_s: float = TIMEOUT_S) -> DnsProbe:
    """`probe.dns`: ask for the addresses of a vendor's name. Raises BackendUnknown."""
    place, began_s = find_place(vendor), perf_counter()
    if place is None:
        return DnsProbe(ok=False, host="", addresses=(), ms=0.0, message=_unset(vendor))
    try:
        async with asyncio.timeout(timeout_s):
            found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return DnsProbe(ok=False, host=place.host, addresses=(), ms=_since_ms(began_s), message=_tell(error, timeout_s))
    addresses = tuple(dict.fromkeys(str(each[4][0]) for each in found))[:ADDRESSES_MAX]
    return DnsProbe(ok=bool(addresses), host=place.host, addresses=addresses, ms=_since_ms(began_s))


async def probe_tcp(vendor: str, *, timeout_s: float = TIMEOUT_S) -> TcpProbe:
    """`probe.tcp`: open a connection to a vendor's port, and close it. Raises BackendUnknown."""
    place, began_s = find_place(vendor), perf_counter()
    if place is None:
        return TcpProbe(ok=False, host="", port=0, ms=0.0, message=_unset(vendor))
    message = ""
    try:
        await _connect(place, None, timeout_s)
    except (OSError, UnicodeError) as error:
        message = _tell(error, timeout_s)
    return TcpProbe(ok=not message, host=place.host, port=place.port, ms=_since_ms(began_s), message=message)


async def probe_tls(vendor: str, *, timeout_s: float = TIMEOUT_S) -> TlsProbe:
    """`probe.tls`: look at a vendor's certificate as its clients do. Raises BackendUnknown."""
    place, began_s = find_place(vendor), perf_counter()
    if place is None:
        return TlsProbe(ok=False, host="", is_plain=False, days_left=None, version="", ms=0.0, message=_unset(vendor))
    message, tls = "", None
    try:
        tls = await _connect(place, None if place.is_plain else ssl.create_default_context(), timeout_s)
    except (OSError, UnicodeError) as error:
        message = _tell(error, timeout_s)
    return TlsProbe(
        ok=not message,
        host=place.host,
        is_plain=place.is_plain,
        days_left=None if tls is None else _days_left(tls),
        version="" if tls is None else tls.version() or "",
        ms=_since_ms(began_s),
        message=message,
    )


async def _connect(place: Place, context: ssl.SSLContext | None, timeout_s: float) -> ssl.SSLObject | None:
    async with asyncio.timeout(timeout_s):
        _, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return tls


def _days_left(tls: ssl.SSLObject) -> float | None:
    ends = (tls.getpeercert() or {}).get("notAfter")
    if not isinstance(ends, str):
        return None
    left = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) - datetime.now(UTC)
    return round(left.total_seconds() / 86_400, 1)


def _tell(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    return str(error) or type(error).__name__


def _unset(vendor: str) -> str:
    return f"the settings do not say where {vendor} listens"


def _since_ms(began_s: float) -> float:
    return round(1000 * (perf_counter() - began_s), 1)
