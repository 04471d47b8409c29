"""Nodes that are no Erlang VM, in C and in Java: built when they are first wanted, driven by their output."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from daemon import SCRATCH

CLIENTS = Path(__file__).resolve().parent / "clients"
JINTERFACE = Path("/usr/share/java/OtpErlang.jar")
READY = re.compile(rb"ready on port (\d+)\n")
SECONDS = 60.0  # a JVM compiles its one file first


def c_node() -> list[str]:
    """The command of the C node, without its words."""
    program = SCRATCH / "c_node"
    if not program.exists():
        command = ["cc", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(CLIENTS / "c_node.c"), "-pthread", "-lei"]
        subprocess.run(command, check=True)
    return [str(program)]


def java_node() -> list[str]:
    return ["java", "-Xshare:auto", "-cp", str(JINTERFACE), str(CLIENTS / "JavaNode.java")]


def environment(**extra: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(SCRATCH), "LANG": "C.UTF-8", **extra}


def answer(command: list[str]) -> str:
    """What one that asks and ends has said."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(), timeout=SECONDS)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout.strip().strip("'")


class ForeignNode:
    """One that has registered and echoes, until it is left."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment()
        )
        said = b""
        deadline = time.monotonic() + SECONDS
        while not (ready := READY.search(said)):
            left = deadline - time.monotonic()
            part = os.read(self.process.stdout.fileno(), 4096) if left > 0 and select.select([self.process.stdout], [], [], left)[0] else b""
            if not part:
                self.stop()
                raise AssertionError(f"{command} was not ready: {said.decode(errors='replace')}")
            said += part
        self.port = int(ready[1])

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()

    def __enter__(self) -> ForeignNode:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class Listener:
    """A made-up node that says nothing: a port, and whoever connects to it."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.socket = socket.create_server((address, 0))
        self.port = self.socket.getsockname()[1]

    def was_visited(self) -> bool:
        return bool(select.select([self.socket], [], [], 0)[0])

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()


def tls_flags() -> tuple[str, ...]:
    """The flags of a VM whose distribution goes over TLS, with a certificate that is made when it is first wanted."""
    folder = SCRATCH / "tls"
    if not folder.exists():
        folder.mkdir()
        words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=loopmd test", "-days", "2"]
        files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
        subprocess.run(["openssl", *words, *files], check=True, capture_output=True)
        sides = f'[{{certfile,"{folder}/certificate.pem"}},{{keyfile,"{folder}/key.pem"}},{{verify,verify_none}}]'
        (folder / "ssl_dist.conf").write_text(f"[{{server,{sides}}},{{client,{sides}}}].\n")
    return ("-proto_dist", "inet_tls", "-ssl_dist_optfile", str(folder / "ssl_dist.conf"))
