"""What happens when descriptors run out: registered nodes stay, lookups go on, idle clients go first, and one line is logged."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time

import ask
from case import Case
from daemon import EPMD, environment
from vm import eventually

LIMIT = 96
RESERVED = 48  # of the daemon's own
FLOOD = 200


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

    def test_newcomers_wait_when_only_registered_nodes_are_left_and_come_in_when_one_goes(self) -> None:
        with contextlib.ExitStack() as stack:
            held = []
            for number in range(LIMIT - RESERVED):
                held.append(stack.enter_context(ask.register(f"node{number}", 40000 + number, to="127.0.0.2")))
                self.assertEqual(held[-1].result, 0)
            self.assertEqual(self.daemon.lines_with("no room for another connection"), [])
            waiting = stack.enter_context(ask.dial("127.0.0.2"))
            waiting.sendall(ask.frame(b"znode1"))
            eventually(lambda: self.daemon.lines_with("no room for another connection"), "the daemon says that it is full")
            held[0].close()
            self.assertEqual(ask.read_to_end(waiting)[:4], b"w\x00" + (40001).to_bytes(2, "big"))
            self.assertEqual(len(self.daemon.lines_with("no room for another connection")), 1)
