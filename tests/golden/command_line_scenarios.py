"""What an epmd program is called with, for the transcripts: every flag, every variable, every mistake, every client verb."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import ask
from command_line import Shell, silent_server
from daemon import SCRATCH, environment
from listeners import listeners, owner_of_port
from vm import eventually

AS_CLIENT: list[Callable[[Shell], None]] = []  # told for each pair of client and daemon
AS_DAEMON: list[Callable[[Shell], None]] = []  # told for each daemon

DUAL_STACK = ((socket.AF_INET6, "::"),)
VERBS = (("-names",), ("-kill",), ("-stop", "idfe"), ("-started",), ("-dump",))


def client(tell: Callable[[Shell], None]) -> Callable[[Shell], None]:
    AS_CLIENT.append(tell)
    return tell


def daemon(tell: Callable[[Shell], None]) -> Callable[[Shell], None]:
    AS_DAEMON.append(tell)
    return tell


# ---- as a client


@client
def without_a_daemon(shell: Shell) -> None:
    for verb in VERBS:
        shell.run(*verb)


@client
def beside_something_that_is_no_epmd_and_says_nothing(shell: Shell) -> None:
    with silent_server(b""):
        for verb in VERBS:
            shell.run(*verb)


@client
def names_and_started(shell: Shell) -> None:
    with shell.daemon_with():
        shell.run("-names")
        shell.run("-started")
        with ask.register("idfe", 5000, node_type=ask.C_NODE), ask.register("naïve名前", 65535, node_type=ask.C_NODE):
            shell.run("-names")
            shell.run("-d", "-names")
            shell.run("-debug", "-d", "-names")


@client
def dump(shell: Shell) -> None:
    with shell.daemon_with():
        shell.run("-dump")


@client
def names_with_many_nodes(shell: Shell) -> None:
    with shell.daemon_with():
        held = [ask.register(f"{'n' * 200}{number}", 5000 + number, node_type=ask.C_NODE) for number in range(50)]
        shell.run("-names")
        for one in held:
            one.close()


@client
def kill_of_a_daemon_without_nodes(shell: Shell) -> None:
    with shell.daemon_with():
        shell.run("-kill")
        eventually(lambda: not ask.answers("127.0.0.1"), "it has ended")


@client
def kill_of_a_daemon_with_a_node(shell: Shell) -> None:
    with shell.daemon_with(), ask.register("idfe", 5000):
        shell.run("-kill")
    with shell.daemon_with("-relaxed_command_check"), ask.register("idfe", 5000):
        shell.run("-kill")
        eventually(lambda: not ask.answers("127.0.0.1"), "it has ended")


@client
def stop(shell: Shell) -> None:
    with shell.daemon_with(), ask.register("idfe", 5000):
        for name in ("idfe", "other", ""):
            shell.run("-stop", name)
        shell.run("-names")
    with shell.daemon_with("-relaxed_command_check"), ask.register("idfe", 5000):
        for name in ("other", "", "idfe", "idfe", "a" * 999, "a" * 1000, "a" * 1001):
            shell.run("-stop", name)
        shell.run("-names")


@client
def the_port_of_a_client(shell: Shell) -> None:
    with shell.daemon_with("-port", "4400"):
        shell.run("-port", "4400", "-names")
        shell.run("-names", ERL_EPMD_PORT="4400")
        shell.run("-port", "4400", "-names", ERL_EPMD_PORT="4401")
        shell.run("-port", "4401", "-names", ERL_EPMD_PORT="4400")
        shell.run("-port", "4401", "-port", "4400", "-names")
        shell.run("-names")


@client
def a_daemon_that_serves_one_address_more(shell: Shell) -> None:
    with shell.daemon_with("-address", "127.0.0.2"):
        shell.run("-names")
        shell.run("-names", ERL_EPMD_ADDRESS="127.0.0.2")


@client
def what_may_stand_before_a_verb(shell: Shell) -> None:
    for words in (
        *(("-daemon", "-names"), ("-relaxed_command_check", "-names"), ("-systemd", "-names"), ("-d", "-d", "-d", "-d", "-names")),
        *(("-packet_timeout", "5", "-names"), ("-delay_accept", "1", "-names"), ("-delay_write", "1", "-names")),
        *(("-address", "127.0.0.2", "-names"), ("-address", "x", "-names")),
    ):
        shell.run(*words)
    shell.run("-names", ERL_EPMD_ADDRESS="x")


@client
def what_may_not_stand_after_a_verb(shell: Shell) -> None:
    for verb in (*VERBS, ("-stop", "")):
        for word in ("idfe", "-d", "-port", "-names", "-daemon"):
            shell.run(*verb, word)
        shell.run(*verb, "-port", "4400")
    shell.run("-stop")
    shell.run("-port", "4400", "-stop")


@client
def values_that_look_like_flags(shell: Shell) -> None:
    for words in (("-stop", "--"), ("-stop", "-foo"), ("-stop", "-names"), ("-address", "--", "-names"), ("-address", "-d", "-names")):
        shell.run(*words)


@client
def flags_that_are_none(shell: Shell) -> None:
    for words in (
        *(("-foo",), ("foo",), ("-d", "foo"), ("foo", "-d"), ("-help",), ("-h",), ("-?",), ("-version",), ("-",), ("--",), ("",)),
        *(("-dd",), ("-nam",), ("-namess",), ("-NAMES",), ("-names=",), ("-port=4400", "-names"), ("-names", "--help")),
        *(("-daemon", "foo"), ("-relaxed_command_check", "x"), ("-systemd", "x")),
    ):
        shell.run(*words)


@client
def values_that_are_none(shell: Shell) -> None:
    for flag in ("-port", "-packet_timeout", "-delay_accept", "-delay_write"):
        shell.run(flag)
        for value in ("", "x", "0", "-"):
            shell.run(flag, value)
            shell.run(flag, value, "-names")
    shell.run("-address")


# ---- as a daemon


@daemon
def where_it_listens(shell: Shell) -> None:
    shell.serves()
    shell.serves("-port", "4400")
    shell.serves(ERL_EPMD_PORT="4401")
    shell.serves("-port", "4400", ERL_EPMD_PORT="4401")
    shell.serves("-port", "4401", "-port", "4400")
    shell.serves("-port", "65535")
    shell.serves("-port", "04400")


@daemon
def which_addresses(shell: Shell) -> None:
    for value in ("127.0.0.2", "127.0.0.2,127.0.0.3", "127.0.0.2 127.0.0.3", " 127.0.0.2,, 127.0.0.3,", "127.0.0.1", "::1", "", ",", " , "):
        shell.serves("-address", value)
        shell.serves(ERL_EPMD_ADDRESS=value)
    shell.serves("-address", "127.0.0.2", ERL_EPMD_ADDRESS="127.0.0.3")
    shell.serves("-address", "127.0.0.2", "-address", "127.0.0.3")
    shell.serves("-address", "127.0.0.2", "-port", "4400")


@daemon
def addresses_that_are_none(shell: Shell) -> None:
    for value in ("--", "x", "localhost", "127.0.0.300", "127.0.0.2,x", "x,127.0.0.2", "127.0.0.2;127.0.0.3", "127.1", "::x"):
        shell.serves("-address", value)
        shell.serves(ERL_EPMD_ADDRESS=value)


@daemon
def addresses_that_are_not_ours(shell: Shell) -> None:
    for value in ("192.0.2.7", "127.0.0.2,192.0.2.7", "2001:db8::7", "fe80::1"):
        shell.serves("-address", value)


@daemon
def wildcards_and_addresses_given_twice(shell: Shell) -> None:
    for value in ("0.0.0.0", "::", "127.0.0.2,127.0.0.2", "::ffff:127.0.0.5"):
        shell.serves("-address", value)


@daemon
def numbers_that_are_hardly_any(shell: Shell) -> None:
    for value in ("70000", "-1", "4400x", "4400 "):
        shell.serves("-port", value)
    for value in ("", "bad", "0", "70000", "4400x"):
        shell.serves(ERL_EPMD_PORT=value)
    shell.serves("-packet_timeout", "-5")
    shell.serves("-packet_timeout", "5x")


@daemon
def a_port_that_only_root_may_have(shell: Shell) -> None:
    program = SCRATCH / f"epmd-of-nobody-{time.monotonic_ns()}"
    program.write_bytes(Path(shell.daemon).read_bytes())
    program.chmod(0o755)
    nobody = ("--reuid", "65534", "--regid", "65534", "--clear-groups", "--", str(program), "-port", "80")
    done = subprocess.run(["setpriv", *nobody], capture_output=True, text=True, env=environment())
    shell.lines.append("$ epmd -port 80")
    shell.write_output_("err", done.stderr)
    shell.lines.append(f"status {done.returncode}")


@daemon
def flags_that_say_nothing_else(shell: Shell) -> None:
    for words in (("-relaxed_command_check",), ("-packet_timeout", "1"), ("-delay_accept", "1"), ("-d",), ("-debug",), ("-d", "-d", "-d", "-d")):
        shell.serves(*words)


@daemon
def the_variable_for_relaxed_checking_counts_whatever_it_says(shell: Shell) -> None:
    for value in ("", "0", "no", "true"):
        with shell.daemon_with(ERL_EPMD_RELAXED_COMMAND_CHECK=value), ask.register("idfe", 5000):
            shell.note(f"ERL_EPMD_RELAXED_COMMAND_CHECK='{value}': kill answers {ask.kill()!r}")
            eventually(lambda: not ask.answers("127.0.0.1"), "it has ended")


@daemon
def a_port_that_an_epmd_has(shell: Shell) -> None:
    with shell.daemon_with():
        shell.run(program=shell.daemon)
        shell.run("-daemon", program=shell.daemon)
        shell.run("-address", "127.0.0.2", program=shell.daemon)


@daemon
def a_port_that_another_program_has(shell: Shell) -> None:
    with silent_server(b""):
        shell.run(program=shell.daemon)
        shell.run("-daemon", program=shell.daemon)


@daemon
def in_the_background(shell: Shell) -> None:
    inherited = os.open(SCRATCH, os.O_RDONLY)
    try:
        os.set_inheritable(inherited, True)
        done = subprocess.run(
            [shell.daemon, "-daemon"], stdin=subprocess.DEVNULL, capture_output=True, env=environment(), pass_fds=(inherited,), timeout=10
        )
    finally:
        os.close(inherited)
    shell.lines += ["$ epmd -daemon", f"out: {done.stdout!r}", f"err: {done.stderr!r}", f"status {done.returncode}"]
    eventually(lambda: ask.answers("127.0.0.1"), "it serves")
    pid = owner_of_port(ask.EPMD_PORT)
    process = Path(f"/proc/{pid}")
    descriptors = {int(one.name): os.readlink(one) for one in (process / "fd").iterdir()}
    shell.note("it has left its caller's session" if os.getsid(pid) != os.getsid(0) else "it is in its caller's session")
    shell.note(f"it works in {os.readlink(process / 'cwd')}")
    shell.note(f"descriptors 0 to 2: {' '.join(descriptors[number] for number in range(3))}")
    shell.note("it holds what its caller left open" if str(SCRATCH) in descriptors.values() else "it holds nothing of its caller's")
    os.kill(pid, signal.SIGHUP)
    shell.note(f"after SIGHUP it {'answers' if ask.answers('127.0.0.1') else 'is gone'}")
    assert ask.kill() == b"OK"
    eventually(lambda: not ask.answers("127.0.0.1"), "it has ended")


@daemon
def in_the_background_with_an_address_that_is_not_ours(shell: Shell) -> None:
    shell.run("-daemon", "-address", "192.0.2.7", program=shell.daemon)


@daemon
def of_systemd_without_sockets(shell: Shell) -> None:
    shell.serves("-systemd")
    shell.serves("-systemd", LISTEN_FDS="1", LISTEN_PID="1")
    shell.serves("-systemd", LISTEN_FDS="0", LISTEN_PID="1")


def given_sockets(shell: Shell, *flags: str, places: tuple[tuple[int, str], ...]) -> None:
    """As systemd starts a service: listening sockets from descriptor 3 on, told of by variables, and a socket to be notified by."""
    shell.lines.append(f"$ epmd {' '.join(flags)}, given sockets at {' and '.join(address for _, address in places)}")
    notified = str(SCRATCH / f"notify-{time.monotonic_ns()}")
    held: list[socket.socket] = []
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(notified)
    manager.settimeout(10)
    for family, address in places:
        one = socket.socket(family, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # as a ListenStream= with only a port is
        one.bind((address, 4500))
        one.listen()
        held.append(one)
    # A shell moves them to 3 and on, and becomes the daemon, so that LISTEN_PID can be its own.
    script = " ".join(f"{3 + at}<&{one.fileno()}" for at, one in enumerate(held))
    command = f'exec {script}; LISTEN_PID=$$ LISTEN_FDS={len(held)} exec "$0" "$@"'
    with subprocess.Popen(
        ["bash", "-c", command, shell.daemon, *flags],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment({"NOTIFY_SOCKET": notified}),
        pass_fds=[one.fileno() for one in held],
    ) as process:
        try:
            for one in held:
                one.close()
            while "READY=1" not in (said := manager.recv(4096).decode()):
                pass  # it has its table kept
            shell.note("it notifies: " + said.replace(str(process.pid), "(its pid)").replace("\n", " "))
            with ask.register("idfe", 5000, to="127.0.0.1", epmd_port=4500, node_type=ask.C_NODE) as node:
                shell.note(f"a registration through 127.0.0.1: result {node.result}, found at {ask.lookup('127.0.0.1', 'idfe', 4500)}")
            with ask.dial("127.0.0.1", 4500) as connection:
                connection.sendall(ask.frame(bytes([ask.NAMES_REQ])))
                shell.note(f"a names list begins with {ask.read_to_end(connection)[:4]!r}")
            if places == DUAL_STACK:
                try:
                    with ask.register("idfe", 5000, to="127.0.0.2", epmd_port=4500, node_type=ask.C_NODE) as node:
                        shell.note(f"a registration through 127.0.0.2: result {node.result}")
                except EOFError:
                    shell.note("a registration through 127.0.0.2: closed without a reply")
            shell.note(f"it listens at {' '.join(map(str, listeners()))}")
        finally:
            process.terminate()
            process.wait(10)
            manager.close()


@daemon
def of_systemd_with_sockets(shell: Shell) -> None:
    given_sockets(shell, "-systemd", places=((socket.AF_INET, "127.0.0.1"),))
    given_sockets(shell, "-systemd", places=((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.0.0.2")))
    given_sockets(shell, "-systemd", "-address", "127.0.0.9", places=((socket.AF_INET, "127.0.0.1"),))


@daemon
def of_systemd_with_a_dual_stack_socket(shell: Shell) -> None:
    """As Debian's epmd.socket has it."""
    given_sockets(shell, "-systemd", places=DUAL_STACK)


def seconds_of(action: Callable[[], object]) -> str:
    began = time.monotonic()
    action()
    return "after a second or two" if 1 <= time.monotonic() - began < 3 else f"after {time.monotonic() - began:.1f} s"


@daemon
def delays(shell: Shell) -> None:
    with shell.daemon_with("-delay_write", "1"):
        shell.note(f"with -delay_write 1 a names list comes {seconds_of(lambda: ask.names('127.0.0.1'))}")
    with shell.daemon_with("-delay_accept", "1"):
        shell.note(f"with -delay_accept 1 a names list comes {seconds_of(lambda: ask.names('127.0.0.1'))}")
