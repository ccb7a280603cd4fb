"""What tests of accounts share."""

from collections.abc import AsyncIterator

import pytest
from tests.accounts.house import House, open_house

from quantum_scheduler.postgres.connect import Pool


@pytest.fixture
async def house(pool: Pool, dsn: str) -> AsyncIterator[House]:
    """The service on a database of its own."""
    async with open_house(pool, dsn) as opened:
        yield opened
