"""Peers that do their worst, by real sockets: whoever they are, registered nodes stay, lookups go on, and nothing of them is left."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import ask
from case import ServedCase
from vm import Erl, eventually
from web import page

MANY = 15_000
SILENT = 3_000
LINES = 20_000  # in the log, before some are left out
REQUESTS = {
    "ALIVE2_REQ": ask.registration_bytes("passing", 7777, node_type=ask.C_NODE),
    "PORT_PLEASE2_REQ": ask.frame(b"zstays"),
    "NAMES_REQ": ask.frame(b"n"),
    "DUMP_REQ": ask.frame(b"d"),
    "KILL_REQ": ask.frame(b"k"),
    "STOP_REQ": ask.frame(b"sstays"),
    "page": b"GET /nodes HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "events": b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


def allow_descriptors(count: int) -> None:
    limit = max(count, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def resident_kb(pid: int) -> int:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def lookup_times(count: int = 200) -> list[float]:
    """Of a node that stays, in seconds, the shortest first."""
    times = []
    for _ in range(count):
        began = time.monotonic()
        assert ask.lookup("127.0.0.2", "stays") == 40000
        times.append(time.monotonic() - began)
    return sorted(times)


class HostileCase(ServedCase):
    """One node is registered all the time. When all is over the daemon has no more than at the beginning."""

    def setUp(self) -> None:
        super().setUp()
        self.stays = self.enterContext(ask.register("stays", 40000, to="127.0.0.2"))
        self.assertEqual(self.stays.result, 0)
        eventually(lambda: page("/status")["nodes"]["pending"] == 0, "its owner is known")
        self.before = descriptors(self.daemon.pid)

    def check_nothing_is_left(self) -> None:
        eventually(lambda: ask.names("127.0.0.2") == {"stays": 40000}, "all others have gone", seconds=20)
        eventually(lambda: descriptors(self.daemon.pid) <= self.before + 3, "their descriptors are closed", seconds=20)  # placement opens some for a moment
        self.assertEqual(ask.lookup("127.0.0.2", "stays"), 40000)
        self.assertEqual(self.daemon.lines_with("error of ours"), [])


class Cut(HostileCase):
    def test_reset_after_each_byte_of_each_request_and_before_and_within_the_reply(self) -> None:
        for request in REQUESTS.values():
            for cut in range(1, len(request) + 1):
                one = ask.dial("127.0.0.2" if cut % 2 else "127.0.0.1")
                one.sendall(request[:cut])
                ask.reset(one)
            for read in range(1, 12):  # the whole request, and some of the reply
                one = ask.dial("127.0.0.1")
                one.sendall(request)
                with contextlib.suppress(OSError):
                    one.recv(read)
                ask.reset(one)
        self.check_nothing_is_left()

    def test_reset_while_a_registration_is_held(self) -> None:
        """Two that have not said where they belong, of one name: the second waits for evidence."""
        for wait in (0.0, 0.001, 0.01, 0.1):
            for _ in range(20):
                first, second = ask.dial("127.0.0.1"), ask.dial("127.0.0.1")
                first.sendall(REQUESTS["ALIVE2_REQ"])
                second.sendall(REQUESTS["ALIVE2_REQ"])
                time.sleep(wait)
                ask.reset(second)
                ask.reset(first)
        self.check_nothing_is_left()

    def test_half_closed_after_each_request(self) -> None:
        """The end of what a client says: a reply may still be read."""
        for name, request in REQUESTS.items():
            with self.subTest(name), ask.dial("127.0.0.1") as one:
                one.sendall(request)
                one.shutdown(socket.SHUT_WR)
                one.settimeout(10)
                if name == "events":
                    continue  # it has no end
                ask.read_to_end(one)
        self.check_nothing_is_left()


class Crowds(HostileCase):
    def test_fifteen_thousand_nodes_and_many_that_say_nothing(self) -> None:
        allow_descriptors(MANY + SILENT + 1000)
        began = resident_kb(self.daemon.pid)
        with contextlib.ExitStack() as stack:
            for number in range(MANY):
                node = stack.enter_context(ask.register(f"n{number}", 1 + number % 65535, to="127.0.0.3", node_type=ask.C_NODE))
                self.assertEqual(node.result, 0)
            with_nodes = resident_kb(self.daemon.pid)
            for number in range(SILENT):
                one = stack.enter_context(ask.dial("127.0.0.1"))
                one.sendall(b"\0x"[: 1 + number % 2])
            self.assertEqual(len(ask.names("127.0.0.3")), MANY)
            times = lookup_times()
            self.assertLess(times[len(times) // 2], 0.05)
            (told,) = self.daemon.lines_with("max_connections_per_peer")
            limits = page("/status")["limits"]
            self.assertEqual(limits["connections"] - limits["http_connections"], MANY + 1 + limits["max_connections_per_peer"])
            print(
                f"{MANY} nodes: {(with_nodes - began) / MANY:.2f} KB each; {limits['max_connections_per_peer']} idle: "
                f"{resident_kb(self.daemon.pid) - with_nodes} KB; lookups p50 {times[100] * 1e3:.2f} ms, p99 {times[198] * 1e3:.2f} ms",
                file=sys.stderr,
            )
        self.check_nothing_is_left()

    def test_who_does_not_read_the_list_of_fifteen_thousand_costs_so_much_and_no_more(self) -> None:
        allow_descriptors(MANY + 3000)
        with contextlib.ExitStack() as stack:
            for number in range(MANY):
                stack.enter_context(ask.register(f"{number:0>200}", 1 + number % 65535, to="127.0.0.3", node_type=ask.C_NODE))
            before = resident_kb(self.daemon.pid)
            for _ in range(300):
                self.ask_and_not_read(stack)
            eventually(lambda: page("/status")["counters"]["names_lists"] == 300, "all have asked", seconds=60)
            of_one_list = resident_kb(self.daemon.pid) - before
            for number in range(60):  # another list for each
                stack.enter_context(ask.register(f"more{number}", 7, to="127.0.0.3", node_type=ask.C_NODE))
                self.ask_and_not_read(stack)
                eventually(lambda: page("/status")["counters"]["names_lists"] == 301 + number, "it has asked")
            of_many_lists = resident_kb(self.daemon.pid) - before
            times = lookup_times()
            self.assertLess(times[len(times) // 2], 0.05)
            if not self.daemon.is_sanitized():  # which keeps what is freed for a while
                self.assertLess(of_one_list, 24 * 1024)
                self.assertLess(of_many_lists, 96 * 1024)  # max_unread_bytes, and half as much for what lies around them
            print(
                f"300 that do not read one list of {MANY} names: {of_one_list} KB; 60 more, each with another: {of_many_lists} KB; "
                f"lookups p50 {times[100] * 1e3:.2f} ms",
                file=sys.stderr,
            )
        self.check_nothing_is_left()

    def ask_and_not_read(self, stack: contextlib.ExitStack) -> None:
        lazy = socket.socket()
        stack.callback(lazy.close)
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        lazy.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 88)
        lazy.connect(("127.0.0.3", ask.EPMD_PORT))
        lazy.sendall(REQUESTS["NAMES_REQ"])

    def test_a_thousand_held_registrations_of_one_name(self) -> None:
        """Each waits until it is known where it belongs; the one that has the name is unplaced."""
        allow_descriptors(4000)
        with contextlib.ExitStack() as stack:
            for _ in range(1000):
                one = stack.enter_context(ask.dial("127.0.0.1"))
                one.sendall(ask.registration_bytes("wanted", 7778))
            began = time.monotonic()
            times = lookup_times()
            self.assertLess(times[len(times) // 2], 0.05)
            eventually(lambda: page("/status")["counters"]["refusals"] == 999, "all but the first are refused", seconds=20)
            self.assertLess(time.monotonic() - began, 15)
            self.assertEqual(ask.lookup("127.0.0.1", "wanted"), 7778)
        self.check_nothing_is_left()

    def test_who_comes_and_goes_without_end_leaves_no_more_than_so_many_lines(self) -> None:
        """What is logged is a quantity that a peer controls as well."""
        for number in range(LINES):  # two lines each: it is placed, it has gone
            ask.register(f"passing{number}", 7779, to="127.0.0.2", node_type=ask.C_NODE).close()
        self.check_nothing_is_left()
        lines = len(self.daemon.lines_with("passing"))
        self.assertGreater(lines, LINES)
        self.assertLess(lines, LINES + 100 * 60)  # and a hundred a second
        time.sleep(1)  # a budget for one more
        ask.register("last", 7780, to="127.0.0.2", node_type=ask.C_NODE).close()
        eventually(lambda: self.daemon.lines_with("lines about nodes were left out"), "it says that some were left out")


class Stopped(HostileCase):
    """Clients that are stopped in the midst of something, as by a debugger, and go on later."""

    def test_a_stopped_vm_stays_registered_and_goes_on(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry").started()
        port = ask.lookup("127.0.0.2", "idfe")
        os.kill(vm.pid, signal.SIGSTOP)
        try:
            time.sleep(0.5)
            self.assertEqual(ask.lookup("127.0.0.2", "idfe"), port)
            with ask.register("idfe", 7, to="127.0.0.2") as late:
                self.assertEqual(late.result, 1)
        finally:
            os.kill(vm.pid, signal.SIGCONT)
        self.assertIn("idfe", vm.names("lowry"))
        vm.stop()
        self.check_nothing_is_left()

    def test_a_client_that_is_stopped_at_each_point(self) -> None:
        program = (
            "import os, signal, socket, sys\n"
            f"one = socket.create_connection(('127.0.0.1', {ask.EPMD_PORT}))\n"
            "whole, cut = bytes.fromhex(sys.argv[1]), int(sys.argv[2])\n"
            "one.sendall(whole[:cut])\n"
            "os.kill(os.getpid(), signal.SIGSTOP)\n"
            "one.sendall(whole[cut:])\n"
            "sys.stdout.buffer.write(one.recv(2))\n"
        )
        for request in (REQUESTS["NAMES_REQ"], REQUESTS["PORT_PLEASE2_REQ"], REQUESTS["page"]):
            for cut in (0, 1, 2, len(request)):
                command = [sys.executable, "-c", program, request.hex(), str(cut)]
                with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
                    _, status = os.waitpid(client.pid, os.WUNTRACED)
                    self.assertTrue(os.WIFSTOPPED(status))
                    lookup_times(20)
                    client.send_signal(signal.SIGCONT)
                    assert client.stdout is not None
                    self.assertEqual(len(client.stdout.read()), 2)
        self.check_nothing_is_left()
