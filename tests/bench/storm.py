"""Many registrations at once on a machine with many processes: how long the replies take, and what lookups feel of it."""

from __future__ import annotations

import subprocess
import threading
import time

from servers import SERVERS, Bench, Server, most_connections

OTHER_PROCESSES = 500
SIZES = (900, 15000)
NAMES = 10
LEAST_SECONDS = 2.0  # a lookup may wait for a good part of one


def lookups(bench: Bench, server: Server) -> dict[str, float]:
    return bench.measure(server, "lookup", NAMES, 1)


def storm(bench: Bench, server: Server, size: int) -> list[float]:
    """Microseconds: replies, middle, late, last; lookups alone and beside, middle and late."""
    with bench.crowd("hold", NAMES):
        server.wait_until_quiet()
        alone = lookups(bench, server)
        beside: dict[str, float] = {}
        asking = threading.Thread(target=lambda: beside.update(lookups(bench, server)))
        asking.start()
        time.sleep(0.3)  # it warms up for 0.2
        with bench.staying("storm", size) as told:
            assert told.get("operations") == size, told
            asking.join()
            assert beside, "no lookup was answered beside the registrations"
    return [told["p50_us"], told["p99_us"], told["most_us"], alone["p50_us"], alone["p99_us"], beside["p50_us"], beside["p99_us"]]


def run(bench: Bench) -> None:
    bench = Bench(bench.programs, max(bench.seconds, LEAST_SECONDS))
    others = [subprocess.Popen(["sleep", "infinity"]) for _ in range(OTHER_PROCESSES)]
    try:
        print(f"registrations at once beside {OTHER_PROCESSES} other processes; milliseconds\n")
        columns = ("replies p50", "p99", "last", "lookups alone p50", "p99", "beside p50", "p99")
        print(f"| {'at once':>7} | {'':5} | " + " | ".join(columns) + " |")
        print("| --- | --- |" + " --- |" * len(columns))
        for size in SIZES:
            for name in SERVERS:
                if size > most_connections(name):
                    continue
                with bench.server(name) as server:
                    figures = storm(bench, server, size)
                cells = (f"{one / 1000:{len(column)}.2f}" for column, one in zip(columns, figures))
                print(f"| {size:7} | {name:5} | " + " | ".join(cells) + " |", flush=True)
    finally:
        for one in others:
            one.kill()
            one.wait()
