"""Options that several commands share."""

from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from quantum_scheduler.solving.model import (
    FLIPS_MAX,
    SEED_MAX,
    TARGET_MAX,
    THREADS_MAX,
    TIME_LIMIT_MAX_S,
    TIME_LIMIT_MIN_S,
)

SLOTS_MAX = 256


def _refuse_options(_kind: object, value: str) -> None:
    if value.startswith("-") and value != "-":
        raise ValueError(f"There is no option {value}")


Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document on standard output.")]
Source = Annotated[
    str,
    Parameter(
        name="FILE",
        help="File in any supported format, gzipped or not; - is standard input.",
        allow_leading_hyphen=True,  # for the - alone
        validator=_refuse_options,
    ),
]
Backend = Annotated[str, Parameter(help="Name of a backend, or auto, or for the service quantum.")]
Method = Annotated[str, Parameter(help="Name of one of the backend's methods, to use it alone, or auto.")]
TimeLimit = Annotated[
    float,
    Parameter(
        help="Seconds after which the best answer so far is taken.",
        validator=Number(gte=TIME_LIMIT_MIN_S, lte=TIME_LIMIT_MAX_S),
    ),
]
Seed = Annotated[
    int,
    Parameter(help="The same seed and limits give the same answer.", validator=Number(gte=0, lte=SEED_MAX)),
]
Threads = Annotated[int, Parameter(help="Threads to search with.", validator=Number(gte=1, lte=THREADS_MAX))]
Target = Annotated[
    float | None,
    Parameter(help="Objective at which the search may end.", validator=Number(gte=-TARGET_MAX, lte=TARGET_MAX)),
]
FlipsMax = Annotated[
    int | None,
    Parameter(
        help="Work after which the search of a binary model ends, in flips of each thread.",
        validator=Number(gte=1, lte=FLIPS_MAX),
    ),
]
ShowGantt = Annotated[bool, Parameter(name="--gantt", help="Draw a schedule in the terminal.")]
JobId = Annotated[str, Parameter(name="ID", help="Id of the job.")]
Reason = Annotated[str, Parameter(help="Why, for whoever wonders; it is kept in the audit log.")]
IncidentId = Annotated[str | None, Parameter(help="The incident for which it is done.")]
Level = Literal["low", "normal", "high", "critical"]
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
