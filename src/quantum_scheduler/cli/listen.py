"""Take the address that the service will answer on, before anything else is started."""

import socket


class AddressTaken(Exception):  # noqa: N818  an error is named for what happened
    """The service cannot answer on this address; the message says why."""


def take_address(host: str, port: int) -> socket.socket:
    """Bind a socket to `host` and `port`, or to a free port when it is 0. Raises AddressTaken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise AddressTaken(f"cannot answer on {host}:{port}: {_reason(error)}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except OSError as error:
        bound.close()
        raise AddressTaken(
            f"cannot answer on {host}:{port}: {_reason(error)}; choose another --port (0 takes a free one)"
        ) from error
    return bound


def name_address(bound: socket.socket) -> str:
    """Write the URL at which a bound socket is reached from this machine."""
    host, port = bound.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104  compared, not bound
        host = "127.0.0.1" if bound.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
