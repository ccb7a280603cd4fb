"""Whom we tell: people on call, customers, and everybody else, each through the channel they chose."""
