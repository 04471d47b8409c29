"""Ours, Erlang's own epmd and a bare epoll loop (the floor), each measured in turn in one run, in a private machine.

python3 tests/bench/bench.py --programs build/bench/bin [--rounds N] [--seconds S] [WORD...]

One table: for each scenario the server's CPU time an operation, by its own clock (or what the row says), as medians over the rounds, and
the ratio to stock, as the median of the ratios within each round; more than 1 is better than stock. WORDs choose scenarios.
Every reply is checked byte for byte: a wrong one ends the run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "machine"))

import ask  # noqa: E402
import machine  # noqa: E402
from run import stock_epmd  # noqa: E402

SERVERS = ("ours", "stock", "floor")
READY_SECONDS = 30.0


class Server:
    """One that serves port 4369, started afresh."""

    def __init__(self, command: list[str]) -> None:
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not self.answers_():
            assert time.monotonic() < began + READY_SECONDS and self.process.poll() is None, f"{command} does not serve"

    @staticmethod
    def answers_() -> bool:
        try:
            ask.names("127.0.0.1")
        except OSError:
            return False
        return True

    def cpu_us(self) -> float:
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in tasks) / 1000

    def rss_kib(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmRSS")).split()[1])

    def is_quiet(self) -> bool:
        """Whether it has done nothing for a moment: placement goes on after the reply."""
        before = self.cpu_us()
        time.sleep(0.05)
        return self.cpu_us() == before

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()


class Bench:
    def __init__(self, programs: Path, seconds: float) -> None:
        self.load = str(programs / "bench_load")
        self.commands = {"ours": [str(programs / "epmd")], "stock": [stock_epmd()], "floor": [str(programs / "bench_floor")]}
        self.seconds = seconds

    @contextlib.contextmanager
    def crowd(self, what: str, count: int) -> Iterator[None]:
        """Names that are held, or clients that stall."""
        with subprocess.Popen([self.load, what, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
            line = held.stdout.readline()
            assert line == f"ready {count}\n", f"{what} {count}: {line!r}"
            yield
            held.stdin.close()

    def measure(self, server: Server, what: str, count: int, threads: int) -> dict[str, float]:
        words = [self.load, what, str(self.seconds), str(count), str(threads), str(server.process.pid)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=READY_SECONDS + self.seconds)
        assert done.returncode == 0, f"{what} of {count}: {done.stderr}"
        told = done.stdout.split()
        return {name: float(value) for name, value in zip(told[::2], told[1::2])}

    # Each gives one figure of one server, of which less is better.

    def cpu(self, what: str, count: int, held: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", held):
                return self.measure(server, what, count, 1)["cpu_us"]

        return figure

    def cpu_beside_stalled(self, stalled: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", 10), self.crowd("stall", stalled):
                return self.measure(server, "lookup", 10, 1)["cpu_us"]

        return figure

    def time_of_two_threads(self, held: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", held):
                return self.seconds * 1e6 / self.measure(server, "lookup", held, 2)["operations"]

        return figure

    def cpu_in_bulk(self, count: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            before = server.cpu_us()
            with self.crowd("hold", count):
                while not server.is_quiet():
                    pass
                return (server.cpu_us() - before) / count

        return figure

    def rss(self, held: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", held):
                while not server.is_quiet():
                    pass
                return server.rss_kib()

        return figure

    @staticmethod
    def idle(server: Server) -> float:
        while not server.is_quiet():
            pass
        before = server.cpu_us()
        time.sleep(1.0)
        return server.cpu_us() - before

    def start(self, server: Server) -> float:
        """Of others of its kind, one after the other."""
        server.__exit__()
        words = [self.load, "start", "20", server.process.args[0]]
        return float(subprocess.run(words, capture_output=True, text=True, check=True, timeout=READY_SECONDS).stdout.split()[1])


@dataclass
class Scenario:
    name: str
    unit: str
    figure: Callable[[Server], float]
    to_reach: str  # of the ratio to stock


def scenarios(bench: Bench) -> list[Scenario]:
    # First what is cheap, and what suffers from the connections that the others leave behind in the kernel.
    found = [Scenario("start-up, exec to first answer", "us", bench.start, "1.5")]
    found += [Scenario(f"memory, {held} held", "KiB", bench.rss(held), goal) for held, goal in ((0, "1.0"), (900, "2.5"))]
    found.append(Scenario("idle for a second", "us CPU", bench.idle, "none"))
    found += [Scenario(f"lookup, {count} names", "us CPU", bench.cpu("lookup", count, count), goal) for count, goal in ((1, "1.4"), (10, "1.6"), (100, "2.4"), (900, "7"))]
    found += [Scenario(f"lookups, two threads, {count} names", "us", bench.time_of_two_threads(count), goal) for count, goal in ((1, "1.25"), (100, "1.6"), (900, "3.5"))]
    found += [Scenario(f"names list, {count}", "us CPU", bench.cpu("names", count, count), goal) for count, goal in ((10, "6"), (100, "15"), (900, "60"))]
    found += [Scenario(f"registration, {count} in bulk", "us CPU", bench.cpu_in_bulk(count), goal) for count, goal in ((100, "1.3"), (900, "2.5"))]
    found += [Scenario(f"churn, {held} held", "us CPU", bench.cpu("register", held, held), goal) for held, goal in ((1, "1.1"), (900, "4.5"))]
    found.append(Scenario("lookup beside 200 stalled", "us CPU", bench.cpu_beside_stalled(200), "2.8"))
    return found


def run(programs: Path, rounds: int, seconds: float, words: list[str]) -> None:
    bench = Bench(programs, seconds)
    chosen = [one for one in scenarios(bench) if not words or any(word in one.name for word in words)]
    print(f"{os.cpu_count()} CPUs, {rounds} rounds of {seconds} s; medians; a ratio is stock's figure by that of the server\n")
    print(f"| {'scenario':34} | {'unit':6} | {'ours':>9} | {'stock':>9} | {'floor':>9} | {'ratio':>7} | {'least':>7} | {'most':>7} | to reach | floor's |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for scenario in chosen:
        figures: dict[str, list[float]] = {name: [] for name in SERVERS}
        for number in range(rounds):
            for name in SERVERS[number % 3 :] + SERVERS[: number % 3]:
                with Server(bench.commands[name]) as server:
                    figures[name].append(scenario.figure(server))
        ratio = [theirs / ours if ours else float("inf") for theirs, ours in zip(figures["stock"], figures["ours"])]
        floor = [theirs / least if least else float("inf") for theirs, least in zip(figures["stock"], figures["floor"])]
        middle = {name: statistics.median(values) for name, values in figures.items()}
        print(
            f"| {scenario.name:34} | {scenario.unit:6} | {middle['ours']:9.2f} | {middle['stock']:9.2f} | {middle['floor']:9.2f} | "
            f"{statistics.median(ratio):7.2f} | {min(ratio):7.2f} | {max(ratio):7.2f} | {scenario.to_reach:>8} | {statistics.median(floor):7.2f} |",
            flush=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", required=True, type=Path, help="the folder of epmd, bench_load and bench_floor")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only scenarios with that in their names")
    options = parser.parse_args()
    if options.inside:
        scratch = Path(os.environ["LOOPMD_BENCH_SCRATCH"])
        machine.furnish(scratch)
        run(options.programs.absolute(), options.rounds, options.seconds, options.words)
        return 0
    if reason := machine.why_not():
        sys.exit(f"no private machine here ({reason}); run it as root, or where user namespaces are allowed")
    with tempfile.TemporaryDirectory(prefix="loopmd-bench-") as scratch:
        inside = dict(os.environ, LOOPMD_BENCH_SCRATCH=scratch)
        return subprocess.run(machine.enter_command([sys.executable, __file__, "--inside", *sys.argv[1:]]), env=inside).returncode


if __name__ == "__main__":
    sys.exit(main())
