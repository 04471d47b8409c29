"""Asks epmdctl doctor about real faults, and checks what it says of them."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass, field

from case import Case
from ctl import ctl
from vm import Erl, Iex, Vm

CONNECTS, DOES_NOT, MISUSED, NO_EPMD, NOT_KNOWN = 0, 1, 2, 3, 4
LONGEST_SECONDS = 10.0
STATUS_OF = {"connects": CONNECTS, "does_not_connect": DOES_NOT, "not_known": NOT_KNOWN}


@dataclass
class Verdict:
    status: int
    outcome: str
    cause: str | None
    text: str  # all that the verdict says: what, why and mends
    steps: list[tuple[str, str, str]]  # of all directions: step, result, seen
    told: dict = field(repr=False)

    def seen(self, result: str) -> list[str]:
        return [seen for _, how, seen in self.steps if how == result]


def verdict_of(told: subprocess.CompletedProcess[str]) -> Verdict:
    assert told.stdout, f"status {told.returncode}, {told.stderr}"
    all = json.loads(told.stdout)
    wrong = all["wrong"]
    text = " ".join([wrong["what"], wrong["why"], *(f"{mend['where']}: {mend['type']}" for mend in wrong["mends"])]) if wrong else ""
    steps = [(one["step"], one["result"], one["seen"]) for way in all["directions"] for one in way["steps"]]
    steps += [(one["step"], one["result"], one["seen"]) for one in all["common"]]
    return Verdict(told.returncode, all["outcome"], wrong["cause"] if wrong else None, text, steps, all)


class DoctorCase(Case):
    def ask_doctor(self, *words: str, **options) -> Verdict:
        """It ends in time whatever it meets, and its status says what its outcome says."""
        begin = time.monotonic()
        found = verdict_of(ctl("doctor", "--json", *words, **options))
        self.assertLess(time.monotonic() - begin, LONGEST_SECONDS)
        no_epmd = found.cause == "no_epmd"
        self.assertEqual(found.status, NO_EPMD if no_epmd else STATUS_OF[found.outcome], found)
        return found

    def check_cause(
        self, cause: str, *words: str, saying: tuple[str, ...] = (), guess: bool = False, may_be_well: bool = False, **options
    ) -> Verdict:
        """What is wrong, and that the words which matter are said. `may_be_well`: it may have been mended where nobody can see that."""
        found = self.ask_doctor(*words, **options)
        self.assertEqual((found.outcome, found.cause), ("not_known" if may_be_well else "does_not_connect", cause), found)
        for text in saying:
            self.assertIn(text, found.text)
        self.assertEqual(found.told["wrong"]["is_guess"], guess, found.text)
        return found

    def check_connects(self, *words: str, **options) -> Verdict:
        found = self.ask_doctor(*words, **options)
        self.assertEqual((found.outcome, found.cause), ("connects", None), found)
        return found

    def check_not_known(self, *words: str, saying: str, **options) -> Verdict:
        found = self.ask_doctor(*words, **options)
        self.assertEqual((found.outcome, found.cause), ("not_known", None), found)
        self.assertIn(saying, " ".join(found.seen("unknown")))
        return found

    def two_vms(self, *, cookie: str | None = "one_for_both", kinds: tuple[type[Vm], type[Vm]] = (Erl, Iex), **options) -> tuple[Vm, Vm]:
        """idfe@lowry and idfe@indecline, which have one cookie unless they are told otherwise."""
        flags = ("-sname" if kinds[0] is Erl else "--sname", "-sname" if kinds[1] is Erl else "--sname")
        vms = [self.vm(kind, flag, f"idfe@{host}", cookie=cookie, **options) for kind, flag, host in zip(kinds, flags, ("lowry", "indecline"))]
        for vm in vms:
            vm.started()
        return vms[0], vms[1]
