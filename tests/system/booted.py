"""A throw-away machine: a root of Debian (scripts/system-root), booted by systemd-nspawn, with packages and units.

What it writes lies over the root, in memory, in a mount namespace that ends with it: the root is never changed, several machines
can boot from one at once, and nothing is left of them. Its network is its own and has loopback only.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import ask
import machine
from crowd import Crowd
from neighbour import inside_namespace
from nodes import BootedErl, BootedIex, BootedVm

BOOT_SECONDS = 60.0  # 1 to 2 s when the host has nothing else to do
END_SECONDS = 30.0
COMMAND_SECONDS = 60.0

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REBOOT = 133  # systemd-nspawn's status when the machine wants to be booted again (with --keep-unit)

# In namespaces of its own: the root with an overlay in memory, then the machine, for as often as it reboots. Arguments: the
# scratch folder, the root, the name of the machine, its hosts file, its cgroups. As many files may be open in it as on any
# Debian, where root here has the right to allow that.
BOOT = f"""\
scratch=$1 lower=$2 name=$3 hosts=$4
shift 4
for cgroup; do echo $$ >"$cgroup/cgroup.procs"; done
mount -t tmpfs -o mode=755 none "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay -o "lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$scratch/root"
mkdir -p /run/systemd/nspawn
mount -t tmpfs none /run/systemd/nspawn # its locks and folders end with the namespace
printf %s "$hosts" >"$scratch/root/etc/hosts"
echo {machine.HOSTNAME} >"$scratch/root/etc/hostname"
: >"$scratch/root/etc/resolv.conf"
status={REBOOT}
while [ $status -eq {REBOOT} ]; do
  status=0
  systemd-nspawn --boot --directory "$scratch/root" --machine "$name" --hostname {machine.HOSTNAME} \\
    --private-network --register no --keep-unit --quiet --settings no --console read-only --link-journal no \\
    --resolv-conf off --timezone off --suppress-sync yes --rlimit NOFILE=1024:524288 || status=$?
done
exit $status
"""

# A process inside must be in the machine's cgroups, or some of its programs take it for none of theirs (loginctl of Debian 13).
# Arguments: the cgroups, --, the command.
JOIN = """\
while [ "$1" != -- ]; do
  echo $$ >"$1/cgroup.procs"
  shift
