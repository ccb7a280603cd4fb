"""Every SQL statement of logging in. The time is always the caller's."""
