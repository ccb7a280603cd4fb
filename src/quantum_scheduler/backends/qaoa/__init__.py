"""QAOA with one layer: angles from a closed form, one circuit, and candidates out of what was measured."""
