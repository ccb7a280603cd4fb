"""Customers who want to be told: by mail or webhook, each once, and none who has not agreed."""
