"""Keep the peppers of an installation: in the environment, or else in a file of the data folder."""

from quantum_scheduler.accounts.pepper import Peppers, make_peppers, read_peppers, write_peppers
from quantum_scheduler.cli.keep_secret import read_secret, write_secret
from quantum_scheduler.settings import Settings


def keep_peppers(settings: Settings) -> Peppers:
    """Read the peppers; where there are none yet, make the first and write its file. Raises PepperInvalid."""
    found = find_peppers(settings)
    if found is not None:
        return found
    peppers = make_peppers()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    write_secret(settings.peppers_file, write_peppers(peppers))
    return peppers


def find_peppers(settings: Settings) -> Peppers | None:
    """Read the peppers, if there are any. Raises PepperInvalid."""
    written = settings.peppers or read_secret(settings.peppers_file)
    return None if written is None else read_peppers(written)
