"""The environment, read once at the door and handed down as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import platformdirs

from quantum_scheduler.accounts.limits.model import LimitSettings, Rate


class SettingInvalid(ValueError):  # noqa: N818
    """An environment variable holds something it cannot mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Where the service sends what people on call and others must hear."""

    slack_webhook_url: str | None
    slack_bot_token: str | None
    slack_channel: str
    slack_api_url: str
    slack_signing_secret: str | None
    pagerduty_routing_key: str | None
    pagerduty_events_url: str
    pagerduty_webhook_secret: str | None
    emails: tuple[str, ...]
    webhook_url: str | None
    webhook_secret: str | None
    quota_webhook_url: str | None
    apprise_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringSettings:
    """How often the service is measured, and for how long each level of the history is kept."""

    interval_s: float
    samples_hours: float
    minutes_days: float
    hours_days: float
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting there is. The name of each environment variable stands beside its field in `read_settings`."""

    data_dir: Path
    database_url: str | None
    database_statement_cache: bool
    api_url: str
    api_key: str | None
    peppers: str | None
    public_url: str | None
    admin_email: str
    trusted_proxies: str
    smtp_url: str | None
    mail_from: str
    oidc_issuer: str | None
    oidc_client_id: str | None
    oidc_client_secret: str | None
    breached_passwords_file: Path | None
    enable_solution_cache: bool
    worker_slots: int
    worker_memory_mb: int
    ray_address: str | None
    quantum_backend_priority: tuple[str, ...]
    fallback_to_classical: bool
    classical_only: bool
    quantum_timeout_s: float
    quantum_max_cost_usd: float | None
    secrets_key: str | None = field(repr=False)
    request_bytes_max: int
    limits: LimitSettings
    log_level: str
    runbooks_dir: Path | None
    drills_allowed: bool
    alerts: AlertSettings
    monitoring: MonitoringSettings

    @property
    def key_file(self) -> Path:
        """Where `up` keeps the local key, readable by its owner only."""
        return self.data_dir / "api-key"

    @property
    def errors_folder(self) -> Path:
        """Where the processes keep what they logged as wrong."""
        return self.data_dir / "logs"

    @property
    def peppers_file(self) -> Path:
        """Where the peppers are kept where the environment does not hold them, readable by their owner only."""
        return self.data_dir / "peppers"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from an environment. Raises SettingInvalid with the variable's name and what it may hold."""
    default_dir = platformdirs.user_data_path("quantum-scheduler")
    return Settings(
        data_dir=Path(environ.get("QUANTUM_SCHEDULER_DATA_DIR") or default_dir).expanduser().resolve(),
        database_url=environ.get("DATABASE_URL") or None,
        database_statement_cache=_flag(environ, "DATABASE_STATEMENT_CACHE", default=True),
        api_url=environ.get("QUANTUM_SCHEDULER_URL") or "http://127.0.0.1:8000",
        api_key=environ.get("QUANTUM_SCHEDULER_API_KEY") or None,
        peppers=environ.get("QUANTUM_SCHEDULER_PEPPERS") or None,
        admin_email=environ.get("ADMIN_EMAIL") or "admin@localhost",
        public_url=environ.get("PUBLIC_URL") or None,
        trusted_proxies=environ.get("TRUSTED_PROXIES", ""),
        smtp_url=environ.get("SMTP_URL") or None,
        mail_from=environ.get("MAIL_FROM") or "quantum-scheduler@localhost",
        oidc_issuer=environ.get("OIDC_ISSUER") or None,
        oidc_client_id=environ.get("OIDC_CLIENT_ID") or None,
        oidc_client_secret=environ.get("OIDC_CLIENT_SECRET") or None,
        breached_passwords_file=_file(environ, "BREACHED_PASSWORDS_FILE"),
        enable_solution_cache=_flag(environ, "ENABLE_SOLUTION_CACHE", default=True),
        worker_slots=int(_number(environ, "WORKER_SLOTS", default=2, least=1, most=256)),
        worker_memory_mb=int(_number(environ, "WORKER_MEMORY_MB", default=4096, least=256, most=1_048_576)),
        ray_address=environ.get("RAY_ADDRESS") or None,
        quantum_backend_priority=read_priority(environ.get("QUANTUM_BACKEND_PRIORITY", "")),
        fallback_to_classical=_flag(environ, "FALLBACK_TO_CLASSICAL", default=True),
        classical_only=_flag(environ, "CLASSICAL_ONLY", default=False),
        quantum_timeout_s=_number(environ, "QUANTUM_TIMEOUT_SECONDS", default=600, least=1, most=7 * 86_400),
        quantum_max_cost_usd=_amount(environ, "QUANTUM_MAX_COST_USD"),
        secrets_key=environ.get("QUANTUM_SCHEDULER_SECRETS_KEY") or None,
        request_bytes_max=int(_number(environ, "REQUEST_BYTES_MAX", default=32 * 2**20, least=1024, most=2**30)),
        limits=_read_limits(environ),
        log_level=(environ.get("LOG_LEVEL") or "info").lower(),
        runbooks_dir=_folder(environ, "RUNBOOKS_DIR"),
        drills_allowed=_flag(environ, "DRILLS_ALLOWED", default=False),
        alerts=_read_alerts(environ),
        monitoring=_read_monitoring(environ),
    )


