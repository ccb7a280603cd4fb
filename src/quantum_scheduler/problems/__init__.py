"""What is asked: schedules and binary models. Pure functions; no input or output, no clock, no chance."""
