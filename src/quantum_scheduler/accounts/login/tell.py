"""Tell people by mail what was changed of their own account, so that they hear of it if it was not them."""

from typing import Literal

from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.model import Place
from quantum_scheduler.accounts.mail.port import Mail

Change = Literal["password", "second_factor_set", "second_factor_removed", "device", "key"]

SAID: dict[Change, tuple[str, str]] = {
    "password": ("Your password was changed", "The password of your account was changed"),
    "second_factor_set": ("Your second factor was set", "A second factor was set for your account"),
    "second_factor_removed": ("Your second factor was removed", "The second factor of your account was removed"),
    "device": ("A new device", "Your account was entered, or can be from now on, from a device that was not known yet"),
    "key": ("A new API key", "An API key was issued in your name"),
}
UNASKED = "If it was not you, set a new password at once, end all sessions, and tell whoever runs this service."


def tell_person(desk: LoginDesk, email: str, change: Change, place: Place | None = None) -> None:
    """Send the mail beside the request, once what it tells of is committed."""
    subject, said = SAID[change]
    where = "" if place is None or not place.network else f", from the network {place.network}"
    text = f"{said} on {desk.now():%Y-%m-%d at %H:%M} UTC{where}.\n\n{UNASKED}\n"
    desk.postbox.post(Mail(to=email, subject=f"{subject} - quantum-scheduler", text=text))
