"""Somebody who would have a node's name: registers it, and says of himself whatever he is told to.

python3 impostor.py NAME PORT FROM TO ANSWER [ARGUMENT…]

PORT 0: he listens himself, and says ANSWER to who asks him for his name. FROM is empty, or the address to register from; TO the
one to register at. What follows is on his command line for others to see, and nothing else. He prints the result, and stays until his
standard input ends.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "machine"))
import ask


def say_the_name(listener: socket.socket, name: bytes) -> None:
    while True:
        with contextlib.suppress(OSError), listener.accept()[0] as connection:
            connection.settimeout(5)
            connection.recv(100)
            challenge = b"N" + bytes(16) + len(name).to_bytes(2, "big") + name
            connection.sendall(ask.frame(b"sok") + ask.frame(challenge))
            connection.recv(100)


def main(name: str, port: str, source: str, to: str, answer: str) -> None:
    listener = socket.create_server(("", 0))
    threading.Thread(target=say_the_name, args=(listener, answer.encode()), daemon=True).start()
    with ask.register(name, int(port) or listener.getsockname()[1], to=to, source=source or None) as held:
        print(held.result, flush=True)
        sys.stdin.read()


main(*sys.argv[1:6])
