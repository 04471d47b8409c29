"""The main job: unmodified VMs of one alive name, each at a host of its own, on one machine, with nothing but the hosts file.

MainJob holds the sentences; a family below it is one way of naming nodes.
"""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import ask
import machine
from case import Case, ServedCase
from vm import REFUSED, Erl, Iex, Vm, eventually

SHARED_COOKIE = "a_third_cookie"
BARE_HOSTS = "127.0.0.1 localhost\n127.0.1.1 workshop\n"


class Member(NamedTuple):
    """One VM of a family: how it is started, and where it must be found."""

    kind: type[Vm]
    flag: str
    node_name: str
    address: str

    @property
    def host(self) -> str:
        return self.node_name.partition("@")[2]


class MainJob:
    members: tuple[Member, ...]

    def start(self, member: Member, **options) -> Vm:
        return self.vm(member.kind, member.flag, member.node_name, **options)

    def start_all(self) -> dict[Member, Vm]:
        """All at once: the daemon has to tell apart registrations that come in together."""
        vms = {member: self.start(member) for member in self.members}
        for member, vm in vms.items():
            vm.started()
            self.assertEqual(vm.node(), member.node_name)
        return vms

    def share_cookies(self, vms: dict[Member, Vm]) -> None:
        """Each sets the same third cookie for each other."""
        for member, peer in permutations(vms, 2):
            vms[member].set_cookie(peer.node_name, SHARED_COOKIE)

    def check_connects(self, vms: dict[Member, Vm], one: Member, other: Member) -> None:
        """From one to the other, and all that is to be right while it lasts; afterwards they are apart again."""
        self.assertTrue(vms[one].connect(other.node_name))
        # The dialling side knows at once; the other has its nodeup a moment later.
        self.assertEqual(vms[one].nodes(), {other.node_name})
        eventually(lambda: vms[other].nodes() == {one.node_name}, f"{other.node_name} lists {one.node_name}")
        self.assertEqual(vms[one].node_by_rpc(other.node_name), other.node_name)
        self.assertEqual(vms[other].node_by_rpc(one.node_name), one.node_name)
        vms[one].disconnect(other.node_name)
        for member in (one, other):
            eventually(lambda: vms[member].nodes() == set(), f"{member.node_name} is alone again")

    def test_each_host_lists_exactly_its_own_node_and_port(self) -> None:
        vms = self.start_all()
        for member, vm in vms.items():
            expected = {"idfe": vm.distribution_port()}
            self.assertEqual(ask.names(member.address), expected)
            self.assertEqual(ask.lookup(member.address, "idfe"), expected["idfe"])
            for asking in vms.values():
                self.assertEqual(asking.names(member.host), expected)

    def test_a_lookup_at_the_wrong_address_answers_not_found(self) -> None:
        member, *others = self.members
        vm = self.start(member).started()
        # First, since it waits for a node that is pending: until then such a node is seen at the machine.
        self.assertEqual(ask.lookup(member.address, "idfe"), vm.distribution_port())
        for address in ("127.0.0.1", "127.0.1.1", *(other.address for other in others), "127.0.0.77"):
            self.assertIsNone(ask.lookup(address, "idfe"), address)
            self.assertEqual(ask.names(address), {}, address)

    def test_either_side_connects_when_each_sets_the_same_third_cookie_for_the_other(self) -> None:
        vms = self.start_all()
        self.share_cookies(vms)
        for one, other in permutations(self.members, 2):
            with self.subTest(f"{one.node_name} to {other.node_name}"):
                self.check_connects(vms, one, other)

    def test_either_side_connects_when_one_side_is_given_the_others_default_cookie(self) -> None:
        vms = self.start_all()
        one, other = self.members[:2]
        vms[one].set_cookie(other.node_name, vms[other].cookie)
        with self.subTest("from the side that was given it"):
            self.check_connects(vms, one, other)
        with self.subTest("from the side whose default it is"):
            self.check_connects(vms, other, one)

    def test_with_nothing_but_their_own_default_cookies_they_do_not_connect(self) -> None:
        vms = self.start_all()
        for one, other in permutations(self.members[:2]):
            self.assertFalse(vms[one].connect(other.node_name))
        for vm in vms.values():
            self.assertEqual(vm.nodes(), set())

    def test_a_killed_vm_leaves_only_its_own_host_and_can_come_back_at_once(self) -> None:
        vms = self.start_all()
        killed, *others = self.members
        before = {member: {"idfe": vms[member].distribution_port()} for member in others}
        vms[killed].kill()
        vms[killed].restart()
        vms[killed].started()
        self.assertEqual(ask.names(killed.address), {"idfe": vms[killed].distribution_port()})
        for member in others:
            self.assertEqual(ask.names(member.address), before[member])
        vms[killed].kill()
        eventually(lambda: ask.names(killed.address) == {}, f"the killed {killed.node_name} is listed no more")
        self.assertIsNone(ask.lookup(killed.address, "idfe"))
        for member in others:
            self.assertEqual(ask.names(member.address), before[member])

    def test_a_second_vm_of_the_same_full_name_is_refused_as_stock_does(self) -> None:
        vms = self.start_all()
        member = self.members[0]
        second = self.start(member)
        self.assertTrue(second.refused(), second.said)
        self.assertIn(f"the name {member.node_name} {REFUSED}", second.said)
        for each, vm in vms.items():
            self.assertEqual(ask.names(each.address), {"idfe": vm.distribution_port()})


