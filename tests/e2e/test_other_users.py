"""VMs of other users than the daemon's: each way to place them, and another hostname, which only their own can tell."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import ask
import machine
from case import Case
from daemon import EPMD, SCRATCH, Daemon
from placed import Placed
from test_limits import AT_ONCE, PYTHON
from vm import Erl, Iex, Vm, eventually

PASSES_FOR_A_VM = """
import sys
open("/proc/self/comm", "w").write("beam.smp")
print("is there", flush=True)
sys.stdin.read()
"""
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
CAPABILITIES = "+sys_ptrace,+dac_read_search"
A_USER, ANOTHER_USER = 1001, 1002


class OtherUsers(Placed, Case):
    def setUp(self) -> None:
        super().setUp()
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")

    def serve_as_nobody(self, *flags: str, capable: bool = False) -> Daemon:
        program = SCRATCH / "epmd-for-everybody"
        if not program.exists():
            shutil.copy(EPMD, program)
            program.chmod(0o755)
        given = ("--inh-caps", CAPABILITIES, "--ambient-caps", CAPABILITIES) if capable else ("--inh-caps", "-all")
        self.daemon = self.serve(*flags, path=str(program), wrapper=(*NOBODY, *given, "--"))
        effective = [line for line in Path(f"/proc/{self.daemon.pid}/status").read_text().splitlines() if line.startswith("CapEff")]
        self.assertEqual(int(effective[0].split()[1], 16) != 0, capable)
        return self.daemon

    def check_placed(self, vm: Vm, address: str, how: str, *, is_seen: bool) -> None:
        """`is_seen`: whether the daemon knows which process it is."""
        self.assertEqual(ask.lookup(address, "idfe"), vm.distribution_port())
        self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})
        lines = [line for line in self.daemon.lines_with(f"on port {vm.distribution_port()}") if " is at " in line]
        owner = f"pid {vm.pid} ('beam.smp')" if is_seen else f"a process of uid {vm.uid}"
        self.assertEqual([line[line.index(owner) :] for line in lines if owner in line], [f"{owner} is at {address}, by {how}"], lines)


class WithCapabilities(OtherUsers):
    """CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH: all is as with one's own VMs."""

    def test_two_of_one_user_that_start_together_are_told_apart(self) -> None:
        self.serve_as_nobody(capable=True)
        lowry = self.vm(Erl, "-sname", "idfe@lowry", uid=A_USER)
        indecline = self.vm(Iex, "--sname", "idfe@indecline", uid=A_USER)
        for vm, address in ((lowry, "127.0.0.2"), (indecline, "127.0.0.3")):
            vm.started()
            self.check_placed(vm, address, "process", is_seen=True)

    def test_the_variable_of_another_user_is_read(self) -> None:
        self.serve_as_nobody("--probe", "no", capable=True)
        vm = self.vm(Erl, environment={"RABBITMQ_NODENAME": "idfe@lowry"}, uid=A_USER).started()
        vm.start_node("idfe@lowry")
        self.check_placed(vm, "127.0.0.2", "process", is_seen=True)

    def test_a_node_named_at_run_time_is_asked(self) -> None:
        self.serve_as_nobody(capable=True)
        vm = self.vm(Erl, uid=A_USER).started()
        vm.start_node("idfe@lowry")
        self.check_placed(vm, "127.0.0.2", "handshake", is_seen=True)


