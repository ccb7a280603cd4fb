"""`monitoring`: have Prometheus, Alertmanager and Grafana watch what the service watches by itself."""

import json as to_json
import os
from pathlib import Path
from typing import Annotated, Any

import yaml
from cyclopts import App, Parameter

from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import FileUnwritable, open_consoles, write_answer, write_file
from quantum_scheduler.incidents.detection.model import Watched
from quantum_scheduler.monitoring.prometheus.dashboard import write_dashboard
from quantum_scheduler.monitoring.prometheus.route import write_alertmanager, write_prometheus
from quantum_scheduler.monitoring.prometheus.rules import Alerting, write_rules
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.runbooks.signals import list_signals
from quantum_scheduler.settings import read_settings

HEAD = "# Written by `quantum-scheduler monitoring export`, from the runbooks and the table of metrics.\n"
RULES, ROUTE, SCRAPING, DASHBOARD = (
    "quantum-scheduler.rules.yml",
    "alertmanager.yml",
    "prometheus.yml",
    "grafana-dashboard.json",
)

app = App(name="monitoring", help="Write what Prometheus, Alertmanager and Grafana need.", help_epilogue="")


@app.command
def export(
    *,
    out: Annotated[Path, Parameter(help="The folder to write into; it is made where there is none.")] = Path(
        "monitoring"
    ),
    interval: Annotated[int | None, Parameter(help="Seconds between samples; as the service takes them.")] = None,
    json: Json = False,
) -> int:
    """Write rules, route, scraping and dashboard, from the same signals and metrics that are watched."""
    settings = read_settings(os.environ)
    public_url = settings.public_url or settings.api_url
    interval_s = interval or max(1, int(settings.monitoring.interval_s))
    table = build_table()
    signals = list_signals(book.runbook for book in read_shelf(settings.runbooks_dir).books.values())
    rules, left_out = write_rules(table, map(to_alerting, signals), interval_s=interval_s)
    files = {
        RULES: _write_yaml(rules),
        ROUTE: _write_yaml(write_alertmanager(public_url=public_url)),
        SCRAPING: _write_yaml(write_prometheus(public_url=public_url, rules_file=RULES, interval_s=interval_s)),
        DASHBOARD: to_json.dumps(write_dashboard(table), indent=2) + "\n",
    }
    _make_folder(out)
    for name, text in files.items():
        write_file(out / name, text)
    _, narration = open_consoles()
    for each in left_out:
        narration.print(f"left out: {each}", soft_wrap=True)
    paths = [str(out / name) for name in files]
    return write_answer({"files": paths, "left_out": left_out}, "\n".join(paths), json=json)


def to_alerting(watched: Watched) -> Alerting:
    """Name what becomes of a signal's alert when it comes back here."""
    labels = {"runbook": watched.rule.runbook, "key": watched.key, "service": watched.service}
    labels["policy"] = watched.policy or ""
    return Alerting(
        rule=watched.rule,
        summary=watched.heading,
        labels={name: value for name, value in labels.items() if value},
    )


class _Dumper(yaml.SafeDumper):
    """Writes what stands in several places in each of them."""

    def ignore_aliases(self, data: Any) -> bool:
        """Give nothing a name."""
        return True


def _write_yaml(document: dict[str, Any]) -> str:
    return HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=160, allow_unicode=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileUnwritable(f"{folder}: {error.strerror}") from error
