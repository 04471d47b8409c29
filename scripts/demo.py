"""Two VMs of one alive name on one machine: refused by stock epmd, at home with loopmd.

python3 scripts/demo.py EPMD

Everything is private: ports that nobody uses, homes and cookies in a temporary directory, host names from a file that only
these VMs read (ERL_INETRC). Nothing of it is left behind, also after Ctrl-C.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "machine"))
from vm import Erl, Iex, Vm, VmError  # noqa: E402

HOSTS = {"lowry": "127.0.0.2", "indecline": "127.0.0.3"}
NAMES_REQ = b"\0\1n"


def say(text: str = "") -> None:
    print(text, flush=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def stock_epmd() -> str:
    """Erlang's own; an epmd on the PATH may be another."""
    erl = shutil.which("erl")
    if erl is None:
        sys.exit("there is no erl here; scripts/setup demo installs it")
    return str(sorted(Path(erl).resolve().parents[1].glob("erts-*/bin/epmd"))[-1])


def names_at(address: str, port: int) -> str:
    """What `net_adm:names(Host)` asks: the names that the epmd at a host's address has."""
    with socket.create_connection((address, port), 5) as connection:
        connection.sendall(NAMES_REQ)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer[4:].decode().strip() or "(nobody)"


class Stage:
    """Starts things, and ends them all."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.stack = stack
        self.scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loopmd-demo-")))
        self.inetrc = self.scratch / "inetrc"
        lines = [f'{{host, {{{address.replace(".", ",")}}}, ["{name}"]}}.' for name, address in HOSTS.items()]
        self.inetrc.write_text("\n".join([*lines, "{lookup, [file, native]}.", ""]))

    def epmd(self, command: list[str], port: int) -> Path:
        log = self.scratch / f"epmd-{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        deadline = time.monotonic() + 5
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return log
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command[0]} does not serve port {port}:\n{log.read_text()}")
            time.sleep(0.005)

    def vm(self, kind: type[Vm], flag: str, host: str, port: int) -> Vm:
        environment = {"ERL_EPMD_PORT": str(port), "ERL_INETRC": str(self.inetrc)}
        vm = kind(flag, f"idfe@{host}", home=self.scratch / host, cookie=f"cookie_of_{host}", environment=environment)
        self.stack.callback(vm.stop)
        return vm


def show_stock(stage: Stage) -> None:
    say("1. Stock epmd has one table of names for the whole machine:")
    say()
    port = free_port()
    stage.epmd([stock_epmd(), "-port", str(port), "-address", "127.0.0.2,127.0.0.3"], port)
    stage.vm(Erl, "-sname", "lowry", port).started()
    say("     $ erl -sname idfe@lowry")
    say("     (idfe@lowry)1>")
    say("     $ erl -sname idfe@indecline")
    second = stage.vm(Erl, "-sname", "indecline", port)
    if not second.refused():
        sys.exit(f"stock epmd was to refuse the second VM, which said:\n{second.said}")
    say(f"     {second.said.strip().splitlines()[0]}")
    say()


def show_ours(stage: Stage, epmd: str) -> None:
    say("2. loopmd has one for every loopback address. The same VMs, and the second in Elixir:")
    say()
    port = free_port()
    hosts = [word for name, address in HOSTS.items() for word in ("--host", f"{name}={address}")]
    flags = ["-port", str(port), "--listen", "loopback", "--config", "/dev/null", *hosts]
    log = stage.epmd([epmd, *flags], port)
    lowry = stage.vm(Erl, "-sname", "lowry", port)
    indecline = stage.vm(Iex, "--sname", "indecline", port)
    lowry.started()
    say(f"     $ epmd {' '.join(hosts)}")
    say("     $ erl -sname idfe@lowry")
    say("     (idfe@lowry)1>")
    indecline.started()
    say("     $ iex --sname idfe@indecline")
    say("     iex(idfe@indecline)1>")
    say()
    for host, address in {**HOSTS, "this machine": "127.0.0.1"}.items():
        say(f"     names at {f'{host} ({address}):':26} {names_at(address, port)}")
    say()

    say("3. They connect as from two machines, each by a cookie that it keeps for the other:")
    say()
    for prompt, vm, expression in [
        ("(idfe@lowry)1> ", lowry, "erlang:get_cookie()"),
        ("(idfe@lowry)2> ", lowry, "erlang:set_cookie('idfe@indecline', a_third_cookie)"),
        ("iex(idfe@indecline)1> ", indecline, "Node.get_cookie()"),
        ("iex(idfe@indecline)2> ", indecline, 'Node.set_cookie(:"idfe@lowry", :a_third_cookie)'),
        ("(idfe@lowry)3> ", lowry, "net_kernel:connect_node('idfe@indecline')"),
        ("(idfe@lowry)4> ", lowry, "nodes()"),
        ("(idfe@lowry)5> ", lowry, "rpc:call('idfe@indecline', erlang, node, [])"),
        ("iex(idfe@indecline)3> ", indecline, "Node.list()"),
    ]:
        say(f"     {prompt}{expression}{'.' if vm is lowry else ''}")
        say(f"     {vm.evaluate(expression)}")
    if lowry.nodes() != {"idfe@indecline"} or indecline.nodes() != {"idfe@lowry"}:
        sys.exit("the two VMs are not connected")
    say()

    say("4. Who is there:")
    say()
    say("     $ epmdctl nodes")
    listing = subprocess.run([Path(epmd).parent / "epmdctl", "--port", str(port), "nodes"], capture_output=True, text=True, check=True)
    for node, host, at, kind, _, pid, user, program, _, how in sorted(line.split("\t") for line in listing.stdout.splitlines()):
        say(f"     {node:15} at {host:10} port {at}, {kind}, pid {pid} of {user} ({program}), placed by {how}")
    say()

    say("5. What loopmd wrote meanwhile:")
    say()
    for line in log.read_text().splitlines():
        say(f"     {line.partition(' ')[2]}")
    say()


def main(epmd: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("demo: terminated, everything is cleaned up"))
    begin = time.monotonic()
    say("One machine, two hosts: lowry is 127.0.0.2, indecline is 127.0.0.3.")
    say()
    with contextlib.ExitStack() as stack:
        stage = Stage(stack)
        show_stock(stage)
    with contextlib.ExitStack() as stack:
        stage = Stage(stack)
        show_ours(stage, str(Path(epmd).resolve()))
    say(f"That took {time.monotonic() - begin:.1f} s, and nothing of it is left. To do it yourself, put the two hosts into")
    say("/etc/hosts and let loopmd take epmd's place: see README.md. Or `epmdctl exec lowry -- iex --sname idfe`, with no file at all.")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted, everything is cleaned up")
    except VmError as error:
        sys.exit(f"demo: {error}")
