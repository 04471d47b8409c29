"""Runs epmdctl: as root or as a user, in a pipe or on a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from daemon import EPMD, SCRATCH, environment

EPMDCTL = str(Path(EPMD).parent / "epmdctl")
SECONDS = 20.0


def as_user(uid: int | None) -> list[str]:
    return [] if uid is None else ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--"]


def ctl_environment(extra: dict[str, str] | None = None, uid: int | None = None) -> dict[str, str]:
    """A folder for what outlives it that is this user's own."""
    folder = SCRATCH / f"runtime-{0 if uid is None else uid}"
    if not folder.exists():
        folder.mkdir(mode=0o700)
        if uid is not None:
            os.chown(folder, uid, uid)
    return environment({"XDG_RUNTIME_DIR": str(folder), "TMPDIR": str(SCRATCH), **(extra or {})})


def ctl(
    *words: str,
    extra: dict[str, str] | None = None,
    uid: int | None = None,
    seconds: float = SECONDS,
    given: str | None = None,
    wrapper: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """To its end, in a pipe."""
    return subprocess.run(
        [*wrapper, *as_user(uid), EPMDCTL, *words],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        env=ctl_environment(extra, uid),
        timeout=seconds,
    )


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


@dataclass
class Shown:
    """What a terminal was shown, and how the command ended."""

    text: str
    status: int


class Terminal:
    """A command on a terminal of its own, whose keys can be pressed."""

    def __init__(self, *words: str, extra: dict[str, str] | None = None, uid: int | None = None) -> None:
        self.said = b""
        variables = ctl_environment({"TERM": "xterm", **(extra or {})}, uid)
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                command = [*as_user(uid), EPMDCTL, *words]
                os.execvpe(command[0], command, variables)
            finally:
                os._exit(255)

    def read(self, deadline: float) -> bool:
        """Some of what it says. No: that was all."""
        left = deadline - time.monotonic()
        assert left > 0 and select.select([self.master], [], [], left)[0], f"it went on for {SECONDS} s, and says {self.said!r}"
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            if part := os.read(self.master, 65536):
                self.said += part
                return True
        return False

    def await_text(self, text: str) -> None:
        deadline = time.monotonic() + SECONDS
        while text.encode() not in self.said:
            assert self.read(deadline), f"{text!r} is not in {self.said!r}"

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def finish(self) -> Shown:
        deadline = time.monotonic() + SECONDS
        while self.read(deadline):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.master)
        return Shown(self.said.decode(errors="replace").replace("\r\n", "\n"), os.waitstatus_to_exitcode(status))


def on_terminal(*words: str, extra: dict[str, str] | None = None, uid: int | None = None) -> Shown:
    return Terminal(*words, extra=extra, uid=uid).finish()
