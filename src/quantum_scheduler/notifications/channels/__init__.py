"""The channels, each one file behind the one port."""
