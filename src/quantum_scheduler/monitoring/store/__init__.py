"""Every SQL statement of the monitoring."""
