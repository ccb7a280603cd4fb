"""What was done and by whom, so that nobody can change it afterwards unseen."""
