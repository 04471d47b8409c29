"""Many nodes that come at once, on a machine with many processes: everybody is placed, and lookups do not suffer from it.

The figures are printed; the bounds are wide, since machines are shared.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable

import ask
import foreign
from case import Case
from daemon import SCRATCH, Daemon
from vm import eventually

OTHER_PROCESSES = 500
NODES = 200
REGISTER_SECONDS = 10.0  # a VM gives up then


def addresses(count: int) -> list[str]:
    return [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(count)]


class Crowd:
    """Nodes that are ready to register all at once."""

    def __init__(self, names: list[str], how: str) -> None:
        program = SCRATCH / "crowd" / "beam.smp"
        if not program.exists():
            program.parent.mkdir()
            command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-result", "-o", str(program), str(foreign.CLIENTS / "crowd_node.c")]
            subprocess.run(command, check=True)
        gate, self.gate = os.pipe()
        self.processes = []
        for name in names:
            words = [str(program), how, name, *(["-sname", name] if how == "flag" else [])]
            self.processes.append(subprocess.Popen(words, stdin=gate, stdout=subprocess.PIPE, text=True))
        os.close(gate)
        for one in self.processes:
            assert one.stdout.readline() == "ready\n"

    def come(self) -> list[tuple[int, float, int]]:
        """Of each node, in the order of the names: the result, the milliseconds until the reply, the port."""
        os.close(self.gate)
        told = [one.stdout.readline().split() for one in self.processes]
        return [(int(result), int(microseconds) / 1000, int(port)) for result, microseconds, port in told]

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_) -> None:
        for one in self.processes:
            one.send_signal(signal.SIGKILL)
        for one in self.processes:
            one.wait(10)
            one.stdout.close()


class Lookups:
    """Somebody who looks a name up all the time, meanwhile."""

    def __init__(self, address: str, alive_name: str) -> None:
        self.taken: list[float] = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run_, args=(address, alive_name))

    def run_(self, address: str, alive_name: str) -> None:
        while not self.done.is_set():
            began = time.monotonic()
            if ask.lookup(address, alive_name) is not None:
                self.taken.append((time.monotonic() - began) * 1000)

    def __enter__(self) -> Lookups:
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.done.set()
        self.thread.join(10)


def spread(milliseconds: list[float]) -> str:
    ordered = sorted(milliseconds)
    return f"p50 {statistics.median(ordered):.2f}, p99 {ordered[len(ordered) * 99 // 100]:.2f}, most {ordered[-1]:.2f} ms"


class AmongProcesses(Case):
    def setUp(self) -> None:
        super().setUp()
        sleepers = [subprocess.Popen(["sleep", "infinity"]) for _ in range(OTHER_PROCESSES)]

        def end() -> None:
            for one in sleepers:
                one.kill()
                one.wait()

        self.addCleanup(end)


class AtOnce(AmongProcesses):
    def placed_count(self, daemon: Daemon) -> int:
        return daemon.log().count(" is at ")

    def check(self, names: list[str], how: str, is_at_home: Callable[[int, int], bool]) -> None:
        daemon = self.serve()
        with Crowd(names, how) as crowd, ask.register("known", 40001, to="127.0.0.2") as known, Lookups("127.0.0.2", "known") as lookups:
            self.assertEqual(known.result, 0)
            self.assertEqual(self.placed_count(daemon), 1)
            began = time.monotonic()
            told = crowd.come()
            eventually(lambda: self.placed_count(daemon) == 1 + len(names), "everybody is placed", REGISTER_SECONDS)
            seconds = time.monotonic() - began
            self.assertEqual([result for result, _, _ in told], [0] * len(names))
            for number, (_, _, port) in enumerate(told):
                self.assertTrue(is_at_home(number, port), names[number])
            self.assertEqual(daemon.lines_with("refused") + daemon.lines_with("parked") + daemon.lines_with("unplaced"), [])
        replies = [milliseconds for _, milliseconds, _ in told]
        self.assertLess(max(replies), REGISTER_SECONDS * 1000 / 2)
        print(f"\n  {len(names)} at once, by {how}: reply {spread(replies)}; all placed after {seconds:.2f} s; lookups {spread(lookups.taken)}")
        self.assertLess(statistics.median(lookups.taken), 50)

    def test_each_with_a_name_of_its_own_by_command_line(self) -> None:
        names = [f"node{number}@{address}" for number, address in enumerate(addresses(NODES))]
        self.check(names, "flag", lambda number, port: ask.lookup(addresses(NODES)[number], f"node{number}") == port)

    def test_each_with_a_name_of_its_own_by_its_own_word(self) -> None:
        names = [f"node{number}@{address}" for number, address in enumerate(addresses(NODES))]
        self.check(names, "word", lambda number, port: ask.lookup(addresses(NODES)[number], f"node{number}") == port)

    def test_all_with_one_name_by_command_line(self) -> None:
        names = [f"idfe@{address}" for address in addresses(NODES)]
        self.check(names, "flag", lambda number, port: ask.names(addresses(NODES)[number]) == {"idfe": port})

    def test_all_with_one_name_by_their_own_word(self) -> None:
        names = [f"idfe@{address}" for address in addresses(NODES)]
        self.check(names, "word", lambda number, port: ask.names(addresses(NODES)[number]) == {"idfe": port})


class OneByOne(AmongProcesses):
    """The figure of a quiet moment: who comes alone, among the processes."""

    def test_the_reply_to_a_node_whose_name_another_host_has_waits_for_its_placement(self) -> None:
        daemon = self.serve()
        took = []
        with ask.register("idfe", 40001, to="127.0.0.2") as known:
            self.assertEqual(known.result, 0)
            for address in addresses(100):
                with Crowd([f"idfe@{address}"], "flag") as one:
                    ((result, milliseconds, port),) = one.come()
                    self.assertEqual((result, ask.lookup(address, "idfe")), (0, port))
                took.append(milliseconds)
        print(f"\n  a held reply among {OTHER_PROCESSES} processes: {spread(took)}")
        self.assertLess(statistics.median(took), 100)
        self.assertEqual(daemon.lines_with("refused"), [])
