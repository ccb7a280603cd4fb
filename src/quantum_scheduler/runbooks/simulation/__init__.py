"""Run the tests that a runbook holds in virtual time, and hold its detection against what was measured."""
