"""epmdctl exec: commands as if on a host, as root and as a user, with real VMs; and what is said where that cannot be."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import ask
import machine
from case import Case
from ctl import EPMDCTL, Terminal, as_user, ctl, ctl_environment, rows
from daemon import EPMD, STOCK, Daemon
from vm import START_SECONDS, Erl, Iex, Vm, eventually

CONFIGURED = "[host]\nlowry = 127.0.0.2\nindecline = 127.0.0.3\nlazarides.example.test = 127.0.0.4\nfd = fd00::5\n"
NO_HOSTS = "127.0.0.1 localhost\n127.0.1.1 workshop\n"
FLAGS = "-kernel inet_dist_use_interface {127,0,0,2} -kernel inet_dist_connect_options [{ifaddr,{127,0,0,2}}]"
A_USER = 1000


class ExecCase(Case):
    hosts = NO_HOSTS  # what resolves does so by the configuration
    uid: int | None = None

    def setUp(self) -> None:
        super().setUp()
        if self.uid is not None and not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        self.daemon = self.serve("--config", str(self.file("loopmd.conf", CONFIGURED)))

    def run_at(self, host: str, *command: str, extra: dict[str, str] | None = None) -> str:
        told = ctl("exec", host, "--", *command, extra=extra, uid=self.uid)
        self.assertEqual((told.returncode, told.stderr), (0, ""), told)
        return told.stdout

    def at(self, host: str, *words: str) -> tuple[str, ...]:
        """The beginning of a command line that goes on with a command."""
        return (EPMDCTL, "exec", *words, host)

    def vm_at(self, host: str, kind: type[Vm], *flags: str, words: tuple[str, ...] = (), extra: dict[str, str] | None = None, files: dict[str, str] | None = None) -> Vm:
        variables = {name: ctl_environment(uid=self.uid)[name] for name in ("XDG_RUNTIME_DIR", "TMPDIR")} | (extra or {})
        wrapper = (*as_user(self.uid), *self.at(host, *words, "--"))
        home = self.scratch("home")
        home.mkdir()
        for name, text in (files or {}).items():
            (home / name).write_text(text)
        if self.uid is not None:
            os.chown(home, self.uid, self.uid)
        vm = self.enterContext(HomedVm[kind](*flags, home=home, cookie="c", environment=variables, wrapper=wrapper, owner=self.uid))
        self.vms_.append(vm)
        return vm


class Homed:
    """A VM whose wrapper makes it another user's: its cookie has to be that user's before."""

    def __init__(self, *flags: str, home: Path, cookie: str, owner: int | None, **options) -> None:
        file = home / ".erlang.cookie"
        file.write_text(cookie)
        file.chmod(0o400)
        if owner is not None:
            os.chown(file, owner, owner)
        super().__init__(*flags, home=home, cookie=cookie, **options)


class HomedErl(Homed, Erl):
    pass


class HomedIex(Homed, Iex):
    pass


class Rebar3(Homed, Erl):
    command = "rebar3"
    root = ""  # the machine's own, whatever VMs are under test

    def started(self) -> Vm:
        """It puts its shell in another's place while it starts, and what was typed before is lost."""
        eventually(lambda: ")1>" in self.said, "the shell of rebar3 is there", START_SECONDS)
        return super().started()


class MixedIex(Homed, Iex):
    root = ""


HomedVm = {Erl: HomedErl, Iex: HomedIex, Rebar3: Rebar3, MixedIex: MixedIex}
MIX_PROJECT = """\
defmodule Sample.MixProject do
  use Mix.Project
  def project, do: [app: :sample, version: "1.0.0"]
end
"""


