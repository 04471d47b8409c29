"""What every test has: the usual hosts file, a way to start daemons and VMs, and what they said when a test fails."""

from __future__ import annotations

import itertools
import sys
import unittest
from pathlib import Path

import ask
import machine
from daemon import SCRATCH, Daemon
from vm import Vm

counter = itertools.count(1)


class Case(unittest.TestCase):
    """Nothing serves the epmd port when a test begins, nor when it has ended."""

    hosts = machine.HOSTS

    def setUp(self) -> None:
        machine.write_hosts(self.hosts)
        self.daemons_: list[Daemon] = []
        self.vms_: list[Vm] = []
        self.addCleanup(self.check_that_nobody_serves_)

    def check_that_nobody_serves_(self) -> None:
        """A VM that starts while no daemon runs brings stock's up, which would answer in the next test."""
        if ask.answers("127.0.0.1"):
            answer = ask.kill()
            self.fail(f"an epmd was left behind; asked to end, it says {answer!r}")

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            self.tell_()
        return result

    def tell_(self) -> None:
        for daemon in self.daemons_:
            print(f"--- log of epmd {' '.join(daemon.flags)}, of {self.id()}\n{daemon.log()[-8000:]}", file=sys.stderr)
        for vm in self.vms_:
            print(f"--- output of {vm.command} {' '.join(vm.flags)}, of {self.id()}\n{vm.said[-4000:]}", file=sys.stderr)
        print("---", file=sys.stderr, flush=True)

    def scratch(self, name: str) -> Path:
        """A new path, for a home or a file."""
        return SCRATCH / f"{next(counter)}-{name}"

    def file(self, name: str, text: str) -> Path:
        path = self.scratch(name)
        path.write_text(text)
        return path

    def serve(self, *flags: str, **options) -> Daemon:
        """Start a daemon that ends with the test, after all VMs that were started later."""
        daemon = self.enterContext(Daemon(*flags, **options))
        self.daemons_.append(daemon)
        return daemon

    def vm(self, kind: type[Vm], *flags: str, cookie: str | None = None, **options) -> Vm:
        """Start a VM with a home and a default cookie of its own. It is not awaited: start several, then await each."""
        home = self.scratch("home")
        vm = self.enterContext(kind(*flags, home=home, cookie=cookie or f"default_{home.name.replace('-', '_')}", **options))
        self.vms_.append(vm)
        return vm


class ServedCase(Case):
    """A fresh daemon of ours, with stock's behaviour of `epmd` without flags, for each test."""

    flags: tuple[str, ...] = ()

    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.serve(*self.flags)
