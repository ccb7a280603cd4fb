"""Imported first by processes that wait for others most of the time: lets solvers have the processor before them."""

import os
import time
from contextlib import suppress
from pathlib import Path

# A third of a solver's share where both want it: loading the vendors' SDKs takes seconds of work.
NICENESS = 5
# Linux may weigh sessions rather than processes, and takes a session's niceness from one of them each 0.1 s.
SESSION = Path("/proc/self/autogroup")
TRIES = 20
TRY_EVERY_S = 0.1


def _step_back() -> None:
    os.nice(NICENESS)
    with suppress(OSError):  # sessions are not weighed here
        for _ in range(TRIES):
            try:
                SESSION.write_text(str(NICENESS), encoding="ascii")
            except BlockingIOError:
                time.sleep(TRY_EVERY_S)
            else:
                return


_step_back()
