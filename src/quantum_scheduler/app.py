"""The composition root: the only file that chooses which classes stand behind the ports."""

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeAlias

import httpx2

from quantum_scheduler.accounts.login.desk import LoginOptions, LoginParts, ProviderOptions
from quantum_scheduler.accounts.mail.local import LocalMailer
from quantum_scheduler.accounts.mail.smtp import SmtpMailer, SmtpUrlInvalid, read_smtp_url
from quantum_scheduler.accounts.network import read_networks
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.backends.check import Check
from quantum_scheduler.backends.model import Health
from quantum_scheduler.drills.abandon import clear_away_always
from quantum_scheduler.incidents.answers.model import AnswerSecrets
from quantum_scheduler.incidents.detection.raise_signals import Detector
from quantum_scheduler.incidents.fill_in import fill_in_always
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.jobs.perform import Handler
from quantum_scheduler.jobs.quantum_bench import QuantumBench
from quantum_scheduler.jobs.scale import find_cluster
from quantum_scheduler.monitoring.collect import Collection, collect_always
from quantum_scheduler.monitoring.errors_kept import ErrorsKept
from quantum_scheduler.monitoring.sample_model import Keep
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.notifications.channels.any_service import AnyService
from quantum_scheduler.notifications.channels.email import Email
from quantum_scheduler.notifications.channels.inbox import Inbox
from quantum_scheduler.notifications.channels.pagerduty import PagerDuty
from quantum_scheduler.notifications.channels.slack import SlackBot, SlackWebhook
from quantum_scheduler.notifications.channels.webhook import StatusWebhook, Webhook
from quantum_scheduler.notifications.model import ChannelName, Target
from quantum_scheduler.notifications.port import Channel
from quantum_scheduler.notifications.tell_quotas import QuotaAudience
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.embed import EmbeddedPostgres, start_postgres
from quantum_scheduler.postgres.model import DatabaseUnavailable
from quantum_scheduler.runbooks.actions.desk import Parts
from quantum_scheduler.runbooks.execute import Engine
from quantum_scheduler.runbooks.run_model import RUN_TASK
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.runbooks.signals import list_signals
from quantum_scheduler.runbooks.start import is_followed
from quantum_scheduler.secrets.reveal import reveal_surely
from quantum_scheduler.secrets.seal import FindKeyring, find_keyring, find_no_keyring
from quantum_scheduler.settings import SettingInvalid, Settings
from quantum_scheduler.solving.call import CALL_TIMEOUT_S, Wire
from quantum_scheduler.solving.callers import Callers
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.port import Executor
from quantum_scheduler.solving.routing_model import Rules

# What the processes of a pool import before they are given work.
SOLVERS = ("quantum_scheduler.solving.compute", "ortools.sat.python.cp_model", "dwave.samplers")
CHANNEL_TIMEOUT_S = 10.0
WEBHOOK_SECRET_CHARS_MIN = 16
READERS = ("quantum_scheduler.jobs.read_apart",)
CALLERS = (
    "quantum_scheduler.solving.step_back",
    "quantum_scheduler.solving.wire",
)
# So many calls to vendors may be under way at once, each in a process.
CALLS_MAX = 4


