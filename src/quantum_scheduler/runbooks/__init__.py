"""What we do about it: Markdown that a person reads and the engine executes."""
