"""How a link reaches somebody: a port, the real SMTP client, and for installations without one the log."""
