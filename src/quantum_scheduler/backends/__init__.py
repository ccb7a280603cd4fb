"""Where problems are solved: one port, and an adapter for each place that can."""
