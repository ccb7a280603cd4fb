"""Keep the peppers of an installation: in the environment, or else in a file of the data folder."""

from quantum_scheduler.accounts.pepper import Peppers, make_peppers, read_peppers, write_peppers
from quantum_scheduler.cli.keep_secret import read_secret, write_secret
from quantum_scheduler.settings import Settings


def keep_peppers(settings: Settings) -> Peppers:
    """Read the peppers; where there are none yet, make the first and write its file. Raises PepperInvalid."""
    written = settings.peppers or read_secret(settings.peppers_file)
    if written is not None:
        return read_peppers(written)
    peppers = make_peppers()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    write_secret(settings.peppers_file, write_peppers(peppers))
    return peppers
