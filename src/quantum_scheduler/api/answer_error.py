"""Say in HTTP what went wrong: the one table of statuses, and one document for every error."""

import random
import re
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from quantum_scheduler.accounts.actions import BlockRefused
from quantum_scheduler.accounts.limits.headers import write_headers, write_retry_after
from quantum_scheduler.accounts.limits.model import (
    AbnormalUsageDetected,
    ClassUnknown,
    LimitRefused,
    PlanUnknown,
    RateLimited,
    TemporaryReducedCapacity,
)
from quantum_scheduler.accounts.login.invite import InvitationUnknown, TooManyInvitations
from quantum_scheduler.accounts.login.model import (
    CsrfRefused,
    LinkUnknown,
    LoginBusy,
    LoginDelayed,
    LoginRefused,
    MailLinkNeeded,
    NetworkBlocked,
    NoMembership,
    PasswordWeak,
    ProofMissing,
    ProofRefused,
    SecondFactorMissing,
    SecondFactorRefused,
    SessionUnknown,
)
from quantum_scheduler.accounts.login.oidc import ProviderAway, ProviderMissing
from quantum_scheduler.accounts.login.signing import RotatedTooSoon
from quantum_scheduler.accounts.model import (
    AccessBlocked,
    KeyMissing,
    KeyUnknown,
    PersonNeeded,
    ScopeMissing,
    SecondFactorNeeded,
)
from quantum_scheduler.accounts.organisation import (
    ApiKeyRevoked,
    ApiKeyUnknown,
    LastAdmin,
    OrganisationUnknown,
    TooManyKeys,
    UserUnknown,
)
from quantum_scheduler.accounts.quota.model import MeterUncounted, QuotaExceeded
from quantum_scheduler.accounts.routes.myself import SecondFactorAskedFor, SecondFactorKept, SessionNotThere
from quantum_scheduler.api.model import (
    ERROR_MEDIA_TYPE,
    BodyTooLarge,
    BodyTooSlow,
    DatabaseAway,
    ErrorDocument,
    FieldError,
    MethodUnknown,
    ParameterInvalid,
    PathUnknown,
    RequestFailed,
)
from quantum_scheduler.backends.load import BackendUnknown
from quantum_scheduler.incidents.answers.model import ReceiverMissing, SignatureWrong
from quantum_scheduler.incidents.model import IncidentTextInvalid, IncidentUnknown, MoveRefused
from quantum_scheduler.incidents.status.model import ComponentUnknown
from quantum_scheduler.incidents.status.routes import StatusUnknown
from quantum_scheduler.incidents.status.subscriptions.model import SubscriptionRefused, WebhooksMissing
from quantum_scheduler.jobs.follow import TooManyFollowers
from quantum_scheduler.jobs.model import IdempotencyConflict, JobFinished, JobUnknown, ResultMissing
from quantum_scheduler.jobs.page import CursorUnreadable
from quantum_scheduler.monitoring.maintenance.model import MaintenanceInvalid, MaintenanceUnknown
from quantum_scheduler.monitoring.routes import MetricUnknown, SpanInvalid
from quantum_scheduler.notifications.inbox.read import InboxMessageUnknown
from quantum_scheduler.notifications.oncall.model import OnCallUnknown, RotationInvalid
from quantum_scheduler.postgres.connect import transient
from quantum_scheduler.postgres.model import DatabaseUnavailable
from quantum_scheduler.problems.body import BodyMalformed, MediaTypeWrong, RequestInvalid
from quantum_scheduler.problems.model import ISSUES_MAX, Issue, ProblemInvalid, ProblemTooLarge
from quantum_scheduler.runbooks.run_model import AnswerRefused, RunLocked, RunUnknown
from quantum_scheduler.runbooks.shelf import RunbookUnknown
from quantum_scheduler.runbooks.start import RunbookBroken

STATUS: dict[type[Exception], int] = {
    BodyMalformed: 400,
    CursorUnreadable: 400,
    ParameterInvalid: 400,
    KeyMissing: 401,
    KeyUnknown: 401,
    BackendUnknown: 404,
    MetricUnknown: 404,
    SpanInvalid: 400,
    LoginRefused: 401,
    SecondFactorMissing: 401,
    SecondFactorRefused: 401,
    SessionUnknown: 401,
    AccessBlocked: 403,
    CsrfRefused: 403,
    MailLinkNeeded: 403,
    NoMembership: 403,
    PersonNeeded: 403,
    ProofRefused: 403,
    ScopeMissing: 403,
    SecondFactorNeeded: 403,
    SignatureWrong: 403,
    ApiKeyUnknown: 404,
    ClassUnknown: 404,
    InvitationUnknown: 404,
    OrganisationUnknown: 404,
    ProviderMissing: 404,
    ReceiverMissing: 404,
    WebhooksMissing: 404,
    SessionNotThere: 404,
    UserUnknown: 404,
    JobUnknown: 404,
    MeterUncounted: 404,
    PlanUnknown: 404,
    ComponentUnknown: 404,
    InboxMessageUnknown: 404,
    IncidentUnknown: 404,
    MaintenanceUnknown: 404,
    OnCallUnknown: 404,
    PathUnknown: 404,
    RunUnknown: 404,
    RunbookUnknown: 404,
    MethodUnknown: 405,
    BodyTooSlow: 408,
    ApiKeyRevoked: 409,
    BlockRefused: 409,
    RotatedTooSoon: 409,
    IdempotencyConflict: 409,
    JobFinished: 409,
    LastAdmin: 409,
    MoveRefused: 409,
    AnswerRefused: 409,
    ResultMissing: 409,
    RunLocked: 409,
    RunbookBroken: 409,
    SecondFactorAskedFor: 409,
    SecondFactorKept: 409,
    TooManyInvitations: 409,
    TooManyKeys: 409,
    LinkUnknown: 410,
    BodyTooLarge: 413,
    MediaTypeWrong: 415,
    PasswordWeak: 422,
    ProblemInvalid: 422,
    ProblemTooLarge: 422,
    RequestInvalid: 422,
    ProofMissing: 428,
    AbnormalUsageDetected: 429,
    LoginDelayed: 429,
    NetworkBlocked: 429,
    QuotaExceeded: 429,
    RateLimited: 429,
    RequestFailed: 500,
    DatabaseAway: 503,
    LoginBusy: 503,
    ProviderAway: 503,
    TemporaryReducedCapacity: 503,
    IncidentTextInvalid: 422,
    MaintenanceInvalid: 422,
    SubscriptionRefused: 422,
    RotationInvalid: 422,
    StatusUnknown: 503,
    TooManyFollowers: 503,
}
RETRY_AFTER_S = 5

