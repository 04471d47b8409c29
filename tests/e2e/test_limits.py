"""What happens when descriptors run out: registered nodes stay, lookups go on, idle clients go first, and one line is logged."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import subprocess
import time
from pathlib import Path

import ask
import machine
from case import Case
from daemon import EPMD, Daemon, environment
from vm import Erl, eventually
from web import Events, get, page

LIMIT = 96
RESERVED = 48  # of the daemon's own
NODES = LIMIT - RESERVED - 4  # the least that is left for lookups
FLOOD = 200
A_USER = 1000
LONGEST = (3057).to_bytes(2, "big")  # of a request
PYTHON = "/usr/bin/python3"  # one that any user may run
FOLLOW = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"
AT_ONCE = f"""
import socket, sys
clients = [socket.create_connection(("127.0.0.1", {ask.EPMD_PORT})) for _ in sys.argv[1:]]
for one, sends in zip(clients, sys.argv[1:]):
    one.sendall(bytes.fromhex(sends))
print(sum(one.recv(64) != b"" for one in clients), flush=True)
sys.stdin.read()
"""
KEEP_OPEN = f"""
import select, socket, sys
count, sends = int(sys.argv[1]), bytes.fromhex(sys.argv[2])
clients = [socket.create_connection(("127.0.0.1", {ask.EPMD_PORT})) for _ in range(count)]
for one in clients:
    one.sendall(sends)
while all(one.recv(65536) for one in select.select(clients, [], [])[0]):
    pass
