"""The status page: what customers are told of how the service is."""
