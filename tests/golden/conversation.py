"""Conversations with an epmd on the wire: what peers send, and what each of them sees, written down as lines.

A transcript is the same whenever it is made: what depends on time or chance (creations, descriptors) is written as what it means.
No step sleeps: that an epmd says nothing is known once it has answered two later peers, for it serves them in turn.
"""

from __future__ import annotations

import re
import select
import socket
import struct

import ask
from vm import eventually

REFUSED_CREATION = 99  # of both forms (transcript of stock)
LONG_RUN = re.compile(rb"(.{1,4}?)\1{15,}", re.DOTALL)  # bytes, or a character's bytes, that are written as a product


def show(data: bytes) -> str:
    """The bytes as a Python expression that stays short."""
    texts: list[str] = []
    at = 0
    for run in LONG_RUN.finditer(data):
        texts += [repr(data[at : run.start()])] if run.start() > at else []
        texts.append(f"{run[1]!r} * {len(run[0]) // len(run[1])}")
        at = run.end()
    texts += [repr(data[at:])] if at < len(data) else []
    return " + ".join(texts) or "b''"


def alive2(
    name: bytes, port: int = 5000, node_type: int = 77, protocol: int = 0, highest: int = 6, lowest: int = 5, extra: bytes = b""
) -> bytes:
    head = struct.pack(">BHBBHHH", ask.ALIVE2_REQ, port, node_type, protocol, highest, lowest, len(name))
    return head + name + struct.pack(">H", len(extra)) + extra


def lookup(name: bytes) -> bytes:
    return bytes([ask.PORT_PLEASE2_REQ]) + name


NAMES = bytes([ask.NAMES_REQ])
DUMP = b"d"
KILL = b"k"


def stop(name: bytes) -> bytes:
    return b"s" + name


def let_others_pass(port: int) -> None:
    """Two later peers come and are answered, so whatever an epmd does for the earlier ones is done."""
    for _ in range(2):
        with ask.dial("127.0.0.1", port) as other:
            other.sendall(ask.frame(NAMES))
            ask.read_to_end(other)


def take_what_came(connection: socket.socket) -> tuple[bytes, bool]:
    """What can be read at once, and whether it is closed."""
    data = b""
    while select.select([connection], [], [], 0)[0]:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return data, True
        data += part
    return data, False


class Creations:
    """Which creation was to be expected of a name: the counter behind it grows by one a registration."""

    def __init__(self) -> None:
        self.count_: dict[bytes, int] = {}  # as far as it is known: exactly, or modulo 3
        self.is_exact_: dict[bytes, bool] = {}

    def describe(self, name: bytes, creation: int, is_wide: bool) -> str:
        last, was_exact = self.count_.get(name), self.is_exact_.get(name, False)
        self.is_exact_[name] = is_wide or was_exact
        if last is None:
            self.count_[name] = creation if is_wide else creation - 1
            return "a new one" if is_wide or creation in (1, 2, 3) else str(creation)
        expected = last + 1
        self.count_[name] = creation if is_wide else expected
        if is_wide and was_exact:
            return f"the last + {creation - last}"
        seen, due = (creation % 3, expected % 3) if is_wide else (creation, expected % 3 + 1)
        return "the next of three" if seen == due else f"{creation}, not the next of three"


class Peer:
    """One connection. Its lines begin with its name: > what it sends, < what it is sent, : what happens."""

    def __init__(self, story: Conversation, name: str, connection: socket.socket) -> None:
        self.story = story
        self.name = name
        self.connection = connection
        self.registers: tuple[bytes, bool] | None = None

    def say(self, text: str) -> None:
        self.story.lines.append(f"{self.name}{text}")

    def send(self, data: bytes) -> Peer:
        """Bytes as they are. A peer that is gone is found out when it is read from."""
        self.say(f" > {show(data)}")
        try:
            self.connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def request(self, body: bytes) -> Peer:
        if body[:1] == bytes([ask.ALIVE2_REQ]) and len(body) >= 13:
            (length,) = struct.unpack(">H", body[9:11])
            self.registers = body[11 : 11 + length], struct.unpack(">H", body[5:7])[0] >= 6
        return self.send(ask.frame(body))

    def gets(self, at_most: int | None = None) -> Peer:
        """Read what comes until it is closed, or until so many bytes have come; then tell whether it is open."""
        data, is_closed = b"", False
        self.connection.settimeout(ask.SECONDS)
        while not is_closed and (at_most is None or len(data) < at_most):
            try:
                part = self.connection.recv(65536)
            except ConnectionResetError:
                part = b""
            except TimeoutError:
                break
            data += part
            is_closed = not part
        if data:
            self.say(f" < {self.text_of_(data)}")
        return self.tell_(is_closed)

    def gets_alive2_reply(self) -> Peer:
        return self.gets(6 if self.registers and self.registers[1] else 4)

    def tell(self) -> Peer:
        """What has come by the time at which two others were served, and whether it is open."""
        self.story.let_others_pass()
        return self.tell_(False)

    def tell_(self, is_closed: bool) -> Peer:
        data = b""
        if not is_closed:
            self.story.let_others_pass()
            data, is_closed = take_what_came(self.connection)
        if data:
            self.say(f" < {self.text_of_(data)}")
        self.say(": closed" if is_closed else ": open")
        return self

    def text_of_(self, data: bytes) -> str:
        if self.registers and len(data) == (6 if self.registers[1] else 4) and data[0] in (ask.ALIVE2_X_RESP, ask.ALIVE2_RESP):
            creation = int.from_bytes(data[2:], "big")
            if data[1] == 0:
                text = self.story.creations.describe(self.registers[0], creation, self.registers[1])
            else:
                text = str(creation)
            return f"{show(data[:2])} and a creation of {len(data) - 2} bytes: {text}"
        return show(re.sub(rb"fd = \d+", b"fd = N", data))

    def half_close(self) -> Peer:
        self.say(": closes its side")
        self.connection.shutdown(socket.SHUT_WR)
        return self

    def leave(self) -> None:
        self.say(": leaves")
        self.connection.close()
        self.story.let_others_pass()

    def reset(self) -> None:
        self.say(": resets")
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.story.let_others_pass()


class Conversation:
    def __init__(self, port: int = ask.EPMD_PORT) -> None:
        self.lines: list[str] = []
        self.port = port
        self.creations = Creations()
        self.peers_: list[Peer] = []

    def peer(self, name: str, to: str = "127.0.0.1", source: str | None = None) -> Peer:
        one = Peer(self, name, ask.dial(to, self.port, source=source))
        if to != "127.0.0.1":
            one.say(f": dials {to}")
        self.peers_.append(one)
        return one

    def registered(self, name: str, body: bytes) -> Peer:
        return self.peer(name).request(body).gets_alive2_reply()

    def note(self, text: str) -> None:
        self.lines.append(text)

    def tell_whether_it_ended(self) -> None:
        try:
            eventually(lambda: not ask.answers("127.0.0.1", self.port), "it has ended")
            self.note("it has ended")
        except AssertionError:
            self.note("it still answers")

    def let_others_pass(self) -> None:
        try:
            let_others_pass(self.port)
        except (ConnectionRefusedError, ConnectionResetError):
            pass  # it has ended, which the next step shows

    def end(self) -> None:
        for one in self.peers_:
            one.connection.close()
