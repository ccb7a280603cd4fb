"""What `benchmarks/solvers.py` runs: the cases, the solvers that compete on them, and what is written of it."""
