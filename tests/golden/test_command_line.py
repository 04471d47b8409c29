"""The transcripts of the command line: Erlang's own program, ours, and each as the client of the other."""

from __future__ import annotations

import unittest
from collections.abc import Callable

from command_line import Shell
from command_line_scenarios import AS_CLIENT, AS_DAEMON
from daemon import EPMD, STOCK
from transcripts import Telling, Transcripts


def tellings(scenarios: list[Callable[[Shell], None]], client: str, daemon: str) -> list[Telling]:
    def lines(tell: Callable[[Shell], None]) -> list[str]:
        shell = Shell(client, daemon)
        tell(shell)
        return shell.lines

    return [(tell.__name__.replace("_", " "), lambda tell=tell: lines(tell)) for tell in scenarios]


class AsClient(unittest.TestCase):
    def test_erlangs_own(self) -> None:
        Transcripts("client").check_stock(self, tellings(AS_CLIENT, STOCK, STOCK))

    def test_ours(self) -> None:
        Transcripts("client").check_ours(self, tellings(AS_CLIENT, EPMD, EPMD))

    def test_ours_asks_erlangs_own(self) -> None:
        Transcripts("client").check_between(self, tellings(AS_CLIENT, EPMD, STOCK))

    def test_theirs_asks_ours(self) -> None:
        Transcripts("client").check_between(self, tellings(AS_CLIENT, STOCK, EPMD))


class AsDaemon(unittest.TestCase):
    def test_erlangs_own(self) -> None:
        Transcripts("daemon").check_stock(self, tellings(AS_DAEMON, STOCK, STOCK))

    def test_ours(self) -> None:
        Transcripts("daemon").check_ours(self, tellings(AS_DAEMON, EPMD, EPMD))
