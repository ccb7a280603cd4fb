"""Stand-ins for the vendors' clouds: loopback servers that the real SDKs talk to, with faults to order."""
