"""The private machine that the tests run in: its name, its hosts file, its network and process ids.

Everything in it dies with it, and nothing outside can be reached from it, so the standard port 4369 is free and no test can hit
a node or an epmd of the developer's.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOSTNAME = "workshop"
HOSTS_FILE = Path("/etc/hosts")

# As Debian lays it out, with a line for each host of the main job and one that is another machine's.
HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost
127.0.1.1 workshop.example.test workshop
127.0.0.2 lowry.example.test lowry
127.0.0.3 indecline.example.test indecline
127.0.0.4 lazarides.example.test lazarides
192.0.2.1 faraway
"""

NAMESPACES = ["--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]


def write_hosts(text: str) -> None:
    """In place: the file is bind-mounted, and a new inode would not be seen."""
    HOSTS_FILE.write_text(text)


def has_ipv6() -> bool:
    """Whether ::1 is there to be served."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


def other_users_exist() -> bool:
    """Whether a process here may become another user's: not in a user namespace that maps one."""
    with open("/proc/self/uid_map") as ranges:
        return any(int(line.split()[2]) > 65534 for line in ranges)


def enter_command(arguments: list[str]) -> list[str]:
    """The command that runs arguments in a new private machine, which ends when we do."""
    as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *as_user, *NAMESPACES, "--", *arguments]


def why_not() -> str | None:
    """Why the kernel refuses a private machine; None if it does not."""
    tried = subprocess.run(enter_command(["true"]), capture_output=True, text=True)
    return None if tried.returncode == 0 else tried.stderr.strip().replace("\n", "; ") or f"status {tried.returncode}"


def furnish(scratch: Path) -> None:
    """Make the new namespaces a machine: loopback up, a name, a hosts file that tests may write, no installed configuration."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    socket.sethostname(HOSTNAME)
    own_hosts = scratch / "hosts"
    own_hosts.write_text(HOSTS)
    subprocess.run(["mount", "--bind", own_hosts, HOSTS_FILE], check=True)
    installed = Path("/etc/loopmd")
    if installed.is_dir():
        subprocess.run(["mount", "-t", "tmpfs", "none", installed], check=True)


@contextmanager
def mounted(source: Path, target: Path) -> Iterator[None]:
    """Another file in the place of one that every machine has."""
    subprocess.run(["mount", "--bind", source, target], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", target], check=True)


def without_processes() -> tuple[str, ...]:
    """What begins a command that is to see no process but its own, and the network as it is: as beside a container."""
    return ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")


def with_reaper(run) -> None:
    """Run the function in a child and be its init: the first process of a machine has to collect the orphans. Does not return."""
    # Who started us may ignore these (nohup, a shell's &), and what we start would do so too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        try:
            status = run()
        except SystemExit as leave:
            status = leave.code
        except BaseException:
            sys.excepthook(*sys.exc_info())
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)
    while True:
        try:
            pid, status = os.wait()
        except KeyboardInterrupt:
            continue  # the child has it too, and decides
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def furnish_root(root: Path, scratch: Path, epmd: Path) -> None:
    """Let VMs of another release run in a root of their own: with this machine's processes, devices, names and scratch folder, and
    with the epmd under test where it is here, since a VM may start it. None of that is seen outside the private machine."""
    for source in (Path("/proc"), Path("/dev"), HOSTS_FILE, scratch):
        target = root / source.relative_to("/")
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.touch()
        subprocess.run(["mount", "--rbind", source, target], check=True)
    # The root has its own C library and not what else the program needs: it brings that along.
    folder = scratch / f"epmd-in-{root.name}"
    folder.mkdir()
    linked = subprocess.run(["ldd", epmd], capture_output=True, text=True, check=True).stdout
    for name, library in re.findall(r"(\S+) => (/\S+)", linked):
        if not re.match(r"lib(c|m|stdc\+\+|gcc_s)\.so", name):
            shutil.copy(library, folder / name)
    shutil.copy(epmd, folder / "epmd")
    wrapper = folder / "wrapper"
    wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={folder} exec {folder}/epmd "$@"\n')
    wrapper.chmod(0o755)
    target = root / epmd.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch()
    subprocess.run(["mount", "--bind", wrapper, target], check=True)
