"""What tests of placement ask: that a node is seen at its host and nowhere else."""

from __future__ import annotations

import ask
from vm import Vm

ELSEWHERE = "127.0.0.77"


class Placed:
    """For test cases."""

    def check_lives_only_at(self, address: str, vm: Vm, alive_name: str = "idfe") -> None:
        port = vm.distribution_port()
        self.assertEqual(ask.lookup(address, alive_name), port)
        self.assertEqual(ask.names(address), {alive_name: port})
        for other in {"127.0.0.1", "127.0.0.2", "127.0.0.3", ELSEWHERE} - {address}:
            self.assertIsNone(ask.lookup(other, alive_name), other)
            self.assertEqual(ask.names(other), {}, other)

    def check_is_seen_everywhere(self, vm: Vm, alive_name: str = "idfe") -> None:
        port = vm.distribution_port()
        for address in ("127.0.0.1", "127.0.1.1", "127.0.0.2", "127.0.0.3", ELSEWHERE):
            self.assertEqual(ask.lookup(address, alive_name), port, address)
            self.assertEqual(ask.names(address), {alive_name: port}, address)
