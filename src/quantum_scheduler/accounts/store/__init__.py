"""Every SQL statement of organisations, people and keys."""
