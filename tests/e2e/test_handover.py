"""Nothing is lost with the daemon's process: restart, SIGKILL, and an upgrade in its place, under real VMs and a crowd.

A service manager of our own holds what the daemon has it store; a booted systemd is tried in tests/system.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import ask
from case import Case
from daemon import EPMD, Daemon, call, environment
from listeners import listeners, owner_of_port
from lookups import Lookups, is_open
from manager import Manager
from vm import Erl, eventually

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


class ManagedCase(Case):
    def manage(self, *flags: str, **options) -> Manager:
        manager = self.enterContext(Manager(*flags, **options))
        self.managers_.append(manager)
        return manager

    def setUp(self) -> None:
        super().setUp()
        self.managers_: list[Manager] = []

    def tell_(self) -> None:
        super().tell_()
        for manager in self.managers_:
            print(f"--- log of epmd under a manager, of {self.id()}\n{manager.log_path.read_text()[-8000:]}", file=sys.stderr)

    def crowd(self, count: int) -> list[ask.Registration]:
        """Nodes that no VM is behind, at three hosts."""
        nodes = []
        for number in range(count):
            node = ask.register(f"node{number}", 10000 + number, to=HOSTS[number % 3], node_type=ask.C_NODE)
            self.addCleanup(node.close)
            self.assertEqual(node.result, 0)
            nodes.append(node)
        return nodes

    def check_crowd(self, nodes: list[ask.Registration]) -> None:
        self.assertEqual([is_open(node) for node in nodes], [True] * len(nodes))
        found = {name: port for host in HOSTS for name, port in ask.names(host).items()}
        expected = {f"node{number}": 10000 + number for number in range(len(nodes))}
        self.assertEqual({name: port for name, port in found.items() if name.startswith("node")}, expected)


class Restart(ManagedCase):
    def check_vms(self, manager: Manager, number: signal.Signals) -> None:
        lowry = self.vm(Erl, "-sname", "idfe@lowry", cookie="c")
        indecline = self.vm(Erl, "-sname", "idfe@indecline", cookie="c")
        for vm in (lowry, indecline):
            vm.started()
        nodes = self.crowd(200)
        listed = call("-names").stdout
        creations = [vm.evaluate("erlang:system_info(creation)") for vm in (lowry, indecline)]
        port = lowry.distribution_port()
        with Lookups("127.0.0.2", "idfe", port, spares_resets=number == signal.SIGKILL) as lookups:
            for _ in range(3):
                manager.restart(number)
                self.assertEqual(ask.names("127.0.0.2")["idfe"], port)  # before any VM could have come back by itself
                self.check_crowd(nodes)
                seen = lookups.count
                eventually(lambda: lookups.count > seen, "lookups go on", seconds=10)
        self.assertEqual(lookups.failures, [])
        self.assertEqual(call("-names").stdout, listed)
        self.assertEqual(lowry.evaluate("net_adm:ping(idfe@indecline)"), "pong")
        self.assertEqual([vm.evaluate("erlang:system_info(creation)") for vm in (lowry, indecline)], creations)
        self.assertEqual(manager.lines_with("has gone"), [])
        self.assertEqual(len(manager.lines_with("goes on with 202 nodes of the process before; 0 had ended")), 3)
        again = ask.register("node3", 7, to="127.0.0.1", node_type=ask.C_NODE)
        self.assertEqual(again.result, 1)  # its name is taken, as before
        was = nodes[3].creation
        nodes[3].close()
        eventually(lambda: "node3" not in ask.names("127.0.0.1"), "it has gone")
        with ask.register("node3", 10003, to="127.0.0.1", node_type=ask.C_NODE) as back:
            self.assertEqual((back.result, back.creation), (0, was + 1))

    def test_a_restart_loses_nothing_and_no_lookup_fails(self) -> None:
        self.check_vms(self.manage(), signal.SIGTERM)

    def test_sigkill_loses_nothing_that_was_acknowledged(self) -> None:
        self.check_vms(self.manage(), signal.SIGKILL)

    def test_what_is_stored_is_a_few_descriptors(self) -> None:
        manager = self.manage()
        self.crowd(1500)
        for _ in range(2000):
            ask.register("passing", 7, node_type=ask.C_NODE).close()
        self.assertLessEqual(manager.most_stored, 5)
        manager.restart()
        manager.catch_up()
        self.assertEqual([name.rstrip("0123456789") for name in manager.names_stored()], ["loopmd-queue-", "loopmd-queue-", "loopmd-table-"])

    def test_a_node_that_dies_while_there_is_no_daemon_is_gone_at_once(self) -> None:
        manager = self.manage()
        nodes = self.crowd(6)
        manager.end(signal.SIGKILL)
        nodes[0].close()
        nodes[1].reset()
        nodes[2].connection.sendall(b"x")  # a byte is as good as an end
        manager.start()
        ready = time.monotonic()
        eventually(lambda: {name for host in HOSTS for name in ask.names(host)} == {"node3", "node4", "node5"}, "the dead are gone")
        self.assertLess(time.monotonic() - ready, 0.1)
        self.assertEqual(len(manager.lines_with("has gone")), 3)
        self.assertFalse(is_open(nodes[2]))

    def test_what_is_unregistered_by_the_daemon_sees_its_connection_close(self) -> None:
        self.manage("-relaxed_command_check")
        with ask.register("idfe", 40001, node_type=ask.C_NODE) as node:
            self.assertIn("STOPPED", call("-stop", "idfe").stdout)
            eventually(lambda: not is_open(node), "its connection is closed")

    def test_requests_in_hand_are_answered_before_it_goes(self) -> None:
        manager = self.manage()
        with socket.create_server(("127.0.0.1", 0)) as silent, ask.dial("127.0.0.2") as lookup, ask.dial("127.0.0.2") as stuck:
            port = silent.getsockname()[1]
            # It is asked for its name and says nothing, so that it is pending for two seconds, and a lookup waits for half of one.
            with ask.register("idfe", port) as node:
                lookup.sendall(ask.frame(bytes([ask.PORT_PLEASE2_REQ]) + b"idfe"))
                stuck.sendall(b"\x00")  # a request that will not go on has a second
                lookup.settimeout(0.2)
                with self.assertRaises(TimeoutError):
                    lookup.recv(1)
                lookup.settimeout(ask.SECONDS)
                begin = time.monotonic()
                manager.restart()
                self.assertLess(time.monotonic() - begin, 2.0)
                self.assertEqual(ask.read_to_end(lookup)[:1], bytes([ask.PORT2_RESP]))
                self.assertEqual(stuck.recv(1), b"")
                self.assertTrue(is_open(node))

    def test_placement_goes_on_in_the_next_process(self) -> None:
        manager = self.manage()
        manager.end(signal.SIGKILL)
        vm = self.vm(Erl, "-sname", "idfe@lowry")  # waits in the listening socket's queue
        manager.start()
        vm.started()
        eventually(lambda: "idfe" in ask.names("127.0.0.2"), "it is placed")
        manager.restart(signal.SIGKILL)
        self.assertEqual((ask.names("127.0.0.1"), list(ask.names("127.0.0.2"))), ({}, ["idfe"]))

    def test_a_table_that_is_torn_is_told_of_and_begun_anew(self) -> None:
        manager = self.manage()
        nodes = self.crowd(3)
        manager.end(signal.SIGKILL)
        table = next(descriptor for name, descriptor in manager.stored if name.startswith("loopmd-table-"))
        os.pwrite(table, b"x", 40)
        manager.start()
        self.assertEqual(ask.names("127.0.0.1"), {})
        self.assertEqual(len(manager.lines_with("does not count: the checksum of its record 1 is wrong")), 1)
        eventually(lambda: not any(is_open(node) for node in nodes), "their VMs may come back")
        with ask.register("node0", 10000, node_type=ask.C_NODE) as again:
            self.assertEqual(again.result, 0)
        manager.restart()

    def test_the_manager_is_told_what_there_is(self) -> None:
        manager = self.manage()
        with ask.register("idfe", 40001, to="127.0.0.2", node_type=ask.C_NODE):
            manager.wait_until(lambda: "STATUS=1 node; 1 host has some" in manager.told, "it is told of the node")
        manager.wait_until(lambda: manager.told[-1] == "STATUS=0 nodes; 0 hosts have some", "it is told that it has gone")
        manager.process.send_signal(signal.SIGHUP)
        manager.wait_until(lambda: "READY=1" in manager.told[-1], "it has reloaded")
        self.assertIn("RELOADING=1", manager.told[-2])
        manager.end()
        self.assertIn("STOPPING=1", manager.told)

    def test_the_watchdog_is_fed(self) -> None:
        manager = self.manage(extra={"WATCHDOG_USEC": "200000"})
        manager.wait_until(lambda: manager.told.count("WATCHDOG=1") >= 5, "it is alive", 2.0)

    def test_it_ends_when_it_is_idle_and_not_before(self) -> None:
        manager = self.manage("--exit-idle", "1")
        with ask.register("idfe", 40001, node_type=ask.C_NODE):
            time.sleep(1.5)
            self.assertIsNone(manager.process.poll())
        self.assertEqual(manager.process.wait(5.0), 0)
        manager.start()  # as the next client has it started


class BadConfiguration(ManagedCase):
    def test_the_last_good_one_is_gone_on_with_and_told_of(self) -> None:
        file = self.file("loopmd.conf", "[host]\natelier = 127.0.0.9, 127.0.0.10\n")
        manager = self.manage("--config", str(file))
        with ask.register("idfe", 40001, to="127.0.0.9", node_type=ask.C_NODE):
            file.write_text("[host]\natelier = somewhere\n")
            manager.restart()
            self.assertEqual(ask.names("127.0.0.10"), {"idfe": 40001})
            self.assertEqual(len(manager.lines_with("somewhere")), 1)
            self.assertIn("Goes on with this file as it was", manager.log())
            manager.restart(signal.SIGKILL)  # and again
            self.assertEqual(ask.names("127.0.0.10"), {"idfe": 40001})
            file.write_text("[host]\natelier = 127.0.0.9\n")
            manager.restart()
            self.assertEqual((ask.names("127.0.0.9"), ask.names("127.0.0.10")), ({"idfe": 40001}, {}))
            file.unlink()  # is a mistake as well: the flag names it
            manager.restart()
            self.assertEqual(ask.names("127.0.0.9"), {"idfe": 40001})


    def test_where_there_was_none_it_goes_on_without(self) -> None:
        folder = self.scratch("configuration")
        (folder / "loopmd").mkdir(parents=True)
        manager = self.manage(extra={"XDG_CONFIG_HOME": str(folder)})
        with ask.register("idfe", 40001, to="127.0.0.9", node_type=ask.C_NODE):
            (folder / "loopmd" / "loopmd.conf").write_text("[host]\natelier = somewhere\n")
            manager.restart()
            self.assertEqual(ask.names("127.0.0.9"), {"idfe": 40001})
            self.assertEqual(len(manager.lines_with("somewhere")), 1)


class Upgrade(Case):
    """SIGUSR2, without a service manager."""

    def setUp(self) -> None:
        super().setUp()
        self.program = self.scratch("bin") / "loopmd"
        self.program.parent.mkdir()
        shutil.copy(EPMD, self.program)

    def replace(self, text: str) -> None:
        fresh = self.program.with_suffix(".new")
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.rename(self.program)

    def listening(self) -> list[str]:
        return [one.inode for one in listeners() if one.port == ask.EPMD_PORT]

    def upgrade(self, daemon: Daemon, line: str) -> None:
        before = len(daemon.lines_with(line))
        daemon.send(signal.SIGUSR2)
        eventually(lambda: len(daemon.lines_with(line)) > before, f"its log says {line!r}", 15)

    def test_it_becomes_the_program_that_is_there_now_and_loses_nothing(self) -> None:
        daemon = self.serve("--listen", "loopback", path=str(self.program))
        vm = self.vm(Erl, "-sname", "idfe@lowry")
        vm.started()
        port = vm.distribution_port()
        node = self.enterContext(ask.register("idfe", 40001, to="127.0.0.3", node_type=ask.C_NODE))
        other = self.program.with_name("other")
        shutil.copy(EPMD, other)
        calls = self.scratch("calls")
        self.replace(f'#!/bin/sh\necho "$*" >>{calls}\nexec {other} "$@"\n')
        sockets = self.listening()
        with Lookups("127.0.0.2", "idfe", port) as lookups:
            for _ in range(3):
                self.upgrade(daemon, "goes on with 2 nodes of the process before; 0 had ended meanwhile")
        self.assertEqual(lookups.failures, [])
        self.assertEqual(self.listening(), sockets)
        self.assertEqual((ask.names("127.0.0.2"), ask.names("127.0.0.3")), ({"idfe": port}, {"idfe": 40001}))
        self.assertTrue(is_open(node))
        self.assertEqual(calls.read_text(), "--listen loopback --check-snapshot\n--listen loopback\n")
        self.assertEqual(daemon.lines_with("has gone"), [])
        daemon.hang_up()  # its signals are as at a fresh start
        self.assertEqual(len(daemon.lines_with("reloaded")), 1)
        status = Path(f"/proc/{daemon.pid}/status").read_text()
        self.assertIn("SigBlk:\t0000000000000000", status)
        self.assertLess(len(os.listdir(f"/proc/{daemon.pid}/fd")), 30)

    def check_that_it_stays(self, daemon: Daemon, why: str) -> None:
        with ask.register("idfe", 40001, to="127.0.0.2", node_type=ask.C_NODE) as node:
            begin = time.monotonic()
            self.upgrade(daemon, "not upgraded, all goes on as it was")
            self.assertLess(time.monotonic() - begin, 12.0)
            self.assertIn(why, daemon.lines_with("not upgraded")[-1])
            self.assertEqual((ask.names("127.0.0.2"), is_open(node)), ({"idfe": 40001}, True))
        eventually(lambda: ask.names("127.0.0.2") == {}, "it has gone")

    def test_a_program_that_cannot_is_not_become_and_its_words_are_told(self) -> None:
        daemon = self.serve(path=str(self.program))
        for text, why in (
            ("#!/bin/sh\necho 'no such layout' >&2\nexit 1\n", "no such layout"),
            ("#!/bin/sh\nexit 3\n", "it ended with"),
            ("#!/bin/sh\nkill -9 $$\n", "it ended with"),
            ("#!/nowhere/sh\n", "cannot run"),
            ("#!/bin/sh\nexec sleep 60\n", "did not answer within 10 s"),
        ):
            with self.subTest(text):
                self.replace(text)
                self.check_that_it_stays(daemon, why)
        self.program.unlink()
        self.check_that_it_stays(daemon, "cannot run")
        # And when a good one is there again, it is become.
        shutil.copy(EPMD, self.program)
        self.upgrade(daemon, "goes on with 0 nodes")

    def test_who_is_told_to_end_while_a_program_is_tried_ends(self) -> None:
        daemon = self.serve(path=str(self.program))
        self.replace("#!/bin/sh\necho tried >$0.tried\nexec sleep 60\n")
        daemon.send(signal.SIGUSR2)
        eventually(lambda: self.program.with_suffix(".tried").exists(), "it is tried")
        begin = time.monotonic()
        daemon.stop()
        self.assertLess(time.monotonic() - begin, 2.0)
        self.assertEqual(daemon.lines_with("becomes"), [])
        self.assertEqual(len(daemon.lines_with("0 nodes were registered")), 1)

    def test_a_bad_configuration_is_found_before(self) -> None:
        file = self.file("loopmd.conf", "listen = loopback\n")
        daemon = self.serve("--config", str(file), path=str(self.program))
        file.write_text("listen = everywhere else\n")
        self.check_that_it_stays(daemon, "everywhere else")

    def test_a_daemon_that_left_its_terminal_finds_its_files_again(self) -> None:
        folder = self.scratch("folder")
        folder.mkdir()
        (folder / "own.conf").write_text("log_level = debug\n[host]\natelier = 127.0.0.9, 127.0.0.10\n")
        script = 'cd "$1" && exec "$0" -daemon --config own.conf'
        ran = subprocess.run(["sh", "-c", script, self.program, folder], capture_output=True, text=True, env=environment(), timeout=10)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        pid = owner_of_port(ask.EPMD_PORT)
        with ask.register("idfe", 40001, to="127.0.0.9", node_type=ask.C_NODE) as node:
            os.kill(pid, signal.SIGUSR2)
            eventually(lambda: "LOOPMD_PASSED=" in Path(f"/proc/{pid}/environ").read_text(), "it has become another")
            self.assertEqual(ask.names("127.0.0.10"), {"idfe": 40001})
            self.assertTrue(is_open(node))
            self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        eventually(lambda: ask.kill() == b"OK", "it ends")
        eventually(lambda: not ask.answers("127.0.0.1"), "it has ended")
