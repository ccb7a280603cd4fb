"""How much one may use: quotas, what is reserved and used of them, and who was told."""
