"""Solve a binary model, or who does what in a schedule, on Leap's hybrid solvers."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from quantum_scheduler.backends.collect import collect_reads
from quantum_scheduler.backends.dwave.access import Access, refusal
from quantum_scheduler.backends.model import Answer, BackendError, Limits
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.decode import decode
from quantum_scheduler.problems.encode import Encoding, encode_schedule
from quantum_scheduler.problems.model import ProblemTooLarge, ScheduleSolution
from quantum_scheduler.problems.place import Unplaceable
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.problems.verify import verify

if TYPE_CHECKING:
    import dimod

    Model = dimod.BinaryQuadraticModel | dimod.ConstrainedQuadraticModel

# What D-Wave's production solvers ask for at the least, for models of up to a few thousand variables.
BQM_TIME_MIN_S = 3.0
CQM_TIME_MIN_S = 5.0
UPLOAD_TIMEOUT_S = 60.0
SCHEDULES_MAX = 20


def write_bqm(problem: BinaryProblem) -> "dimod.BinaryQuadraticModel":
    """Write a binary model, its variables labelled by position: the customer's labels stay here."""
    import dimod  # noqa: PLC0415  takes a second, and adapters are loaded where no problem is solved

    pairs = problem.head, problem.tail, problem.weight.astype(np.float64)
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        problem.linear.astype(np.float64), pairs, float(problem.offset), dimod.as_vartype(problem.vartype)
    )


def write_unconstrained(problem: BinaryProblem) -> "dimod.ConstrainedQuadraticModel":
    """Write a binary model as a constrained one without constraints, in values 0 and 1 whatever its own are."""
    import dimod  # noqa: PLC0415

    model = dimod.ConstrainedQuadraticModel()
    model.set_objective(write_bqm(problem).change_vartype(dimod.BINARY, inplace=False))
    return model


def encode_crews(problem: ScheduleProblem) -> Encoding:
    """Encode who does what, without the penalties that a solver of constraints does not need.

    Raises BackendError of kind `too_large`.
    """
    try:
        return encode_schedule(problem, penalised=False)
    except ProblemTooLarge as error:
        raise BackendError("too_large", f"dwave: {error}") from error


def write_constrained(encoding: Encoding) -> "dimod.ConstrainedQuadraticModel":
    """Write who does what with one constraint for each task: as many of its variables are chosen as it needs agents."""
    model = write_unconstrained(encoding.model)
    variables: dict[int, list[int]] = defaultdict(list)
    for variable, (task, _) in enumerate(encoding.choices):
        variables[task].append(variable)
    for task, chosen in variables.items():
        needed = encoding.problem.tasks[task].agents
        model.add_constraint_from_iterable([(v, 1) for v in chosen], sense="==", rhs=needed, label=f"t{task}")
    return model


def write_params(model: "Model", properties: Mapping[str, Any], limits: Limits, access: Access) -> dict[str, float]:
    """Give the solver the time limit, or as much as it asks for at the least. Raises BackendError."""
    import dimod  # noqa: PLC0415

    _check_size(model, properties, access)
    if isinstance(model, dimod.BinaryQuadraticModel):
        sizes, seconds = zip(*properties.get("minimum_time_limit", [[1, BQM_TIME_MIN_S]]), strict=True)
        least = float(np.interp(model.num_variables, sizes, seconds))
    else:
        # The formula of `LeapHybridCQMSampler.min_time_limit` in dwave-system.
        count = len(model.variables)
        least = max(
            properties.get("num_variables_multiplier", 1.57e-04) * count
            + properties.get("num_biases_multiplier", 4.65e-06) * model.num_biases()
            + properties.get("num_constraints_multiplier", 6.44e-09) * count * len(model.constraints),
            properties.get("minimum_time_limit_s", CQM_TIME_MIN_S),
        )
    most = 3600.0 * properties.get("maximum_time_limit_hrs", 24.0)
    return {"time_limit": min(most, max(least, limits.time_limit_s))}


