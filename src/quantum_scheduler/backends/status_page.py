"""Read what a vendor says of itself on its status page, in the shape that Statuspage gives it."""

import json
from dataclasses import dataclass

import httpx2

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.load import BackendUnknown
from quantum_scheduler.backends.reach import ENDPOINTS

TIMEOUT_S = 5.0
PAGE_BYTES_MAX = 2 * 2**20
MESSAGE_LENGTH_MAX = 300
WELL = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """What a vendor says: `is_known` whether it could be read, `indicator` as none, minor, major or critical."""

    is_known: bool
    is_well: bool
    indicator: str
    message: str


def name_setting(vendor: str) -> str:
    """Name the variable that says where a vendor's page is. Raises BackendUnknown."""
    if vendor not in ENDPOINTS:
        raise BackendUnknown(vendor)
    return f"{vendor.upper()}_STATUS_URL"


async def read_status_page(vendor: str, *, timeout_s: float = TIMEOUT_S) -> StatusPage:
    """`probe.status_page`: read the indicator and the description of a summary.json. Raises BackendUnknown."""
    setting = name_setting(vendor)
    url = credential(setting)
    if url is None:
        return _unknown(f"{setting} is not set: look at the page yourself")
    try:
        async with httpx2.AsyncClient(timeout=timeout_s) as client, client.stream("GET", url) as answer:
            answer.raise_for_status()
            page = b""
            async for part in answer.aiter_bytes():
                page += part
                if len(page) > PAGE_BYTES_MAX:
                    return _unknown(f"the page has more than {PAGE_BYTES_MAX:,} bytes")
        said = json.loads(page)["status"]
        indicator, message = str(said["indicator"]), str(said["description"])
    except httpx2.HTTPError as error:
        return _unknown(f"{type(error).__name__}: {error}")
    except (ValueError, LookupError, TypeError):
        return _unknown("the page is not a summary.json as Statuspage writes it")
    return StatusPage(
        is_known=True, is_well=indicator == WELL, indicator=indicator, message=message[:MESSAGE_LENGTH_MAX]
    )


def _unknown(message: str) -> StatusPage:
    return StatusPage(is_known=False, is_well=False, indicator="", message=message[:MESSAGE_LENGTH_MAX])
