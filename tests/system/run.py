"""Runs tests on a booted systemd: our package is installed in a throw-away machine, and its units serve real VMs.

python3 tests/system/run.py --deb PATH [--release bookworm|trixie] [MODULE_OR_TEST…]

Status 0: all passed. 1: some failed. 77: no machine can be booted here (1 where CI is set: nothing is skipped there).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS / "machine"))

import booted  # noqa: E402

SKIPPED = 77
RELEASES = ["bookworm", "trixie"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deb", type=Path, help="our package; without it, what needs it is skipped")
    parser.add_argument("--release", choices=RELEASES, default=RELEASES[0], help="of Debian, inside (default: %(default)s)")
    parser.add_argument("tests", nargs="*", metavar="MODULE_OR_TEST", help="for example test_stock.Restart")
    options = parser.parse_args()
    if options.deb is not None and not options.deb.is_file():
        parser.error(f"{options.deb} is not there")
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # for debootstrap, which a user's PATH may lack
    reason = booted.why_not()
    if reason is not None:
        hint = "run them as root, after scripts/setup test"
        print(f"skipped: no machine can be booted here for these tests ({reason}); {hint}", file=sys.stderr)
        return 1 if os.environ.get("CI") else SKIPPED
    made = subprocess.run([TESTS.parent / "scripts" / "system-root", options.release], stdout=subprocess.PIPE, text=True)
    if made.returncode != 0:
        return 1
    os.environ["LOOPMD_SYSTEM_ROOT"] = made.stdout.strip()
    os.environ["LOOPMD_SYSTEM_DEB"] = "" if options.deb is None else str(options.deb.absolute())
    modules = sorted(file.stem for file in Path(__file__).parent.glob("test_*.py"))
    suite = unittest.defaultTestLoader.loadTestsFromNames(options.tests or modules)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    if os.environ.get("CI") and result.skipped:
        print("in CI nothing is skipped", file=sys.stderr)
        return 1
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
