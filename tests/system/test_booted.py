"""That the machines are what the other tests take them for, and leave nothing behind."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import booted
from system_case import ROOT, SystemCase


def traces() -> tuple[set[str], ...]:
    """What a machine could leave on this side."""
    return (
        set(Path("/proc/self/mountinfo").read_text().splitlines()),
        {str(one) for path in booted.cgroups() for one in path.glob("loopmd-*")},
        {one for one in os.listdir(tempfile.gettempdir()) if one.startswith("loopmd-machine-")},
        {one.name for one in Path("/proc").glob("[0-9]*") if "loopmd-machine-" in command_line(one)},
        {str(one) for one in Path("/run/systemd/nspawn").glob("*/loopmd-*")},
    )


def hosts_of_root() -> str:
    try:
        return (ROOT / "etc/hosts").read_text()
    except FileNotFoundError:
        return ""


def command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


class Machines(SystemCase):
    def test_each_is_its_own_and_leaves_nothing(self) -> None:
        before, hosts = traces(), hosts_of_root()
        with self.booted() as one, self.booted() as other:
            version = one.run("systemctl", "--version").stdout.split()[1]
            print(f"\n  booted in {one.boot_seconds:.2f} and {other.boot_seconds:.2f} s: systemd {version}")
            self.assertEqual(one.run("systemctl", "is-system-running").stdout, "running\n")
            self.assertEqual(one.run("hostname").stdout, "workshop\n")
            one.put_file("/etc/hosts", "127.0.0.9 elsewhere\n")
            self.assertEqual(one.file("/etc/hosts"), "127.0.0.9 elsewhere\n")
            self.assertIn("127.0.0.2 lowry", other.file("/etc/hosts"))
            self.assertEqual(hosts_of_root(), hosts)
            one.register("idfe", 5000)
            self.assertEqual((one.names(), other.names()), ({"idfe": 5000}, {}))
            self.assertEqual(one.names("::1"), {"idfe": 5000})
            self.assertEqual(one.names("127.0.0.2"), {"idfe": 5000})
        self.assertEqual(traces(), before)

    def test_what_was_written_outlives_a_reboot(self) -> None:
        with self.booted() as machine:
            machine.put_file("/root/note", "kept")
            pid = machine.first_process
            machine.reboot()
            self.assertNotEqual(machine.first_process, pid)
            self.assertEqual(machine.file("/root/note"), "kept")
            self.assertEqual(machine.run("hostname").stdout, "workshop\n")

    def test_it_can_be_switched_off_in_good_order(self) -> None:
        before = traces()
        with self.booted() as machine:
            machine.poweroff()
            self.assertEqual(machine.process.returncode, 0)
        self.assertEqual(traces(), before)

    def test_programs_inside_have_nothing_of_our_environment_and_end_with_us(self) -> None:
        with self.booted() as machine:
            machine.add_user("sam")
            self.assertEqual(machine.run("sh", "-c", "id -un; pwd; echo $HOME", user="sam").stdout, "sam\n/\n/home/sam\n")
            self.assertNotIn("LOOPMD", machine.run("env").stdout)
            self.assertEqual(machine.run("cat", stdin="said").stdout, "said")
            with self.assertRaisesRegex(AssertionError, "ended with 3; it has said:\nno"):
                machine.run("sh", "-c", "echo no; exit 3")
            sleeper = machine.popen("sleep", "1000", user="sam")
            inside = machine.inside_pid(sleeper)
            end = os.pidfd_open(inside)
            sleeper.kill()
            sleeper.wait()
            self.assertTrue(booted.wait_for_end(end, 10.0))

    def test_units_of_a_user_can_be_driven(self) -> None:
        with self.booted() as machine:
            machine.add_user("sam")
            machine.put_file("/home/sam/.config/systemd/user/nap.service", "[Service]\nExecStart=sleep 1000\n")
            machine.systemctl("daemon-reload", user="sam")
            machine.systemctl("start", "nap.service", user="sam")
            self.assertEqual(machine.state("nap.service", user="sam"), "active")
            self.assertEqual(machine.state("nap.service"), "inactive")
            self.assertGreater(machine.main_pid("nap.service", user="sam"), 1)

    def test_the_journal_is_read_from_a_place_on(self) -> None:
        with self.booted() as machine:
            say = ("systemd-run", "--wait", "--quiet", "--unit=speaker", "echo")
            machine.run(*say, "before")
            place = machine.cursor()
            self.assertEqual(machine.journal("speaker.service", place), [])
            machine.run(*say, "after")
            self.assertEqual(machine.journal("speaker.service", place), ["after"])
            self.assertEqual(machine.journal("speaker.service"), ["before", "after"])
            self.assertIn("after", machine.journal(since=place))
