"""Ours, Erlang's own epmd and a bare epoll loop (the floor), each measured in turn in one run, in a private machine.

python3 tests/bench/bench.py --programs build/bench/bin [--rounds N] [--seconds S] [--table] [--counts] [--storm] [--streams] [--growth] [--parts] [WORD...]

The table, which is what is measured if nothing else is asked for: for each scenario the server's CPU time an operation, by its own clock (or
what the row says), as medians over the rounds, and the ratio to stock, as the median of the ratios within each round; more than 1 is better
than stock. WORDs choose scenarios. Every reply is checked byte for byte: a wrong one ends the run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "machine"))

import counts  # noqa: E402
import growth  # noqa: E402
import machine  # noqa: E402
import storm  # noqa: E402
import streams  # noqa: E402
import table  # noqa: E402
from servers import Bench  # noqa: E402

PARTS = ("table", "counts", "storm", "streams", "growth", "parts")


def heading(text: str) -> None:
    print(f"\n## {text}\n", flush=True)


def run(options: argparse.Namespace) -> None:
    bench = Bench(options.programs.absolute(), options.seconds)
    if options.table:
        heading("beside stock")
        table.run(bench, options.rounds, options.words)
    if options.counts:
        heading("exact counts")
        counts.run(bench)
    if options.storm:
        heading("at once")
        storm.run(bench)
    if options.streams:
        heading("beside those who look")
        streams.run(bench)
    if options.growth:
        heading("growth")
        growth.run(bench, options.rounds, options.picture)
    if options.parts:
        heading("the parts alone")
        subprocess.run([options.programs / "bench_parts", f"--benchmark_min_time={options.seconds / 2}"], check=True, stderr=subprocess.DEVNULL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", required=True, type=Path, help="the folder of epmd and of the bench's programs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--table", action="store_true", help="ratios to stock; the default")
    parser.add_argument("--counts", action="store_true", help="system calls, instructions and allocations of a lookup")
    parser.add_argument("--storm", action="store_true", help="many registrations at once, and lookups beside them")
    parser.add_argument("--streams", action="store_true", help="lookups beside event streams, and beside pages that are read")
    parser.add_argument("--growth", action="store_true", help="cost by the number of names, hosts and stalled clients")
    parser.add_argument("--picture", type=Path, help="where to draw the growth, as SVG")
    parser.add_argument("--parts", action="store_true", help="codec, registry and placement alone")
    parser.add_argument("--all", action="store_true", help="all of these")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", metavar="WORD", help="of the table only scenarios with that in their names")
    options = parser.parse_args()
    if options.all:
        vars(options).update(dict.fromkeys(PARTS, True))
    if not any(vars(options)[part] for part in PARTS):
        options.table = True
    if options.inside:
        scratch = Path(os.environ["LOOPMD_BENCH_SCRATCH"])
        machine.furnish(scratch)
        run(options)
        return 0
    if reason := machine.why_not():
        sys.exit(f"no private machine here ({reason}); run it as root, or where user namespaces are allowed")
    with tempfile.TemporaryDirectory(prefix="loopmd-bench-") as scratch:
        inside = dict(os.environ, LOOPMD_BENCH_SCRATCH=scratch)
        return subprocess.run(machine.enter_command([sys.executable, __file__, "--inside", *sys.argv[1:]]), env=inside).returncode


if __name__ == "__main__":
    sys.exit(main())
