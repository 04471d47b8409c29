"""HTTP on the epmd port: what is shown, to whom, and that it costs nobody else anything."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import ask
from ask_and_go import asking_and_going
from case import ServedCase
from ctl import EPMDCTL, ctl, ctl_environment
from daemon import call
from neighbour import OURS, Neighbour
from vm import Erl, eventually
from web import Events, get, page

VISITORS = 256  # at once; of them
STREAMS = 224
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


PAGE = Path(__file__).resolve().parents[2] / "lib" / "status" / "page"


def said_to(data: bytes, address: str = "127.0.0.1") -> bytes:
    """All that comes back; nothing as well if the connection is reset."""
    with ask.dial(address) as connection:
        connection.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            return ask.read_to_end(connection)
        return b""


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
            self.assertEqual(node["owner"], {"pid": lowry.pid, "uid": 0, "user": "root", "program": "beam.smp"})
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


    def test_what_happened_lately_is_there_for_who_comes_later(self) -> None:
        self.assertEqual(page("/recent"), {"events": []})
        ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE).close()
        def kinds() -> list[str]:  # its owner may have been found before it went
            return [one["event"] for one in page("/recent")["events"] if one["event"] != "changed"]

        eventually(lambda: kinds() == ["registered", "placed", "unregistered"], "all of it is told")
        for number in range(100):
            ask.register(f"node{number}", 7, to="127.0.0.2", node_type=ask.C_NODE).close()
        eventually(lambda: (last := page("/recent")["events"][-1])["event"] == "unregistered" and last["node"]["alive_name"] == "node99", "the last one went")
        numbers = [one["number"] for one in page("/recent")["events"]]
        self.assertEqual(numbers, list(range(numbers[-1] - 63, numbers[-1] + 1)))

    def test_the_page_is_of_files_that_lie_in_the_tree_and_names_nothing_else(self) -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", ask.EPMD_PORT, timeout=ask.SECONDS)) as connection:
            connection.request("GET", "/", headers={"Accept": "text/html,*/*;q=0.8"})
            answer = connection.getresponse()
            self.assertEqual(answer.read(), (PAGE / "index.html").read_bytes())
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
        policy = answer.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("http", policy)
        for name, kind in (("style.css", "text/css"), ("script.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
            answer = get(f"/{name}")
            self.assertEqual(answer.text, (PAGE / name).read_text())
            self.assertTrue(answer.headers["Content-Type"].startswith(kind))
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertIn("/metrics", get("/").text)  # curl, which takes anything, is told what there is
        for name in ("index.html", "style.css", "script.js"):
            self.assertNotRegex((PAGE / name).read_text(), r"https?://(?!\$\{)", name)


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
        self.assertIn(b" 200 ", said_to(b"GET http://localhost/healthz HTTP/1.1\r\nHost: x\r\n\r\n"))  # RFC 9112, section 3.2.2
        self.assertIn(b" 403 ", said_to(b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"))
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

    def test_what_is_found_out_later_of_a_node_is_told(self) -> None:
        with Events() as events:
            events.next_()
            with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
                self.assertEqual([events.next_()[0] for _ in range(2)], ["registered", "placed"])
                name, data = events.next_()
                self.assertEqual((name, data["node"]["owner"]["pid"], data["node"]["state"]), ("changed", os.getpid(), "placed"))

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

    def test_so_many_follow_at_once_and_who_wants_a_page_or_is_a_node_has_room_beside_them(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(STREAMS):
                stack.enter_context(Events()).next()
            answer = get("/events")
            self.assertEqual(answer.status, 503)
            self.assertIn(f"{STREAMS} others follow the events", json.loads(answer.text)["error"])
            self.assertEqual(page("/status")["limits"]["event_streams"], STREAMS)
            with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE) as node:
                self.assertEqual(node.result, 0)
                self.assertEqual(ask.lookup("127.0.0.2", "idfe"), 7)
        eventually(lambda: page("/status")["limits"]["event_streams"] == 0, "all are forgotten")
        with Events() as events:
            events.next()

    def test_so_many_are_served_at_once(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(STREAMS):
                stack.enter_context(Events()).next()
            for _ in range(VISITORS - STREAMS):  # their answers are ready, and longer than what they read
                slow = stack.enter_context(ask.dial("127.0.0.1"))
                slow.sendall(b"GET / HT")
            eventually(lambda: page("/status")["limits"]["http_connections"] >= VISITORS - 1, "they are there")
            self.assertEqual(get("/status").status, 200)  # in the place of one that has asked for nothing

    def test_of_a_burst_so_many_are_served_and_each_other_is_told_why_not(self) -> None:
        for _ in range(3):
            self.daemon.send(signal.SIGSTOP)  # all are there at once
            with contextlib.ExitStack() as stack:
                burst = [stack.enter_context(ask.dial("127.0.0.1")) for _ in range(300)]
                for one in burst:
                    one.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.daemon.send(signal.SIGCONT)
                told = [one.recv(12) for one in burst]
                self.assertEqual((told.count(b"HTTP/1.1 200"), told.count(b"HTTP/1.1 503")), (STREAMS, 300 - STREAMS))
            eventually(lambda: get("/status").status == 200 and page("/status")["limits"]["event_streams"] == 0, "all are forgotten")
        with Events() as events:
            self.assertEqual(events.next()[0], "nodes")

    def test_who_asks_nothing_keeps_nobody_out(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(300):
                stack.enter_context(ask.dial("127.0.0.1")).sendall(b"GET / HT")
            self.assertLessEqual(page("/status")["limits"]["http_connections"], VISITORS)
            events = stack.enter_context(Events())
            self.assertEqual(events.next()[0], "nodes")
            for _ in range(100):
                stack.enter_context(ask.dial("127.0.0.1")).sendall(b"HEAD")
            with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
                self.assertEqual([events.next()[0] for _ in range(2)], ["registered", "placed"])


class FewDescriptors(ServedCase):
    def setUp(self) -> None:
        super().setUp()
        self.daemon.stop()
        self.daemon = self.serve("-address", "127.0.0.2", wrapper=("prlimit", "--nofile=96:96"))

    def test_visitors_go_before_any_node_is_kept_waiting(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.enter_context(Events()).next()
            for number in range(44):  # of 48 that there is room for, and four are for lookups
                node = stack.enter_context(ask.register(f"node{number}", 10000 + number, to="127.0.0.2", node_type=ask.C_NODE))
                self.assertEqual(node.result, 0)
            self.assertEqual(len(ask.names("127.0.0.2")), 44)
            self.assertEqual(get("/nodes").status, 503)  # it would only take another visitor's place

    def test_those_who_follow_do_not_push_each_other_out_again_and_again(self) -> None:
        followers = [subprocess.Popen([EPMDCTL, "watch"], env=ctl_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(6)]
        with contextlib.ExitStack() as stack:
            for number in range(44):  # of 48 that there is room for
                stack.enter_context(ask.register(f"node{number}", 10000 + number, to="127.0.0.2", node_type=ask.C_NODE))
            time.sleep(3)
            for one in followers:
                one.kill()
            lines = [line for one in followers for line in one.communicate()[1].splitlines()]
        self.assertLess(len(lines), 20, lines)


class Scopes(ServedCase):
    """Who is shown something, by `status`."""

    def test_off_is_as_silent_as_stock_and_epmdctl_says_what_may_be(self) -> None:
        self.daemon.stop()
        self.serve("--status", "off")
        self.assertEqual(said_to(GET), b"")
        self.assertEqual(ask.names("127.0.0.1"), {})
        told = ctl("hosts")
        self.assertEqual(told.returncode, 1)
        self.assertIn("status = off", told.stderr)

    def test_all_shows_another_machine_the_same_and_keeps_foreign_names_out(self) -> None:
        self.daemon.stop()
        self.serve("--status", "all")
        with Neighbour(ipv6=False) as neighbour, neighbour.over_there():
            self.assertIn(b"ok\n", said_to(GET.replace(b"localhost", OURS.encode()), OURS))
            self.assertIn(b" 403 ", said_to(GET.replace(b"localhost", b"evil.example"), OURS))
            self.assertEqual(page("/status", OURS)["http_serves"], "everybody")
            self.assertEqual(ask.kill(OURS), b"")  # it may look, and no more

    def test_a_reload_changes_it_and_ends_those_who_follow_once_they_were_told(self) -> None:
        config = self.file("loopmd.conf", "")
        self.daemon.stop()
        daemon = self.serve("--config", str(config))
        with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE), Events() as events:
            events.next()
            config.write_text("status = off\n")
            daemon.hang_up()
            self.assertEqual(events.next()[0], "reloaded")
            self.assertEqual(events.answer.readline(), b"")
            self.assertEqual(said_to(GET), b"")
            self.assertEqual(ask.lookup("127.0.0.2", "idfe"), 7)
            config.write_text("status = loopback\n")
            daemon.hang_up()
            self.assertIn(b"ok\n", said_to(GET))

    def test_a_mistake_names_what_is_allowed(self) -> None:
        told = call("--status", "on", "--check-config")
        self.assertEqual(told.returncode, 1)
        self.assertIn("flag --status = on is not allowed: loopback, all or off", told.stderr)


    def test_off_ends_who_follows_whatever_goes_on(self) -> None:
        config = self.file("loopmd.conf", "")
        self.daemon.stop()
        daemon = self.serve("--config", str(config))
        over = threading.Event()

        def churn() -> None:
            while not over.is_set():
                ask.register("passing", 7, to="127.0.0.2", node_type=ask.C_NODE).close()

        thread = threading.Thread(target=churn)
        with ask.dial("127.0.0.1") as follower:
            follower.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            thread.start()
            try:
                follower.recv(1000)
                config.write_text("status = off\n")
                daemon.hang_up()
                ask.read_to_end(follower)  # which comes, or this is not in time
            finally:
                over.set()
                thread.join()


class Bounds(ServedCase):
    """Who reads slowly, stops reading or goes costs nobody else anything."""

    def lookups_(self) -> None:
        for _ in range(200):
            self.assertLess(self.lookup_(), 1.0)

    def test_readers_that_stall_drip_or_go_while_lookups_go_on(self) -> None:
        with contextlib.ExitStack() as stack:
            for number in range(1000):
                stack.enter_context(ask.register(f"node{number}", 10000 + number, to="127.0.0.2", node_type=ask.C_NODE))
            for path in ("/nodes", "/events", "/metrics", "/recent", "/hosts"):
                for _ in range(12):
                    reader = stack.enter_context(ask.dial("127.0.0.1"))
                    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    if len(path) % 2:
                        reader.recv(100)
            for _ in range(50):  # gone before the answer
                gone = ask.dial("127.0.0.1")
                gone.sendall(b"GET /nodes HTTP/1.1\r\nHost: localhost\r\n\r\n")
                ask.reset(gone)
            self.lookups_()
            self.assertEqual(len(page("/nodes")["nodes"]), 1000)

    def test_who_asks_for_long_pages_again_and_again_and_goes_keeps_no_lookup_waiting(self) -> None:
        with contextlib.ExitStack() as stack:
            for number in range(1500):
                stack.enter_context(ask.register("node1", 10001, to=f"127.1.{number // 250}.{number % 250 + 1}", node_type=ask.C_NODE))
            stack.enter_context(ask.register("node1", 10001, to="127.0.0.2", node_type=ask.C_NODE))
            with asking_and_going("/metrics", "/hosts", "/nodes"):
                time.sleep(0.2)
                took = sorted(self.lookup_() for _ in range(300))
        self.assertLess(took[len(took) // 2], 0.05)  # 0.2 ms where each gets a processor; it was 0.5 s before each waited for its turn

    def lookup_(self) -> float:
        began = time.monotonic()
        self.assertEqual(ask.lookup("127.0.0.2", "node1"), 10001)
        return time.monotonic() - began
