"""What is detected: signals of runbooks raise incidents, and end them."""
