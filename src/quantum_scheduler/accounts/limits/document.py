"""What is said about limits over HTTP, in both directions."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.accounts.limits import actions
from quantum_scheduler.accounts.limits.model import REQUESTS_MAX, WINDOW_S_MAX, Multiplier, Rate
from quantum_scheduler.accounts.limits.plan import REQUESTS_AT_ONCE_MAX, Plan
from quantum_scheduler.accounts.quota.model import AMOUNT_MAX, Meter

REASON_LENGTH_MAX = 500

Text = Annotated[str, Field(min_length=1, max_length=REASON_LENGTH_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]


class RateDocument(BaseModel):
    """So many requests in so many seconds."""

    model_config = ConfigDict(title="Rate", extra="forbid")

    requests: int = Field(ge=1, le=REQUESTS_MAX)
    window_s: int = Field(ge=1, le=WINDOW_S_MAX)

    @classmethod
    def of(cls, rate: Rate) -> Self:
        """Show a rate."""
        return cls(requests=rate.requests, window_s=rate.window_s)


class StandingDocument(BaseModel):
    """How one layer of the limits stands."""

    model_config = ConfigDict(title="Standing")

    layer: str = Field(description="`network`, `key` or `organisation`.")
    rate: RateDocument
    remaining: int = Field(description="Requests that are left.")
    full_after_s: float = Field(description="Seconds after which all are there again.")


class LimitsDocument(BaseModel):
    """What the plan allows, and how the limits stand after this very request."""

    model_config = ConfigDict(title="Limits")

    plan: str
    requests_at_once: int
    standings: list[StandingDocument]


class RequestHourDocument(BaseModel):
    """What was asked in one hour."""

    model_config = ConfigDict(title="RequestHour")

    hour_at: datetime
    requests: int
    refused: int


class UsageDocument(BaseModel):
    """What was asked of the API in the last day."""

    model_config = ConfigDict(title="Usage")

    requests: int
    refused: int = Field(description="Requests answered with 429.")
    hours: list[RequestHourDocument]


class AllowanceDocument(BaseModel):
    """How much of a meter there is; beyond a soft one work goes on."""

    model_config = ConfigDict(title="Allowance", extra="forbid")

    amount: int = Field(ge=0, le=AMOUNT_MAX)
    is_soft: bool = False


class PlanTerms(BaseModel):
    """What organisations with a plan may do."""

    model_config = ConfigDict(extra="forbid")

    key: RateDocument
    organisation: RateDocument
    requests_at_once: int = Field(ge=1, le=REQUESTS_AT_ONCE_MAX)
    quotas: dict[Meter, AllowanceDocument] = Field(default={}, description="A meter that is not named is not counted.")


class PlanDocument(PlanTerms):
    """A plan."""

    model_config = ConfigDict(title="Plan")

    name: str
    organisations: int = Field(description="How many have it.")

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Show a plan."""
        quotas = {meter: AllowanceDocument(amount=q.amount, is_soft=q.is_soft) for meter, q in plan.quotas.items()}
        return cls(
            name=plan.name,
            key=RateDocument.of(plan.key),
            organisation=RateDocument.of(plan.organisation),
            requests_at_once=plan.requests_at_once,
            quotas=quotas,
            organisations=plan.organisations,
        )


class PlansDocument(BaseModel):
    """The plans."""

    model_config = ConfigDict(title="Plans")

    items: list[PlanDocument]


class PlanRequest(PlanTerms):
    """What a plan shall be, and why."""

    reason: Text
    incident_id: Text | None = None


class PlanChoice(BaseModel):
    """Which plan an organisation shall have, and why."""

    model_config = ConfigDict(extra="forbid")

    plan: Text
    reason: Text
    incident_id: Text | None = None


class MultiplierRequest(BaseModel):
    """What rates shall be multiplied by, how long and why."""

    model_config = ConfigDict(extra="forbid")

    multiplier: float = Field(ge=actions.MULTIPLIER_MIN, le=actions.MULTIPLIER_MAX)
    minutes: float = Field(gt=0, le=actions.MINUTES_MAX)
    reason: Text
    incident_id: Text | None = None


class MultiplierDocument(BaseModel):
    """What the rates of a class are multiplied by, until when, and over how long they go back after that."""

    model_config = ConfigDict(title="Multiplier")

    class_name: str
    multiplier: float
    ends_at: datetime
    ramp_s: float
    reason: str
    incident_id: str | None

    @classmethod
    def of(cls, given: Multiplier) -> Self:
        """Show a multiplier."""
        return cls(**{name: getattr(given, name) for name in cls.model_fields})


class ConsumerDocument(BaseModel):
    """What one organisation asked lately."""

    model_config = ConfigDict(title="Consumer")

    org_id: UUID
    name: str
    plan: str
    requests: int
    refused: int
    seconds: float


class RequestsDocument(BaseModel):
    """What was asked of the API in the last five minutes. A share is null of fewer than 100 requests."""

    model_config = ConfigDict(title="Requests")

    rate_limit_exceeded: float | None
    rate_limit_shadowed: float | None
    error_rate: float | None
    response_p95_s: float | None
    response_p99_s: float | None
    response_p95_s_by_route: dict[str, float]
    response_p99_s_by_route: dict[str, float]
    top_consumers: list[ConsumerDocument]
    multipliers: list[MultiplierDocument]
