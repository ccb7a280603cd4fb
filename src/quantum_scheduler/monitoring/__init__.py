"""What we measure: `from quantum_scheduler.monitoring import queue_stats; print(queue_stats())`."""

from quantum_scheduler.monitoring.measure import queue_stats

__all__ = ["queue_stats"]