class AsRoot(ExecCase):
    def test_the_same_name_at_two_hosts_with_no_flag_more(self) -> None:
        lowry = self.vm_at("lowry", Iex, "--sname", "idfe")
        indecline = self.vm_at("indecline", Erl, "-sname", "idfe")
        for vm in (lowry, indecline):
            vm.started()
        self.assertEqual((lowry.evaluate("node()"), indecline.evaluate("node()")), (":idfe@lowry", "idfe@indecline"))
        self.assertEqual(lowry.evaluate("Node.connect(:idfe@indecline)"), "true")
        self.assertEqual(indecline.evaluate("nodes()"), "[idfe@lowry]")
        self.assertEqual({row[0]: row[9] for row in rows(ctl("nodes").stdout)}, {"idfe@lowry": "listener", "idfe@indecline": "listener"})
        # It listens at its own address only, and was dialled from the other's.
        port = indecline.distribution_port()
        with self.assertRaises(ConnectionRefusedError):
            ask.dial("127.0.0.1", port)
        peer = indecline.evaluate("element(2, net_kernel:node_info(idfe@lowry, address))")
        self.assertRegex(peer, r"\{127,0,0,2\}")

    def test_a_shell_of_rebar3_and_one_of_mix(self) -> None:
        rebar = self.vm_at("lowry", Rebar3, "shell", "--sname", "idfe", files={"rebar.config": "{deps,[]}.\n"})
        mix = self.vm_at("indecline", MixedIex, "--sname", "idfe", "-S", "mix", files={"mix.exs": MIX_PROJECT})
        for vm in (rebar, mix):
            vm.started()
        self.assertEqual((rebar.evaluate("node()"), mix.evaluate("node()")), ("idfe@lowry", ":idfe@indecline"))
        self.assertEqual(rebar.evaluate("net_adm:ping(idfe@indecline)"), "pong")
        self.assertEqual({row[0] for row in rows(ctl("nodes").stdout)}, {"idfe@lowry", "idfe@indecline"})

    def test_dialling_can_be_left_to_the_kernel(self) -> None:
        lowry = self.vm_at("lowry", Erl, "-sname", "idfe", words=("--dial-from-anywhere",)).started()
        indecline = self.vm_at("indecline", Erl, "-sname", "idfe").started()
        self.assertEqual(lowry.evaluate("net_adm:ping(idfe@indecline)"), "pong")
        self.assertNotRegex(indecline.evaluate("element(2, net_kernel:node_info(idfe@lowry, address))"), r"\{127,0,0,2\}")

    def test_long_names_and_hosts_without_a_name(self) -> None:
        long = self.vm_at("lazarides.example.test", Erl, "-name", "idfe").started()
        self.assertEqual(long.evaluate("node()"), "'idfe@lazarides.example.test'")
        literal = self.vm_at("127.0.0.77", Erl, "-name", "idfe@127.0.0.77").started()
        self.assertEqual(literal.evaluate("net_adm:ping('idfe@lazarides.example.test')"), "pong")
        self.assertEqual(self.run_at("127.0.0.77", "hostname"), "host-127-0-0-77\n")
        short = self.vm_at("127.0.0.78", Erl, "-sname", "idfe").started()
        self.assertEqual(short.evaluate("node()"), "'idfe@host-127-0-0-78'")
        self.assertEqual(ask.lookup("127.0.0.78", "idfe"), short.distribution_port())

    def test_a_name_of_the_hosts_file_needs_no_configuration(self) -> None:
        machine.write_hosts(NO_HOSTS + "127.0.0.9 attic.example.test attic\n")
        vm = self.vm_at("attic", Erl, "-sname", "idfe").started()
        self.assertEqual(vm.evaluate("node()"), "idfe@attic")
        self.assertEqual(ask.lookup("127.0.0.9", "idfe"), vm.distribution_port())

    def test_a_host_of_ipv6(self) -> None:
        subprocess.run(["ip", "addr", "add", "fd00::5/128", "dev", "lo"], check=True)
        self.addCleanup(lambda: subprocess.run(["ip", "addr", "del", "fd00::5/128", "dev", "lo"], check=True))
        self.assertIn("inet_dist_use_interface {64768,0,0,0,0,0,0,5}", self.run_at("fd", "sh", "-c", "echo $ERL_AFLAGS"))
        for flags in ((), ("-proto_dist", "inet6_tcp")):
            vm = self.vm_at("fd", Erl, "-sname", "idfe", *flags).started()
            self.assertEqual(ask.lookup("fd00::5", "idfe"), vm.distribution_port())
            vm.stop()
            eventually(lambda: ask.lookup("fd00::5", "idfe") is None, "it has gone")

    def test_the_hosts_own_spelling_counts(self) -> None:
        for host in ("LOWRY", "Lowry."):
            self.assertEqual(self.run_at(host, "hostname"), "lowry\n")

    def test_what_is_set(self) -> None:
        words = self.run_at("lowry", "sh", "-c", 'hostname; echo "$HOSTNAME"; echo "$ERL_AFLAGS"; echo "$ERL_EPMD_PORT"; cat "$ERL_INETRC"').splitlines()
        self.assertEqual(words[:4], ["lowry", "lowry", FLAGS, "4369"])
        self.assertEqual(words[5:-2], [
            '{host,{127,0,0,2},["lowry"]}.',
            '{host,{127,0,0,3},["indecline"]}.',
            '{host,{127,0,0,4},["lazarides.example.test","lazarides"]}.',
            '{host,{64768,0,0,0,0,0,0,5},["fd"]}.',
        ])
        self.assertEqual(words[-2], "{lookup,[file,native]}.")
        self.assertEqual(socket.gethostname(), machine.HOSTNAME)

    def test_what_was_set_before_goes_on_to_count(self) -> None:
        theirs = self.file("inetrc", '{host,{127,0,0,50},["theirs"]}.\n%% without an end of line')
        before = '-kernel x "a b" -s y'
        told = self.run_at("lowry", "sh", "-c", 'echo "$ERL_AFLAGS"; cat "$ERL_INETRC"', extra={"ERL_AFLAGS": before, "ERL_INETRC": str(theirs)})
        self.assertEqual(told.splitlines()[0], f"{FLAGS} {before}")
        self.assertIn('{host,{127,0,0,50},["theirs"]}.\n%% without an end of line\n', told)
        vm = self.vm_at("lowry", Erl, "-sname", "idfe", extra={"ERL_INETRC": str(theirs)}).started()
        self.assertEqual(vm.evaluate("inet:getaddr(theirs, inet)"), "{ok,{127,0,0,50}}")

    def test_inside_each_other_the_inner_host_counts(self) -> None:
        told = self.run_at("indecline", *self.at("lowry"), "sh", "-c", 'hostname; echo "$ERL_AFLAGS"; cat "$ERL_INETRC"')
        self.assertEqual(told.splitlines()[:2], ["lowry", FLAGS])
        self.assertEqual(told.count('["indecline"]'), 1)
        theirs = self.file("inetrc", '{host,{127,0,0,50},["theirs"]}.\n')
        for _ in range(2):
            told = self.run_at("lowry", *self.at("lowry"), "sh", "-c", 'cat "$ERL_INETRC"', extra={"ERL_INETRC": str(theirs)})
            self.assertEqual(told.count("theirs"), 1)

    def test_status_signals_and_pipes_are_the_commands(self) -> None:
        for status in (0, 7, 255):
            self.assertEqual(ctl("exec", "lowry", "sh", "-c", f"exit {status}", uid=self.uid).returncode, status)
        self.assertEqual(ctl("exec", "lowry", "--", "sh", "-c", "kill -9 $$", uid=self.uid).returncode, -9)
        self.assertEqual(ctl("exec", "lowry", "--", "cat", given="through", uid=self.uid).stdout, "through")
        self.assertEqual(ctl("exec", "lowry", "printf", "%s|", "a b", "--port", "--", "", "'", uid=self.uid).stdout, "a b|--port|--||'|")
        missing = ctl("exec", "lowry", "nosuch-command", uid=self.uid)
        self.assertEqual((missing.returncode, missing.stderr), (127, "epmdctl: nosuch-command: No such file or directory\n"))
        self.assertEqual(ctl("exec", "lowry", "/etc/passwd", uid=self.uid).returncode, 126)

    def test_the_terminal_is_the_commands(self) -> None:
        terminal = Terminal("exec", "lowry", "--", "sh", "-c", "trap 'echo got it; exit 3' INT; test -t 0 && test -t 1 && echo ready; while :; do sleep 0.1; done", uid=self.uid)
        terminal.await_text("ready")
        terminal.press(b"\x03")
        terminal.await_text("got it")
        self.assertEqual(terminal.finish().status, 3)

    def test_an_elixir_shell_on_a_terminal(self) -> None:
        home = self.scratch("home")
        home.mkdir()
        if self.uid is not None:
            os.chown(home, self.uid, self.uid)
        terminal = Terminal("exec", "lowry", "--", "iex", "--sname", "idfe", extra={"HOME": str(home)}, uid=self.uid)
        terminal.await_text("iex(idfe@lowry)1>")
        terminal.press(b"System.halt(5)\r")
        self.assertEqual(terminal.finish().status, 5)

    def test_the_environment_for_a_shell(self) -> None:
        text = ctl("exec", "--print", "lowry", uid=self.uid).stdout
        shell = subprocess.run(["sh", "-ec", f'{text}\necho "$ERL_AFLAGS"; echo "$ERL_EPMD_PORT"; cat "$ERL_INETRC"'], capture_output=True, text=True, env=ctl_environment(uid=self.uid))
        self.assertEqual(shell.stdout.splitlines()[:2], [FLAGS, "4369"])
        self.assertIn('{host,{127,0,0,2},["lowry"]}.', shell.stdout)
        self.assertEqual(text.splitlines()[-1], "# lowry (127.0.0.2); name nodes with their host: --sname idfe@lowry")
        self.assertIn("--name idfe@127.0.0.9", ctl("exec", "--print", "127.0.0.9", uid=self.uid).stdout)
        odd = ctl("exec", "--print", "lowry", extra={"ERL_AFLAGS": "-x 'y' \"$z\" `w`"}, uid=self.uid).stdout
        shell = subprocess.run(["sh", "-ec", f'{odd}\nprintf %s "$ERL_AFLAGS"'], capture_output=True, text=True)
        self.assertEqual(shell.stdout, f"{FLAGS} -x 'y' \"$z\" `w`")

    def test_a_private_port_goes_with_it(self) -> None:
        self.enterContext(Daemon("-port", "4999", "--config", str(self.file("loopmd.conf", CONFIGURED)), port=4999))
        for words in (("--port", "4999", "lowry", "--"), ("lowry", "--port=4999", "--"), ("lowry", "--port", "4999")):
            told = ctl("exec", *words, "sh", "-c", "echo $ERL_EPMD_PORT", uid=self.uid)
            self.assertEqual(told.stdout, "4999\n", told.stderr)
        vm = self.vm_at("lowry", Erl, "-sname", "idfe", words=("--port", "4999")).started()
        self.assertEqual(ask.lookup("127.0.0.2", "idfe", 4999), vm.distribution_port())

    def test_hosts_that_are_none(self) -> None:
        for host, what in (("nosuch", "does not resolve"), ("192.0.2.1", "is not of this machine")):
            with self.subTest(host):
                told = ctl("exec", host, "--", "true", uid=self.uid)
                self.assertEqual((told.returncode, told.stdout), (1, ""))
                self.assertIn(what, told.stderr)

    def test_on_the_machine_itself_the_command_runs_as_it_is(self) -> None:
        for host in ("localhost", "workshop", "127.0.0.1"):
            told = ctl("exec", host, "--", "sh", "-c", 'hostname; echo "$ERL_AFLAGS"; exit 5', uid=self.uid)
            self.assertEqual((told.returncode, told.stdout), (5, "workshop\n\n"))
            self.assertEqual(told.stderr, f"epmdctl: {host} is this machine itself: the command runs as it is\n")
        told = ctl("exec", "--print", "workshop", uid=self.uid)
        self.assertEqual((told.returncode, told.stdout), (0, ""))

    def test_a_folder_that_somebody_else_may_write_to_is_not_used(self) -> None:
        folder = self.scratch("runtime")
        name = "loopmd-0" if self.uid is None else "loopmd"
        (folder / name).mkdir(parents=True)
        for path in (folder, folder / name):
            path.chmod(0o777)
            if self.uid is not None:
                os.chown(path, self.uid, self.uid)
        told = ctl("exec", "lowry", "--", "true", extra={"XDG_RUNTIME_DIR": str(folder), "TMPDIR": str(folder)}, uid=self.uid)
        self.assertEqual(told.returncode, 1)
        self.assertIn("is not ours alone", told.stderr)

    def test_a_file_that_is_not_there_is_told_of(self) -> None:
        told = ctl("exec", "lowry", "--", "true", extra={"ERL_INETRC": "/nowhere"}, uid=self.uid)
        self.assertEqual((told.returncode, told.stderr), (0, "epmdctl: ERL_INETRC names /nowhere, which cannot be read and does not count\n"))


