"""What every test on a booted systemd has: a way to a machine, our package, and what must be true of whoever was there before."""

from __future__ import annotations

import os
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import machine
from booted import Booted
from nodes import BootedVm
from vm import eventually

ROOT = Path(os.environ.get("LOOPMD_SYSTEM_ROOT", ""))
DEB = Path(os.environ["LOOPMD_SYSTEM_DEB"]) if os.environ.get("LOOPMD_SYSTEM_DEB") else None

SERVICE = "loopmd.service"
SOCKET = "loopmd.socket"
CONFIGURATION = "/etc/loopmd/loopmd.conf"

# What a VM sees of its connection to the epmd: the port that holds it. A VM that registers anew has another.
CONNECTION = "[Port || Port <- erlang:ports(), {ok, {_, 4369}} <- [inet:peername(Port)]]"


class SystemCase(unittest.TestCase):
    """Each test boots the machines that it wants; they take a second or two."""

    def booted(self, hosts: str = machine.HOSTS) -> Booted:
        return Booted(ROOT, hosts)


@unittest.skipIf(DEB is None, "no package: name it with --deb")
class ServiceCase(SystemCase):
    """Our package is installed, and serves."""

    @contextmanager
    def served(self) -> Iterator[Booted]:
        with self.booted() as machine:
            self.deb = machine.put_package(DEB)
            machine.install(self.deb)
            self.assertEqual(machine.names(), {})
            eventually(lambda: machine.state(SERVICE) == "active", "the service is active")
            yield machine

    def check_stocks_names_are_ours(self, machine: Booted) -> None:
        """Which of our units has them is no matter here."""
        for unit in ("epmd.service", "epmd.socket"):
            self.assertRegex(machine.properties(unit, "Id")["Id"], "^loopmd")
        self.assertEqual(machine.run("pgrep", "-x", "epmd", check=False).stdout, "")

    def two_namesakes(self, machine: Booted) -> tuple[BootedVm, BootedVm]:
        """The main job: idfe on two hosts."""
        lowry = machine.erl("-sname", "idfe@lowry")
        indecline = machine.erl("-sname", "idfe@indecline")
        lowry.started(), indecline.started()
        eventually(lambda: self.is_at(machine, "127.0.0.2", lowry), "idfe is at lowry")
        eventually(lambda: self.is_at(machine, "127.0.0.3", indecline), "idfe is at indecline")
        return lowry, indecline

    def is_at(self, machine: Booted, address: str, vm: BootedVm, alive_name: str = "idfe") -> bool:
        return machine.names(address).get(alive_name) == vm.distribution_port()

    def seen_by(self, vm: BootedVm) -> tuple[str, str]:
        """What changes when a VM has lost its epmd."""
        return vm.evaluate(CONNECTION), vm.evaluate("erlang:system_info(creation)")
