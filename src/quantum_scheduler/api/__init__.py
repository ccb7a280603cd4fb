"""The HTTP door: mounts every room's routes behind one set of rules."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from quantum_scheduler import __version__
from quantum_scheduler.accounts.limits import routes as limits_routes
from quantum_scheduler.accounts.limits.admit import Gate
from quantum_scheduler.accounts.limits.meter import RequestMeter
from quantum_scheduler.accounts.limits.model import GENEROUS, LimitSettings
from quantum_scheduler.accounts.limits.shed import Shedder
from quantum_scheduler.accounts.login.desk import LoginParts
from quantum_scheduler.accounts.open import build_entrance
from quantum_scheduler.accounts.quota import routes as quota_routes
from quantum_scheduler.accounts.routes import admin, audit, keys, login, myself, pages, people, provider
from quantum_scheduler.api import docs, health
from quantum_scheduler.api.answer_error import STATUS, answer_error
from quantum_scheduler.api.describe import describe_api
from quantum_scheduler.api.limit_body import LimitBody
from quantum_scheduler.api.limit_requests import LimitRequests
from quantum_scheduler.api.log_requests import LogRequests
from quantum_scheduler.app import build_check
from quantum_scheduler.backends import routes as backends
from quantum_scheduler.backends.check import Check, HealthBoard
from quantum_scheduler.backends.load import list_backends
from quantum_scheduler.incidents import routes as incidents
from quantum_scheduler.incidents.alerts import routes as alerts
from quantum_scheduler.incidents.answers import routes as answers
from quantum_scheduler.incidents.answers.model import NO_SECRETS, AnswerSecrets
from quantum_scheduler.incidents.paging.announce import NOBODY, Audience
from quantum_scheduler.incidents.status import routes as status
from quantum_scheduler.incidents.status.render import StatusBoard
from quantum_scheduler.incidents.status.subscriptions import routes as subscriptions
from quantum_scheduler.jobs import routes as jobs
from quantum_scheduler.jobs.follow import FOLLOWERS_MAX, JobChanges
from quantum_scheduler.monitoring import routes as metrics
from quantum_scheduler.monitoring.table import build_table, describe_metrics
from quantum_scheduler.notifications import routes as oncall
from quantum_scheduler.notifications.inbox import routes as inbox
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.listen import Listener, Notifier
from quantum_scheduler.postgres.separate import RowWall
from quantum_scheduler.runbooks import routes as runbooks
from quantum_scheduler.runbooks.actions.table import build_registry
from quantum_scheduler.solving import routes as routing
from quantum_scheduler.solving.port import Executor

SUMMARY = "Optimisation jobs on quantum computers and classical solvers."
DESCRIPTION = """\
Submit a schedule or a binary model (QUBO, Ising) as a job and get a verified answer.

Every request but those for the health and the description of the service shows a key: `Authorization: Bearer KEY`.
Every error is `application/problem+json` (RFC 9457), and every answer bears the id of its request in `X-Request-Id`.
"""
ROUTERS = (
    jobs.router,
    backends.router,
    routing.router,
    myself.router,
    login.router,
    provider.router,
    keys.router,
    people.router,
    audit.router,
    admin.router,
    limits_routes.router,
    quota_routes.router,
    pages.router,
    incidents.router,
    alerts.router,
    answers.router,
    oncall.router,
    inbox.router,
    runbooks.router,
    status.summary,
    status.feed,
    status.router,
    subscriptions.router,
    subscriptions.pages,
    metrics.router,
    metrics.scrape,
    health.router,
    docs.router,
)


def create_api(  # noqa: PLR0913  all that the API is made of is said at its door
    *,
    pool: Pool,
    listener: Listener,
    notifier: Notifier,
    executor: Executor,
    stop: asyncio.Event,
    request_bytes_max: int,
    followers_max: int = FOLLOWERS_MAX,
    check: Check | None = None,
    login_parts: LoginParts | None = None,
    limits: LimitSettings = GENEROUS,
    audience: Audience = NOBODY,
    answer_secrets: AnswerSecrets = NO_SECRETS,
    webhook_secret: str | None = None,
    status_copy: Path | None = None,
    runbooks_dir: Path | None = None,
    metrics_token: str | None = None,
) -> FastAPI:
    """Build the API on what the caller has opened and will close after it has stopped serving.

    `executor` reads large bodies; a pool of one process is enough, and it should not be the workers' own. Once `stop`
    is set, requests that wait and streams of events end, so that the server can shut down. At most `followers_max` of
    both are kept at once. `check` asks a backend how it is, or else a process of `executor` does; `limits` say how many
    requests are let in. `audience` is told of every incident, and answers what is signed with `answer_secrets`;
    from `webhook_secret` those of the webhooks that subscribe to the status page are made;
    `status_copy` is where the last status page is kept, for when the database is away; `runbooks_dir` holds runbooks
    of one's own; whoever scrapes the metrics shows `metrics_token`.
    """
    board = HealthBoard(list_backends(), check or build_check(executor))
    changes = JobChanges(listener, stop=stop, followers_max=followers_max)
    entrance = build_entrance(pool, listener, login_parts or LoginParts())
    meter = RequestMeter(pool)
    pulse = health.ServicePulse(pool)
    shedder = Shedder(pulse.read_depth, limits.shed_depth, is_shadow=limits.is_shadow)

    @asynccontextmanager
    async def live(_api: FastAPI) -> AsyncIterator[None]:
        async with changes, entrance.open(), meter:
            yield
        await board.close()

    api = FastAPI(
        title="quantum-scheduler",
        version=__version__,
        summary=SUMMARY,
        description=DESCRIPTION,
        lifespan=live,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=dict.fromkeys((HTTPException, RequestValidationError, *STATUS), answer_error),
    )
    api.state.pool = pool
    api.state.wall = RowWall(pool)
    api.state.doorkeeper = entrance.doorkeeper
    api.state.desk = entrance.desk
    api.state.provider = entrance.provider
    api.state.jobs = jobs.JobDoor(changes=changes, notifier=notifier, executor=executor, shedder=shedder)
    api.state.pulse = pulse
    api.state.backend_health = board
    api.state.incidents = incidents.IncidentDoor(audience=audience, notifier=notifier)
    api.state.answer_secrets = answer_secrets
    api.state.notifier = notifier
    api.state.webhook_secret = webhook_secret
    table = build_table()
    api.state.metrics = metrics.MetricsDoor(table=table, token=metrics_token)
    api.state.runbooks = runbooks.RunbookDoor(
        audience=audience, notifier=notifier, registry=build_registry(describe_metrics(table)), own=runbooks_dir
    )
    api.state.status = StatusBoard(pool, status_copy, public_url=audience.public_url)
    for router in ROUTERS:
        api.include_router(router)
    api.state.routes = [route for router in ROUTERS for route in router.routes]
    api.state.description = docs.Description.of(describe_api(api))
    # The last one added is the outermost.
    api.add_middleware(
        LimitRequests,
        gate=Gate(pool, limits),
        meter=meter,
        proxies=entrance.desk.options.proxies,
        answer_error=answer_error,
    )
    api.add_middleware(LimitBody, bytes_max=request_bytes_max)
    api.add_middleware(LogRequests, answer_error=answer_error, is_secure=entrance.desk.options.is_secure)
    return api
