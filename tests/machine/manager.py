"""A service manager with a file descriptor store, as systemd.service(5) and sd_notify(3) describe it, for one daemon.

What systemd itself does is tried on a booted one (tests/system); this one is there in every run, and shows what it was told.
"""

from __future__ import annotations

import array
import itertools
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType

import ask
from daemon import EPMD, SCRATCH, STOP_SECONDS, environment

counter = itertools.count(1)


class Manager:
    """Owns the listening socket, and whatever the daemon has it store. As a context manager it ends all."""

    def __init__(self, *flags: str, path: str = EPMD, port: int = ask.EPMD_PORT, extra: dict[str, str] | None = None) -> None:
        self.flags = ("-systemd", *flags)
        self.path = path
        self.extra = extra or {}
        self.port = port
        self.stored: list[tuple[str, int]] = []
        self.most_stored = 0
        self.told: list[str] = []
        self.change_ = threading.Condition()
        self.notified_path_ = str(SCRATCH / f"notify-{next(counter)}")
        self.notified_ = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified_.bind(self.notified_path_)
        self.listener_ = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.listener_.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener_.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.listener_.bind(("::", port))
        self.listener_.listen(4096)
        handle, name = tempfile.mkstemp(prefix="log-", dir=SCRATCH)
        self.log_file_ = handle
        self.log_path = Path(name)
        self.hearing_ = threading.Thread(target=self.hear_, daemon=True)
        self.hearing_.start()
        self.start()

    def hear_(self) -> None:
        room = socket.CMSG_SPACE(253 * array.array("i").itemsize)
        while True:
            state, control, _, _ = self.notified_.recvmsg(4096, room)
            if not state:
                return  # it was shut down
            lines = state.decode().splitlines()
            name = next((line.removeprefix("FDNAME=") for line in lines if line.startswith("FDNAME=")), "")
            with self.change_:
                if "FDSTORE=1" in lines:
                    assert "FDPOLL=0" in lines
                    for _, _, data in control:
                        self.stored += [(name, descriptor) for descriptor in array.array("i", data)]
                    self.most_stored = max(self.most_stored, len(self.stored))
                elif "FDSTOREREMOVE=1" in lines:
                    for one in [one for one in self.stored if one[0] == name]:
                        os.close(one[1])
                        self.stored.remove(one)
                else:
                    self.told.append(state.decode())
                self.change_.notify_all()

    def start(self) -> None:
        """Start the next process of the service with the listening socket and all that is stored, and wait until it is ready."""
        with self.change_:
            told = len(self.told)
            passed = [("loopmd.socket", self.listener_.fileno()), *self.stored]
            names = ":".join(name for name, _ in passed)
            # To 500 and up first, and then to 3 and up: no number that is still to be moved is overwritten.
            moves = [f"{500 + at}<&{descriptor} {descriptor}<&-" for at, (_, descriptor) in enumerate(passed)]
            moves += [f"{3 + at}<&{500 + at} {500 + at}<&-" for at in range(len(passed))]
            command = f'exec {" ".join(moves)}; LISTEN_PID=$$ LISTEN_FDS={len(passed)} LISTEN_FDNAMES={names} exec "$0" "$@"'
            self.process = subprocess.Popen(
                ["bash", "-c", command, self.path, *self.flags],
                stdin=subprocess.DEVNULL,
                stdout=self.log_file_,
                stderr=self.log_file_,
                env=environment({"NOTIFY_SOCKET": self.notified_path_, **self.extra}),
                pass_fds=[descriptor for _, descriptor in passed],
                start_new_session=True,
            )
        self.wait_until(lambda: any("READY=1" in state for state in self.told[told:]), "it is ready")

    def wait_until(self, holds, what: str, seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        with self.change_:
            while not holds():
                left = deadline - time.monotonic()
                assert left > 0, f"{what}: not within {seconds} s. It was told {self.told[-5:]}, and the log says:\n{self.log()}"
                self.change_.wait(min(left, 0.1))
                assert holds() or self.process.poll() is None, f"{what}: it has ended with {self.process.returncode}:\n{self.log()}"

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(STOP_SECONDS)
        self.catch_up()
        if number == signal.SIGTERM:
            assert self.process.returncode == 0, f"ended with {self.process.returncode}:\n{self.log()}"

    def catch_up(self) -> None:
        """Hear all that was said until now. systemd does so too before it looks at how a process ended."""
        mark = f"X-MARK={next(counter)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(mark.encode(), self.notified_path_)
        deadline = time.monotonic() + 5.0
        with self.change_:
            while mark not in self.told:
                assert self.change_.wait(deadline - time.monotonic()), "what the daemon said is not heard"

    def restart(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.end(number)
        self.start()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def lines_with(self, text: str) -> list[str]:
        return [line for line in self.log().splitlines() if text in line]

    def names_stored(self) -> list[str]:
        with self.change_:
            return sorted(name for name, _ in self.stored)

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        # Closed under it, its number would soon be another's, whose messages it would take.
        self.notified_.shutdown(socket.SHUT_RDWR)
        self.hearing_.join()
        self.notified_.close()
        self.listener_.close()
        with self.change_:
            for _, descriptor in self.stored:
                os.close(descriptor)
        os.close(self.log_file_)
