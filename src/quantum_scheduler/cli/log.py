"""Where log lines go: standard error, one fact a line; what went wrong is kept beside in a bounded file."""

import logging
import sys
from collections.abc import Mapping
from typing import TextIO, cast

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from quantum_scheduler.monitoring.errors_kept import ErrorsKept
from quantum_scheduler.settings import SettingInvalid

# The level of commands that answer and end, unless LOG_LEVEL says otherwise.
QUIET = "warning"
LEVELS = {"debug", "info", "warning", "error", "critical"}


class _StandardError:
    """Standard error as it is when a line is written, which may be another than when logging began."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def log_quietly(environ: Mapping[str, str]) -> None:
    """Configure the logging of a command that answers and ends. Raises SettingInvalid."""
    configure_logging(environ.get("LOG_LEVEL", "").lower() or QUIET)


def configure_logging(level: str, *, errors: ErrorsKept | None = None) -> None:
    """Send this process's log lines of `level` and above to standard error, as key=value pairs.

    Those of what went wrong are kept in `errors` too. Raises SettingInvalid.
    """
    if level not in LEVELS:
        raise SettingInvalid(f"LOG_LEVEL is {level!r}; it may be one of {', '.join(sorted(LEVELS))}")
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(number, logging.WARNING), format="%(levelname)s %(name)s: %(message)s", force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Local variables stay out: they may hold keys and customers' data.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            *([] if errors is None else [errors]),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _StandardError())),
        cache_logger_on_first_use=False,
    )
