"""What a vendor says of itself is read where the settings say; anything else is not known, and never waited for."""

from collections.abc import Iterator

import pytest

from quantum_scheduler.backends.credentials import use_credentials
from quantum_scheduler.backends.load import BackendUnknown
from quantum_scheduler.backends.status_page import PAGE_BYTES_MAX, StatusPage, read_status_page
from quantum_scheduler.testing.loopback import LoopbackHttp, Reply, Request, reply_json

PAGES = {
    "/well": reply_json({"status": {"indicator": "none", "description": "All Systems Operational"}}),
    "/unwell": reply_json({"status": {"indicator": "major", "description": "Partial outage"}}),
    "/other": reply_json(["no status"]),
    "/text": Reply(body=b"<html>"),
    "/error": Reply(status=500),
    "/endless": Reply(body=b"x" * (PAGE_BYTES_MAX + 1)),
}


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """Where the pages are."""

    def answer(request: Request) -> Reply:
        return PAGES[request.path]

    server = LoopbackHttp(answer, name="status pages")
    server.start()
    yield server.url
    server.stop()


async def read(url: str) -> StatusPage:
    with use_credentials({"DYNEX_STATUS_URL": url}):
        return await read_status_page("dynex", timeout_s=30)


async def test_a_page_is_read(page: str) -> None:
    assert await read(f"{page}/well") == StatusPage(
        is_known=True, is_well=True, indicator="none", message="All Systems Operational"
    )
    unwell = await read(f"{page}/unwell")
    assert (unwell.is_known, unwell.is_well, unwell.indicator) == (True, False, "major")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/other", "not a summary.json"),
        ("/text", "not a summary.json"),
        ("/error", "HTTPStatusError"),
        ("/endless", "more than"),
    ],
)
async def test_what_is_no_page_is_not_known(page: str, path: str, said: str) -> None:
    read_page = await read(page + path)
    assert (read_page.is_known, read_page.is_well) == (False, False)
    assert said in read_page.message


async def test_a_vendor_without_a_page_is_looked_at_by_people() -> None:
    assert "look at the page yourself" in (await read("")).message
    assert not (await read("http://127.0.0.1:9")).is_known
    with pytest.raises(BackendUnknown):
        await read_status_page("classical")
