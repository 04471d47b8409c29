"""A machine that lacks something, or does something odd: what loopmd does without, and what it goes on with."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import ask
import machine
from case import Case
from daemon import EPMD
from vm import Erl, Iex, eventually
from web import page

SOURCES = Path(__file__).parent / "faults"
PYTHON = "/usr/bin/python3"
LOWRY, INDECLINE = "idfe@lowry", "idfe@indecline"


def inside(*script: str) -> tuple[str, ...]:
    """What begins a command that runs after the script, with mounts of its own."""
    return ("unshare", "--mount", "sh", "-c", " && ".join(script) + ' && exec "$@"', "sh")


class FaultCase(Case):
    def compiled(self, source: str, *flags: str) -> Path:
        program = self.scratch(source.removesuffix(".c"))
        subprocess.run(["gcc", "-O2", "-Wall", "-Werror", *flags, "-o", program, SOURCES / source], check=True)
        return program

    def hosts_of_nodes(self) -> dict[str, tuple[str, str | None]]:
        """Where each stands, and by which evidence."""
        return {one["node_name"] or one["alive_name"]: (one["host"]["address"], one["evidence"]) for one in page("/nodes")["nodes"] if one["state"] == "placed"}

    def check_two_namesakes(self) -> None:
        """They start, each finds the other, and they connect."""
        first = self.vm(Erl, "-sname", LOWRY, cookie="a").started()
        self.vm(Iex, "--sname", INDECLINE, cookie="b").started()
        first.set_cookie(INDECLINE, "b")
        self.assertTrue(first.connect(INDECLINE))
        self.assertNotEqual(ask.lookup("127.0.0.2", "idfe"), ask.lookup("127.0.0.3", "idfe"))


class Proc(FaultCase):
    def test_absent_the_nodes_themselves_say_where_they_belong(self) -> None:
        self.serve(wrapper=inside("mount -t tmpfs none /proc"))
        self.check_two_namesakes()
        self.assertEqual({how for _, how in self.hosts_of_nodes().values()}, {"handshake"})

    def test_hidden_from_the_user_who_runs_the_daemon_the_nodes_say_it(self) -> None:
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        program = self.scratch("epmd")  # where another user may read it
        shutil.copy(EPMD, program)
        hidden = inside("mount -t proc -o hidepid=2 none /proc")
        self.serve(path=str(program), wrapper=(*hidden, "setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--"))
        self.check_two_namesakes()
        self.assertEqual({how for _, how in self.hosts_of_nodes().values()}, {"handshake"})


class Netlink(FaultCase):
    def test_refused_by_seccomp_it_starts_and_serves_as_stock_does(self) -> None:
        """Without sock_diag nothing says whose a connection is; a VM's command line still does, if one names the node."""
        without = self.compiled("without_netlink.c")
        daemon = self.serve(wrapper=(str(without),))
        vm = self.vm(Erl, "-sname", LOWRY).started()
        eventually(lambda: page("/status")["nodes"]["pending"] == 0, "what can be found is found", seconds=10)
        self.assertEqual(ask.lookup("127.0.0.2", "idfe"), vm.distribution_port())
        self.assertEqual(daemon.lines_with("error of ours"), [])


class Resolver(FaultCase):
    def test_hanging_it_keeps_nobody_waiting_whose_host_needs_none(self) -> None:
        """A name server that never answers, and eight nodes whose hosts only it may know."""
        with contextlib.ExitStack() as stack:
            silent = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            silent.bind(("127.0.0.53", 53))
            resolv = self.file("resolv.conf", "nameserver 127.0.0.53\noptions timeout:5 attempts:3\n")
            switch = self.file("nsswitch.conf", "hosts: files dns\n")
            stack.enter_context(machine.mounted(resolv, Path("/etc/resolv.conf")))
            stack.enter_context(machine.mounted(switch, Path("/etc/nsswitch.conf")))
            daemon = self.serve("--host", "indecline=127.0.0.3")
            for number in range(8):
                self.pretend(stack, f"slow{number}", f"nowhere{number}.example")
            began = time.monotonic()
            self.vm(Iex, "--sname", INDECLINE).started()  # configured: needs no resolver
            eventually(lambda: self.hosts_of_nodes().get(INDECLINE) == ("127.0.0.3", "process"), "a configured host is known", seconds=4)
            lookups = [self.lookup_time_() for _ in range(100)]
            self.assertLess(sorted(lookups)[50], 0.05)
            eventually(lambda: page("/status")["nodes"]["pending"] == 0, "nobody is pending for long", seconds=12)
            self.assertEqual(page("/status")["nodes"]["unplaced"], 8)
            self.assertTrue(daemon.lines_with("did not resolve within 2 s"))
            print(f"eight names hang: all are told of after {time.monotonic() - began:.1f} s; a lookup takes {sorted(lookups)[50] * 1e3:.2f} ms", file=sys.stderr)

    def pretend(self, stack: contextlib.ExitStack, alive_name: str, host_name: str) -> None:
        """A process that looks like a VM which was started with that name, and registers."""
        beam = self.scratch("bin") / "beam.smp"
        beam.parent.mkdir()
        beam.symlink_to(PYTHON)
        program = (
            "import socket, sys\n"
            f"one = socket.create_connection(('127.0.0.1', {ask.EPMD_PORT}))\n"
            f"one.sendall(bytes.fromhex('{ask.registration_bytes(alive_name, 7, node_type=ask.C_NODE).hex()}'))\n"
            "one.recv(100)\n"
            "print('registered', flush=True)\n"
            "sys.stdin.read()\n"
        )
        command = [beam, "-c", program, "-sname", f"{alive_name}@{host_name}"]
        process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stack.callback(process.kill)
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), "registered\n")

    def lookup_time_(self) -> float:
        began = time.monotonic()
        ask.lookup("127.0.0.3", "idfe")
        return time.monotonic() - began


