"""Our package on a booted systemd: it is installed, takes stock's place, and nothing that befalls the daemon loses a node."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable

from booted import Booted
from crowd import LOOKERS
from system_case import CONFIGURATION, DEB, SERVICE, SOCKET, ServiceCase
from vm import eventually

IN_HAND = {"ECONNRESET", "closed without a reply"}  # what a crash may do to a request that it interrupts, and nothing else
GONE_SECONDS = 0.1  # who died while nobody watched is gone so soon after the start


def replaced(machine: Booted, how: Callable[[], object], seconds: float = 30.0) -> None:
    """Until another process of ours is ready."""
    earlier = machine.main_pid(SERVICE)
    assert earlier != 0
    how()
    eventually(lambda: machine.main_pid(SERVICE) not in (0, earlier), "there is another process", seconds)
    eventually(lambda: machine.state(SERVICE) == "active", "it is ready", seconds)


class Installation(ServiceCase):
    def test_it_takes_the_names_of_stocks_units_and_serves(self) -> None:
        with self.served() as machine:
            self.assertEqual(machine.run("pgrep", "-x", "epmd", check=False).stdout, "")
            self.assertEqual((machine.state(SOCKET), machine.state(SERVICE)), ("active", "active"))
            self.check_stocks_names_are_ours(machine)
            self.assertEqual(machine.systemctl("is-system-running"), "running\n")
            said = machine.properties(SERVICE, "User", "StatusText", "NFileDescriptorStore")
            self.assertEqual(said["User"], "loopmd")
            self.assertRegex(said["StatusText"], "0 nodes")
            status = machine.file(f"/proc/{machine.main_pid(SERVICE)}/status")
            self.assertRegex(status, r"Name:\tloopmd\n")
            self.assertRegex(status, r"CapEff:\t0{16}\nCapBnd:\t0{16}\n")
            self.assertRegex(status, r"NoNewPrivs:\t1\n")

    def test_completions_and_a_profile_come_with_it(self) -> None:
        with self.served() as machine:
            for program in ("loopmd", "epmdctl"):
                self.assertIn(f"complete -F _{program} {program}", machine.file(f"/usr/share/bash-completion/completions/{program}"))
                self.assertIn(f"#compdef {program}", machine.file(f"/usr/share/zsh/vendor-completions/_{program}"))
                self.assertIn(f"complete -c {program}", machine.file(f"/usr/share/fish/vendor_completions.d/{program}.fish"))
            self.assertIn("profile epmdctl", machine.file("/usr/share/loopmd/apparmor/epmdctl"))
            self.assertFalse(machine.run("find", "/etc", "-path", "*apparmor*", "-name", "epmdctl").stdout)

    def test_a_stock_epmd_that_runs_gives_way_and_its_nodes_come_over(self) -> None:
        with self.booted() as machine:
            idfe = machine.erl("-sname", "idfe@lowry").started()
            self.assertEqual(machine.properties("epmd.service", "Id"), {"Id": "epmd.service"})
            self.assertEqual(machine.state("epmd.service"), "active")
            machine.install(DEB)
            self.assertEqual(machine.run("pgrep", "-x", "epmd", check=False).stdout, "")
            eventually(lambda: self.is_at(machine, "127.0.0.2", idfe), "the VM has registered with ours", 10.0)
            self.assertEqual(machine.names(), {})

    def test_an_epmd_that_a_vm_has_started_without_systemd_gives_way(self) -> None:
        with self.booted() as machine:
            machine.systemctl("disable", "--now", "epmd.socket", "epmd.service")
            idfe = machine.erl("-sname", "idfe@lowry").started()
            self.assertEqual(machine.state("epmd.service"), "inactive")
            self.assertNotEqual(machine.run("pgrep", "-x", "epmd").stdout, "")
            machine.install(DEB)
            eventually(lambda: self.is_at(machine, "127.0.0.2", idfe), "the VM has registered with ours", 10.0)
            self.assertEqual(machine.state(SOCKET), "active")

    def test_at_boot_units_that_want_epmd_get_ours(self) -> None:
        with self.served() as machine:
            unit = "[Unit]\nRequires=epmd.service epmd.socket\nAfter=epmd.service epmd.socket\n"
            service = "[Service]\nType=oneshot\nExecStart=true\nRemainAfterExit=yes\n"
            machine.put_file("/etc/systemd/system/broker.service", f"{unit}{service}[Install]\nWantedBy=multi-user.target\n")
            machine.systemctl("enable", "broker.service")
            machine.reboot()
            self.assertEqual(machine.systemctl("is-system-running"), "running\n")
            self.assertEqual([machine.state(unit) for unit in ("broker.service", SERVICE, SOCKET)], ["active"] * 3)
            self.assertEqual(machine.run("pgrep", "-x", "epmd", check=False).stdout, "")
            self.two_namesakes(machine)

    def test_removed_it_gives_stocks_units_back(self) -> None:
        with self.served() as machine:
            idfe = machine.erl("-sname", "idfe@lowry").started()
            machine.run("apt-get", "remove", "-y", "-q", "loopmd")
            self.check_stock_is_back(machine)
            eventually(lambda: machine.names() == {"idfe": idfe.distribution_port()}, "the VM has registered with stock", 10.0)
            self.assertEqual(machine.file(CONFIGURATION)[:2], "# ")
            machine.reboot()
            self.check_stock_is_back(machine)
            machine.run("apt-get", "purge", "-y", "-q", "loopmd")
            left = machine.run("find", "/etc", "/lib/systemd", "/usr/lib/systemd", "/var/lib/systemd", "-name", "*loopmd*").stdout
            self.assertEqual(left, "")
            self.check_stock_is_back(machine)

    def check_stock_is_back(self, machine: Booted) -> None:
        for unit in ("epmd.socket", "epmd.service"):
            self.assertEqual(machine.properties(unit, "Id", "ActiveState"), {"Id": unit, "ActiveState": "active"})
            self.assertEqual(machine.systemctl("is-enabled", unit, check=False), "enabled\n")
        self.assertEqual(machine.run("pgrep", "-x", "loopmd", check=False).stdout, "")
        self.assertEqual(machine.systemctl("is-system-running", check=False), "running\n")

    def test_it_can_be_installed_again(self) -> None:
        with self.served() as machine:
            machine.run("apt-get", "remove", "-y", "-q", "loopmd")
            machine.install(self.deb)
            self.two_namesakes(machine)
            self.check_stocks_names_are_ours(machine)

    def test_the_sandbox_is_tight(self) -> None:
        with self.served() as machine:
            said = machine.run("systemd-analyze", "security", "--no-pager", SERVICE).stdout.splitlines()[-1]
            print(f"\n  {said}")
            self.assertLessEqual(float(re.search(r": ([\d.]+) ", said)[1]), 1.5)


class Activation(ServiceCase):
    def test_the_first_vm_starts_the_service(self) -> None:
        with self.served() as machine:
            machine.systemctl("stop", SERVICE)
            self.assertEqual((machine.state(SERVICE), machine.state(SOCKET)), ("inactive", "active"))
            idfe = machine.erl("-sname", "idfe@lowry").started()
            self.assertEqual(machine.state(SERVICE), "active")
            eventually(lambda: self.is_at(machine, "127.0.0.2", idfe), "idfe is at lowry")

    def test_namesakes_live_side_by_side_whoever_they_belong_to(self) -> None:
        with self.served() as machine:
            machine.add_user("sam")
            lowry = machine.erl("-sname", "idfe@lowry", user="sam")
            indecline = machine.iex("--sname", "idfe@indecline")
            self.assertTrue(lowry.started().connect(indecline.started().node()))
            self.assertEqual(indecline.node_by_rpc("idfe@lowry"), "idfe@lowry")
            self.assertTrue(self.is_at(machine, "127.0.0.2", lowry))
            self.assertTrue(self.is_at(machine, "127.0.0.3", indecline))
            self.assertTrue(machine.erl("-sname", "idfe@lowry").refused())
            eventually(lambda: "2 nodes; 2 hosts" in machine.properties(SERVICE, "StatusText")["StatusText"], "the status")

    def test_a_fact_is_one_line_of_the_journal(self) -> None:
        with self.served() as machine:
            place = machine.cursor()
            idfe = machine.erl("-sname", "idfe@lowry").started()
            eventually(lambda: self.is_at(machine, "127.0.0.2", idfe), "idfe is at lowry")
            idfe.kill()
            eventually(lambda: machine.names("127.0.0.2") == {}, "idfe has gone")
            eventually(lambda: len(machine.journal(SERVICE, place)) >= 2, "both are told")
            came, went = machine.journal(SERVICE, place)
            self.assertRegex(came, r"'idfe@lowry' on port \d+, .* is at .*127\.0\.0\.2.*, by process")
            self.assertRegex(went, r"'idfe@lowry' on port \d+, .* has gone$")

    def test_the_journal_has_time_and_level_once(self) -> None:
        with self.served() as machine:
            for line in machine.journal(SERVICE):
                self.assertNotRegex(line, r"\d\d:\d\d:\d\d|\binfo\b")


class Kept(ServiceCase):
    """A crowd, two VMs, and lookups all the time: none of them notices."""

    def check_nothing_is_lost(
        self,
        machine: Booted,
        count: int,
        replace: Callable[[], None],
        may_fail: frozenset[str] | set[str] = frozenset(),
        may_fail_count: int = LOOKERS,
    ) -> None:
        lowry, indecline = self.two_namesakes(machine)  # before the crowd, which keeps placement busy for a while
        crowd = machine.crowd(count)
        walker = machine.register("walker", 4000)
        walker.close()
        eventually(lambda: machine.lookup("walker") is None, "the walker has gone")
        before = self.seen_by(lowry), self.seen_by(indecline)
        socket = machine.properties(SOCKET, "ActiveEnterTimestampMonotonic", "InvocationID")
        self.assertEqual(crowd.mismatches(), {})
        crowd.start_lookups()
        eventually(lambda: crowd.lookups_so_far() > 200, "the crowd looks up", 20.0)
        began = time.monotonic()
        replace()
        took = time.monotonic() - began
        so_far = crowd.lookups_so_far()
        eventually(lambda: crowd.lookups_so_far() > so_far + 200, "the crowd looks up", 20.0)
        lookups = crowd.stop_lookups()
        kept = machine.properties(SERVICE, "NFileDescriptorStore")["NFileDescriptorStore"]
        print(f"\n  {count} and two VMs, {took:.2f} s: {lookups}; {kept} descriptors are kept")
        self.assertEqual(crowd.disturbed(), {})
        self.assertEqual(crowd.mismatches(), {})
        self.assertLessEqual(set(lookups.kinds()), set(may_fail))
        self.assertLessEqual(len(lookups.failures), may_fail_count)
        self.assertLess(lookups.longest, 10.0)
        self.assertEqual((self.seen_by(lowry), self.seen_by(indecline)), before)
        self.assertEqual(machine.properties(SOCKET, "ActiveEnterTimestampMonotonic", "InvocationID"), socket)
        self.assertTrue(self.is_at(machine, "127.0.0.2", lowry))
        self.assertTrue(self.is_at(machine, "127.0.0.3", indecline))
        self.assertTrue(lowry.connect("idfe@indecline"))
        again = machine.register("walker", 4000)
        self.assertEqual(again.result, 0)
        self.assertGreater(again.creation, walker.creation)
        self.assertLessEqual(int(kept), 16)
        # Who goes now is seen to go, and who comes is there.
        gone, *_ = crowd.ports()
        crowd.leave(gone)
        eventually(lambda: machine.lookup(gone) is None, "who has left is gone")
        crowd.join(10, prefix="newcomer")
        self.assertEqual(crowd.mismatches(), {})

    def restart(self, machine: Booted) -> None:
        replaced(machine, lambda: machine.systemctl("restart", SERVICE))

    def crash(self, machine: Booted) -> None:
        replaced(machine, lambda: machine.signal(SERVICE, signal.SIGKILL))

    def upgrade(self, machine: Booted) -> None:
        version = machine.run("dpkg-query", "--show", "loopmd").stdout
        later = machine.later_version(self.deb)
        replaced(machine, lambda: machine.upgrade(later))
        self.assertNotEqual(machine.run("dpkg-query", "--show", "loopmd").stdout, version)

    def test_a_restart_under_200(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 200, lambda: self.restart(machine))

    def test_a_restart_under_5000(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 5000, lambda: self.restart(machine))

    def test_a_restart_under_15000(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 15000, lambda: self.restart(machine))

    def test_ten_restarts(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 200, lambda: [self.restart(machine) for _ in range(10)])

    def test_sigkill_under_200(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 200, lambda: self.crash(machine), IN_HAND)

    def test_sigkill_under_5000(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 5000, lambda: self.crash(machine), IN_HAND)

    def test_sigkill_under_15000(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 15000, lambda: self.crash(machine), IN_HAND)

    def test_ten_times_sigkill(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 200, lambda: [self.crash(machine) for _ in range(10)], IN_HAND, 10 * LOOKERS)

    def test_an_upgrade_under_200(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 200, lambda: self.upgrade(machine))

    def test_an_upgrade_under_5000(self) -> None:
        with self.served() as machine:
            self.check_nothing_is_lost(machine, 5000, lambda: self.upgrade(machine))

    def test_an_upgrade_of_erlang_beside_it(self) -> None:
        with self.served() as machine:
            later = machine.later_version(machine.erlang_base())
            self.check_nothing_is_lost(machine, 200, lambda: machine.upgrade(later))
            self.check_stocks_names_are_ours(machine)
            self.assertEqual(machine.run("pgrep", "-x", "epmd", check=False).stdout, "")

    def test_the_watchdog(self) -> None:
        with self.served() as machine:
            machine.drop_in(SERVICE, "[Service]\nWatchdogSec=2\n")
            self.restart(machine)

            def freeze() -> None:
                replaced(machine, lambda: machine.signal(SERVICE, signal.SIGSTOP))
                self.assertTrue([line for line in machine.journal() if re.search("loopmd.service: Watchdog timeout", line)])

            self.check_nothing_is_lost(machine, 200, freeze, IN_HAND)

    def test_it_does_not_end_by_the_watchdog_under_5000(self) -> None:
        with self.served() as machine:
            machine.drop_in(SERVICE, "[Service]\nWatchdogSec=1\n")
            self.restart(machine)
            pid = machine.main_pid(SERVICE)
            crowd = machine.crowd(5000)
            self.assertEqual(crowd.mismatches(), {})
            time.sleep(2.5)  # longer than the watchdog waits, and that is what is tested
            self.assertEqual(machine.main_pid(SERVICE), pid)

    def test_an_upgrade_never_restarts_the_socket_when_the_service_is_stopped(self) -> None:
        with self.served() as machine:
            machine.systemctl("stop", SERVICE)
            socket = machine.properties(SOCKET, "InvocationID")
            machine.upgrade(machine.later_version(self.deb))
            self.assertEqual(machine.properties(SOCKET, "InvocationID"), socket)
            self.two_namesakes(machine)

    def test_who_ends_while_no_daemon_runs_is_gone_when_the_next_one_starts(self) -> None:
        with self.served() as machine:
            machine.drop_in(SERVICE, "[Service]\nRestartSec=2\n")
            crowd = machine.crowd(200)
            lowry, indecline = self.two_namesakes(machine)
            left, reset, *_ = crowd.ports()
            machine.signal(SERVICE, signal.SIGKILL)
            eventually(lambda: machine.main_pid(SERVICE) == 0, "no daemon runs")
            crowd.leave(left)
            crowd.leave(reset, with_reset=True)
            indecline.kill()
            self.assertEqual(machine.main_pid(SERVICE), 0, "the test was too slow")
            eventually(lambda: machine.state(SERVICE) == "active", "the next one is ready", 10.0)
            eventually(lambda: not {left, reset, "idfe"} & set(machine.names("127.0.0.3")), "they are gone")
            gone = time.monotonic()
            ready = int(machine.properties(SERVICE, "ActiveEnterTimestampMonotonic")["ActiveEnterTimestampMonotonic"]) / 1e6
            print(f"\n  gone {(gone - ready) * 1000:.0f} ms after the start")
            self.assertLess(gone - ready, GONE_SECONDS)
            self.assertEqual(crowd.mismatches(), {})
            self.assertTrue(self.is_at(machine, "127.0.0.2", lowry))

    def test_a_name_that_its_node_left_while_no_daemon_ran_is_free(self) -> None:
        with self.served() as machine:
            machine.drop_in(SERVICE, "[Service]\nRestartSec=2\n")
            _, indecline = self.two_namesakes(machine)
            machine.signal(SERVICE, signal.SIGKILL)
            eventually(lambda: machine.main_pid(SERVICE) == 0, "no daemon runs")
            indecline.kill()
            indecline.restart()
            eventually(lambda: self.is_at(machine, "127.0.0.3", indecline.started()), "idfe is at indecline again", 10.0)

    def test_what_a_stop_leaves(self) -> None:
        """Where systemd keeps it (from 254 on), all until the socket stops as well; elsewhere a VM comes back by itself."""
        with self.served() as machine:
            lowry, indecline = self.two_namesakes(machine)
            before = self.seen_by(lowry)
            is_kept = machine.properties(SERVICE, "FileDescriptorStorePreserve") == {"FileDescriptorStorePreserve": "yes"}
            machine.systemctl("stop", SERVICE)
            eventually(lambda: self.is_at(machine, "127.0.0.2", lowry), "idfe is at lowry", 10.0)
            eventually(lambda: self.is_at(machine, "127.0.0.3", indecline), "idfe is at indecline", 10.0)
            self.assertEqual(self.seen_by(lowry) == before, is_kept)
            machine.systemctl("stop", SOCKET, SERVICE)
            eventually(lambda: lowry.evaluate("erl_epmd:names()") == "{error,address}", "nobody serves")
            machine.systemctl("start", SOCKET)
            eventually(lambda: self.is_at(machine, "127.0.0.2", lowry), "idfe is at lowry", 10.0)


class Shown(ServiceCase):
    """What the service shows from inside its sandbox."""

    READ = "import sys, urllib.request as web; print(web.urlopen(web.Request(sys.argv[1], headers={'Accept': sys.argv[2]})).read().decode())"

    def read(self, machine: Booted, path: str, accept: str = "*/*") -> str:
        return machine.run("python3", "-c", self.READ, f"http://127.0.0.1:4369{path}", accept).stdout

    def test_the_page_and_the_metrics_which_count_the_restarts_that_lost_nothing(self) -> None:
        with self.served() as machine:
            self.two_namesakes(machine)
            self.assertTrue(self.read(machine, "/", "text/html").startswith("<!doctype html>"))
            for how in (lambda: machine.systemctl("restart", SERVICE), lambda: machine.signal(SERVICE, signal.SIGKILL)):
                replaced(machine, how)
            found = dict(line.rsplit(" ", 1) for line in self.read(machine, "/metrics").splitlines() if line and line[0] != "#")
            self.assertEqual((found["epmd_restarts_survived_total"], found["epmd_survives_restart"]), ("2", "1"))
            self.assertEqual(found['epmd_nodes_by_state{state="placed"}'], "2")
            for series in ("process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_cpu_seconds_total"):
                self.assertGreater(float(found[series]), 0, series)
            self.assertIn('"user":"root"', self.read(machine, "/nodes"))


class Configuration(ServiceCase):
    """A host of two addresses shows which configuration is in force: who registers at one is found at the other."""

    GOOD = "# One host.\n[host]\nattic = 127.0.0.9, 127.0.0.10\n"
    BAD = "# One host.\n[host]\nattic = 127.0.0.9, nowhere\n"

    def configure(self, machine: Booted, text: str) -> None:
        machine.put_file(CONFIGURATION, text)

    def check_is_in_force(self, machine: Booted, expected: bool = True, name: str = "cat") -> None:
        with machine.network():
            cat = machine.register(name, 4001, to="127.0.0.9")
        what = f"attic is {'' if expected else 'not '}one host"
        eventually(lambda: (machine.lookup(name, "127.0.0.10") == 4001) == expected, what)
        cat.close()

    def check_is_told(self, lines: list[str]) -> None:
        """File, line, key, and value, in one line."""
        told = [line for line in lines if CONFIGURATION in line]
        self.assertEqual(len(told), 1, lines)
        for part in ("3", "attic", "nowhere"):
            self.assertIn(part, told[0])

    def test_reload_with_a_good_one(self) -> None:
        with self.served() as machine:
            crowd = machine.crowd(200)
            pid = machine.main_pid(SERVICE)
            self.check_is_in_force(machine, False)
            self.configure(machine, self.GOOD)
            place = machine.cursor()
            crowd.start_lookups()
            machine.systemctl("reload", SERVICE)
            self.check_is_in_force(machine)
            lookups = crowd.stop_lookups()
            self.assertEqual(machine.main_pid(SERVICE), pid)
            self.assertEqual((crowd.disturbed(), crowd.mismatches(), lookups.failures), ({}, {}, []))
            self.assertEqual(len([line for line in machine.journal(SERVICE, place) if CONFIGURATION in line]), 1)

    def test_reload_with_a_bad_one(self) -> None:
        with self.served() as machine:
            self.configure(machine, self.GOOD)
            machine.systemctl("reload", SERVICE)
            self.check_is_in_force(machine)
            crowd = machine.crowd(200)
            pid = machine.main_pid(SERVICE)
            place = machine.cursor()
            self.configure(machine, self.BAD)
            machine.systemctl("reload", SERVICE, check=False)
            eventually(lambda: CONFIGURATION in "".join(machine.journal(SERVICE, place)), "it says so")
            self.check_is_told(machine.journal(SERVICE, place))
            self.check_is_in_force(machine, name="dog")
            self.assertEqual((machine.main_pid(SERVICE), machine.state(SERVICE)), (pid, "active"))
            self.assertEqual((crowd.disturbed(), crowd.mismatches()), ({}, {}))

    def test_a_restart_with_a_bad_one_goes_on_with_the_last_good_one_and_says_so(self) -> None:
        with self.served() as machine:
            self.configure(machine, self.GOOD)
            machine.systemctl("reload", SERVICE)
            self.check_is_in_force(machine)
            crowd = machine.crowd(200)
            lowry, _ = self.two_namesakes(machine)
            before = self.seen_by(lowry)
            self.configure(machine, self.BAD)
            for how in (
                lambda: machine.systemctl("restart", SERVICE),
                lambda: machine.signal(SERVICE, signal.SIGKILL),
                lambda: machine.systemctl("restart", SERVICE),
            ):
                place = machine.cursor()
                replaced(machine, how)
                self.check_is_told(machine.journal(SERVICE, place))
                self.check_is_in_force(machine)
            self.assertEqual((crowd.disturbed(), crowd.mismatches()), ({}, {}))
            self.assertEqual(self.seen_by(lowry), before)
            self.configure(machine, self.GOOD.replace("attic", "cellar"))
            place = machine.cursor()
            self.restart_is_quiet(machine, place)

    def restart_is_quiet(self, machine: Booted, place: str) -> None:
        """Of mistakes, once there is none."""
        replaced(machine, lambda: machine.systemctl("restart", SERVICE))
        self.assertEqual([line for line in machine.journal(SERVICE, place) if "mistake" in line], [])
        self.check_is_in_force(machine)

    def test_the_configuration_of_the_owner_outlives_an_upgrade(self) -> None:
        with self.served() as machine:
            self.configure(machine, self.GOOD)
            replaced(machine, lambda: machine.upgrade(machine.later_version(self.deb)))
            self.assertEqual(machine.file(CONFIGURATION), self.GOOD)
            self.check_is_in_force(machine)


class OfAUser(ServiceCase):
    def test_a_users_own_unit_keeps_everything_as_well(self) -> None:
        with self.served() as machine:
            machine.systemctl("disable", "--now", SOCKET, SERVICE)
            self.assertFalse(machine.answers())
            machine.add_user("sam")
            machine.systemctl("enable", "--now", SOCKET, user="sam")
            lowry = machine.erl("-sname", "idfe@lowry", user="sam").started()
            self.assertEqual(machine.state(SERVICE, user="sam"), "active")
            eventually(lambda: self.is_at(machine, "127.0.0.2", lowry), "idfe is at lowry")
            crowd = machine.crowd(200)
            before = self.seen_by(lowry)
            for how in ("restart", "kill"):
                crowd.start_lookups()
                eventually(lambda: crowd.lookups_so_far() > 100, "the crowd looks up", 20.0)
                pid = machine.main_pid(SERVICE, user="sam")
                if how == "restart":
                    machine.systemctl("restart", SERVICE, user="sam")
                else:
                    machine.signal(SERVICE, signal.SIGKILL, user="sam")
                eventually(lambda: machine.main_pid(SERVICE, user="sam") not in (0, pid), "there is another process", 20.0)
                self.assertTrue(self.is_at(machine, "127.0.0.2", lowry))
                lookups = crowd.stop_lookups()
                print(f"\n  {how}: {lookups}")
                self.assertLessEqual(set(lookups.kinds()), IN_HAND if how == "kill" else set())
                self.assertEqual((crowd.disturbed(), crowd.mismatches()), ({}, {}))
            self.assertEqual(self.seen_by(lowry), before)
            pid = str(machine.main_pid(SERVICE, user="sam"))
            self.assertEqual(machine.run("ps", "-o", "user=", "-p", pid).stdout.strip(), "sam")
