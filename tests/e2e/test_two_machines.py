"""Two machines on a cable, each with a daemon of its own: what crosses the network, and what must not."""

from __future__ import annotations

import ask
import machine
from case import Case
from daemon import EPMD, STOCK
from neighbour import OURS, THEIRS, Neighbour
from vm import Erl, Iex, Vm, eventually

COOKIE = "a_shared_cookie"


class TwoMachines(Case):
    def setUp(self) -> None:
        super().setUp()
        self.neighbour = self.enterContext(Neighbour(machine.has_ipv6()))
        self.there = ("nsenter", f"--net={self.neighbour.namespace}")

    def serve_both(self, here: str = EPMD, there: str = EPMD) -> None:
        for path, options in ((here, {}), (there, {"address": THEIRS, "wrapper": self.there})):
            self.serve(*(("--listen", "all") if path == EPMD else ()), path=path, **options)

    def node_here(self, kind: type[Vm] = Erl) -> Vm:
        return self.vm(kind, "--name" if kind is Iex else "-name", f"idfe@{OURS}", cookie=COOKIE)

    def node_there(self, kind: type[Vm] = Erl) -> Vm:
        return self.vm(kind, "--name" if kind is Iex else "-name", f"idfe@{THEIRS}", cookie=COOKIE, wrapper=self.there)

    def check_both_ways(self, here: Vm, there: Vm) -> None:
        for vm in (here, there):
            vm.started()
        self.assertEqual(ask.names(OURS), {"idfe": here.distribution_port()})
        self.assertEqual(ask.names(THEIRS), {"idfe": there.distribution_port()})
        self.assertEqual(there.names(OURS), {"idfe": here.distribution_port()})
        self.assertEqual(here.names(THEIRS), {"idfe": there.distribution_port()})
        self.assertTrue(here.connect(f"idfe@{THEIRS}"))
        eventually(lambda: there.nodes() == {f"idfe@{OURS}"}, "the other side is connected")
        here.disconnect(f"idfe@{THEIRS}")
        eventually(lambda: there.nodes() == set(), "they are apart again")
        self.assertTrue(there.connect(f"idfe@{OURS}"))
        self.assertEqual(here.node_by_rpc(f"idfe@{THEIRS}"), f"idfe@{THEIRS}")

    def test_nodes_of_one_name_connect_either_way(self) -> None:
        self.serve_both()
        self.check_both_ways(self.node_here(), self.node_there(Iex))

    def test_ours_here_and_erlangs_own_there(self) -> None:
        self.serve_both(there=STOCK)
        self.check_both_ways(self.node_here(), self.node_there())

    def test_erlangs_own_here_and_ours_there(self) -> None:
        self.serve_both(here=STOCK)
        self.check_both_ways(self.node_here(), self.node_there())

    def test_a_host_of_one_machine_is_not_seen_from_the_other(self) -> None:
        self.serve_both()
        lowry = self.vm(Erl, "-sname", "idfe@lowry", cookie=COOKIE).started()
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": lowry.distribution_port()})
        with self.neighbour.over_there():
            self.assertEqual(ask.names(OURS), {})
            self.assertIsNone(ask.lookup(OURS, "idfe"))
            self.assertEqual(ask.names("127.0.0.2"), {})  # its own

    def test_from_the_other_machine_one_may_ask_and_nothing_else(self) -> None:
        self.serve_both()
        here = self.node_here().started()
        with self.neighbour.over_there():
            self.assertEqual(ask.lookup(OURS, "idfe"), here.distribution_port())
            for name in ("idfe", "intruder"):
                with self.assertRaises((EOFError, ConnectionResetError)):
                    ask.register(name, 40003, to=OURS)
            self.assertEqual(ask.kill(OURS), b"")
        self.assertEqual(ask.names(OURS), {"idfe": here.distribution_port()})
