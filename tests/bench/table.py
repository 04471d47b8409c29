"""The table of ratios: each scenario is run against each server in turn, in each round."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from servers import SERVERS, Bench, Server


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
    found.append(Scenario("descriptors, 900 held", "number", bench.descriptors(900), "none"))
    found.append(Scenario("idle for a second", "us CPU", bench.idle, "none"))
    found += [Scenario(f"lookup, {count} names", "us CPU", bench.cpu("lookup", count, count), goal) for count, goal in ((1, "1.4"), (10, "1.6"), (100, "2.4"), (900, "7"))]
    found += [Scenario(f"lookup, {count} names, {share}", "us", bench.taken(share, count), "none") for count in (10, 900) for share in ("p50", "p99")]
    found += [Scenario(f"lookups, two threads, {count} names", "us", bench.time_of_two_threads(count), goal) for count, goal in ((1, "1.25"), (100, "1.6"), (900, "3.5"))]
    found += [Scenario(f"names list, {count}", "us CPU", bench.cpu("names", count, count), goal) for count, goal in ((10, "6"), (100, "15"), (900, "60"))]
    found += [Scenario(f"registration, {count} in bulk", "us CPU", bench.cpu_in_bulk(count), goal) for count, goal in ((100, "1.3"), (900, "2.5"))]
    found += [Scenario(f"churn, {held} held", "us CPU", bench.cpu("register", held, held), goal) for held, goal in ((1, "1.1"), (900, "4.5"))]
    found.append(Scenario("lookup beside 200 stalled", "us CPU", bench.cpu_beside_stalled(200), "2.8"))
    return found


def run(bench: Bench, rounds: int, words: list[str]) -> None:
    chosen = [one for one in scenarios(bench) if not words or any(word in one.name for word in words)]
    print(f"{os.cpu_count()} CPUs, {rounds} rounds of {bench.seconds} s; medians; a ratio is stock's figure by that of the server\n")
    print(f"| {'scenario':34} | {'unit':6} | {'ours':>9} | {'stock':>9} | {'floor':>9} | {'ratio':>7} | {'least':>7} | {'most':>7} | to reach | floor's |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for scenario in chosen:
        figures: dict[str, list[float]] = {name: [] for name in SERVERS}
        for number in range(rounds):
            for name in SERVERS[number % 3 :] + SERVERS[: number % 3]:
                with bench.server(name) as server:
                    figures[name].append(scenario.figure(server))
        ratio = [theirs / ours if ours else float("inf") for theirs, ours in zip(figures["stock"], figures["ours"])]
        floor = [theirs / least if least else float("inf") for theirs, least in zip(figures["stock"], figures["floor"])]
        middle = {name: statistics.median(values) for name, values in figures.items()}
        print(
            f"| {scenario.name:34} | {scenario.unit:6} | {middle['ours']:9.2f} | {middle['stock']:9.2f} | {middle['floor']:9.2f} | "
            f"{statistics.median(ratio):7.2f} | {min(ratio):7.2f} | {max(ratio):7.2f} | {scenario.to_reach:>8} | {statistics.median(floor):7.2f} |",
            flush=True,
        )
