"""epmdctl doctor between two machines on a cable: ours here, and ours or Erlang's own there."""

from __future__ import annotations

import machine
from daemon import EPMD, STOCK
from doctor import DoctorCase
from neighbour import OURS, THEIRS, Neighbour
from vm import Erl, Iex, Vm, eventually

COOKIE = "a_shared_cookie"
HERE, THERE = f"idfe@{OURS}", f"idfe@{THEIRS}"


class TwoMachines(DoctorCase):
    def setUp(self) -> None:
        super().setUp()
        self.neighbour = self.enterContext(Neighbour(machine.has_ipv6()))
        self.there = ("nsenter", f"--net={self.neighbour.namespace}")

    def serve_here(self) -> None:
        self.serve("--listen", "all")

    def serve_there(self, path: str = EPMD, listen: str = "all", **options) -> None:
        self.serve(*(("--listen", listen) if path == EPMD else ()), path=path, wrapper=self.there, **{"address": THEIRS, **options})

    def vm_here(self, *flags: str, kind: type[Vm] = Erl, cookie: str = COOKIE) -> Vm:
        return self.vm(kind, "--name" if kind is Iex else "-name", HERE, *flags, cookie=cookie).started()

    def vm_there(self, *flags: str, kind: type[Vm] = Iex, cookie: str = COOKIE) -> Vm:
        return self.vm(kind, "--name" if kind is Iex else "-name", THERE, *flags, cookie=cookie, wrapper=self.there).started()

    def ask_as_a_stranger(self, cause: str, *words: str, **options):
        """As on two machines, where neither sees the other's processes."""
        return self.check_cause(cause, *words, wrapper=machine.without_processes(), **options)

    def test_all_is_well(self) -> None:
        for path in (EPMD, STOCK):
            with self.subTest(path):
                self.serve_here()
                self.serve_there(path)
                here, there = self.vm_here(), self.vm_there()
                given = ("--cookie-file", str(here.home / ".erlang.cookie"))
                hidden = machine.without_processes()
                self.check_connects(*given, HERE, THERE, wrapper=hidden)
                found = self.check_not_known(*given, THERE, HERE, saying=f"no process of {THERE} is seen", wrapper=hidden)
                self.assertNotIn("bad", [result for _, result, _ in found.steps])
                self.assertTrue(here.connect(THERE))
                here.stop(), there.stop()
                for daemon in self.daemons_:
                    daemon.stop()

    def test_no_epmd_there(self) -> None:
        self.serve_here()
        here = self.vm_here()
        self.assertFalse(here.connect(THERE))
        found = self.ask_as_a_stranger("no_epmd", HERE, THERE, saying=(f"{THEIRS}:4369", f"on {THEIRS}: epmd -names"))
        self.assertEqual(found.status, 3)

    def test_ours_there_serves_its_own_machine_only(self) -> None:
        """As it is packaged."""
        self.serve_here()
        with self.neighbour.over_there():
            self.serve_there(listen="loopback", address="127.0.0.1")
        here = self.vm_here()
        self.ask_as_a_stranger("epmd_silent", HERE, THERE, saying=(f"{THEIRS}:4369", "listen = all"))
        here.stop()

    def test_the_other_host_is_down(self) -> None:
        self.serve_here()
        self.vm_here()
        found = self.ask_doctor(HERE, "idfe@10.77.0.9", wrapper=machine.without_processes())
        self.assertIn(found.cause, ("epmd_silent", "no_epmd"))

    def test_the_node_is_not_there(self) -> None:
        for path in (EPMD, STOCK):
            with self.subTest(path):
                self.serve_here()
                self.serve_there(path)
                here, there = self.vm_here(), self.vm_there()
                self.assertFalse(here.connect(f"idef@{THEIRS}"))
                self.ask_as_a_stranger("not_running", HERE, f"idef@{THEIRS}", saying=(f"did you mean: {THERE}",))
                self.ask_as_a_stranger("not_running", HERE, f"blog@{THEIRS}", saying=("Registered there: idfe",))
                here.stop(), there.stop()
                for daemon in self.daemons_:
                    daemon.stop()

    def test_who_dials_from_a_loopback_address_reaches_no_other_machine(self) -> None:
        """As a node does that was started by `epmdctl exec`."""
        self.serve_here()
        self.serve_there()
        dial = ("-kernel", "inet_dist_connect_options", "[{ifaddr,{127,0,0,2}}]")
        here = self.vm(Erl, "-name", "idfe@127.0.0.2", *dial, cookie=COOKIE).started()
        there = self.vm_there()
        self.assertFalse(here.connect(THERE))
        self.check_cause(
            "dials_from_loopback", "idfe@127.0.0.2", THERE, saying=(f"pid {here.pid}", "127.0.0.2", "epmdctl exec --dial-from-anywhere")
        )
        self.assertEqual(there.nodes(), set())
        # Before it is started, in a shell that has been made for the host by `eval "$(epmdctl exec --print lowry)"`.
        shell = {"ERL_AFLAGS": "-kernel inet_dist_use_interface {127,0,0,2} -kernel inet_dist_connect_options [{ifaddr,{127,0,0,2}}]"}
        self.check_cause("dials_from_loopback", THERE, saying=("127.0.0.2", "--dial-from-anywhere"), extra=shell)

    def test_cookies_that_differ(self) -> None:
        self.serve_here()
        self.serve_there(STOCK)
        here, there = self.vm_here(), self.vm_there(cookie="another")
        self.assertFalse(here.connect(THERE))
        given = ("--cookie-file", str(here.home / ".erlang.cookie"))
        eventually(lambda: there.said.count("Invalid challenge reply") == 1, "the line of the VM that tried")
        self.ask_as_a_stranger("cookies_differ", *given, HERE, THERE, may_be_well=True, saying=(f"default cookie of {THERE}",))
        eventually(lambda: there.said.count("Invalid challenge reply") == 2, "one more")

    def test_the_port_is_bound_to_its_loopback(self) -> None:
        self.serve_here()
        self.serve_there()
        here = self.vm_here()
        there = self.vm_there("-kernel", "inet_dist_use_interface", "{127,0,0,1}", kind=Erl)
        self.assertFalse(here.connect(THERE))
        self.ask_as_a_stranger("port_refuses", HERE, THERE, saying=("Connection refused", f"on {THEIRS}: ss -ltnp"))
        self.assertEqual(there.nodes(), set())

    def test_a_node_in_another_network_namespace_is_told_to_be_there(self) -> None:
        self.serve_here()
        self.serve_there()
        there = self.vm_there()
        self.check_cause("other_network", THERE, HERE, saying=(f"nsenter -t {there.pid} -n",))
