"""How the cost grows: with names, with hosts, with clients that stall. One table, and one picture of ours and stock's."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from servers import FLOOR, OURS, SERVERS, STOCK, Bench, Server, most_connections

NAMES = (1, 10, 100, 300, 1000, 3000, 15000)
LISTED = (1, 10, 100, 300, 1000)
HOSTS = (1, 10, 50, 200)
NAMES_OF_HOSTS = 1000
STALLED = (1, 10, 100, 300, 900, 3000, 15000)
LABELS = {OURS: "loopmd", STOCK: "Erlang's own epmd", FLOOR: "a bare epoll loop"}


@dataclass
class Series:
    title: str
    unit: str
    against: str
    sizes: tuple[int, ...]
    figure: Callable[[int], Callable[[Server], float]]
    connections: Callable[[int], int] = lambda size: size


def all_series(bench: Bench) -> list[Series]:
    lookup, names = "us CPU a lookup", "names registered"
    return [
        Series("lookups by names", lookup, names, NAMES, lambda size: bench.cpu("lookup", size, size)),
        Series(f"lookups by hosts ({NAMES_OF_HOSTS} names)", lookup, "hosts", HOSTS, lambda size: bench.cpu("lookup", NAMES_OF_HOSTS, NAMES_OF_HOSTS, size), lambda _: NAMES_OF_HOSTS),
        Series("lookups by stalled clients", lookup, "stalled clients", STALLED, bench.cpu_beside_stalled, lambda size: size + 10),
        Series("names lists", "us CPU a list", names, LISTED, lambda size: bench.cpu("names", size, size)),
        Series("registrations in bulk", "us CPU each", names, NAMES[1:], bench.cpu_in_bulk),
        Series("memory", "KiB resident", names, NAMES, bench.rss),
    ]


def measure(bench: Bench, rounds: int, series: Series, size: int) -> dict[str, float]:
    """Medians over the rounds; who cannot serve so many is left out."""
    able = [name for name in SERVERS if series.connections(size) <= most_connections(name)]
    figures: dict[str, list[float]] = {name: [] for name in able}
    for _ in range(rounds):
        for name in able:
            with bench.server(name) as server:
                figures[name].append(series.figure(size)(server))
    return {name: statistics.median(values) for name, values in figures.items()}


def run(bench: Bench, rounds: int, picture: Path | None) -> None:
    print(f"{rounds} rounds of {bench.seconds} s; medians\n")
    print("| " + " | ".join(["what", "of", "", *SERVERS]) + " |")
    print("| --- | --- | --- |" + " --- |" * len(SERVERS))
    drawn = []
    for series in all_series(bench):
        points: dict[str, list[tuple[int, float]]] = {name: [] for name in SERVERS}
        for size in series.sizes:
            found = measure(bench, rounds, series, size)
            for name, value in found.items():
                points[name].append((size, value))
            cells = [f"{found[name]:.2f}" if name in found else "-" for name in SERVERS]
            print("| " + " | ".join([series.title, f"{size} {series.against}", series.unit, *cells]) + " |", flush=True)
        drawn.append((series, points))
    if picture:
        draw(drawn, picture)
        print(f"\ndrawn: {picture}")


def draw(drawn: list[tuple[Series, dict[str, list[tuple[int, float]]]]], picture: Path) -> None:
    """By gnuplot, as SVG."""
    styles = {OURS: "linespoints lc rgb '#1f77b4' pt 7", STOCK: "linespoints lc rgb '#d62728' pt 5", FLOOR: "lines lc rgb 'gray' dt 2"}
    script = [
        "set terminal svg size 1100,640 font 'sans,11' background 'white'",
        f"set output '{picture}'",
        "set multiplot layout 2,3",
        "set logscale xy",
        "set grid",
    ]
    for series, points in drawn:
        for name in SERVERS:
            script += [f"${name} << END", *(f"{size} {value}" for size, value in points[name]), "END"]
        script += [f"set title '{series.title}'", f"set xlabel '{series.against}'", f"set ylabel '{series.unit}'", *(["set key bottom left"] if series is drawn[0][0] else [])]
        lines = (f"${name} with {styles[name]} title \"{LABELS[name]}\"" for name in SERVERS)
        script += ["plot " + ", ".join(lines), "unset key" if series is drawn[0][0] else ""]
    subprocess.run(["gnuplot"], input="\n".join([*script, "unset multiplot"]), text=True, check=True)
