"""Scheduled maintenance: when which parts of the service are worked on."""
