"""Actions that look into what is wrong. Windows are durations such as "15m"; what they return may be named in steps."""

import asyncio
from typing import Literal

from quantum_scheduler.accounts.limits import examine as requests
from quantum_scheduler.accounts.login.examine import LoginFailures, examine_logins
from quantum_scheduler.accounts.quota.examine import QuotaReport, examine_quotas
from quantum_scheduler.backends import reach
from quantum_scheduler.backends import status_page as reach_status
from quantum_scheduler.backends.status_page import StatusPage
from quantum_scheduler.expressions.duration import parse_duration
from quantum_scheduler.jobs import examine as jobs
from quantum_scheduler.jobs.examine_model import Affected, JobFailures, QueueHealth, StuckTasks, WorkerHealth
from quantum_scheduler.monitoring.changes import RecentChanges, find_changes
from quantum_scheduler.monitoring.errors_kept import LogPatterns, find_log_patterns
from quantum_scheduler.monitoring.inspect_host import DiskUse, MemoryUse, inspect_disk, inspect_memory
from quantum_scheduler.postgres import activity
from quantum_scheduler.runbooks.actions.desk import Desk
from quantum_scheduler.runbooks.actions.row import Action, dangerous, read, write
from quantum_scheduler.solving import examine as quantum

Vendor = Literal["braket", "dwave", "dynex", "ibm"]


async def find_recent_changes(desk: Desk, *, since: str = "1d") -> RecentChanges:
    """Find deployments, settings, keys, priorities and accesses that were changed: `total`, each kind, `latest`."""
    return await find_changes(desk.conn, now=desk.now, window_s=parse_duration(since))


async def find_patterns(desk: Desk, *, since: str = "15m") -> LogPatterns:
    """Find what the log lines of what went wrong have in common: `top_event`, `top_exception`, `top_share`."""
    kept = desk.need_errors()
    return await asyncio.to_thread(find_log_patterns, kept, now=desk.now, window_s=parse_duration(since))


async def find_errors(desk: Desk, *, since: str = "5m") -> requests.ErrorPatterns:
    """Find where the API answers with 5xx: `top_route`, `top_status`, `top_share`, and every pattern."""
    return await requests.examine_errors(desk.conn, window_s=parse_duration(since))


async def find_consumers(desk: Desk, *, since: str = "5m") -> requests.Consumers:
    """Find the organisations that ask the most: `top_name`, `top_org_id`, `top_share`, `refused_share`."""
    return await requests.examine_consumers(desk.conn, window_s=parse_duration(since))


async def find_abuse(desk: Desk, *, since: str = "15m") -> requests.AbusePatterns:
    """Find organisations that ask on although they are refused: `suspects`, `suspect_org_id`, `dominant_share`."""
    return await requests.examine_abuse(desk.conn, window_s=parse_duration(since))


async def report_quotas(desk: Desk) -> QuotaReport:
    """Find the quotas that are spent the most: `top_org_id`, `top_meter`, `top_share`, `upstream_share`."""
    return await examine_quotas(desk.conn)


async def find_login_failures(desk: Desk, *, since: str = "15m") -> LoginFailures:
    """Find what failed logins look like: `pattern`, `is_attack`, `top_network`, `networks`, `names`."""
    return await examine_logins(desk.conn, now=desk.now, window_s=parse_duration(since))


async def look_at_queue(desk: Desk) -> QueueHealth:
    """Look at the queue and its workers: `depth`, `oldest_wait_s`, `drain_s`, `stuck`, `busy_share`, `workers`."""
    return await jobs.examine_queue(desk.conn)


async def look_at_workers(desk: Desk) -> WorkerHealth:
    """Look at the workers: how many there are, are `silent`, and how much of their slots is busy."""
    return await jobs.examine_workers(desk.conn)


async def find_stuck(desk: Desk) -> StuckTasks:
    """Find what runs past its limits or silently: `count`, `longest_s`, and the tasks."""
    return await jobs.examine_stuck(desk.conn)


async def find_affected(desk: Desk, *, since: str = "15m") -> Affected:
    """Find whether all organisations with jobs are affected, some or none: `scope`, `share`, and the worst of them."""
    return await jobs.examine_affected(desk.conn, window_s=parse_duration(since))


async def find_job_failures(desk: Desk, *, since: str = "15m") -> JobFailures:
    """Find what the jobs that failed have in common: `top_kind`, `top_backend`, `top_share`."""
    return await jobs.examine_failures(desk.conn, window_s=parse_duration(since))


async def find_quantum_failures(desk: Desk, *, since: str = "15m") -> quantum.QuantumFailures:
    """Find what failed attempts at quantum backends have in common: `top_backend`, `top_kind`, `top_share`, `down`."""
    return await quantum.examine_failures(desk.conn, window_s=parse_duration(since))


async def probe_dns(_desk: Desk, vendor: Vendor) -> reach.DnsProbe:
    """Ask for the addresses of a vendor's name: `ok`, `addresses`, `message`."""
    return await reach.probe_dns(vendor)