done
shift
exec "$@"
"""

counter = itertools.count(1)


def why_not() -> str | None:
    """Why no machine can be booted here; None if one can."""
    if os.geteuid() != 0:
        return "not root"
    if shutil.which("systemd-nspawn") is None:
        return "no systemd-nspawn (package systemd-container)"
    if not cgroups():
        return "no cgroups are mounted that systemd could use"
    return None


def cgroups() -> list[Path]:
    """Our own, in the hierarchies that systemd uses: the unified one, and its own of version 1 where both are mounted."""
    mounts = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words, _, filesystem = line.partition(" - ")
        kind, _, options = filesystem.split(" ", 2)
        if kind == "cgroup2":
            mounts[""] = Path(words.split()[4])
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            mounts["name=systemd"] = Path(words.split()[4])
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in mounts:
            found.append(mounts[controllers] / path.lstrip("/"))
    return found


def children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(word) for word in (task / "children").read_text().split()]
    except OSError:
        pass  # it ended while we looked
    return found


def program(pid: int) -> str:
    """Its name; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def is_first_process(pid: int) -> bool:
    """Whether it is the systemd of a process namespace, not only the child that becomes it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return program(pid) == "systemd" and re.search(r"^NSpid:.*\t1$", status, re.MULTILINE) is not None


def wait_for_end(pidfd: int, seconds: float) -> bool:
    """Whether that process ends in time. Closes the descriptor."""
    with os.fdopen(pidfd, "rb", buffering=0) as process:
        return bool(select.select([process], [], [], seconds)[0])


class Booted:
    """A running machine. As a context manager it is gone at the end, and if a test failed it has told what it knows."""

    def __init__(self, root: Path, hosts: str = machine.HOSTS) -> None:
        self.vms_: list[BootedVm] = []
        self.inside_ = ExitStack()  # what runs inside on our behalf, and ends first
        self.outside_ = ExitStack()
        try:
            self.scratch_ = Path(tempfile.mkdtemp(prefix="loopmd-machine-"))
            self.outside_.callback(self.scratch_.rmdir)
            self.console_ = self.outside_.enter_context(tempfile.TemporaryFile())
            name = f"loopmd-{os.getpid()}-{next(counter)}"
            self.cgroups_ = [path / name for path in cgroups()]
            for path in self.cgroups_:
                path.mkdir()
                self.outside_.callback(remove_cgroup, path)
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
                + ["sh", "-euc", BOOT, "boot", str(self.scratch_), str(root), name, hosts, *map(str, self.cgroups_)],
                stdin=subprocess.DEVNULL,
                stdout=self.console_,
                stderr=self.console_,
                start_new_session=True,
            )
            self.first_: int | None = None
            self.outside_.callback(self.kill_)
            began = time.monotonic()
            self.wait_until_booted_()
            self.boot_seconds = time.monotonic() - began
        except BaseException:
            self.close()
            raise

    # Its life

    def console(self) -> str:
        return os.pread(self.console_.fileno(), 1 << 20, 0).decode(errors="replace")

    def wait_until_booted_(self, earlier: int | None = None) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        self.first_ = None
        state = "not started"
        while state not in ("running", "degraded"):
            if self.process.poll() is not None:
                raise AssertionError(f"the machine ended with {self.process.returncode}:\n{self.console()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the machine is {state} after {BOOT_SECONDS} s:\n{self.console()}")
            if self.first_ is None:
                self.first_ = next((one for one in self.nspawn_s_children_() if one != earlier and is_first_process(one)), None)
            if self.first_ is not None:
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
            time.sleep(0.02)

    @property
    def first_process(self) -> int:
        """Its systemd's process id on this side."""
        assert self.first_ is not None, "the machine does not run"
        return self.first_

    def reboot(self) -> None:
        """What was written stays; all processes end, VMs and crowds first: the machine would wait for a VM that does not."""
        self.inside_.close()
        earlier = self.first_process
        pidfd = os.pidfd_open(earlier)
        self.run("systemctl", "reboot", check=False)
        assert wait_for_end(pidfd, END_SECONDS), f"the machine does not go down:\n{self.console()}"
        self.wait_until_booted_(earlier)

    def poweroff(self) -> None:
        """In good order: units are stopped. At the end of the context the plug is pulled instead."""
        self.run("systemctl", "poweroff", check=False)
        self.process.wait(END_SECONDS)

    def nspawn_s_children_(self) -> list[int]:
        """unshare, the shell, systemd-nspawn, its children."""
        return [one for shell in children(self.process.pid) for nspawn in children(shell) for one in children(nspawn)]

    def kill_(self) -> None:
        """The shell is the first process of a namespace: all others end with it, and it with unshare, and that with us. (A
        machine does not end with systemd-nspawn when that is killed.)"""
        shells = children(self.process.pid)
        ends = [os.pidfd_open(one) for one in shells]
        self.process.kill()
        self.process.wait()
        for one in ends:
            assert wait_for_end(one, END_SECONDS), "the machine does not end"

    def close(self) -> None:
        try:
            self.inside_.close()
        finally:
            self.outside_.close()

    def __enter__(self) -> Booted:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is not None and self.process.poll() is None:
                self.tell_()
        finally:
            self.close()

    def tell_(self) -> None:
        journal = self.run("journalctl", "--no-pager", "--output=short-precise", "--lines=200", check=False).stdout
        print(f"--- journal of the machine\n{journal[-16000:]}", file=sys.stderr)
        for vm in self.vms_:
            print(f"--- output of {vm.command} {' '.join(vm.flags)}\n{vm.said[-4000:]}", file=sys.stderr)
        print("---", file=sys.stderr, flush=True)

    # Programs inside

    def environment_(self, user: str | None, more: dict[str, str] | None) -> dict[str, str]:
        home = "/root" if user is None else f"/home/{user}"
        usual = {"PATH": PATH, "HOME": home, "LANG": "C.UTF-8", "TERM": "dumb", "DEBIAN_FRONTEND": "noninteractive"}
        return {**usual, **(more or {})}

    def cgroups_of_tests_(self) -> list[Path]:
        """Beside the machine's own units; in one hierarchy or two, as its systemd has it."""
        found = [path / "payload" / "tests" for path in self.cgroups_ if (path / "payload").is_dir()]
        for path in found:
            path.mkdir(exist_ok=True)
        return found

    def enter_(self, user: str | None) -> list[str]:
        """nsenter waits for what it runs inside; that ends with it, for which it asks when it is the user's already."""
        as_user = [] if user is None else ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"]
        enter = ["nsenter", "--target", str(self.first_process), "--all", "--", *as_user, "setpriv", "--pdeathsig", "KILL", "--"]
        return ["sh", "-euc", JOIN, "join", *map(str, self.cgroups_of_tests_()), "--", *enter]

    def run(
        self,
        *arguments: str,
        check: bool = True,
        user: str | None = None,
        env: dict[str, str] | None = None,
        stdin: str | bytes = b"",
        timeout: float = COMMAND_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside to its end, with nothing of our environment. What it says on either stream is in the complaint."""
        done = subprocess.run(
            [*self.enter_(user), *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=self.environment_(user, env),
            timeout=timeout,
        )
        said, complained = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}; it has said:\n{said}{complained}")
        return subprocess.CompletedProcess(done.args, done.returncode, said, complained)

    def popen(self, *arguments: str, user: str | None = None, env: dict[str, str] | None = None, **options) -> subprocess.Popen:
        """Start a program inside. The process that is returned is nsenter; inside_pid tells which is the program's."""
        options.setdefault("stdin", subprocess.DEVNULL)
        command = [*self.enter_(user), *arguments]
        return subprocess.Popen(command, env=self.environment_(user, env), start_new_session=True, **options)

    def inside_pid(self, process: subprocess.Popen, seconds: float = 10.0) -> int:
        """The process id, on this side, of what popen started; waits until it is that program."""
        deadline = time.monotonic() + seconds
        while True:
            for pid in children(process.pid):
                if program(pid) not in ("", "nsenter", "setpriv"):
                    return pid
            assert process.poll() is None, f"{process.args} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{process.args} does not start"
            time.sleep(0.001)

    def python(self, code: str, *, timeout: float = COMMAND_SECONDS) -> str:
        """What Python prints that runs out here, with the modules of the tests, in the machine's network."""
        command = ["nsenter", "--target", str(self.first_process), "--net", "--", sys.executable, "-c", code]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment, timeout=timeout).stdout

    # Its network

    @contextmanager
    def network(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are the machine's, also later."""
        with inside_namespace(f"/proc/{self.first_process}/ns/net"):
            yield

    def answers(self, address: str = "127.0.0.1") -> bool:
        with self.network():
            return ask.answers(address)

    def names(self, address: str = "127.0.0.1") -> dict[str, int]:
        with self.network():
            return ask.names(address)

    def lookup(self, alive_name: str, address: str = "127.0.0.1") -> int | None:
        with self.network():
            return ask.lookup(address, alive_name)

    def register(self, alive_name: str, port: int, **options) -> ask.Registration:
        with self.network():
            return self.inside_.enter_context(ask.register(alive_name, port, **options))

    # Nodes

    def vm(self, kind: type[BootedVm], *flags: str, **options) -> BootedVm:
        """Start a VM that ends with the machine. It is not awaited: start several, then await each."""
        vm = self.inside_.enter_context(kind(self, *flags, **options))
        self.vms_.append(vm)
        return vm

    def erl(self, *flags: str, **options) -> BootedErl:
        return self.vm(BootedErl, *flags, **options)

    def iex(self, *flags: str, **options) -> BootedIex:
        return self.vm(BootedIex, *flags, **options)

    def crowd(self, count: int, **options) -> Crowd:
        """So many registered names, that end with the machine; all must have been accepted."""
        crowd = self.inside_.enter_context(Crowd(self.first_process))
        crowd.join(count, **options)
        return crowd

    # Files and packages

    def put_file(self, path: str, content: str | bytes | Path, mode: int = 0o644) -> None:
        """In place where the file is there already."""
        content = content.read_bytes() if isinstance(content, Path) else content
        write = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        self.run("sh", "-c", write, "put_file", path, f"{mode:o}", stdin=content)

    def file(self, path: str) -> str:
        return self.run("cat", path).stdout

    def put_package(self, deb: Path) -> str:
        """Where the package is inside; apt's own user must be able to read it."""
        path = f"/var/tmp/{deb.name}"
        self.put_file(path, deb)
        return path

    def install(self, deb: Path | str) -> str:
        """With apt, as a user would; a Path is out here, a string inside. Returns what apt said."""
        path = self.put_package(deb) if isinstance(deb, Path) else deb
        return self.run("apt-get", "install", "-y", "-q", "--no-install-recommends", path, timeout=120).stdout

    def erlang_base(self) -> str:
        """The package that is installed, inside."""
        return self.run("sh", "-c", "ls /var/cache/apt/archives/erlang-base_*.deb").stdout.strip()

    def later_version(self, deb: str) -> str:
        """The same package once more, with the same content and a higher version."""
        folder, later = "/var/tmp/later", f"{deb.removesuffix('.deb')}.later.deb"
        self.run("dpkg-deb", "--raw-extract", deb, folder)
        self.run("sed", "-i", "s/^Version: .*/&+later1/", f"{folder}/DEBIAN/control")
        self.run("dpkg-deb", "-Znone", "--build", folder, later)
        self.run("rm", "-r", folder)
        return later

    def upgrade(self, deb: str) -> str:
        """With dpkg, which does not mind packages that want one version exactly. Returns what it said."""
        done = self.run("dpkg", "--install", "--force-confold", deb, timeout=120)
        return done.stdout + done.stderr

    def add_user(self, name: str) -> None:
        """One whose systemd runs without a session."""
        self.run("useradd", "--create-home", "--shell", "/bin/bash", name)
        self.run("loginctl", "enable-linger", name)
        runtime = self.user_environment(name)["XDG_RUNTIME_DIR"]
        deadline = time.monotonic() + 20
        while self.run("test", "-S", f"{runtime}/systemd/private", check=False).returncode != 0:
            assert time.monotonic() < deadline, f"no systemd of user {name}"
            time.sleep(0.02)

    def user_environment(self, name: str) -> dict[str, str]:
        runtime = f"/run/user/{self.run('id', '-u', name).stdout.strip()}"
        return {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}

    # Units

    def systemctl(self, *arguments: str, user: str | None = None, check: bool = True) -> str:
        """With a user: that user's own systemd (add_user)."""
        if user is None:
            return self.run("systemctl", *arguments, check=check).stdout
        return self.run("systemctl", "--user", *arguments, user=user, env=self.user_environment(user), check=check).stdout

    def properties(self, unit: str, *names: str, user: str | None = None) -> dict[str, str]:
        shown = self.systemctl("show", unit, f"--property={','.join(names)}", user=user)
        return dict(line.split("=", 1) for line in shown.splitlines())

    def state(self, unit: str, user: str | None = None) -> str:
        return self.properties(unit, "ActiveState", user=user)["ActiveState"]

    def main_pid(self, unit: str, user: str | None = None) -> int:
        """As it is inside; 0 if there is none."""
        return int(self.properties(unit, "MainPID", user=user)["MainPID"])

    def signal(self, unit: str, number: signal.Signals, user: str | None = None) -> None:
        """To its main process alone."""
        self.systemctl("kill", "--kill-whom=main", f"--signal={number.name}", unit, user=user)

    def drop_in(self, unit: str, text: str) -> None:
        self.put_file(f"/etc/systemd/system/{unit}.d/test.conf", text)
        self.systemctl("daemon-reload")

    def settle_journal_(self) -> None:
        """Wait until all is in it that was said before: journald takes from everybody in turn, so what is said now is later."""
        word = f"settled {next(counter)}"
        self.run("systemd-cat", "--identifier=tests", "echo", word)
        deadline = time.monotonic() + 10
        while word not in self.run("journalctl", "--no-pager", "--output=cat", "--identifier=tests").stdout.splitlines():
            assert time.monotonic() < deadline, "the journal is not written"
            time.sleep(0.005)

    def cursor(self) -> str:
        """Where the journal ends now."""
        self.settle_journal_()
        said = self.run("journalctl", "--no-pager", "--quiet", "--lines=0", "--show-cursor").stdout
        return said.strip().removeprefix("-- cursor: ")

    def journal(self, unit: str | None = None, since: str | None = None) -> list[str]:
        """The messages of the unit's own processes, or of everybody, after that place. Chosen here: given a cursor, journalctl of
        Debian 12 leaves out the first message that its own choice would have."""
        self.settle_journal_()
        after = [] if since is None else [f"--after-cursor={since}"]
        shown = self.run("journalctl", "--no-pager", "--quiet", "--all", "--output=json", *after).stdout
        told = [json.loads(line) for line in shown.splitlines()]
        units = ("_SYSTEMD_UNIT", "_SYSTEMD_USER_UNIT")
        messages = [one["MESSAGE"] for one in told if unit is None or unit in (one.get(field) for field in units)]
        return [bytes(one).decode(errors="replace") if isinstance(one, list) else one for one in messages]


def remove_cgroup(path: Path, seconds: float = 10.0) -> None:
    """With those below it; the kernel takes a moment to see the last process gone."""
    deadline = time.monotonic() + seconds
    for folder, _, _ in os.walk(path, topdown=False):
        while True:
            try:
                os.rmdir(folder)
                break
            except FileNotFoundError:
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
