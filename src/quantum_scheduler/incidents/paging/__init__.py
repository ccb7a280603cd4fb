"""How people are told of an incident: the pages that escalate, and the messages to the channels."""
