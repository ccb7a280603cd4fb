"""`python -m quantum_scheduler` is the command line."""

from quantum_scheduler.cli import main

if __name__ == "__main__":
    main()
