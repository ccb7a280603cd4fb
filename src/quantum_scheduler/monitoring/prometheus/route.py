"""Write what Prometheus scrapes and where Alertmanager sends: alerts come back here, and become incidents."""

from typing import Any
from urllib.parse import urlsplit

KEY_FILE = "/etc/alertmanager/quantum-scheduler-key"
ALERTS_MAX = 1_000
RECEIVER = "quantum-scheduler"
# Where Alertmanager listens unless told otherwise.
ALERTMANAGER = "127.0.0.1:9093"
# Whoever does not scrape on the service's own machine shows the token that is kept here.
SHOWN_FILE = "/etc/prometheus/quantum-scheduler-token"
OWN_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


def write_alertmanager(*, public_url: str, key_file: str = KEY_FILE) -> dict[str, Any]:
    """Write the configuration of Alertmanager; `key_file` holds a key that may send alerts."""
    return {
        "route": {
            "receiver": RECEIVER,
            "group_by": ["runbook", "key"],
            "group_wait": "5s",
            "group_interval": "30s",
            "repeat_interval": "1h",
        },
        "inhibit_rules": [
            {
                "source_matchers": ['severity="P0"'],
                "target_matchers": ['severity=~"P1|P2|P3"'],
                "equal": ["runbook", "key"],
            }
        ],
        "receivers": [
            {
                "name": RECEIVER,
                "webhook_configs": [
                    {
                        "url": f"{public_url.rstrip('/')}/api/alerts/alertmanager",
                        "send_resolved": True,
                        "max_alerts": ALERTS_MAX,
                        "http_config": {"authorization": {"credentials_file": key_file}},
                    }
                ],
            }
        ],
    }


def write_prometheus(
    *, public_url: str, rules_file: str, interval_s: int, alertmanager: str = ALERTMANAGER, shown_file: str = SHOWN_FILE
) -> dict[str, Any]:
    """Write the configuration of a Prometheus that scrapes the service and evaluates its rules.

    `shown_file` holds what it shows where it scrapes another machine.
    """
    parts = urlsplit(public_url)
    host = parts.hostname or "127.0.0.1"
    shown = {} if host in OWN_MACHINE else {"authorization": {"credentials_file": shown_file}}
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {
        "global": {"scrape_interval": f"{interval_s}s", "evaluation_interval": f"{interval_s}s"},
        "rule_files": [rules_file],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [
            {
                "job_name": "quantum-scheduler",
                "scheme": parts.scheme or "http",
                "metrics_path": "/metrics",
                **shown,
                "static_configs": [{"targets": [f"{host}:{port}"]}],
            }
        ],
    }
