"""Seeded mutations of requests, sent to Erlang's own epmd and to ours side by side: the same replies, the same ends.

LOOPMD_DIFFERENTIAL_SEED=17 repeats one history; LOOPMD_DIFFERENTIAL_COUNT says how many there are (20 of 100 requests each).
What differs on purpose is excused by name, below, and by nothing else.
"""

from __future__ import annotations

import os
import random
import re
import select
import socket
import struct
import unittest

import ask
from conversation import DUMP, KILL, NAMES, alive2, let_others_pass, lookup, show, stop, take_what_came
from daemon import STOCK, Daemon
from transcripts import difference

STOCK_PORT, OUR_PORT = 4401, 4402
REQUESTS = 100
NAMES_IN_USE = [b"idfe", b"lowry", b"a", "naïve".encode(), "😈".encode(), b"n" * 254, b"x" * 40]
EDGES = [0, 1, 2, 3, 4, 5, 6, 127, 128, 255, 256, 1019, 1020, 1021, 3056, 3057, 3058, 4369, 18245, 32767, 32768, 65534, 65535]


def some_request(chance: random.Random) -> bytes:
    name = chance.choice(NAMES_IN_USE)
    fields = dict(
        port=chance.choice(EDGES), node_type=chance.choice([72, 77, 104, 110]), protocol=chance.choice([0, 1]),
        highest=chance.choice([5, 5, 6, 6, 7]), lowest=5, extra=chance.choice([b"", b"more", b"\0" * 3, b"e" * 1020, b"e" * 1021]),
    )  # fmt: skip
    weighted = [alive2(name, **fields)] * 6 + [lookup(name)] * 6 + [NAMES, DUMP, KILL, stop(name)] * 2
    return chance.choice(weighted)


def mutated(chance: random.Random, data: bytes) -> bytes:
    """One of the ways in which bytes go wrong."""
    at = chance.randrange(len(data) + 1)
    match chance.randrange(8):
        case 0:
            return data[:at]
        case 1:
            return data + chance.randbytes(chance.choice([1, 2, 3, 50, 3000]))
        case 2:
            return data[:at] + chance.randbytes(chance.choice([1, 2, 4])) + data[at:]
        case 3:
            return data[:at] + data[at + chance.randrange(1, 5) :]
        case 4 if data:
            at = chance.randrange(len(data))
            return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        case 5 if len(data) > 2:
            at = chance.randrange(len(data) - 1)
            return data[:at] + struct.pack(">H", chance.choice(EDGES)) + data[at + 2 :]
        case 6:
            return data + data
        case _:
            return chance.randbytes(chance.choice([0, 1, 2, 3, 10, 100]))


class Step:
    """One connection: the segments in which its bytes go out, and how it ends."""

    def __init__(self, chance: random.Random) -> None:
        data = ask.frame(some_request(chance))
        if chance.random() < 0.3:
            data = ask.frame(mutated(chance, data[2:])[:65535])
        for _ in range(chance.choice([0, 0, 1, 1, 1, 2])):
            data = mutated(chance, data)
        self.data = data
        self.segments = [data]
        if len(data) > 1 and chance.random() < 0.3:
            at = chance.randrange(1, len(data))
            self.segments = [data[:at], data[at:]]
        self.half_closes = chance.random() < 0.2
        self.leaves = chance.random() < 0.8

    def __str__(self) -> str:
        ends = [" half-closes"] * self.half_closes + [" leaves"] * self.leaves
        return " then ".join(show(segment) for segment in self.segments) + ";".join(["", *ends])


