"""The environment, read once at the door and handed down as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs


class SettingInvalid(ValueError):  # noqa: N818
    """An environment variable holds something it cannot mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting there is. The name of each environment variable stands beside its field in `read_settings`."""

    data_dir: Path
    database_url: str | None
    database_statement_cache: bool
    api_url: str
    api_key: str | None
    enable_solution_cache: bool
    worker_slots: int
    worker_memory_mb: int
    ray_address: str | None
    request_bytes_max: int
    log_level: str

    @property
    def key_file(self) -> Path:
        """Where `up` keeps the local key, readable by its owner only."""
        return self.data_dir / "api-key"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from an environment. Raises SettingInvalid with the variable's name and what it may hold."""
    default_dir = platformdirs.user_data_path("quantum-scheduler")
    return Settings(
        data_dir=Path(environ.get("QUANTUM_SCHEDULER_DATA_DIR") or default_dir).expanduser().resolve(),
        database_url=environ.get("DATABASE_URL") or None,
        database_statement_cache=_flag(environ, "DATABASE_STATEMENT_CACHE", default=True),
        api_url=environ.get("QUANTUM_SCHEDULER_URL") or "http://127.0.0.1:8000",
        api_key=environ.get("QUANTUM_SCHEDULER_API_KEY") or None,
        enable_solution_cache=_flag(environ, "ENABLE_SOLUTION_CACHE", default=True),
        worker_slots=int(_number(environ, "WORKER_SLOTS", default=2, least=1, most=256)),
        worker_memory_mb=int(_number(environ, "WORKER_MEMORY_MB", default=4096, least=256, most=1_048_576)),
        ray_address=environ.get("RAY_ADDRESS") or None,
        request_bytes_max=int(_number(environ, "REQUEST_BYTES_MAX", default=32 * 2**20, least=1024, most=2**30)),
        log_level=(environ.get("LOG_LEVEL") or "info").lower(),
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
