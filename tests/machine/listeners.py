"""Who listens where, as the kernel tells it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

LISTEN = "0A"  # net/tcp_states.h: TCP_LISTEN


@dataclass(frozen=True, order=True)
class Listener:
    family: int
    packed: bytes
    port: int
    inode: str

    @property
    def address(self) -> str:
        return socket.inet_ntop(self.family, self.packed)

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.family == socket.AF_INET6 else f"{self.address}:{self.port}"


def listeners(pid: int | str = "self") -> list[Listener]:
    """All in the network namespace of that process, IPv4 first, in the order of their addresses."""
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTEN:
                raw, port = words[1].split(":")
                packed = b"".join(bytes.fromhex(raw[at : at + 8])[::-1] for at in range(0, len(raw), 8))
                found.append(Listener(family, packed, int(port, 16), words[9]))
    return sorted(found)


def socket_inodes(pid: int | str) -> set[str]:
    """Of the sockets that a process has open."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            name = os.readlink(descriptor)
        except FileNotFoundError:
            continue  # closed while we looked
        if name.startswith("socket:["):
            inodes.add(name.removeprefix("socket:[").removesuffix("]"))
    return inodes


def owner_of_port(port: int) -> int:
    """The pid of whoever listens there."""
    inodes = {one.inode for one in listeners() if one.port == port}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if inodes & socket_inodes(process.name):
                return int(process.name)
        except OSError:
            continue  # it ended while we looked, or is another's
    raise AssertionError(f"nobody listens on port {port}")
