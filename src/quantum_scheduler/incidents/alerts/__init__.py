"""Alerts that others send: of Alertmanager, of Grafana, and of whatever can post JSON."""
