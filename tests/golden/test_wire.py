"""The transcripts of the wire, against stock, from which they were recorded, and against ours."""

from __future__ import annotations

import unittest

import ask
from conversation import Conversation
from daemon import EPMD, STOCK, Daemon
from transcripts import Transcripts
from vm import eventually
from wire_scenarios import SCENARIOS, Scenario


def transcript(path: str, what: Scenario) -> list[str]:
    daemon = Daemon(*what.flags, path=path)
    story = Conversation()
    try:
        what.tell(story)
    finally:
        story.end()
        if daemon.process.poll() is None:
            daemon.process.terminate()
        daemon.process.wait(10)
    eventually(lambda: not ask.answers("127.0.0.1"), "the epmd of this scenario has ended")
    heading = [f"epmd {' '.join(what.flags)}"] if what.flags else []
    return heading + story.lines


class Wire(unittest.TestCase):
    def test_erlangs_own(self) -> None:
        Transcripts("wire").check_stock(self, [(one.title, lambda one=one: transcript(STOCK, one)) for one in SCENARIOS])

    def test_ours(self) -> None:
        Transcripts("wire").check_ours(self, [(one.title, lambda one=one: transcript(EPMD, one)) for one in SCENARIOS])
