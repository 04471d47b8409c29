"""A small raw client of the EPMD protocol, as the Erlang distribution protocol document gives it.

It shares no code with the daemon or with a VM, so what it sees is what is on the wire.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from types import TracebackType

EPMD_PORT = 4369
SECONDS = 8.0  # a registration may be held up to 5 s while evidence comes in; a VM gives up at 10

ALIVE2_REQ = 120
PORT_PLEASE2_REQ = 122
NAMES_REQ = 110
KILL_REQ = 107
ALIVE2_X_RESP = 118
ALIVE2_RESP = 121
PORT2_RESP = 119

ERLANG_VM = 77
C_NODE = 104


def dial(address: str, port: int = EPMD_PORT, *, source: str | None = None, seconds: float = SECONDS) -> socket.socket:
    return socket.create_connection((address, port), timeout=seconds, source_address=(source, 0) if source else None)


def answers(address: str, port: int = EPMD_PORT) -> bool:
    """Whether anybody accepts connections there."""
    try:
        with dial(address, port, seconds=2.0):
            return True
    except OSError:
        return False


def frame(body: bytes) -> bytes:
    return struct.pack(">H", len(body)) + body


def read_exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError(f"closed after {len(data)} of {count} bytes")
        data += part
    return data


def read_to_end(connection: socket.socket) -> bytes:
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


def names(address: str, port: int = EPMD_PORT) -> dict[str, int]:
    """The names list at an address. A name listed twice is an error: it would hide a fault."""
    with dial(address, port) as connection:
        connection.sendall(frame(bytes([NAMES_REQ])))
        reply = read_to_end(connection)
    assert struct.unpack(">I", reply[:4]) == (port,), f"the list at {address} opens with {reply[:4]!r}"
    found: dict[str, int] = {}
    for line in reply[4:].decode().splitlines():
        word, alive_name, at, of_port, number = line.split(" ")
        assert (word, at, of_port) == ("name", "at", "port"), f"unexpected line {line!r}"
        assert alive_name not in found, f"{alive_name} is listed twice at {address}"
        found[alive_name] = int(number)
    return found


def lookup(address: str, alive_name: str, port: int = EPMD_PORT) -> int | None:
    """The distribution port of a name at an address, or None for "not found"."""
    with dial(address, port) as connection:
        connection.sendall(frame(bytes([PORT_PLEASE2_REQ]) + alive_name.encode()))
        reply = read_to_end(connection)
    if len(reply) == 2 and reply[0] == PORT2_RESP and reply[1] != 0:
        return None
    assert len(reply) >= 12 and reply[:2] == bytes([PORT2_RESP, 0]), f"not a PORT2_RESP: {reply!r}"
    (name_length,) = struct.unpack(">H", reply[10:12])
    assert reply[12 : 12 + name_length] == alive_name.encode(), f"the answer is about another name: {reply!r}"
    return struct.unpack(">H", reply[2:4])[0]


def kill(address: str = "127.0.0.1", port: int = EPMD_PORT) -> bytes:
    """What the daemon says to KILL_REQ; nothing if it closes without a reply."""
    with dial(address, port) as connection:
        connection.sendall(frame(bytes([KILL_REQ])))
        return read_to_end(connection)


def reset(connection: socket.socket) -> None:
    """Leave with RST instead of FIN, whatever is unread or unsent."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@dataclass
class Registration:
    """A name that is registered for as long as its connection is held (if result is 0)."""

    connection: socket.socket
    result: int
    creation: int

    def close(self) -> None:
        self.connection.close()

    def reset(self) -> None:
        """As a VM leaves that had unread bytes."""
        reset(self.connection)

    def __enter__(self) -> Registration:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def registration_bytes(
    alive_name: str, port: int, *, node_type: int = ERLANG_VM, protocol: int = 0, highest: int = 6, lowest: int = 5, extra: bytes = b""
) -> bytes:
    """ALIVE2_REQ with its length."""
    name = alive_name.encode()
    body = struct.pack(">BHBBHHH", ALIVE2_REQ, port, node_type, protocol, highest, lowest, len(name)) + name
    return frame(body + struct.pack(">H", len(extra)) + extra)


def register(
    alive_name: str,
    port: int,
    *,
    to: str = "127.0.0.1",
    epmd_port: int = EPMD_PORT,
    source: str | None = None,
    node_type: int = ERLANG_VM,
    protocol: int = 0,
    highest: int = 6,
    lowest: int = 5,
    extra: bytes = b"",
) -> Registration:
    """Send ALIVE2_REQ and read the answer. Raises EOFError if the daemon closes without one."""
    request = registration_bytes(alive_name, port, node_type=node_type, protocol=protocol, highest=highest, lowest=lowest, extra=extra)
    connection = dial(to, epmd_port, source=source)
    try:
        connection.sendall(request)
        tag, result = read_exactly(connection, 2)
        assert tag in (ALIVE2_X_RESP, ALIVE2_RESP), f"not an ALIVE2 reply: tag {tag}"
        creation = int.from_bytes(read_exactly(connection, 4 if tag == ALIVE2_X_RESP else 2), "big")
    except BaseException:
        connection.close()
        raise
    return Registration(connection, result, creation)
