"""The nouns of what was measured."""

from dataclasses import dataclass

from quantum_scheduler.jobs.queue_model import LanePause, LaneStats

HEADINGS = ("lane", "priority", "depth", "oldest wait", "avg time", "running", "sleeping", "stuck", "done", "takeovers")
WORDS = 2  # so many columns stand to the left


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStats:
    """The queue at one moment: in total, and in `lanes` by lane and priority. Printed, it is a table.

    `avg_processing_time_s` and `throughput_per_s` speak of the jobs that succeeded in the last quarter of an hour;
    the former is None where none did. `takeovers` counts from the beginning.
    """

    depth: int
    oldest_wait_s: float
    avg_processing_time_s: float | None
    running: int
    sleeping: int
    stuck: int
    takeovers: int
    throughput_per_s: float
    lanes: tuple[LaneStats, ...]
    paused: tuple[LanePause, ...]

    def __str__(self) -> str:
        """Draw the table, the total last, and name the lanes that are closed."""
        rows = [HEADINGS, *(_draw(each) for each in self.lanes), self._draw_total()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(_place(row, widths)).rstrip() for row in rows]
        lines.insert(1, "-" * sum((*widths, 2 * len(widths) - 2)))
        return "\n".join([*lines, *(_tell(pause) for pause in self.paused)])

    def _draw_total(self) -> tuple[str, ...]:
        average, oldest = _seconds(self.avg_processing_time_s), _seconds(self.oldest_wait_s)
        done = sum(each.finished for each in self.lanes)
        numbers = (self.running, self.sleeping, self.stuck, done, self.takeovers)
        return ("all", "", str(self.depth), oldest, average, *map(str, numbers))


def _draw(each: LaneStats) -> tuple[str, ...]:
    numbers = (each.running, each.sleeping, each.stuck, each.finished, each.takeovers)
    waits = (str(each.depth), _seconds(each.oldest_s), _seconds(each.average_s))
    return (each.lane, each.priority, *waits, *map(str, numbers))


def _place(row: tuple[str, ...], widths: list[int]) -> list[str]:
    left = [cell.ljust(width) for cell, width in zip(row[:WORDS], widths[:WORDS], strict=True)]
    return left + [cell.rjust(width) for cell, width in zip(row[WORDS:], widths[WORDS:], strict=True)]


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:,.1f} s"


def _tell(pause: LanePause) -> str:
    until = "until it is resumed" if pause.until is None else f"until {pause.until:%Y-%m-%d %H:%M:%S} UTC"
    return f"{pause.lane} is paused {until}: {pause.reason}"
