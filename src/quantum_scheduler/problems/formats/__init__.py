"""How problems are written down: one file for each format, none of which knows another."""