class Memory(FaultCase):
    def test_at_its_limit_requests_fail_and_nodes_and_lookups_do_not(self) -> None:
        self.daemon = self.serve("--config", str(self.file("loopmd.conf", "max_connections_per_peer = 10000\n")))
        with contextlib.ExitStack() as stack:
            for number in range(50):
                self.assertEqual(stack.enter_context(ask.register(f"node{number}", 40000 + number, to="127.0.0.2")).result, 0)
            eventually(lambda: page("/status")["nodes"]["pending"] == 0, "all are placed")
            limit = self.virtual_bytes_() + 2_000_000
            subprocess.run(["prlimit", "--pid", str(self.daemon.pid), f"--as={limit}:{limit}"], check=True)
            filling = []
            for number in range(4000):  # 3 KB each
                with contextlib.suppress(OSError):
                    one = ask.dial("127.0.0.1")
                    filling.append(stack.enter_context(one))
                    one.sendall((3057).to_bytes(2, "big") + b"x" * 3000)
            late = []
            for number in range(200):
                with contextlib.suppress(EOFError, OSError):
                    late.append(stack.enter_context(ask.register(f"late{number}" + "x" * 200, 50000 + number, to="127.0.0.2", extra=b"x" * 1000)))
            for number in range(50):
                self.assertEqual(ask.lookup("127.0.0.2", f"node{number}"), 40000 + number)
            for one in filling:
                one.close()
            eventually(lambda: ask.register("after", 7, to="127.0.0.2").result == 0, "there is room again", seconds=10)
            for number in range(50):
                self.assertEqual(ask.lookup("127.0.0.2", f"node{number}"), 40000 + number)

    def virtual_bytes_(self) -> int:
        return int(Path(f"/proc/{self.daemon.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


class FullDisk(FaultCase):
    def test_where_the_log_lies_loopmd_serves_on(self) -> None:
        folder = self.scratch("small-disk")
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        script = f'exec "$@" 2>>{folder}/log'
        daemon = self.serve("--log-level", "debug", wrapper=("sh", "-c", script, "sh"))
        for number in range(500):
            with ask.register(f"node{number}", 7, to="127.0.0.2") as one:
                self.assertEqual(one.result, 0)
        self.assertEqual((folder / "log").stat().st_size, 16384)
        with ask.register("idfe", 7, to="127.0.0.2"):
            self.assertEqual(ask.lookup("127.0.0.2", "idfe"), 7)
        (folder / "log").write_bytes(b"")  # as logrotate's copytruncate
        ask.register("later", 7, to="127.0.0.2").close()
        eventually(lambda: "later" in (folder / "log").read_text(errors="replace"), "it logs again")
        self.assertIsNone(daemon.process.poll())

    def test_a_log_whose_reader_has_gone_ends_nothing(self) -> None:
        read, write = os.pipe()
        os.close(read)
        script = f'exec "$@" 2>&{write}'
        daemon = subprocess.Popen(["sh", "-c", script, "sh", EPMD, "--log-level", "debug"], pass_fds=[write], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(write)
        try:
            eventually(lambda: ask.answers("127.0.0.1"), "it serves")
            with ask.register("idfe", 7, to="127.0.0.2"):
                self.assertEqual(ask.lookup("127.0.0.2", "idfe"), 7)
        finally:
            daemon.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(10), 0)


class Clock(FaultCase):
    def test_that_jumps_a_day_back_and_forth_ends_nothing_and_starts_nothing(self) -> None:
        offset = self.file("offset", "0\n")
        shim = self.compiled("jumping_clock.c", "-shared", "-fPIC")
        config = self.file("loopmd.conf", "packet_timeout = 3\n")
        daemon = self.serve("--config", str(config), extra={"LD_PRELOAD": str(shim), "JUMPING_CLOCK": str(offset)})
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(ask.register("idfe", 7, to="127.0.0.2"))
            creations = {first.creation}
            for number, jump in enumerate((86400, -86400, 10**9, 0)):
                offset.write_text(f"{jump}\n")
                silent = stack.enter_context(ask.dial("127.0.0.1"))
                silent.sendall(b"\0")
                began = time.monotonic()
                self.assertEqual(ask.lookup("127.0.0.2", "idfe"), 7)
                node = stack.enter_context(ask.register(f"node{number}", 7, to="127.0.0.2"))
                self.assertEqual(node.result, 0)
                silent.settimeout(10)
                self.assertEqual(silent.recv(1), b"")
                self.assertGreater(time.monotonic() - began, 2.5)
                self.assertLess(time.monotonic() - began, 6)
                (one,) = (one for one in page("/nodes")["nodes"] if one["alive_name"] == "idfe")
                self.assertLessEqual(one["since"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + jump + 1)))
            self.assertEqual(len(creations), 1)
            self.assertEqual(daemon.lines_with("error"), [])