class ShortNames(MainJob, ServedCase):
    """Two lines in the hosts file and nothing else: the seed of it all."""

    hosts = BARE_HOSTS + "127.0.0.2 lowry\n127.0.0.3 indecline\n"
    members = (
        Member(Erl, "-sname", "idfe@lowry", "127.0.0.2"),
        Member(Erl, "-sname", "idfe@indecline", "127.0.0.3"),
    )


class LongNames(MainJob, ServedCase):
    members = (
        Member(Erl, "-name", "idfe@lowry.example.test", "127.0.0.2"),
        Member(Erl, "-name", "idfe@indecline.example.test", "127.0.0.3"),
    )


class LiteralAddresses(MainJob, ServedCase):
    """No hosts file line and no configuration at all."""

    hosts = BARE_HOSTS
    members = (
        Member(Erl, "-name", "idfe@127.0.0.51", "127.0.0.51"),
        Member(Erl, "-name", "idfe@127.0.0.52", "127.0.0.52"),
    )


class ThreeHosts(MainJob, ServedCase):
    members = (
        Member(Erl, "-sname", "idfe@lowry", "127.0.0.2"),
        Member(Erl, "-sname", "idfe@indecline", "127.0.0.3"),
        Member(Erl, "-sname", "idfe@lazarides", "127.0.0.4"),
    )

    def test_all_three_are_connected_at_once(self) -> None:
        vms = self.start_all()
        self.share_cookies(vms)
        first, *rest = self.members
        for peer in rest:
            self.assertTrue(vms[first].connect(peer.node_name))
        everybody = {member.node_name for member in self.members}
        for member, vm in vms.items():  # the other two find each other by themselves, through lookups of their own
            eventually(lambda: vm.nodes() == everybody - {member.node_name}, f"{member.node_name} is connected to the two others")
        for member, peer in permutations(self.members, 2):
            self.assertEqual(vms[member].node_by_rpc(peer.node_name), peer.node_name)


class ElixirShortNames(MainJob, ServedCase):
    members = (
        Member(Iex, "--sname", "idfe@lowry", "127.0.0.2"),
        Member(Iex, "--sname", "idfe@indecline", "127.0.0.3"),
    )


class ElixirLongNames(MainJob, ServedCase):
    members = (
        Member(Iex, "--name", "idfe@lowry.example.test", "127.0.0.2"),
        Member(Iex, "--name", "idfe@127.0.0.52", "127.0.0.52"),
    )


class ErlangAndElixir(MainJob, ServedCase):
    members = (
        Member(Erl, "-sname", "idfe@lowry", "127.0.0.2"),
        Member(Iex, "--sname", "idfe@indecline", "127.0.0.3"),
    )


class AllAtOnce(ServedCase):
    """Registrations that come in while the evidence for others is still being gathered."""

    def test_six_vms_of_one_alive_name_at_six_hosts_all_live(self) -> None:
        addresses = [f"127.0.0.{number}" for number in range(61, 67)]
        vms = {address: self.vm(Erl, "-name", f"idfe@{address}") for address in addresses}
        for vm in vms.values():
            vm.started()
        for address, vm in vms.items():
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})
        self.assertEqual(ask.names("127.0.0.1"), {})

    def test_of_three_vms_with_one_full_name_exactly_one_lives(self) -> None:
        vms = [self.vm(Erl, "-sname", "idfe@lowry") for _ in range(3)]
        eventually(lambda: sum(vm.has_ended() for vm in vms) == 2, "two of the three have ended", 15)
        (living,) = (vm for vm in vms if not vm.has_ended())
        for vm in vms:
            self.assertEqual(vm is not living, REFUSED in vm.said, vm.said)
        living.started()
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": living.distribution_port()})


