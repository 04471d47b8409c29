"""Runs of an epmd program, as client and as daemon, written down as lines: what it was called with, what it said, how it ended."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import ask
from daemon import environment
from listeners import listeners
from vm import eventually

SECONDS = 15.0
CTIME = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}")


class Shell:
    """Calls the client's program, or the daemon's, which may be two."""

    def __init__(self, client: str, daemon: str) -> None:
        self.client = client
        self.daemon = daemon
        self.lines: list[str] = []

    def write_call_(self, words: tuple[str, ...], extra: dict[str, str]) -> None:
        shown = [f"{name}='{value}'" for name, value in extra.items()]
        shown += ["epmd", *(word if re.fullmatch(r"[\w./:,=-]+", word) else f"'{word}'" for word in words)]
        text = " ".join(shown)
        self.lines.append("$ " + (text if len(text) < 200 else text[:200] + f"… {len(text)} characters"))

    def write_output_(self, name: str, text: str) -> None:
        if text.startswith("usage: epmd "):
            text = "(all flags)\n"
        text = re.sub(r"\bpid \d+", "pid N", CTIME.sub("(the time)", text))
        self.lines += [f"{name}: {line!r}" for line in text.splitlines(keepends=True)]

    def run(self, *words: str, program: str | None = None, **extra: str) -> None:
        """To its end. For clients, and for daemons that do not come to serve."""
        self.write_call_(words, extra)
        done = subprocess.run(
            [program or self.client, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(extra),
            timeout=SECONDS,
        )
        self.write_output_("out", done.stdout.decode(errors="backslashreplace"))
        self.write_output_("err", done.stderr.decode(errors="backslashreplace"))
        self.lines.append(f"status {done.returncode}")

    def serves(self, *words: str, **extra: str) -> None:
        """A daemon in the foreground: where it listens, or how it ended instead. What it logs is its own affair."""
        self.write_call_(words, extra)
        with subprocess.Popen(
            [self.daemon, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(extra)
        ) as process:
            try:
                deadline = time.monotonic() + SECONDS
                while process.poll() is None and not self.is_served_() and time.monotonic() < deadline:
                    time.sleep(0.002)
                where = listeners()
            finally:
                was_running = process.poll() is None
                process.terminate()
            out, err = (data.decode(errors="backslashreplace") for data in process.communicate(timeout=10))
        if was_running:
            is_one_port = len({one.port for one in where}) == 1
            self.lines.append(f"serves {' '.join(map(str, where))}" if is_one_port else "serves no two addresses at one port")
        else:
            self.write_output_("out", out)
            self.write_output_("err", err)
            self.lines.append(f"status {process.returncode}")

    @staticmethod
    def is_served_() -> bool:
        """Whoever answers has opened all its sockets."""
        places = listeners()
        for place in places:
            try:
                with ask.dial({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(place.address, place.address), place.port) as connection:
                    connection.sendall(ask.frame(bytes([ask.NAMES_REQ])))
                    if not ask.read_to_end(connection):
                        return False  # it is about to end
            except OSError:
                return False
        return bool(places)

    @contextmanager
    def daemon_with(self, *flags: str, **extra: str) -> Iterator[None]:
        """A daemon for clients to ask."""
        self.lines.append("# a daemon" + (f" with {' '.join(flags)}" if flags else "") + ":")
        with subprocess.Popen(
            [self.daemon, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(extra)
        ) as process:
            try:
                eventually(self.is_served_, "the daemon serves", 10)
                yield
                if not self.is_served_():
                    process.wait(10)
                self.lines.append("# the daemon " + ("lives on" if process.poll() is None else "has ended"))
            finally:
                process.terminate()
                process.wait(10)

    def note(self, text: str) -> None:
        self.lines.append(f"# {text}")


@contextmanager
def silent_server(answer: bytes, port: int = ask.EPMD_PORT) -> Iterator[None]:
    """Not an epmd: takes what is asked, gives the same answer to all, and closes."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(0.1)
        is_over = threading.Event()

        def run() -> None:
            while not is_over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
