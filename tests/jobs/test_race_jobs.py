from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from tests.jobs.conftest import open_desk
from tests.jobs.racing import BOTH, Track, install_vendors, is_right, open_pools, open_track

from quantum_scheduler.jobs.model import Failed, Retry, Sleep, Succeeded
from quantum_scheduler.postgres.connect import open_pool
from quantum_scheduler.secrets.actions import put
from quantum_scheduler.secrets.seal import Keyring, find_no_keyring
from quantum_scheduler.solving import metrics
from quantum_scheduler.solving.actions import canary, classical_only, open_breaker, probe_backend, ramp, set_priority
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.routing_model import Rules

# One loop, and so one pool of warm processes, serves the whole file.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def processes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[ProcessPool, Path]]:
    folder = tmp_path_factory.mktemp("faraway")
    async with open_pools(folder) as pool:
        yield pool, folder


@pytest_asyncio.fixture(loop_scope="module")
async def track(dsn: str, processes: tuple[ProcessPool, Path]) -> AsyncIterator[Track]:
    pool = await open_pool(dsn)
    with install_vendors():
        yield open_track(await open_desk(pool), *processes)
    pool.terminate()


async def test_both_sides_answer_and_the_result_carries_both(track: Track) -> None:
    job = await track.submit(backend="searching")
    result = await track.finish(job)
    assert is_right(result)
    assert (result["backend"], result["status"], result["bound"]) == ("searching", "optimal", -9)
    assert (result["race"]["quantum"]["objective"], result["race"]["classical"]["objective"]) == (-9, -9)
    (attempt,) = await track.attempts(job)
    assert (attempt.state, attempt.objective, attempt.classical_objective, attempt.winner) == (
        "answered",
        -9,
        -9,
        "searching",
    )
    assert attempt.decision["chosen"] == "searching"
    assert [submission["key"] for submission in track.submissions()] == [attempt.key]


async def test_without_a_priority_auto_is_classical_and_nobody_is_asked(track: Track) -> None:
    track.configure(environment=Rules())
    job = await track.submit()
    result = await track.finish(job)
    assert (result["backend"], result["race"]) == ("classical", {})
    assert (await track.attempts(job), track.submissions()) == ([], [])


async def test_the_classical_answer_wins_where_the_quantum_one_is_worse(track: Track) -> None:
    track.break_vendor("searching", "worse")
    job = await track.submit(backend="searching")
    result = await track.finish(job)
    assert is_right(result)
    assert (result["backend"], result["race"]["winner"]) == ("classical", "classical")
    (attempt,) = await track.attempts(job)
    assert attempt.objective is not None
    assert attempt.objective > -9
    assert attempt.winner == "classical"


async def test_the_quantum_answer_wins_where_the_classical_one_is_worse(track: Track) -> None:
    track.solve_poorly()
    result = await track.finish(await track.submit())
    assert is_right(result)
    assert (result["backend"], result["race"]["classical"]["objective"]) == ("searching", 0)


@pytest.mark.parametrize(
    "fault", ["unavailable", "offline", "quota", "auth", "job_failed", "wrong_energy", "invalid", "dropped"]
)
async def test_whatever_the_vendor_does_the_job_ends_with_a_verified_answer(track: Track, fault: str) -> None:
    track.break_vendor("forgetful", fault)
    job = await track.submit(backend="forgetful")
    result = await track.finish(job)
    assert is_right(result)
    assert result["backend"] == "classical"
    assert result["race"]["error"]["kind"] == {"wrong_energy": "integrity", "dropped": "unavailable"}.get(fault, fault)
    assert all(attempt.error and attempt.error["message"] for attempt in await track.attempts(job))


async def test_what_passes_by_itself_is_tried_again_as_late_as_the_vendor_asks(track: Track) -> None:
    track.break_vendor("searching", "rate_limit")
    job = await track.submit(backend="searching")
    outcome = await track.step(job)
    assert isinstance(outcome, Retry)
    assert outcome.delay_s >= 0.2
    track.mend_vendor("searching")
    await track.desk.execute("UPDATE breaker SET rest_until = NULL")
    await track.wake()
    assert is_right(await track.finish(job))
    first, second = await track.attempts(job)
    assert (first.state, second.state) == ("failed", "answered")
    assert first.key != second.key


async def test_without_fallback_the_job_fails_with_the_vendors_kind_and_message(track: Track) -> None:
    track.configure(falls_back=False)
    track.break_vendor("searching", "quota")
    job = await track.submit(backend="searching")
    outcome = await track.step(job)
    assert outcome == Failed(kind="quota", message="no, with key none")


