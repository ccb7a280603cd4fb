"""`secrets`: the credentials of the vendors. A value comes from standard input or a prompt, and is never shown."""

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from getpass import getpass
from typing import Annotated

from cyclopts import App, Parameter

from quantum_scheduler.cli import steer
from quantum_scheduler.cli.ask import ask_database
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.write import write_answer
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.secrets import actions
from quantum_scheduler.secrets.model import VALUE_LENGTH_MAX, SecretsLocked, SecretVersion
from quantum_scheduler.secrets.seal import FindKeyring, Keyring, find_keyring
from quantum_scheduler.settings import read_settings
from quantum_scheduler.solving.call import Wire

app = App(
    name="secrets", help="Look after the credentials of the vendors. Workers use a new one at once.", help_epilogue=""
)

Name = Annotated[str, Parameter(name="NAME", help="Name, such as DYNEX_SDK_KEY.")]
Backend = Annotated[str | None, Parameter(help="The backend that reads it; known for the vendors' own names.")]


@app.command(name="list")
def list_secrets(*, json: Json = False) -> int:
    """List the secrets and their live versions, without their values."""
    found = ask_database(actions.list_secrets)
    lines = [f"{each.name}  {each.backend}  {_describe(each)}" for each in found]
    return write_answer([asdict(each) for each in found], "\n".join(lines) or "no secrets", json=json)


@app.command(name="set")
def put(name: Name, /, *, backend: Backend = None, json: Json = False) -> int:
    """Use a value from now on; read from standard input."""
    value, keyring = _read_value(name), _find_keyring()
    version = ask_database(lambda conn: actions.put(conn, keyring, name, value, backend=backend))
    return write_answer({"name": name, "version": version}, f"{name} is version {version} now", json=json)


@app.command
def rotate(name: Name, /, *, backend: Backend = None, json: Json = False) -> int:
    """Keep a new value beside the one in use, to verify and promote; read from standard input."""
    value, keyring = _read_value(name), _find_keyring()
    version = ask_database(lambda conn: actions.rotate(conn, keyring, name, value, backend=backend))
    text = f"{name} has version {version} beside the one in use; verify and promote it"
    return write_answer({"name": name, "version": version}, text, json=json)


@app.command
def verify(name: Name, /, *, json: Json = False) -> int:
    """Ask the vendor whether it takes the newest version; exit code 1 where it does not."""

    async def ask_vendor(conn: Connection, wire: Wire, find: FindKeyring) -> SecretVersion:
        async def check(backend: str, credentials: Mapping[str, str]) -> str:
            health = await wire.check(backend, credentials)
            return "" if health.status != "down" else f"{health.error or 'down'}: {health.message}"

        keyring = find()
        if keyring is None:
            raise SecretsLocked("there is no key to open the secrets with")
        return await actions.verify(conn, keyring, name, check)

    verified = steer.call(ask_vendor)
    return write_answer(asdict(verified), f"{verified.backend} takes version {verified.version} of {name}", json=json)


@app.command
def promote(name: Name, /, *, json: Json = False) -> int:
    """Use the version that was kept beside; the one before it can be restored."""
    current = ask_database(lambda conn: actions.promote(conn, name))
    return write_answer(asdict(current), f"{name} is version {current.version} now", json=json)


@app.command
def restore(name: Name, /, *, json: Json = False) -> int:
    """Go back to the version before."""
    current = ask_database(lambda conn: actions.restore(conn, name))
    return write_answer(asdict(current), f"{name} is version {current.version} again", json=json)


@app.command
def remove(name: Name, /, *, json: Json = False) -> int:
    """Forget a secret, every version of it."""
    count = ask_database(lambda conn: actions.remove(conn, name))
    return write_answer({"name": name, "removed": count}, f"{count} versions removed", json=json)


def _read_value(name: str) -> str:
    """Read a value where nobody sees it: from standard input, or typed without an echo."""
    if sys.stdin.isatty():
        return getpass(f"{name}: ")
    return sys.stdin.read(VALUE_LENGTH_MAX + 2).removesuffix("\n")


def _find_keyring() -> Keyring:
    """The key of the secrets, made where there is none."""
    settings = read_settings(os.environ)
    keyring = find_keyring(settings.secrets_key, settings.data_dir, may_make=True)
    assert keyring is not None, "one was made"
    return keyring


def _describe(version: SecretVersion) -> str:
    verified = "" if version.verified_at is None else f", verified {version.verified_at:%Y-%m-%d %H:%M} UTC"
    return f"version {version.version} {version.state}, since {version.created_at:%Y-%m-%d %H:%M} UTC{verified}"