# Something that the leader of the watch does until it is cancelled; it is given the time.
Duty: TypeAlias = Callable[[Pool, Callable[[], datetime]], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where the database is; `embedded` is the server that this process uses, or None for one that was given."""

    dsn: str
    embedded: EmbeddedPostgres | None = None


@contextmanager
def open_database(settings: Settings, *, may_start: bool) -> Iterator[Database]:
    """Lend the database of DATABASE_URL, or else the embedded one in the data folder.

    With `may_start` the embedded one is made and started where need be; without, it must be running.
    Raises PostgresUnavailable, DatabaseUnavailable.
    """
    if settings.database_url is not None:
        yield Database(dsn=settings.database_url)
        return
    if not may_start and not (settings.data_dir / "postgres" / "postmaster.pid").exists():
        raise DatabaseUnavailable(
            f"no database is running in {settings.data_dir}: run `quantum-scheduler up`, or set DATABASE_URL"
        )
    with start_postgres(settings.data_dir) as server:
        yield Database(dsn=server.dsn, embedded=server)


def build_solvers(slots: int, *, ray_address: str | None) -> Executor:
    """Build what a worker solves with: `slots` processes of this machine, or the Ray cluster at an address.

    Raises SettingInvalid.
    """
    if ray_address is None:
        return ProcessPool(slots, preload=SOLVERS)
    try:
        from quantum_scheduler.solving.ray import RayExecutor  # noqa: PLC0415  Ray is an extra
    except ModuleNotFoundError:
        raise SettingInvalid("RAY_ADDRESS is set; Ray is missing: pip install 'quantum-scheduler[ray]'") from None
    try:
        return RayExecutor(ray_address, preload=SOLVERS)
    except ValueError as error:
        raise SettingInvalid(f"RAY_ADDRESS: {error}") from None


def build_handlers(parts: Parts) -> dict[str, Handler]:
    """Build what does the tasks that are no solves: a handler for each kind, from the room that brings it."""
    engine = Engine(parts=parts, table=build_table(data_dir=parts.data_dir or Path("/")))
    return {RUN_TASK: engine.perform}


def build_audience(settings: Settings) -> Audience:
    """Build whom to tell of every incident: a target of each channel that is set up. Raises SettingInvalid."""
    alerts = settings.alerts
    targets: list[Target] = []
    if alerts.slack_bot_token is not None:
        targets.append(Target(channel="slack_bot", address=alerts.slack_channel))
    elif alerts.slack_webhook_url is not None:
        targets.append(Target(channel="slack", address=alerts.slack_webhook_url))
    if alerts.pagerduty_routing_key is not None:
        targets.append(Target(channel="pagerduty", address=alerts.pagerduty_routing_key))
    if alerts.emails and settings.smtp_url is None:
        raise SettingInvalid("ALERT_EMAILS is set; SMTP_URL must say through which server")
    targets += [Target(channel="email", address=each) for each in alerts.emails]
    if alerts.webhook_url is not None:
        targets.append(Target(channel="webhook", address=alerts.webhook_url))
    targets += [Target(channel="apprise", address=each) for each in alerts.apprise_urls]
    return Audience(targets=tuple(targets), public_url=settings.public_url)


def build_answer_secrets(settings: Settings) -> AnswerSecrets:
    """Build what answers from Slack and PagerDuty are checked with."""
    alerts = settings.alerts
    return AnswerSecrets(slack=alerts.slack_signing_secret, pagerduty=alerts.pagerduty_webhook_secret)


def build_quota_audience(settings: Settings) -> QuotaAudience:
    """Build whom to tell of quotas beside the people of the organisation."""
    url = settings.alerts.quota_webhook_url
    targets = () if url is None else (Target(channel="webhook", address=url),)
    return QuotaAudience(targets=targets, sends_mail=settings.smtp_url is not None)


@asynccontextmanager
async def open_channels(
    settings: Settings, *, now: Callable[[], datetime]
) -> AsyncIterator[dict[ChannelName, Channel]]:
    """Lend the channels that the settings allow: the inbox and apprise always. Raises SettingInvalid."""
    alerts = settings.alerts
    # Addresses are an operator's own word; a proxy of the environment is theirs too.
    async with httpx2.AsyncClient(timeout=CHANNEL_TIMEOUT_S) as http:
        channels: dict[ChannelName, Channel] = {
            "inbox": Inbox(),
            "apprise": AnyService(),
            "slack": SlackWebhook(http),
            "pagerduty": PagerDuty(
                http, source=settings.public_url or "quantum-scheduler", events_url=alerts.pagerduty_events_url
            ),
        }
        if alerts.slack_bot_token is not None:
            channels["slack_bot"] = SlackBot(http, alerts.slack_bot_token, api_url=alerts.slack_api_url)
        if (mailer := read_mailer(settings)) is not None:
            channels["email"] = Email(mailer)
        if alerts.webhook_secret is not None:
            if len(alerts.webhook_secret) < WEBHOOK_SECRET_CHARS_MIN:
                raise SettingInvalid(f"ALERT_WEBHOOK_SECRET must have {WEBHOOK_SECRET_CHARS_MIN} characters")
            channels["webhook"] = Webhook(http, alerts.webhook_secret.encode(), now=now)
            channels["status_webhook"] = StatusWebhook(http, alerts.webhook_secret.encode(), now=now)
        elif alerts.webhook_url is not None or alerts.quota_webhook_url is not None:
            raise SettingInvalid("ALERT_WEBHOOK_URL or QUOTA_WEBHOOK_URL is set; ALERT_WEBHOOK_SECRET must be too")
        yield channels


def read_mailer(settings: Settings) -> SmtpMailer | None:
    """Read SMTP_URL and MAIL_FROM, if mail is to be sent. Raises SettingInvalid."""
    if settings.smtp_url is None:
        return None
    try:
        return read_smtp_url(settings.smtp_url, sender=settings.mail_from)
    except SmtpUrlInvalid as error:
        raise SettingInvalid(f"SMTP_URL, MAIL_FROM: {error}") from None


def build_duties(settings: Settings) -> tuple[Duty, ...]:
    """Build what else the leader of the watch does: measure the service, raise what runbooks detect, fill in
    post-mortems, and put back what drills leave whose driller has died.

    Raises SettingInvalid.
    """
    monitoring, audience = settings.monitoring, build_audience(settings)
    table = build_table(data_dir=settings.data_dir)
    backends = {each.name: each.labels["backend"] for each in table.values() if "backend" in each.labels}
    signals = list_signals(book.runbook for book in read_shelf(settings.runbooks_dir).books.values())
    collection = Collection(
        table=table,
        behold=lambda: Detector(signals, audience, backends=backends, is_followed=is_followed),
        interval_s=monitoring.interval_s,
        keep=Keep(
            samples=timedelta(hours=monitoring.samples_hours),
            minutes=timedelta(days=monitoring.minutes_days),
            hours=timedelta(days=monitoring.hours_days),
        ),
    )
    return (partial(collect_always, collection), fill_in_always, partial(clear_away_always, audience))


def build_reader() -> Executor:
    """Build what the API reads large problems with: one process of this machine, started when first needed."""
    return ProcessPool(1, preload=READERS)


def build_callers(slots: int, backends: Iterable[str] = ()) -> Callers:
    """Build what talks to the vendors: processes of this machine, started when first needed.

    The SDKs of `backends` are imported once and shared by all of them; that of any other at its first call, or when
    they are told to prepare for it.
    """
    return Callers(min(slots, CALLS_MAX), CALLERS, backends)


def build_quantum(settings: Settings, callers: Callers) -> QuantumBench:
    """Build what a worker makes quantum attempts with."""
    return QuantumBench(
        wire=Wire(
            executor=callers,
            timeout_s=min(CALL_TIMEOUT_S, settings.quantum_timeout_s),
            memory_mb=settings.worker_memory_mb,
        ),
        prepare=callers.prepare,
        find_keyring=build_keyring(settings),
        environment=Rules(priority=settings.quantum_backend_priority, classical_only=settings.classical_only),
        falls_back=settings.fallback_to_classical,
        timeout_s=settings.quantum_timeout_s,
        max_cost_usd=settings.quantum_max_cost_usd,
    )


def build_keyring(settings: Settings) -> FindKeyring:
    """Build what looks for the key of the secrets whenever one is to be opened."""
    return partial(find_keyring, settings.secrets_key, settings.data_dir, may_make=False)


def build_parts(settings: Settings, callers: Executor, peppers: Peppers | None, *, is_at_work: bool = True) -> Parts:
    """Build what actions work with in this process, besides the database; `is_at_work` where it is of the service.

    Raises SettingInvalid.
    """
    return Parts(
        wire=Wire(executor=callers, memory_mb=settings.worker_memory_mb, is_at_work=is_at_work),
        find_keyring=build_keyring(settings),
        audience=build_audience(settings),
        peppers=peppers,
        cluster=find_cluster(os.environ),
        data_dir=settings.data_dir,
        errors=ErrorsKept(settings.errors_folder),
    )


def build_check(callers: Executor, pool: Pool | None = None, find: FindKeyring = find_no_keyring) -> Check:
    """Build what asks a backend how it is, in a process of `callers`, with the secrets kept behind `pool`."""
    wire = Wire(executor=callers)

    async def check(backend: str) -> Health:
        if pool is None:
            return await wire.check(backend, {})
        async with pool.acquire() as conn:
            credentials = await reveal_surely(conn, find, backend)
        return await wire.check(backend, credentials)

    return check


def build_login(settings: Settings, peppers: Peppers, *, served_at: str) -> LoginParts:
    """Build what people log in with; `served_at` is the address of the service where no other is known.

    Raises SettingInvalid.
    """
    provider = None
    if settings.oidc_issuer is not None:
        if not (settings.oidc_client_id and settings.oidc_client_secret):
            raise SettingInvalid("OIDC_ISSUER is set; OIDC_CLIENT_ID and OIDC_CLIENT_SECRET are missing")
        provider = ProviderOptions(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret,
        )
    try:
        proxies = read_networks(settings.trusted_proxies)
    except ValueError as error:
        raise SettingInvalid(f"TRUSTED_PROXIES: {error}") from None
    return LoginParts(
        peppers=peppers,
        mailer=read_mailer(settings) or LocalMailer(),
        breached=settings.breached_passwords_file,
        provider=provider,
        options=LoginOptions(public_url=(settings.public_url or served_at).rstrip("/"), proxies=proxies),
    )
