"""Imported first by processes that wait for others most of the time: lets solvers have the processor before them."""

import os

# A tenth of a solver's share where both want it: loading a vendor's SDK takes seconds of work.
NICENESS = 10

os.nice(NICENESS)
