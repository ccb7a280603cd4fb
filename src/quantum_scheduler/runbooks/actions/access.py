"""Actions on secrets, accounts, keys, limits and quotas. What they change is audited, with the incident."""

from collections.abc import Mapping
from uuid import UUID

from quantum_scheduler.accounts import actions as accounts
from quantum_scheduler.accounts.limits import actions as limits
from quantum_scheduler.accounts.limits.model import Multiplier
from quantum_scheduler.accounts.login.signing import Rotation
from quantum_scheduler.accounts.quota.actions import raise_quota as give_more
from quantum_scheduler.accounts.quota.model import Meter, Usage
from quantum_scheduler.runbooks.actions.desk import ActionFailed, Desk
from quantum_scheduler.runbooks.actions.row import Action, dangerous, read, write
from quantum_scheduler.secrets import actions as secrets
from quantum_scheduler.secrets.model import SecretRefused, SecretUnknown, SecretVersion

BLOCKED_MINUTES = 60.0


async def list_secrets(desk: Desk) -> list[SecretVersion]:
    """List the live versions of the vendors' secrets, without their values."""
    return await secrets.list_secrets(desk.conn)


async def rotate_secret(desk: Desk, name: str) -> SecretVersion:
    """Have the vendor try the new value that a person has kept beside the one in use, and use it from then on."""
    if not any(each.name == name and each.state == "next" for each in await secrets.list_secrets(desk.conn)):
        raise ActionFailed(f"no new value of {name} is kept beside the one in use: quantum-scheduler secrets rotate")
    await secrets.verify(desk.conn, desk.need_keyring(), name, _ask_vendor(desk))
    return await secrets.promote(desk.conn, name)


async def verify_secret(desk: Desk, name: str) -> dict[str, object]:
    """Ask the vendor whether it takes the newest version of a secret: `ok`, and if not, `reason`."""
    try:
        verified = await secrets.verify(desk.conn, desk.need_keyring(), name, _ask_vendor(desk))
    except SecretRefused as error:
        return {"ok": False, "version": None, "reason": str(error)}
    return {"ok": True, "version": verified.version, "reason": ""}


async def promote_secret(desk: Desk, name: str) -> SecretVersion:
    """Use the version of a secret that was kept beside."""
    return await secrets.promote(desk.conn, name)


async def restore_secret(desk: Desk, name: str) -> SecretVersion | None:
    """Go back to the version of a secret before; nothing where there is none."""
    try:
        return await secrets.restore(desk.conn, name)
    except SecretUnknown:
        return None


async def block(
    desk: Desk,
    *,
    user: str | None = None,
    org: str | None = None,
    network: str | None = None,
    reason: str = "",
    minutes: float = BLOCKED_MINUTES,
) -> bool:
    """Let a user or an organisation in no more, or a network for so many minutes; False if it was so already."""
    who = _target(user, org, network)
    return await accounts.block(desk.conn, who, desk.why(reason), _doing(desk), for_s=minutes * 60.0)


async def unblock(desk: Desk, *, user: str | None = None, org: str | None = None, network: str | None = None) -> bool:
    """Let a user, an organisation or a network in again; False if it was not blocked."""
    return await accounts.unblock(desk.conn, _target(user, org, network), _doing(desk))


async def unlock(desk: Desk, user: str) -> bool:
    """Give a user the whole budget for logins from untrusted devices back; False if none of it was spent."""
    return await accounts.unlock(desk.conn, UUID(user), _doing(desk))


async def require_proof_of_work(desk: Desk, *, minutes: float) -> bool:
    """Have every untrusted device work for its login for so many minutes; 0 ends it. False if it was so already."""
    return await accounts.require_proof_of_work(desk.conn, _doing(desk), for_s=minutes * 60.0)


async def require_second_factor(desk: Desk, org: str, *, required: bool = True) -> bool:
    """Ask for a second factor of those who look after an organisation, in open sessions too; False if it was so."""
    return await accounts.require_second_factor(desk.conn, UUID(org), _doing(desk), is_required=required)


async def revoke_key(desk: Desk, key: str) -> bool:
    """End an API key in every process at once; False if it was revoked already."""
    return await accounts.revoke_key(desk.conn, UUID(key), _doing(desk))


async def rotate_signing_key(desk: Desk, *, leaked: bool) -> Rotation:
    """Sign access tokens with the next key; a leaked one is withdrawn with all that it has signed."""
    return await accounts.rotate_signing_key(desk.conn, _doing(desk), peppers=desk.need_peppers(), leaked=leaked)


async def set_multiplier(
    desk: Desk, class_name: str, multiplier: float, *, minutes: float = 60.0, reason: str = ""
) -> Multiplier:
    """Multiply the rates of a layer of limits, or of a plan, for so many minutes; 1 ends another multiplier."""
    return await limits.set_multiplier(
        desk.conn,
        class_name,
        multiplier,
        minutes=minutes,
        reason=desk.why(reason),
        incident_id=desk.incident_name,
    )


async def set_plan(desk: Desk, org: str, plan: str, *, reason: str = "") -> str:
    """Give an organisation a plan; the name of the one it had."""
    return await limits.set_plan(desk.conn, UUID(org), plan, reason=desk.why(reason), incident_id=desk.incident_name)


async def raise_quota(desk: Desk, org: str, meter: Meter, to: int, *, reason: str = "") -> Usage:
    """Give an organisation at least so much of a meter in the present period; how it stands then."""
    return await give_more(desk.conn, UUID(org), meter, to, reason=desk.why(reason), incident_id=desk.incident_name)


def _ask_vendor(desk: Desk) -> secrets.Check:
    wire = desk.need_wire()

    async def check(backend: str, credentials: Mapping[str, str]) -> str:
        health = await wire.check(backend, credentials)
        return "" if health.status != "down" else f"{health.error or 'down'}: {health.message}"

    return check


def _target(user: str | None, org: str | None, network: str | None) -> accounts.Target:
    return accounts.Target(
        user_id=None if user is None else UUID(user), org_id=None if org is None else UUID(org), network=network
    )


def _doing(desk: Desk) -> accounts.Doing:
    return accounts.Doing(incident_id=desk.incident_name, now=desk.now)


ACTIONS: tuple[Action, ...] = (
    read("secrets.list", list_secrets),
    dangerous("secrets.rotate", rotate_secret, undo="secrets.restore(name)", leaves_home=True),
    write("secrets.verify", verify_secret, leaves_home=True),
    dangerous("secrets.promote", promote_secret, undo="secrets.restore(name)"),
    write("secrets.restore", restore_secret),
    dangerous("accounts.block", block, undo="accounts.unblock(...)", audits_itself=True),
    write("accounts.unblock", unblock, audits_itself=True),
    write("accounts.unlock", unlock, audits_itself=True),
    write(
        "accounts.require_proof_of_work",
        require_proof_of_work,
        undo="accounts.require_proof_of_work(minutes=0)",
        audits_itself=True,
    ),
    write(
        "accounts.require_second_factor",
        require_second_factor,
        undo="accounts.require_second_factor(org, required=false)",
        audits_itself=True,
    ),
    dangerous("keys.revoke", revoke_key, audits_itself=True),
    dangerous("jwt.rotate", rotate_signing_key, audits_itself=True),
    write("limits.set_multiplier", set_multiplier, undo="limits.set_multiplier(class_name, 1)", audits_itself=True),
    write("limits.set_plan", set_plan, undo="limits.set_plan(org, before)", audits_itself=True),
    write("quota.raise", raise_quota, audits_itself=True),
)
