"""Seal secrets with AES-256-GCM. The key comes from the environment, or from a file that only its owner can read."""

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from quantum_scheduler.secrets.model import SealedSecret, SecretsLocked

KEY_VARIABLE = "QUANTUM_SCHEDULER_SECRETS_KEY"
KEY_FILE = "secrets-key"
KEY_BYTES = 32
NONCE_BYTES = 12


class Keyring:
    """Seals and opens with one key. Its text never shows the key."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise SecretsLocked(f"the key of the secrets has {len(key)} bytes and must have {KEY_BYTES}")
        self._cipher = AESGCM(key)

    def seal(self, name: str, version: int, value: str) -> bytes:
        """Seal a value, so that it opens as this version of this secret only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value.encode(), _bind(name, version))

    def open(self, secret: SealedSecret) -> str:
        """Open a sealed value. Raises SecretsLocked."""
        nonce, sealed = secret.sealed[:NONCE_BYTES], secret.sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, sealed, _bind(secret.name, secret.version)).decode()
        except InvalidTag:
            raise SecretsLocked(f"{secret.name} was sealed with another key") from None


# Looks the key up when a secret is to be opened: it may have been made after the process was started.
FindKeyring = Callable[[], Keyring | None]


def find_keyring(key: str | None, data_dir: Path, *, may_make: bool) -> Keyring | None:
    """Take the key as the environment gives it, else from the data folder; None where there is none.

    With `may_make` a key is made there, readable by its owner only. Raises SecretsLocked.
    """
    if key is not None:
        return Keyring(_decode(key, KEY_VARIABLE))
    path = data_dir / KEY_FILE
    if may_make:
        _make(path)
    try:
        if path.stat().st_mode & 0o077:
            raise SecretsLocked(f"{path} can be read by others than its owner: chmod 600 it, and rotate the secrets")
        return Keyring(_decode(path.read_text(encoding="ascii"), str(path)))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as error:
        raise SecretsLocked(f"{path} cannot be read: {error}") from None


def _make(path: Path) -> None:
    """Write a new key unless there is one; whole or not at all, and of two who do so at once one wins."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)


def _decode(text: str, source: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.strip())
    except (ValueError, binascii.Error):
        raise SecretsLocked(f"{source} holds no key: 32 bytes in URL-safe base64 are one") from None


def _bind(name: str, version: int) -> bytes:
    return f"{name}:{version}".encode()


def find_no_keyring() -> Keyring | None:
    """Stand for a process that was given no key."""
    return None