async def test_a_failing_backend_gives_way_to_the_next_one(track: Track) -> None:
    track.configure(environment=Rules(priority=BOTH))
    track.break_vendor("searching", "offline")
    job = await track.submit(backend="quantum")
    result = await track.finish(job)
    assert result["backend"] == "forgetful"
    failed, answered = await track.attempts(job)
    assert (failed.backend, failed.state, answered.backend) == ("searching", "failed", "forgetful")
    assert [reason["rule"] for reason in answered.decision["reasons"]] == ["tried", "chosen"]


async def test_a_job_that_waits_at_the_vendor_holds_no_slot_and_is_not_solved_again(track: Track) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit(backend="searching")
    assert isinstance(await track.step(job), Sleep)
    (attempt,) = await track.attempts(job)
    assert (attempt.state, attempt.queue_position) == ("waiting", 7)
    assert await track.desk.count("SELECT count(*) FROM task WHERE state = 'running'") == 0
    track.mend_vendor("searching")
    await track.wake()
    assert is_right(await track.finish(job))
    assert len(track.submissions()) == 1


async def test_a_stuck_attempt_is_given_up_and_the_kept_answer_is_given(track: Track) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit(backend="searching")
    await track.step(job)
    track.configure(timeout_s=0.1)
    await track.wake()
    outcome = await track.step(job)
    assert isinstance(outcome, Retry)
    assert outcome.kind == "timeout"
    await track.wake()
    result = await track.finish(job)
    assert is_right(result)
    assert result["race"]["error"]["kind"] == "timeout"
    assert track.cancellations() == len(track.submissions())


async def test_the_deadline_brings_the_classical_answer_and_stops_the_vendor(track: Track) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit(backend="searching", deadline_s=3600)
    await track.step(job)
    await track.desk.execute("UPDATE task SET run_at = now(), deadline_at = now()")
    await track.desk.tick()
    outcome = await track.step(job)
    assert isinstance(outcome, Succeeded)
    assert is_right(dict(outcome.result))
    assert track.cancellations() == 1


async def test_a_cancelled_job_is_stopped_at_the_vendor(track: Track) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit(backend="searching")
    await track.step(job)
    await track.desk.cancel(job)
    await track.step(job)
    assert (await track.desk.find(job)).state == "cancelled"
    assert track.cancellations() == 1
    assert [attempt.state for attempt in await track.attempts(job)] == ["cancelled"]


async def test_a_proven_answer_of_auto_waits_for_no_vendor(track: Track) -> None:
    track.break_vendor("searching", "stuck")
    job = await track.submit()
    assert isinstance(await track.step(job), Succeeded)
    assert track.bench.quantum is not None
    for stray in list(track.bench.quantum.strays):
        await stray
    assert [attempt.state for attempt in await track.attempts(job)] == ["outrun"]
    assert track.cancellations() == 1
    assert (await track.breaker("searching")).outruns == 1


async def test_a_simulator_in_the_priority_races_on_this_machine(track: Track) -> None:
    track.configure(environment=Rules(priority=("simulator",)))
    track.solve_poorly()
    job = await track.submit(backend="quantum", time_limit_s=0.2)
    result = await track.finish(job)
    (attempt,) = await track.attempts(job)
    assert (attempt.backend, attempt.state, attempt.key) == ("simulator", "answered", None)
    assert result["verified"]


async def test_what_an_operator_decides_holds_at_once(track: Track) -> None:
    async with track.desk.pool.acquire() as conn:
        await set_priority(conn, ("forgetful",), reason="drill")
    assert (await track.finish(await track.submit(backend="quantum")))["race"]["backend"] == "forgetful"
    async with track.desk.pool.acquire() as conn:
        await classical_only(conn, True, reason="drill")
    result = await track.finish(await track.submit(backend="searching"))
    assert result["race"]["error"]["message"] == "searching: everything is solved classically now"
    async with track.desk.pool.acquire() as conn:
        await classical_only(conn, False, reason="over")
        await ramp(conn, "searching", 0)
        await open_breaker(conn, "forgetful", reason="drill")
    job = await track.submit(backend="quantum")
    result = await track.finish(job)
    assert (result["backend"], result["race"]["is_fallback"]) == ("classical", True)
    (attempt,) = await track.attempts(job)
    assert (attempt.state, attempt.backend) == ("skipped", None)


async def test_a_job_keeps_within_its_budget(track: Track) -> None:
    job = await track.submit(backend="searching", max_cost_usd=0.1)
    result = await track.finish(job)
    assert result["race"]["error"]["kind"] == "budget"
    assert "0.3 USD" in result["race"]["error"]["message"]
    assert track.submissions() == []
    job = await track.submit(backend="searching", max_cost_usd=1.0)
    await track.finish(job)
    assert [attempt.cost_usd for attempt in await track.attempts(job)] == [0.3]


