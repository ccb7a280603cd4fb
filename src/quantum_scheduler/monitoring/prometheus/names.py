"""What metrics are called in Prometheus, where a name may hold no dot."""

import re

from quantum_scheduler.monitoring.metric import Metric

_WORDS = re.compile(r"[A-Za-z0-9]+")


def name_scraped(metric: Metric) -> str:
    """Name a metric as it is scraped: `qih.queue_depth` is `qih_queue_depth`, and counters end in `_total`."""
    return metric.name.replace(".", "_") + ("_total" if metric.kind == "counter" else "")


def name_recorded(name: str) -> str:
    """Name a metric as it is recorded, one series whatever was scraped: `qih.queue_depth` is `qih:queue_depth`."""
    return name.replace(".", ":", 1).replace(".", "_")


def name_alert(runbook: str, title: str) -> str:
    """Name the alert of a signal, as alerts are usually named."""
    return "".join(word[:1].upper() + word[1:] for word in _WORDS.findall(f"{runbook} {title}"))
