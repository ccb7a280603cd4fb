"""What went wrong: incidents, from declaring one to its post-mortem."""