class Side:
    """One of the two epmds, and those who are connected to it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.kept: list[socket.socket] = []

    def take(self, step: Step) -> str:
        """What the peer saw."""
        peer = ask.dial("127.0.0.1", self.port)
        is_reset = False
        for segment in step.segments:
            try:
                peer.sendall(segment)
                let_others_pass(self.port)  # so that the segments arrive apart
            except (BrokenPipeError, ConnectionResetError):
                is_reset = True
        if step.half_closes and not is_reset:
            try:
                peer.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        let_others_pass(self.port)
        if len(step.data) > 2 and len(step.data) == 2 + struct.unpack(">H", step.data[:2])[0]:
            select.select([peer], [], [], ask.SECONDS)  # a whole request is answered or closed, by ours maybe after evidence came
        seen, is_closed = take_what_came(peer)
        if step.leaves or is_closed:
            peer.close()
        else:
            self.kept.append(peer)
        return self.describe(seen, not is_closed)

    def describe(self, seen: bytes, is_open: bool) -> str:
        refused = seen[:2] in (b"v\x01", b"y\x01")
        if seen[:2] in (b"v\0", b"y\0") and len(seen) in (4, 6):
            seen = seen[:2] + b"and a creation of %d bytes" % (len(seen) - 2)
        if refused:
            is_open = False  # excused: stock keeps the connection of a refused registration
        seen = seen.replace(struct.pack(">I", self.port), b"(the port)", 1)
        seen = re.sub(rb"fd = \d+", b"fd = N", seen).replace(b"\n\0", b"\n")  # excused: stock's NUL after a row of a dump
        if seen == b"NOEXISTSTOPPED":
            seen = b"NOEXIST"  # excused: stock says both
        return f"{show(seen)} {'open' if is_open else 'closed'}"

    def forget_all(self) -> None:
        for one in self.kept:
            one.close()
        self.kept.clear()


def is_excused(step: Step) -> bool:
    """Names that ours refuses and stock takes (none, or with control characters), or that stock takes and cannot look up (255
    characters); what is HTTP, or may become it."""
    if step.data.startswith((b"GET ", b"HEAD ")) or step.data in (b"GE", b"GET", b"HE", b"HEA", b"HEAD"):
        return True
    if step.data[2:3] == b"z":
        return len(step.data[3 : 2 + struct.unpack(">H", step.data[:2])[0]].rstrip(b"\0").decode(errors="replace")) == 255
    if step.data[2:3] != b"x" or len(step.data) < 13:
        return False
    name = step.data[13 : 13 + struct.unpack(">H", step.data[11:13])[0]]
    return not name or any(byte < 0x20 or byte == 0x7F for byte in name) or len(name.decode(errors="replace")) == 255


class Differential(unittest.TestCase):
    def test_mutations_are_answered_alike(self) -> None:
        seed = os.environ.get("LOOPMD_DIFFERENTIAL_SEED")
        seeds = [int(seed)] if seed else range(int(os.environ.get("LOOPMD_DIFFERENTIAL_COUNT", "20")))
        tried = 0
        for one in seeds:
            tried += self.tell(one)
        print(f"{tried} requests", flush=True)
        self.assertGreaterEqual(tried, 900 if len(seeds) >= 10 else 50)

    def tell(self, seed: int) -> int:
        chance = random.Random(seed)
        flags = ["-relaxed_command_check"] if seed % 2 else []
        tried = 0
        with (
            Daemon("-port", str(STOCK_PORT), *flags, path=STOCK, port=STOCK_PORT) as stock,
            Daemon("-port", str(OUR_PORT), *flags, port=OUR_PORT) as ours,
            # The wardens: while they are there, a kill is refused.
            ask.register("warden", 5000, epmd_port=STOCK_PORT),
            ask.register("warden", 5000, epmd_port=OUR_PORT),
        ):
            sides = Side(STOCK_PORT), Side(OUR_PORT)
            told: list[str] = []
            for _ in range(REQUESTS):
                step = Step(chance)
                if is_excused(step) or (flags and step.data[2:3] == KILL):
                    continue  # a kill would end both, and the history with them
                tried += 1
                seen = [side.take(step) for side in sides]
                told.append(f"{step}\n    {seen[0]}")
                if seen[0] != seen[1]:
                    self.fail(f"seed {seed}, request {tried}: {step}\n" + difference(seen[:1], seen[1:]) + "\nbefore it:\n" + "\n".join(told[-12:-1]))
                if chance.random() < 0.05:
                    for side in sides:
                        side.forget_all()
                        let_others_pass(side.port)
                self.assertIsNone(stock.process.poll())
                self.assertIsNone(ours.process.poll())
            for side in sides:
                side.forget_all()
        return tried

