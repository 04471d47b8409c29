"""OTP's own test suite of epmd (erts/epmd/test/epmd_SUITE.erl), by common_test, against the program under test.

The suite is fetched (scripts/otp-suite does it) and never committed. Two of its cases want another machine, behind ssh: here that is
a neighbour on a cable, and a program named ssh that goes through it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import machine
from case import Case
from daemon import EPMD, STOCK, environment
from neighbour import OURS, Neighbour

HERE = Path(__file__).resolve().parent
SECONDS = 840
# A hook of OTP's build, which the package of common_test does not have: it prepares their machines and has no part in the cases.
NO_HOOK = "-module(ts_install_cth).\n-export([init/2]).\ninit(_, _) -> {ok, none}.\n"
SUMMARY = re.compile(r"(\d+) ok, (\d+) failed(?:, (\d+) skipped)?(?: \([^)]*\))? of (\d+) test cases")


class OtpSuite(Case):
    hosts = machine.HOSTS.replace("127.0.1.1 ", f"{OURS} ")  # the neighbour dials the machine's name

    def test_every_case_passes(self) -> None:
        suite = os.environ.get("LOOPMD_OTP_SUITE")
        self.assertTrue(suite, "LOOPMD_OTP_SUITE does not name the folder of the suite; scripts/otp-suite fetches it and runs this")
        work = self.scratch("otp-suite")
        programs = work / "bin"
        programs.mkdir(parents=True)
        shutil.copy(Path(suite) / "epmd_SUITE.erl", work)
        (work / "ts_install_cth.erl").write_text(NO_HOOK)
        (work / "ts.config").write_text('{ssh_proxy_host, "neighbour"}.\n')
        (programs / "epmd").symlink_to(EPMD)
        (programs / "ssh").symlink_to(HERE / "ssh")
        subprocess.run(["erlc", "-o", str(work), str(work / "ts_install_cth.erl")], check=True)
        neighbour = self.enterContext(Neighbour(machine.has_ipv6()))
        told = environment({"LOOPMD_NEIGHBOUR": neighbour.namespace, "LOOPMD_MACHINE_FOLDER": str(HERE.parent / "machine")})
        told["PATH"] = f"{programs}:{told['PATH']}"
        self.serve(path=STOCK)  # for the node that runs the suite; the suite's own have another port
        done = subprocess.run(
            ["ct_run", "-noshell", "-sname", "ct", "-pa", str(work), "-dir", str(work), "-suite", "epmd_SUITE",
             "-config", str(work / "ts.config"), "-logdir", str(work)],
            cwd=work, env=told, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS,
        )  # fmt: skip
        summary = SUMMARY.findall(done.stdout)
        self.assertTrue(summary, done.stdout[-6000:])
        ok, failed, skipped, cases = (int(number or 0) for number in summary[-1])
        print(f"epmd_SUITE: {ok} ok, {failed} failed, {skipped} skipped of {cases}", flush=True)
        said = "\n".join(line for line in done.stdout.splitlines() if "FAILED" in line or "SKIPPED" in line or "reason" in line.lower())
        self.assertEqual((ok, failed, skipped), (cases, 0, 0), said + "\n" + done.stdout[-3000:])
        self.assertGreaterEqual(cases, 33)
