"""The files of transcripts: what stock said and did, and where ours means to say or do something else, and why.

    transcripts/NAME.txt       "## title", then lines; recorded from stock
    transcripts/NAME.ours.txt  the same titles, only those where ours differs; "why:" comes first, and is written by hand

Record them again with tests/machine/run.py --record. A difference that has no reason makes the tests fail, and so does a reason
that no difference needs any more.
"""

from __future__ import annotations

import difflib
import os
import unittest
from collections.abc import Callable, Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "transcripts"
IS_RECORDING = bool(os.environ.get("LOOPMD_RECORD"))
WHY = "why: "

Telling = tuple[str, Callable[[], list[str]]]


def read(path: Path) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    title = None
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.startswith("## "):
            title = line[3:]
            assert title not in sections, f"{path.name}: {title} is there twice"
            sections[title] = []
        elif title is not None and line:
            sections[title].append(line)
    return sections


def write(path: Path, sections: dict[str, list[str]]) -> None:
    path.write_text("\n\n".join("\n".join([f"## {title}", *lines]) for title, lines in sections.items()) + "\n")


def difference(expected: list[str], seen: list[str]) -> str:
    return "\n".join(difflib.unified_diff(expected, seen, "the transcript", "this run", lineterm="", n=2))


class Transcripts:
    def __init__(self, name: str) -> None:
        self.stock_file = FOLDER / f"{name}.txt"
        self.ours_file = FOLDER / f"{name}.ours.txt"
        self.stock = read(self.stock_file)
        self.ours = read(self.ours_file)

    def expected_of_ours(self, title: str) -> list[str]:
        return [line for line in self.ours.get(title, []) if not line.startswith(WHY)] or self.stock.get(title, [])

    def check_stock(self, test: unittest.TestCase, tellings: Iterable[Telling]) -> None:
        if IS_RECORDING:
            write(self.stock_file, {title: tell() for title, tell in tellings})
            return
        titles = []
        for title, tell in tellings:
            titles.append(title)
            with test.subTest(title):
                seen = tell()
                test.assertEqual(seen, self.stock.get(title), "\n" + difference(self.stock.get(title, []), seen))
        test.assertEqual(titles, list(self.stock), "the titles of the recorded transcripts")

    def check_ours(self, test: unittest.TestCase, tellings: Iterable[Telling]) -> None:
        differing: dict[str, list[str]] = {}
        for title, tell in tellings:
            why = [line for line in self.ours.get(title, []) if line.startswith(WHY)]
            expected = self.expected_of_ours(title)
            with test.subTest(title):
                seen = tell()
                if seen != self.stock.get(title):
                    differing[title] = [*(why or [WHY]), *seen]
                if IS_RECORDING:
                    continue
                test.assertEqual(seen, expected, "\n" + difference(expected, seen))
                if title in differing:
                    test.assertTrue(why and why[0] != WHY, f"{self.ours_file.name} gives no reason for {title}")
        if IS_RECORDING and differing:
            write(self.ours_file, differing)
        elif IS_RECORDING:
            self.ours_file.unlink(missing_ok=True)
        else:
            test.assertEqual(list(differing), list(self.ours), f"what {self.ours_file.name} has differs from stock")

    def check_between(self, test: unittest.TestCase, tellings: Iterable[Telling]) -> None:
        """One of ours and one of Erlang's together: what is said is said by one of the two."""
        if IS_RECORDING:
            return
        for title, tell in tellings:
            stock, ours = self.stock.get(title, []), self.expected_of_ours(title)
            with test.subTest(title):
                seen = tell()
                test.assertEqual(len(seen), len(stock), "\n" + difference(stock, seen))
                for line, either in zip(seen, zip(stock, ours)):
                    test.assertIn(line, either, "\n" + difference(stock, seen))
