"""What Prometheus, Alertmanager and Grafana need to watch the service as it watches itself."""
