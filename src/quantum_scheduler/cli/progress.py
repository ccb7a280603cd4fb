"""Show on standard error how a solve is getting on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from quantum_scheduler.cli.show import describe_progress

Tell = Callable[[Mapping[str, Any]], None]


@contextmanager
def show_progress(console: Console, *, time_limit_s: float, doing: str) -> Iterator[Tell]:
    """Show a line that grows up to the time limit; yield the function to be told {"elapsed_s", "objective", "bound"}.

    `doing` may be replaced by telling {"doing": ...}. Where standard error is not a terminal, nothing is shown.
    """
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[found]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        line = bar.add_task(doing, total=time_limit_s, found="")

        def tell(progress: Mapping[str, Any]) -> None:
            if "doing" in progress:
                bar.update(line, description=progress["doing"])
            else:
                bar.update(line, completed=progress["elapsed_s"], found=describe_progress(progress))

        yield tell
