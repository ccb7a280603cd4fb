"""What runbooks, the command line and people may have done: every room's actions under their dotted names."""
