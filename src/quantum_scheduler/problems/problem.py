"""What may be asked: a schedule or a binary model."""

from typing import Annotated, Literal

from pydantic import Field

from quantum_scheduler.problems.binary import BinaryDocument, BinaryProblem
from quantum_scheduler.problems.schedule import ScheduleProblem

Problem = ScheduleProblem | BinaryProblem
ProblemType = Literal["schedule", "binary"]

# A problem as the customer writes it.
ProblemDocument = Annotated[ScheduleProblem | BinaryDocument, Field(discriminator="kind")]