class WithoutCapabilities(OtherUsers):
    """As the packaged service runs."""

    def test_by_user_and_command_line(self) -> None:
        self.serve_as_nobody()
        lowry = self.vm(Erl, "-sname", "idfe@lowry", uid=A_USER).started()
        indecline = self.vm(Iex, "--sname", "idfe@indecline", uid=ANOTHER_USER).started()
        at_home = self.vm(Erl, "-sname", "idfe@lazarides").started()
        self.check_placed(lowry, "127.0.0.2", "process", is_seen=True)
        self.check_placed(indecline, "127.0.0.3", "process", is_seen=True)
        self.check_placed(at_home, "127.0.0.4", "process", is_seen=True)

    def test_the_second_of_one_user_by_leaving_out_the_first(self) -> None:
        self.serve_as_nobody()
        for name, address in (("idfe@lowry", "127.0.0.2"), ("idfe@indecline", "127.0.0.3")):
            self.check_placed(self.vm(Erl, "-sname", name, uid=A_USER).started(), address, "process", is_seen=True)

    def test_two_of_one_user_that_start_together_end_on_their_hosts(self) -> None:
        self.serve_as_nobody()
        vms = [self.vm(Erl, "-sname", f"idfe@{host}", uid=A_USER) for host in ("lowry", "indecline", "lazarides")]
        for vm, address in zip(vms, ("127.0.0.2", "127.0.0.3", "127.0.0.4")):
            vm.started()
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})
        self.assertEqual(ask.names("127.0.0.1"), {})

    def test_by_the_nodes_own_word(self) -> None:
        self.serve_as_nobody()
        lowry, indecline = self.vm(Erl, uid=A_USER).started(), self.vm(Iex, uid=A_USER).started()
        lowry.start_node("idfe@lowry")
        indecline.start_node("idfe@indecline")
        self.check_placed(lowry, "127.0.0.2", "handshake", is_seen=False)
        self.check_placed(indecline, "127.0.0.3", "handshake", is_seen=False)

    def test_a_nameless_vm_is_not_taken_for_one_that_has_the_name_on_its_command_line(self) -> None:
        """The one with the flag is registered elsewhere, so it is no namesake here."""
        self.serve_as_nobody()
        self.serve("-port", "4370", port=4370)
        self.vm(Erl, "-sname", "idfe@lowry", environment={"ERL_EPMD_PORT": "4370"}, uid=A_USER).started()
        vm = self.vm(Erl, uid=A_USER).started()
        vm.start_node("idfe@indecline")
        self.check_placed(vm, "127.0.0.3", "handshake", is_seen=False)
        self.assertIsNone(ask.lookup("127.0.0.2", "idfe"))

    def test_by_user_and_command_line_beside_a_vm_without_a_name_and_without_asking(self) -> None:
        self.serve_as_nobody("--probe", "no")
        self.vm(Erl, uid=A_USER).started()
        for name, address in (("idfe@lowry", "127.0.0.2"), ("idfe@indecline", "127.0.0.3")):
            vm = self.vm(Erl, "-sname", name, uid=A_USER).started()
            self.check_placed(vm, address, "process", is_seen=True)

    def test_a_variable_that_cannot_be_read_leaves_the_say_to_the_node(self) -> None:
        self.serve_as_nobody()
        vm = self.vm(Erl, environment={"RABBITMQ_NODENAME": "idfe@lowry"}, uid=A_USER).started()
        vm.start_node("idfe@lowry")
        self.check_placed(vm, "127.0.0.2", "handshake", is_seen=False)

    def test_a_listener_at_a_hosts_address(self) -> None:
        self.serve_as_nobody("--probe", "no")
        one_port = ("inet_dist_listen_min", "25672", "inet_dist_listen_max", "25672")
        for address in ("127.0.0.2", "127.0.0.3"):  # the second shares the port with the first
            interface = "{" + address.replace(".", ",") + "}"
            vm = self.vm(Erl, "-kernel", "inet_dist_use_interface", interface, *one_port, uid=A_USER).started()
            vm.start_node("idfe")
            self.assertEqual(ask.lookup(address, "idfe"), 25672)
            self.assertEqual(len(self.daemon.lines_with(f"is at {address}, by listener")), 1)

    def test_without_a_host_part_it_is_the_machines_by_its_own_word(self) -> None:
        self.serve_as_nobody()
        vm = self.vm(Erl, "-sname", "idfe", uid=A_USER).started()
        self.assertIsNone(ask.lookup("127.0.0.2", "idfe"))
        self.assertEqual(ask.names("127.0.0.1"), {"idfe": vm.distribution_port()})
        self.assertEqual(len(self.daemon.lines_with("is at this machine, by handshake")), 1, self.daemon.log())

    def test_without_a_host_part_it_is_the_machines_where_nobody_may_be_asked(self) -> None:
        self.serve_as_nobody("--probe", "no")
        vm = self.vm(Erl, "-sname", "idfe", uid=A_USER).started()
        self.check_lives_only_at("127.0.0.1", vm)


    def test_a_user_whose_nodes_take_long_to_place_keeps_no_other_waiting(self) -> None:
        """A hundred processes that pass for VMs, with a megabyte of command line each, and five hundred nodes that one of them may be."""
        self.serve_as_nobody()
        with contextlib.ExitStack() as stack:
            as_user = ["setpriv", "--reuid", str(A_USER), "--clear-groups"]
            long = [*as_user, PYTHON, "-c", PASSES_FOR_A_VM, *["-x " * 40000] * 8]
            crowd = [ask.registration_bytes(f"theirs{number}", 7000).hex() for number in range(500)]
            for words in [long] * 100 + [[*as_user, PYTHON, "-c", AT_ONCE, *crowd]]:
                clients = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
                stack.callback(clients.kill)
                self.assertNotEqual(clients.stdout.readline(), b"")
            vm = self.vm(Erl, "-sname", "idfe@lowry", uid=ANOTHER_USER).started()
            eventually(lambda: ask.lookup("127.0.0.2", "idfe") == vm.distribution_port(), "it is placed", seconds=4)
            (line,) = self.daemon.lines_with("'idfe@lowry' on port")
            self.assertTrue(line.endswith(" is at 127.0.0.2, by process"), line)


