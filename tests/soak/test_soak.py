"""Long days in some minutes: churn, lookups, restarts and reloads, and everything flat.

LOOPMD_SOAK_MINUTES: how long (10). LOOPMD_SOAK_PICTURE: where the picture goes, as SVG, drawn by gnuplot; else none is drawn. LOOPMD_SOAK_TABLE: the same as a table.
"""

from __future__ import annotations

import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import ask
from lookups import is_open
from steady import place_of
from test_handover import ManagedCase
from vm import Erl, Iex
from web import page

MINUTES = float(os.environ.get("LOOPMD_SOAK_MINUTES", "10"))
PICTURE = os.environ.get("LOOPMD_SOAK_PICTURE", "")
TABLE = os.environ.get("LOOPMD_SOAK_TABLE", "")
STEADY = 2000
HERE = Path(__file__).parent
INTERVAL = 5.0
RESTARTS_FOR = 0.2  # of the time; then the process lives to the end, so that what it leaks is seen
RESTART_EVERY, RELOAD_EVERY, VM_EVERY = 20.0, 10.0, 30.0


@dataclass
class Sample:
    seconds: float  # since the beginning
    pid: int
    resident_mb: float
    own_descriptors: int  # those that are no connection
    nodes: int
    churned: int  # acts so far
    lookups: int  # in these five seconds, as what follows
    wrong: int
    unanswered: int
    p50_ms: float
    p99_ms: float
    longest_ms: float


