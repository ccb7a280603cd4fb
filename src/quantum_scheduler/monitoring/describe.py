"""Write the table of metrics down for people."""

from collections.abc import Iterable

from quantum_scheduler.expressions.duration import write_duration
from quantum_scheduler.monitoring.metric import Metric, Table

HEAD = """\
# Metrics

Generated from the table in `monitoring/table.py`. Runbooks name metrics as they stand here; in Prometheus their dots
are underscores. What is not known (too few samples, a source that does not answer, nothing to speak of) is unknown,
never 0 and never false.

- **Unit**: a share goes from 0 to 1; a state is one of the words given, the best one first.
- **Over**: how far back it looks; `now` looks at one moment.
- **At least**: of fewer samples it is unknown.
"""
COLUMNS = "| Metric | What it is | Unit | Over | At least |\n|---|---|---|---|---|"
BACKEND = "BACKEND"
ASKED = """\
## Asked with arguments

`api.error_rate`, `api.response_time_p95` and `api.response_time_p99` take `route="/v1/jobs"`, and
`api.quota_usage` takes `scope="customer"` or `"upstream"`. These need arguments:
"""


def write_metrics(table: Table) -> str:
    """Write every metric as Markdown; those of the backends, which all have the same, once for all."""
    first = next((each.labels["backend"] for each in table.values() if each.labels), None)
    of_all = [each for each in table.sampled if not each.labels]
    of_one = [each for each in table.sampled if each.labels.get("backend") == first]
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(_backends(table)))
    asked = [each for each in table.values() if each.source is None]
    return "\n".join(
        (
            HEAD,
            *_write(of_all),
            f"\n## Of each backend\n\nInstead of `{BACKEND}` write {names}.\n",
            *_write(of_one),
            f"\n{ASKED}",
            *_write(asked),
            "",
        )
    )


def _backends(table: Table) -> Iterable[str]:
    return (each.labels["backend"] for each in table.values() if "backend" in each.labels)


def _write(metrics: Iterable[Metric]) -> Iterable[str]:
    yield COLUMNS
    for each in metrics:
        name = f"{BACKEND}.{each.name.partition('.')[2]}" if each.labels else each.name
        unit = ", ".join(each.states) or (f"{each.unit}, ever growing" if each.kind == "counter" else each.unit)
        over = "now" if each.window_s is None else write_duration(each.window_s)
        yield f"| `{name}` | {each.meaning} | {unit} | {over} | {each.minimum or ''} |"