# Texts that may be shown; of any other it is only said whether it is set, because it may be a secret or hold one.
SHOWN_TEXTS = frozenset({"log_level", "quantum_backend_priority"})


def describe_settings(settings: Settings) -> dict[str, str]:
    """Describe the settings by name for the audit log, without anything that may be secret."""
    described: dict[str, str] = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        if isinstance(value, LimitSettings | AlertSettings | MonitoringSettings):
            described |= {
                f"{each.name}.{name.name}": _show(name.name, getattr(value, name.name)) for name in fields(value)
            }
        else:
            described[each.name] = _show(each.name, value)
    return described


def _show(name: str, value: object) -> str:
    if name in SHOWN_TEXTS or isinstance(value, bool | int | float | Path | Rate):
        return str(value)
    return "set" if value else "not set"


def _read_monitoring(environ: Mapping[str, str]) -> MonitoringSettings:
    return MonitoringSettings(
        interval_s=_number(environ, "METRICS_INTERVAL_SECONDS", default=5, least=1, most=60),
        samples_hours=_number(environ, "METRICS_SAMPLES_HOURS", default=24, least=1, most=31 * 24),
        minutes_days=_number(environ, "METRICS_MINUTES_DAYS", default=14, least=1, most=366),
        hours_days=_number(environ, "METRICS_HOURS_DAYS", default=400, least=1, most=3660),
        token=environ.get("METRICS_TOKEN") or None,
    )


def _read_alerts(environ: Mapping[str, str]) -> AlertSettings:
    return AlertSettings(
        slack_webhook_url=environ.get("SLACK_WEBHOOK_URL") or None,
        slack_bot_token=environ.get("SLACK_BOT_TOKEN") or None,
        slack_channel=environ.get("SLACK_CHANNEL") or "#alerts-quantum-scheduler",
        slack_api_url=environ.get("SLACK_API_URL") or "https://slack.com/api",
        slack_signing_secret=environ.get("SLACK_SIGNING_SECRET") or None,
        pagerduty_routing_key=environ.get("PAGERDUTY_ROUTING_KEY") or None,
        pagerduty_events_url=environ.get("PAGERDUTY_EVENTS_URL") or "https://events.pagerduty.com",
        pagerduty_webhook_secret=environ.get("PAGERDUTY_WEBHOOK_SECRET") or None,
        emails=tuple(environ.get("ALERT_EMAILS", "").replace(",", " ").split()),
        webhook_url=environ.get("ALERT_WEBHOOK_URL") or None,
        webhook_secret=environ.get("ALERT_WEBHOOK_SECRET") or None,
        quota_webhook_url=environ.get("QUOTA_WEBHOOK_URL") or None,
        apprise_urls=tuple(environ.get("APPRISE_URLS", "").split()),
    )


def read_priority(text: str) -> tuple[str, ...]:
    """Read names of quantum backends, separated by commas, the preferred one first. Raises SettingInvalid."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    if not names:
        return ()
    from quantum_scheduler.backends.load import list_backends  # noqa: PLC0415  few commands need it

    unknown = [name for name in names if name not in list_backends() or name == "classical"]
    if unknown:
        known = ", ".join(name for name in list_backends() if name != "classical")
        raise SettingInvalid(f"QUANTUM_BACKEND_PRIORITY names {unknown[0]!r}; it may name {known}")
    return names


def _amount(environ: Mapping[str, str], name: str) -> float | None:
    return _number(environ, name, default=0, least=0, most=1_000_000) if environ.get(name, "").strip() else None


def _read_limits(environ: Mapping[str, str]) -> LimitSettings:
    rate = environ.get("RATE_LIMIT_PER_NETWORK", "").strip() or "120000/60"
    try:
        requests, _, window_s = rate.partition("/")
        network = Rate(requests=int(requests), window_s=int(window_s))
    except ValueError:
        raise SettingInvalid(f"RATE_LIMIT_PER_NETWORK is {rate!r}; it may be requests/seconds, as 120000/60") from None
    return LimitSettings(
        network=network,
        is_shadow=_flag(environ, "RATE_LIMIT_SHADOW", default=False),
        replicas=int(_number(environ, "API_REPLICAS", default=1, least=1, most=10_000)),
        shed_depth=int(_number(environ, "SHED_QUEUE_DEPTH", default=50_000, least=1, most=1e9)),
    )


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise SettingInvalid(f"{name} is {text!r}; it may be true or false")


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    if not environ.get(name):
        return None
    path = Path(environ[name]).expanduser()
    if not path.is_file():
        raise SettingInvalid(f"{name} is {environ[name]!r}; it may be the path of a text file")
    return path


def _folder(environ: Mapping[str, str], name: str) -> Path | None:
    if not environ.get(name):
        return None
    path = Path(environ[name]).expanduser()
    if not path.is_dir():
        raise SettingInvalid(f"{name} is {environ[name]!r}; it may be the path of a folder")
    return path


def _number(environ: Mapping[str, str], name: str, *, default: float, least: float, most: float) -> float:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise SettingInvalid(f"{name} is {text!r}; it may be a number from {least:g} to {most:g}")
    return number
