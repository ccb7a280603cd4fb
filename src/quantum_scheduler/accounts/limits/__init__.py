"""How often one may ask: rate limits, what they refuse, and what was asked."""
