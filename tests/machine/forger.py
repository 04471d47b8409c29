"""One on the cable who writes his packets himself, whoever they say that they are from; and what of them our side takes."""

from __future__ import annotations

import ipaddress
import itertools
import select
import socket
import struct
import time
from pathlib import Path
from types import TracebackType

from neighbour import Neighbour

ANSWER_SECONDS = 0.5  # the kernel answers a SYN at once
END_SECONDS = 8.0
ETH_P_ALL = 0x0003  # linux/if_ether.h
ETHER_TYPES = {4: 0x0800, 6: 0x86DD}
FIN, SYN, RST, PUSH, ACK = 1, 2, 4, 8, 16
SEQUENCE = 0x10000000

ports = itertools.count(20001)


def checksum(data: bytes) -> int:
    """Of the Internet (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source: str, destination: str, segment: bytes) -> bytes:
    """An IP packet around a TCP segment, whose checksum is filled in."""
    ends = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    pseudo_header = ends + struct.pack(">II", len(segment), socket.IPPROTO_TCP)
    segment = segment[:16] + struct.pack(">H", checksum(pseudo_header + segment)) + segment[18:]
    if ":" in source:
        return struct.pack(">IHBB", 6 << 28, len(segment), socket.IPPROTO_TCP, 64) + ends + segment
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0, 64, socket.IPPROTO_TCP, 0) + ends
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + segment


class Segment:
    """What TCP says in an Ethernet frame."""

    def __init__(self, source: bytes, destination: bytes, segment: bytes) -> None:
        self.source, self.destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
        self.source_port, self.destination_port, self.sequence, _, offset, self.flags = struct.unpack(">HHIIBB", segment[:14])
        self.data = segment[(offset >> 4) * 4 :]


def segment_in(frame: bytes) -> Segment | None:
    ether_type = int.from_bytes(frame[12:14], "big")
    ip = frame[14:]
    if ether_type == ETHER_TYPES[4] and ip[9] == socket.IPPROTO_TCP:
        total = int.from_bytes(ip[2:4], "big")  # short frames are padded
        return Segment(ip[12:16], ip[16:20], ip[(ip[0] & 15) * 4 : total])
    if ether_type == ETHER_TYPES[6] and ip[6] == socket.IPPROTO_TCP:
        end = 40 + int.from_bytes(ip[4:6], "big")
        return Segment(ip[8:24], ip[24:40], ip[40:end])
    return None


class Device:
    """All frames of a network device, from now on; made in the namespace that has the device."""

    def __init__(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((name, ETH_P_ALL))
        self.hardware_address = self.socket.getsockname()[4]

    def next(self, until: float) -> Segment | None:
        """The next TCP segment that came in by the device. None: it is past that moment, and none came."""
        while (left := until - time.monotonic()) > 0 and select.select([self.socket], [], [], left)[0]:
            frame, address = self.socket.recvfrom(65536)
            if address[2] != socket.PACKET_OUTGOING and (found := segment_in(frame)):
                return found
        return None

    def all_now(self) -> list[Segment]:
        """Those that have come in already."""
        found = []
        while select.select([self.socket], [], [], 0)[0]:
            frame, address = self.socket.recvfrom(65536)
            if address[2] != socket.PACKET_OUTGOING and (one := segment_in(frame)):
                found.append(one)
        return found

    def __enter__(self) -> Device:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.socket.close()


class Forger:
    """Sends from the neighbour's end of the cable, and goes on with whatever conversation is answered there."""

    def __init__(self, neighbour: Neighbour) -> None:
        with neighbour.over_there():
            self.cable = Device("cable1")
        with Device("cable0") as ours:
            self.ours = ours.hardware_address

    def send_(self, source: str, destination: str, segment: bytes) -> None:
        kind = ETHER_TYPES[6 if ":" in source else 4]
        frame = self.ours + self.cable.hardware_address + kind.to_bytes(2, "big") + packet(source, destination, segment)
        self.cable.socket.send(frame)

    def converse(self, source: str, destination: str, data: bytes, port: int) -> bytes | None:
        """Dials as `source`, and sends the data. What comes back, up to the end of the connection; None: no answer to
        the SYN came over the cable, so that there is nothing to go on with."""
        own_port = next(ports)
        ends = (ipaddress.ip_address(destination), ipaddress.ip_address(source), own_port)

        def segment(flags: int, sequence: int, acknowledged: int, data: bytes = b"") -> bytes:
            return struct.pack(">HHIIBBHHH", own_port, port, sequence, acknowledged, 5 << 4, flags, 64240, 0, 0) + data

        def answer(until: float) -> Segment | None:
            while found := self.cable.next(until):
                if (found.source, found.destination, found.destination_port) == ends:
                    return found
            return None

        self.send_(source, destination, segment(SYN, SEQUENCE, 0))
        first = answer(time.monotonic() + ANSWER_SECONDS)
        if first is None:
            return None
        if first.flags & RST:
            return b""
        sequence, expected = SEQUENCE + 1, (first.sequence + 1) & 0xFFFFFFFF
        self.send_(source, destination, segment(ACK | PUSH, sequence, expected, data))
        received = b""
        deadline = time.monotonic() + END_SECONDS
        while (said := answer(deadline)) and not said.flags & RST:
            if said.sequence == expected:
                received += said.data
                expected = (expected + len(said.data)) & 0xFFFFFFFF
                if said.flags & FIN:
                    break
        self.send_(source, destination, segment(RST | ACK, sequence + len(data), expected))
        return received

    def __enter__(self) -> Forger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cable.socket.close()


def counted() -> dict[str, int]:
    """What the kernel has counted in our network namespace: `Ip.InReceives`, `Ip6.InReceives`, `Tcp.InSegs`, …"""
    found = {}
    lines = Path("/proc/net/snmp").read_text().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        (kind, *words), (_, *numbers) = names.split(), values.split()
        found |= {f"{kind}{word}".replace(":", "."): int(number) for word, number in zip(words, numbers)}
    if (ipv6 := Path("/proc/net/snmp6")).exists():
        for line in ipv6.read_text().splitlines():
            name, number = line.split()
            found[name.replace("Ip6", "Ip6.", 1)] = int(number)
    return found
