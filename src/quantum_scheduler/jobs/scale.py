"""Have more or less done at once: by the slots of each worker, and on Kubernetes by the number of workers."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from quantum_scheduler.jobs.store import scale as store
from quantum_scheduler.postgres.connect import Connection

SLOTS_MAX = 256
REPLICAS_MAX = 1_000
NAMESPACE = "quantum-scheduler"
DEPLOYMENT = "quantum-scheduler"
ACCOUNT_DIR = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_S = 10.0
REASON_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The Kubernetes that this process runs in: its API server, and who we are there."""

    url: str
    token: str
    namespace: str = NAMESPACE
    authority_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How many workers were asked for: the `command` that does it, and whether it was applied already.

    `reason` says why not.
    """

    replicas: int
    command: str
    is_applied: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """What was asked for: the slots of each worker, and whether they were others before; and the workers."""

    slots: int | None
    is_changed: bool
    workers: Scaling | None


def find_cluster(environ: Mapping[str, str], *, account_dir: Path = ACCOUNT_DIR) -> Cluster | None:
    """Find the cluster that this process runs in and has a service account of; None where there is none."""
    host, token_file = environ.get("KUBERNETES_SERVICE_HOST"), account_dir / "token"
    if not host or not token_file.exists():
        return None
    port = environ.get("KUBERNETES_SERVICE_PORT_HTTPS") or environ.get("KUBERNETES_SERVICE_PORT") or "443"
    namespace_file, authority_file = account_dir / "namespace", account_dir / "ca.crt"
    return Cluster(
        url=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        token=token_file.read_text().strip(),
        namespace=namespace_file.read_text().strip() if namespace_file.exists() else NAMESPACE,
        authority_file=authority_file if authority_file.exists() else None,
    )


async def scale_replicas(replicas: int, *, cluster: Cluster | None, deployment: str = DEPLOYMENT) -> Scaling:
    """Set how many workers run on Kubernetes, or say the command that does it where we may not; safe to repeat.

    Talks to the API server for at most `TIMEOUT_S`, outside any transaction.
    """
    if not 0 <= replicas <= REPLICAS_MAX:
        raise ValueError(f"{replicas} workers are not 0 to {REPLICAS_MAX}")
    namespace = NAMESPACE if cluster is None else cluster.namespace
    command = f"kubectl scale deployment {deployment} --replicas={replicas} -n {namespace}"
    reason = (
        "this process does not run in a cluster" if cluster is None else await _apply(cluster, deployment, replicas)
    )
    return Scaling(replicas=replicas, command=command, is_applied=reason is None, reason=reason)


async def _apply(cluster: Cluster, deployment: str, replicas: int) -> str | None:
    """Patch the deployment's scale; why it could not be done, or None."""
    import httpx2  # noqa: PLC0415  few processes ever need it

    url = f"{cluster.url}/apis/apps/v1/namespaces/{cluster.namespace}/deployments/{deployment}/scale"
    headers = {"Authorization": f"Bearer {cluster.token}", "Content-Type": "application/merge-patch+json"}
    trust = ssl.create_default_context(cafile=cluster.authority_file)
    try:
        async with httpx2.AsyncClient(verify=trust, timeout=TIMEOUT_S, trust_env=False) as client:
            answer = await client.patch(url, content=json.dumps({"spec": {"replicas": replicas}}), headers=headers)
    except httpx2.HTTPError as error:
        return f"the API server cannot be reached: {error}"[:REASON_LENGTH_MAX]
    if answer.is_success:
        return None
    return f"the API server answered {answer.status_code}: {' '.join(answer.text.split())}"[:REASON_LENGTH_MAX]


async def scale_slots(conn: Connection, slots: int | None) -> bool:
    """Have every worker use so many slots from its next tick on, or with None its own number; False if it was so.

    A worker makes room for as many solver processes.
    """
    if slots is not None and not 1 <= slots <= SLOTS_MAX:
        raise ValueError(f"{slots} slots are not 1 to {SLOTS_MAX}")
    return await store.set_slots(conn, slots)


async def adapt_slots(conn: Connection, worker_id: UUID, own_slots: int) -> int:
    """Say how many slots a worker should use now, its own number where nobody wants another; and write that down."""
    slots = await store.find_slots(conn, worker_id) or own_slots
    await store.note_slots(conn, worker_id, slots)
    return slots