async def probe_tcp(_desk: Desk, vendor: Vendor) -> reach.TcpProbe:
    """Open a connection to a vendor's port, and close it: `ok`, `ms`, `message`."""
    return await reach.probe_tcp(vendor)


async def probe_tls(_desk: Desk, vendor: Vendor) -> reach.TlsProbe:
    """Look at a vendor's certificate as its clients do: `ok`, `days_left`, `message`."""
    return await reach.probe_tls(vendor)


async def read_status_page(_desk: Desk, vendor: Vendor) -> StatusPage:
    """Read what a vendor says of itself, where DYNEX_STATUS_URL and the like say: `is_known`, `is_well`, `message`."""
    return await reach_status.read_status_page(vendor)


async def probe_auth(desk: Desk, vendor: Vendor) -> quantum.AuthProbe:
    """Make the cheapest authenticated request to a vendor: `ok`, `status` as HTTP would say it, `error`, `message`."""
    return await quantum.probe_auth(desk.conn, desk.need_wire(), desk.parts.find_keyring, vendor)


async def probe_backends(desk: Desk) -> quantum.BackendsProbe:
    """Ask all vendors in use how they are, and how far one gets: `asked`, `well`, `all_refused`, `all_unreached`."""
    return await quantum.probe_backends(desk.conn, desk.need_wire(), desk.parts.find_keyring)


async def count_connections(desk: Desk) -> activity.Connections:
    """Count the connections to the database server: `open`, `open_max`, `used_share`, `idle_in_transaction`."""
    return await activity.count_connections(desk.conn)


async def find_slow_queries(desk: Desk, *, running_for_s: float = 5.0) -> activity.SlowQueries:
    """Find transactions that have run for longer: `count`, `blocked`, `longest_s`, and who they wait for."""
    return await activity.find_slow_queries(desk.conn, running_for_s=running_for_s)


async def find_statements(desk: Desk) -> activity.StatementTimes:
    """Find the statements that take longest on average, where the server has pg_stat_statements (`is_available`)."""
    return await activity.find_statement_times(desk.conn)


async def cancel_queries(desk: Desk, *, running_for_s: float = 300.0) -> activity.Ended:
    """Cancel what has been computing in the database for longer; the connections stay open."""
    return await activity.cancel_queries(desk.conn, running_for_s=running_for_s)


async def terminate_queries(desk: Desk, *, running_for_s: float = 300.0) -> activity.Ended:
    """Close the connections whose transactions have lasted longer, backups excepted."""
    return await activity.terminate_queries(desk.conn, running_for_s=running_for_s)


async def recycle_connections(desk: Desk, *, idle_for_s: float = 30.0) -> activity.Ended:
    """Close the service's own connections that have been idle for longer; its pools open new ones as needed."""
    return await activity.recycle_connections(desk.conn, idle_for_s=idle_for_s)


async def log_slow_queries(desk: Desk, over_ms: int | None = 1000) -> None:
    """Have the database server log statements that take longer, in sessions from now on; None ends it."""
    await activity.log_slow_queries(desk.conn, over_ms)


async def look_at_memory(_desk: Desk) -> MemoryUse:
    """Look at the memory of the machine that does this: `used_share`, `largest_name`, `largest_mb`, `processes`."""
    return await asyncio.to_thread(inspect_memory)


async def look_at_disk(desk: Desk) -> DiskUse:
    """Look at the disk with the data folder, on the machine that does this: `free_gb`, `used_share`."""
    return await asyncio.to_thread(inspect_disk, desk.need_data_dir())


ACTIONS: tuple[Action, ...] = (
    read("audit.changes", find_recent_changes),
    read("logs.patterns", find_patterns),
    read("api.errors", find_errors),
    read("api.consumers", find_consumers),
    read("api.abuse", find_abuse),
    read("quota.report", report_quotas),
    read("auth.failures", find_login_failures),
    read("jobs.queue", look_at_queue),
    read("jobs.workers", look_at_workers),
    read("jobs.stuck", find_stuck),
    read("jobs.affected", find_affected),
    read("jobs.failures", find_job_failures),
    read("quantum.failures", find_quantum_failures),
    read("probe.dns", probe_dns, leaves_home=True),
    read("probe.tcp", probe_tcp, leaves_home=True),
    read("probe.tls", probe_tls, leaves_home=True),
    read("probe.status_page", read_status_page, leaves_home=True),
    read("probe.auth", probe_auth, leaves_home=True),
    read("probe.backends", probe_backends, leaves_home=True),
    read("postgres.connections", count_connections),
    read("postgres.find_slow", find_slow_queries),
    read("postgres.statements", find_statements),
    dangerous("postgres.cancel", cancel_queries),
    dangerous("postgres.terminate", terminate_queries),
    write("postgres.recycle", recycle_connections),
    write("postgres.log_slow", log_slow_queries, undo="postgres.log_slow(None)"),
    read("host.memory", look_at_memory),
    read("host.disk", look_at_disk),
)
