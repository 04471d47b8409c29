"""Real VMs in a booted machine: the VMs of tests/machine, started there."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from vm import Erl, Iex, Vm

if TYPE_CHECKING:
    from booted import Booted

counter = itertools.count(1)


class BootedVm(Vm):
    """`user`: whose it is, root's if None. Each has a home of its own, inside."""

    def __init__(
        self,
        inside: Booted,
        *flags: str,
        cookie: str = "biscuit",
        environment: dict[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self.inside = inside
        self.user = user
        home = Path(f"/var/tmp/home-{next(counter)}")  # inside: nothing is written on this side
        super().__init__(*flags, home=home, cookie=cookie, environment=environment, root="")

    def launch(self) -> None:
        self.inside.put_file(f"{self.home}/.erlang.cookie", self.cookie, 0o400)
        if self.user is not None:
            self.inside.run("chown", "-R", f"{self.user}:", str(self.home))
        self.process = self.inside.popen(
            "env",
            "-C",
            str(self.home),
            self.command,
            *self.flags,
            user=self.user,
            env={"HOME": str(self.home), **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.pid_ = self.inside.inside_pid(self.process)
        self.reader_ = threading.Thread(target=self.read_, daemon=True)
        self.reader_.start()

    @property
    def pid(self) -> int:
        """Of beam.smp, on this side."""
        return self.pid_

    def stop(self) -> None:
        if self.process.poll() is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        super().stop()


class BootedErl(BootedVm, Erl):
    pass


class BootedIex(BootedVm, Iex):
    pass
