"""Every SQL statement of the rate limits."""