def _check_size(model: "Model", properties: Mapping[str, Any], access: Access) -> None:
    sizes = {"variables": len(model.variables), "biases": model.num_biases() if hasattr(model, "num_biases") else 0}
    for name, size in sizes.items():
        most = properties.get(f"maximum_number_of_{name}", size)
        if size > most:
            raise refusal("too_large", f"the model has {size:,} {name} and the solver takes {most:,}", access)


def upload_model(model: "Model", access: Access) -> str:
    """Upload a model in parts, with D-Wave's own client, and return the id it is then known by."""
    from dwave.cloud import Client  # noqa: PLC0415  a backend that is not used costs nothing

    options = access.client_options()
    client = Client(
        endpoint=access.endpoint,
        token=access.token,
        request_timeout=options["timeout"],
        http_retry_total=0,
        cache_enabled=False,
    )
    try:
        with model.to_file() as file:
            uploaded: str = client.upload_problem_encoded(file).result(UPLOAD_TIMEOUT_S)
            return uploaded
    finally:
        client.close(wait=False)


def write_job(uploaded: str, definition: Any, kind: str, params: Mapping[str, float], key: str) -> Any:
    """Write the job that solves an uploaded model."""
    from dwave.cloud.api import models  # noqa: PLC0415
    from dwave.cloud.coders import encode_problem_as_ref  # noqa: PLC0415

    return models.ProblemJob(
        data=models.ProblemData.model_validate(encode_problem_as_ref(uploaded)),
        params=dict(params),
        solver=definition.identity,
        type=kind,
        label=key,
    )


def read_binary(problem: BinaryProblem, status: Any) -> Answer:
    """Read the samples of a finished binary model. Raises BackendError of kind `integrity`."""
    import dimod  # noqa: PLC0415

    samples = dimod.SampleSet.from_serializable(status.answer.root.data)
    order = np.argsort(np.fromiter(samples.variables, dtype=np.intp, count=len(problem.labels)))
    reads = samples.record.sample[:, order].astype(np.int8)
    # A constrained model was written in values 0 and 1, and a binary one in its own.
    if problem.vartype == "SPIN" and samples.vartype is not dimod.SPIN:
        reads = 2 * reads - 1
    return collect_reads("dwave", problem, reads, samples.record.energy.astype(np.float64), _describe(samples, status))


def read_schedule(encoding: Encoding, status: Any) -> Answer:
    """Read the samples of a finished assignment into schedules, the best first; the time of each task is ours.

    Raises BackendError of kind `integrity` where an energy is not what D-Wave claims.
    """
    chosen = read_binary(encoding.model, status)
    found: dict[ScheduleSolution, float] = {}
    why, proven = "", False
    for crew in chosen.solutions:
        try:
            schedule = decode(encoding, crew.values)  # type: ignore[union-attr]  # it answered for a binary model
        except Unplaceable as error:
            why, proven = str(error), proven or error.proven
        else:
            found[schedule] = float(verify(encoding.problem, schedule).objective or 0)
    return Answer(
        solutions=tuple(sorted(found, key=found.__getitem__)[:SCHEDULES_MAX]),
        complete=True,
        reproducible=False,
        proof="infeasible" if proven else None,
        info={
            **chosen.info,
            "encoding": f"assignment CQM, {len(encoding.choices)} variables, decoded by list schedule",
            "explanation": why if not found else "the backend chose who does what, and a list schedule chose when",
        },
    )


def _describe(samples: "dimod.SampleSet", status: Any) -> dict[str, Any]:
    timing = {name: value for name, value in samples.info.items() if isinstance(value, int | float)}
    return {
        "method": f"hybrid {status.type.value}",
        "solver": status.solver.name,
        "problem_id": status.id,
        "qpu_seconds": timing.get("charge_time", 0) / 1e6,
        "qpu_access_s": timing.get("qpu_access_time", 0) / 1e6,
        "timing_us": timing,
    }