"""


def waiting() -> int:
    """Connections that are none by HTTP."""
    limits = page("/status")["limits"]
    return limits["connections"] - limits["http_connections"]


class TooFewDescriptors(Case):
    def test_it_says_so_and_does_not_start(self) -> None:
        for flags in ((), ("-daemon",)):
            words = ["prlimit", f"--nofile={RESERVED - 1}:{RESERVED - 1}", EPMD, *flags]
            told = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(), timeout=10)
            self.assertEqual(told.returncode, 1, told.stderr)
            for word in (str(RESERVED - 1), str(RESERVED), "ulimit -n"):
                self.assertIn(word, told.stderr)
            self.assertFalse(ask.answers("127.0.0.1"))


class FewDescriptors(Case):
    def setUp(self) -> None:
        super().setUp()
        limited = ("prlimit", f"--nofile={LIMIT}:{LIMIT}")
        self.daemon = self.serve("-address", "127.0.0.2", wrapper=limited)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    def test_idle_clients_go_first_and_registered_nodes_stay(self) -> None:
        with contextlib.ExitStack() as stack:
            for number in range(10):
                held = stack.enter_context(ask.register(f"node{number}", 40000 + number, to="127.0.0.2"))
                self.assertEqual(held.result, 0)
            for _ in range(FLOOD):
                stack.enter_context(ask.dial("127.0.0.1")).sendall(b"\0")
                self.assertLessEqual(self.descriptors(), LIMIT)
            for number in range(10):
                self.assertEqual(ask.lookup("127.0.0.2", f"node{number}"), 40000 + number)
            self.assertEqual(len(self.daemon.lines_with("no room for another connection")), 1)
        eventually(lambda: self.descriptors() < LIMIT // 2, "the daemon has closed what its clients left")
        self.assertEqual(ask.names("127.0.0.2"), {})

    def test_clients_that_say_nothing_cost_no_descriptor_for_a_second_and_no_node_after_it(self) -> None:
        with contextlib.ExitStack() as stack:
            held = stack.enter_context(ask.register("node0", 40000, to="127.0.0.2"))
            self.assertEqual(held.result, 0)
            before = self.descriptors()
            began = time.monotonic()
            for _ in range(FLOOD):
                stack.enter_context(ask.dial("127.0.0.1"))
            self.assertEqual(ask.lookup("127.0.0.2", "node0"), 40000)
            told = self.daemon.lines_with("no room for another connection")
            now = self.descriptors()
            if time.monotonic() - began < 0.9:  # else the machine was too busy to say
                self.assertEqual(told, [])
                self.assertLess(now, before + 5)  # placement opens some for a moment
            eventually(lambda: self.daemon.lines_with("no room for another connection"), "they have been let in")
            self.assertLessEqual(self.descriptors(), LIMIT)
            self.assertEqual(ask.lookup("127.0.0.2", "node0"), 40000)

    def test_where_as_many_nodes_are_registered_as_may_be_lookups_go_on_and_one_more_comes_in_when_one_goes(self) -> None:
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(ask.register(f"node{number}", 40000 + number, to="127.0.0.2")) for number in range(NODES)]
            self.assertEqual([one.result for one in held], [0] * NODES)
            for _ in range(3):
                with self.assertRaises(EOFError):  # a VM would say of any reply that its name is in use
                    ask.register("late", 7, to="127.0.0.2")
                self.assertEqual(ask.lookup("127.0.0.2", "node1"), 40001)
            (told,) = self.daemon.lines_with(" refused ")
            for word in ("max_registrations", "ulimit -n", "LimitNOFILE"):
                self.assertIn(word, told)
            self.assertEqual(self.daemon.lines_with("no room for another connection"), [])
            held[0].close()
            eventually(lambda: ask.lookup("127.0.0.2", "node0") is None, "one has gone")
            self.assertEqual(stack.enter_context(ask.register("late", 7, to="127.0.0.2")).result, 0)


class ByName(Case):
    """The limits of the configuration file, each reached by real clients."""

    def limited(self, *lines: str) -> Daemon:
        return self.serve("--config", str(self.file("loopmd.conf", "\n".join(lines) + "\n")))

    def others(self, stack: contextlib.ExitStack, count: int, sends: bytes) -> subprocess.Popen[bytes]:
        """That many connections of another user, who ends when one of them does."""
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        clients = subprocess.Popen(["setpriv", "--reuid", str(A_USER), "--clear-groups", PYTHON, "-c", KEEP_OPEN, str(count), sends.hex()])
        stack.callback(clients.wait)
        stack.callback(clients.kill)
        return clients

    def test_a_user_has_so_many_connections_that_wait_and_another_as_many(self) -> None:
        daemon = self.limited("max_connections_per_peer = 5")
        with contextlib.ExitStack() as stack:
            theirs = self.others(stack, 5, b"\0")
            ours = [stack.enter_context(ask.dial("127.0.0.1")) for _ in range(5)]
            for one in ours:
                one.sendall(b"\0")
            eventually(lambda: waiting() == 10, "both users have five")
            one_more = stack.enter_context(ask.dial("127.0.0.1"))
            one_more.sendall(b"\0")
            self.assertEqual(ours[0].recv(1), b"")  # the one that waits longest
            self.assertEqual(waiting(), 10)
            self.assertIsNone(theirs.poll())
            ours[1].sendall(b"\1n")
            self.assertEqual(ask.read_to_end(ours[1]), ask.EPMD_PORT.to_bytes(4, "big"))
            (told,) = daemon.lines_with("max_connections_per_peer")
            self.assertIn("uid 0 has 5 connections", told)

    def test_a_request_has_its_time_though_a_byte_comes_now_and_then(self) -> None:
        self.limited("packet_timeout = 1", "request_time = 3")
        heads = [LONGEST + bytes([kind]) for kind in b"xzndks"] + [b"GET / HTTP/1.1\r\nX: ", b"HEAD /"]
        with contextlib.ExitStack() as stack:
            slow = {stack.enter_context(ask.dial("127.0.0.1")): itertools.chain(head, itertools.repeat(ord("x"))) for head in heads}
            began = time.monotonic()
            while slow and time.monotonic() - began < 10:
                for one, letters in slow.items():
                    with contextlib.suppress(ConnectionError):  # it was closed this moment, which is seen below
                        one.sendall(bytes([next(letters)]))
                for one in select.select(list(slow), [], [], 0.3)[0]:
                    with contextlib.suppress(ConnectionError):  # reset, since a byte crossed its end
                        self.assertEqual(one.recv(1), b"")
                    del slow[one]
                    self.assertGreater(time.monotonic() - began, 2.5)
                self.assertEqual(ask.names("127.0.0.1"), {})
            self.assertEqual(slow, {})
            self.assertLess(time.monotonic() - began, 6)
        self.assertEqual(page("/status")["counters"]["timed_out"], 6)

    def test_a_user_has_so_many_nodes_and_root_and_another_have_room_beside(self) -> None:
        daemon = self.limited("max_registrations_per_user = 3")
        with contextlib.ExitStack() as stack:
            for number in range(3):
                self.others(stack, 1, ask.registration_bytes(f"theirs{number}", 7000 + number))
            eventually(lambda: len(ask.names("127.0.0.1")) == 3, "they are registered")
            eventually(lambda: all(one["owner"]["uid"] == A_USER for one in page("/nodes")["nodes"]), "their user is known")
            late = self.others(stack, 1, ask.registration_bytes("late", 7003))
            late.wait(10)  # it was closed
            for number in range(4):
                self.assertEqual(stack.enter_context(ask.register(f"ours{number}", 8000 + number)).result, 0)
            self.assertEqual(sorted(ask.names("127.0.0.1")), [f"ours{number}" for number in range(4)] + [f"theirs{number}" for number in range(3)])
            (told,) = daemon.lines_with("max_registrations_per_user")
            self.assertIn(f"a process of uid {A_USER}", told)

    def test_a_crowd_of_a_user_has_no_more_than_the_user_may(self) -> None:
        """Nothing has been found out about any of them when the last one registers."""
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        self.limited("max_registrations_per_user = 30", "max_registrations = 300")
        crowd = [ask.registration_bytes(f"theirs{number}", 7000, node_type=ask.C_NODE).hex() for number in range(300)]
        words = ["setpriv", "--reuid", str(A_USER), "--clear-groups", PYTHON, "-c", AT_ONCE, *crowd]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
            self.assertEqual(int(clients.stdout.readline()), 30)
            self.assertEqual(len(ask.names("127.0.0.1")), 30)
            with ask.register("ours", 8000) as ours:
                self.assertEqual(ours.result, 0)

    def test_a_vm_that_is_one_too_many_says_so_and_not_that_its_name_is_in_use(self) -> None:
        self.limited("max_registrations = 1")
        with ask.register("first", 7):
            one_more = self.vm(Erl, "-sname", "idfe@lowry")
            eventually(one_more.has_ended, "it gives up", seconds=20)
            self.assertIn("epmd_close", one_more.said)
            self.assertNotIn("in use", one_more.said)

    def test_a_user_with_all_of_http_and_one_that_says_nothing_makes_room_for_another(self) -> None:
        """What is open is counted from outside: a page would be one more."""
        self.limited("max_http_connections = 4", "max_event_streams = 4")
        established = f":{ask.EPMD_PORT:04X} 0100007F:"  # of 127.0.0.1, as proc_net_tcp(5) writes it
        connections = lambda: sum(established in line and " 01 " in line for line in Path("/proc/net/tcp").read_text().splitlines())
        with contextlib.ExitStack() as stack:
            self.others(stack, 4, FOLLOW)
            eventually(lambda: connections() == 4, "all streams are theirs")
            self.others(stack, 1, b"GET ")
            eventually(lambda: connections() == 5, "and one that says nothing")
            self.assertEqual(get("/status").status, 200)

    def test_who_has_most_event_streams_makes_room_for_another_user(self) -> None:
        self.limited("max_http_connections = 6", "max_event_streams = 4")
        with contextlib.ExitStack() as stack:
            theirs = [self.others(stack, 1, FOLLOW) for _ in range(4)]
            eventually(lambda: page("/status")["limits"]["event_streams"] == 4, "all streams are theirs")
            for _ in range(2):
                stack.enter_context(Events()).next()
            eventually(lambda: sum(one.poll() is None for one in theirs) == 2, "each user has two")
            self.assertEqual(get("/events").status, 503)
            self.assertEqual(get("/status").status, 200)

    def test_a_limit_that_is_changed_counts_from_then_on_and_nobody_is_lost(self) -> None:
        config = self.file("loopmd.conf", "max_registrations = 2\n")
        daemon = self.serve("--config", str(config))
        with contextlib.ExitStack() as stack:
            for number in range(2):
                stack.enter_context(ask.register(f"node{number}", 7 + number))
            config.write_text("max_registrations = 1\nmax_event_streams = 1\n")
            daemon.hang_up()
            self.assertEqual(len(ask.names("127.0.0.1")), 2)
            with self.assertRaises(EOFError):
                ask.register("late", 9)
            with Events() as events:
                events.next()
                self.assertEqual(get("/events").status, 503)
            config.write_text("max_registrations = 3\n")
            daemon.hang_up()
            self.assertEqual(stack.enter_context(ask.register("late", 9)).result, 0)
