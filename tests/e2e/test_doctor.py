"""epmdctl doctor: each fault is set up with real VMs, is seen to be one by these, and is told apart from the others."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import ask
import foreign
import machine
from case import ServedCase
from ctl import EPMDCTL, ctl, ctl_environment, on_terminal
from daemon import SCRATCH, STOCK
from doctor import CONNECTS, DOES_NOT, MISUSED, NO_EPMD, DoctorCase
from vm import Erl, Iex, eventually

LOWRY, INDECLINE = "idfe@lowry", "idfe@indecline"
PAIR = (LOWRY, INDECLINE)
TREE = Path(__file__).resolve().parents[2]


class Names(DoctorCase, ServedCase):
    def test_what_is_no_node_name(self) -> None:
        for wrong, why in (
            ("idfe", "has no @"),
            ("@lowry", "nothing before its @"),
            ("idfe@", "nothing after its @"),
            ("idfe@lowry@indecline", "more than one @"),
            ("id fe@lowry", "' ' before its @"),
            ("idfe@$(id)", "'$' in its host"),
            ("id/fe@lowry", "'/' before its @"),
            ("idfä@lowry", "before its @"),
            ("idfe@lo wry", "in its host"),
            ("'idfe@lowry'", "begins with a quote"),
            (':"idfe@lowry"', "begins with a quote"),
            (":idfe@lowry", "begins with a colon"),
            ("idfe\n@lowry", "control character"),
        ):
            with self.subTest(wrong):
                self.check_cause("no_node_name", wrong, saying=(why,))
                self.check_cause("no_node_name", wrong, INDECLINE, saying=(why,))
        vm = self.vm(Erl, "-sname", LOWRY).started()
        self.assertFalse(vm.connect("id fe@lowry"))

    def test_a_node_and_itself(self) -> None:
        vm = self.vm(Erl, "-sname", LOWRY).started()
        self.assertEqual(vm.evaluate(f"net_adm:ping('{LOWRY}')"), "pong")
        self.check_cause("own_name", LOWRY, LOWRY)


class Modes(DoctorCase, ServedCase):
    def test_short_names_here_and_long_ones_there(self) -> None:
        short = self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        long = self.vm(Iex, "--name", "idfe@indecline.example.test", cookie="one").started()
        self.assertFalse(short.connect("idfe@indecline.example.test"))
        self.assertFalse(long.connect(LOWRY))
        self.check_cause(
            "short_and_long_names",
            LOWRY,
            "idfe@indecline.example.test",
            saying=(f"{LOWRY} has short names", "not -sname", "-sname idfe@indecline"),
        )
        found = self.check_cause("short_and_long_names", "idfe@indecline.example.test", LOWRY, saying=("has long names", "not -name"))
        self.assertIn(f"-name, pid {long.pid}", found.seen("bad")[0])
        self.assertIn(f"-sname, pid {short.pid}", found.seen("bad")[0])

    def test_long_names_without_a_dot_are_no_short_ones(self) -> None:
        long = self.vm(Erl, "-name", LOWRY, cookie="one").started()
        short = self.vm(Iex, "--sname", INDECLINE, cookie="one").started()
        self.assertFalse(long.connect(INDECLINE))
        self.check_cause("short_and_long_names", *PAIR, saying=("has long names", "no dot"))
        self.assertTrue(short.connect(LOWRY))  # it looks at nothing but the name
        self.check_connects(INDECLINE, LOWRY)

    def test_where_no_command_line_is_to_be_seen_it_is_a_guess(self) -> None:
        self.check_cause("short_and_long_names", LOWRY, "idfe@indecline.example.test", guess=True, saying=("guess", "-name x@lowry"))
        named = self.vm(Erl, cookie="one").started()
        named.start_node(LOWRY)
        self.check_cause("short_and_long_names", LOWRY, "idfe@127.0.0.3", guess=True)

    def test_an_address_is_a_long_name(self) -> None:
        self.vm(Erl, "-name", "idfe@127.0.0.2", cookie="one").started()
        self.vm(Erl, "-name", "idfe@127.0.0.3", cookie="one").started()
        self.check_connects("idfe@127.0.0.2", "idfe@127.0.0.3")


class Hosts(DoctorCase, ServedCase):
    def test_one_that_does_not_resolve(self) -> None:
        vm = self.vm(Erl, "-sname", LOWRY).started()
        self.assertFalse(vm.connect("idfe@kastalia"))
        self.check_cause("host_unknown", LOWRY, "idfe@kastalia", saying=("kastalia", "/etc/hosts"))

    def test_one_that_only_loopmd_knows(self) -> None:
        self.daemon.stop()
        self.serve("--host", "kastalia=127.0.0.7")
        vm = self.vm(Erl, "-sname", LOWRY).started()
        self.assertFalse(vm.connect("idfe@kastalia"))
        self.check_cause("host_unknown", LOWRY, "idfe@kastalia", saying=("epmdctl etc-hosts", "epmdctl exec"))

    def test_of_several_addresses_the_first_counts(self) -> None:
        machine.write_hosts(self.hosts.replace("127.0.0.3 ", "127.0.0.8 indecline\n127.0.0.3 "))
        vm = self.vm(Erl, "-sname", LOWRY).started()
        self.vm(Erl, "-name", "idfe@127.0.0.3", cookie="one").started()
        self.assertFalse(vm.connect(INDECLINE))
        found = self.check_cause("registered_elsewhere", *PAIR, saying=("127.0.0.3",))
        self.assertIn("several addresses", " ".join(found.seen("note")))
        self.assertIn("127.0.0.8 and 127.0.0.3", " ".join(found.seen("note")))

    def test_one_that_has_ipv6_only(self) -> None:
        machine.write_hosts(self.hosts + "fd77::5 seaside\n")
        vm = self.vm(Erl, "-sname", LOWRY).started()
        self.assertFalse(vm.connect("idfe@seaside"))
        self.check_cause("host_unknown", LOWRY, "idfe@seaside", saying=("other version of IP", "inet6_tcp"))

    def inetrc(self, *lines: str) -> Path:
        return self.file("inetrc", "".join(f"{line}\n" for line in lines))

    def check_differently(self, *flags: str, environment: dict[str, str]) -> None:
        """127.0.0.8 for the VM, 127.0.0.3 for the system."""
        vm = self.vm(Erl, "-sname", LOWRY, *flags, cookie="one", environment=environment).started()
        self.vm(Iex, "--sname", INDECLINE, cookie="one").started()
        self.assertFalse(vm.connect(INDECLINE))
        found = self.check_cause("resolves_differently", *PAIR, saying=("127.0.0.8", "127.0.0.3", "inetrc"))
        self.assertIn("for other programs indecline is 127.0.0.3", found.seen("note"))
        vm.stop()

    def test_one_that_is_another_for_the_vm(self) -> None:
        file = self.inetrc("{host,{127,0,0,8},[\"indecline\"]}.", "{lookup,[file,native]}.")
        self.check_differently(environment={"ERL_INETRC": str(file)})

    def test_one_that_is_another_for_the_vm_by_a_flag(self) -> None:
        file = self.inetrc("{host,{127,0,0,8},[\"indecline\"]}.", "{lookup,[file,native]}.")
        self.check_differently("-kernel", "inetrc", f'"{file}"', environment={"ERL_INETRC": "/nowhere"})

    def test_one_that_the_vm_alone_knows(self) -> None:
        file = self.inetrc("{host,{127,0,0,3},[\"kastalia\"]}.", "{lookup,[file,native]}.")
        vm = self.vm(Erl, "-sname", LOWRY, cookie="one", environment={"ERL_INETRC": str(file)}).started()
        other = self.vm(Erl, "-sname", "idfe@kastalia", cookie="one", environment={"ERL_INETRC": str(file)}).started()
        eventually(lambda: ask.names("127.0.0.1") == {"idfe": other.distribution_port()}, "it is placed on no host")
        self.assertTrue(vm.connect("idfe@kastalia"))  # unplaced, so found at every host
        found = self.check_connects(LOWRY, "idfe@kastalia")
        self.assertIn(f"kastalia is 127.0.0.3, by {file} (ERL_INETRC)", found.seen("good"))

    def test_an_inetrc_that_a_configuration_names(self) -> None:
        """As releases have it."""
        file = self.inetrc("{host,{127,0,0,8},[\"indecline\"]}.", "{lookup,[file,native]}.")
        config = self.file("sys.config", f'%% ours\n[{{kernel, [{{inetrc, "{file}"}}]}}, {{sasl, []}}].\n')
        self.check_differently("-config", str(config), environment={})

    def test_one_that_is_another_in_a_container(self) -> None:
        """A mount namespace with a hosts file of its own."""
        theirs = self.file("hosts", self.hosts.replace("127.0.0.3 ", "127.0.0.8 "))
        furnish = ("unshare", "--mount", "sh", "-c", f'mount --bind "{theirs}" "{Erl.root}/etc/hosts" && exec "$@"', "sh")
        vm = self.vm(Erl, "-sname", LOWRY, cookie="one", wrapper=furnish).started()
        self.vm(Iex, "--sname", INDECLINE, cookie="one").started()
        self.assertFalse(vm.connect(INDECLINE))
        found = self.check_cause("resolves_differently", *PAIR, saying=("127.0.0.8", "127.0.0.3"))
        self.assertIn(f"indecline is 127.0.0.8, by /etc/hosts of pid {vm.pid}", found.seen("good"))

    def test_an_address_of_the_other_version_of_ip(self) -> None:
        vm = self.vm(Erl, "-name", "a@127.0.0.2", cookie="one").started()
        six = self.vm(Erl, "-name", "b@::1", "-proto_dist", "inet6_tcp", cookie="one").started()
        self.assertFalse(vm.connect("b@::1"))
        self.check_cause("host_unknown", "a@127.0.0.2", "b@::1", saying=("IPv6", "inet6_tcp"))
        self.assertFalse(six.connect("a@127.0.0.2"))
        self.check_cause("host_unknown", "b@::1", "a@127.0.0.2", saying=("IPv4",))
        short = self.vm(Erl, "-sname", LOWRY, "-proto_dist", "inet6_tcp", cookie="one").started()
        self.assertTrue(short.connect("b@::1"))
        self.assertNotEqual(self.ask_doctor(LOWRY, "b@::1").cause, "short_and_long_names")

    def test_an_inetrc_that_does_not_count(self) -> None:
        for lines, why, guess in (
            (("{host,{127,0,0,7},[\"kastalia\"]}.",), "{lookup,[file,native]}.", False),
            (("{host,{127,0,0,7},[\"kastalia\"]}.", "{lookup,[file,native]}"), "is not understood", True),
        ):
            with self.subTest(why):
                vm = self.vm(Erl, "-sname", LOWRY, environment={"ERL_INETRC": str(self.inetrc(*lines))}).started()
                self.assertFalse(vm.connect("idfe@kastalia"))
                found = self.check_cause("host_unknown", LOWRY, "idfe@kastalia", guess=guess)
                self.assertIn(why, found.text + " ".join(found.seen("unknown")))
                vm.stop()


class Epmds(DoctorCase):
    def test_none_is_there(self) -> None:
        found = self.check_cause("no_epmd", *PAIR, saying=("port 4369", "loopmd -daemon"))
        self.assertEqual(found.status, NO_EPMD)

    def test_none_at_that_address(self) -> None:
        self.serve("-address", "127.0.0.2", path=STOCK)
        vm = self.vm(Erl, "-sname", LOWRY).started()
        self.assertFalse(vm.connect(INDECLINE))
        self.check_cause("no_epmd", *PAIR, saying=("127.0.0.3:4369", "127.0.0.2", "-address 127.0.0.3"))

    def test_none_at_the_address_that_debian_gives_the_hostname(self) -> None:
        self.serve("-address", "127.0.0.2", path=STOCK)
        vm = self.vm(Erl, "-sname", LOWRY).started()
        self.assertFalse(vm.connect("idfe@workshop"))
        found = self.check_cause("no_epmd", LOWRY, "idfe@workshop", saying=("127.0.1.1", "Debian", "127.0.0.1 workshop"))
        self.assertIn("127.0.1.1 is what Debian", " ".join(found.seen("note")))

    def check_something_else(self, cause: str, answer: bytes | None, saying: str) -> None:
        """`answer`: what it says to whoever connects; None: nothing, and it holds the connection."""
        held = []
        with socket.create_server(("127.0.0.3", 4369)) as server:

            def serve() -> None:
                while True:
                    try:
                        client, _ = server.accept()
                    except OSError:
                        return
                    held.append(client)
                    if answer is not None:
                        client.recv(1000)
                        client.sendall(answer)
                        client.close()

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            found = self.check_cause(cause, INDECLINE, saying=(saying, f"pid {os.getpid()}"))
            self.assertIn("ss -ltnp", found.text)
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
        for client in held:
            client.close()

    def test_something_else_answers(self) -> None:
        self.check_something_else("not_an_epmd", b"HTTP/1.1 400 Bad Request\r\n\r\n", "not as an epmd does")
        self.check_something_else("not_an_epmd", b"", "closes them without a word")
        self.check_something_else("epmd_silent", None, "says nothing")

    def test_stock_has_one_table(self) -> None:
        self.serve(path=STOCK)
        lowry = self.vm(Erl, "-sname", LOWRY).started()
        blog = self.vm(Iex, "--sname", "blog@lowry").started()
        self.assertFalse(blog.connect(INDECLINE))
        found = self.check_cause("one_table", "blog@lowry", INDECLINE, saying=("one table", LOWRY, "loopmd --replace -daemon"))
        self.assertIn("it is no loopmd, or has `status = off`; it is taken to have one table of names for all hosts", found.seen("note"))
        self.assertEqual(lowry.nodes(), set())

    def test_beside_stock_a_node_that_was_named_at_run_time_is_seen(self) -> None:
        self.serve(path=STOCK)
        lowry = self.vm(Erl, cookie="one").started()
        lowry.start_node(LOWRY)
        blog = self.vm(Iex, "--sname", "blog@indecline", cookie="one").started()
        found = self.check_connects(LOWRY, "blog@indecline")
        self.assertIn(f"{LOWRY} runs: pid {lowry.pid}", " ".join(found.seen("good")))
        self.assertTrue(lowry.connect("blog@indecline"))
        found = self.ask_doctor(INDECLINE, "blog@indecline")  # another host's name in the one table is no FROM
        self.assertIn(f"no process of {INDECLINE} is seen", " ".join(found.seen("note")))
        self.assertEqual(len(found.told["directions"]), 1)
        self.assertEqual(blog.nodes(), {LOWRY})

    def test_each_asks_another_epmd_port(self) -> None:
        self.serve()
        self.serve("-port", "5000", port=5000)
        lowry = self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        indecline = self.vm(Iex, "--sname", INDECLINE, cookie="one", environment={"ERL_EPMD_PORT": "5000"}).started()
        self.assertFalse(lowry.connect(INDECLINE))
        self.assertFalse(indecline.connect(LOWRY))
        self.check_cause("other_epmd_port", *PAIR, saying=("port 5000", "port 4369", "ERL_EPMD_PORT=4369"))
        self.check_cause("other_epmd_port", INDECLINE, LOWRY, saying=("port 5000", "port 4369"))
        self.check_cause("other_epmd_port", "--port", "5000", INDECLINE, LOWRY, saying=("port 5000", "port 4369"))

    def test_another_port_for_both_is_well(self) -> None:
        self.serve("-port", "5000", port=5000)
        self.two_vms(environment={"ERL_EPMD_PORT": "5000"})
        self.check_connects("--port", "5000", *PAIR)


class NotThere(DoctorCase, ServedCase):
    def test_a_vm_without_a_name_is_no_node(self) -> None:
        lowry = self.vm(Erl, "-sname", LOWRY).started()
        nameless = self.vm(Iex).started()
        self.assertEqual(nameless.evaluate("Node.connect(:idfe@lowry)"), ":ignored")
        self.assertEqual(nameless.evaluate("Node.alive?()"), "false")
        self.assertFalse(lowry.connect(INDECLINE))
        self.check_cause("not_distributed", *PAIR, guess=True, saying=(f"pid {nameless.pid}", f"-sname {INDECLINE}", "ignored", "net_kernel:start"))
        self.check_cause(
            "not_distributed", INDECLINE, LOWRY, "--cookie-file", str(lowry.home / ".erlang.cookie"), guess=True, saying=(f"pid {nameless.pid}", "ignored")
        )

    def test_one_that_does_not_run(self) -> None:
        self.vm(Erl, "-sname", LOWRY).started()
        found = self.check_cause("not_running", *PAIR)
        self.assertEqual((len(found.told["directions"]), found.told["common"]), (1, []))
        self.check_cause("not_running", *PAIR, saying=("Nothing is registered there", f"-sname {INDECLINE}"))
        self.check_cause("not_running", "blog@lowry", saying=("Registered there: idfe",))

    def test_one_that_runs_at_another_host(self) -> None:
        lowry = self.vm(Erl, "-sname", LOWRY).started()
        blog = self.vm(Iex, "--sname", "blog@lazarides").started()
        self.assertFalse(lowry.connect("blog@indecline"))
        self.check_cause("registered_elsewhere", LOWRY, "blog@indecline", saying=("lazarides.example.test (127.0.0.4)", "did you mean: blog@lazarides?"))
        self.check_cause("registered_elsewhere", "blog@workshop", saying=("blog@lazarides",))
        self.assertEqual(blog.nodes(), set())

    def test_a_vm_without_a_name_is_no_answer_for_another_machine(self) -> None:
        self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        self.vm(Iex).started()
        given = ("--cookie-file", str(self.vms_[0].home / ".erlang.cookie"))
        self.check_not_known(*given, "blog@faraway", LOWRY, saying="its host is another")
        self.check_not_known(*given, "blog@kastalia", LOWRY, saying="its host is another")

    def test_modules_that_take_the_place_of_an_epmd_are_not_seen_through(self) -> None:
        self.vm(Erl, "-sname", LOWRY, "-start_epmd", "false", "-epmd_module", "erl_epmd", cookie="one").started()
        self.vm(Iex, "--sname", INDECLINE, cookie="one").started()
        self.check_not_known(*PAIR, saying="asks no epmd, but its module erl_epmd")

    def test_a_similar_name(self) -> None:
        self.vm(Erl, "-sname", LOWRY).started()
        for similar in ("IDFE@lowry", "idef@lowry", "idf@lowry", "idfe2@lowry"):
            self.check_cause("not_running", similar, saying=(f"did you mean: {LOWRY}",))

    def test_one_that_is_parked(self) -> None:
        vms = []
        for _ in range(2):
            vms.append(self.vm(Erl).started())
            vms[-1].start_node(LOWRY)
        eventually(lambda: self.daemon.lines_with("is parked"), "the second one is parked")
        holder, second = vms
        found = self.ask_doctor(LOWRY)  # the holder is met under that name
        self.assertNotEqual(found.cause, "parked")
        self.assertIn(f"another node of that name, pid {second.pid}, is parked there", " ".join(found.seen("note")))
        os.kill(holder.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, holder.pid, signal.SIGCONT)
        self.check_cause("stopped", LOWRY, saying=(f"kill -CONT {holder.pid}",))
        self.assertEqual(second.node(), LOWRY)

    def test_one_whose_host_is_still_being_found(self) -> None:
        with foreign.Listener() as silent, ask.register("idfe", silent.port):  # it takes 2 s not to answer
            self.check_cause("pending", INDECLINE, saying=("epmdctl wait idfe@indecline",))

    def test_one_that_was_told_not_to_register(self) -> None:
        lowry = self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        unseen = self.vm(Erl, "-sname", INDECLINE, "-dist_listen", "false", cookie="one").started()
        self.assertFalse(lowry.connect(INDECLINE))
        self.check_cause("not_registered", *PAIR, saying=("-dist_listen false", f"pid {unseen.pid}", "net_kernel:connect_node"))
        self.check_connects(INDECLINE, LOWRY)
        self.assertTrue(unseen.connect(LOWRY))

    def test_one_that_has_lost_its_registration(self) -> None:
        vm = self.vm(Erl, "-sname", INDECLINE).started()
        os.kill(vm.pid, signal.SIGSTOP)  # or it would register again
        self.addCleanup(os.kill, vm.pid, signal.SIGCONT)
        self.daemon.stop()
        self.serve()
        self.check_cause("not_registered", INDECLINE, saying=(f"pid {vm.pid}", "epmdctl wait"))

    def test_one_that_nothing_places_is_found_everywhere(self) -> None:
        self.daemon.stop()
        self.serve("--probe", "no")
        lowry = self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        unplaced = self.vm(Erl, cookie="one").started()
        unplaced.start_node(INDECLINE)
        self.assertTrue(lowry.connect(INDECLINE))
        lowry.disconnect(INDECLINE)
        found = self.check_connects(*PAIR)
        self.assertIn("unplaced: nothing names its host", " ".join(found.seen("good")))


class Ports(DoctorCase, ServedCase):
    def test_one_that_is_bound_to_another_address(self) -> None:
        lowry = self.vm(Erl, "-sname", LOWRY).started()
        blog = self.vm(Iex, "--sname", "blog@workshop", "--erl", "-kernel inet_dist_use_interface {127,0,0,1}").started()
        self.assertFalse(lowry.connect("blog@workshop"))
        self.check_cause("bound_elsewhere", LOWRY, "blog@workshop", saying=("127.0.0.1", f"pid {blog.pid}", "127.0.1.1", "{127,0,1,1}"))

    def test_one_where_nobody_listens(self) -> None:
        with ask.register("idfe", 7, to="127.0.0.3", node_type=ask.ERLANG_VM):
            self.check_cause("port_refuses", INDECLINE, saying=("127.0.0.3:7",))

    def test_a_stopped_node(self) -> None:
        lowry, indecline = self.two_vms()
        os.kill(indecline.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, indecline.pid, signal.SIGCONT)
        found = self.check_cause("stopped", *PAIR, saying=(f"kill -CONT {indecline.pid}",))
        self.assertEqual((len(found.told["directions"]), found.told["common"]), (1, []))

    def test_who_asks_is_stopped(self) -> None:
        lowry, _ = self.two_vms()
        os.kill(lowry.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, lowry.pid, signal.SIGCONT)
        self.check_cause("stopped", *PAIR, saying=(f"kill -CONT {lowry.pid}",))

    def test_one_of_two_that_are_connected_is_stopped(self) -> None:
        lowry, indecline = self.two_vms()
        self.assertTrue(lowry.connect(INDECLINE))
        os.kill(indecline.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, indecline.pid, signal.SIGCONT)
        self.check_cause("stopped", *PAIR)

    def test_a_node_that_hangs(self) -> None:
        lowry, indecline = self.two_vms()
        indecline.evaluate(":sys.suspend(:net_kernel)")
        self.check_cause("hung", *PAIR, guess=True, saying=(f"pid {indecline.pid}", "net_kernel"))

    def test_a_node_that_is_too_busy(self) -> None:
        self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        busy = self.vm(Erl, "-sname", INDECLINE, "+S", "1:1", cookie="one").started()
        busy.process.stdin.write(b"spawn_opt(fun() -> (fun Loop() -> Loop() end)() end, [{priority, max}]).\n")
        busy.process.stdin.flush()
        self.check_cause("busy", *PAIR, guess=True, saying=(f"top -H -p {busy.pid}",))

    def test_one_whose_process_is_not_to_be_seen(self) -> None:
        """On the wire the three look alike, and it says so."""
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        indecline = self.vm(Iex, "--sname", INDECLINE).started()
        os.kill(indecline.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, indecline.pid, signal.SIGCONT)
        hidden = machine.without_processes()
        self.check_cause("hung", INDECLINE, guess=True, saying=("stopped, hangs, or is too busy", "look alike"), wrapper=hidden)


class Handshakes(DoctorCase, ServedCase):
    def test_a_node_with_another_name(self) -> None:
        asker = self.vm(Erl, "-name", "blog@127.0.0.9", cookie="one").started()
        self.vm(Iex, "--sname", INDECLINE, cookie="one").started()
        self.assertFalse(asker.connect("idfe@127.0.0.3"))
        lowry = self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        self.assertFalse(lowry.connect("idfe@127.0.0.3"))
        self.check_cause("short_and_long_names", LOWRY, "idfe@127.0.0.3", saying=(f"did you mean: {INDECLINE}?",))
        self.check_cause("other_name", "blog@127.0.0.9", "idfe@127.0.0.3", saying=(f"calls itself {INDECLINE}", f"reach it as: {INDECLINE}"))

    def test_a_node_that_allows_others_only(self) -> None:
        lowry, indecline = self.two_vms()
        indecline.evaluate(":net_kernel.allow([:\"blog@lowry\"])")
        self.assertFalse(lowry.connect(INDECLINE))
        found = self.check_cause(
            "not_allowed", *PAIR, guess=True, may_be_well=True, saying=("net_kernel:allow(['idfe@lowry'])", ":net_kernel.allow", "nonode@nohost")
        )
        self.assertEqual(len(found.told["directions"]), 1)
        self.assertFalse(indecline.connect(LOWRY))  # nor does it connect by itself
        self.check_cause("not_allowed", INDECLINE, LOWRY, guess=True, may_be_well=True)
        lowry.stop()
        with_cookie = ("--cookie-file", str(indecline.home / ".erlang.cookie"))
        self.check_cause("not_allowed", "--as-from", *with_cookie, *PAIR, saying=(f"{LOWRY} is not in it",))
        self.check_connects("--as-from", *with_cookie, "blog@lowry", INDECLINE)

    def test_a_node_that_is_connected_with_that_name_already(self) -> None:
        indecline = self.vm(Iex, "--sname", INDECLINE, cookie="one").started()
        away = self.vm(Erl, "-sname", LOWRY, "-dist_listen", "false", cookie="one").started()
        self.assertTrue(away.connect(INDECLINE))
        hidden = machine.without_processes()
        with_cookie = ("--cookie-file", str(indecline.home / ".erlang.cookie"))
        self.check_cause("alive_already", "--as-from", *with_cookie, *PAIR, saying=("net_ticktime", "Node.disconnect"), wrapper=hidden)
        self.assertEqual(away.evaluate(f"rpc:call('{INDECLINE}', erlang, node, [])"), f"{INDECLINE}")

    def test_two_that_are_connected(self) -> None:
        lowry, indecline = self.two_vms(cookie=None)
        lowry.set_cookie(INDECLINE, "third")
        indecline.set_cookie(LOWRY, "third")
        self.assertTrue(lowry.connect(INDECLINE))
        for pair in (PAIR, PAIR[::-1]):
            found = self.check_connects(*pair)
            self.assertTrue(found.told["is_connected"])
        self.assertNotIn("rejected", lowry.said + indecline.said)

    def test_tls_on_one_side(self) -> None:
        flags = foreign.tls_flags()
        tls = self.vm(Erl, *flags, "-sname", LOWRY, cookie="one").started()
        plain = self.vm(Erl, "-sname", INDECLINE, cookie="one").started()
        self.assertFalse(plain.connect(LOWRY))
        eventually(lambda: tls.said.count("SERVER ALERT") == 1, "the line of the VM that tried")
        for pair in (PAIR, PAIR[::-1]):
            self.check_cause("tls_on_one_side", *pair, saying=(f"{LOWRY} speaks TLS", f"pid {tls.pid}", f"{INDECLINE} does not"))
        self.check_cause("tls_on_one_side", LOWRY, saying=(f"{LOWRY} speaks TLS",))
        self.assertEqual(tls.said.count("SERVER ALERT"), 1)  # its command line was enough
        self.check_cause("tls_on_one_side", LOWRY, saying=(f"{LOWRY} speaks TLS",), wrapper=machine.without_processes())

    def test_tls_on_both_sides_is_not_asked_further(self) -> None:
        flags = foreign.tls_flags()
        for host in ("lowry", "indecline"):
            self.vm(Erl, *flags, "-sname", f"idfe@{host}", cookie="one").started()
        self.check_not_known(*PAIR, saying="speaks TLS, as does")

    def test_one_that_connects_by_itself_only(self) -> None:
        lowry = self.vm(Erl, "-sname", LOWRY, "-kernel", "dist_auto_connect", "never", cookie="one").started()
        self.vm(Iex, "--sname", INDECLINE, cookie="one").started()
        self.assertEqual(lowry.evaluate(f"net_adm:ping('{INDECLINE}')"), "pang")
        self.assertIn("net_kernel:connect_node/1 only", " ".join(self.check_connects(*PAIR).seen("note")))
        self.assertTrue(lowry.connect(INDECLINE))

    def test_a_hidden_node(self) -> None:
        lowry = self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        self.vm(Erl, "-sname", INDECLINE, "-hidden", cookie="one").started()
        found = self.check_connects(*PAIR)
        self.assertIn("it is hidden: nodes() does not list it, nodes(hidden) does", found.seen("note"))
        self.assertTrue(lowry.connect(INDECLINE))
        self.assertEqual((lowry.nodes(), lowry.evaluate("nodes(hidden)")), (set(), f"[{INDECLINE}]"))

    def test_a_c_node_and_a_java_node_are_not_asked_and_live_on(self) -> None:
        lowry = self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        for kind, command in (
            ("C", [*foreign.c_node(), "see", "indecline", "127.0.0.3", "one", "0.0.0.0"]),
            ("Java", [*foreign.java_node(), "jay@indecline", "one"]),
        ):
            name = "jay@indecline" if kind == "Java" else "see@indecline"
            with self.subTest(kind), foreign.ForeignNode(command):
                self.check_not_known(LOWRY, name, saying=f"is a {kind} node")
                self.assertTrue(lowry.connect(name))
                lowry.disconnect(name)

    def test_what_listens_there_and_is_no_node(self) -> None:
        with socket.create_server(("127.0.0.3", 0)) as server:

            def refuse() -> None:
                for _ in range(8):
                    try:
                        client, _ = server.accept()
                    except OSError:
                        return
                    client.recv(100)
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    client.close()

            thread = threading.Thread(target=refuse, daemon=True)
            thread.start()
            with ask.register("idfe", server.getsockname()[1], to="127.0.0.3"):
                self.check_cause("handshake_ends", INDECLINE, guess=True)
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


class Directions(DoctorCase, ServedCase):
    def test_all_is_well(self) -> None:
        lowry, indecline = self.two_vms()
        found = self.check_connects(*PAIR)
        self.assertEqual([way["wrong"] for way in found.told["directions"]], [None, None])
        self.assertFalse(found.told["is_connected"])
        self.assertTrue(lowry.connect(INDECLINE))

    def test_all_is_well_by_namesakes_of_any_kind(self) -> None:
        self.two_vms(kinds=(Iex, Erl))
        self.check_connects(*PAIR)

    def test_all_is_well_in_one_direction(self) -> None:
        """lowry does not know kastalia, which knows lowry."""
        inetrc = self.file("inetrc", '{host,{127,0,0,2},["lowry"]}.\n{host,{127,0,0,7},["kastalia"]}.\n{lookup,[file,native]}.\n')
        self.daemon.stop()
        self.serve("--host", "kastalia=127.0.0.7")
        lowry = self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        kastalia = self.vm(Erl, "-sname", "idfe@kastalia", cookie="one", environment={"ERL_INETRC": str(inetrc)}).started()
        self.assertFalse(lowry.connect("idfe@kastalia"))
        found = self.check_cause("host_unknown", LOWRY, "idfe@kastalia")
        self.assertEqual(found.told["directions"][1]["wrong"], None)
        told = ctl("doctor", LOWRY, "idfe@kastalia")
        self.assertIn("In the other direction nothing is wrong", told.stdout)
        back = self.check_connects("idfe@kastalia", LOWRY)
        self.assertEqual(back.told["directions"][1]["wrong"]["cause"], "host_unknown")
        self.assertIn("Not in the other direction", ctl("doctor", "idfe@kastalia", LOWRY).stdout)
        self.assertTrue(kastalia.connect(LOWRY))

    def test_one_that_listens_at_its_host_and_calls_itself_after_the_machine(self) -> None:
        """As a node that is named without its host under `epmdctl exec --print`."""
        asker = self.vm(Erl, "-sname", LOWRY, cookie="one").started()
        self.vm(Erl, "-sname", "app", "-kernel", "inet_dist_use_interface", "{127,0,0,3}", cookie="one").started()
        self.assertFalse(asker.connect("app@workshop"))
        self.assertFalse(asker.connect("app@indecline"))
        self.check_cause("registered_elsewhere", LOWRY, "app@workshop", saying=("indecline.example.test (127.0.0.3)", "-sname app@indecline"))
        self.check_cause("other_name", LOWRY, "app@indecline", saying=("calls itself app@workshop", "-sname app@indecline"))

    def test_in_short(self) -> None:
        """As people read it, with a tick or a cross a line."""
        self.two_vms()
        told = ctl("doctor", *PAIR, extra={"LANG": "C.UTF-8"})
        self.assertEqual((told.returncode, told.stderr), (CONNECTS, ""))
        lines = told.stdout.splitlines()
        self.assertEqual(lines[0], f"{LOWRY} -> {INDECLINE}")
        self.assertIn(f"{INDECLINE} -> {LOWRY}", lines)
        self.assertTrue(all(line.startswith(("  ✓ ", "  · ")) for line in lines if line.startswith("  ")), told.stdout)
        self.assertEqual(lines[-1], f"{LOWRY} reaches {INDECLINE}: nothing is wrong, as far as it is seen from outside.")
        self.assertIn("  ok ", ctl("doctor", *PAIR, extra={"LANG": "C"}).stdout)
        wrong = ctl("doctor", *PAIR[:1], "blog@indecline", extra={"LANG": "C.UTF-8"})
        self.assertEqual((wrong.returncode, wrong.stdout.count("  ✗ ")), (DOES_NOT, 1))
        shown = on_terminal("doctor", *PAIR, extra={"LANG": "C.UTF-8"})
        self.assertIn("\033[32m✓\033[0m", shown.text)

    def test_the_page_lists_the_causes_that_the_program_has_and_no_others(self) -> None:
        program = (TREE / "ctl" / "doctor" / "findings.cpp").read_text()
        causes = re.search(r"> causes\{(.*?)\};", program, re.DOTALL)
        rows = re.search(r"## The causes(.*?)\n## ", (TREE / "docs" / "doctor.md").read_text(), re.DOTALL)
        listed = [word for row in re.findall(r"^\| (`.*?) \|", rows[1], re.MULTILINE) for word in re.findall(r"`(\w+)`", row)]
        self.assertEqual(sorted(listed), sorted(re.findall(r'"(\w+)"', causes[1])))

    def test_mistakes_on_the_command_line(self) -> None:
        for words, why in (
            ((), "doctor"),
            (("a@b", "c@d", "e@f"), "doctor"),
            (("--as-from", LOWRY), "--as-from needs FROM"),
            (("--cookie", "a\tb", LOWRY), "is no cookie"),
            (("--cookie", "a", "--cookie-file", "b", LOWRY), "two ways"),
        ):
            told = ctl("doctor", *words)
            self.assertEqual((told.returncode, told.stdout), (MISUSED, ""), told.stderr)
            self.assertIn(why, told.stderr)


class Hostile(DoctorCase, ServedCase):
    def test_nothing_reaches_the_terminal_raw(self) -> None:
        """By a name, by an inetrc file, by an epmd that is none."""
        file = self.file("inetrc", '{hosts_file,"/tmp/e\\e]0;title\\x07"}.\n{lookup,[file,native]}.\n')
        self.vm(Erl, "-sname", LOWRY, environment={"ERL_INETRC": str(file)}).started()
        for words in ((LOWRY, "idfe@kastalia"), ("id\033[2Jfe@lowry",), ("id\u202efe@lowry",)):
            told = ctl("doctor", *words)
            for wrong in ("\033", "\x07", "\u202e"):
                self.assertNotIn(wrong, told.stdout + told.stderr)
        told = subprocess.run([EPMDCTL, "doctor", "--json", b"id\xff@lowry"], capture_output=True, env=ctl_environment(), timeout=20)
        self.assertIn("\\xff", json.loads(told.stdout.decode())["to"])

    def test_files_that_are_none_are_not_read(self) -> None:
        fifo = self.scratch("fifo")
        os.mkfifo(fifo)
        for path in (fifo, Path("/dev/zero"), SCRATCH):
            with self.subTest(path.name):
                vm = self.vm(Erl, "-sname", LOWRY, environment={"ERL_INETRC": str(path)})
                eventually(lambda: Path(f"/proc/{vm.pid}/comm").read_text().strip() == "beam.smp", "the VM has begun")
                told = ctl("doctor", "--cookie-file", str(path), INDECLINE)
                self.assertIn("no regular file", told.stderr)
                self.ask_doctor(LOWRY, INDECLINE)
                vm.stop()


class InTime(DoctorCase, ServedCase):
    """Ten seconds are the most, whatever is met."""

    def silent(self, address: str, port: int) -> socket.socket:
        server = socket.create_server((address, port), backlog=16)
        self.addCleanup(server.close)
        return server

    def test_a_resolver_that_does_not_answer(self) -> None:
        resolv_conf = self.file("resolv.conf", "nameserver 127.0.0.53\noptions timeout:30 attempts:5\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf, machine.mounted(resolv_conf, Path("/etc/resolv.conf")):
            deaf.bind(("127.0.0.53", 53))
            found = self.check_cause("host_unknown", "idfe@kastalia.example.net", saying=("in time",))
        self.assertEqual(found.status, DOES_NOT)

    def test_both_nodes_and_their_epmds_are_silent(self) -> None:
        self.daemon.stop()
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.1"):
            self.silent(address, 4369)
        self.check_cause("epmd_silent", *PAIR)

    def test_two_that_are_stopped_beside_an_epmd_that_is(self) -> None:
        vms = self.two_vms()
        for vm in vms:
            os.kill(vm.pid, signal.SIGSTOP)
            self.addCleanup(os.kill, vm.pid, signal.SIGCONT)
        self.check_cause("stopped", *PAIR)

    def test_a_node_that_says_a_byte_now_and_then(self) -> None:
        stopped = threading.Event()
        with socket.create_server(("127.0.0.3", 0)) as server:

            def drip() -> None:
                client, _ = server.accept()
                with client:
                    while not stopped.wait(0.1):
                        try:
                            client.sendall(b"\0")
                        except OSError:
                            return

            thread = threading.Thread(target=drip, daemon=True)
            thread.start()
            with ask.register("idfe", server.getsockname()[1], to="127.0.0.3"):
                found = self.ask_doctor(INDECLINE)
                self.assertEqual(found.status, DOES_NOT, found)
            stopped.set()
            thread.join(5)

    def test_an_epmd_that_goes_on_for_ever(self) -> None:
        self.daemon.stop()
        with socket.create_server(("127.0.0.3", 4369)) as server:

            def flood() -> None:
                client, _ = server.accept()
                with client:
                    while True:
                        try:
                            client.sendall(b"w" * 65536)
                        except OSError:
                            return

            thread = threading.Thread(target=flood, daemon=True)
            thread.start()
            self.assertEqual(self.ask_doctor(INDECLINE).status, DOES_NOT)
            thread.join(5)

    def test_what_is_waited_for_is_said(self) -> None:
        vms = self.two_vms()
        os.kill(vms[1].pid, signal.SIGSTOP)
        self.addCleanup(os.kill, vms[1].pid, signal.SIGCONT)
        told = ctl("doctor", *PAIR)
        self.assertIn(f"epmdctl: waits for an answer of {INDECLINE}", told.stderr)