class AsUser(AsRoot):
    uid = A_USER

    def test_who_we_are_stays(self) -> None:
        told = self.run_at("lowry", "sh", "-c", "id -u; id -g; cat /proc/self/uid_map; grep CapEff /proc/self/status")
        self.assertEqual(told.split(), ["1000", "1000", "1000", "1000", "1", "CapEff:", "0000000000000000"])


class RootForAUser(ExecCase):
    def test_a_command_that_becomes_a_user_finds_the_hosts(self) -> None:
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        told = self.run_at("lowry", *as_user(A_USER), "sh", "-c", 'cat "$ERL_INETRC"; hostname')
        self.assertIn('["indecline"]', told)
        self.assertTrue(told.endswith("lowry\n"))

    def test_the_runtime_folder_of_a_user_is_left_to_that_user(self) -> None:
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        users = ctl_environment(uid=A_USER)["XDG_RUNTIME_DIR"]
        self.run_at("lowry", "true", extra={"XDG_RUNTIME_DIR": users})
        self.assertEqual(ctl("exec", "lowry", "--", "true", uid=A_USER).returncode, 0)


class WithoutNamespaces(ExecCase):
    def refused(self, *words: str) -> subprocess.CompletedProcess[str]:
        """As somebody without any privilege whom the kernel allows no user namespace: in one that has a limit of 0."""
        limited = "echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- \"$@\""
        return subprocess.run(
            ["unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh", EPMDCTL, *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, env=ctl_environment({"XDG_RUNTIME_DIR": str(self.runtime)}), timeout=20,
        )

    def setUp(self) -> None:
        super().setUp()
        self.runtime = self.scratch("runtime")
        self.runtime.mkdir(mode=0o700)

    def test_it_says_so_and_how_to_go_on(self) -> None:
        told = self.refused("exec", "lowry", "--", "hostname")
        self.assertEqual((told.returncode, told.stdout), (1, ""), told)
        for words in ("No space left on device", "sysctl user.max_user_namespaces", "--keep-hostname", "as root"):
            self.assertIn(words, told.stderr)
        told = self.refused("exec", "--keep-hostname", "lowry", "--", "sh", "-c", 'hostname; echo "$ERL_AFLAGS"')
        self.assertEqual(told.stdout.splitlines(), [machine.HOSTNAME, FLAGS])


class NoDaemon(Case):
    hosts = NO_HOSTS

    def setUp(self) -> None:
        super().setUp()
        self.home = self.scratch("home")
        (self.home / ".config/loopmd").mkdir(parents=True)
        (self.home / ".config/loopmd/loopmd.conf").write_text(CONFIGURED)

    def end_daemon(self) -> None:
        pid = int(re.search(r"pid (\d+)", ctl("status").stdout).group(1))
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not ask.answers("127.0.0.1"), "the daemon has ended")

    def test_one_is_brought_up_on_the_machine_and_stays(self) -> None:
        told = ctl("exec", "lowry", "--", "hostname", extra={"HOME": str(self.home)})
        self.addCleanup(self.end_daemon)
        self.assertEqual((told.returncode, told.stdout), (0, "lowry\n"), told.stderr)
        self.assertRegex(told.stderr, r"^epmdctl: has started \S+/loopmd -daemon, since no epmd answered on port 4369\n$")
        self.assertEqual(rows(ctl("hosts").stdout)[0][0], machine.HOSTNAME)  # not the hostname of whom it was brought up for
        told = ctl("exec", "lowry", "--", "hostname")
        self.assertEqual((told.returncode, told.stdout, told.stderr), (0, "lowry\n", ""))

    def test_one_that_is_brought_up_from_inside_a_host_is_the_whole_machines(self) -> None:
        ctl("exec", "lowry", "--", "true", extra={"HOME": str(self.home)})
        self.addCleanup(self.end_daemon)
        pid = json.loads(ctl("status", "--json").stdout)["pid"]
        inside = f"kill {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.01; done; exec {EPMDCTL} exec indecline -- hostname"
        told = ctl("exec", "lowry", "--", "sh", "-c", inside, extra={"HOME": str(self.home)})
        self.assertEqual((told.returncode, told.stdout), (0, "indecline\n"), told.stderr)
        self.assertIn("has started", told.stderr)
        self.assertEqual([row[:3] for row in rows(ctl("hosts").stdout)[:2]], [[machine.HOSTNAME, "127.0.0.1,::1,127.0.1.1", "machine"], ["lowry", "127.0.0.2", "configured"]])

    def test_to_print_the_environment_none_is_needed(self) -> None:
        told = ctl("exec", "--print", "lowry", extra={"HOME": str(self.home)})
        self.assertEqual(told.returncode, 0)
        self.assertIn(f"export ERL_AFLAGS='{FLAGS}'", told.stdout)
        self.assertFalse(ask.answers("127.0.0.1"))

    def test_one_that_does_not_start_is_told_of(self) -> None:
        (self.home / ".config/loopmd/loopmd.conf").write_text("colour = red\n")
        told = ctl("exec", "lowry", "--", "hostname", extra={"HOME": str(self.home)})
        self.assertEqual((told.returncode, told.stdout), (1, ""))
        self.assertIn("colour", told.stderr)
        self.assertIn("-daemon does not start", told.stderr)

    def test_stock_is_warned_of(self) -> None:
        self.serve(path=STOCK)
        told = ctl("exec", "lowry", "--", "hostname", extra={"HOME": str(self.home)})
        self.assertEqual((told.returncode, told.stdout), (0, "lowry\n"), told.stderr)
        self.assertIn("warning: the epmd on port 4369 is no loopmd, or has `status = off`; `loopmd --replace -daemon` takes its place", told.stderr)
