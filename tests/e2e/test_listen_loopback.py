"""Who is answered: with `listen = loopback` this machine only, at all of its addresses; with `all` also a neighbour."""

from __future__ import annotations

import ask
import machine
from case import Case
from neighbour import OURS, OURS_V6, Neighbour
from vm import Erl, eventually

NO_ANSWER_SECONDS = 1.5  # a SYN that is dropped is sent again after 1 s: two of them are seen to be lost


class Listen(Case):
    def setUp(self) -> None:
        super().setUp()
        self.ipv6 = machine.has_ipv6()
        self.neighbour = self.enterContext(Neighbour(self.ipv6))

    def check_that_the_neighbour_gets_no_answer(self, address: str = OURS) -> None:
        """Neither a connection nor a reset."""
        with self.neighbour.over_there(), self.assertRaises(TimeoutError):
            ask.dial(address, seconds=NO_ANSWER_SECONDS).close()

    def check_that_this_machine_is_answered(self) -> None:
        """At every address of its own, for registrations too."""
        for address in ["127.0.0.1", "127.0.0.2", "127.1.2.3", OURS, *(["::1", OURS_V6] if self.ipv6 else [])]:
            with self.subTest(address), ask.register("probe", 40001, to=address) as held:
                self.assertEqual(held.result, 0)
                self.assertEqual(ask.lookup(address, "probe"), 40001)

    def check_that_the_neighbour_may_only_ask(self, address: str = OURS) -> None:
        with ask.register("idfe", 40002) as held:
            self.assertEqual(held.result, 0)
            with self.neighbour.over_there():
                self.assertEqual(ask.lookup(address, "idfe"), 40002)
                self.assertEqual(ask.names(address), {"idfe": 40002})
                with self.assertRaises((EOFError, ConnectionResetError)):
                    ask.register("intruder", 40003, to=address)
                self.assertEqual(ask.kill(address), b"")
            self.assertEqual(ask.names("127.0.0.1"), {"idfe": 40002})

    def test_with_loopback_a_neighbour_gets_no_answer_and_this_machine_is_served(self) -> None:
        self.serve("--listen", "loopback")
        self.check_that_the_neighbour_gets_no_answer()
        self.check_that_this_machine_is_answered()

    def test_with_loopback_a_neighbour_gets_no_answer_over_ipv6_either(self) -> None:
        if not self.ipv6:
            self.skipTest("no IPv6 here")
        self.serve("--listen", "loopback")
        self.check_that_the_neighbour_gets_no_answer(OURS_V6)

    def test_with_all_a_neighbour_may_look_up_but_not_register_nor_kill(self) -> None:
        self.serve("--listen", "all")
        self.check_that_the_neighbour_may_only_ask()
        self.check_that_this_machine_is_answered()
        if self.ipv6:
            self.check_that_the_neighbour_may_only_ask(OURS_V6)

    def test_without_flags_it_listens_where_stock_would(self) -> None:
        self.serve()
        self.check_that_the_neighbour_may_only_ask()

    def test_with_loopback_vms_find_each_other_also_where_the_hostname_is_the_networks_address(self) -> None:
        machine.write_hosts(machine.HOSTS.replace("127.0.1.1 ", f"{OURS} "))
        self.serve("--listen", "loopback")
        at_home = self.vm(Erl, "-sname", "idfe")
        at_lowry = self.vm(Erl, "-sname", "idfe@lowry")
        at_home.started().set_cookie("idfe@lowry", "a_third_cookie")
        at_lowry.started().set_cookie("idfe@workshop", "a_third_cookie")
        for address in ("127.0.0.1", OURS):
            self.assertEqual(ask.names(address), {"idfe": at_home.distribution_port()}, address)
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": at_lowry.distribution_port()})
        self.assertTrue(at_lowry.connect("idfe@workshop"))
        self.assertEqual(at_home.node_by_rpc("idfe@lowry"), "idfe@lowry")

    def test_a_reload_changes_who_is_answered_and_keeps_what_is_registered(self) -> None:
        config = self.file("loopmd.conf", "listen = loopback\n")
        daemon = self.serve("--config", str(config), "--log-level", "info")
        with ask.register("kept", 40004, to="127.0.0.2") as held:
            self.assertEqual(held.result, 0)
            self.check_that_the_neighbour_gets_no_answer()
            config.write_text("listen = all\n")
            daemon.hang_up()
            eventually(self.neighbour_is_answered, "the neighbour is answered after the reload")
            config.write_text("listen = loopback\n")
            daemon.hang_up()
            eventually(lambda: not self.neighbour_is_answered(), "the neighbour is shut out after the second reload")
            self.assertEqual(ask.lookup("127.0.0.2", "kept"), 40004)

    def neighbour_is_answered(self) -> bool:
        with self.neighbour.over_there():
            try:
                ask.dial(OURS, seconds=0.5).close()
                return True
            except TimeoutError:
                return False
