"""Who may do what: from another machine, with forged addresses, as another user, and from a web page of another origin."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

import ask
import machine
from case import Case, ServedCase
from ctl import ctl
from daemon import EPMD, SCRATCH, STOCK, Daemon
from forger import Device, Forger, Segment, counted
from manager import Manager
from neighbour import OURS, OURS_V6, THEIRS, THEIRS_V6, Neighbour, ip
from test_http import said_to
from test_metrics import scrape
from test_other_users import A_USER, ANOTHER_USER, OtherUsers
from vm import Erl, Vm, eventually
from web import get

DUMP_REQ = 100
STOP_REQ = 115
EPMD_PORT = ask.EPMD_PORT
IMPOSTOR = Path(__file__).resolve().parent / "impostor.py"
NO_ANSWER_SECONDS = 1.5  # a SYN that is dropped is sent again after 1 s: two of them are seen to be lost

ALIVE2 = ask.frame(bytes.fromhex("789c4f4d00000600050008") + b"intruder" + bytes(2))
DUMP = ask.frame(bytes([DUMP_REQ]))
KILL = ask.frame(bytes([ask.KILL_REQ]))
STOP = ask.frame(bytes([STOP_REQ]) + b"idfe")
NAMES = ask.frame(bytes([ask.NAMES_REQ]))
REQUESTS = {"ALIVE2_REQ": ALIVE2, "DUMP_REQ": DUMP, "KILL_REQ": KILL, "STOP_REQ": STOP}

# One more on the cable whom only the forger answers for, so that no kernel there gets in his way.
STRANGER, STRANGER_V6 = "10.77.0.77", "fd77:77::77"


class Networked(Case):
    def setUp(self) -> None:
        super().setUp()
        self.ipv6 = machine.has_ipv6()
        self.neighbour = self.enterContext(Neighbour(self.ipv6))
        self.ours = [OURS, *([OURS_V6] if self.ipv6 else [])]


class AnotherNetworkNamespace(Networked):
    """A neighbour on a cable, as another machine or a container with a network of its own is."""

    def check_that_it_may_ask_and_nothing_else(self, addresses: list[str]) -> None:
        with ask.register("idfe", 40002, node_type=ask.C_NODE) as held:
            self.assertEqual(held.result, 0)
            for address in addresses:
                with self.neighbour.over_there():
                    for name, request in REQUESTS.items():
                        self.assertEqual(said_to(request, address), b"", f"{name} at {address}")
                    self.assertEqual(ask.names(address), {"idfe": 40002})
                    self.assertEqual(ask.lookup(address, "idfe"), 40002)
                    self.assertIsNone(ask.lookup(address, "intruder"))
            self.assertEqual(ask.names("127.0.0.1"), {"idfe": 40002})
            self.assertEqual(ask.kill(), b"OK" if self.is_relaxed else b"NO")

    def check_each_epmd(self, *flags: str) -> None:
        """Ours and Erlang's own do the same."""
        self.is_relaxed = "-relaxed_command_check" in flags
        for path in (STOCK, EPMD):
            with self.subTest(path=path), Daemon(*flags, path=path) as daemon:
                self.check_that_it_may_ask_and_nothing_else(self.ours)
                if self.is_relaxed:
                    daemon.process.wait(10)  # it was killed from here, by who may

    def test_it_may_ask_and_nothing_else_as_with_stock(self) -> None:
        self.check_each_epmd()

    def test_a_relaxed_epmd_is_relaxed_for_its_own_machine_only_as_with_stock(self) -> None:
        self.check_each_epmd("-relaxed_command_check")

    def test_it_is_the_same_at_a_socket_that_serves_ipv4_as_mapped_addresses(self) -> None:
        """As systemd passes one: the peer is ::ffff:10.77.0.2, which is no loopback address."""
        if not self.ipv6:
            self.skipTest("no IPv6 here")
        self.is_relaxed = False
        with Manager("--listen", "all"):
            self.check_that_it_may_ask_and_nothing_else(self.ours)

    def test_with_listen_loopback_there_is_no_answer_at_all(self) -> None:
        self.serve("--listen", "loopback")
        before = scrape()["epmd_connections_accepted_total"]
        for address in self.ours:
            with self.neighbour.over_there(), self.assertRaises(TimeoutError):
                ask.dial(address, seconds=NO_ANSWER_SECONDS).close()
        self.assertEqual(scrape()["epmd_connections_accepted_total"], before + 1)  # our own question

    def test_with_listen_loopback_a_passed_socket_gives_no_answer_either(self) -> None:
        if not self.ipv6:
            self.skipTest("no IPv6 here")
        with Manager("--listen", "loopback"):
            for address in self.ours:
                with self.neighbour.over_there(), self.assertRaises(TimeoutError):
                    ask.dial(address, seconds=NO_ANSWER_SECONDS).close()

    def test_with_listen_loopback_and_without_the_right_to_filter_nothing_is_said_to_it(self) -> None:
        """Kernels that want CAP_NET_ADMIN for a filter (6.18) let it connect: then it is closed before it is read."""
        without = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--")
        self.serve("--listen", "loopback", "--status", "all", wrapper=without)
        with ask.register("idfe", 40002, node_type=ask.C_NODE):
            for address in self.ours:
                for name, request in {**REQUESTS, "NAMES_REQ": NAMES, "GET": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"}.items():
                    with self.subTest(name, address=address), self.neighbour.over_there():
                        said = b""
                        with contextlib.suppress(TimeoutError), ask.dial(address, seconds=NO_ANSWER_SECONDS) as connection:
                            connection.sendall(request)
                            with contextlib.suppress(ConnectionResetError):
                                said = ask.read_to_end(connection)
                        self.assertEqual(said, b"")
            self.assertEqual(ask.names("127.0.0.1"), {"idfe": 40002})


class ForgedAddresses(Networked):
    """Packets on the cable that say to be from this machine, which is what tells who is of this machine.

    None is to reach the daemon; and where a machine is set up to let them in, there is no conversation, since what the
    kernel answers to an address of this machine stays on it.
    """

    def setUp(self) -> None:
        super().setUp()
        self.forger = self.enterContext(Forger(self.neighbour))
        self.cable = self.enterContext(Device("cable0"))
        self.lo = self.enterContext(Device("lo"))
        hardware_address = self.forger.cable.hardware_address.hex(":")
        for stranger in (STRANGER, *([STRANGER_V6] if self.ipv6 else [])):
            ip("neigh", "add", stranger, "lladdr", hardware_address, "dev", "cable0")

    def pairs_from_elsewhere(self) -> list[tuple[str, str]]:
        """Source and destination, of which at least one belongs on the loopback device or is our own."""
        v4 = [("127.0.0.1", OURS), ("127.0.0.2", OURS), (OURS, OURS), ("127.0.0.1", "127.0.0.1")]
        v4 += [(THEIRS, "127.0.0.1"), (THEIRS, "127.0.0.2"), (STRANGER, "127.0.0.1")]
        v6 = [("::1", OURS_V6), ("::1", "::1"), (THEIRS_V6, "::1")]
        v6 += [("::ffff:127.0.0.1", "::ffff:127.0.0.1"), (STRANGER_V6, "::ffff:127.0.0.1")]
        return v4 + (v6 if self.ipv6 else [])

    def misconfigure(self) -> None:
        """All that a machine can be told to take from a cable what belongs on the loopback device."""
        for name, value in (("route_localnet", 1), ("rp_filter", 0), ("accept_local", 1)):
            for device in ("all", "cable0"):
                setting = Path(f"/proc/sys/net/ipv4/conf/{device}/{name}")
                self.addCleanup(setting.write_text, setting.read_text())
                setting.write_text(f"{value}\n")

    def syns_at(self, device: Device, source: str) -> list[Segment]:
        """Those of requests to the daemon that have come in."""
        return [one for one in device.all_now() if one.source == ip_address(source) and one.destination_port == EPMD_PORT]

    def answers_at(self, device: Device, source: str, destination: str) -> list[Segment]:
        """What the daemon's side has answered there to who dialled so."""
        ends = (ip_address(destination), ip_address(source), EPMD_PORT)
        return [one for one in device.all_now() if (one.source, one.destination, one.source_port) == ends]

    def counted_at_rest(self) -> dict[str, int]:
        """After the last segments of conversations that are over."""
        found = [counted()]

        def is_at_rest() -> bool:
            time.sleep(0.1)
            found.append(counted())
            return found[-1]["Tcp.InSegs"] == found[-2]["Tcp.InSegs"]

        eventually(is_at_rest, "nobody speaks TCP here")
        return found[-1]

    def accepted(self) -> int:
        return int(scrape()["epmd_connections_accepted_total"])

    def check_that_it_gets_nowhere(self, source: str, destination: str) -> None:
        """It came in by the cable; the kernel has no connection for it, and the daemon none."""
        accepted, before = self.accepted(), counted()
        self.cable.all_now()
        with self.subTest(source=source, destination=destination):
            self.assertIsNone(self.forger.converse(source, destination, ALIVE2, EPMD_PORT))
            after = counted()
            self.assertEqual(len(self.syns_at(self.cable, source)), 1)
            self.assertEqual(after["Tcp.PassiveOpens"], before["Tcp.PassiveOpens"])
            self.assertEqual(self.accepted(), accepted + 1)  # our own question
            self.assertEqual(ask.names("127.0.0.1"), {})

    def check_that_the_kernel_drops_it(self, source: str, destination: str) -> None:
        """IP had it, and gave it to no protocol above."""
        kind = "Ip6" if ":" in source else "Ip"
        with self.subTest(source=source, destination=destination):
            before = self.counted_at_rest()
            self.assertIsNone(self.forger.converse(source, destination, ALIVE2, EPMD_PORT))
            after = counted()
            self.assertEqual(len(self.syns_at(self.cable, source)), 1)
            self.assertGreater(after[f"{kind}.InReceives"], before[f"{kind}.InReceives"])
            self.assertEqual(after["Tcp.InSegs"], before["Tcp.InSegs"])

    def test_the_forger_is_answered_where_he_says_who_he_is(self) -> None:
        """So that his silence elsewhere says something."""
        self.serve("--listen", "all")
        for source, destination in ((STRANGER, OURS), (STRANGER_V6, OURS_V6))[: len(self.ours)]:
            self.assertEqual(self.forger.converse(source, destination, NAMES, EPMD_PORT), EPMD_PORT.to_bytes(4, "big"))
            self.assertEqual(self.forger.converse(source, destination, ALIVE2, EPMD_PORT), b"")

    def test_the_kernel_drops_what_says_to_be_of_the_loopback_device_or_goes_there(self) -> None:
        self.serve("--listen", "all")
        accepted = self.accepted()
        for source, destination in self.pairs_from_elsewhere():
            self.check_that_the_kernel_drops_it(source, destination)
        self.assertEqual(self.accepted(), accepted + 1)

    def test_from_our_own_address_over_ipv6_there_is_no_conversation(self) -> None:
        """That the kernel takes; but what it answers stays here."""
        if not self.ipv6:
            self.skipTest("no IPv6 here")
        self.serve("--listen", "all")
        self.lo.all_now()
        self.check_that_it_gets_nowhere(OURS_V6, OURS_V6)
        self.assertTrue(self.answers_at(self.lo, OURS_V6, OURS_V6))

    def test_an_ipv4_mapped_address_in_an_ipv6_packet_is_no_address_of_this_machine(self) -> None:
        """At a socket that serves both, it would look as 127.0.0.1 does; and its answer would go out by the cable."""
        if not self.ipv6:
            self.skipTest("no IPv6 here")
        for mapped in ("::ffff:127.0.0.1", f"::ffff:{OURS}"):
            ip("-6", "route", "add", f"{mapped}/128", "dev", "cable0")
            ip("neigh", "add", mapped, "lladdr", self.forger.cable.hardware_address.hex(":"), "dev", "cable0")
        with Manager("--listen", "all"):
            for mapped in ("::ffff:127.0.0.1", f"::ffff:{OURS}"):
                self.check_that_it_gets_nowhere(mapped, OURS_V6)
        self.serve("--listen", "all")
        self.check_that_it_gets_nowhere("::ffff:127.0.0.1", OURS_V6)

    def test_on_a_machine_that_takes_loopback_addresses_from_a_cable_there_is_no_conversation(self) -> None:
        self.misconfigure()
        self.serve("--listen", "all")
        to_ours = [(source, OURS) for source in ("127.0.0.1", "127.0.0.2", OURS)]
        for source, destination in (*to_ours, ("127.0.0.1", "127.0.0.1"), ("127.0.0.3", "127.0.0.2")):
            self.lo.all_now()
            before = counted()
            self.check_that_it_gets_nowhere(source, destination)
            self.assertGreater(counted()["Tcp.InSegs"], before["Tcp.InSegs"])
            self.assertTrue(self.answers_at(self.lo, source, destination), f"what is said to {source} goes by lo")

    def test_on_such_a_machine_who_reaches_a_loopback_address_is_still_another_machine(self) -> None:
        self.misconfigure()
        self.serve("--listen", "all")
        with ask.register("idfe", 40002, to="127.0.0.2", node_type=ask.C_NODE):
            for destination in ("127.0.0.1", "127.0.0.2"):
                for name, request in {**REQUESTS, "GET": b"GET /nodes HTTP/1.1\r\nHost: localhost\r\n\r\n"}.items():
                    self.assertEqual(self.forger.converse(STRANGER, destination, request, EPMD_PORT), b"", name)
                listed = self.forger.converse(STRANGER, destination, NAMES, EPMD_PORT)
                self.assertEqual(listed.endswith(b"name idfe at port 40002\n"), destination == "127.0.0.2")

    def test_with_listen_loopback_such_a_machine_gives_no_answer_at_all(self) -> None:
        self.misconfigure()
        self.serve("--listen", "loopback")
        for source, destination in ((STRANGER, "127.0.0.1"), (STRANGER, "127.0.0.2"), ("127.0.0.2", "127.0.0.1")):
            self.check_that_it_gets_nowhere(source, destination)

    def test_where_root_has_routed_a_loopback_address_to_the_cable_only_listen_loopback_holds(self) -> None:
        """The one way in that was found, and what shows that the forger could use it: an address of 127.0.0.0/8 that
        is not on the loopback device any more."""
        self.misconfigure()
        exiled = "127.0.0.66"
        ip("neigh", "add", exiled, "lladdr", self.forger.cable.hardware_address.hex(":"), "dev", "cable0")
        ip("route", "add", exiled, "dev", "cable0", "table", "77")
        ip("rule", "add", "pref", "100", "lookup", "local")
        self.addCleanup(ip, "rule", "del", "pref", "100")
        ip("rule", "add", "pref", "10", "to", exiled, "lookup", "77")
        self.addCleanup(ip, "rule", "del", "pref", "10")
        ip("rule", "del", "pref", "0")
        self.addCleanup(ip, "rule", "add", "pref", "0", "lookup", "local")
        with Daemon("--listen", "loopback"):
            self.check_that_it_gets_nowhere(exiled, OURS)
        with Daemon("--listen", "all") as daemon:
            self.assertEqual(self.forger.converse(exiled, OURS, KILL, EPMD_PORT), b"OK")
            daemon.process.wait(10)


class Impostor:
    """A process of another user that wants a node's name, and gives whatever evidence there is for it."""

    def __init__(
        self,
        uid: int,
        *,
        port: int = 0,
        source: str = "",
        to: str = "127.0.0.1",
        says: str = "idfe@lowry",
        flags: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        vm = SCRATCH / "beam.smp"  # by that name a VM is known
        if not vm.exists():
            vm.symlink_to(sys.executable)
        self.process = subprocess.Popen(
            [
                *("setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--"),
                *(str(vm), "-B", str(IMPOSTOR), "idfe", str(port), source, to, says, *flags),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], **(environment or {})},
        )
        self.is_refused = self.process.stdout.readline() != "0\n"

    def __enter__(self) -> Impostor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


class AnotherUser(OtherUsers):
    """Nobody takes a name that a living node of somebody else has, whatever he says of himself."""

    capable = False  # as the packaged service runs

    def setUp(self) -> None:
        super().setUp()
        self.serve_as_nobody("--log-level", "info", capable=self.capable)

    def impostors(self, port: int) -> dict[str, dict[str, object]]:
        """Each kind of evidence for lowry, forged. `port`: where the node listens whose name it is."""
        name = "idfe@lowry"
        return {
            "nothing but his word": {},
            "a command line": {"flags": ("-sname", name), "says": "idfe@indecline"},
            "a variable": {"environment": {"RABBITMQ_NODENAME": name, "LIVEBOOK_NODE": name}},
            "where he registers": {"to": "127.0.0.2"},
            "where he comes from": {"source": "127.0.0.2"},
            "a listener that is another's": {"port": port},
            "that, and a command line": {"port": port, "flags": ("-sname", name)},
            "all of it": {"to": "127.0.0.2", "source": "127.0.0.2", "port": port, "flags": ("-sname", name)},
        }

    def check_that_it_keeps_its_name(self, vm: Vm, address: str, *, others_may_have_one: bool) -> None:
        port = vm.distribution_port()
        for what, how in self.impostors(port).items():
            with self.subTest(what), Impostor(ANOTHER_USER, **how) as impostor:
                if not others_may_have_one:
                    self.assertTrue(impostor.is_refused)
                if not impostor.is_refused:  # he was asked for his name, or found to have none, in the meantime
                    eventually(lambda: not self.pending(), "it is known where he belongs", 10)
                self.assertEqual(ask.lookup(address, "idfe"), port)
                self.assertEqual(ask.names(address), {"idfe": port})
                self.assertEqual(said_to(STOP, address), b"")
                self.assertEqual(ask.kill(address), b"NO")
            self.assertEqual(ask.lookup(address, "idfe"), port)
        eventually(lambda: len(json.loads(get("/nodes").text)["nodes"]) == 1, "they have gone")
        (node,) = json.loads(get("/nodes").text)["nodes"]
        self.assertEqual((node["owner"]["uid"], node["port"], node["state"]), (A_USER, port, "placed"))
        self.assertEqual([event for event in self.happened() if event["node"]["id"] == node["id"] and event["event"] == "unregistered"], [])

    def happened(self) -> list[dict]:
        return json.loads(get("/recent").text)["events"]

    @staticmethod
    def pending() -> list[dict]:
        return [one for one in json.loads(get("/nodes").text)["nodes"] if one["state"] == "pending"]

    def test_a_node_at_a_host_keeps_its_name(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry", uid=A_USER).started()
        self.check_that_it_keeps_its_name(vm, "127.0.0.2", others_may_have_one=True)

    def test_a_node_that_was_named_at_run_time_keeps_its_name(self) -> None:
        vm = self.vm(Erl, uid=A_USER).started()
        vm.start_node("idfe@lowry")
        self.check_that_it_keeps_its_name(vm, "127.0.0.2", others_may_have_one=True)

    def test_the_machines_node_keeps_its_name(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe", uid=A_USER).started()
        eventually(lambda: not self.pending(), "it is placed")
        port = vm.distribution_port()
        forged = {
            "his word": {"says": "idfe@workshop"},
            "a command line": {"flags": ("-sname", "idfe@workshop")},
            "its port": {"port": port},
        }
        for what, how in forged.items():
            with self.subTest(what), Impostor(ANOTHER_USER, **how) as impostor:
                self.assertTrue(impostor.is_refused)
                self.assertEqual(ask.names("127.0.0.1"), {"idfe": port})
                self.assertEqual(said_to(STOP), b"")
        self.assertEqual(ask.names("127.0.0.1"), {"idfe": port})

    def test_what_an_impostor_says_counts_where_nobody_has_the_name(self) -> None:
        """So that it says something that it counts nowhere else."""
        for what, how in self.impostors(port=0).items():
            with self.subTest(what), Impostor(ANOTHER_USER, **{**how, "says": "idfe@lowry"}) as impostor:
                self.assertFalse(impostor.is_refused)
                eventually(lambda: "idfe" in ask.names("127.0.0.2") and not self.pending(), "he is at lowry", 10)
                self.assertEqual(ask.names("127.0.0.1"), {})
            eventually(lambda: ask.names("127.0.0.2") == {}, "he has gone")

    def test_who_comes_first_has_the_name_as_with_stock_and_the_log_says_who(self) -> None:
        with Impostor(ANOTHER_USER, to="127.0.0.2") as squatter:
            self.assertFalse(squatter.is_refused)
            vm = self.vm(Erl, "-sname", "idfe@lowry", uid=A_USER)
            self.assertTrue(vm.refused(), vm.said)
            (line,) = self.daemon.lines_with("refused")
            self.assertRegex(line, rf"pid {squatter.process.pid}|uid {ANOTHER_USER}")


class AnotherUserWithCapabilities(AnotherUser):
    """Where the daemon may see whose process it is."""

    capable = True


STATIC = ("/", "/style.css", "/script.js", "/icon.svg")  # as they lie in the tree
PAGES = (*STATIC, "/hosts", "/nodes", "/recent", "/status", "/metrics", "/healthz")  # and /events, which does not end
SECRET = "hide_me_well"


def request_head(method: str, *lines: str) -> bytes:
    """As a browser sends it for a page of another site."""
    head = [f"{method} /nodes HTTP/1.1", f"Host: 127.0.0.1:{EPMD_PORT}", "Origin: http://evil.example", *lines]
    return "\r\n".join([*head, "", ""]).encode()


class AnotherOrigin(ServedCase):
    """What a page of a web site, which a browser on this machine shows, has of the port: nothing."""

    def headers_of(self, path: str, **more: str) -> http.client.HTTPMessage:
        connection = http.client.HTTPConnection("127.0.0.1", EPMD_PORT, timeout=ask.SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", **more})
            return connection.getresponse().headers

    def test_no_answer_may_be_read_by_it_nor_be_part_of_it(self) -> None:
        for path in (*PAGES, "/events", "/nothing"):
            for more in ({}, {"Accept": "text/html"}, {"Host": "evil.example"}):
                with self.subTest(path, **more):
                    headers = self.headers_of(path, **more)
                    self.assertEqual([name for name in headers if name.lower().startswith(("access-control-", "set-cookie"))], [])
                    self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin")
                    self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                    self.assertEqual(headers["Cache-Control"], "no-store")
                    self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])

    def test_what_else_it_could_send_is_closed_without_a_word_and_does_nothing(self) -> None:
        """Asking whether it may (a preflight), a form, a script's request, a web socket, TLS."""
        with ask.register("idfe", 40002, node_type=ask.C_NODE):
            for sent in (
                request_head("OPTIONS", "Access-Control-Request-Method: GET"),
                request_head("POST", "Content-Type: text/plain", f"Content-Length: {len(KILL)}") + KILL,
                request_head("POST", f"Content-Length: {len(STOP)}") + STOP,
                request_head("PUT"),
                request_head("DELETE"),
                bytes.fromhex("16030100c8010000c40303") + bytes(190),
            ):
                self.assertEqual(said_to(sent), b"", sent)
            web_socket = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
            answer = said_to(request_head("GET", *web_socket, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="))
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)  # and not 101: a browser reads nothing of it
            self.assertEqual(ask.names("127.0.0.1"), {"idfe": 40002})

    def test_a_site_whose_name_leads_here_is_refused_everywhere(self) -> None:
        for path in (*PAGES, "/events"):
            foreign = [f"{own}evil.example" for own in ("", "127.0.0.1.", "localhost.", "lowry.")]
            for name in (*foreign, "evil.example:4369", OURS, "[::1]", "0"):
                with self.subTest(path, host=name):
                    answer = get(path, host=name)
                    self.assertEqual(answer.status, 403)
                    self.assertEqual(list(json.loads(answer.text)), ["error"])


class NoCookie(ServedCase):
    """A command line may hold a cookie, and so may a variable: what is read there of a node is its name alone."""

    flags = ("--log-level", "debug")

    def test_no_cookie_and_no_command_line_is_shown_anywhere(self) -> None:
        """Of a node that is placed by its command line, of one that is asked, of one that is parked and one that is refused."""
        hidden = ("-setcookie", SECRET, "-password", f"{SECRET}_too")
        environment = {"RABBITMQ_ERLANG_COOKIE": SECRET, "RELEASE_COOKIE": SECRET}
        by_flag = self.vm(Erl, "-sname", "idfe@lowry", *hidden, cookie=SECRET, environment=environment).started()
        asked = self.vm(Erl, *hidden, cookie=SECRET, environment=environment).started()
        asked.start_node("idfe@indecline")
        second = self.vm(Erl, "-sname", "idfe@lowry", *hidden, cookie=SECRET)
        self.assertTrue(second.refused(), second.said)
        parked = self.vm(Erl, *hidden, cookie=SECRET).started()
        parked.start_node("idfe@lowry")
        eventually(lambda: self.daemon.lines_with("is parked"), "it is parked")
        by_flag.evaluate("ok")
        shown = dict(self.everything_shown())
        for where in ("/nodes", "/events", "/recent", "nodes --json", "the log"):
            self.assertIn("idfe@lowry", shown[where], where)  # so that it was looked for where it could be
        for where, text in shown.items():
            with self.subTest(where):
                self.assertNotIn(SECRET, text)
                for word in ("setcookie", "password", "-sname", "progname", "COOKIE") if where not in STATIC else ():
                    self.assertNotIn(word, text)

    def everything_shown(self) -> Iterator[tuple[str, str]]:
        for path in PAGES:
            yield path, get(path).text
        yield "/events", self.first_event()
        yield "DUMP_REQ", said_to(DUMP).decode()
        for words in (("nodes",), ("nodes", "--json"), ("hosts", "--json"), ("status", "--json")):
            yield " ".join(words), ctl(*words).stdout
        yield "the log", self.daemon.log()

    def first_event(self) -> str:
        with ask.dial("127.0.0.1") as connection:
            connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            said = b""
            while b"data: " not in said or not said.endswith(b"\n\n\r\n"):
                said += connection.recv(65536)
            return said.decode()
