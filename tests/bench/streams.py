"""What lookups feel of those who look: open event streams, with nodes that come and go or without, and pages that are read all the time."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

import ask
from ask_and_go import asking_and_going
from servers import OURS, Bench, Server

STREAMS = 200
NAMES = 900
HOSTS = 500  # over which they are spread
COME_AND_GO = 100  # nodes a second, each of which is three events
LEAST_SECONDS = 2.0  # so that some of each happens
LEAST_TOLD = 1000  # bytes to each stream, where nodes come and go


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


class Streams:
    """Follow the events, and read what they are told."""

    def __init__(self, count: int) -> None:
        self.selector = selectors.DefaultSelector()
        self.is_over = False
        self.told = dict.fromkeys(range(count), 0)
        for number in self.told:
            stream = socket.create_connection(("127.0.0.1", ask.EPMD_PORT))
            stream.sendall(request("/events"))
            self.selector.register(stream, selectors.EVENT_READ, number)
        self.thread = threading.Thread(target=self.read_)

    def read_(self) -> None:
        while not self.is_over:
            for key, _ in self.selector.select(0.05):
                data = key.fileobj.recv(1 << 18)
                assert data, f"stream {key.data} was ended"
                self.told[key.data] += len(data)
            time.sleep(0.25)  # the processor that reading takes is not what is measured

    def __enter__(self) -> Streams:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over = True
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


@contextlib.contextmanager
def repeated(what: Callable[[], None], interval: float) -> Iterator[None]:
    over = threading.Event()

    def run() -> None:
        while not over.wait(interval):
            what()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def come_and_go() -> None:
    ask.register("passing", 7, to="127.0.0.2", node_type=ask.C_NODE).close()


def read_page(path: str) -> None:
    with ask.dial("127.0.0.1") as connection:
        connection.sendall(request(path))
        assert ask.read_to_end(connection).endswith(b"0\r\n\r\n"), f"{path} was not written to its end"


def run(bench: Bench) -> None:
    bench = Bench(bench.programs, max(bench.seconds, LEAST_SECONDS))
    rows: list[tuple[str, list[contextlib.AbstractContextManager]]] = [
        ("nobody looks", []),
        (f"{COME_AND_GO} nodes a second come and go", [repeated(come_and_go, 1 / COME_AND_GO)]),
        (f"{STREAMS} event streams", [Streams]),
        (f"{STREAMS} event streams, and {COME_AND_GO} nodes a second", [Streams, repeated(come_and_go, 1 / COME_AND_GO)]),
        (f"/nodes, of {NAMES}, ten times a second", [repeated(lambda: read_page("/nodes"), 0.1)]),
        ("/metrics ten times a second", [repeated(lambda: read_page("/metrics"), 0.1)]),
        ("one that asks for /metrics 100 times at once and goes, all the time", [asking_and_going("/metrics")]),
    ]
    print(f"lookups of {NAMES} names at {HOSTS} hosts, eight at a time; microseconds, the server's CPU with all that it does beside them\n")
    print("| beside | CPU a lookup | p50 | p99 | lookups a second |\n| --- | --- | --- | --- | --- |")
    with bench.server(OURS) as server, bench.crowd("hold", NAMES, HOSTS):
        for name, beside in rows:
            print(f"| {name} | " + " | ".join(measured(bench, server, beside)) + " |", flush=True)


def measured(bench: Bench, server: Server, beside: list) -> list[str]:
    with contextlib.ExitStack() as stack:
        streams = None
        for one in beside:
            entered = stack.enter_context(one(STREAMS) if one is Streams else one)
            streams = entered if one is Streams else streams
        if streams is not None:
            deadline = time.monotonic() + 30
            while min(streams.told.values()) < NAMES:  # the list of all nodes
                assert time.monotonic() < deadline, "the streams do not begin"
                time.sleep(0.05)
        before = dict(streams.told) if streams else {}
        found = bench.measure(server, "lookup", NAMES, 1, HOSTS)
        if streams is not None and len(beside) > 1:
            least = min(streams.told[number] - before[number] for number in before)
            assert least > LEAST_TOLD, f"a stream was told {least} bytes of what happened"
    each = found["operations"] / bench.seconds
    return [f"{found['cpu_us']:.2f}", f"{found['p50_us']:.1f}", f"{found['p99_us']:.1f}", f"{each:.0f}"]
