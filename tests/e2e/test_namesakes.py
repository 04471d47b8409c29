"""Nodes of one name: each rule for answering (docs/model.md) with real VMs, most of which only their own word places."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import ask
import foreign
from case import ServedCase
from vm import REFUSED, Erl, Iex, Vm, eventually

ADDRESSES = {"lowry": "127.0.0.2", "indecline": "127.0.0.3", "lazarides": "127.0.0.4"}
KNOCK_SECONDS = 2.0  # between two attempts of a VM that registers anew


def refused_at_run_time(vm: Erl, node_name: str) -> bool:
    """Whether a VM is told that the name is taken. It goes on without a name."""
    return vm.evaluate(f"element(1, net_kernel:start(['{node_name}', shortnames]))") == "error"


class Namesakes(ServedCase):
    def at(self, host: str) -> dict[str, int]:
        return ask.names(ADDRESSES[host])

    def named(self, node_name: str, kind: type[Vm] = Erl) -> Vm:
        vm = self.vm(kind).started()
        vm.start_node(node_name)
        return vm

    def stays_quiet(self, vm: Erl) -> None:
        """Nobody knocks in the time in which a VM that was turned away would have."""
        before = self.daemon.log()
        vm.evaluate(f"timer:sleep({round(KNOCK_SECONDS * 1250)})")
        self.assertEqual(self.daemon.log(), before)


class OneByOne(Namesakes):
    def test_a_free_name_is_given_at_once(self) -> None:
        with foreign.Listener() as silent, ask.register("rabbit", silent.port) as held:  # nobody knows yet where it belongs
            self.assertEqual(held.result, 0)
            self.assertEqual(ask.names("127.0.0.1"), {"rabbit": silent.port})

    def test_a_dead_holder_makes_room(self) -> None:
        vm = self.named("rabbit@lowry")
        for _ in range(5):
            vm.kill()
            vm.restart()
            vm.started().start_node("rabbit@lowry")
            self.assertEqual(self.at("lowry"), {"rabbit": vm.distribution_port()})
        self.assertEqual(self.daemon.lines_with("refused") + self.daemon.lines_with("parked"), [])

    def test_a_reply_is_held_while_it_is_not_known_where_the_holder_belongs(self) -> None:
        with foreign.Listener() as silent, ask.register("rabbit", silent.port) as holder:  # asked for 2 s, in vain
            self.assertEqual(holder.result, 0)
            began = time.monotonic()
            vm = self.vm(Erl, "-sname", "rabbit@lowry").started()
            self.assertGreater(time.monotonic() - began, 1.5)
            self.assertEqual(self.at("lowry"), {"rabbit": vm.distribution_port()})
            self.assertEqual(ask.names("127.0.0.1"), {"rabbit": silent.port})
        told = [line for line in self.daemon.log().splitlines() if "'rabbit" in line]
        self.assertIn("is unplaced", told[0])
        self.assertIn("is at 127.0.0.2, by process", told[1])

    def test_a_reply_that_was_held_may_be_a_refusal(self) -> None:
        with foreign.Listener() as silent, ask.register("rabbit", silent.port) as holder:
            self.assertEqual(holder.result, 0)
            second = self.vm(Erl, "-sname", "rabbit")
            self.assertTrue(second.refused(), second.said)
            self.assertEqual(ask.names("127.0.0.1"), {"rabbit": silent.port})

    def test_at_one_host_the_second_is_refused_and_does_not_come_again(self) -> None:
        holder = self.vm(Erl, "-sname", "rabbit@lowry").started()
        self.assertEqual(self.at("lowry"), {"rabbit": holder.distribution_port()})
        second = self.vm(Erl, "-sname", "rabbit@lowry")
        self.assertTrue(second.refused(), second.said)
        self.assertIn(f"the name rabbit@lowry {REFUSED}", second.said)
        self.assertEqual(len(self.daemon.lines_with("refused")), 1)

    def test_beside_the_machines_node_one_that_only_its_own_word_places_is_refused(self) -> None:
        holder = self.vm(Erl, "-sname", "rabbit").started()
        second = self.vm(Erl).started()
        self.assertTrue(refused_at_run_time(second, "rabbit@lowry"))
        self.stays_quiet(second)
        self.assertEqual(ask.names("127.0.0.1"), {"rabbit": holder.distribution_port()})
        self.assertEqual(self.at("lowry"), {})

    def test_on_two_hosts_the_second_is_accepted(self) -> None:
        lowry, indecline = self.named("rabbit@lowry"), self.named("rabbit@indecline", Iex)
        self.assertEqual(self.at("lowry"), {"rabbit": lowry.distribution_port()})
        self.assertEqual(self.at("indecline"), {"rabbit": indecline.distribution_port()})
        self.assertEqual(ask.names("127.0.0.1"), {})

    def test_who_had_to_be_accepted_at_the_holders_host_is_parked_and_promoted_when_the_holder_goes(self) -> None:
        holder, second = self.named("rabbit@lowry"), self.named("rabbit@lowry")
        eventually(lambda: self.daemon.lines_with("is parked"), "the second one is parked")
        (line,) = self.daemon.lines_with("is parked")
        for vm in (holder, second):
            self.assertIn(f"pid {vm.pid} ", line)
        self.assertEqual(self.at("lowry"), {"rabbit": holder.distribution_port()})
        self.assertEqual(ask.names("127.0.0.1"), {})
        self.stays_quiet(second)
        holder.kill()
        eventually(lambda: self.at("lowry") == {"rabbit": second.distribution_port()}, "the second one is promoted")

    def test_a_parked_node_that_goes_harms_nobody(self) -> None:
        holder, second = self.named("rabbit@lowry"), self.named("rabbit@lowry")
        eventually(lambda: self.daemon.lines_with("is parked"), "the second one is parked")
        second.kill()
        eventually(lambda: self.daemon.lines_with("has gone"), "the second one has gone")
        self.assertEqual(self.at("lowry"), {"rabbit": holder.distribution_port()})


class Together(Namesakes):
    def test_namesakes_that_arrive_together_end_on_their_hosts(self) -> None:
        vms = {host: self.vm(kind) for host, kind in zip(ADDRESSES, (Erl, Iex, Erl))}
        for vm in vms.values():
            vm.started()
        with ThreadPoolExecutor(len(vms)) as all_at_once:
            for _ in range(10):
                list(all_at_once.map(lambda host: vms[host].start_node(f"rabbit@{host}"), vms))
                for host, vm in vms.items():
                    self.assertEqual(self.at(host), {"rabbit": vm.distribution_port()})
                self.assertEqual(ask.names("127.0.0.1"), {})
                for vm in vms.values():
                    vm.evaluate("net_kernel:stop()" if isinstance(vm, Erl) else ":net_kernel.stop()")
        self.assertEqual(self.daemon.lines_with("refused") + self.daemon.lines_with("parked"), [])

    def test_namesakes_of_both_kinds_that_arrive_together(self) -> None:
        by_flag = self.vm(Erl, "-sname", "rabbit@lowry")
        at_run_time = self.named("rabbit@indecline")
        by_flag.started()
        self.assertEqual(self.at("lowry"), {"rabbit": by_flag.distribution_port()})
        self.assertEqual(self.at("indecline"), {"rabbit": at_run_time.distribution_port()})


class Knocking(Namesakes):
    """A VM whose connection is lost, and whose name another takes before it is back, tries again every 2 s for ever."""

    def test_it_is_parked_the_second_time_and_promoted_when_its_place_is_free(self) -> None:
        first = self.named("rabbit@lowry")
        self.assertEqual(self.at("lowry"), {"rabbit": first.distribution_port()})
        first.lose_epmd()
        thief = self.vm(Erl, "-sname", "rabbit@lowry").started()
        eventually(lambda: self.daemon.lines_with("is parked"), "the one that knocks again is parked", 10)
        self.assertEqual(len(self.daemon.lines_with("refused")), 1, self.daemon.log())
        self.assertEqual(self.at("lowry"), {"rabbit": thief.distribution_port()})
        self.stays_quiet(first)
        thief.kill()
        eventually(lambda: self.at("lowry") == {"rabbit": first.distribution_port()}, "it has its place again")

    def test_without_hosts_it_is_refused_each_time_as_stock_does_and_the_log_says_so_once(self) -> None:
        first = self.vm(Erl, "-sname", "rabbit").started()
        self.assertEqual(ask.names("127.0.0.1"), {"rabbit": first.distribution_port()})
        first.lose_epmd()
        thief = self.vm(Erl, "-sname", "rabbit").started()
        eventually(lambda: self.daemon.lines_with("refused"), "it knocks", 10)
        self.stays_quiet(first)
        self.stays_quiet(first)
        self.assertEqual(ask.names("127.0.0.1"), {"rabbit": thief.distribution_port()})
        thief.kill()
        eventually(lambda: ask.names("127.0.0.1") == {"rabbit": first.distribution_port()}, "it has its name again", 10)