class AnotherPort(Case):
    """Beside another epmd on the standard port: the VMs are told the port by their environment, and nothing else."""

    def test_two_vms_connect_through_a_daemon_on_a_private_port(self) -> None:
        port = 4400
        self.serve("-port", str(port), port=port)
        told = {"ERL_EPMD_PORT": str(port)}
        lowry = self.vm(Erl, "-sname", "idfe@lowry", environment=told)
        indecline = self.vm(Erl, "-sname", "idfe@indecline", environment=told)
        lowry.started().set_cookie("idfe@indecline", SHARED_COOKIE)
        indecline.started().set_cookie("idfe@lowry", SHARED_COOKIE)
        self.assertEqual(ask.names("127.0.0.2", port), {"idfe": lowry.distribution_port()})
        self.assertEqual(ask.names("127.0.0.3", port), {"idfe": indecline.distribution_port()})
        self.assertTrue(lowry.connect("idfe@indecline"))
        self.assertEqual(indecline.node_by_rpc("idfe@lowry"), "idfe@lowry")


class TheMachine(ServedCase):
    """A VM that names no host lives on the machine, beside VMs of its alive name on hosts."""

    def test_a_name_without_host_part_is_found_where_the_hostname_resolves_and_on_no_host(self) -> None:
        at_home = self.vm(Erl, "-sname", "idfe")
        at_lowry = self.vm(Erl, "-sname", "idfe@lowry")
        self.assertEqual(at_home.started().node(), "idfe@workshop")
        at_lowry.started()
        for address in ("127.0.0.1", "127.0.1.1"):
            self.assertEqual(ask.names(address), {"idfe": at_home.distribution_port()}, address)
            self.assertEqual(ask.lookup(address, "idfe"), at_home.distribution_port(), address)
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": at_lowry.distribution_port()})
        self.assertEqual(ask.names("127.0.0.3"), {})
        self.assertEqual(at_lowry.names("workshop"), {"idfe": at_home.distribution_port()})

    def test_a_name_on_the_machine_alone_is_found_on_no_host(self) -> None:
        self.vm(Erl, "-sname", "idfe").started()
        self.assertIsNone(ask.lookup("127.0.0.2", "idfe"))
        self.assertEqual(ask.names("127.0.0.2"), {})

    def test_a_long_name_with_the_machines_own_name_lives_on_the_machine(self) -> None:
        vm = self.vm(Erl, "-name", "idfe@workshop.example.test").started()
        for address in ("127.0.0.1", "127.0.1.1"):
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()}, address)
        self.assertEqual(ask.names("127.0.0.2"), {})

    def test_a_hostname_that_resolves_to_a_loopback_address_which_is_nobody_elses(self) -> None:
        # Some distributions write the hostname at 127.0.0.2; peers of idfe@workshop then ask there.
        machine.write_hosts("127.0.0.1 localhost\n127.0.0.2 workshop.example.test workshop\n127.0.0.3 indecline\n")
        at_home = self.vm(Erl, "-sname", "idfe").started()
        for address in ("127.0.0.1", "127.0.0.2"):
            self.assertEqual(ask.names(address), {"idfe": at_home.distribution_port()}, address)
        self.assertEqual(ask.names("127.0.0.3"), {})

    def test_a_vm_on_the_machine_and_one_on_a_host_connect_either_way(self) -> None:
        at_home = self.vm(Erl, "-sname", "idfe")
        at_lowry = self.vm(Iex, "--sname", "idfe@lowry")
        at_home.started().set_cookie("idfe@lowry", SHARED_COOKIE)
        at_lowry.started().set_cookie("idfe@workshop", SHARED_COOKIE)
        self.assertTrue(at_home.connect("idfe@lowry"))
        self.assertEqual(at_lowry.node_by_rpc("idfe@workshop"), "idfe@workshop")
        at_lowry.disconnect("idfe@workshop")
        eventually(lambda: at_home.nodes() == set(), "idfe@workshop is alone again")
        self.assertTrue(at_lowry.connect("idfe@workshop"))
        self.assertEqual(at_home.node_by_rpc("idfe@lowry"), "idfe@lowry")
