"""The inbox in the application: what was told to a user or to somebody on call, to read and to tick off."""
