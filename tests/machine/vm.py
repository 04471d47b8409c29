"""Drives real, unmodified Erlang and Elixir VMs over their standard input.

A VM is started with exactly the flags that a test gives it and no other, in a home directory of its own with a default cookie
of its own.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType

from listeners import listeners, socket_inodes

REFUSED = "seems to be in use by another Erlang node"
EVALUATE_SECONDS = 10.0
START_SECONDS = 30.0  # 0.4 s for erl and 0.7 s for iex when the machine has nothing else to do

NODE_NAME = re.compile(r"[\w-]+@[\w.:-]+")
NAME_AND_PORT = re.compile(r"""["']([\w-]+)["'], ?(\d+)""")


class VmError(AssertionError):
    """The VM ended, did not answer in time, or an expression raised. Carries all that the VM has printed."""


class Vm:
    """One VM; the flags alone name its node. `root`: where its Erlang is, empty for this machine's own. `uid`: whose it is."""

    command: str
    root: str = os.environ.get("LOOPMD_E2E_OTP_ROOT", "")

    def __init__(
        self,
        *flags: str,
        home: Path,
        cookie: str,
        environment: dict[str, str] | None = None,
        wrapper: tuple[str, ...] = (),
        root: str | None = None,
        uid: int | None = None,
    ) -> None:
        self.flags = flags
        self.root = self.root if root is None else root
        self.home = home
        self.cookie = cookie
        self.environment = environment or {}
        self.wrapper = wrapper
        self.uid = uid
        self.said_ = ""
        self.ended_ = False
        self.change_ = threading.Condition()
        self.marks_ = itertools.count(1)
        self.launch()

    def launch(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        cookie_file = self.home / ".erlang.cookie"
        if not cookie_file.exists():
            cookie_file.write_text(self.cookie)
            cookie_file.chmod(0o400)
            if self.uid is not None:
                os.chown(cookie_file, self.uid, self.uid)
                os.chown(self.home, self.uid, self.uid)
        # In another root: env starts in the right folder there, and each becomes the next, so that the process id stays.
        in_root = ["chroot", self.root] if self.root else []
        in_folder = ["env", "-C", str(self.home)] if self.root else []
        as_user = [] if self.uid is None else ["setpriv", "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups", "--"]
        self.process = subprocess.Popen(
            [*self.wrapper, *in_root, *as_user, *in_folder, self.command, *self.flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.home,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "dumb", **self.environment},
            start_new_session=True,
        )
        self.reader_ = threading.Thread(target=self.read_, daemon=True)
        self.reader_.start()

    def read_(self) -> None:
        while part := os.read(self.process.stdout.fileno(), 65536):
            with self.change_:
                self.said_ += part.decode(errors="replace")
                self.change_.notify_all()
        with self.change_:
            self.ended_ = True
            self.change_.notify_all()

    @property
    def said(self) -> str:
        with self.change_:
            return self.said_

    @property
    def pid(self) -> int:
        """Of beam.smp itself: erl and iex are shell scripts that end in exec, so the process id stays."""
        return self.process.pid

    def complaint_(self, what: str) -> VmError:
        line = " ".join([self.command, *self.flags])
        return VmError(f"{line}: {what}; it has said:\n{self.said}\n(end of what it has said)")

    # Expressions

    def wrap(self, expression: str, mark: int) -> str:
        """The line to type. The marks must not appear in it as they will be printed: a VM may echo its input."""
        raise NotImplementedError

    def evaluate(self, expression: str, seconds: float = EVALUATE_SECONDS) -> str:
        """The printed value of an expression, on one line."""
        mark = next(self.marks_)
        pattern = re.compile(rf"<<{mark}:(returned|raised):(.*?):{mark}>>", re.DOTALL)
        try:
            self.process.stdin.write(self.wrap(expression, mark).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.complaint_(f"it has ended before {expression}") from None
        with self.change_:
            self.change_.wait_for(lambda: pattern.search(self.said_) or self.ended_, seconds)
            found = pattern.search(self.said_)
            ended = self.ended_
        if not found:
            raise self.complaint_(f"it ended during {expression}" if ended else f"no answer to {expression} in {seconds} s")
        if found[1] == "raised":
            raise self.complaint_(f"{expression} raised {found[2]}")
        return found[2]

    def started(self) -> Vm:
        """Wait until the VM has booted and evaluates. A VM that was refused raises here."""
        self.evaluate(":ok" if isinstance(self, Iex) else "ok", START_SECONDS)
        return self

    def has_ended(self) -> bool:
        with self.change_:
            return self.ended_

    def refused(self, seconds: float = START_SECONDS) -> bool:
        """Wait for the VM to end, and tell whether it ended because its name is in use."""
        with self.change_:
            self.change_.wait_for(lambda: self.ended_, seconds)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            return False
        return REFUSED in self.said

    # What a user types, in either language

    def quote(self, node_name: str) -> str:
        raise NotImplementedError

    def node(self) -> str:
        return self.evaluate(self.NODE).strip("':\"")

    def start_node(self, node_name: str, style: str = "shortnames") -> None:
        """Name the VM at run time, as RabbitMQ, Livebook and many a script do."""
        answer = self.evaluate(self.START_NODE.format(name=self.quote(node_name), style=style))
        assert re.match(r"\{:?ok,", answer), answer

    def set_cookie(self, peer: str, cookie: str) -> None:
        value = self.evaluate(self.SET_COOKIE.format(peer=self.quote(peer), cookie=self.quote(cookie)))
        assert value in ("true", ":true"), value

    def connect(self, peer: str) -> bool:
        return {"true": True, "false": False}[self.evaluate(self.CONNECT.format(peer=self.quote(peer)))]

    def disconnect(self, peer: str) -> None:
        self.evaluate(self.DISCONNECT.format(peer=self.quote(peer)))

    def nodes(self) -> set[str]:
        return set(NODE_NAME.findall(self.evaluate(self.NODES)))

    def node_by_rpc(self, peer: str) -> str:
        """What the peer calls itself."""
        return self.evaluate(self.RPC.format(peer=self.quote(peer))).strip("':\"")

    def names(self, host: str) -> dict[str, int]:
        """net_adm:names/1."""
        value = self.evaluate(self.NAMES.format(host=host))
        assert re.match(r"\{:?ok,", value), f"net_adm:names of {host}: {value}"
        pairs = NAME_AND_PORT.findall(value)
        assert len(pairs) == len(dict(pairs)), f"a name is listed twice at {host}: {value}"
        return {alive_name: int(port) for alive_name, port in pairs}

    def distribution_port(self) -> int:
        """The one port on which this process listens, as the kernel tells it."""
        inodes = socket_inodes(self.pid)
        ports = {one.port for one in listeners(self.pid) if one.inode in inodes}
        assert len(ports) == 1, f"{self.flags} listens on {sorted(ports)}"
        return ports.pop()

    # The end

    def kill(self) -> None:
        """SIGKILL, to beam.smp and nothing else."""
        program = Path(f"/proc/{self.pid}/comm").read_text().strip()
        assert program == "beam.smp", f"process {self.pid} is {program}"
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(10)

    def restart(self) -> None:
        """The same command again, in the same home. The earlier one must have ended."""
        assert self.process.poll() is not None
        self.stop()
        self.said_, self.ended_ = "", False
        self.launch()

    def stop(self) -> None:
        """End it whatever its state, at once. Does nothing the second time."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.reader_.join(2)
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass  # bytes that were never taken

    def __enter__(self) -> Vm:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class Erl(Vm):
    command = "erl"

    NODE = "node()"
    START_NODE = "net_kernel:start([{name}, {style}])"
    SET_COOKIE = "erlang:set_cookie({peer}, {cookie})"
    CONNECT = "net_kernel:connect_node({peer})"
    DISCONNECT = "erlang:disconnect_node({peer})"
    NODES = "nodes()"
    RPC = "rpc:call({peer}, erlang, node, [])"
    NAMES = 'net_adm:names("{host}")'

    def lose_epmd(self) -> None:
        """Have its connection to the epmd end: the VM takes it for lost, and registers anew after 2 s."""
        is_epmd = "case inet:peername(Port) of {ok, {_, 4369}} -> true; _ -> false end"
        closed = self.evaluate(f"[gen_tcp:shutdown(Port, write) || Port <- erlang:ports(), {is_epmd}]")
        assert closed == "[ok]", closed

    def quote(self, node_name: str) -> str:
        return f"'{node_name}'"

    def wrap(self, expression: str, mark: int) -> str:
        return (
            f'(fun() -> {{How, What}} = try {{"returned", ({expression})}} catch Kind:Why -> {{"raised", {{Kind, Why}}}} end, '
            f'io:format("~n<~s~w:~s:~0tp:~w~s>~n", ["<", {mark}, How, What, {mark}, ">"]) end)().'
        )


class Iex(Vm):
    command = "iex"

    NODE = "node()"
    START_NODE = "Node.start({name}, :{style})"
    SET_COOKIE = "Node.set_cookie({peer}, {cookie})"
    CONNECT = "Node.connect({peer})"
    DISCONNECT = "Node.disconnect({peer})"
    NODES = "Node.list()"
    RPC = ":rpc.call({peer}, :erlang, :node, [])"
    NAMES = ':net_adm.names(String.to_charlist("{host}"))'

    def quote(self, node_name: str) -> str:
        return f':"{node_name}"'

    def wrap(self, expression: str, mark: int) -> str:
        return (
            f'(fn -> {{how, what}} = try do {{"returned", ({expression})}} catch kind, why -> {{"raised", {{kind, why}}}} end; '
            f'IO.puts(["\\n<", "<{mark}:", how, ":", '
            f'inspect(what, limit: :infinity, printable_limit: :infinity, width: :infinity), ":{mark}", ">>"]) end).()'
        )


def eventually(condition, what: str, seconds: float = 10.0) -> None:
    """Ask again until the condition holds; for states that another process reaches in its own time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)
