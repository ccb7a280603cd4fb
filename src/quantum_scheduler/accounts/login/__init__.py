"""How people come in: passwords and what slows guessing down, second factors, sessions, tokens, mail links."""
