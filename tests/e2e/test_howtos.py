"""The how-tos of docs/howto, run as they stand there. What they show below their commands is compared as they are run (howto.py)."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time

import ask
import machine
from ctl import Terminal
from howto import FOLDER, SECONDS, HowToCase, processes_of, tidy
from neighbour import OURS, THEIRS, Neighbour
from vm import eventually

HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost
127.0.1.1 workshop.example.test workshop
"""
LOWRY, INDECLINE, LAZARIDES = "127.0.0.2", "127.0.0.3", "127.0.0.4"


class HowTo(HowToCase):
    """On a machine whose hosts file has none of the hosts."""

    hosts = HOSTS

    def check_who_is_there(self, expected: dict[str, set[str]]) -> None:
        for address, alive_names in expected.items():
            self.assertEqual(set(ask.names(address)), alive_names, address)


class DevelopersEnvironment(HowTo):
    name = "developers-environment"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for program, package in {"direnv": "direnv", "foreman": "ruby-foreman"}.items():
            assert shutil.which(program), f"{program} is not on the PATH; it is in the package {package}"

    def check_the_hook(self) -> None:
        """A shell with direnv's hook is on a host as long as it is in the host's folder, and looks again when the hosts change."""
        typed = """eval "$(direnv hook bash)"; cd ~/five/lowry
            echo "now <$ERL_AFLAGS>"; cd ../tuttle
            echo "now <$ERL_AFLAGS>"; touch -d 'next year' ~/.config/loopmd/loopmd.conf
            echo "now <$ERL_AFLAGS>"; cd ..
            echo "now <$ERL_AFLAGS>"
        """
        command = ["bash", "--norc", "-i"]
        done = subprocess.run(command, input=typed, capture_output=True, text=True, env=self.variables, timeout=SECONDS)
        flags = re.findall(r"^now <(.*)>$", done.stdout, re.MULTILINE)
        self.assertEqual(len(flags), 4, done.stdout + done.stderr)
        self.assertIn("inet_dist_use_interface {127,0,0,2}", flags[0])
        self.assertIn("inet_dist_use_interface {127,0,0,6}", flags[1])
        self.assertEqual(flags[1:], [flags[1], flags[1], ""])
        loaded = re.findall(r"direnv: loading ~/five/(\w+)", done.stderr)
        self.assertEqual(loaded, ["lowry", "tuttle", "tuttle"])

    def check_what_foreman_ends(self) -> None:
        """All, when one ends; but of a line that has no `exec` only the shell."""
        node = "-- elixir --sname app --no-halt -e 1"
        procfile = self.file(
            "Procfile",
            f"lowry: epmdctl exec lowry {node}\n"
            f"indecline: epmdctl wait app@lowry && epmdctl exec indecline {node}\n"
            "last: epmdctl wait app@indecline && sleep 1\n",
        )
        command = ["foreman", "start", "--procfile", str(procfile)]
        done = subprocess.run(command, capture_output=True, text=True, env=self.variables, timeout=SECONDS)
        self.assertIn("sending SIGTERM to all processes", done.stdout, done.stderr)
        self.check_who_is_there({LOWRY: set(), INDECLINE: {"app"}})
        listed = subprocess.run(
            ["epmdctl", "nodes", "--json"], capture_output=True, env=self.variables, timeout=SECONDS, check=True
        ).stdout
        (pid,) = [node["owner"]["pid"] for node in json.loads(listed)["nodes"]]
        self.assertIn(pid, processes_of(self.home))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not ask.names(INDECLINE), "that one has ended as well")

    def test_its_commands_do_what_it_says(self) -> None:
        self.follow("The hosts")
        self.follow("One command starts all")
        self.check_who_is_there({"127.0.0.1": set()} | {f"127.0.0.{last}": {"app"} for last in range(2, 7)})
        self.follow("A folder for each host")
        self.check_the_hook()
        self.follow("Stop")
        self.check_who_is_there({f"127.0.0.{last}": set() for last in range(1, 7)})
        self.check_what_foreman_ends()
        self.follow("What goes wrong")
        self.check_who_is_there({"127.0.0.1": {"app"}, LOWRY: set()})
        self.follow("Clean up")
        self.check_all_is_done()


