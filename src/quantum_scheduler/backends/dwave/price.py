"""What D-Wave charges: seconds of its solvers, at the price of a contract."""

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.model import BackendError

# D-Wave publishes no prices, it quotes them (dwavequantum.com, Leap subscription plans, November 2026). Where the
# operator says what an hour costs by contract, an estimate says what a job costs.
VARIABLES = {"qpu_access_s": "DWAVE_USD_PER_QPU_HOUR", "hybrid_s": "DWAVE_USD_PER_HYBRID_HOUR"}


def price_seconds(unit: str, seconds: float) -> float | None:
    """Return what so many seconds of `unit` cost in USD; None where nobody has said. Raises BackendError."""
    variable = VARIABLES[unit]
    text = credential(variable)
    if text is None:
        return None
    try:
        hourly_usd = float(text)
    except ValueError:
        hourly_usd = -1.0
    if not 0 <= hourly_usd < float("inf"):
        raise BackendError("offline", f"dwave: {variable} is {text!r}, not a price")
    return hourly_usd * seconds / 3600
