"""The small language in which detection and runbooks name metrics and call actions."""
