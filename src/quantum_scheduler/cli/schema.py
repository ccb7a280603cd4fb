"""`schema`: the published JSON Schema of a problem."""

from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import write_json


def print_schema(*, json: Json = True) -> int:
    """Print the JSON Schema of a problem; it is one JSON document with or without `--json`."""
    from quantum_scheduler.problems.publish import problem_schema  # noqa: PLC0415  brings numpy and dimod along

    del json
    write_json(problem_schema())
    return 0