async def test_a_new_key_is_used_at_once_and_no_key_is_told(track: Track) -> None:
    keyring = Keyring(b"k" * 32)
    track.configure(find_keyring=lambda: keyring, falls_back=False)
    track.break_vendor("searching", "quota")
    for key in ("the-first-key", "the-second-key"):
        async with track.desk.pool.acquire() as conn:
            await put(conn, keyring, "FARAWAY_KEY", key, backend="searching")
        outcome = await track.step(await track.submit(backend="searching"))
        assert outcome == Failed(kind="quota", message="no, with key <FARAWAY_KEY>")
    async with track.desk.pool.acquire() as conn:
        await put(conn, keyring, "FARAWAY_KEY", "wrong", backend="searching")
        health = await probe_backend(conn, track.wire, lambda: keyring, "searching")
    assert (health.status, health.error, health.message) == ("down", "auth", "the key <FARAWAY_KEY> is not ours")


async def test_a_backend_that_says_it_is_down_gets_no_job(track: Track) -> None:
    track.break_vendor("searching", "offline")
    async with track.desk.pool.acquire() as conn:
        await probe_backend(conn, track.wire, find_no_keyring, "searching")
    track.mend_vendor("searching")
    job = await track.submit(backend="searching")
    await track.finish(job)
    (skipped,) = await track.attempts(job)
    assert [reason["rule"] for reason in skipped.decision["reasons"]] == ["health"]
    async with track.desk.pool.acquire() as conn:
        await probe_backend(conn, track.wire, find_no_keyring, "searching")
    assert (await track.finish(await track.submit(backend="searching")))["backend"] == "searching"


async def test_what_a_terminal_cannot_reach_is_no_news_to_workers(track: Track) -> None:
    track.break_vendor("searching", "offline")
    async with track.desk.pool.acquire() as conn:
        terminal = replace(track.wire, is_at_work=False)
        health = await probe_backend(conn, terminal, find_no_keyring, "searching")
    assert health.status == "down"
    track.mend_vendor("searching")
    assert (await track.finish(await track.submit(backend="searching")))["backend"] == "searching"


async def test_none_is_left_only_where_every_preferred_backend_is_known_to_be_down(track: Track) -> None:
    healthy = []
    async with track.desk.pool.acquire() as conn:
        await set_priority(conn, BOTH, reason="a test")
        for name in BOTH:
            track.break_vendor(name, "offline")
            await probe_backend(conn, track.wire, find_no_keyring, name)
            healthy.append(metrics.healthy_backends(await metrics.quantum_stats(conn)))
        track.mend_vendor(BOTH[0])
        await probe_backend(conn, track.wire, find_no_keyring, BOTH[0])
        healthy.append(metrics.healthy_backends(await metrics.quantum_stats(conn)))
    assert healthy == [None, 0, 1]


async def test_a_canary_passes_where_the_known_optimum_is_found(track: Track) -> None:
    async def sing(name: str) -> tuple[bool, str]:
        async with track.desk.pool.acquire() as conn:
            report = await canary(conn, track.wire, find_no_keyring, name, key="canary")
        return report.passed, report.message

    assert await sing("searching") == (True, "")
    track.break_vendor("searching", "worse")
    assert await sing("searching") == (False, "it did not find the optimum")
    track.break_vendor("searching", "auth")
    assert await sing("searching") == (False, "auth: no, with key none")
    assert (await sing("simulator"))[0]


async def test_the_numbers_tell_what_came_of_the_attempts(track: Track) -> None:
    await track.finish(await track.submit(backend="searching"))
    track.break_vendor("searching", "worse")
    await track.finish(await track.submit(backend="searching"))
    track.break_vendor("searching", "offline")
    await track.finish(await track.submit(backend="searching"))
    async with track.desk.pool.acquire() as conn:
        stats = await metrics.quantum_stats(conn)
    (ours,) = [each for each in stats.backends if each.state.name == "searching"]
    assert (ours.attempts.answered, ours.attempts.failed, ours.attempts.won) == (2, 1, 1)
    assert metrics.fallback_rate(stats) == pytest.approx(1 / 3)
    assert metrics.success_rate(stats) == pytest.approx(2 / 3)
    assert metrics.failure_rate(stats) == pytest.approx(1 / 3)
    assert metrics.cost_per_optimisation_usd(stats) == pytest.approx(0.3)
    assert metrics.health_status(ours) == "unknown"
    quality = metrics.quality_ratio(ours)
    assert quality is not None
    assert quality < 1
