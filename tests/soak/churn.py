"""Clients of every kind that come and go, some well-behaved, until standard input ends: python3 churn.py SEED ACTS_A_SECOND

Prints, each five seconds, how many acts there were.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import sys
import time

import ask

HOSTS = [f"127.0.1.{number}" for number in range(2, 42)]
MOST_HELD = 150
HTTP = [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in ("/nodes", "/hosts", "/metrics", "/recent", "/events", "/status")]


class Churn:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.held: list[socket.socket] = []

    def act(self) -> None:
        what = self.random.randrange(100)
        if what < 45:
            self.come()
        elif what < 75 and self.held:
            self.leave(self.held.pop(self.random.randrange(len(self.held))))
        elif what < 85:
            self.say(self.random.randbytes(self.random.randrange(1, 40)))
        elif what < 93:
            self.say(self.random.choice(HTTP))
        else:
            self.say(ask.frame(self.random.choice((b"n", b"d", b"znobody"))))
        while len(self.held) > MOST_HELD:
            self.leave(self.held.pop(0))

    def come(self) -> None:
        """A node, or somebody whose name is taken, at a host of its own or at one that has to be found out."""
        number = self.random.randrange(400)
        to = self.random.choice(HOSTS) if self.random.randrange(3) else "127.0.0.1"
        one = ask.dial(to)
        one.sendall(ask.registration_bytes(f"churn{number}", 20000 + number, node_type=ask.C_NODE))
        self.held.append(one)

    def say(self, what: bytes) -> None:
        """And stay for a while, whatever comes."""
        one = ask.dial(self.random.choice(("127.0.0.1", *HOSTS)))
        one.sendall(what)
        if self.random.randrange(2):
            one.settimeout(0.2)
            one.recv(self.random.choice((1, 100, 100000)))
        self.held.append(one)

    def leave(self, one: socket.socket) -> None:
        if self.random.randrange(3) == 0:
            ask.reset(one)
        else:
            one.close()


def main() -> None:
    churn = Churn(int(sys.argv[1]))
    pause = 1 / float(sys.argv[2])
    acts, told = 0, time.monotonic()
    while not select.select([sys.stdin], [], [], pause)[0]:
        with contextlib.suppress(OSError):  # it may be closed, refused, or slow: each is part of it
            churn.act()
        acts += 1
        if time.monotonic() - told > 5:
            print(acts, flush=True)
            told = time.monotonic()


if __name__ == "__main__":
    main()
