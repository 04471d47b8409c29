"""epmd --replace: the port and the nodes of a running epmd are taken over, while VMs run."""

from __future__ import annotations

import signal
import socket
import subprocess

import ask
from case import Case
from daemon import EPMD, STOCK, Daemon, call, environment
from listeners import owner_of_port
from lookups import Lookups
from vm import Erl, eventually

NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--")


class ReplaceCase(Case):
    def replacing(self, before: Daemon, *flags: str) -> Daemon:
        """Ours takes over from a running epmd. Started without a look whether the port is free."""
        daemon = self.enterContext(Daemon("--replace", *flags, is_alone=False))
        self.daemons_.append(daemon)
        eventually(lambda: daemon.lines_with("serves port"), "it serves", 10)
        self.assertIsNotNone(before.process.wait(10), "the one before has ended")
        return daemon


class OfStock(ReplaceCase):
    def setUp(self) -> None:
        super().setUp()
        self.stock = self.serve(path=STOCK)

    def test_nodes_are_found_all_the_time_and_become_real_ones(self) -> None:
        lowry = self.vm(Erl, "-sname", "a@lowry", cookie="c")
        plain = self.vm(Erl, "-sname", "b", cookie="c")
        named = self.vm(Erl, cookie="c")  # named at run time: only its own word says where it belongs
        for vm in (lowry, plain, named):
            vm.started()
        named.evaluate("net_kernel:start(['c@indecline', shortnames])")
        ports = {name: ask.names("127.0.0.1")[name] for name in "abc"}
        with Lookups("127.0.0.2", "a", ports["a"], spares_resets=True) as at_lowry, \
                Lookups("127.0.0.1", "b", ports["b"], spares_resets=True) as at_machine:
            daemon = self.replacing(self.stock)
            # At once, long before a VM knocks again.
            self.assertEqual(len(daemon.lines_with("adopts 3 nodes")), 1)
            eventually(lambda: ask.names("127.0.0.2") == {"a": ports["a"]} and ask.names("127.0.0.3") == {"c": ports["c"]}
                       and ask.names("127.0.0.1") == {"b": ports["b"]}, "each is at its host", 1.5)
            self.assertEqual(daemon.lines_with("has registered itself"), [])
            eventually(lambda: len(daemon.lines_with("has registered itself")) == 3, "they come back by themselves", 5)
        self.assertEqual(at_lowry.failures + at_machine.failures, [])
        eventually(lambda: ask.names("127.0.0.2") == {"a": ports["a"]} and ask.names("127.0.0.3") == {"c": ports["c"]}
                   and ask.names("127.0.0.1") == {"b": ports["b"]}, "they are where they were")
        self.assertEqual(lowry.evaluate("net_adm:ping(c@indecline)"), "pong")
        self.assertEqual(daemon.lines_with("refused"), [])
        lowry.kill()
        eventually(lambda: ask.names("127.0.0.2") == {}, "its connection keeps it from now on")

    def test_a_node_that_does_not_come_back_stays_while_its_port_is_listened_on(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with ask.register("old", port, node_type=ask.C_NODE):
                daemon = self.replacing(self.stock)
                self.assertEqual(ask.lookup("127.0.0.1", "old"), port)
            eventually(lambda: daemon.lines_with(", adopted,"), "it is marked so")
            self.assertEqual(ask.lookup("127.0.0.1", "old"), port)
            with ask.register("old", 7, node_type=ask.C_NODE) as other:
                self.assertEqual(other.result, 1)  # it lives
            daemon.send(signal.SIGUSR2)
            eventually(lambda: daemon.lines_with("goes on with 1 nodes"), "another process goes on with it")
            self.assertEqual(ask.lookup("127.0.0.1", "old"), port)
        eventually(lambda: ask.lookup("127.0.0.1", "old") is None, "it has gone with its listener")

    def test_a_name_whose_adopted_holder_has_gone_is_free_at_once(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, ask.register("old", listener.getsockname()[1], node_type=ask.C_NODE):
            self.replacing(self.stock)
        with ask.register("old", 7, node_type=ask.C_NODE) as other:
            self.assertEqual(other.result, 0)

    def test_with_other_addresses_the_port_is_free_for_a_moment(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, ask.register("old", listener.getsockname()[1], node_type=ask.C_NODE):
            self.replacing(self.stock, "-address", "127.0.0.5")
            self.assertEqual(ask.lookup("127.0.0.1", "old"), listener.getsockname()[1])
            self.assertTrue(ask.answers("127.0.0.5"))
            self.assertFalse(ask.answers("127.0.0.6"))

    def test_in_the_background(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, ask.register("old", listener.getsockname()[1], node_type=ask.C_NODE):
            ran = call("-daemon", "--replace")
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "", ""))
            self.assertNotEqual(owner_of_port(ask.EPMD_PORT), self.stock.pid)
            self.assertEqual(list(ask.names("127.0.0.1")), ["old"])
        eventually(lambda: ask.kill() == b"OK", "it ends", 6)
        eventually(lambda: not ask.answers("127.0.0.1"), "it has ended")

    def test_who_may_not_end_it_says_so_and_changes_nothing(self) -> None:
        with ask.register("old", 7, node_type=ask.C_NODE):
            ran = subprocess.run([*NOBODY, EPMD, "--replace"], capture_output=True, text=True, env=environment(), timeout=10)
            self.assertEqual(ran.returncode, 1)
            self.assertIn("run this as that user or as root", ran.stderr)
            self.assertIn("uid 0", ran.stderr)
            self.assertEqual((ask.names("127.0.0.1"), self.stock.process.poll()), ({"old": 7}, None))

    def test_the_port_can_be_freed_for_a_socket_unit(self) -> None:
        self.assertEqual(call("--free-port").returncode, 0)
        self.assertFalse(ask.answers("127.0.0.1"))
        self.assertEqual((call("--free-port").returncode, call("--free-port").stderr), (0, ""))


class OfOthers(ReplaceCase):
    def test_an_older_one_of_ours_gives_the_nodes_of_every_host(self) -> None:
        before = self.serve()
        listeners = [self.enterContext(socket.create_server((f"127.0.0.{number}", 0))) for number in (2, 3)]
        for number, listener in zip((2, 3), listeners):
            self.enterContext(ask.register("idfe", listener.getsockname()[1], to=f"127.0.0.{number}", node_type=ask.C_NODE))
        self.replacing(before)
        for number, listener in zip((2, 3), listeners):
            self.assertEqual(ask.lookup(f"127.0.0.{number}", "idfe"), listener.getsockname()[1])

    def test_who_is_no_epmd_is_left_in_peace(self) -> None:
        """Whatever it answers: it may forward the port to an epmd elsewhere."""
        script = "import socket; s = socket.create_server(('127.0.0.1', 4369)); print(flush=True)\nwhile True: s.accept()[0].close()"
        other = subprocess.Popen(["python3", "-c", script], stdout=subprocess.PIPE)
        self.addCleanup(other.stdout.close)
        self.addCleanup(other.wait, 10)
        self.addCleanup(other.kill)
        other.stdout.readline()
        for flag in ("--replace", "--free-port"):
            ran = call(flag)
            self.assertEqual(ran.returncode, 1)
            self.assertIn(f"pid {other.pid} (python3), is no epmd, and is left in peace", ran.stderr)
        self.assertIsNone(other.poll())
        other.kill()
        other.wait(10)

    def test_a_port_that_is_free_is_just_served(self) -> None:
        self.serve("--replace")
        self.assertEqual(ask.names("127.0.0.1"), {})