class Helper:
    """A program of this folder, whose last line is at hand."""

    def __init__(self, *words: str) -> None:
        folders = os.pathsep.join((str(HERE), str(HERE.parent / "machine")))
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / words[0]), *words[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": folders}
        )
        self.lines: list[str] = []
        threading.Thread(target=self.read_, daemon=True).start()

    def read_(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def last(self, count: int) -> list[float]:
        return [float(word) for word in self.lines[-1].split()] if self.lines else [0.0] * count

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        if self.process.wait(30) != 0:
            raise AssertionError(f"{self.process.args} ended with {self.process.returncode}")


class Soak(ManagedCase):
    seconds = MINUTES * 60 + 300  # that the test may take

    def test_everything_is_flat(self) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self.config = self.file("loopmd.conf", "")
        self.manager = self.manage("--config", str(self.config), "--log-level", "error")
        steady = []
        for number in range(STEADY):
            address, name, port = place_of(number)
            steady.append(self.enterContext(ask.register(name, port, to=address, node_type=ask.C_NODE)))
        self.vms = [self.vm(Erl, "-sname", "idfe@lowry", cookie="c"), self.vm(Iex, "--sname", "idfe@indecline", cookie="c")]
        for vm in self.vms:
            vm.started()
        helpers = [Helper("steady.py", str(STEADY), "300"), Helper("churn.py", "1", "150"), Helper("churn.py", "2", "150")]
        samples = self.go_on(helpers)
        self.manager.restart(signal.SIGKILL)
        for one in helpers:
            one.end()
        self.report(samples)
        self.assertEqual([is_open(node) for node in steady], [True] * STEADY)
        self.assertEqual(self.vms[0].evaluate("net_adm:ping(idfe@indecline)"), "pong")
        self.assertEqual(self.manager.lines_with("error"), [])
        self.check_flat(samples)

    def go_on(self, helpers: list[Helper]) -> list[Sample]:
        began = time.monotonic()
        until = MINUTES * 60
        due = {"sample": INTERVAL, "restart": RESTART_EVERY, "reload": RELOAD_EVERY, "vm": VM_EVERY}
        samples: list[Sample] = []
        restarts = reloads = 0
        while (now := time.monotonic() - began) < until:
            if now > due["sample"]:
                due["sample"] += INTERVAL
                samples.append(self.sample(now, helpers))
            if now > due["restart"] and now < until * RESTARTS_FOR:
                due["restart"] += RESTART_EVERY
                restarts += 1
                self.restart(restarts)
            if now > due["reload"]:
                due["reload"] += RELOAD_EVERY
                reloads += 1
                hosts = f"host{reloads} = 127.0.3.{reloads % 250 + 2}\n" + ("kastalia = 127.0.0.5\n" if reloads % 2 else "")
                self.config.write_text(f"packet_timeout = {5 + reloads % 5}\n[host]\n{hosts}")
                self.manager.process.send_signal(signal.SIGHUP)
            if now > due["vm"]:
                due["vm"] += VM_EVERY
                self.vms[1].kill()
                self.vms[1].restart()
                self.vms[1].started()
            time.sleep(0.1)
        return samples

    def restart(self, number: int) -> None:
        """By stop and start, by SIGKILL, or in place."""
        if number % 3 == 2:
            ready = sum("READY=1" in told for told in self.manager.told)
            self.manager.process.send_signal(signal.SIGUSR2)
            self.manager.wait_until(lambda: sum("READY=1" in told for told in self.manager.told) > ready, "it was upgraded in place")
        else:
            self.manager.restart(signal.SIGKILL if number % 3 else signal.SIGTERM)

    def sample(self, now: float, helpers: list[Helper]) -> Sample:
        pid = self.manager.process.pid
        status = page("/status")
        (resident,) = (int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        lookups, wrong, unanswered, p50, p99, longest = helpers[0].last(6)
        return Sample(
            seconds=now,
            pid=pid,
            resident_mb=resident / 1024,
            own_descriptors=descriptors - status["limits"]["connections"] + 1,  # the page's own has ended
            nodes=status["nodes"]["registered"],
            churned=sum(int(one.last(1)[0]) for one in helpers[1:]),
            lookups=int(lookups),
            wrong=int(wrong),
            unanswered=int(unanswered),
            p50_ms=p50,
            p99_ms=p99,
            longest_ms=longest,
        )

    def check_flat(self, samples: list[Sample]) -> None:
        self.assertEqual(sum(one.wrong for one in samples), 0)
        alone = [one for one in samples if one.seconds > MINUTES * 60 * (RESTARTS_FOR + 0.1)]
        self.assertEqual(len({one.pid for one in alone}), 1)
        self.assertEqual(sum(one.unanswered for one in alone), 0)
        first, last = alone[: len(alone) // 3], alone[-len(alone) // 3 :]
        self.assertLess(middle(last, "resident_mb"), middle(first, "resident_mb") * 1.05 + 0.25)
        self.assertLessEqual(middle(last, "own_descriptors"), middle(first, "own_descriptors") + 1)  # the two numbers are not of one moment
        self.assertGreater(len({one.pid for one in samples}), 1 if MINUTES > 5 else 0)
        self.assertLess(middle(last, "p50_ms"), middle(first, "p50_ms") * 2 + 0.1)

    def report(self, samples: list[Sample]) -> None:
        names = [field.name for field in fields(Sample)]
        table = "\n".join(" ".join(f"{value:.3f}" if isinstance(value, float) else str(value) for value in astuple(one)) for one in samples)
        if TABLE:
            Path(TABLE).write_text(f"# {' '.join(names)}\n{table}\n")
        lookups = sum(one.lookups for one in samples)
        print(
            f"{MINUTES:g} minutes: {lookups} lookups, {sum(one.wrong for one in samples)} wrong, {sum(one.unanswered for one in samples)} reset by a SIGKILL; "
            f"{samples[-1].churned} acts of churn; {STEADY} steady nodes; resident {samples[0].resident_mb:.1f} MB at first, {samples[-1].resident_mb:.1f} at last; "
            f"own descriptors {min(one.own_descriptors for one in samples)} to {max(one.own_descriptors for one in samples)}; "
            f"lookups p50 {middle(samples, 'p50_ms'):.2f} ms, p99 {middle(samples, 'p99_ms'):.2f} ms",
            file=sys.stderr,
        )
        if PICTURE:
            self.draw(table, names)

    def draw(self, table: str, names: list[str]) -> None:
        at = {name: number + 1 for number, name in enumerate(names)}
        script = [
            "set terminal svg size 1100,640 font 'sans,11' background 'white'",
            f"set output '{PICTURE}'",
            f"$samples << END\n{table}\nEND",
            "set multiplot layout 2,2",
            "set grid",
            "set xlabel 'minutes'",
            "set yrange [0:*]",
            "set title 'resident memory, MB'",
            f"plot $samples using (${at['seconds']}/60):{at['resident_mb']} with lines lc rgb '#1f77b4' notitle",
            "set title 'descriptors that are no connection'",
            f"plot $samples using (${at['seconds']}/60):{at['own_descriptors']} with lines lc rgb '#1f77b4' notitle",
            "set title 'nodes'",
            f"plot $samples using (${at['seconds']}/60):{at['nodes']} with lines lc rgb '#1f77b4' notitle",
            "set title 'a lookup, ms'",
            "set key top right",
            f"plot $samples using (${at['seconds']}/60):{at['p99_ms']} with lines lc rgb '#d62728' title '99 of 100', "
            f"$samples using (${at['seconds']}/60):{at['p50_ms']} with lines lc rgb '#1f77b4' title 'median'",
        ]
        subprocess.run(["gnuplot"], input="\n".join([*script, "unset multiplot"]), text=True, check=True)


def middle(samples: list[Sample], name: str) -> float:
    return statistics.median(getattr(one, name) for one in samples)
