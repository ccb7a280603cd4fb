"""The database: embed, connect, migrate, listen."""
