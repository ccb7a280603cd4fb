"""The compiled search for states of least energy of binary models."""