_OF_FRAMEWORK: dict[int, Callable[[], Exception]] = {
    400: partial(BodyMalformed, "the body is not JSON in UTF-8"),
    404: PathUnknown,
    405: MethodUnknown,
}

log = structlog.get_logger()


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer a request that failed, as `application/problem+json`; what nobody expected is logged and not shown."""
    named = _name(error)
    if isinstance(named, RequestFailed):
        log.error("request.failed", exc_info=error)
    if isinstance(named, DatabaseAway):
        log.warning("request.database_away", reason=str(error) or type(error).__name__)
    issues: Sequence[Issue] = getattr(named, "issues", ())
    status = STATUS[type(named)]
    document = ErrorDocument(
        type=write_type(type(named)),
        title=" ".join(_split_name(type(named))).capitalize(),
        status=status,
        detail=_shorten(issues) or str(named),
        instance=request.scope.get("raw_path", b"").decode("latin-1"),
        request_id=request.state.request_id,
        violated_policies=_list_violated(named),
        errors=[FieldError(field=issue.field, reason=issue.reason) for issue in issues[:ISSUES_MAX]],
    )
    return Response(
        document.model_dump_json(exclude_defaults=True, by_alias=True),
        status_code=status,
        headers=_choose_headers(request, named, status),
        media_type=ERROR_MEDIA_TYPE,
    )


def write_type(kind: type[Exception]) -> str:
    """The stable name of an error for programs: JobUnknown is `/problems/job-unknown`."""
    return "/problems/" + "-".join(_split_name(kind)).lower()


def _list_violated(named: Exception) -> list[str]:
    match named:
        case QuotaExceeded(shortages=shortages):
            return [each.meter for each in shortages]
        case LimitRefused(standings=[*_, refused]):
            return [refused.layer]
        case _:
            return []


def _choose_headers(request: Request, named: Exception, status: int) -> dict[str, str]:
    if isinstance(named, LimitRefused | QuotaExceeded):
        standings = named.standings if isinstance(named, LimitRefused) else ()
        retry_after = write_retry_after(named.retry_after_s, random.random())  # noqa: S311  nobody gains by guessing it
        return {"Retry-After": retry_after, **write_headers(standings)}
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": "Bearer" if isinstance(named, KeyMissing) else 'Bearer error="invalid_token"'}
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return {"Allow": ", ".join(_list_methods(request))}
        case HTTPStatus.SERVICE_UNAVAILABLE | HTTPStatus.TOO_MANY_REQUESTS:
            return {"Retry-After": str(getattr(named, "retry_after_s", RETRY_AFTER_S))}
        case _:
            return {}


def _name(error: Exception) -> Exception:
    """The name under which `STATUS` has an error, for those that come from below the doors."""
    if type(error) in STATUS:
        return error
    if isinstance(error, HTTPException):
        return _OF_FRAMEWORK.get(error.status_code, RequestFailed)()
    if isinstance(error, RequestValidationError):
        issues = (Issue(field=_to_path(fault["loc"]), reason=fault["msg"]) for fault in error.errors())
        return ParameterInvalid(*dict.fromkeys(issues))  # a part that is read twice is at fault twice
    if isinstance(error, ClientDisconnect):
        return BodyMalformed("the body broke off")
    if isinstance(error, DatabaseUnavailable) or transient(error):
        return DatabaseAway()
    return RequestFailed()


def _split_name(kind: type[Exception]) -> list[str]:
    return re.findall("[A-Z][a-z]+", kind.__name__)


def _to_path(location: Sequence[int | str]) -> str:
    return ".".join(str(step) for step in location)


def _shorten(issues: Sequence[Issue]) -> str:
    if len(issues) <= 1:
        return "".join(str(issue) for issue in issues)
    return f"{issues[0]}; and {len(issues) - 1:,} more"


def _list_methods(request: Request) -> list[str]:
    """The methods that the path of a request does take."""
    routes = (route for route in request.app.state.routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in routes for method in route.methods})
