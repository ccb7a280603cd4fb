"""The command line: its commands, and the one table from what went wrong to the exit code.

0 done; 1 the answer is no (infeasible, failed, nothing found in time); 2 bad input or usage; 4 the service or the
database cannot be reached; 70 a defect of this program; 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from cyclopts.exceptions import UnknownCommandError

from quantum_scheduler import __version__
from quantum_scheduler.cli.program import as_typed, name_program

EXIT_DEFECT = 70
EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141

# Classes are named, not imported: `--help` must not wait for solvers and drivers.
EXIT_CODES = {
    "quantum_scheduler.cli.client.RequestConflicts": 1,
    "quantum_scheduler.incidents.model.MoveRefused": 1,
    "quantum_scheduler.solving.port.ComputeCrashed": 1,
    "quantum_scheduler.solving.port.ComputeTimedOut": 1,
    "quantum_scheduler.backends.model.BackendError": 1,
    "quantum_scheduler.accounts.login.signing.RotatedTooSoon": 1,
    "quantum_scheduler.accounts.organisation.ApiKeyRevoked": 1,
    "quantum_scheduler.accounts.actions.BlockRefused": 2,
    "quantum_scheduler.accounts.login.invite.TooManyInvitations": 2,
    "quantum_scheduler.accounts.organisation.ApiKeyUnknown": 2,
    "quantum_scheduler.accounts.organisation.OrganisationUnknown": 2,
    "quantum_scheduler.accounts.organisation.TooManyKeys": 2,
    "quantum_scheduler.accounts.organisation.UserUnknown": 2,
    "quantum_scheduler.accounts.pepper.PepperInvalid": 2,
    "quantum_scheduler.accounts.limits.model.ClassUnknown": 2,
    "quantum_scheduler.accounts.limits.model.PlanUnknown": 2,
    "quantum_scheduler.accounts.quota.model.MeterUncounted": 2,
    "quantum_scheduler.backends.load.BackendUnknown": 2,
    "quantum_scheduler.backends.fit.MethodUnknown": 2,
    "quantum_scheduler.cli.client.RequestRefused": 2,
    "quantum_scheduler.cli.cron.EntryUnknown": 2,
    "quantum_scheduler.cli.cron.PayloadInvalid": 2,
    "quantum_scheduler.cli.db.RestoreUnconfirmed": 2,
    "quantum_scheduler.drills.model.DrillRefused": 2,
    "quantum_scheduler.drills.model.DrillUnknown": 2,
    "quantum_scheduler.cli.listen.AddressTaken": 2,
    "quantum_scheduler.cli.metrics.MetricUnknown": 2,
    "quantum_scheduler.cli.moment.MomentInvalid": 2,
    "quantum_scheduler.cli.plan.PlanInvalid": 2,
    "quantum_scheduler.cli.queue.SelectionMissing": 2,
    "quantum_scheduler.cli.read.FileUnreadable": 2,
    "quantum_scheduler.cli.write.FileUnwritable": 2,
    "quantum_scheduler.incidents.model.IncidentTextInvalid": 2,
    "quantum_scheduler.incidents.model.IncidentUnknown": 2,
    "quantum_scheduler.incidents.status.model.ComponentUnknown": 2,
    "quantum_scheduler.jobs.enqueue.ScheduleInvalid": 2,
    "quantum_scheduler.monitoring.maintenance.model.MaintenanceInvalid": 2,
    "quantum_scheduler.monitoring.maintenance.model.MaintenanceUnknown": 2,
    "quantum_scheduler.cli.action.ActionUnconfirmed": 1,
    "quantum_scheduler.runbooks.actions.call.ArgumentInvalid": 2,
    "quantum_scheduler.runbooks.model.RunbookInvalid": 2,
    "quantum_scheduler.runbooks.run_model.AnswerRefused": 1,
    "quantum_scheduler.runbooks.run_model.RunLocked": 1,
    "quantum_scheduler.runbooks.run_model.RunUnknown": 2,
    "quantum_scheduler.runbooks.shelf.RunbookUnknown": 2,
    "quantum_scheduler.runbooks.start.RunbookBroken": 1,
    "quantum_scheduler.runbooks.actions.desk.ActionFailed": 1,
    "quantum_scheduler.runbooks.actions.table.ActionUnknown": 2,
    "quantum_scheduler.secrets.model.SecretRefused": 1,
    "quantum_scheduler.secrets.model.SecretInvalid": 2,
    "quantum_scheduler.secrets.model.SecretUnknown": 2,
    "quantum_scheduler.secrets.model.SecretsLocked": 2,
    "quantum_scheduler.solving.actions.ShareInvalid": 2,
    "quantum_scheduler.notifications.inbox.read.InboxMessageUnknown": 2,
    "quantum_scheduler.notifications.oncall.model.OnCallUnknown": 2,
    "quantum_scheduler.notifications.oncall.model.RotationInvalid": 2,
    "quantum_scheduler.postgres.model.BackupFailed": 2,
    "quantum_scheduler.postgres.model.DataDirInUse": 2,
    "quantum_scheduler.postgres.model.DataDirUnusable": 2,
    "quantum_scheduler.postgres.model.DatabaseUrlInvalid": 2,
    "quantum_scheduler.postgres.model.MigrationRefused": 2,
    "quantum_scheduler.postgres.model.RestoreFailed": 2,
    "quantum_scheduler.problems.model.ProblemInvalid": 2,
    "quantum_scheduler.settings.SettingInvalid": 2,
    "quantum_scheduler.testing.vendors.VendorUnavailable": 2,
    "quantum_scheduler.cli.client.ServiceUnreachable": 4,
    "quantum_scheduler.cli.serve.ServiceEnded": 4,
    "quantum_scheduler.cli.vendors.VendorsUnreachable": 4,
    "quantum_scheduler.postgres.model.DatabaseUnavailable": 4,
    "quantum_scheduler.postgres.model.PostgresUnavailable": 4,
}

HELP_END = """\
Try:
  quantum-scheduler demo
  quantum-scheduler solve examples/workshop.yaml
