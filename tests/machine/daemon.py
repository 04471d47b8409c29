"""Starts one epmd, ours or stock, in the foreground; waits until it serves; ends it and checks how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import ask

EPMD = os.environ.get("LOOPMD_E2E_EPMD", "")
STOCK = os.environ.get("LOOPMD_E2E_STOCK", "")
SCRATCH = Path(os.environ.get("LOOPMD_E2E_SCRATCH", "."))

START_SECONDS = 10.0
STOP_SECONDS = 10.0


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """What a daemon is given: an empty home, so that no configuration of the developer's is read."""
    home = SCRATCH / "home-of-epmd"
    home.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **(extra or {})}


def call(*arguments: str, extra: dict[str, str] | None = None, seconds: float = 10.0) -> subprocess.CompletedProcess[str]:
    """Run our epmd to its end, as a client or with a mistake in its flags."""
    return subprocess.run(
        [EPMD, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(extra), timeout=seconds
    )


class Daemon:
    """A running epmd. As a context manager it is ended with SIGTERM; ours must then leave with status 0."""

    def __init__(
        self,
        *flags: str,
        path: str = EPMD,
        extra: dict[str, str] | None = None,
        port: int = ask.EPMD_PORT,
        address: str = "127.0.0.1",
        wrapper: tuple[str, ...] = (),
        is_alone: bool = True,
    ) -> None:
        if is_alone:
            assert not ask.answers(address, port), f"something serves {address} port {port} before our daemon has started"
        self.flags = flags
        self.is_ours = path != STOCK
        handle, name = tempfile.mkstemp(prefix="log-", dir=SCRATCH)
        self.log_path = Path(name)
        with os.fdopen(handle, "wb") as log_file:
            self.process = subprocess.Popen(
                [*wrapper, path, *flags],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                env=environment(extra),
                start_new_session=True,
            )
        try:
            self.wait_until_served_(address, port)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def wait_until_served_(self, address: str, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ask.answers(address, port):
            if self.process.poll() is not None:
                raise AssertionError(f"epmd {self.flags} ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"epmd {self.flags} does not serve {address} port {port}:\n{self.log()}")
            time.sleep(0.005)

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_sanitized(self) -> bool:
        """Whether it was built with a sanitizer, so that its memory says nothing."""
        return "san" in Path(f"/proc/{self.pid}/maps").read_text()

    def program(self) -> str:
        return Path(f"/proc/{self.pid}/comm").read_text().strip()

    def is_running_(self) -> bool:
        """Whether its serving thread is at work this moment; no when it has ended."""
        try:
            return Path(f"/proc/{self.pid}/task/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"
        except OSError:
            return False

    def log(self) -> str:
        """Its lines about everything that it has answered: a line is written after the reply, by the same thread."""
        deadline = time.monotonic() + 1.0  # one that never rests is read as it runs
        while self.is_running_() and time.monotonic() < deadline:
            time.sleep(0.001)
        return self.log_path.read_text(errors="replace")

    def lines_with(self, text: str) -> list[str]:
        return [line for line in self.log().splitlines() if text in line]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Have it read its configuration again, and wait until its log has said something about that."""
        before = len(self.log())
        self.send(signal.SIGHUP)
        deadline = time.monotonic() + STOP_SECONDS
        while len(self.log()) == before:
            assert time.monotonic() < deadline, f"epmd {self.flags} says nothing to SIGHUP:\n{self.log()}"
            time.sleep(0.005)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Does nothing the second time, but still complains of a daemon that ended by itself."""
        if self.process.poll() is None:
            self.send(number)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{number.name} did not end epmd {self.flags}:\n{self.log()}") from None
        if self.is_ours:
            assert self.process.returncode == 0, f"epmd {self.flags} ended with {self.process.returncode}:\n{self.log()}"

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
