"""Nodes that no flag names: they are placed by their own word, which the daemon asks for by a distribution handshake."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import ask
import foreign
import machine
from case import Case, ServedCase
from placed import ELSEWHERE, Placed
from vm import Erl, Iex, Vm, eventually

COOKIE = "a_shared_cookie"


class ByItsOwnWord(Placed, ServedCase):
    def check_by_handshake(self, address: str, vm: Vm, alive_name: str = "idfe") -> None:
        self.check_lives_only_at(address, vm, alive_name)
        self.assertEqual(len(self.daemon.lines_with("by handshake")), 1, self.daemon.log())

    def test_a_short_name(self) -> None:
        vm = self.vm(Erl).started()
        vm.start_node("idfe@lowry")
        self.check_by_handshake("127.0.0.2", vm)

    def test_a_long_name(self) -> None:
        vm = self.vm(Erl).started()
        vm.start_node("idfe@lowry.example.test", "longnames")
        self.check_by_handshake("127.0.0.2", vm)

    def test_a_literal_address(self) -> None:
        vm = self.vm(Erl).started()
        vm.start_node("idfe@127.0.0.3", "longnames")
        self.check_by_handshake("127.0.0.3", vm)

    def test_a_name_without_a_host_is_the_machines(self) -> None:
        vm = self.vm(Erl).started()
        vm.start_node("idfe")
        self.check_by_handshake("127.0.0.1", vm)

    def test_a_hidden_node(self) -> None:
        vm = self.vm(Erl, "-hidden").started()
        vm.start_node("idfe@lowry")
        self.check_by_handshake("127.0.0.2", vm)

    def test_node_start_in_elixir(self) -> None:
        for name, style, address in (("idfe@lowry", "shortnames", "127.0.0.2"), ("idfe@indecline.example.test", "longnames", "127.0.0.3")):
            with self.subTest(name):
                vm = self.vm(Iex).started()
                vm.start_node(name, style)
                self.check_lives_only_at(address, vm)
                vm.kill()
                eventually(lambda: ask.names(address) == {}, "the killed node is listed no more")

    def test_a_node_that_speaks_ipv6_only(self) -> None:
        vm = self.vm(Erl, "-proto_dist", "inet6_tcp").started()
        machine.write_hosts(machine.HOSTS + "::1 lowry\n")  # a VM looks its own host up in its own family
        vm.start_node("idfe@lowry")
        self.check_by_handshake("127.0.0.2", vm)

    def test_an_upper_case_host_part(self) -> None:
        vm = self.vm(Erl).started()
        vm.start_node("idfe@LOWRY")
        self.check_by_handshake("127.0.0.2", vm)

    def test_two_namesakes_connect(self) -> None:
        lowry, indecline = (self.vm(kind, cookie=COOKIE) for kind in (Erl, Iex))
        for vm, name in ((lowry, "idfe@lowry"), (indecline, "idfe@indecline")):
            vm.started().start_node(name)
        self.assertTrue(lowry.connect("idfe@indecline"))
        self.assertEqual(indecline.node_by_rpc("idfe@lowry"), "idfe@lowry")

    def test_a_node_that_is_stopped_and_started_under_another_name_moves(self) -> None:
        vm = self.vm(Erl).started()
        for name, address in (("idfe@lowry", "127.0.0.2"), ("idfe@indecline", "127.0.0.3"), ("other@lowry", "127.0.0.2"), ("idfe", "127.0.0.1")):
            vm.start_node(name)
            self.check_lives_only_at(address, vm, name.partition("@")[0])
            vm.evaluate("net_kernel:stop()")
            eventually(lambda: ask.names(address) == {}, "the stopped node is listed no more")

    def test_its_name_is_in_the_log(self) -> None:
        vm = self.vm(Erl).started()
        vm.start_node("idfe@lowry")
        self.check_lives_only_at("127.0.0.2", vm)
        (line,) = self.daemon.lines_with("by handshake")
        self.assertIn(f"'idfe@lowry' on port {vm.distribution_port()}, pid {vm.pid} ('beam.smp') is at 127.0.0.2, by handshake", line)


class Nobody(ServedCase):
    """What the asked node sees of being asked: nothing."""

    def ask_again(self, vm: Erl) -> None:
        """Have the daemon ask the node once more: on behalf of another registration of its port, of another name."""
        told = len(self.daemon.lines_with("it calls itself 'idfe@lowry'"))
        with ask.register("see", vm.distribution_port()) as held:
            self.assertEqual(held.result, 0)
            eventually(lambda: len(self.daemon.lines_with("it calls itself 'idfe@lowry'")) > told, "the node has said its name")

    def test_an_asked_node_has_no_new_atom_no_event_no_connection_and_says_nothing(self) -> None:
        vm = self.vm(Erl, "-kernel", "logger_level", "debug").started()
        vm.start_node("idfe@lowry")
        eventually(lambda: self.daemon.lines_with("by handshake"), "it is placed by its own word")
        vm.evaluate("net_kernel:monitor_nodes(true, [{node_type, all}, nodedown_reason])")
        vm.evaluate("erlang:system_info(atom_count) + length(nodes(known))")  # so that nothing is loaded later
        said = len(vm.said)
        atoms = vm.evaluate("erlang:system_info(atom_count)")
        for _ in range(10):
            self.ask_again(vm)
        self.assertEqual(vm.evaluate("erlang:system_info(atom_count)"), atoms)
        self.assertEqual(vm.evaluate("nodes([connected, hidden, visible])"), "[]")
        self.assertEqual(vm.evaluate("process_info(self(), messages)"), "{messages,[]}")
        self.assertLessEqual(set(re.findall(r"[\w@]+", vm.evaluate("nodes(known)"))), {"nonode@nohost", "idfe@lowry"})
        printed = re.sub(r"<<\d+:returned:.*?:\d+>>|\(idfe@lowry\)\d+>|\bok\b|\s", "", vm.said[said:])
        self.assertEqual(printed, "", vm.said[said:])

    def test_a_node_that_allows_only_some_says_so_in_its_log_and_is_unplaced(self) -> None:
        vm = self.vm(Erl).started()
        vm.start_node("first@lowry")
        eventually(lambda: self.daemon.lines_with("by handshake"), "it is placed before it is choosy")
        self.assertEqual(vm.evaluate("net_kernel:allow(['friend@lowry'])"), "ok")
        port = vm.distribution_port()
        with ask.register("other", port, source="127.0.0.1") as held:  # a registration of this process: not the VM's
            self.assertEqual(held.result, 0)
            eventually(lambda: self.daemon.lines_with("answers not_allowed"), "the refusal is told")
        (line,) = self.daemon.lines_with("answers not_allowed")
        self.assertIn("nothing says to which host it belongs (asked for its name, it answers not_allowed)", line)
        eventually(lambda: "nonode@nohost" in vm.said, "the choosy node logs who was there")


class LeftInPeace(ServedCase):
    """Who is not asked: for these a connection that ends early would be a fault, or a line in a log."""

    def check_not_asked(self, **registered) -> None:
        with foreign.Listener() as listener, ask.register("see", listener.port, **registered) as held:
            self.assertEqual(held.result, 0)
            eventually(lambda: self.daemon.lines_with("'see' on port"), "the node is unplaced")
            self.assertEqual(len(self.daemon.lines_with("is unplaced")), 1)
            self.assertFalse(listener.was_visited())

    def test_c_nodes(self) -> None:
        self.check_not_asked(node_type=104)

    def test_java_nodes(self) -> None:
        self.check_not_asked(node_type=110)

    def test_what_the_document_calls_hidden_nodes(self) -> None:
        self.check_not_asked(node_type=72)

    def check_accepts(self, vm: Vm, registered: str, node_name: str) -> None:
        for _ in range(2):
            vm.evaluate(f"{{{registered}, '{node_name}'}} ! {{self(), {{hello, 1}}}}")
            self.assertEqual(vm.evaluate("receive Message -> Message after 5000 -> nothing end"), "{hello,1}")
            vm.disconnect(node_name)

    def test_a_c_node_accepts_connections_afterwards(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry", cookie=COOKIE).started()
        with foreign.ForeignNode([*foreign.c_node(), "see", "indecline", "127.0.0.3", COOKIE, "0.0.0.0"]):
            eventually(lambda: self.daemon.lines_with("'see' on port"), "the node is unplaced")
            self.check_accepts(vm, "any", "see@indecline")

    def test_a_java_node_accepts_connections_afterwards(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry", cookie=COOKIE).started()
        with foreign.ForeignNode([*foreign.java_node(), "jay@indecline", COOKIE]):
            eventually(lambda: self.daemon.lines_with("'jay' on port"), "the node is unplaced")
            vm.evaluate("{echo, 'jay@indecline'} ! {self(), {hello, 1}}")
            self.assertEqual(vm.evaluate("receive Message -> Message after 5000 -> nothing end"), "{hello,1}")

    def test_a_vm_that_speaks_tls(self) -> None:
        vm = self.vm(Erl, *foreign.tls_flags()).started()
        vm.start_node("idfe@lowry")
        eventually(lambda: self.daemon.lines_with("'idfe' on port"), "the node is unplaced")
        (line,) = self.daemon.lines_with("'idfe' on port")
        self.assertTrue(line.endswith("is unplaced, so visible at every host: nothing says to which host it belongs"), line)
        self.assertEqual(ask.lookup("127.0.0.2", "idfe"), vm.distribution_port())
        self.assertNotIn("NOTICE", vm.said)

    def test_a_listener_of_another_user(self) -> None:
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        program = "import os,socket,sys; os.setuid(65534); s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); sys.stdin.read(); s.setblocking(False)\ntry:\n s.accept(); print('visited')\nexcept BlockingIOError: print('in peace')"
        with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            port = int(other.stdout.readline())
            with ask.register("see", port) as held:
                self.assertEqual(held.result, 0)
                eventually(lambda: self.daemon.lines_with("'see' on port"), "the node is unplaced")
            self.assertEqual(other.communicate(timeout=10)[0].strip(), "in peace")


class WhoSaysNothing(ServedCase):
    def unplaced_line(self, seconds: float = 5.0) -> str:
        eventually(lambda: self.daemon.lines_with("'see' on port"), "the node is unplaced", seconds)
        (line,) = self.daemon.lines_with("'see' on port")
        return line

    def test_a_silent_node_is_given_up_after_two_seconds_and_is_visible_everywhere(self) -> None:
        with foreign.Listener() as listener, ask.register("see", listener.port) as held:
            self.assertEqual(held.result, 0)
            began = time.monotonic()
            self.assertEqual(ask.lookup("127.0.0.2", "see"), None)  # waits for half a second, and not for two
            self.assertLess(time.monotonic() - began, 1.5)
            self.assertIn("(asked for its name, it says nothing)", self.unplaced_line())
            self.assertTrue(listener.was_visited())
            for address in ("127.0.0.1", "127.0.0.2", ELSEWHERE):
                self.assertEqual(ask.lookup(address, "see"), listener.port)

    def answer(self, *messages: bytes) -> str:
        """What the daemon says of a node that answers so, and then closes."""
        with foreign.Listener() as listener, ask.register("see", listener.port) as held:
            self.assertEqual(held.result, 0)
            connection, _ = listener.socket.accept()
            with connection:
                connection.settimeout(5)
                self.assertEqual(connection.recv(100), bytes.fromhex("001c4e0000000407070f9400000000000d") + b"nonode@nohost")
                connection.sendall(b"".join(ask.frame(one) for one in messages))
            return self.unplaced_line()

    def challenge(self, name: bytes) -> bytes:
        return b"N" + bytes(16) + len(name).to_bytes(2, "big") + name

    def test_a_node_that_says_another_name_is_unplaced(self) -> None:
        self.assertIn("(asked for its name, it calls itself 'idfe@lowry')", self.answer(b"sok", self.challenge(b"idfe@lowry")))

    def test_a_node_that_talks_nonsense_is_unplaced(self) -> None:
        self.assertIn("(asked for its name, it gives an answer that is not understood)", self.answer(b"GET / HTTP/1.0"))

    def test_a_name_with_a_newline_forges_no_line_of_the_log(self) -> None:
        self.assertIn("not understood", self.answer(b"sok", self.challenge(b"see@lowry\nforged")))

    def test_a_port_where_nobody_listens_any_more_is_not_dialled(self) -> None:
        with foreign.Listener() as gone:
            port = gone.port
        with ask.register("see", port) as held:
            self.assertEqual(held.result, 0)
            self.assertIn("(nothing of its user listens on its port)", self.unplaced_line())


class Switch(Case):
    """`probe = no`: nobody is asked."""

    def test_without_probing_a_node_named_at_run_time_is_unplaced(self) -> None:
        daemon = self.serve("--probe", "no")
        vm = self.vm(Erl).started()
        vm.start_node("idfe@lowry")
        for address in ("127.0.0.1", "127.0.0.2", ELSEWHERE):
            self.assertEqual(ask.lookup(address, "idfe"), vm.distribution_port())
        self.assertEqual(daemon.lines_with("by handshake"), [])

    def test_a_reload_changes_it_for_the_nodes_that_come(self) -> None:
        file = self.file("loopmd.conf", "probe = no\n")
        daemon = self.serve("--config", str(file))
        vm = self.vm(Erl).started()
        vm.start_node("idfe@lowry")
        self.assertEqual(ask.lookup(ELSEWHERE, "idfe"), vm.distribution_port())
        file.write_text("probe = yes\n")
        daemon.hang_up()
        self.assertEqual(ask.lookup(ELSEWHERE, "idfe"), vm.distribution_port())  # once a registration, not again
        vm.evaluate("net_kernel:stop()")
        vm.start_node("idfe@lowry")
        self.assertEqual(ask.lookup("127.0.0.2", "idfe"), vm.distribution_port())
        self.assertIsNone(ask.lookup(ELSEWHERE, "idfe"))


class ComesBack(Placed, ServedCase):
    """A node whose connection to the daemon is lost registers anew after 2 s, and stays where it was."""

    def lose(self, vm: Erl, address: str) -> None:
        vm.lose_epmd()
        eventually(lambda: ask.lookup(address, "idfe") is None, "its registration ended")
        eventually(lambda: ask.lookup(address, "idfe") == vm.distribution_port(), "it has come back", 10)

    def test_where_it_was_by_its_own_word_without_being_asked_again(self) -> None:
        vm = self.vm(Erl).started()
        vm.start_node("idfe@lowry")
        self.check_lives_only_at("127.0.0.2", vm)
        vm.evaluate("net_kernel:allow(['friend@lowry'])")  # from now on it would not say
        self.lose(vm, "127.0.0.2")
        self.check_lives_only_at("127.0.0.2", vm)
        self.assertNotIn("nonode@nohost", vm.said)

    def test_beside_the_machines_node_of_its_name(self) -> None:
        vm = self.vm(Erl).started()
        vm.start_node("idfe@lowry")
        self.assertEqual(ask.lookup("127.0.0.2", "idfe"), vm.distribution_port())
        self.vm(Erl, "-sname", "idfe").started()
        self.lose(vm, "127.0.0.2")
        self.assertEqual(self.daemon.lines_with("refused"), [])

    def test_when_the_daemon_is_another_and_does_not_know_it(self) -> None:
        """Two that only their own word places, and the machine's: whoever comes first, each ends at its own host."""
        vms = {address: self.vm(Erl).started() for address in ("127.0.0.2", "127.0.0.3")}
        for vm, name in zip(vms.values(), ("idfe@lowry", "idfe@indecline")):
            vm.start_node(name)
        vms["127.0.0.1"] = self.vm(Erl, "-sname", "idfe").started()
        self.daemon.stop()
        self.daemon = self.serve(*self.flags)
        for address, vm in vms.items():
            eventually(lambda: ask.lookup(address, "idfe") == vm.distribution_port(), f"the one of {address} is back", 15)
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})
        self.assertLessEqual(len(self.daemon.lines_with("refused")), 2, self.daemon.log())