In a clone, ./quantum-scheduler test runs the tests.

Every command takes --json (one JSON document on standard output)
and --debug (tracebacks). NO_COLOR is honoured. Exit codes:
  0 done    1 the answer is no    2 bad input or usage
  4 service or database unreachable"""

app = App(
    name="quantum-scheduler",
    help="Optimisation jobs on quantum computers and classical solvers: queued durably, answered always, verified.",
    help_epilogue=HELP_END,
    help_format="plaintext",
    version=__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)


def _add(name: str, path: str, help_text: str, *examples: str) -> None:
    """Add a command that is imported when it is called; help lists the commands in the order they were added."""
    epilogue = {"help_epilogue": "\n".join(("Examples:", *(f"  {line}" for line in examples)))} if examples else {}
    app.command(path, name=name, help=help_text, sort_key=len(list(app)), **epilogue)


_add(
    "solve",
    "quantum_scheduler.cli.solve:solve",
    "Solve a problem here and now, without the service.",
    "quantum-scheduler solve examples/workshop.yaml",
    "quantum-scheduler solve examples/bqp100_1.qubo --time-limit 5 --json",
    "gzip -dc plan.json.gz | quantum-scheduler solve - --svg plan.svg",
)
_add(
    "submit",
    "quantum_scheduler.cli.submit:submit",
    "Submit a problem to the service.",
    "quantum-scheduler submit examples/workshop.yaml --wait",
    "quantum-scheduler submit examples/bqp100_1.qubo --priority high --name nightly",
)
_add(
    "jobs",
    "quantum_scheduler.cli.jobs:list_jobs",
    "List jobs, newest first.",
    "quantum-scheduler jobs --state running",
    "quantum-scheduler jobs --all --json",
)
_add(
    "job",
    "quantum_scheduler.cli.jobs:show_job",
    "Show one job, and its result when it has one.",
    "quantum-scheduler job 0198c0de-0000-7000-8000-000000000000 --gantt",
    "quantum-scheduler job 0198c0de-0000-7000-8000-000000000000 --watch",
)
_add("cancel", "quantum_scheduler.cli.jobs:cancel_job", "Cancel a job that has not finished.")
_add(
    "prioritise",
    "quantum_scheduler.cli.jobs:prioritise_job",
    "Change the priority of a job that waits.",
    "quantum-scheduler prioritise 0198c0de-0000-7000-8000-000000000000 critical",
)
_add(
    "backends",
    "quantum_scheduler.cli.backends:backends_app",
    "List the places that solve problems, ask how they are, and steer which jobs go there.",
)
_add(
    "secrets",
    "quantum_scheduler.cli.secrets:app",
    "Look after the credentials of the vendors: set, rotate, verify, promote, restore.",
)
_add(
    "up",
    "quantum_scheduler.cli.up:up",
    "Start the whole service: database, API and workers. Ctrl-C stops it.",
    "quantum-scheduler up",
    "quantum-scheduler up --port 8080 --workers 2 --data-dir ./data",
)
_add(
    "worker",
    "quantum_scheduler.cli.worker:work",
    "Start one more worker on DATABASE_URL, or on the database of a running up.",
    "quantum-scheduler worker --lanes solve.classical --slots 4",
)
_add(
    "watch",
    "quantum_scheduler.cli.run_watch:watch",
    "Start one more watch: whoever leads has incidents escalate and messages delivered.",
)
_add(
    "queue",
    "quantum_scheduler.cli.queue:app",
    "Look at the queue, and steer it: pause, limit, prioritise, requeue, kill.",
)
_add(
    "cron",
    "quantum_scheduler.cli.cron:app",
    "List, add and remove tasks that are queued on a schedule.",
)
_add("plan", "quantum_scheduler.cli.plan:app", "Look at plans, change them, and give them to organisations.")
_add("limit", "quantum_scheduler.cli.limit:app", "Look at the rate limits, and multiply them for a while.")
_add("quota", "quantum_scheduler.cli.quota:app", "Look at quotas, and raise them.")
_add(
    "incidents",
    "quantum_scheduler.cli.incident:list_all",
    "List the incidents that are not over.",
    "quantum-scheduler incidents --all --json",
)
_add(
    "incident",
    "quantum_scheduler.cli.incident:app",
    "Declare, show, ack, resolve, merge or review one incident; write notes, tick its checklist.",
)
_add("runbook", "quantum_scheduler.cli.runbook:app", "Read, check, format and start runbooks.")
_add("run", "quantum_scheduler.cli.runs:app", "Look at runs of runbooks, answer what they ask, abort them.")
_add(
    "drill",
    "quantum_scheduler.cli.drill:app",
    "Break something of a running service for a while, and watch what its runbook does.",
)
_add("action", "quantum_scheduler.cli.action:app", "List what runbooks may do, and do it by hand.")
_add(
    "metrics",
    "quantum_scheduler.cli.metrics:show_metrics",
    "Show what is measured: what it is now, and what it was.",
    "quantum-scheduler metrics dynex api.error_rate --since 1d",
    "quantum-scheduler metrics qih --watch",
)
_add("monitoring", "quantum_scheduler.cli.monitoring:app", "Write what Prometheus, Alertmanager and Grafana need.")
_add("oncall", "quantum_scheduler.cli.oncall:app", "Show who is on call; override and swap shifts, find gaps.")
_add("inbox", "quantum_scheduler.cli.inbox:inbox", "Show what somebody on call was told.")
_add(
    "status", "quantum_scheduler.cli.status:app", "Show the status page; set components, tell customers of an incident."
)
_add("maintenance", "quantum_scheduler.cli.maintenance:app", "Schedule maintenance, which the status page shows.")
_add("db", "quantum_scheduler.cli.db:app", "Look after the database: migrate, status, backup, restore, psql.")
_add(
    "vendors",
    "quantum_scheduler.cli.vendors:app",
    "Run stand-ins for the vendors' clouds on this machine, with faults to order.",
)
_add("org", "quantum_scheduler.cli.org:app", "Look after organisations.")
_add(
    "user",
    "quantum_scheduler.cli.user:app",
    "Look after people: invite, block, unlock.",
)
_add("key", "quantum_scheduler.cli.key:app", "Look after API keys: issue, revoke, rotate.")
_add("audit", "quantum_scheduler.cli.audit:app", "Read the audit log, and check it.")
_add("demo", "quantum_scheduler.cli.demo:demo", "Start everything in a temporary folder, solve a sample week, stop.")
_add("schema", "quantum_scheduler.cli.schema:print_schema", "Print the JSON Schema of a problem.")


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; say what went wrong in one line on standard error; return the exit code."""
    debug = "--debug" in arguments or os.environ.get("QUANTUM_SCHEDULER_DEBUG", "") not in {"", "0"}
    try:
        code = _run([argument for argument in arguments if argument != "--debug"])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read standard output has left; nothing may be flushed to it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE_CLOSED
    except KeyboardInterrupt:
        _say("interrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            raise
        return _explain(error)
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        command, given, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        error.verbose = False
        names = " ".join((name_program(), *(error.command_chain or ())))
        _say(f"error: {_flatten(error)}")
        _say(f"help: {name_program() if isinstance(error, UnknownCommandError) else names} --help")
        return 2
    if "structlog" in sys.modules:  # where the command may log; importing it for all would double their start
        from quantum_scheduler.cli.log import log_quietly  # noqa: PLC0415

        log_quietly(os.environ)
    code = command(*given.args, **given.kwargs)
    return code if isinstance(code, int) else 0


def find_exit_code(kind: type[BaseException]) -> int:
    """Look an exception's class up, then the classes it inherits from; what is not in the table is a defect."""
    names = (f"{parent.__module__}.{parent.__qualname__}" for parent in kind.__mro__)
    return next((EXIT_CODES[name] for name in names if name in EXIT_CODES), EXIT_DEFECT)


def _explain(error: Exception) -> int:
    code = find_exit_code(type(error))
    if code == EXIT_DEFECT:
        _say(f"error: unexpected {type(error).__name__}: {_flatten(error)} (--debug shows where)")
    else:
        _say(f"error: {as_typed(_flatten(error))}")
    return code


def _flatten(error: Exception) -> str:
    return " ".join(str(error).split())


def _say(line: str) -> None:
    # Not with print: standard error may be closed or unable to encode what a customer's file holds.
    sys.stderr.buffer.write(f"{line}\n".encode(errors="backslashreplace"))
    sys.stderr.flush()
