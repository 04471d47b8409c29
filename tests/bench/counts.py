"""What a lookup is made of, as exact counts: system calls by strace, instructions and allocations by callgrind.

Lookups come one after the other, so that none waits beside another. That ours allocates nothing is held here.
"""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from servers import OURS, READY_SECONDS, SERVERS, Bench, Server

LOOKUPS = 1000
NAMES = 10
ALLOCATORS = {"malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def is_traced(pid: int) -> bool:
    tasks = list(Path(f"/proc/{pid}/task").glob("*/status"))
    return all("TracerPid:\t0\n" not in one.read_text() for one in tasks)


def system_calls(bench: Bench, server: Server, scratch: Path) -> Counter[str]:
    """How often each was made in LOOKUPS lookups."""
    summary = scratch / "strace"
    words = ["strace", "-f", "-c", "-U", "name,calls", "-o", str(summary), "-p", str(server.process.pid)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as tracer:
        wait_until(lambda: is_traced(server.process.pid), "strace has no hold of the server")
        bench.run_load("ask", str(LOOKUPS), str(NAMES))
        tracer.send_signal(signal.SIGINT)
    rows = (line.split() for line in summary.read_text().splitlines())
    return Counter({row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit() and row[0] != "total"})


def instructions_and_allocations(bench: Bench, name: str, scratch: Path) -> tuple[int, int]:
    """In LOOKUPS lookups."""
    profile = scratch / f"callgrind-{name}"
    with bench.server(name, "valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={profile}") as server:
        with bench.crowd("hold", NAMES):
            server.wait_until_quiet()
            bench.run_load("ask", "10", str(NAMES))  # what the first one costs does not count
            control = ["callgrind_control", "--instr=on", str(server.process.pid)]
            subprocess.run(control, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            bench.run_load("ask", str(LOOKUPS), str(NAMES))
            control[1] = "--instr=off"
            subprocess.run(control, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(READY_SECONDS)
    return totals_of(profile.read_text())


def totals_of(profile: str) -> tuple[int, int]:
    """The instructions, and the calls of allocators, in a profile as callgrind writes it."""
    names: dict[str, str] = {}
    calls: Counter[str] = Counter()
    called = ""
    for line in profile.splitlines():
        if found := re.fullmatch(r"c?fn=\((\d+)\)(?: (.*))?", line):
            if found[2]:
                names[found[1]] = found[2]
            called = found[1] if line.startswith("cfn") else called
        elif line.startswith("calls="):
            calls[called] += int(line.removeprefix("calls=").split()[0])
    instructions = int(re.search(r"^totals: (\d+)", profile, re.MULTILINE)[1])
    return instructions, sum(count for number, count in calls.items() if names[number] in ALLOCATORS)


def run(bench: Bench) -> None:
    with tempfile.TemporaryDirectory(prefix="loopmd-counts-") as folder:
        scratch = Path(folder)
        made: dict[str, Counter[str]] = {}
        spent: dict[str, tuple[int, int]] = {}
        for name in SERVERS:
            with bench.server(name) as server, bench.crowd("hold", NAMES):
                server.wait_until_quiet()
                made[name] = system_calls(bench, server, scratch)
            spent[name] = instructions_and_allocations(bench, name, scratch)
    print(f"a lookup of one of {NAMES} names, of {LOOKUPS} one after the other\n")
    print(f"| {'':28} | " + " | ".join(f"{name:>9}" for name in SERVERS) + " |")
    print("| --- |" + " --- |" * len(SERVERS))

    def row(what: str, counts: list[int]) -> None:
        print(f"| {what:28} | " + " | ".join(f"{count / LOOKUPS:9.2f}" for count in counts) + " |")

    row("system calls", [made[name].total() for name in SERVERS])
    for call in sorted(set().union(*made.values()), key=lambda one: -made[OURS][one]):
        row(f"  {call}", [made[name][call] for name in SERVERS])
    row("instructions, kernel apart", [spent[name][0] for name in SERVERS])
    row("allocations", [spent[name][1] for name in SERVERS])
    assert spent[OURS][1] == 0, "a lookup is to allocate nothing"
