"""To which host a registration belongs: each kind of evidence, nodes without any, and hosts that change while the daemon runs."""

from __future__ import annotations

import socket
import subprocess

import ask
import machine
from case import Case, ServedCase
from placed import ELSEWHERE, Placed
from vm import REFUSED, Erl, Iex, Vm, eventually

RESOLVE_NOTHING_ELSE = "{lookup,[file,native]}.\n"  # without it a VM does not read the hosts of its inetrc


class ByTheCommandLine(Placed, ServedCase):
    def test_an_upper_case_host_part_is_the_same_host(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@LOWRY").started()
        self.check_lives_only_at("127.0.0.2", vm)
        second = self.vm(Erl, "-sname", "idfe@lowry")
        self.assertTrue(second.refused(), second.said)

    def test_what_follows_extra_is_not_read(self) -> None:
        # The second name would win if it counted: an -sname beats a -name.
        vm = self.vm(Erl, "-name", "idfe@lowry.example.test", "-extra", "-sname", "idfe@indecline").started()
        self.check_lives_only_at("127.0.0.2", vm)

    def test_what_follows_extra_is_not_read_when_the_name_comes_from_the_environment(self) -> None:
        told = {"ERL_FLAGS": "-name idfe@lowry.example.test"}
        self.check_lives_only_at("127.0.0.2", self.vm(Erl, "-extra", "-sname", "idfe@indecline", environment=told).started())

    def test_the_first_sname_wins(self) -> None:
        self.check_lives_only_at("127.0.0.2", self.vm(Erl, "-sname", "idfe@lowry", "-sname", "idfe@indecline").started())

    def test_an_sname_wins_over_an_earlier_name(self) -> None:
        vm = self.vm(Erl, "-name", "idfe@indecline.example.test", "-sname", "idfe@lowry").started()
        self.check_lives_only_at("127.0.0.2", vm)

    def test_a_long_mode_name_without_a_dot(self) -> None:
        self.check_lives_only_at("127.0.0.2", self.vm(Erl, "-name", "idfe@lowry").started())

    def test_a_name_after_two_dashes_counts(self) -> None:
        # erl puts -- into the command line in several places, so it is no end of the flags.
        self.check_lives_only_at("127.0.0.2", self.vm(Erl, "--", "-sname", "idfe@lowry").started())

    def test_a_name_in_erl_flags(self) -> None:
        self.check_lives_only_at("127.0.0.2", self.vm(Erl, environment={"ERL_FLAGS": "-sname idfe@lowry"}).started())

    def test_a_name_in_erl_zflags(self) -> None:
        self.check_lives_only_at("127.0.0.2", self.vm(Erl, environment={"ERL_ZFLAGS": "-sname idfe@lowry"}).started())

    def test_a_name_in_erl_aflags_comes_before_the_command_line(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@indecline", environment={"ERL_AFLAGS": "-sname idfe@lowry"}).started()
        self.check_lives_only_at("127.0.0.2", vm)

    def test_a_name_in_an_args_file(self) -> None:
        arguments = self.file("vm.args", "# a comment\n-sname idfe@lowry\n")
        self.check_lives_only_at("127.0.0.2", self.vm(Erl, "-args_file", str(arguments)).started())

    def test_a_hidden_node(self) -> None:
        self.check_lives_only_at("127.0.0.2", self.vm(Erl, "-sname", "idfe@lowry", "-hidden").started())

    def test_iex_with_arguments_of_its_own(self) -> None:
        self.check_lives_only_at("127.0.0.2", self.vm(Iex, "--sname", "idfe@lowry", "--", "--sname", "idfe@indecline").started())

    def test_an_empty_host_part_means_the_machine(self) -> None:
        self.check_lives_only_at("127.0.0.1", self.vm(Erl, "-sname", "idfe@").started())


class ByTheEnvironment(Placed, ServedCase):
    """Programs that name their node at run time."""

    def check(self, variable: str) -> None:
        vm = self.vm(Erl, environment={variable: "idfe@lowry"}).started()
        vm.start_node("idfe@lowry")
        self.check_lives_only_at("127.0.0.2", vm)

    def test_rabbitmq_nodename(self) -> None:
        self.check("RABBITMQ_NODENAME")

    def test_livebook_node(self) -> None:
        self.check("LIVEBOOK_NODE")


class ByTheListener(Placed, ServedCase):
    """Nodes that are named at run time: nothing but the address of their listener tells their host."""

    def bound(self, address: str, *more: str) -> Vm:
        interface = "{" + address.replace(".", ",") + "}"
        return self.vm(Erl, "-kernel", "inet_dist_use_interface", interface, *more)

    def test_a_node_named_at_run_time_lives_where_it_listens(self) -> None:
        vm = self.bound("127.0.0.2").started()
        vm.start_node("idfe")
        self.assertEqual(vm.node(), "idfe@workshop")
        self.check_lives_only_at("127.0.0.2", vm)

    def test_a_listener_on_127_0_0_1_is_no_evidence(self) -> None:
        vm = self.bound("127.0.0.1", "-sname", "idfe@lowry").started()
        self.check_lives_only_at("127.0.0.2", vm)

    def test_the_listener_counts_more_than_the_command_line(self) -> None:
        self.check_lives_only_at("127.0.0.3", self.bound("127.0.0.3", "-sname", "idfe@lowry").started())

    def test_of_several_listeners_on_one_port_the_owners_counts(self) -> None:
        for own, other in (("127.0.0.2", "127.0.0.3"), ("127.0.0.3", "127.0.0.2")):
            with self.subTest(own), socket.create_server((other, 25672)):
                vm = self.bound(own, "inet_dist_listen_min", "25672", "inet_dist_listen_max", "25672").started()
                vm.start_node("idfe")
                self.check_lives_only_at(own, vm)
                vm.kill()
            eventually(lambda: ask.names(own) == {}, "the killed node is listed no more")

    def test_two_nodes_with_one_port_at_two_hosts(self) -> None:
        one_port = ("inet_dist_listen_min", "25672", "inet_dist_listen_max", "25672")
        lowry = self.bound("127.0.0.2", *one_port)
        indecline = self.bound("127.0.0.3", *one_port)
        for vm in (lowry, indecline):
            vm.started().start_node("idfe")
        for address in ("127.0.0.2", "127.0.0.3"):
            self.assertEqual(ask.names(address), {"idfe": 25672}, address)
        self.assertEqual(ask.names("127.0.0.1"), {})
        lowry.kill()
        eventually(lambda: ask.names("127.0.0.2") == {}, "the killed node is listed no more")
        self.assertEqual(ask.names("127.0.0.3"), {"idfe": 25672})

    def test_two_named_nodes_with_one_port_connect(self) -> None:
        one_port = ("inet_dist_listen_min", "25672", "inet_dist_listen_max", "25672")
        lowry = self.bound("127.0.0.2", *one_port, "-sname", "idfe@lowry")
        indecline = self.bound("127.0.0.3", *one_port, "-sname", "idfe@indecline")
        lowry.started().set_cookie("idfe@indecline", "a_third_cookie")
        indecline.started().set_cookie("idfe@lowry", "a_third_cookie")
        self.assertTrue(lowry.connect("idfe@indecline"))
        self.assertEqual(indecline.node_by_rpc("idfe@lowry"), "idfe@lowry")


class ByTheConnection(ServedCase):
    """Raw registrations: by where they were sent, and by where they came from."""

    def test_a_registration_sent_to_a_hosts_own_address_belongs_there(self) -> None:
        with ask.register("idfe", 40001, to="127.0.0.2") as lowry, ask.register("idfe", 40002, to="127.0.0.3") as indecline:
            self.assertEqual((lowry.result, indecline.result), (0, 0))
            self.assertEqual(ask.names("127.0.0.2"), {"idfe": 40001})
            self.assertEqual(ask.names("127.0.0.3"), {"idfe": 40002})
            self.assertEqual(ask.names("127.0.0.1"), {})

    def test_a_registration_that_comes_from_a_hosts_own_address_belongs_there(self) -> None:
        with (
            ask.register("idfe", 40001, source="127.0.0.2") as lowry,
            ask.register("idfe", 40002, source="127.0.0.3") as indecline,
        ):
            self.assertEqual((lowry.result, indecline.result), (0, 0))
            self.assertEqual(ask.names("127.0.0.2"), {"idfe": 40001})
            self.assertEqual(ask.names("127.0.0.3"), {"idfe": 40002})
            self.assertEqual(ask.names("127.0.0.1"), {})

    def test_the_destination_counts_more_than_the_source(self) -> None:
        with ask.register("idfe", 40001, to="127.0.0.2", source="127.0.0.3") as held:
            self.assertEqual(held.result, 0)
            self.assertEqual(ask.names("127.0.0.2"), {"idfe": 40001})
            self.assertEqual(ask.names("127.0.0.3"), {})

    def test_a_duplicate_at_one_host_is_refused_and_its_reset_harms_nobody(self) -> None:
        with ask.register("idfe", 40001, to="127.0.0.2") as holder:
            self.assertEqual(holder.result, 0)
            for _ in range(10):
                second = ask.register("idfe", 40002, to="127.0.0.2")
                self.assertEqual(second.result, 1)
                second.reset()
                self.assertEqual(ask.names("127.0.0.2"), {"idfe": 40001})

    def test_a_node_that_comes_back_at_once_is_not_refused(self) -> None:
        for address in ("127.0.0.1", "127.0.0.2"):
            for leave in (ask.Registration.close, ask.Registration.reset):
                with self.subTest(f"{leave.__name__} at {address}"):
                    for attempt in range(50):
                        held = ask.register("idfe", 40001, to=address)
                        self.assertEqual(held.result, 0, f"attempt {attempt}")
                        leave(held)

    def test_a_vm_that_is_killed_and_started_again_at_once_is_not_refused(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry").started()
        for _ in range(3):
            vm.kill()
            vm.restart()
            vm.started()
            self.assertEqual(ask.names("127.0.0.2"), {"idfe": vm.distribution_port()})


class WithoutEvidence(Placed, ServedCase):
    """Nodes whose host nothing names: pending first, then unplaced, which means everywhere unless a placed one shadows them."""

    flags = ("--log-level", "warn", "--probe", "no")

    def test_a_registration_is_in_the_machines_list_as_soon_as_it_is_acknowledged(self) -> None:
        for attempt in range(50):
            with ask.register(f"idfe_{attempt}", 40001) as held:
                self.assertEqual(held.result, 0)
                self.assertEqual(ask.names("127.0.0.1").get(f"idfe_{attempt}"), 40001)

    def test_an_unplaced_node_is_seen_at_every_host_unless_a_placed_one_shadows_it(self) -> None:
        with ask.register("idfe", 40001, node_type=ask.C_NODE) as unplaced:
            self.assertEqual(unplaced.result, 0)
            for address in ("127.0.0.1", "127.0.0.2", ELSEWHERE):
                self.assertEqual(ask.lookup(address, "idfe"), 40001, address)
                self.assertEqual(ask.names(address), {"idfe": 40001}, address)
            with ask.register("idfe", 40002, to="127.0.0.2") as placed:
                self.assertEqual(placed.result, 0)
                self.assertEqual(ask.lookup("127.0.0.2", "idfe"), 40002)
                self.assertEqual(ask.names("127.0.0.2"), {"idfe": 40002})
                for address in ("127.0.0.1", ELSEWHERE):
                    self.assertEqual(ask.lookup(address, "idfe"), 40001, address)
            eventually(lambda: ask.lookup("127.0.0.2", "idfe") == 40001, "the unplaced node is seen again at 127.0.0.2")

    def test_two_nodes_without_evidence_and_of_one_name_are_refused_as_stock_does(self) -> None:
        with ask.register("idfe", 40001, node_type=ask.C_NODE) as first:
            self.assertEqual(first.result, 0)
            with ask.register("idfe", 40002, node_type=ask.C_NODE) as second:
                self.assertEqual(second.result, 1)
            self.assertEqual(ask.names("127.0.0.1"), {"idfe": 40001})

    def test_a_node_without_evidence_is_accepted_beside_one_that_is_placed_on_a_host(self) -> None:
        lowry = self.vm(Erl, "-sname", "idfe@lowry").started()
        at_run_time = self.vm(Erl).started()
        at_run_time.start_node("idfe")
        self.assertEqual(ask.lookup("127.0.0.1", "idfe"), at_run_time.distribution_port())
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": lowry.distribution_port()})

    def check_unplaced_with_one_warning(self, node_name: str) -> None:
        vm = self.vm(Erl, "-sname", node_name).started()
        self.check_is_seen_everywhere(vm)
        self.assertEqual(len(self.daemon.lines_with(node_name)), 1, self.daemon.log())

    def test_a_host_part_that_does_not_resolve_leaves_the_node_unplaced_with_one_warning(self) -> None:
        self.check_unplaced_with_one_warning("idfe@nowhere")

    def test_a_host_part_that_resolves_to_another_machine_leaves_the_node_unplaced_with_one_warning(self) -> None:
        self.check_unplaced_with_one_warning("idfe@faraway")

    def test_a_vm_at_a_host_starts_beside_an_unplaced_one_and_shadows_it_there(self) -> None:
        unplaced = self.vm(Erl, "-sname", "idfe@nowhere").started()
        placed = self.vm(Erl, "-sname", "idfe@lowry").started()
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": placed.distribution_port()})
        for address in ("127.0.0.1", ELSEWHERE):
            self.assertEqual(ask.names(address), {"idfe": unplaced.distribution_port()}, address)

    def test_a_second_unplaced_vm_of_a_name_is_refused_as_stock_does(self) -> None:
        self.vm(Erl, "-sname", "idfe@nowhere").started()
        second = self.vm(Erl, "-sname", "idfe@faraway")
        self.assertTrue(second.refused(), second.said)
        self.assertIn(f"the name idfe@faraway {REFUSED}", second.said)


class HostsFileEdited(Placed, ServedCase):
    """/etc/hosts changes while the daemon runs."""

    def test_a_new_host_is_usable_without_a_restart(self) -> None:
        lowry = self.vm(Erl, "-sname", "idfe@lowry").started()
        machine.write_hosts(machine.HOSTS + "127.0.0.7 kinetic\n")
        kinetic = self.vm(Erl, "-sname", "idfe@kinetic").started()
        self.assertEqual(ask.names("127.0.0.7"), {"idfe": kinetic.distribution_port()})
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": lowry.distribution_port()})

    def test_a_host_that_was_asked_for_in_vain_is_usable_once_it_is_there(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@kinetic").started()
        self.check_is_seen_everywhere(vm)
        vm.kill()
        machine.write_hosts(machine.HOSTS + "127.0.0.7 kinetic\n")
        vm.restart()
        self.check_lives_only_at("127.0.0.7", vm.started())

    def test_a_device_address_that_the_hosts_file_gives_to_another_name_is_a_host(self) -> None:
        subprocess.run(["ip", "addr", "add", "10.78.0.6/32", "dev", "lo"], check=True)
        self.addCleanup(subprocess.run, ["ip", "addr", "del", "10.78.0.6/32", "dev", "lo"], check=True)
        machine.write_hosts(machine.HOSTS + "10.78.0.6 kinetic\n")
        kinetic = self.vm(Erl, "-sname", "idfe@kinetic")
        at_home = self.vm(Erl, "-sname", "idfe")
        kinetic.started()
        at_home.started()
        self.assertEqual(ask.names("10.78.0.6"), {"idfe": kinetic.distribution_port()})
        self.assertEqual(ask.names("127.0.0.1"), {"idfe": at_home.distribution_port()})

    def test_a_host_that_moves_is_found_at_its_new_address_by_the_next_lookup(self) -> None:
        lowry = self.vm(Erl, "-sname", "idfe@lowry")
        indecline = self.vm(Erl, "-sname", "idfe@indecline")
        lowry.started()
        indecline.started()
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": lowry.distribution_port()})
        machine.write_hosts(machine.HOSTS.replace("127.0.0.2 ", "127.0.0.9 "))
        self.assertEqual(ask.lookup("127.0.0.9", "idfe"), lowry.distribution_port())
        self.assertEqual(ask.names("127.0.0.9"), {"idfe": lowry.distribution_port()})
        self.assertEqual(indecline.names("lowry"), {"idfe": lowry.distribution_port()})
        self.assertIsNone(ask.lookup("127.0.0.2", "idfe"))
        self.assertEqual(ask.names("127.0.0.3"), {"idfe": indecline.distribution_port()})


class ConfiguredHosts(Placed, Case):
    """Hosts named by the daemon's flags, which the VMs know from an inetrc: no line in /etc/hosts."""

    def test_vms_share_an_alive_name_on_hosts_that_only_flags_and_inetrc_name(self) -> None:
        self.serve("--host", "atelier=127.0.0.12,127.0.0.13", "--host", "studio=127.0.0.14")
        inetrc = self.file("inetrc", '{host,{127,0,0,12},["atelier"]}.\n{host,{127,0,0,14},["studio"]}.\n' + RESOLVE_NOTHING_ELSE)
        told = {"ERL_INETRC": str(inetrc)}
        atelier = self.vm(Erl, "-sname", "idfe@atelier", environment=told)
        studio = self.vm(Iex, "--sname", "idfe@studio", environment=told)
        atelier.started().set_cookie("idfe@studio", "a_third_cookie")
        studio.started().set_cookie("idfe@atelier", "a_third_cookie")
        with self.subTest("a host with two addresses answers at both"):
            for address in ("127.0.0.12", "127.0.0.13"):
                self.assertEqual(ask.names(address), {"idfe": atelier.distribution_port()}, address)
                self.assertEqual(ask.lookup(address, "idfe"), atelier.distribution_port(), address)
        self.assertEqual(ask.names("127.0.0.14"), {"idfe": studio.distribution_port()})
        self.assertEqual(ask.names("127.0.0.1"), {})
        self.assertEqual(studio.names("atelier"), {"idfe": atelier.distribution_port()})
        self.assertTrue(studio.connect("idfe@atelier"))
        self.assertEqual(atelier.node_by_rpc("idfe@studio"), "idfe@studio")

    def test_a_configured_address_wins_over_the_hosts_file(self) -> None:
        self.serve("--host", "lowry=127.0.0.22")
        vm = self.vm(Erl, "-sname", "idfe@lowry").started()
        self.check_lives_only_at("127.0.0.22", vm)

    def test_the_names_of_configured_hosts_compare_without_regard_to_case(self) -> None:
        self.serve("--host", "Atelier=127.0.0.12")
        self.check_lives_only_at("127.0.0.12", self.vm(Erl, "-sname", "idfe@aTELIER").started())

    def test_two_registrations_at_two_addresses_of_one_host_collide(self) -> None:
        self.serve("--host", "atelier=127.0.0.12,127.0.0.13")
        with ask.register("idfe", 40001, to="127.0.0.12") as first, ask.register("idfe", 40002, to="127.0.0.13") as second:
            self.assertEqual((first.result, second.result), (0, 1))

    def test_an_address_of_a_network_device_can_be_a_host(self) -> None:
        subprocess.run(["ip", "addr", "add", "10.78.0.5/32", "dev", "lo"], check=True)
        self.addCleanup(subprocess.run, ["ip", "addr", "del", "10.78.0.5/32", "dev", "lo"], check=True)
        self.serve("--host", "atelier=10.78.0.5")
        with ask.register("idfe", 40001, to="10.78.0.5") as held:
            self.assertEqual(held.result, 0)
            self.assertEqual(ask.names("10.78.0.5"), {"idfe": 40001})
            self.assertEqual(ask.names("127.0.0.1"), {})


class HostParts(Placed, Case):
    """What a host part may resolve to, and names with a domain against names without."""

    def check(self, flag: str, node_name: str, address: str) -> None:
        self.check_lives_only_at(address, self.vm(Erl, flag, node_name).started())

    def test_a_full_name_belongs_to_the_host_that_is_configured_without_its_domain(self) -> None:
        self.serve("--host", "atelier=127.0.0.12")
        self.check("-name", "idfe@atelier.example.test", "127.0.0.12")

    def test_a_short_name_belongs_to_the_host_that_is_configured_with_its_domain(self) -> None:
        self.serve("--host", "atelier.example.test=127.0.0.12")
        self.check("-sname", "idfe@atelier", "127.0.0.12")

    def test_a_full_name_that_resolves_is_where_it_resolves_to_whatever_is_configured_without_its_domain(self) -> None:
        machine.write_hosts(machine.HOSTS + "127.0.0.13 atelier.example.test\n")
        self.serve("--host", "atelier=127.0.0.12")
        self.check("-name", "idfe@atelier.example.test", "127.0.0.13")

    def test_of_several_addresses_a_hosts_goes_before_the_machines(self) -> None:
        machine.write_hosts(machine.HOSTS + "127.0.0.1 kinetic\n127.0.0.7 kinetic\n")
        self.serve()
        self.check("-sname", "idfe@kinetic", "127.0.0.7")

    def test_several_addresses_of_a_configured_host_are_one_host(self) -> None:
        machine.write_hosts(machine.HOSTS + "127.0.0.7 kinetic\n127.0.0.8 kinetic\n")
        self.serve("--host", "kinetic=127.0.0.7,127.0.0.8")
        vm = self.vm(Erl, "-sname", "idfe@kinetic").started()
        for address in ("127.0.0.7", "127.0.0.8"):
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()}, address)
        self.assertEqual(ask.names("127.0.0.1"), {})

    def test_a_name_that_resolves_to_127_0_1_1_as_the_hostname_does_is_the_machines(self) -> None:
        self.serve()
        self.check("-name", "idfe@workshop.example.test", "127.0.0.1")

    def test_another_name_on_the_hostnames_line_is_the_machines(self) -> None:
        machine.write_hosts(machine.HOSTS.replace("workshop\n", "workshop bench\n"))
        self.serve()
        self.check("-sname", "idfe@bench", "127.0.0.1")

    def test_a_name_that_alone_has_127_0_1_1_is_a_host(self) -> None:
        machine.write_hosts("127.0.0.1 localhost workshop\n127.0.1.1 kinetic\n")
        self.serve()
        self.check("-sname", "idfe@kinetic", "127.0.1.1")

    def test_localhost_is_the_machine(self) -> None:
        self.serve()
        self.check("-sname", "idfe@localhost", "127.0.0.1")

    def test_an_edited_hosts_file_moves_who_is_placed_by_its_own_word(self) -> None:
        self.serve()
        vm = self.vm(Erl).started()
        vm.start_node("idfe@lowry")
        self.check_lives_only_at("127.0.0.2", vm)
        machine.write_hosts(machine.HOSTS.replace("127.0.0.2 ", "127.0.0.9 "))
        port = vm.distribution_port()
        eventually(lambda: ask.lookup("127.0.0.9", "idfe") == port, "it has moved; a name is resolved again once a second")
        self.assertIsNone(ask.lookup("127.0.0.2", "idfe"))

    def test_an_edited_hosts_file_is_seen_before_a_newcomer_is_refused(self) -> None:
        self.serve()
        lowry = self.vm(Erl, "-sname", "idfe@lowry").started()
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": lowry.distribution_port()})
        machine.write_hosts(machine.HOSTS.replace("127.0.0.2 lowry.example.test lowry", "127.0.0.9 lowry\n127.0.0.2 kinetic"))
        kinetic = self.vm(Erl, "-sname", "idfe@kinetic").started()
        self.assertEqual(ask.names("127.0.0.2"), {"idfe": kinetic.distribution_port()})
        self.assertEqual(ask.names("127.0.0.9"), {"idfe": lowry.distribution_port()})

    def test_a_node_that_comes_back_after_the_hosts_file_was_edited_is_where_its_host_is(self) -> None:
        self.serve()
        vm = self.vm(Erl).started()
        vm.start_node("idfe@lowry")
        self.assertEqual(ask.lookup("127.0.0.2", "idfe"), vm.distribution_port())
        machine.write_hosts(machine.HOSTS.replace("127.0.0.2 ", "127.0.0.9 "))
        vm.lose_epmd()
        eventually(lambda: ask.lookup("127.0.0.9", "idfe") == vm.distribution_port(), "it has come back", 10)
        self.assertIsNone(ask.lookup("127.0.0.2", "idfe"))

    def test_a_reload_finds_the_host_of_who_is_placed_by_its_own_word(self) -> None:
        file = self.file("loopmd.conf", "")
        daemon = self.serve("--config", str(file))
        vm = self.vm(Erl).started()
        vm.start_node("idfe@nowhere")
        self.assertEqual(ask.lookup(ELSEWHERE, "idfe"), vm.distribution_port())
        file.write_text("[host]\nnowhere = 127.0.0.12\n")
        daemon.hang_up()
        eventually(lambda: ask.lookup(ELSEWHERE, "idfe") is None, "it is at its host")
        self.check_lives_only_at("127.0.0.12", vm)


class Ipv6(Placed, Case):
    """Hosts with IPv6 addresses. The kernel has only one loopback address of IPv6, so these are added to the device."""

    def setUp(self) -> None:
        super().setUp()
        if not machine.has_ipv6():
            self.skipTest("no IPv6 here")
        for address in ("fd77::2", "fd77::3"):
            subprocess.run(["ip", "addr", "add", f"{address}/128", "dev", "lo", "nodad"], check=True)
            self.addCleanup(subprocess.run, ["ip", "addr", "del", f"{address}/128", "dev", "lo"], check=True)

    def test_vms_that_speak_ipv6_only_share_an_alive_name(self) -> None:
        machine.write_hosts(machine.HOSTS + "fd77::2 lowry6\nfd77::3 indecline6\n")
        self.serve()
        lowry = self.vm(Erl, "-proto_dist", "inet6_tcp", "-sname", "idfe@lowry6")
        indecline = self.vm(Erl, "-proto_dist", "inet6_tcp", "-sname", "idfe@indecline6")
        lowry.started().set_cookie("idfe@indecline6", "a_third_cookie")
        indecline.started().set_cookie("idfe@lowry6", "a_third_cookie")
        self.assertEqual(ask.names("fd77::2"), {"idfe": lowry.distribution_port()})
        self.assertEqual(ask.names("fd77::3"), {"idfe": indecline.distribution_port()})
        self.assertEqual(ask.names("::1"), {})
        self.assertTrue(lowry.connect("idfe@indecline6"))
        self.assertEqual(indecline.node_by_rpc("idfe@lowry6"), "idfe@lowry6")

    def test_a_host_with_addresses_of_both_kinds_answers_at_both(self) -> None:
        self.serve("--host", "atelier=127.0.0.12,fd77::2")
        for to in ("127.0.0.12", "fd77::2"):
            with ask.register("idfe", 40001, to=to) as held:
                self.assertEqual(held.result, 0)
                for address in ("127.0.0.12", "fd77::2"):
                    self.assertEqual(ask.names(address), {"idfe": 40001}, address)
                self.assertEqual(ask.names("::1"), {})
            eventually(lambda: ask.names("127.0.0.12") == {}, "the name is free again")

    def test_a_name_that_resolves_to_ipv6_only_is_a_host(self) -> None:
        machine.write_hosts(machine.HOSTS + "fd77::2 lowry6\n")
        self.serve()
        vm = self.vm(Erl, "-sname", "idfe@lowry6").started()
        self.assertEqual(ask.names("fd77::2"), {"idfe": vm.distribution_port()})
        self.assertEqual(ask.names("127.0.0.1"), {})

    def test_of_addresses_of_both_kinds_the_one_counts_that_the_node_speaks(self) -> None:
        machine.write_hosts(machine.HOSTS + "fd77::2 kinetic\n127.0.0.7 kinetic\n")
        self.serve()
        by_v4 = self.vm(Erl, "-sname", "four@kinetic").started()
        by_v6 = self.vm(Erl, "-proto_dist", "inet6_tcp", "-sname", "six@kinetic").started()
        self.assertEqual(ask.names("127.0.0.7"), {"four": by_v4.distribution_port()})
        self.assertEqual(ask.names("fd77::2"), {"six": by_v6.distribution_port()})

    def test_ipv6_loopback_is_the_machine(self) -> None:
        self.serve()
        with ask.register("idfe", 40001, to="::1") as held:
            self.assertEqual(held.result, 0)
            self.assertEqual(ask.names("127.0.0.1"), {"idfe": 40001})
