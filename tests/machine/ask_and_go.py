"""A client that opens 100 connections at a time, asks each for a page, and is gone before the answer, until it is ended.

python3 ask_and_go.py PATH
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import ask

AT_ONCE = 100


@contextlib.contextmanager
def asking_and_going(*paths: str) -> Iterator[None]:
    """One such client for each of the paths, in processes of their own."""
    askers = [subprocess.Popen([sys.executable, __file__, path], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for path in paths]
    try:
        yield
    finally:
        for one in askers:
            one.kill()
            one.wait()


def main() -> None:
    request = f"GET {sys.argv[1]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    while True:
        connections = []
        for _ in range(AT_ONCE):
            connections.append(ask.dial("127.0.0.1"))
            connections[-1].sendall(request)
        for one in connections:
            one.close()


if __name__ == "__main__":
    main()
