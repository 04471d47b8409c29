"""Clients other than a plain VM: erl_call, C nodes, Java nodes, distribution over IPv6 and over TLS, and `epmd -names` of both kinds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import ask
import foreign
import machine
from case import ServedCase
from daemon import STOCK, call
from vm import Erl, Iex, Vm, eventually

COOKIE = "a_shared_cookie"


class ErlCall(ServedCase):
    def ask_node(self, node_name: str, *flags: str) -> str:
        program = shutil.which("erl_call") or str(Path(STOCK).parent / "erl_call")
        words = [program, *flags, node_name, "-c", COOKIE, "-a", "erlang node"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=foreign.environment(), timeout=20)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.strip("'\n")

    def test_it_reaches_each_of_two_namesakes(self) -> None:
        vms = [self.vm(Erl, "-sname", f"idfe@{host}", cookie=COOKIE) for host in ("lowry", "indecline")]
        for vm in vms:
            vm.started()
        for host in ("lowry", "indecline"):
            self.assertEqual(self.ask_node(f"idfe@{host}", "-sname"), f"idfe@{host}")

    def test_it_reaches_a_long_name(self) -> None:
        self.vm(Iex, "--name", "idfe@lowry.example.test", cookie=COOKIE).started()
        self.assertEqual(self.ask_node("idfe@lowry.example.test", "-name"), "idfe@lowry.example.test")


class Foreign(ServedCase):
    """Both directions, with a VM at a host; nothing says where a C or Java node belongs, so it is visible at every host."""

    def check_echo(self, vm: Vm, registered: str, node_name: str) -> None:
        vm.evaluate(f"{{{registered}, '{node_name}'}} ! {{self(), {{hello, 1}}}}")
        self.assertEqual(vm.evaluate("receive Message -> Message after 5000 -> nothing end"), "{hello,1}")
        self.assertIn(f"'{node_name}'" if "-" in node_name else node_name, vm.evaluate("nodes(connected)"))

    def lowry(self, alive_name: str = "idfe") -> Vm:
        return self.vm(Erl, "-sname", f"{alive_name}@lowry", cookie=COOKIE).started()

    def test_a_c_node_is_found_and_answers(self) -> None:
        vm = self.lowry()
        command = [*foreign.c_node(), "see", "indecline", "127.0.0.3", COOKIE, "0.0.0.0"]
        with foreign.ForeignNode(command) as node:
            for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
                self.assertEqual(ask.lookup(address, "see"), node.port, address)
            self.check_echo(vm, "any", "see@indecline")
            vm.disconnect("see@indecline")
            self.check_echo(vm, "any", "see@indecline")  # its accept loop still works
        eventually(lambda: ask.lookup("127.0.0.3", "see") is None, "its name is gone")

    def test_a_c_node_that_listens_at_a_hosts_address_lives_there(self) -> None:
        vm = self.lowry()
        command = [*foreign.c_node(), "idfe", "indecline", "127.0.0.3", COOKIE, "127.0.0.3"]
        with foreign.ForeignNode(command) as node:
            self.assertEqual(ask.names("127.0.0.3"), {"idfe": node.port})
            self.assertEqual(ask.names("127.0.0.2"), {"idfe": vm.distribution_port()})
            self.check_echo(vm, "any", "idfe@indecline")

    def test_a_c_node_connects_to_a_vm(self) -> None:
        self.lowry()
        command = [*foreign.c_node(), "see", "indecline", "127.0.0.3", COOKIE, "0.0.0.0", "idfe@lowry"]
        self.assertEqual(foreign.answer(command), "idfe@lowry")

    def test_a_java_node_is_found_and_answers(self) -> None:
        vm = self.lowry()
        with foreign.ForeignNode([*foreign.java_node(), "jay@indecline", COOKIE]) as node:
            for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
                self.assertEqual(ask.lookup(address, "jay"), node.port, address)
            self.check_echo(vm, "echo", "jay@indecline")
            vm.disconnect("jay@indecline")
            # Another asks: jinterface may go on answering the same one on the connection that has ended.
            self.check_echo(self.lowry("other"), "echo", "jay@indecline")
        eventually(lambda: ask.lookup("127.0.0.3", "jay") is None, "its name is gone")

    def test_a_java_node_connects_to_a_vm(self) -> None:
        self.lowry()
        self.assertEqual(foreign.answer([*foreign.java_node(), "jay@indecline", COOKIE, "idfe@lowry"]), "idfe@lowry")

    def test_a_name_that_a_vm_has_is_refused(self) -> None:
        expected = {"idfe": self.vm(Erl, "-sname", "idfe", cookie=COOKIE).started().distribution_port()}
        with self.assertRaisesRegex(AssertionError, "ei_publish failed"):
            foreign.ForeignNode([*foreign.c_node(), "idfe", "workshop", "127.0.1.1", COOKIE, "0.0.0.0"])
        self.assertEqual(ask.names("127.0.0.1"), expected)
        # A Java node goes on although it was refused, with stock as with ours.
        with foreign.ForeignNode([*foreign.java_node(), "idfe@workshop", COOKIE]):
            self.assertEqual(ask.names("127.0.0.1"), expected)


class OverIpv6(ServedCase):
    hosts = machine.HOSTS + "fd78::2 lowry6.example.test lowry6\nfd78::3 indecline6.example.test indecline6\n"

    def setUp(self) -> None:
        if not machine.has_ipv6():
            self.skipTest("no IPv6 here")
        for address in ("fd78::2/128", "fd78::3/128"):
            subprocess.run(["ip", "addr", "add", address, "dev", "lo", "nodad"], check=True)
            self.addCleanup(subprocess.run, ["ip", "addr", "del", address, "dev", "lo"], check=True)
        super().setUp()

    def check(self, flag: str, names: tuple[str, str]) -> None:
        vms = [self.vm(Erl, "-proto_dist", "inet6_tcp", flag, name, cookie=COOKIE) for name in names]
        for vm, name, address in zip(vms, names, ("fd78::2", "fd78::3")):
            vm.started()
            self.assertEqual(vm.node(), name)
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})
        self.assertTrue(vms[0].connect(names[1]))
        self.assertEqual(vms[1].node_by_rpc(names[0]), names[0])

    def test_short_names(self) -> None:
        self.check("-sname", ("idfe@lowry6", "idfe@indecline6"))

    def test_long_names(self) -> None:
        self.check("-name", ("idfe@lowry6.example.test", "idfe@indecline6.example.test"))

    def test_on_the_machine(self) -> None:
        machine.write_hosts(self.hosts + "::1 workshop\n")
        vm = self.vm(Erl, "-proto_dist", "inet6_tcp", "-sname", "idfe", cookie=COOKIE).started()
        self.assertEqual(vm.names("workshop"), {"idfe": vm.distribution_port()})
        for address in ("::1", "127.0.0.1"):
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()}, address)


class OverTls(ServedCase):
    def test_two_namesakes_connect(self) -> None:
        flags = foreign.tls_flags()
        vms = [self.vm(Erl, *flags, "-sname", f"idfe@{host}", cookie=COOKIE) for host in ("lowry", "indecline")]
        for vm, address in zip(vms, ("127.0.0.2", "127.0.0.3")):
            vm.started()
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})
        self.assertTrue(vms[0].connect("idfe@indecline"))
        self.assertEqual(vms[1].node_by_rpc("idfe@lowry"), "idfe@lowry")
        self.assertEqual(vms[0].said.count("error") + vms[1].said.count("error"), 0)


class NamesOfEveryHost(ServedCase):
    """Our `epmd -names` adds the hosts that have nodes; Erlang's own, and VMs, see stock's list."""

    def stock_names(self) -> str:
        done = subprocess.run([STOCK, "-names"], capture_output=True, text=True, timeout=10)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_the_machine_first_and_then_each_host_under_a_line_of_its_own(self) -> None:
        head = "epmd: up and running on port 4369 with data:\n"
        at_home = self.vm(Erl, "-sname", "blog").started()
        blog = f"name blog at port {at_home.distribution_port()}\n"
        self.assertEqual(ask.lookup("127.0.0.2", "blog"), None)  # waits until it is placed
        self.assertEqual((call("-names").stdout, self.stock_names()), (head + blog, head + blog))
        lowry = self.vm(Erl, "-sname", "idfe@lowry").started()
        literal = self.vm(Iex, "--name", "idfe@127.0.0.52").started()
        for address, vm in (("127.0.0.2", lowry), ("127.0.0.52", literal)):
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})
        told = call("-names")
        self.assertEqual(told.returncode, 0)
        at_lowry = f"host lowry at 127.0.0.2\nname idfe at port {lowry.distribution_port()}\n"
        at_literal = f"host 127.0.0.52\nname idfe at port {literal.distribution_port()}\n"
        self.assertEqual(told.stdout, head + blog + at_lowry + at_literal)
        self.assertEqual(self.stock_names(), head + blog)
        self.assertEqual(at_home.names("workshop"), {"blog": at_home.distribution_port()})
