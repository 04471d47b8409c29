"""Whether registered connections stay open and lookups are answered, while a daemon is replaced by another."""

from __future__ import annotations

import threading
import time

import ask


def is_open(node: ask.Registration) -> bool:
    """Whether the daemon's side of a registration is open still."""
    node.connection.setblocking(False)
    try:
        node.connection.recv(1)
        return False
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        node.connection.settimeout(ask.SECONDS)


class Lookups:
    """Looks a name up again and again while it lives; every failure is one of the test's."""

    def __init__(self, address: str, alive_name: str, port: int, *, spares_resets: bool = False) -> None:
        self.failures: list[str] = []
        self.slowest = 0.0
        self.count = 0
        self.ends_ = False
        self.args_ = (address, alive_name, port, spares_resets)
        self.thread_ = threading.Thread(target=self.run_)

    def run_(self) -> None:
        address, alive_name, port, spares_resets = self.args_
        while not self.ends_:
            begin = time.monotonic()
            try:
                if (found := ask.lookup(address, alive_name)) != port:
                    self.failures.append(f"found {found}")
            except (ConnectionResetError, AssertionError) as error:  # closed without a reply: it was in hand when SIGKILL came
                if not spares_resets:
                    self.failures.append(repr(error))
            except OSError as error:
                self.failures.append(repr(error))
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.count += 1

    def __enter__(self) -> Lookups:
        self.thread_.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends_ = True
        self.thread_.join()
