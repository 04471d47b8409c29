"""Looks up nodes that are there all the time, until standard input ends: python3 steady.py NODES LOOKUPS_A_SECOND

Prints, each five seconds, how many lookups there were, how many found nothing or another node, how many got no answer, and how long they took: the median,
that of 99 of 100, and the longest, in milliseconds.
"""

from __future__ import annotations

import select
import sys
import time

import ask


def place_of(number: int) -> tuple[str, str, int]:
    """Address, alive name and port of a steady node."""
    return f"127.0.2.{number % 50 + 2}", f"steady{number}", 30000 + number % 20000


def main() -> None:
    nodes, pause = int(sys.argv[1]), 1 / float(sys.argv[2])
    times: list[float] = []
    wrong = unanswered = number = 0
    told = time.monotonic()
    while not select.select([sys.stdin], [], [], pause)[0]:
        number = (number + 7) % nodes
        address, name, port = place_of(number)
        began = time.monotonic()
        try:
            wrong += ask.lookup(address, name) != port
        except OSError:  # reset, when the process was killed
            unanswered += 1
        times.append(1e3 * (time.monotonic() - began))
        if time.monotonic() - told > 5:
            times.sort()
            print(len(times), wrong, unanswered, f"{times[len(times) // 2]:.3f} {times[len(times) * 99 // 100]:.3f} {times[-1]:.3f}", flush=True)
            times, wrong, unanswered, told = [], 0, 0, time.monotonic()


if __name__ == "__main__":
    main()