class AnotherHostname(Placed, Case):
    """In a UTS namespace the hostname is another, and `-sname idfe` means idfe@that."""

    def under(self, hostname: str, *flags: str, **options) -> Vm:
        wrapper = ("unshare", "--uts", "--", "sh", "-c", f'hostname {hostname} && exec "$@"', "sh")
        return self.vm(Erl, *flags, wrapper=wrapper, **options).started()

    def test_the_nodes_own_word_decides(self) -> None:
        daemon = self.serve()
        lowry, at_home = self.under("lowry", "-sname", "idfe"), self.vm(Erl, "-sname", "idfe").started()
        self.assertEqual((lowry.node(), at_home.node()), ("idfe@lowry", "idfe@workshop"))
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": lowry.distribution_port()})
        self.assertEqual(ask.names("127.0.0.1"), {"idfe": at_home.distribution_port()})
        self.assertEqual(len(daemon.lines_with("is at 127.0.0.2, by handshake")), 1)

    def test_two_under_two_hostnames(self) -> None:
        self.serve()
        lowry, indecline = self.under("lowry", "-sname", "idfe"), self.under("indecline", "-sname", "idfe")
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": lowry.distribution_port()})
        self.assertEqual(ask.names("127.0.0.3"), {"idfe": indecline.distribution_port()})

    def test_the_listeners_address_decides(self) -> None:
        daemon = self.serve()
        vm = self.under("lowry", "-sname", "idfe", "-kernel", "inet_dist_use_interface", "{127,0,0,2}")
        self.check_lives_only_at("127.0.0.2", vm)
        self.assertEqual(len(daemon.lines_with("is at 127.0.0.2, by listener")), 1)

    def test_the_same_hostname_in_another_namespace_is_the_machine(self) -> None:
        self.serve()
        self.check_lives_only_at("127.0.0.1", self.under("workshop", "-sname", "idfe"))

    def test_a_host_part_is_the_same_under_any_hostname(self) -> None:
        daemon = self.serve()
        self.check_lives_only_at("127.0.0.3", self.under("lowry", "-sname", "idfe@indecline"))
        self.assertEqual(len(daemon.lines_with("by process")), 1)

    def test_where_nobody_may_be_asked_it_is_unplaced(self) -> None:
        self.serve("--probe", "no")
        self.check_is_seen_everywhere(self.under("lowry", "-sname", "idfe"))
