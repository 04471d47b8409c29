"""RabbitMQ brokers: the how-to of a cluster on one machine, run as it stands there, and brokers that are named in other ways."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import ask
from case import ServedCase
from howto import SECONDS, HomeCase, HowToCase, end_all
from machine import HOSTNAME

SCRIPTS = Path("/usr/lib/rabbitmq/bin")  # those that any user may run
LOWRY, INDECLINE = "127.0.0.2", "127.0.0.3"


class Brokers(HomeCase, ServedCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        assert SCRIPTS.is_dir(), f"{SCRIPTS} is not there; it is in the package rabbitmq-server"

    def placements(self, port: int) -> list[str]:
        """What the daemon has decided of the broker that listens there for other nodes, each time that it came."""
        return re.findall(rf"'rabbit(?:@\w+)?' on port {port}, .* is (at .*|parked.*|unplaced.*)", self.daemon.log())

    def check_nobody_was_turned_away(self) -> None:
        for trouble in ("refused", "parked"):
            self.assertEqual(self.daemon.lines_with(trouble), [])


class HowTo(HowToCase, Brokers):
    name = "rabbitmq-cluster-on-one-machine"

    def check_names(self, expected: dict[str, dict[str, int]]) -> None:
        for address, names in expected.items():
            self.assertEqual(ask.names(address), names, address)
        self.assertNotIn("rabbit", ask.names("127.0.0.1"))

    def check_listed(self, status: str, heading: str, *expected: str) -> None:
        found = re.search(rf"{heading}\S*\n\n((?:\w+@\w+\n)*)", status)
        self.assertIsNotNone(found, status)
        self.assertEqual(sorted(found[1].split()), sorted(expected), heading)

    def check_is_whole(self, status: str) -> None:
        for heading in ("Disk Nodes", "Running Nodes"):
            self.check_listed(status, heading, "rabbit@lowry", "rabbit@indecline")
        self.check_names({LOWRY: {"rabbit": 25672}, INDECLINE: {"rabbit": 25673}})
        for address in (LOWRY, INDECLINE):
            self.assertTrue(ask.answers(address, 5672), address)
        self.assertFalse(ask.answers("127.0.0.1", 5672))

    def test_its_commands_do_what_it_says(self) -> None:
        self.follow("Settings")
        self.follow("Start")
        self.check_names({LOWRY: {"rabbit": 25672}, INDECLINE: {"rabbit": 25673}})
        self.check_is_whole(self.follow("Join"))
        stopped = self.follow("Stop one")
        self.check_listed(stopped, "Running Nodes", "rabbit@lowry")
        self.check_listed(stopped, "Disk Nodes", "rabbit@lowry", "rabbit@indecline")
        self.check_names({LOWRY: {"rabbit": 25672}, INDECLINE: {}})
        self.check_is_whole(self.follow("Start it again"))
        told = self.follow("If it does not work")
        self.assertRegex(told, r"host (lowry at )?127\.0\.0\.2\nname rabbit at port 25672\n")
        self.assertRegex(told, r"host (indecline at )?127\.0\.0\.3\nname rabbit at port 25673\n")
        self.follow("Clean up")
        self.check_all_is_done()
        self.assertFalse((self.home / "brokers").exists())
        self.check_names({LOWRY: {}, INDECLINE: {}})
        self.assertEqual(self.placements(25672), [f"at {LOWRY}, by listener"])
        self.assertEqual(self.placements(25673), [f"at {INDECLINE}, by listener"] * 2)
        self.check_nobody_was_turned_away()


class NamedInOtherWays(Brokers):
    """They listen for other nodes on all addresses, as they do unless they are told otherwise."""

    def setUp(self) -> None:
        super().setUp()
        cookie = self.home / ".erlang.cookie"
        cookie.write_text("a_shared_cookie")
        cookie.chmod(0o400)
        self.variables["PATH"] = f"{SCRIPTS}:{self.variables['PATH']}"

    def start(self, folder: str, settings: dict[str, str], **variables: str) -> subprocess.Popen[bytes]:
        """Start a broker in a folder of its own. It is not awaited. The settings are in a file, the variables in its environment."""
        own = self.home / folder
        own.mkdir()
        (own / "plugins").write_text("[].\n")
        common = {"MNESIA_BASE": f"{own}/data", "LOG_BASE": own, "PID_FILE": f"{own}/pid", "ENABLED_PLUGINS_FILE": f"{own}/plugins"}
        (own / "env").write_text("".join(f"{name}={value}\n" for name, value in {**common, **settings}.items()))
        with open(own / "said.log", "wb") as said:
            broker = subprocess.Popen(
                ["rabbitmq-server"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=own,
                env={**self.variables, "RABBITMQ_CONF_ENV_FILE": f"{own}/env", **variables},
                start_new_session=True,
            )
        self.addCleanup(broker.wait, 10)
        self.addCleanup(end_all, self.home)  # before it is waited for
        return broker

    def wait(self, folder: str, node_name: str) -> None:
        """Until it has booted."""
        words = ["rabbitmqctl", "-n", node_name, "wait", "--timeout", "60", f"{self.home}/{folder}/pid"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.variables, timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_two_by_a_file_of_settings_at_the_same_moment(self) -> None:
        """No flag and no variable of the process has their names: they are asked."""
        for host, address, port in (("lowry", LOWRY, "25672"), ("indecline", INDECLINE, "25673")):
            self.start(host, {"NODENAME": f"rabbit@{host}", "NODE_IP_ADDRESS": address, "DIST_PORT": port})
        for host, address, port in (("lowry", LOWRY, 25672), ("indecline", INDECLINE, 25673)):
            self.wait(host, f"rabbit@{host}")
            self.assertEqual(ask.names(address), {"rabbit": port})
            self.assertEqual(self.placements(port), [f"at {address}, by handshake"])
        self.assertNotIn("rabbit", ask.names("127.0.0.1"))
        self.check_nobody_was_turned_away()

    def test_a_booting_one_minds_the_names_at_its_own_host_only(self) -> None:
        """RabbitMQ reads the names at its host before it boots, and gives up if its own is among them."""
        lowry = {"NODE_IP_ADDRESS": LOWRY, "DIST_PORT": "25672"}
        self.start("lowry", lowry, RABBITMQ_NODENAME="rabbit@lowry")
        self.wait("lowry", "rabbit@lowry")
        self.assertEqual(self.placements(25672), [f"at {LOWRY}, by process"])
        self.start("machine", {"NODE_IP_ADDRESS": "127.0.0.1", "DIST_PORT": "25673"})
        self.wait("machine", f"rabbit@{HOSTNAME}")
        self.assertEqual(self.placements(25673), ["at this machine, by handshake"])
        second = self.start("second", {**lowry, "DIST_PORT": "25674"}, RABBITMQ_NODENAME="rabbit@lowry")
        second.wait(SECONDS)
        self.assertIn("duplicate_node_name", (self.home / "second" / "said.log").read_text())
        self.assertEqual(ask.names(LOWRY), {"rabbit": 25672})
        self.assertEqual(ask.lookup("127.0.0.1", "rabbit"), 25673)
        self.check_nobody_was_turned_away()
