"""epmdctl: what is shown, followed, waited for and asked of a daemon; with real VMs, in a pipe and on a terminal, with no daemon and with stock."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import threading
import time

import ask
import machine
from case import Case, ServedCase
from ctl import EPMDCTL, ctl, ctl_environment, on_terminal, rows
from daemon import EPMD, SCRATCH, STOCK
from vm import Erl, Iex, eventually

DONE, FAILED, MISUSED, NO_DAEMON = 0, 1, 2, 3
CONFIGURED = "[host]\nlowry = 127.0.0.2\nindecline = 127.0.0.3, 127.0.0.4\n"


class CtlCase(Case):
    def check(self, *words: str, status: int = DONE, **options) -> str:
        """What it prints. Nothing on standard error when all is well."""
        told = ctl(*words, **options)
        self.assertEqual(told.returncode, status, told.stderr)
        if status == DONE:
            self.assertEqual(told.stderr, "")
        return told.stdout

    def complaint(self, *words: str, status: int = FAILED, **options) -> str:
        """One line on standard error, and nothing else."""
        told = ctl(*words, **options)
        self.assertEqual((told.returncode, told.stdout), (status, ""), told.stderr)
        self.assertTrue(told.stderr.startswith("epmdctl: ") and told.stderr.count("\n") == 1, told.stderr)
        return told.stderr


class Views(CtlCase, ServedCase):
    flags = ("--host", "lazarides=127.0.0.4,127.0.0.5")

    def setUp(self) -> None:
        super().setUp()
        self.lowry = self.vm(Erl, "-sname", "idfe@lowry")
        self.lazarides = self.vm(Iex, "--sname", "idfe@lazarides")
        for vm in (self.lowry, self.lazarides):
            vm.started()
        self.enterContext(ask.register("idfe", 7, to="127.0.0.9", node_type=ask.C_NODE))
        self.enterContext(ask.register("wanderer", 8, node_type=ask.C_NODE))
        eventually(lambda: "pending" not in ctl("nodes").stdout, "all have been looked for")

    def test_hosts(self) -> None:
        self.assertEqual(
            rows(self.check("hosts")),
            [
                ["workshop", "127.0.0.1,::1,127.0.1.1", "machine", "0", "-"],
                ["lazarides", "127.0.0.4,127.0.0.5", "configured", "1", "lazarides.example.test"],
                ["lowry.example.test", "127.0.0.2", "/etc/hosts", "1", "lowry"],
                ["indecline.example.test", "127.0.0.3", "/etc/hosts", "0", "indecline"],
                ["-", "127.0.0.9", "seen", "1", "-"],
            ],
        )

    def test_nodes(self) -> None:
        found = {row[0]: row[1:] for row in rows(self.check("nodes"))}
        self.assertEqual(set(found), {"idfe@lowry", "idfe@lazarides", "idfe@127.0.0.9", "wanderer"})
        creation = self.lowry.evaluate("erlang:system_info(creation)")
        host, port, kind, *rest = found["idfe@lowry"]
        self.assertEqual((host, port, kind), ("lowry.example.test", str(self.lowry.distribution_port()), "erlang"))
        self.assertEqual((*rest[:4], rest[5]), (creation, str(self.lowry.pid), "root", "beam.smp", "process"))
        self.assertRegex(rest[4], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(found["idfe@127.0.0.9"][:3], ["127.0.0.9", "7", "c"])
        self.assertEqual((found["wanderer"][0], found["wanderer"][8]), ("-", "unplaced"))

    def test_nodes_of_a_host_by_each_of_its_names(self) -> None:
        for host in ("lowry", "LOWRY", "lowry.example.test", "127.0.0.2"):
            self.assertEqual([row[0] for row in rows(self.check("nodes", host))], ["idfe@lowry"], host)
        for host in ("lazarides", "127.0.0.5", "lazarides.example.test"):
            self.assertEqual([row[0] for row in rows(self.check("nodes", host))], ["idfe@lazarides"], host)
        for host in ("127.0.0.77", "workshop", "localhost"):
            self.assertEqual(self.check("nodes", host), "", host)
        self.assertIn("faraway resolves to 192.0.2.1, which is not of this machine", self.complaint("nodes", "faraway"))
        self.assertIn("nosuch does not resolve", self.complaint("nodes", "nosuch"))

    def test_json_is_what_the_daemon_says(self) -> None:
        nodes = json.loads(self.check("nodes", "--json"))["nodes"]
        self.assertEqual({one["alive_name"] for one in nodes}, {"idfe", "wanderer"})
        self.assertEqual([one["owner"]["user"] for one in nodes if one["node_name"] == "idfe@lowry"], ["root"])
        self.assertEqual(len(json.loads(self.check("--json", "hosts"))["hosts"]), 5)
        self.assertEqual(json.loads(self.check("status", "--json"))["pid"], self.daemon.pid)
        self.assertEqual(len(json.loads(self.check("nodes", "lowry", "--json"))["nodes"]), 1)

    def test_status(self) -> None:
        found = dict(rows(self.check("status")))
        self.assertIn(f"pid {self.daemon.pid}, user root", found["process"])
        self.assertEqual(found["nodes"], "4 (3 placed, 1 unplaced, 0 pending, 0 parked)")
        self.assertEqual((found["port"], found["serves"]), ("4369", "whoever reaches it"))
        self.assertEqual(found["counted registrations"], "4")

    def test_on_a_terminal_tables_are_aligned_and_coloured_unless_told_otherwise(self) -> None:
        for extra, bold in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)):
            shown = on_terminal("hosts", extra=extra)
            self.assertEqual(("\033[1m" in shown.text, shown.status), (bold, 0), extra)
            lines = shown.text.replace("\033[1m", "").replace("\033[0m", "").splitlines()
            self.assertEqual(lines[0].split(), ["HOST", "ADDRESSES", "ORIGIN", "NODES", "OTHER", "NAMES"])
            column = lines[0].index("ORIGIN")
            self.assertEqual({line[column - 1] for line in lines}, {" "})
            self.assertNotIn("\t", shown.text)
        self.assertNotIn("\033", self.check("hosts", extra={"TERM": "xterm"}))

    def test_a_name_that_would_write_on_the_terminal_is_escaped(self) -> None:
        program = "import os, socket, time; open('/proc/self/comm', 'w').write('\\x1b[31mred\\u009b'); import ask; held = ask.register('painter', 9, to='127.0.0.9', node_type=77); print('up', flush=True); time.sleep(60)"
        with subprocess.Popen(["python3", "-c", program], cwd=machine.__file__.rpartition("/")[0], stdout=subprocess.PIPE, text=True) as painter:
            try:
                self.assertEqual(painter.stdout.readline(), "up\n")
                eventually(lambda: "red" in on_terminal("nodes").text, "its program is known")
                shown = on_terminal("nodes", extra={"NO_COLOR": "1"})
                self.assertNotIn("\033", shown.text)
                self.assertIn("'\\x1b[31mred", shown.text)
            finally:
                painter.kill()

    def test_the_port_is_that_of_the_flag_else_of_the_variable(self) -> None:
        self.assertIn("no epmd answers on port 4999", self.complaint("nodes", "--port", "4999", status=NO_DAEMON))
        self.assertIn("no epmd answers on port 4998", self.complaint("nodes", extra={"ERL_EPMD_PORT": "4998"}, status=NO_DAEMON))
        self.check("--port", "4369", "nodes", extra={"ERL_EPMD_PORT": "4998"})

    def test_another_user_sees_the_same(self) -> None:
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        self.assertEqual(self.check("nodes", uid=1000), self.check("nodes"))


class Mistakes(CtlCase):
    def test_each_is_told_in_a_line_with_status_2(self) -> None:
        for words, what in (
            ((), "which verb?"),
            (("nose",), "there is no verb nose"),
            (("nodes", "a", "b"), "epmdctl nodes [HOST]"),
            (("nodes", "--jso"), "nodes: flag --jso is not known"),
            (("nodes", "-j"), "flag -j is not known"),
            (("--colour", "nodes"), "flag --colour is not known"),
            (("hosts", "--json=yes"), "flag --json has no value"),
            (("hosts", "--port"), "flag --port needs a value"),
            (("hosts", "--port", "0"), "flag --port = 0 is not allowed: a port is 1 to 65535"),
            (("hosts", "--port", "65536"), "a port is 1 to 65535"),
            (("reload", "--json"), "flag --json is not known"),
            (("--json", "reload"), "it prints no JSON"),
            (("wait",), "epmdctl wait NODE"),
            (("wait", "@lowry"), "has no name"),
            (("wait", "x", "--timeout", "soon"), "0 to 604800 seconds"),
            (("wait", "x", "--timeout", "-1"), "0 to 604800 seconds"),
            (("exec",), "exec HOST [--] COMMAND"),
            (("exec", "lowry"), "which command?"),
            (("exec", "--print", "lowry", "true"), "with --print there is no command"),
            (("exec", "--loudly", "lowry", "true"), "exec: flag --loudly is not known"),
            (("exec", "lowry", "--loudly", "true"), "exec: flag --loudly is not known"),
        ):
            with self.subTest(words):
                self.assertIn(what, self.complaint(*words, status=MISUSED))
        self.assertIn("variable ERL_EPMD_PORT = x", self.complaint("hosts", extra={"ERL_EPMD_PORT": "x"}, status=MISUSED))

    def test_help_and_version(self) -> None:
        self.assertRegex(self.check("--version"), r"^epmdctl \d+\.\d+\.\d+\n$")
        for verb in ("hosts", "nodes", "status", "watch", "exec", "wait", "wait-free", "inetrc", "etc-hosts", "reload", "upgrade"):
            self.assertIn(f"\n  {verb}", self.check("--help"))
            self.assertIn(f"usage: epmdctl {verb} ", self.check(verb, "--help"))

    def test_without_a_daemon_the_status_is_3_and_the_line_says_what_to_do(self) -> None:
        for words in (("hosts",), ("nodes",), ("nodes", "lowry"), ("status",), ("watch",), ("wait", "x"), ("wait-free", "x"), ("reload",), ("upgrade",)):
            with self.subTest(words):
                self.assertIn("no epmd answers on port 4369; start one by `loopmd -daemon`", self.complaint(*words, status=NO_DAEMON))

    def test_what_answers_as_nobody_does_is_told_of(self) -> None:
        for answer in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nServer: loopmd\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
            b'HTTP/1.1 200 OK\r\nServer: loopmd\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{"other":1}',
            b"HTTP/1.1 404 No\r\nServer: loopmd\r\nContent-Length: 7\r\nConnection: close\r\n\r\n\033]0;own",
            b"\0\0\0\x07garbage",
            b"",
        ):
            with self.subTest(answer):
                self.check_odd(answer)

    def check_odd(self, answer: bytes) -> None:
        with socket.create_server(("127.0.0.1", 4369)) as odd:

            def serve() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        one, _ = odd.accept()
                        with one:
                            one.recv(1000)
                            one.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                for words in (("hosts",), ("nodes",), ("status",), ("wait", "x", "--timeout", "1"), ("wait-free", "x", "--timeout", "1")):
                    told = ctl(*words)
                    self.assertEqual((told.returncode, told.stdout), (FAILED, ""), told)
                    self.assertNotIn("\033", told.stderr)
            finally:
                odd.shutdown(socket.SHUT_RDWR)
                thread.join()


class Watch(CtlCase, ServedCase):
    def follow(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [EPMDCTL, "watch", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ctl_environment()
        )

        def end() -> None:
            process.kill()
            process.communicate()

        self.addCleanup(end)
        eventually(lambda: json.loads(ctl("status", "--json").stdout)["limits"]["event_streams"] == 1, "it follows")
        return process

    def test_nodes_come_and_go_one_line_each(self) -> None:
        process = self.follow()
        vm = self.vm(Erl, "-sname", "idfe@lowry")
        vm.started()
        line = process.stdout.readline()
        self.assertRegex(line, rf"^\S+Z\tplaced\tidfe@lowry port {vm.distribution_port()}, pid {vm.pid} \(beam.smp\) at 127.0.0.2, by process\n$")
        self.assertNotEqual(ask.register("idfe", 1, to="127.0.0.2", node_type=ask.C_NODE).result, 0)
        self.assertRegex(process.stdout.readline(), r"\trefused\tidfe@127.0.0.2|\trefused\tidfe port 1.*: its name belongs to idfe@lowry port")
        vm.stop()
        self.assertRegex(process.stdout.readline(), r"\tunregistered\tidfe@lowry port")

    def test_json_begins_with_all_nodes(self) -> None:
        with ask.register("here", 7, to="127.0.0.2", node_type=ask.C_NODE):
            process = self.follow("--json")
            first = json.loads(process.stdout.readline())
            self.assertEqual((first["event"], [one["alive_name"] for one in first["nodes"]]), ("nodes", ["here"]))
        self.assertEqual(json.loads(process.stdout.readline())["event"], "unregistered")

    def test_it_follows_the_next_daemon_and_ends_when_none_comes(self) -> None:
        process = self.follow()
        self.daemon.stop()
        self.daemon = self.serve()
        self.assertIn("waits for the next one", process.stderr.readline())
        eventually(lambda: json.loads(ctl("status", "--json").stdout)["limits"]["event_streams"] == 1, "it follows again")
        with ask.register("new", 7, to="127.0.0.2", node_type=ask.C_NODE):
            self.assertIn("\tplaced\tnew", process.stdout.readline())

    def test_a_reader_that_goes_ends_it(self) -> None:
        process = self.follow()
        process.stdout.close()
        ask.register("new", 7, to="127.0.0.2", node_type=ask.C_NODE).close()
        self.assertEqual(process.wait(10), -13)


class Wait(CtlCase, ServedCase):
    flags = ("--host", "lazarides=127.0.0.4")

    def connections(self) -> int:
        return json.loads(ctl("status", "--json").stdout)["counters"]["connections"]

    def test_a_vm_that_is_there_and_one_that_comes(self) -> None:
        begin = time.monotonic()
        waiting = subprocess.Popen([EPMDCTL, "wait", "idfe@lowry"], env=ctl_environment())
        vm = self.vm(Iex, "--sname", "idfe@lowry")
        self.assertEqual(waiting.wait(20), DONE)
        vm.started()
        self.assertLess(time.monotonic() - begin, 15)
        self.check("wait", "idfe@lowry", "--timeout", "0")
        self.check("wait", "idfe@127.0.0.2", "--timeout", "0")
        self.assertIn("idfe@lazarides is not registered after 0 s", self.complaint("wait", "idfe@lazarides", "--timeout", "0"))
        self.complaint("wait", "idfe", "--timeout", "0")
        self.check("wait-free", "idfe@lazarides", "--timeout", "0")
        self.check("wait-free", "idfe", "--timeout", "0")
        freed = subprocess.Popen([EPMDCTL, "wait-free", "idfe@lowry"], env=ctl_environment())
        vm.stop()
        self.assertEqual(freed.wait(10), DONE)

    def test_it_waits_as_long_as_it_is_told_and_says_so_and_asks_no_one_again_and_again(self) -> None:
        before = self.connections()
        begin = time.monotonic()
        told = ctl("wait", "idfe@lowry", "--timeout", "3")
        self.assertEqual(told.returncode, FAILED)
        self.assertGreater(time.monotonic() - begin, 2.9)
        self.assertEqual(
            told.stderr,
            "epmdctl: waits for idfe@lowry to be registered, 3 s at most\n"
            "epmdctl: idfe@lowry is not registered after 3 s; epmdctl nodes lists who is there\n",
        )
        self.assertLessEqual(self.connections() - before, 3)  # the hosts, the events, and the status that is asked here

    def test_who_is_unplaced_is_found_everywhere_and_has_the_machines_place(self) -> None:
        with ask.register("wanderer", 7, node_type=ask.C_NODE):
            for node in ("wanderer", "wanderer@lowry", "wanderer@workshop"):
                self.check("wait", node)
            self.check("wait-free", "wanderer@lowry", "--timeout", "0")
            self.complaint("wait-free", "wanderer", "--timeout", "0")

    def test_a_daemon_that_is_replaced_meanwhile_is_no_end_of_waiting(self) -> None:
        waiting = subprocess.Popen([EPMDCTL, "wait", "idfe@lowry"], env=ctl_environment(), stderr=subprocess.PIPE, text=True)
        eventually(lambda: json.loads(ctl("status", "--json").stdout)["limits"]["event_streams"] == 1, "it waits")
        self.daemon.stop()
        self.daemon = self.serve()
        with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
            self.assertEqual(waiting.wait(20), DONE)
        waiting.communicate()

    def test_nor_is_one_that_ends_at_once_and_is_away_for_a_while(self) -> None:
        waiting = subprocess.Popen([EPMDCTL, "wait", "idfe@lowry"], env=ctl_environment(), stderr=subprocess.PIPE, text=True)
        eventually(lambda: json.loads(ctl("status", "--json").stdout)["limits"]["event_streams"] == 1, "it waits")
        self.daemon.stop()
        with self.assertRaises(subprocess.TimeoutExpired):
            waiting.wait(2)
        self.daemon = self.serve()
        with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
            self.assertEqual(waiting.wait(20), DONE)
        waiting.communicate()

    def test_a_daemon_that_does_not_answer_costs_no_more_than_the_time_out(self) -> None:
        self.daemon.send(signal.SIGSTOP)
        self.addCleanup(self.daemon.send, signal.SIGCONT)
        begin = time.monotonic()
        self.assertEqual(ctl("wait", "idfe", "--timeout", "2").returncode, FAILED)
        self.assertLess(time.monotonic() - begin, 6)

    def test_a_node_that_comes_back_to_the_daemon_that_took_it_over_is_never_free(self) -> None:
        self.daemon.stop()
        stock = self.serve(path=STOCK)
        vm = self.vm(Erl, "-sname", "idfe")
        vm.started()
        self.daemon = self.serve("--replace", is_alone=False)
        stock.process.wait(10)
        self.assertEqual([one["is_adopted"] for one in json.loads(self.check("nodes", "--json"))["nodes"]], [True])
        self.assertEqual(ctl("wait-free", "idfe", "--timeout", "5").returncode, FAILED)
        self.assertEqual([one["is_adopted"] for one in json.loads(self.check("nodes", "--json"))["nodes"]], [False])
        self.check("wait", "idfe", "--timeout", "0")

    def test_one_that_is_registered_in_the_moment_of_asking_is_seen(self) -> None:
        for number in range(40):
            waiting = subprocess.Popen([EPMDCTL, "wait", f"node{number}@lowry", "--timeout", "5"], env=ctl_environment(), stderr=subprocess.DEVNULL)
            time.sleep(number / 4000)
            with ask.register(f"node{number}", 7, to="127.0.0.2", node_type=ask.C_NODE):
                self.assertEqual(waiting.wait(10), DONE, number)

    def test_a_host_that_is_none_is_told_of(self) -> None:
        self.assertIn("nosuch does not resolve", self.complaint("wait", "x@nosuch"))


class Files(CtlCase):
    hosts = "127.0.0.1 localhost\n127.0.1.1 workshop\n"

    def test_what_they_print_is_what_vms_and_resolvers_need(self) -> None:
        self.serve("--config", str(self.file("loopmd.conf", CONFIGURED)))
        text = self.check("inetrc")
        inetrc = self.file("inetrc", text)
        self.assertIn("\n{lookup,[file,native]}.\n", text)
        lowry = self.vm(Erl, "-sname", "idfe@lowry", cookie="c", environment={"ERL_INETRC": str(inetrc)})
        indecline = self.vm(Erl, "-sname", "idfe@indecline", cookie="c", environment={"ERL_INETRC": str(inetrc)})
        for vm in (lowry, indecline):
            vm.started()
        self.assertEqual(lowry.evaluate("net_adm:ping(idfe@indecline)"), "pong")
        lines = self.check("etc-hosts")
        self.assertEqual(lines, "127.0.0.2 lowry\n127.0.0.3 indecline\n127.0.0.4 indecline\n")
        machine.write_hosts(self.hosts + lines)
        self.assertEqual({row[4][0] for row in socket.getaddrinfo("indecline", 1, socket.AF_INET)}, {"127.0.0.3", "127.0.0.4"})

    def test_without_a_daemon_the_configuration_file_says_it(self) -> None:
        home = self.scratch("home-with-configuration")
        (home / ".config/loopmd").mkdir(parents=True)
        (home / ".config/loopmd/loopmd.conf").write_text(CONFIGURED)
        told = ctl("etc-hosts", extra={"HOME": str(home)})
        self.assertEqual((told.returncode, told.stdout.splitlines()[0]), (DONE, "127.0.0.2 lowry"))
        self.assertIn("no epmd answers on port 4369; the hosts are those of the configuration file", told.stderr)
        (home / ".config/loopmd/loopmd.conf").write_text("[host]\nlowry = lowry\n")
        told = ctl("etc-hosts", extra={"HOME": str(home)})
        self.assertEqual(told.returncode, FAILED)
        self.assertIn("loopmd.conf:2: host lowry = lowry: lowry is no address", told.stderr)


class Changes(CtlCase):
    def setUp(self) -> None:
        super().setUp()
        self.config = self.file("loopmd.conf", CONFIGURED)
        folder = self.scratch("program")
        folder.mkdir(mode=0o755)
        self.program = folder / "loopmd"
        shutil.copy(EPMD, self.program)
        self.daemon = self.serve("--config", str(self.config), path=str(self.program))

    def test_a_reload_says_what_came_of_it(self) -> None:
        self.config.write_text(CONFIGURED + "lazarides = 127.0.0.5\n")
        self.check("reload")
        self.assertIn("lazarides", [row[0] for row in rows(self.check("hosts"))])
        self.config.write_text("colour = red\n")
        self.assertIn("not reloaded, all stays as it was: ", self.complaint("reload"))
        self.assertIn("lazarides", [row[0] for row in rows(self.check("hosts"))])

    def test_an_upgrade_says_what_came_of_it_and_loses_nobody(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry")
        vm.started()
        before = self.check("nodes")
        self.assertRegex(self.check("upgrade"), r"^loopmd (\S+) goes on, after \1\n$")
        self.assertEqual(self.check("nodes"), before)
        self.program.unlink()
        self.program.write_text("#!/bin/sh\necho that is none; exit 1\n")
        self.program.chmod(0o755)
        self.assertIn("not upgraded, all goes on as it was: ", self.complaint("upgrade"))
        self.assertEqual(self.check("nodes"), before)

    def test_who_may_not_is_told_how(self) -> None:
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        for verb, mend in (("reload", "systemctl reload loopmd"), ("upgrade", "systemctl restart loopmd")):
            told = self.complaint(verb, uid=1000)
            self.assertIn(f"the daemon is pid {self.daemon.pid} of user root, and may not be signalled by us", told)
            self.assertIn(mend, told)


class Stock(CtlCase):
    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.serve(path=STOCK)

    def test_what_can_works_and_says_what_is_missing(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry")
        vm.started()
        told = ctl("nodes")
        self.assertEqual((told.returncode, rows(told.stdout)), (DONE, [["idfe", str(vm.distribution_port())]]))
        self.assertIn("it tells names and ports, and neither hosts nor owners", told.stderr)
        self.assertEqual(json.loads(ctl("nodes", "--json").stdout), {"nodes": [{"alive_name": "idfe", "port": vm.distribution_port()}]})
        told = ctl("wait", "idfe@lowry")
        self.assertEqual(told.returncode, DONE)
        self.assertIn("is taken to have one table for all hosts", told.stderr)
        self.assertEqual(ctl("wait", "other@lowry", "--timeout", "1").returncode, FAILED)
        self.assertEqual(ctl("wait-free", "idfe@indecline", "--timeout", "0").returncode, FAILED)
        self.assertEqual(ctl("wait-free", "other", "--timeout", "0").returncode, DONE)
        freed = subprocess.Popen([EPMDCTL, "wait-free", "idfe@lowry"], env=ctl_environment(), stderr=subprocess.DEVNULL)
        vm.stop()
        self.assertEqual(freed.wait(10), DONE)

    def test_what_cannot_says_what_would_help(self) -> None:
        for words in (("hosts",), ("nodes", "lowry"), ("status",), ("watch",), ("reload",), ("upgrade",)):
            with self.subTest(words):
                self.assertIn("is no loopmd, or has `status = off`; `loopmd --replace -daemon` takes its place", self.complaint(*words))
