"""What an agent's or resource's timeline promises: the first fit, whatever was taken before."""

from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_scheduler.problems.timeline import Timeline

RUNS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6), st.integers(0, 3)), max_size=12)


@settings(deadline=None)
@given(
    capacity=st.integers(0, 3),
    bounds=st.none() | st.lists(st.integers(0, 30), unique=True).map(sorted),
    runs=RUNS,
    start=st.integers(0, 20),
    duration=st.integers(0, 6),
    demand=st.integers(0, 4),
)
def test_the_earliest_fit_is_the_first_time_with_room_throughout(
    capacity: int, bounds: list[int] | None, runs: list[tuple[int, int, int]], start: int, duration: int, demand: int
) -> None:
    windows = None if bounds is None else list(zip(bounds[::2], bounds[1::2], strict=False))
    timeline = Timeline(capacity, windows)
    used = [0] * 200

    def has_room(begin: int, length: int, units: int) -> bool:
        return all(used[time] + units <= capacity for time in range(begin, begin + length))

    for earliest, length, units in runs:
        taken = min(units, capacity)
        begin = next(time for time in range(earliest, 150) if has_room(time, length, taken))
        timeline.occupy(begin, begin + length, taken)
        used[begin : begin + length] = [taken + before for before in used[begin : begin + length]]

    def is_open(begin: int, length: int) -> bool:
        return windows is None or any(opens <= begin and begin + length <= closes for opens, closes in windows)

    fits = (time for time in range(start, 150) if has_room(time, duration, demand) and is_open(time, duration))
    assert timeline.earliest_fit(start, duration, demand) == next(fits, None)


def test_an_instant_fits_at_the_very_end_of_a_window_and_into_a_full_timeline() -> None:
    timeline = Timeline(1, [(2, 5)])
    timeline.occupy(2, 5)
    assert timeline.earliest_fit(0, 0) == 2
    assert timeline.earliest_fit(5, 0) == 5
    assert timeline.earliest_fit(6, 0) is None


def test_touching_windows_are_not_one_window() -> None:
    assert Timeline(1, [(5, 8), (0, 5)]).earliest_fit(3, 3) == 5
    assert Timeline(1, [(5, 8), (0, 5)]).earliest_fit(0, 6) is None


def test_without_windows_only_too_large_a_demand_never_fits() -> None:
    assert Timeline(2).earliest_fit(0, 1, 3) is None
    assert Timeline(2, []).earliest_fit(0, 1) is None
    assert Timeline(0).earliest_fit(7, 1, 0) == 7
