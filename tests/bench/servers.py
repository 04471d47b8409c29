"""The servers that are measured, each started afresh, and the load generator beside them."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "machine"))

import ask  # noqa: E402
from run import stock_epmd  # noqa: E402

OURS, STOCK, FLOOR = "ours", "stock", "floor"
SERVERS = (OURS, STOCK, FLOOR)
READY_SECONDS = 60.0


def most_connections(name: str) -> int:
    """Of a server and of its client, beside what else they have open: as the limit of open files allows, and stock's select."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200
    return min(1000, allowed) if name == STOCK else allowed


def figures_in(line: str) -> dict[str, float]:
    """Of a line "name value name value"."""
    told = line.split()
    return {name: float(value) for name, value in zip(told[::2], told[1::2])}


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

    def wait_until_quiet(self) -> None:
        """Until it has done nothing for a moment: placement goes on after the reply."""
        before = -1.0
        while self.cpu_us() != before:
            before = self.cpu_us()
            time.sleep(0.05)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()


class Bench:
    """What is to be measured with: the programs, and how long each measurement takes."""

    def __init__(self, programs: Path, seconds: float) -> None:
        self.programs = programs
        self.load = str(programs / "bench_load")
        self.commands = {OURS: [str(programs / "epmd")], STOCK: [stock_epmd()], FLOOR: [str(programs / "bench_floor")]}
        self.seconds = seconds

    def server(self, name: str, *wrapper: str) -> Server:
        return Server([*wrapper, *self.commands[name]])

    @contextlib.contextmanager
    def crowd(self, what: str, count: int, hosts: int = 0) -> Iterator[None]:
        """Names that are held, or clients that stall."""
        with self.staying(what, count, hosts) as told:
            assert told == {"ready": count}, f"{what} {count}: {told}"
            yield

    @contextlib.contextmanager
    def staying(self, what: str, count: int, hosts: int = 0) -> Iterator[dict[str, float]]:
        words = [self.load, what, str(count), *([str(hosts)] if hosts else [])]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
            yield figures_in(held.stdout.readline())
            held.stdin.close()

    def measure(self, server: Server, what: str, count: int, threads: int, hosts: int = 0) -> dict[str, float]:
        words = [what, str(self.seconds), str(count), str(threads), str(server.process.pid)]
        return self.run_load(*words, *([str(hosts)] if hosts else []))

    def run_load(self, *words: str) -> dict[str, float]:
        done = subprocess.run([self.load, *words], capture_output=True, text=True, timeout=READY_SECONDS + self.seconds)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return figures_in(done.stdout)

    # Each gives one figure of one server, of which less is better.

    def cpu(self, what: str, count: int, held: int, hosts: int = 0, told: str = "cpu_us") -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", held, hosts):
                server.wait_until_quiet()
                return self.measure(server, what, count, 1, hosts)[told]

        return figure

    def taken(self, share: str, held: int) -> Callable[[Server], float]:
        """What a client sees: from its connect to the end of the reply, eight at a time."""
        return self.cpu("lookup", held, held, told=f"{share}_us")

    def descriptors(self, held: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", held):
                server.wait_until_quiet()
                return float(len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())))

        return figure

    def cpu_beside_stalled(self, stalled: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", 10), self.crowd("stall", stalled):
                return self.measure(server, "lookup", 10, 1)["cpu_us"]

        return figure

    def time_of_two_threads(self, held: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", held):
                server.wait_until_quiet()
                return self.seconds * 1e6 / self.measure(server, "lookup", held, 2)["operations"]

        return figure

    def cpu_in_bulk(self, count: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", 1):  # what the first one costs belongs to the start
                server.wait_until_quiet()
            server.wait_until_quiet()
            before = server.cpu_us()
            with self.crowd("hold", count):
                server.wait_until_quiet()
                return (server.cpu_us() - before) / count

        return figure

    def rss(self, held: int) -> Callable[[Server], float]:
        def figure(server: Server) -> float:
            with self.crowd("hold", held):
                server.wait_until_quiet()
                return server.rss_kib()

        return figure

    @staticmethod
    def idle(server: Server) -> float:
        server.wait_until_quiet()
        before = server.cpu_us()
        time.sleep(1.0)
        return server.cpu_us() - before

    def start(self, server: Server) -> float:
        """Of others of its kind, one after the other."""
        server.__exit__()
        words = [self.load, "start", "20", server.process.args[0]]
        return float(subprocess.run(words, capture_output=True, text=True, check=True, timeout=READY_SECONDS).stdout.split()[1])
