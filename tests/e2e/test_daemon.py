"""The program itself: how it starts and ends, its flags and variables, its mistakes, its clients, and a reload."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import ask
import machine
from case import Case
from daemon import EPMD, SCRATCH, call, environment
from vm import Erl, eventually

DISABLE_IPV6 = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
CANNOT_CONNECT = "epmd: Cannot connect to local epmd"


class LifeInTheForeground(Case):
    def test_sigterm_and_sigint_end_it_with_status_0(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number.name):
                daemon = self.serve()
                with ask.register("idfe", 40001) as held:
                    self.assertEqual(held.result, 0)
                    daemon.stop(number)
                self.assertEqual(daemon.process.returncode, 0)
                self.assertFalse(ask.answers("127.0.0.1"))

    def test_it_can_be_started_again_at_once(self) -> None:
        for _ in range(5):
            daemon = self.serve()
            with ask.register("idfe", 40001):
                daemon.stop()

    def test_with_d_it_serves_and_stays_in_the_foreground(self) -> None:
        self.serve("-d", "-d")
        with ask.register("idfe", 40001) as held:
            self.assertEqual(held.result, 0)

    def test_vms_register_again_after_a_restart_each_at_its_own_host(self) -> None:
        first = self.serve()
        lowry = self.vm(Erl, "-sname", "idfe@lowry")
        indecline = self.vm(Erl, "-sname", "idfe@indecline")
        for vm in (lowry, indecline):
            vm.started()
        first.stop()
        self.serve()
        expected = [{"idfe": lowry.distribution_port()}, {"idfe": indecline.distribution_port()}, {}]
        # A VM knocks again 2 s after it has lost its daemon.
        eventually(
            lambda: [ask.names(address) for address in ("127.0.0.2", "127.0.0.3", "127.0.0.1")] == expected,
            "both nodes are back at their hosts",
            10,
        )


class WhatItsCallerLeaves(Case):
    """Descriptors, folders and signals as careless callers leave them."""

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        words = ["bash", "-c", script, EPMD]
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(), timeout=20)

    def test_a_daemon_whose_standard_descriptors_are_closed_serves(self) -> None:
        for closed in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
            with self.subTest(closed):
                self.assertEqual(self.shell(f'"$0" -daemon {closed}').returncode, 0)
                with ask.register("idfe", 40001, node_type=ask.C_NODE) as held:
                    self.assertEqual((held.result, ask.names("127.0.0.1")), (0, {"idfe": 40001}))
                eventually(lambda: ask.kill() == b"OK", "its node is gone and it ends")
                eventually(lambda: not ask.answers("127.0.0.1"), "it has ended")

    def test_a_reader_of_its_log_that_goes_does_not_end_it(self) -> None:
        daemon = self.serve("-d", wrapper=("bash", "-c", 'trap - PIPE; exec "$0" "$@" 2> >(head -c1 >/dev/null)'))
        for number in range(20):
            with ask.register(f"node{number}", 40001) as held:
                self.assertEqual(held.result, 0)
        self.assertIsNone(daemon.process.poll())

    def test_a_folder_that_was_removed_is_no_obstacle(self) -> None:
        gone = self.scratch("gone")
        script = f'mkdir {gone}; cd {gone}; rmdir {gone}; "$0" -daemon; "$0" -started; echo $?; "$0" -names; "$0" -kill'
        done = self.shell(script)
        self.assertEqual(done.stdout, "0\nepmd: up and running on port 4369 with data:\nKilled\n")
        self.assertEqual(done.stderr, "")

    def test_signals_that_its_caller_ignores_stay_ignored(self) -> None:
        daemon = self.serve(wrapper=("bash", "-c", 'trap "" INT HUP; exec "$0" "$@"'))
        for number in (signal.SIGINT, signal.SIGHUP):
            daemon.send(number)
            self.assertEqual(ask.names("127.0.0.1"), {})
        self.assertIsNone(daemon.process.poll())

    def test_the_ipv6_loopback_address_may_be_named_where_there_is_none(self) -> None:
        if machine.has_ipv6():
            subprocess.run(["ip", "-6", "addr", "del", "::1/128", "dev", "lo"], check=True)
            self.addCleanup(subprocess.run, ["ip", "-6", "addr", "add", "::1/128", "dev", "lo"], check=True)
        self.serve("-address", "::1")


class WhereItListens(Case):
    def test_the_port_comes_from_the_flag(self) -> None:
        self.serve("-port", "4400", port=4400)
        self.assertEqual(ask.names("127.0.0.2", 4400), {})
        self.assertFalse(ask.answers("127.0.0.1"))

    def test_the_port_comes_from_the_environment(self) -> None:
        self.serve(extra={"ERL_EPMD_PORT": "4401"}, port=4401)
        self.assertFalse(ask.answers("127.0.0.1"))

    def test_the_flag_for_the_port_wins_over_the_environment(self) -> None:
        self.serve("-port", "4400", extra={"ERL_EPMD_PORT": "4401"}, port=4400)
        self.assertFalse(ask.answers("127.0.0.1", 4401))

    def check_addresses(self) -> None:
        for address in ["127.0.0.1", "127.0.0.2", *(["::1"] if machine.has_ipv6() else [])]:
            self.assertEqual(ask.names(address), {}, address)
        self.assertFalse(ask.answers("127.0.0.3"))

    def test_an_address_from_the_flag_is_served_beside_loopback_and_no_other(self) -> None:
        self.serve("-address", "127.0.0.2")
        self.check_addresses()

    def test_an_address_from_the_environment_is_served_beside_loopback_and_no_other(self) -> None:
        self.serve(extra={"ERL_EPMD_ADDRESS": "127.0.0.2"})
        self.check_addresses()

    def test_our_listen_flag_takes_a_list_of_addresses(self) -> None:
        self.serve("--listen", "127.0.0.1,127.0.0.5")
        self.assertEqual(ask.names("127.0.0.5"), {})
        self.assertFalse(ask.answers("127.0.0.6"))

    def test_two_vms_share_a_name_with_one_listener_an_address(self) -> None:
        self.serve("-address", "127.0.0.2,127.0.0.3")
        lowry = self.vm(Erl, "-sname", "idfe@lowry")
        indecline = self.vm(Erl, "-sname", "idfe@indecline")
        for vm, address in ((lowry, "127.0.0.2"), (indecline, "127.0.0.3")):
            vm.started()
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})

    def test_ipv6_is_served_where_there_is_ipv6(self) -> None:
        if not machine.has_ipv6():
            self.skipTest("no IPv6 here")
        self.serve()
        self.assertEqual(ask.names("::1"), {})

    def test_the_absence_of_ipv6_is_no_error(self) -> None:
        if DISABLE_IPV6.exists():
            before = DISABLE_IPV6.read_text()
            DISABLE_IPV6.write_text("1")
            self.addCleanup(DISABLE_IPV6.write_text, before)
        self.assertFalse(machine.has_ipv6())
        for flags in ((), ("--listen", "loopback"), ("-address", "127.0.0.2")):
            with self.subTest(flags):
                daemon = self.serve(*flags)
                self.assertEqual(ask.names("127.0.0.2"), {})
                daemon.stop()


class InTheBackground(Case):
    """`epmd -daemon`, as a VM calls it before it registers."""

    def end(self, port: int) -> None:
        killed = call("-port", str(port), "-kill")
        self.assertEqual((killed.returncode, killed.stdout.strip()), (0, "Killed"))
        eventually(lambda: not ask.answers("127.0.0.1", port), f"nobody serves port {port}")

    def test_it_returns_only_when_the_port_is_served(self) -> None:
        for port in range(4410, 4430):
            # Its output is a pipe here: a daemon that kept it would make this wait for ever.
            started = call("-daemon", "-port", str(port))
            self.assertTrue(ask.answers("127.0.0.1", port), f"port {port}")
            self.assertEqual((started.returncode, started.stdout, started.stderr), (0, "", ""))
            self.end(port)

    def test_on_a_port_that_is_taken_it_leaves_silently_with_status_0(self) -> None:
        daemon = self.serve()
        started = call("-daemon")
        self.assertEqual((started.returncode, started.stdout, started.stderr), (0, "", ""))
        self.assertIsNone(daemon.process.poll())
        self.assertEqual(ask.names("127.0.0.1"), {})

    def test_an_address_that_is_not_ours_is_an_error_before_it_returns(self) -> None:
        started = call("-daemon", "-address", "192.0.2.7")
        self.assertEqual(started.returncode, 1)
        self.assertIn("192.0.2.7", started.stderr)
        self.assertFalse(ask.answers("127.0.0.1"))

    def test_vms_bring_ours_up_by_erl_aflags(self) -> None:
        told = {"ERL_AFLAGS": f'-epmd "{EPMD} -daemon"'}
        lowry = self.vm(Erl, "-sname", "idfe@lowry", environment=told)  # both at once: one of the two daemons leaves again
        indecline = self.vm(Erl, "-sname", "idfe@indecline", environment=told)
        for vm, address in ((lowry, "127.0.0.2"), (indecline, "127.0.0.3")):
            vm.started()
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})
        for vm in (lowry, indecline):
            vm.kill()
        eventually(lambda: ask.names("127.0.0.2") == ask.names("127.0.0.3") == {}, "both names are gone")
        self.end(ask.EPMD_PORT)


class TheClients(Case):
    def test_names_lists_what_the_machine_has(self) -> None:
        self.serve()
        with ask.register("idfe", 40001, node_type=ask.C_NODE) as held:
            self.assertEqual(held.result, 0)
            listed = call("-names")
        self.assertEqual(listed.returncode, 0)
        self.assertEqual(listed.stdout, "epmd: up and running on port 4369 with data:\nname idfe at port 40001\n")

    def test_names_asks_the_port_it_is_told(self) -> None:
        self.serve("-port", "4400", port=4400)
        for told in (call("-port", "4400", "-names"), call("-names", extra={"ERL_EPMD_PORT": "4400"})):
            self.assertEqual((told.returncode, told.stdout), (0, "epmd: up and running on port 4400 with data:\n"))

    def test_kill_ends_a_daemon_without_nodes(self) -> None:
        daemon = self.serve()
        killed = call("-kill")
        self.assertEqual((killed.returncode, killed.stdout), (0, "Killed\n"))
        self.assertEqual(daemon.process.wait(5), 0)

    def test_kill_is_refused_while_nodes_live_wherever_they_live(self) -> None:
        daemon = self.serve()
        for address in ("127.0.0.1", "127.0.0.2"):
            with self.subTest(address), ask.register("idfe", 40001, to=address) as held:
                self.assertEqual(held.result, 0)
                killed = call("-kill")
                self.assertEqual(killed.returncode, 1)
                self.assertEqual(killed.stdout, "Killing not allowed - living nodes in database.\n")
                self.assertIsNone(daemon.process.poll())

    def test_without_a_daemon_they_say_so(self) -> None:
        for words in (("-names",), ("-kill",), ("-dump",), ("-stop", "idfe")):
            with self.subTest(words):
                asked = call(*words)
                self.assertEqual((asked.returncode, asked.stdout, asked.stderr.strip()), (1, "", CANNOT_CONNECT))

    def test_version_and_help_print_and_leave(self) -> None:
        version = call("--version")
        self.assertEqual((version.returncode, version.stderr), (0, ""))
        self.assertRegex(version.stdout, r"\d+\.\d+")
        words = call("--help")
        self.assertEqual((words.returncode, words.stderr), (0, ""))
        for flag in ("-port", "-address", "-daemon", "--host", "--listen", "--config", "--check-config", "--log-level"):
            self.assertIn(flag, words.stdout)
        self.assertFalse(ask.answers("127.0.0.1"))


class Mistakes(Case):
    """One sentence that names where it was said, what, and what would be right; status 1; nothing half started. A mistake in a
    flag shows all flags as well, as stock does."""

    def check(self, words: tuple[str, ...], *flags: str, extra: dict[str, str] | None = None, shows_flags: bool = False) -> None:
        with self.subTest(f"{flags} {extra or ''}"):
            told = call(*flags, extra=extra)
            self.assertEqual((told.returncode, told.stdout), (1, ""))
            *before, sentence = told.stderr.splitlines()
            self.assertTrue(before[0].startswith("usage: epmd") if shows_flags else not before, told.stderr)
            for word in words:
                self.assertIn(word, sentence)
            self.assertFalse(ask.answers("127.0.0.1"))

    def test_in_flags(self) -> None:
        for words, flags in (
            (("-port", "70000", "65535"), ("-port", "70000")),
            (("-port", "http", "65535"), ("-port", "http")),
            (("-port", "70000", "65535"), ("-daemon", "-port", "70000")),
            (("--host", "lowry"), ("--host", "lowry")),
            (("--host", "lowry", "127.0.0.300"), ("--host", "lowry=127.0.0.300")),
            (("--listen", "lan", "loopback", "all"), ("--listen", "lan")),
            (("--log-level", "loud", "trace", "debug", "info", "warn", "error"), ("--log-level", "loud")),
        ):
            self.check(words, *flags, shows_flags=True)

    def test_in_variables(self) -> None:
        self.check(("ERL_EPMD_PORT", "bad", "65535"), extra={"ERL_EPMD_PORT": "bad"})
        self.check(("ERL_EPMD_PORT", "70000", "65535"), extra={"ERL_EPMD_PORT": "70000"})

    def test_in_a_file(self) -> None:
        for text, words in (
            ("# ours\nlisten = lan\n", (":2", "listen", "lan", "loopback", "all")),
            ("listen = loopback\n\n[host]\nlowry = 127.0.0.300\n", (":4", "lowry", "127.0.0.300")),
            ("[host]\nlowry = 127.0.0.2\nindecline =\n", (":3", "indecline")),
            ("lisen = loopback\n", (":1", "lisen")),
            ("listen loopback\n", (":1", "listen loopback")),
            ("listen = all\n[hosts]\nlowry = 127.0.0.2\n", (":", "hosts")),
        ):
            config = str(self.file("loopmd.conf", text))
            self.check((config + words[0], *words[1:]), "--config", config)
            self.check((config + words[0], *words[1:]), "--check-config", "--config", config)

    def test_a_configuration_file_that_is_not_there(self) -> None:
        self.check(("--config", "missing.conf"), "--config", str(SCRATCH / "missing.conf"))

    def test_an_unknown_flag(self) -> None:
        for flag in ("-nmaes", "--hots"):
            told = call(flag)
            self.assertEqual(told.returncode, 1, flag)
            self.assertNotEqual(told.stderr, "", flag)
            self.assertFalse(ask.answers("127.0.0.1"))

    def test_an_address_that_is_not_of_this_machine(self) -> None:
        told = call("-address", "192.0.2.7")
        self.assertEqual(told.returncode, 1)
        self.assertIn("192.0.2.7", told.stderr)
        self.assertFalse(ask.answers("127.0.0.1"))

    def test_a_good_configuration_is_checked_and_nothing_is_started(self) -> None:
        config = self.file("loopmd.conf", "# ours\nlisten = loopback\n\n[host]\nlowry = 127.0.0.2\nindecline = 127.0.0.3, 127.0.0.4\n")
        told = call("--check-config", "--config", str(config))
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertFalse(ask.answers("127.0.0.1"))

    def test_a_configuration_can_be_checked_while_a_daemon_runs(self) -> None:
        self.serve()
        self.assertEqual(call("--check-config").returncode, 0)


class PortTaken(Case):
    """In the foreground somebody reads the message: it says who holds the port, and what to do. The status is stock's 0 where an
    epmd serves the port: what was wanted is there."""

    def check(self, status: int, pid: int, program: str) -> None:
        told = call(seconds=10)
        self.assertEqual((told.returncode, told.stdout), (status, ""))
        for word in ("4369", str(pid), program):
            self.assertIn(word, told.stderr)
        self.assertRegex(told.stderr, r"-port|-kill|stop")

    def test_by_another_epmd(self) -> None:
        daemon = self.serve()
        self.check(0, daemon.pid, daemon.program())
        self.assertEqual(ask.names("127.0.0.1"), {})

    def test_by_another_program(self) -> None:
        with socket.create_server(("127.0.0.1", ask.EPMD_PORT)):
            self.check(1, os.getpid(), Path("/proc/self/comm").read_text().strip())


class Configuration(Case):
    """The file, where it is looked for, and SIGHUP. A host with two addresses shows whether it was read: it answers at both."""

    def check_atelier(self, is_one_host: bool) -> None:
        with ask.register("probe", 40009, to="127.0.0.12") as held:
            self.assertEqual(held.result, 0)
            self.assertEqual(ask.lookup("127.0.0.13", "probe"), 40009 if is_one_host else None)
        eventually(lambda: ask.lookup("127.0.0.12", "probe") is None, "the probe is gone")

    def test_a_file_named_by_the_flag(self) -> None:
        self.serve("--config", str(self.file("loopmd.conf", "[host]\natelier = 127.0.0.12, 127.0.0.13\n")))
        self.check_atelier(True)

    def test_the_users_own_file(self) -> None:
        for variable, folder in (("XDG_CONFIG_HOME", ""), ("HOME", ".config")):
            with self.subTest(variable):
                base = self.scratch("configuration")
                (base / folder / "loopmd").mkdir(parents=True)
                (base / folder / "loopmd" / "loopmd.conf").write_text("[host]\natelier = 127.0.0.12, 127.0.0.13\n")
                daemon = self.serve(extra={variable: str(base)})
                self.check_atelier(True)
                daemon.stop()

    def test_a_flag_wins_over_the_file(self) -> None:
        config = self.file("loopmd.conf", "[host]\natelier = 127.0.0.12, 127.0.0.13\n")
        self.serve("--config", str(config), "--host", "atelier=127.0.0.14")
        self.check_atelier(False)

    def test_a_reload_gives_an_added_host_its_name_and_drops_no_registration(self) -> None:
        config = self.file("loopmd.conf", "[host]\nstudio = 127.0.0.14\n")
        daemon = self.serve("--config", str(config), "--log-level", "info")
        inetrc = self.file("inetrc", '{host,{127,0,0,12},["atelier"]}.\n{host,{127,0,0,14},["studio"]}.\n{lookup,[file,native]}.\n')
        told = {"ERL_INETRC": str(inetrc)}
        studio = self.vm(Erl, "-sname", "idfe@studio", environment=told).started()
        with ask.register("kept", 40001, to="127.0.0.12") as held:
            self.assertEqual(held.result, 0)
            self.check_atelier(False)
            config.write_text("[host]\nstudio = 127.0.0.14\natelier = 127.0.0.12, 127.0.0.13\n")
            daemon.hang_up()
            eventually(lambda: ask.lookup("127.0.0.13", "kept") == 40001, "what is registered answers at the added address")
            self.check_atelier(True)
            self.assertEqual(ask.names("127.0.0.14"), {"idfe": studio.distribution_port()})
            atelier = self.vm(Erl, "-sname", "idfe@atelier", environment=told).started()
            for address in ("127.0.0.12", "127.0.0.13"):
                self.assertEqual(ask.names(address), {"kept": 40001, "idfe": atelier.distribution_port()}, address)

    def test_a_reload_changes_where_it_listens_and_the_limits(self) -> None:
        config = self.file("loopmd.conf", "log_level = info\n")
        daemon = self.serve("--config", str(config))

        def reload(text: str) -> None:
            config.write_text(text)
            daemon.hang_up()

        with ask.register("kept", 40001, to="127.0.0.5", node_type=ask.C_NODE) as held:
            for listen, served, silent_at in (
                ("127.0.0.5", "15", "67"),  # from all to some
                ("127.0.0.5, 127.0.0.6", "156", "7"),
                ("127.0.0.6", "16", "57"),
                ("all", "1567", ""),
                ("loopback", "1567", ""),
                ("127.0.0.5, ::1", "15", "67"),
            ):
                with self.subTest(listen):
                    reload(f"listen = {listen}\n")
                    self.assertEqual([n for n in served + silent_at if ask.answers(f"127.0.0.{n}")], list(served))
                    self.assertEqual(daemon.lines_with("not reloaded"), [])
            for listen in ("127.0.0.5, 192.0.2.77", "192.0.2.77"):  # not of this machine
                with self.subTest(listen):
                    reload(f"listen = {listen}\n")
                    self.assertIn("192.0.2.77", daemon.lines_with("not reloaded")[-1])
                    self.assertEqual([n for n in "1567" if ask.answers(f"127.0.0.{n}")], ["1", "5"])
            self.assertEqual(ask.lookup("127.0.0.5", "kept"), 40001)
            self.assertEqual((held.result, ask.kill()), (0, b"NO"))
            self.assertEqual(call("-stop", "kept").returncode, 1)  # not relaxed
            reload("listen = all\n")
            with ask.dial("127.0.0.1") as slow:
                slow.settimeout(5.0)
                slow.sendall(b"\x00")
                reload("listen = all\npacket_timeout = 1\nrelaxed_command_check = yes\n")
                self.assertEqual(slow.recv(1), b"")  # nothing more came for a second
            self.assertIn("OK", ask.kill().decode())
        daemon.process.wait(10)

    def test_a_reload_of_a_broken_file_is_refused_with_one_warning_and_the_old_one_stays_in_force(self) -> None:
        config = self.file("loopmd.conf", "[host]\natelier = 127.0.0.12, 127.0.0.13\n")
        daemon = self.serve("--config", str(config), "--log-level", "warn")
        with ask.register("kept", 40001, to="127.0.0.12") as held:
            self.assertEqual(held.result, 0)
            config.write_text("[host]\natelier = 127.0.0.12, 127.0.0.13\nstudio = 127.0.0.300\n")
            daemon.hang_up()
            self.assertEqual(ask.lookup("127.0.0.13", "kept"), 40001)
            self.check_atelier(True)
            self.assertEqual(len(daemon.log().splitlines()), 1, daemon.log())
            for word in (f"{config}:3", "studio", "127.0.0.300"):
                self.assertIn(word, daemon.log())
            config.write_text("[host]\natelier = 127.0.0.12\n")
            daemon.send(signal.SIGHUP)
            eventually(lambda: ask.lookup("127.0.0.13", "kept") is None, "the mended file is in force")
            self.assertEqual(ask.lookup("127.0.0.12", "kept"), 40001)
