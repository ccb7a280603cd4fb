"""How a problem gets an answer: recall it, choose a backend, run it apart from this process, verify."""
