"""What opens other people's doors: kept sealed, in two versions, and handed out without a restart."""
