"""The library: solving in the caller's own process, from Python."""
