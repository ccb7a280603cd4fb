"""What a drill can break."""
