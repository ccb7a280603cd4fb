"""The check at the door, and what people do about their accounts over HTTP.

Every route that names `Caller` is entered with a live key, token or session only; one that names `Annotated[Principal,
needs("jobs:read")]` by whoever has that scope.
"""

from quantum_scheduler.accounts.routes.door import Caller, Database, WholeDatabase, needs

__all__ = ["Caller", "Database", "WholeDatabase", "needs"]
