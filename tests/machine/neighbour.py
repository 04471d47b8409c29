"""A second machine on a cable: another network namespace, joined to ours by a veth pair."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

OURS = "10.77.0.1"
THEIRS = "10.77.0.2"
OURS_V6 = "fd77:77::1"
THEIRS_V6 = "fd77:77::2"

CLONE_NEWNET = 0x40000000  # sched.h
OUR_NAMESPACE = "/proc/thread-self/ns/net"
libc = ctypes.CDLL(None, use_errno=True)


def check(status: int) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def ip(*words: str, inside: str | None = None) -> None:
    wrapper = ["nsenter", f"--net={inside}"] if inside else []
    subprocess.run([*wrapper, "ip", *words], check=True)


@contextmanager
def inside_namespace(path: str) -> Iterator[None]:
    """Sockets that are made meanwhile belong to that network namespace, also later."""
    with open(OUR_NAMESPACE, "rb") as ours, open(path, "rb") as theirs:
        check(libc.setns(theirs.fileno(), CLONE_NEWNET))
        try:
            yield
        finally:
            check(libc.setns(ours.fileno(), CLONE_NEWNET))


class Neighbour:
    """The other machine, for as long as it is held. No process lives there; it is an open descriptor."""

    def __init__(self, ipv6: bool) -> None:
        ours = os.open(OUR_NAMESPACE, os.O_RDONLY)
        try:
            check(libc.unshare(CLONE_NEWNET))
            self.namespace_ = os.open(OUR_NAMESPACE, os.O_RDONLY)
        finally:
            check(libc.setns(ours, CLONE_NEWNET))
            os.close(ours)
        self.namespace = path = f"/proc/{os.getpid()}/fd/{self.namespace_}"
        ip("link", "add", "cable0", "type", "veth", "peer", "name", "cable1")
        ip("link", "set", "cable1", "netns", path)
        for device, address, address_v6, inside in (("cable0", OURS, OURS_V6, None), ("cable1", THEIRS, THEIRS_V6, path)):
            ip("addr", "add", f"{address}/24", "dev", device, inside=inside)
            if ipv6:  # nodad: usable at once
                ip("addr", "add", f"{address_v6}/64", "dev", device, "nodad", inside=inside)
            ip("link", "set", device, "up", inside=inside)
        ip("link", "set", "lo", "up", inside=path)

    @contextmanager
    def over_there(self) -> Iterator[None]:
        """Sockets that are made meanwhile belong to the other machine, also later."""
        with inside_namespace(self.namespace):
            yield

    def machine_command(self, hostname: str, hosts: Path) -> tuple[str, ...]:
        """What begins a command that is to run there, with a hostname and a hosts file of its own."""
        furnish = 'mount --bind "$1" /etc/hosts && hostname "$2" && shift 2 && exec "$@"'
        inside = ["nsenter", f"--net={self.namespace}", "unshare", "--mount", "--uts"]
        return (*inside, "sh", "-c", furnish, "sh", str(hosts), hostname)

    def close(self) -> None:
        ip("link", "del", "cable0")
        os.close(self.namespace_)

    def __enter__(self) -> Neighbour:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
