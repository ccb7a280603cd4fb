"""Drills: break something of a running service for a while, and watch what its runbook does about it."""
