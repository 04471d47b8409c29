"""Runs tests in a private machine: end-to-end ones on real VMs (tests/e2e), and those that hold ours against stock (tests/golden).

python3 tests/machine/run.py --epmd PATH [--stock PATH] [--record] [MODULE_OR_TEST…]

Status 0: all passed. 1: some failed. 77: the kernel refuses a private machine (1 where CI is set: nothing is skipped there).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import machine

TESTS = Path(__file__).resolve().parents[1]
FOLDERS = [TESTS / "e2e", TESTS / "golden"]
OTHER_FOLDERS = [TESTS / "otp", TESTS / "soak"]  # of modules that are run only when they are named
SKIPPED = 77
TEST_SECONDS = 300.0  # the longest takes 60, and a sanitizer on a busy machine five times as long
ROOTS = {"otp_root": "LOOPMD_E2E_OTP_ROOT", "old_otp_root": "LOOPMD_E2E_OLD_OTP_ROOT"}
NEEDED = {"erl": "erlang-base", "iex": "elixir", "ip": "iproute2", "mount": "mount", "unshare": "util-linux"}


def stock_epmd() -> str:
    """Erlang's own, found beside the VM: an epmd on the PATH may be ours."""
    erl = shutil.which("erl")
    assert erl is not None
    found = sorted(Path(erl).resolve().parents[1].glob("erts-*/bin/epmd"))
    if not found:
        sys.exit(f"no epmd beside {erl}; name it with --stock")
    return str(found[-1])


def enter(epmd: str, stock: str, tests: list[str]) -> int:
    """Run ourselves again, inside."""
    reason = machine.why_not()
    if reason is not None:
        hint = "run them as root, or where user namespaces are allowed"
        print(f"skipped: no private machine here for these tests ({reason}); {hint}", file=sys.stderr)
        return 1 if os.environ.get("CI") else SKIPPED
    with tempfile.TemporaryDirectory(prefix="loopmd-e2e-") as scratch:
        os.chmod(scratch, 0o755)  # one test runs the daemon as another user
        inside = dict(os.environ, LOOPMD_E2E_EPMD=epmd, LOOPMD_E2E_STOCK=stock, LOOPMD_E2E_SCRATCH=scratch)
        command = machine.enter_command([sys.executable, __file__, "--inside", *tests])
        with subprocess.Popen(command, env=inside) as process:
            while True:
                try:
                    return 1 if process.wait() else 0
                except KeyboardInterrupt:
                    continue  # the tests have it too, and end by themselves


class TookTooLong(AssertionError):
    """Nothing that a test does may catch it by the way, as it would an OSError."""


class Result(unittest.TextTestResult):
    """Ends a test that waits for ever, so that the others are run and what it waited for is told."""

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        signal.signal(signal.SIGALRM, self.end_)
        seconds = getattr(test, "seconds", TEST_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, seconds, TEST_SECONDS)  # again, where cleaning up waits for ever as well

    def stopTest(self, test: unittest.TestCase) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().stopTest(test)

    @staticmethod
    def end_(number: int, where: object) -> None:
        raise TookTooLong("still running after all the time that it may take")


def run_tests(tests: list[str]) -> int:
    scratch = Path(os.environ["LOOPMD_E2E_SCRATCH"])
    machine.furnish(scratch)
    for root in filter(None, (os.environ.get(name) for name in ROOTS.values())):
        machine.furnish_root(Path(root), scratch, Path(os.environ["LOOPMD_E2E_EPMD"]))
    sys.path.extend(str(folder) for folder in FOLDERS + OTHER_FOLDERS)
    modules = sorted(file.stem for folder in FOLDERS for file in folder.glob("test_*.py"))
    suite = unittest.defaultTestLoader.loadTestsFromNames(tests or modules)
    result = unittest.TextTestRunner(verbosity=2, resultclass=Result).run(suite)
    if os.environ.get("CI") and result.skipped:
        print("in CI nothing is skipped", file=sys.stderr)
        return 1
    return 0 if result.wasSuccessful() and result.testsRun else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epmd", help="the daemon to test")
    parser.add_argument("--stock", help="Erlang's own epmd (default: the one beside erl)")
    parser.add_argument("--otp-root", metavar="ROOT", help="run the VMs of another release, in this root (scripts/otp-root 27)")
    parser.add_argument("--old-otp-root", metavar="ROOT", help="where an old release is, for tests that want one (scripts/otp-root 23)")
    parser.add_argument("--record", action="store_true", help="write the transcripts of tests/golden anew, instead of comparing")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("tests", nargs="*", metavar="MODULE_OR_TEST", help="for example test_main_job.ShortNames")
    options = parser.parse_args()
    if options.inside:
        machine.with_reaper(lambda: run_tests(options.tests))
    if options.epmd is None:
        parser.error("--epmd is needed")
    for option, name in ROOTS.items():
        if root := getattr(options, option):
            os.environ[name] = str(Path(root).absolute())
    if options.record:
        os.environ["LOOPMD_RECORD"] = "1"
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # for ip, which a user's PATH may lack
    for program, package in NEEDED.items():
        if shutil.which(program) is None:
            parser.error(f"{program} is not on the PATH; it is in the package {package}")
    epmd, stock = (str(Path(path).absolute()) for path in (options.epmd, options.stock or stock_epmd()))
    for path in (epmd, stock):
        if not os.access(path, os.X_OK):
            parser.error(f"{path} is not a program")
    return enter(epmd, stock, options.tests)


if __name__ == "__main__":
    sys.exit(main())
