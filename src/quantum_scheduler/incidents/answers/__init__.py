"""Answers that come back from where people read of an incident: buttons in Slack, and PagerDuty."""
