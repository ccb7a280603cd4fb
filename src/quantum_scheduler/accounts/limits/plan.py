"""What a plan is, and which there are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from quantum_scheduler.accounts.limits.model import RATED_LAYERS, Rate
from quantum_scheduler.accounts.quota.model import Allowance, Meter

REQUESTS_AT_ONCE_MAX = 100_000
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an organisation may do: the rates of one key and of all together, how many of its requests one process of
    the API answers at once, and the quotas; a meter that is not named is not counted. `organisations` have it.
    """

    name: str
    key: Rate
    organisation: Rate
    requests_at_once: int
    quotas: Mapping[Meter, Allowance]
    organisations: int = 0

    def __post_init__(self) -> None:
        """Refuse what no plan can be."""
        if not _NAME.fullmatch(self.name) or self.name in RATED_LAYERS:
            raise ValueError(f"a plan's name is up to 40 small letters, digits and hyphens, and not {self.name!r}")
        if not 1 <= self.requests_at_once <= REQUESTS_AT_ONCE_MAX:
            raise ValueError(f"1 to {REQUESTS_AT_ONCE_MAX:,} requests are answered at once")