class NodesThatFindEachOther(HowTo):
    name = "elixir-nodes-that-find-each-other"

    def test_its_commands_do_what_it_says(self) -> None:
        self.follow("Three hosts, four nodes")
        self.check_who_is_there({LOWRY: {"app"}, INDECLINE: {"app", "jobs"}, LAZARIDES: {"app"}, "127.0.0.1": set()})
        self.follow("With nothing but Erlang")
        self.follow("A script that keeps looking")
        self.check_who_is_there({LOWRY: {"app", "finder"}})
        self.follow("What goes wrong")
        self.follow("Clean up")
        self.check_all_is_done()


class Releases(HowTo):
    name = "releases-on-hosts"

    def check_the_remote_shell(self) -> None:
        """What the how-to shows of it: prompts, what is typed there, and the answers."""
        text = (FOLDER / f"{self.name}.md").read_text()
        (shown,) = re.findall(r"^```iex\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        (command,) = re.findall(r"`(epmdctl exec \w+ -- bin/app remote)`", text)
        program = str(self.home / "releases/app/_build/prod/rel/app/bin/app")
        words = command.replace("bin/app", program).split()[1:]
        # Without abilities of the terminal there is no remote shell.
        terminal = Terminal(*words, extra={**self.variables, "TERM": "xterm"})

        def await_text(expected: str) -> None:
            deadline = time.monotonic() + SECONDS
            while expected not in tidy(terminal.said.decode(errors="replace")):
                self.assertTrue(terminal.read(deadline), f"{expected!r} does not come: {terminal.said!r}")

        def has_ended() -> bool:
            return os.waitid(os.P_PID, terminal.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

        try:
            for prompt, typed, answer in re.findall(r"^(iex\(.*?\)\d+>) (.*)\n(.*)$", shown, re.MULTILINE):
                await_text(prompt)
                terminal.press(f"{typed}\n".encode())
                await_text(f"\n{answer}\n")
            terminal.press(b"\x1c")  # Ctrl-\
            eventually(has_ended, "Ctrl-\\ ends the shell", SECONDS)
        finally:
            os.kill(terminal.pid, signal.SIGKILL)
            terminal.finish()

    def test_its_commands_do_what_it_says(self) -> None:
        self.follow("Two hosts")
        self.follow("A release")
        self.follow("Start it on both hosts")
        self.check_who_is_there({LOWRY: {"app"}, INDECLINE: {"app"}, "127.0.0.1": set()})
        self.follow("Ask them")
        self.check_the_remote_shell()
        self.check_who_is_there({LOWRY: {"app"}, INDECLINE: {"app"}})
        self.follow("Another name, a long name, a fixed port")
        self.check_who_is_there({"127.0.0.7": {"shop"}, "127.0.0.8": {"shop"}})
        self.follow("Stop")
        self.follow("In the background")
        self.check_who_is_there({LOWRY: {"app"}, INDECLINE: {"app"}, "127.0.0.7": set(), "127.0.0.8": set()})
        self.follow("What goes wrong")
        self.follow("Clean up")
        self.check_all_is_done()


class SecondMachine(HowTo):
    name = "moving-a-host-to-a-second-machine"

    def setUp(self) -> None:
        super().setUp()
        neighbour = self.enterContext(Neighbour(machine.has_ipv6()))
        hosts = self.file("hosts", "127.0.0.1 localhost\n127.0.1.1 indecline\n")
        self.home_there, variables = self.new_home("home-there")
        wrapper = neighbour.machine_command("indecline", hosts)
        self.there = self.add_reader("there", self.home_there, variables, wrapper=wrapper, hostname="indecline")

    def test_its_commands_do_what_it_says(self) -> None:
        self.follow("Before: three hosts on one machine")
        self.check_who_is_there({LOWRY: {"app"}, INDECLINE: {"app"}, LAZARIDES: {"app"}})
        self.follow("The host leaves")
        self.check_who_is_there({LOWRY: set(), INDECLINE: set(), LAZARIDES: set()})
        cookie = self.home_there / ".erlang.cookie"
        cookie.write_text((self.home / ".erlang.cookie").read_text())
        cookie.chmod(0o400)
        self.follow("On the second machine")
        self.assertEqual(ask.names(THEIRS), {"app": 9100})
        self.follow("After: the hosts that stayed dial")
        self.follow("The second machine dials too")
        self.check_who_is_there({LOWRY: {"app"}, OURS: {"app"}, "127.0.0.1": set(), INDECLINE: set()})
        self.follow("What goes wrong")
        self.follow("Clean up")
        self.check_all_is_done()
