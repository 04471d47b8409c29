"""Erlang's own epmd under systemd, as Debian ships it: whatever ends it, every name is gone. That is what ours is for.

These tests show as well that what measures can see a loss.
"""

from __future__ import annotations

import signal

from booted import Booted
from system_case import SystemCase
from vm import eventually

CROWD = 200


class Stock(SystemCase):
    def test_the_first_vm_starts_the_service(self) -> None:
        with self.booted() as machine:
            machine.systemctl("stop", "epmd.service")
            self.assertEqual((machine.state("epmd.service"), machine.state("epmd.socket")), ("inactive", "active"))
            idfe = machine.erl("-sname", "idfe@lowry").started()
            self.assertEqual(machine.state("epmd.service"), "active")
            self.assertEqual(machine.names(), {"idfe": idfe.distribution_port()})
            self.assertEqual(machine.properties("epmd.service", "User", "NRestarts"), {"User": "epmd", "NRestarts": "0"})
            self.assertIn("epmd", machine.run("ps", "-o", "comm=", "-p", str(machine.main_pid("epmd.service"))).stdout)

    def test_vms_meet_by_it(self) -> None:
        with self.booted() as machine:
            idfe = machine.erl("-sname", "idfe@lowry")
            otp = machine.iex("--sname", "otp@indecline")
            self.assertTrue(idfe.started().connect(otp.started().node()))
            self.assertEqual(otp.node_by_rpc("idfe@lowry"), "idfe@lowry")

    def test_a_name_is_free_on_one_host_only_once(self) -> None:
        with self.booted() as machine:
            machine.erl("-sname", "idfe@lowry").started()
            self.assertTrue(machine.erl("-sname", "idfe@indecline").refused())

    def check_everything_is_lost(self, machine: Booted, lose) -> None:
        crowd = machine.crowd(CROWD)
        idfe = machine.erl("-sname", "idfe@lowry").started()
        self.assertEqual((crowd.open_count(), crowd.mismatches()), (CROWD, {}))
        crowd.start_lookups()
        eventually(lambda: crowd.lookups_so_far() > 100, "the crowd looks up")
        lose()
        eventually(lambda: crowd.open_count() == 0, "all connections are closed")
        eventually(machine.answers, "it serves again", 10.0)
        self.assertEqual(len(crowd.mismatches()), CROWD)
        lookups = crowd.stop_lookups()
        print(f"\n  {lookups}")
        self.assertGreater(lookups.kinds()["unknown"], 0)
        # Only the VM comes back, after 2 s.
        eventually(lambda: machine.names() == {"idfe": idfe.distribution_port()}, "the VM has registered again", 10.0)

    def test_a_restart_loses_every_name(self) -> None:
        with self.booted() as machine:
            self.check_everything_is_lost(machine, lambda: machine.systemctl("restart", "epmd.service"))

    def test_a_crash_loses_every_name(self) -> None:
        with self.booted() as machine:
            self.check_everything_is_lost(machine, lambda: machine.signal("epmd.service", signal.SIGKILL))

    def test_an_upgrade_of_erlang_loses_every_name(self) -> None:
        with self.booted() as machine:
            later = machine.later_version(machine.erlang_base())
            self.check_everything_is_lost(machine, lambda: machine.upgrade(later))
            version = machine.run("dpkg-query", "--show", "--showformat=${Version} ${db:Status-Status}", "erlang-base").stdout
            self.assertRegex(version, r"\+later1 installed$")
