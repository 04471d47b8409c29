"""Many registered names in one process of the machine's network: it sees which connections close, and whose lookups fail.

The tests start this file as a program, and ask it over a pipe; a line of JSON is a question or an answer.
"""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import select
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS / "machine"))

import ask  # noqa: E402

LOOKUP_SECONDS = 10.0  # a VM gives up then
ANSWER_SECONDS = 120.0  # 15,000 registrations take 3 s when the host has nothing else to do
LOOKERS = 8
LOOKER_RESTS = 0.005  # between two lookups: the crowd measures, and does not fight for the processor

# The crowd's ports are numbers only. They lie below those that the kernel gives out, of which there must be enough for all.
FIRST_PORT = 5000
KERNELS_PORTS = "21000 65535"


class Crowd:
    """Asks the process. As a context manager it ends with all its names."""

    def __init__(self, inside: int) -> None:
        """`inside`: a process in the network where the crowd is to be."""
        command = ["nsenter", "--target", str(inside), "--net", "--", "setpriv", "--pdeathsig", "KILL", "--"]
        command += [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.received_ = b""

    def ask_(self, verb: str, **details):
        self.process.stdin.write(json.dumps({"verb": verb, **details}).encode() + b"\n")
        self.process.stdin.flush()
        deadline = time.monotonic() + ANSWER_SECONDS
        while b"\n" not in self.received_:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"the crowd does not answer {verb} in {ANSWER_SECONDS} s"
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            assert part, f"the crowd ended during {verb}"
            self.received_ += part
        line, _, self.received_ = self.received_.partition(b"\n")
        return json.loads(line)

    def join(self, count: int, prefix: str = "member") -> float:
        """Register so many more. Returns the seconds that it took; raises if one is refused."""
        answer = self.ask_("join", count=count, prefix=prefix)
        assert not answer["refused"], f"refused: {answer['refused'][:10]}"
        return answer["seconds"]

    def leave(self, *names: str, with_reset: bool = False) -> None:
        """These end their registrations, with FIN or RST."""
        self.ask_("leave", names=names, with_reset=with_reset)

    def open_count(self) -> int:
        """Of how many the connection is as it was: not closed, not reset, and nothing was said on it."""
        return len(self.creations()) - len(self.disturbed())

    def disturbed(self) -> dict[str, str]:
        """The others: name and what happened."""
        return self.ask_("disturbed")

    def creations(self) -> dict[str, int]:
        return self.ask_("creations")

    def ports(self) -> dict[str, int]:
        return self.ask_("ports")

    def mismatches(self, address: str = "127.0.0.1") -> dict[str, str]:
        """Looks each up: name and what is wrong, of those that are not found as they registered."""
        return self.ask_("mismatches", address=address)

    def start_lookups(self, address: str = "127.0.0.1", lookers: int = LOOKERS) -> None:
        """Of names of the crowd, all the time, several at once."""
        self.ask_("start_lookups", address=address, lookers=lookers)

    def stop_lookups(self) -> Lookups:
        return Lookups(**self.ask_("stop_lookups"))

    def lookups_so_far(self) -> int:
        return self.ask_("lookups_so_far")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Lookups:
    """What came of them. `longest` in seconds; a failure: what happened, to whom, and when (time.monotonic of any process)."""

    def __init__(self, count: int, longest: float, failures: list[tuple[str, str, float]]) -> None:
        self.count = count
        self.longest = longest
        self.failures = failures

    def kinds(self) -> Counter[str]:
        return Counter(what for what, _, _ in self.failures)

    def __str__(self) -> str:
        return f"{self.count} lookups, the longest {self.longest * 1000:.1f} ms, failed: {dict(self.kinds()) or 'none'}"


# The process


def look_up(address: str, alive_name: str, port: int) -> str | None:
    """What is wrong with the answer; None if it is right."""
    try:
        with ask.dial(address, seconds=LOOKUP_SECONDS) as connection:
            connection.sendall(ask.frame(bytes([ask.PORT_PLEASE2_REQ]) + alive_name.encode()))
            reply = ask.read_to_end(connection)
    except TimeoutError:
        return "timed out"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    if not reply:
        return "closed without a reply"
    if reply[0] != ask.PORT2_RESP or len(reply) < 2 or (reply[1] == 0 and len(reply) < 4):
        return f"not a PORT2_RESP: {reply.hex()}"
    if reply[1] != 0:
        return "unknown"
    (found,) = struct.unpack(">H", reply[2:4])
    return None if found == port else f"port {found}"


class Members:
    """Each method is a question that can be asked."""

    def __init__(self) -> None:
        # The lookers leave ports behind that the kernel does not give out again at once. This is of our network alone.
        Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(KERNELS_PORTS)
        self.ports_: dict[str, int] = {}
        self.registrations_: dict[str, ask.Registration] = {}
        self.next_port_ = FIRST_PORT
        self.lookers_: list[threading.Thread] = []

    def join(self, count: int, prefix: str) -> dict:
        needed = len(self.registrations_) + count + 500
        limit = max(needed, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        began = time.monotonic()
        refused = []
        for _ in range(count):
            port = self.next_port_
            self.next_port_ += 1
            name = f"{prefix}{port}"
            try:
                registration = ask.register(name, port)
            except (OSError, EOFError) as error:
                refused.append((name, str(error)))
                continue
            if registration.result != 0:
                refused.append((name, f"result {registration.result}"))
                registration.close()
                continue
            self.ports_[name] = port
            self.registrations_[name] = registration
        return {"refused": refused, "seconds": time.monotonic() - began}

    def leave(self, names: list[str], with_reset: bool) -> None:
        for name in names:
            registration = self.registrations_.pop(name)
            del self.ports_[name]
            registration.reset() if with_reset else registration.close()

    def disturbed(self) -> dict[str, str]:
        found = {}
        for name, registration in self.registrations_.items():
            connection = registration.connection
            connection.setblocking(False)
            try:
                said = connection.recv(1)
                found[name] = f"said {said.hex()}" if said else "closed"
            except BlockingIOError:
                pass
            except OSError as error:
                found[name] = errno.errorcode.get(error.errno, str(error))
        return found

    def creations(self) -> dict[str, int]:
        return {name: registration.creation for name, registration in self.registrations_.items()}

    def ports(self) -> dict[str, int]:
        return self.ports_

    def mismatches(self, address: str) -> dict[str, str]:
        found = {name: look_up(address, name, port) for name, port in self.ports_.items()}
        return {name: what for name, what in found.items() if what is not None}

    def start_lookups(self, address: str, lookers: int) -> None:
        self.done_ = threading.Event()
        self.count_, self.longest_, self.failures_ = 0, 0.0, []
        self.change_ = threading.Lock()
        known = list(self.ports_.items())
        self.lookers_ = [threading.Thread(target=self.look_, args=(address, known), daemon=True) for _ in range(lookers)]
        for one in self.lookers_:
            one.start()

    def look_(self, address: str, known: list[tuple[str, int]]) -> None:
        while not self.done_.wait(LOOKER_RESTS):
            name, port = random.choice(known)
            began = time.monotonic()
            wrong = look_up(address, name, port)
            took = time.monotonic() - began
            with self.change_:
                self.count_ += 1
                self.longest_ = max(self.longest_, took)
                if wrong is not None:
                    self.failures_.append((wrong, name, began + took))

    def lookups_so_far(self) -> int:
        with self.change_:
            return self.count_

    def stop_lookups(self) -> dict:
        self.done_.set()
        for one in self.lookers_:
            one.join()
        return {"count": self.count_, "longest": self.longest_, "failures": self.failures_}


def main() -> None:
    members = Members()
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(getattr(members, question.pop("verb"))(**question)), flush=True)


if __name__ == "__main__":
    main()
