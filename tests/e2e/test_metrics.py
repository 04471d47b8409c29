"""What is counted: read by Prometheus itself, held by promtool, and true of real nodes."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import ask
from case import ServedCase
from daemon import SCRATCH
from test_http import get
from vm import Erl, eventually

PROMETHEUS_DOCS = Path(__file__).resolve().parents[2] / "docs" / "prometheus"
METRICS_DOC = PROMETHEUS_DOCS.parent / "metrics.md"
PROMETHEUS_PORT = 9090


def scrape() -> dict[str, float]:
    """Each series and its value."""
    lines = [line for line in get("/metrics").text.splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}


def promtool(*arguments: str, text: str | None = None) -> None:
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, cwd=PROMETHEUS_DOCS, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


class Metrics(ServedCase):
    def test_promtool_has_nothing_to_say_of_a_scrape(self) -> None:
        with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
            ask.lookup("127.0.0.2", "idfe")
            answer = get("/metrics")
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        promtool("check", "metrics", text=answer.text)

    def test_real_nodes_by_host_and_evidence_and_what_they_asked(self) -> None:
        lowry = self.vm(Erl, "-sname", "idfe@lowry")
        indecline = self.vm(Erl, "-sname", "idfe@indecline", "-kernel", "inet_dist_use_interface", "{127,0,0,3}")
        lowry.started()
        indecline.started()
        lowry.evaluate("net_adm:names(indecline)")
        found = scrape()
        self.assertEqual(found['epmd_nodes{host="lowry.example.test",address="127.0.0.2"}'], 1)
        self.assertEqual(found['epmd_nodes{host="indecline.example.test",address="127.0.0.3"}'], 1)
        self.assertEqual(found['epmd_nodes{host="workshop",address="127.0.0.1"}'], 0)
        self.assertEqual(found['epmd_nodes_by_evidence{evidence="process"}'], 1)
        self.assertEqual(found['epmd_nodes_by_evidence{evidence="listener"}'], 1)
        self.assertEqual(found['epmd_nodes_by_state{state="placed"}'], 2)
        self.assertEqual(found['epmd_requests_total{type="ALIVE2_REQ",result="ok"}'], 2)
        self.assertEqual(found['epmd_requests_total{type="NAMES_REQ",result="ok"}'], 1)
        self.assertEqual(found['epmd_request_duration_seconds_count{type="ALIVE2_REQ"}'], 2)

    def test_each_outcome_is_counted_once(self) -> None:
        with ask.register("a", 7, to="127.0.0.2", node_type=ask.C_NODE):
            ask.register("a", 8, to="127.0.0.2", node_type=ask.C_NODE).close()
            ask.register("a\nb", 8, to="127.0.0.2", node_type=ask.C_NODE).close()
            ask.lookup("127.0.0.2", "a")
            ask.lookup("127.0.0.3", "a")
            ask.names("127.0.0.2")
            self.assertEqual(ask.kill(), b"NO")
            with ask.dial("127.0.0.1") as connection:
                connection.sendall(ask.frame(b"?"))
                self.assertEqual(ask.read_to_end(connection), b"")
        eventually(lambda: scrape()["epmd_unregistrations_total"] == 1, "the node is gone")
        found = scrape()
        self.assertEqual(
            {series.removeprefix("epmd_requests_total"): value for series, value in found.items() if series.startswith("epmd_requests_total") and value},
            {
                '{type="ALIVE2_REQ",result="ok"}': 1,
                '{type="ALIVE2_REQ",result="name_taken"}': 1,
                '{type="ALIVE2_REQ",result="name_not_allowed"}': 1,
                '{type="PORT_PLEASE2_REQ",result="ok"}': 1,
                '{type="PORT_PLEASE2_REQ",result="not_found"}': 1,
                '{type="NAMES_REQ",result="ok"}': 1,
                '{type="KILL_REQ",result="not_allowed"}': 1,
            },
        )
        self.assertEqual(found['epmd_connections_dropped_total{reason="not_a_request"}'], 1)
        for series in found:  # how many took how long are as many as were answered
            if counted := re.fullmatch(r'epmd_request_duration_seconds_count\{type="(\w+)"\}', series):
                of_type = [value for one, value in found.items() if one.startswith(f'epmd_requests_total{{type="{counted[1]}"')]
                self.assertEqual(found[series], sum(of_type), series)

    def test_a_held_lookup_takes_as_long_as_it_was_held(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:  # asked for its name, it says nothing: it is pending
            port = silent.getsockname()[1]
            with ask.register("slow", port):
                self.assertEqual(ask.lookup("127.0.0.2", "slow"), None)
        found = scrape()
        self.assertEqual(found['epmd_request_duration_seconds_bucket{type="PORT_PLEASE2_REQ",le="0.1"}'], 0)
        self.assertEqual(found['epmd_request_duration_seconds_bucket{type="PORT_PLEASE2_REQ",le="1"}'], 1)
        self.assertAlmostEqual(found['epmd_request_duration_seconds_sum{type="PORT_PLEASE2_REQ"}'], 0.5, delta=0.3)

    def test_the_process_and_its_limits(self) -> None:
        before = scrape()
        with ask.dial("127.0.0.1"), ask.dial("127.0.0.1"):
            eventually(lambda: scrape()["process_open_fds"] == before["process_open_fds"] + 2, "two more descriptors are open")
            self.assertEqual(scrape()["epmd_connections"], before["epmd_connections"] + 2)
        folder = Path(f"/proc/{self.daemon.pid}/fd")  # which has one less, once the scrape is over
        eventually(lambda: scrape()["process_open_fds"] == len(list(folder.iterdir())) + 1, "the kernel counts as many")
        statm = Path(f"/proc/{self.daemon.pid}/statm").read_text().split()
        self.assertAlmostEqual(scrape()["process_resident_memory_bytes"], int(statm[1]) * 4096, delta=1 << 20)
        limit = re.search(r"Max open files +(\d+)", Path(f"/proc/{self.daemon.pid}/limits").read_text())
        self.assertEqual(before["process_max_fds"], int(limit[1]))

    def test_a_process_that_goes_on_with_the_nodes_is_counted_and_the_rest_begins_anew(self) -> None:
        with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
            for number in (1, 2):
                self.daemon.send(signal.SIGUSR2)
                eventually(lambda: len(self.daemon.lines_with("goes on with 1 nodes")) == number, "another process goes on")
                found = scrape()
                self.assertEqual(found["epmd_restarts_survived_total"], number)
                self.assertEqual(found['epmd_nodes{host="lowry.example.test",address="127.0.0.2"}'], 1)
                self.assertEqual(found['epmd_requests_total{type="ALIVE2_REQ",result="ok"}'], 0)

    def test_reloads_are_counted_and_a_bad_one_is_seen(self) -> None:
        config = self.file("loopmd.conf", "")
        self.daemon.stop()
        daemon = self.serve("--config", str(config))
        config.write_text("colour = red\n")
        daemon.hang_up()
        found = scrape()
        self.assertEqual((found['epmd_config_reloads_total{result="failed"}'], found["epmd_config_last_reload_successful"]), (1, 0))
        config.write_text("")
        daemon.hang_up()
        found = scrape()
        self.assertEqual((found['epmd_config_reloads_total{result="ok"}'], found["epmd_config_last_reload_successful"]), (1, 1))

    def test_every_family_is_documented_and_no_other(self) -> None:
        families = set(re.findall(r"(?m)^# TYPE (\S+)", get("/metrics").text))
        documented = {re.sub(r"\{.*", "", name) for name in re.findall(r"(?m)^\| `([^`]+)`", METRICS_DOC.read_text())}
        self.assertEqual(families, documented)


class Prometheus(ServedCase):
    """The sample configuration and the alerts, as they stand in docs/prometheus."""

    def test_promtool_passes_configuration_alerts_and_their_tests(self) -> None:
        promtool("check", "config", "prometheus.yml")
        promtool("test", "rules", "alerts_test.yml")

    def test_prometheus_reads_it_by_the_sample_configuration(self) -> None:
        folder = self.scratch("prometheus")
        folder.mkdir()
        for name in ("prometheus.yml", "alerts.yml"):
            (folder / name).write_text((PROMETHEUS_DOCS / name).read_text().replace("scrape_interval: 15s", "scrape_interval: 1s"))
        with (SCRATCH / "prometheus.log").open("wb") as log, subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        ) as server, ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
            try:
                eventually(lambda: self.query_('up{job="epmd"}') == ["1"], "Prometheus reads our metrics", seconds=30)
                eventually(lambda: self.query_('epmd_nodes{address="127.0.0.2"}') == ["1"], "it knows of the node")
                self.assertEqual(self.query_('sum(epmd_nodes)'), ["1"])
                self.assertEqual(self.query_('ALERTS{alertname="EpmdDown"}'), [])
            finally:
                server.terminate()

    def query_(self, expression: str) -> list[str]:
        """The values of all series that it gives; none while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PROMETHEUS_PORT}/api/v1/query?" + urllib.parse.urlencode({"query": expression}), timeout=5) as answer:
                return [one["value"][1] for one in json.load(answer)["data"]["result"]]
        except OSError:
            return []
