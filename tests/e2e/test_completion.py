"""Completion in bash, zsh and fish: hosts and nodes of the daemon that runs, commands for exec, and nothing, soon, where none runs."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import time
import unittest
from pathlib import Path

import ask
from case import ServedCase
from daemon import EPMD
from shells import Bash, BashWithPackage, Fish, Shell, Zsh
from vm import eventually

COMPLETIONS = Path(__file__).resolve().parents[2] / "completions"
OTHER_PORT = 4370
SOON = 10.0  # seconds; epmdctl itself waits a minute for an epmd that accepts and does not answer

HOSTS = {"lazarides", "lowry.example.test", "indecline.example.test"}


class Completion:
    """What each shell is to do."""

    kind: type[Shell]
    flags = ("--host", "lazarides=127.0.0.4,127.0.0.5")

    @classmethod
    def setUpClass(cls) -> None:
        if not cls.kind.is_there():
            raise unittest.SkipTest(f"{cls.kind.package} is not there; scripts/setup test installs it")
        path = f"{Path(EPMD).parent}:{os.environ['PATH']}"
        cls.shell = cls.enterClassContext(cls.kind(COMPLETIONS, {"PATH": path}))

    def setUp(self) -> None:
        super().setUp()
        self.know_hosts(ask.EPMD_PORT)

    def know_hosts(self, port: int) -> None:
        """A daemon reads the hosts file as soon as it serves."""
        eventually(lambda: self.offered(f"epmdctl --port {port} nodes lo") == {"lowry.example.test"}, "the hosts are known")

    def register(self, alive_name: str, address: str, epmd_port: int = ask.EPMD_PORT) -> None:
        """A node, as long as the test lasts."""
        node = self.enterContext(ask.register(alive_name, 7, to=address, epmd_port=epmd_port, node_type=ask.C_NODE))
        self.assertEqual(node.result, 0)

    def offered(self, line: str) -> set[str]:
        return self.shell.offered(line)

    def test_hosts_by_their_names_or_else_by_an_address(self) -> None:
        self.register("idfe", "127.0.0.9")
        self.assertEqual(self.offered("epmdctl nodes "), HOSTS | {"workshop", "127.0.0.9"})
        self.assertEqual(self.offered("epmdctl exec "), HOSTS | {"127.0.0.9"})  # not this machine
        self.assertEqual(self.offered("epmdctl nodes --json in"), {"indecline.example.test"})
        self.assertEqual(self.offered("epmdctl exec --keep-hostname 127"), {"127.0.0.9"})
        for line in ("epmdctl hosts l", "epmdctl nodes lowry l", "epmdctl exec --print lowry l"):
            self.assertEqual(self.offered(line), set(), line)

    def test_nodes(self) -> None:
        self.register("idfe", "127.0.0.2")
        self.register("idfe", "127.0.0.9")
        self.register("otp", "127.0.0.3")
        idfe, otp = {"idfe@lowry", "idfe@127.0.0.9"}, {"otp@indecline"}
        self.assertEqual(self.offered("epmdctl wait "), idfe | otp)
        self.assertEqual(self.offered("epmdctl wait-free --timeout 3 i"), idfe)
        self.assertEqual(self.offered("epmdctl wait-free idfe@"), idfe)
        self.assertEqual(self.offered("epmdctl wait idfe@l"), {"idfe@lowry"})
        for line in ("epmdctl wait otp o", "epmdctl wait --timeout ", "epmdctl reload o"):
            self.assertEqual(self.offered(line), set(), line)

    def test_both_nodes_of_doctor(self) -> None:
        self.register("idfe", "127.0.0.2")
        self.register("otp", "127.0.0.3")
        nodes = {"idfe@lowry", "otp@indecline"}
        self.assertEqual(self.offered("epmdctl do"), {"doctor"})
        self.assertEqual(self.offered("epmdctl doctor "), nodes)
        self.assertEqual(self.offered("epmdctl doctor otp@indecline "), nodes)
        self.assertEqual(self.offered("epmdctl doctor --cookie otp --as-from otp@indecline --cookie-to=x i"), {"idfe@lowry"})
        self.assertEqual(self.offered("epmdctl doctor --cookie-file otp o"), {"otp@indecline"})
        self.assertEqual(self.offered("epmdctl doctor 'two  words@lowry' o"), {"otp@indecline"})
        self.assertEqual(self.offered("epmdctl doctor otp@indecline idfe@lowry o"), set())

    def test_flags_of_doctor(self) -> None:
        cookies = {"--cookie", "--cookie-from", "--cookie-to", "--cookie-file"}
        others = {"--no-cookie-test", "--as-from", "--json", "--port", "--help"}
        self.assertEqual(self.offered("epmdctl doctor -"), cookies | others)
        self.assertEqual(self.offered("epmdctl doctor --as-from idfe@lowry otp@indecline --no"), {"--no-cookie-test"})

    def test_the_file_of_a_cookie(self) -> None:
        self.register("idfe", "127.0.0.2")
        file = self.file("cookie of both", "")
        begin, whole = str(file).removesuffix(" of both"), str(file)
        self.assertEqual(self.offered(f"epmdctl doctor --cookie-file {begin}"), {whole})
        self.assertEqual(self.offered(f"epmdctl doctor --cookie-file={begin}"), {f"--cookie-file={whole}"})
        self.assertEqual(self.offered(f"epmdctl doctor {begin}"), set())

    def test_nothing_is_known_of_a_cookie(self) -> None:
        self.register("idfe", "127.0.0.2")
        begin = str(self.file("cookie", "")).removesuffix("kie")
        for flag in ("--cookie", "--cookie-from", "--cookie-to"):
            for value in (" ", " i", f" {begin}", "=", "=i", f"={begin}", " 'two i", ' "two i', " two\\ i"):
                line = f"epmdctl doctor {flag}{value}"
                self.assertEqual(self.offered(line), set(), line)

    def test_nodes_of_the_epmd_that_the_line_names(self) -> None:
        self.serve("-port", str(OTHER_PORT), port=OTHER_PORT)
        self.know_hosts(OTHER_PORT)
        self.register("here", "127.0.0.2")
        self.register("there", "127.0.0.2", OTHER_PORT)
        there = {"there@lowry"}
        self.assertEqual(self.offered(f"epmdctl --port {OTHER_PORT} wait "), there)
        self.assertEqual(self.offered(f"epmdctl --port={OTHER_PORT} wait "), there)
        self.assertEqual(self.offered(f"epmdctl wait --port {OTHER_PORT} "), there)
        self.assertEqual(self.offered(f"epmdctl --port {OTHER_PORT} wait --port 4369 "), {"here@lowry"})
        for line in ("epmdctl --port ", "epmdctl --port=", "epmdctl wait --port "):
            self.assertEqual(self.offered(line), set(), line)

    def test_a_name_is_a_word_whatever_is_in_it(self) -> None:
        trace = self.scratch("trace")
        names = {f"$(touch {trace})", f"`touch {trace}`", f";touch {trace}", "two  words", "it's", "*", "żółw"}
        for name in names:
            self.register(name, "127.0.0.2")
        nodes = {f"{name}@lowry" for name in names}
        self.assertEqual(self.offered("epmdctl wait "), nodes)
        self.assertEqual(self.offered("epmdctl doctor "), nodes)
        for node in sorted(nodes):
            self.assertEqual(self.offered(f"epmdctl doctor {shlex.quote(node)} "), nodes, node)
            escaped = re.sub(r"([^\w@])", r"\\\1", node)
            self.assertEqual(self.offered(f"epmdctl doctor {escaped} "), nodes, escaped)
        self.assertEqual(self.offered("loopmd -stop "), names)
        self.assertFalse(trace.exists())

    def test_a_command_to_run_as_if_on_a_host(self) -> None:
        for before in ("epmdctl exec lowry", "epmdctl --port 4369 exec --keep-hostname ::1 --"):
            self.assertIn("loopmd", self.offered(f"{before} loop"))
            self.assertEqual(self.offered(f"{before} loopmd --log-level w"), self.offered("loopmd --log-level w"))

    def test_none_and_soon_where_no_daemon_answers(self) -> None:
        self.register("idfe", "127.0.0.2")
        lines = ("epmdctl wait ", "epmdctl wait-free i", "epmdctl nodes ", "epmdctl exec l")
        with self.stopped_(), self.soon_():
            self.assertEqual(self.offered(lines[0]), set())
        self.daemon.stop()
        with self.soon_():
            for line in lines:
                self.assertEqual(self.offered(line), set(), line)
        self.assertIn("nodes", self.offered("epmdctl "))
        self.assertNotIn("epmdctl: ", self.shell.shown())

    @contextlib.contextmanager
    def stopped_(self):
        """It accepts, and does not answer."""
        self.daemon.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.daemon.send(signal.SIGCONT)

    @contextlib.contextmanager
    def soon_(self):
        begin = time.monotonic()
        yield
        self.assertLess(time.monotonic() - begin, SOON)


class InBash(Completion, ServedCase):
    kind = Bash

    def test_a_command_to_run_as_if_on_a_host(self) -> None:
        """Without bash-completion: what is a command, and files."""
        self.assertIn("loopmd", self.offered("epmdctl exec lowry loop"))
        self.assertIn("loopmd", self.offered("epmdctl exec ::1 -- loop"))
        self.assertEqual(self.offered("epmdctl exec lowry -- cat /etc/hosts.al"), self.offered("cat /etc/hosts.al"))

    def test_a_name_with_blanks_goes_on_after_them(self) -> None:
        self.register("two  words", "127.0.0.2")
        self.register("words", "127.0.0.3")
        for before in ("epmdctl wait", "epmdctl doctor", "epmdctl doctor words@indecline"):
            self.assertEqual(self.shell.after(f"{before} two\\ \\ wo"), f"{before} two\\ \\ words@lowry ")


class InBashWithPackage(Completion, ServedCase):
    kind = BashWithPackage


class InZsh(Completion, ServedCase):
    kind = Zsh


class InFish(Completion, ServedCase):
    kind = Fish
