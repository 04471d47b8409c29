"""HTTP on the epmd port: what is shown, to whom, and that it costs nobody else anything."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import threading
import time

import ask
from case import ServedCase
from ctl import EPMDCTL, ctl_environment
from neighbour import OURS, Neighbour
from vm import Erl, eventually

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def get(path: str, address: str = "127.0.0.1", *, method: str = "GET", host: str | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(address, ask.EPMD_PORT, timeout=ask.SECONDS)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def page(path: str) -> dict:
    answer = get(path)
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


def said_to(data: bytes, address: str = "127.0.0.1") -> bytes:
    """All that comes back; nothing as well if the connection is reset."""
    with ask.dial(address) as connection:
        connection.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            return ask.read_to_end(connection)
        return b""


class Events:
    """Follows the events, and gives one after another."""

    def __init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", ask.EPMD_PORT, timeout=ask.SECONDS)
        self.connection.request("GET", "/events")
        self.answer = self.connection.getresponse()

    def next(self) -> tuple[str, dict]:
        name = self.answer.readline().decode()
        data = self.answer.readline().decode()
        assert name.startswith("event: ") and data.startswith("data: "), (name, data)
        assert self.answer.readline() == b"\n"
        return name.removeprefix("event: ").strip(), json.loads(data.removeprefix("data: "))

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self.connection.close()


class Pages(ServedCase):
    flags = ("--host", "lazarides=127.0.0.4,127.0.0.5")

    def test_real_nodes_and_their_hosts(self) -> None:
        lowry = self.vm(Erl, "-sname", "idfe@lowry")
        lowry.started()
        port = lowry.distribution_port()
        with ask.register("idfe", 7, to="127.0.0.9", node_type=ask.C_NODE):
            nodes = page("/nodes")["nodes"]
            self.assertEqual([one["host"] for one in nodes], [{"address": "127.0.0.9", "name": None}, {"address": "127.0.0.2", "name": "lowry.example.test"}])
            node = nodes[1]
            self.assertEqual((node["alive_name"], node["node_name"], node["port"]), ("idfe", "idfe@lowry", port))
            self.assertEqual((node["state"], node["evidence"], node["type"]), ("placed", "process", 77))
            self.assertEqual(node["owner"], {"pid": lowry.pid, "uid": 0, "program": "beam.smp"})
            self.assertEqual(str(node["creation"]), lowry.evaluate("erlang:system_info(creation)"))
            hosts = page("/hosts")["hosts"]
            self.assertEqual(
                [(one["name"], one["address"], one["origin"], one["nodes"]) for one in hosts],
                [
                    ("workshop", "127.0.0.1", "machine", 0),
                    ("lazarides", "127.0.0.4", "configured", 0),
                    ("lowry.example.test", "127.0.0.2", "hosts_file", 1),
                    ("indecline.example.test", "127.0.0.3", "hosts_file", 0),
                    (None, "127.0.0.9", "seen", 1),
                ],
            )
        self.assertEqual(hosts[1]["addresses"], ["127.0.0.4", "127.0.0.5"])
        self.assertEqual(hosts[0]["addresses"], ["127.0.0.1", "::1", "127.0.1.1"])

    def test_no_command_line_and_no_cookie(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry", "-setcookie", "very_secret_cookie", cookie="another_secret")
        vm.started()
        for path in ("/nodes", "/hosts", "/status", "/"):
            text = get(path).text
            self.assertNotIn("secret", text)
            self.assertNotIn("setcookie", text)

    def test_the_daemon_itself(self) -> None:
        with ask.register("idfe", 7, node_type=ask.C_NODE):
            ask.lookup("127.0.0.1", "idfe")
            ask.names("127.0.0.1")
            status = page("/status")
        self.assertEqual((status["program"], status["pid"], status["port"]), ("loopmd", self.daemon.pid, 4369))
        self.assertEqual(status["nodes"]["registered"], 1)
        self.assertEqual(status["limits"]["http_connections"], 1)
        self.assertEqual((status["counters"]["registrations"], status["counters"]["lookups"]), (1, 1))
        self.assertIn("0.0.0.0", status["listeners"])

    def test_head_has_no_body_and_http_1_0_no_chunks(self) -> None:
        answer = get("/nodes", method="HEAD")
        self.assertEqual((answer.status, answer.text), (200, ""))
        answer = said_to(b"GET /nodes HTTP/1.0\r\nHost: localhost\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.0 200 OK\r\n"), answer)
        self.assertTrue(answer.endswith(b'\r\n\r\n{"nodes":[]}\n'), answer)

    def test_many_nodes_are_one_page(self) -> None:
        with contextlib.ExitStack() as stack:
            for number in range(300):
                stack.enter_context(ask.register(f"node{number}", 10000 + number, to="127.0.0.2", node_type=ask.C_NODE))
            self.assertEqual({one["alive_name"] for one in page("/nodes")["nodes"]}, {f"node{number}" for number in range(300)})


class Access(ServedCase):
    def test_a_host_header_of_another_site_is_refused(self) -> None:
        for good in ("127.0.0.2", "127.0.0.2:4369", "localhost", "lowry", "indecline.example.test:4369", "workshop"):
            self.assertEqual(get("/nodes", "127.0.0.2", host=good).status, 200, good)
        for bad in ("evil.example", "127.0.0.1", "lowry.evil.example:4369"):
            answer = get("/nodes", "127.0.0.2", host=bad)
            self.assertEqual(answer.status, 403, bad)
            self.assertIn("Host header", json.loads(answer.text)["error"])
        self.assertIn(b" 403 ", said_to(b"GET / HTTP/1.1\r\n\r\n"))

    def test_what_is_no_http_that_reads_is_closed_without_a_word(self) -> None:
        for data in (b"POST / HTTP/1.1\r\n\r\n", b"GEX / HTTP/1.1\r\n\r\n", b"HEADX", b"GE\0\0", b"PUT /", b"OPTIONS * HTTP/1.1\r\n\r\n"):
            self.assertEqual(said_to(data), b"", data)
        self.assertIn(b" 400 ", said_to(b"GET / nonsense\r\n\r\n"))
        self.assertIn(b" 404 ", said_to(b"GET /nodes?host=lowry HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        self.assertIn(b" 431 ", said_to(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n"))
        self.assertIsNone(ask.lookup("127.0.0.1", "nobody"))

    def test_a_request_that_comes_byte_by_byte_is_as_good_as_one_in_a_piece(self) -> None:
        with ask.dial("127.0.0.1") as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in GET:
                connection.sendall(bytes([byte]))
                time.sleep(0.001)
            answer = ask.read_to_end(connection)
        self.assertIn(b" 200 OK", answer)
        self.assertIn(b"ok\n", answer)

    def test_another_machine_is_shown_nothing_though_it_is_served(self) -> None:
        with Neighbour(ipv6=False) as neighbour, neighbour.over_there():
            self.assertEqual(said_to(GET, OURS), b"")
            self.assertEqual(ask.names(OURS), {})


class Followers(ServedCase):
    def test_all_nodes_then_what_happens_without_a_gap(self) -> None:
        with ask.register("here", 7, to="127.0.0.2", node_type=ask.C_NODE), Events() as events:
            name, data = events.next()
            self.assertEqual((name, [one["alive_name"] for one in data["nodes"]]), ("nodes", ["here"]))
            with ask.register("new", 8, to="127.0.0.3", node_type=ask.C_NODE):
                first, second = events.next(), events.next()
                self.assertEqual((first[0], second[0]), ("registered", "placed"))
                self.assertEqual(second[1]["node"]["host"]["address"], "127.0.0.3")
                self.assertEqual(first[1]["node"]["id"], second[1]["node"]["id"])
                self.assertEqual(ask.register("new", 9, to="127.0.0.3", node_type=ask.C_NODE).result, 1)
                name, data = events.next()
                self.assertEqual((name, data["reason"], data["other"]["port"]), ("refused", "name_taken", 8))
            self.assertEqual(events.next()[0], "unregistered")

    def test_who_begins_to_follow_in_the_midst_of_a_crowd_has_no_gap(self) -> None:
        with contextlib.ExitStack() as stack:
            held: list[ask.Registration] = []

            def crowd() -> None:
                for number in range(600):
                    held.append(ask.register(f"node{number}", 1000 + number, to="127.0.0.2", node_type=ask.C_NODE))
                    if number % 3 == 2:
                        held.pop(-2).close()

            thread = threading.Thread(target=crowd)
            thread.start()
            followers = []
            while thread.is_alive() and len(followers) < 40:
                followers.append(stack.enter_context(Events()))
            thread.join()
            stack.enter_context(ask.register("last", 7, to="127.0.0.2", node_type=ask.C_NODE))
            expected = {f"node{number}" for number in range(600) if number % 3 != 1} | {"last"}
            self.assertGreater(len(followers), 5)
            for events in followers:
                seen: dict[int, str] = {}
                while "last" not in seen.values():
                    name, data = events.next()
                    if name == "nodes":
                        seen = {one["id"]: one["alive_name"] for one in data["nodes"]}
                    elif name == "unregistered":
                        seen.pop(data["node"]["id"], None)
                    else:
                        seen[data["node"]["id"]] = data["node"]["alive_name"]
                self.assertEqual(set(seen.values()), expected)
            for one in held:
                one.close()

    def test_a_reload_is_told_with_its_trouble(self) -> None:
        config = self.file("loopmd.conf", "")
        self.daemon.stop()
        daemon = self.serve("--config", str(config))
        with Events() as events:
            events.next()
            daemon.hang_up()
            name, data = events.next()
            self.assertEqual((name, data["trouble"]), ("reloaded", None))
            config.write_text("colour = red\n")
            daemon.hang_up()
            name, data = events.next()
            self.assertEqual(name, "reloaded")
            self.assertIn("colour", data["trouble"])

    def test_who_leaves_is_forgotten_and_who_does_not_read_is_closed(self) -> None:
        with Events() as events:
            events.next()
            self.assertEqual(page("/status")["limits"]["http_connections"], 2)
        eventually(lambda: page("/status")["limits"]["http_connections"] == 1, "who left is forgotten")
        with ask.dial("127.0.0.1") as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            eventually(lambda: page("/status")["limits"]["http_connections"] == 2, "it is served")

            def is_closed() -> bool:
                for number in range(500):
                    ask.register(f"passing{number}" + "x" * 200, 7, to="127.0.0.2", node_type=ask.C_NODE).close()
                return page("/status")["limits"]["http_connections"] == 1

            eventually(is_closed, "who does not read is closed", seconds=60)

    def test_sixty_four_are_served_at_once_and_nodes_are_not_in_their_way(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(64):
                stack.enter_context(Events()).next()
            self.assertEqual(get("/status").status, 503)
            with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE) as node:
                self.assertEqual(node.result, 0)
                self.assertEqual(ask.lookup("127.0.0.2", "idfe"), 7)
        eventually(lambda: get("/status").status == 200, "there is room again")

    def test_who_asks_nothing_keeps_nobody_out(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(300):
                stack.enter_context(ask.dial("127.0.0.1")).sendall(b"GET / HT")
            self.assertLessEqual(page("/status")["limits"]["http_connections"], 64)
            events = stack.enter_context(Events())
            for _ in range(100):
                stack.enter_context(ask.dial("127.0.0.1")).sendall(b"HEAD")
            with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
                self.assertEqual([events.next()[0] for _ in range(3)], ["nodes", "registered", "placed"])


class FewDescriptors(ServedCase):
    def setUp(self) -> None:
        super().setUp()
        self.daemon.stop()
        self.daemon = self.serve("-address", "127.0.0.2", wrapper=("prlimit", "--nofile=96:96"))

    def test_visitors_go_before_any_node_is_kept_waiting(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.enter_context(Events()).next()
            for number in range(47):  # of 48 that there is room for
                node = stack.enter_context(ask.register(f"node{number}", 10000 + number, to="127.0.0.2", node_type=ask.C_NODE))
                self.assertEqual(node.result, 0)
            self.assertEqual(len(ask.names("127.0.0.2")), 47)
            self.assertEqual(get("/nodes").status, 503)  # it would only take another visitor's place

    def test_those_who_follow_do_not_push_each_other_out_again_and_again(self) -> None:
        followers = [subprocess.Popen([EPMDCTL, "watch"], env=ctl_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        with contextlib.ExitStack() as stack:
            for number in range(46):  # of 48 that there is room for
                stack.enter_context(ask.register(f"node{number}", 10000 + number, to="127.0.0.2", node_type=ask.C_NODE))
            time.sleep(3)
            for one in followers:
                one.kill()
            lines = [line for one in followers for line in one.communicate()[1].splitlines()]
        self.assertLess(len(lines), 20, lines)
