"""Optimisation jobs on quantum computers and classical solvers: queued durably, answered always, verified."""

__version__ = "0.1.0"
