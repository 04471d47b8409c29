"""Holds the arrows between the rooms of CONTRIBUTING.md: which folder may include which, what the pure rooms may not
know at all, and that each file includes its own header before all else, which shows that this compiles alone.

python3 arrows.py ROOT        status 0: all is well; 1: each wrong line is named
python3 arrows.py --self-test  shows that a wrong line is found
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

ARROWS: dict[str, set[str]] = {
    "wire": set(),
    "registry": {"wire"},
    "service": {"registry", "wire"},
    "dist": {"wire"},
    "net": {"registry"},
    "placement": {"registry", "dist", "wire", "net"},
    "settings": {"registry"},
    "server": {"service", "registry", "wire", "settings", "net"},
    "status": {"service", "registry", "wire", "settings", "net"},
    "client": {"registry", "wire", "net"},
    "handover": {"registry", "wire"},
    "ctl": {"client", "placement", "dist", "settings", "registry", "wire", "net"},
}
OUTSIDE_LIB = {"ctl"}  # a room that stands beside lib
PURE = {"wire", "registry", "service", "dist"}
LOGGING = {"server", "ctl"}

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)
IMPURE_HEADER = re.compile(
    r"^(boost/|spdlog/|sys/socket|sys/epoll|sys/un|netdb|linux/|unistd|fcntl|thread$|mutex$|future$|condition_variable$|"
    r"atomic$|iostream$|fstream$|filesystem$|random$|ctime$|time\.h$)"
)
IMPURE_CALL = re.compile(r"_clock::now\(|\bgettimeofday\(|\bclock_gettime\(|\bstd::time\(|\bgetenv\(")
COMMENT = re.compile(r"//[^\n]*")


def faults_in(root: Path) -> list[str]:
    faults = []
    rooms = {folder.name for folder in (root / "lib").iterdir() if folder.is_dir()}
    rooms |= {name for name in OUTSIDE_LIB if (root / name).is_dir()}
    faults += [f"lib/{room}: no arrows are given for this room" for room in sorted(rooms - ARROWS.keys())]
    for room in sorted(rooms & ARROWS.keys()):
        folder = root / room if room in OUTSIDE_LIB else root / "lib" / room
        for file in sorted(folder.rglob("*.[ch]pp")):
            text = file.read_text()
            own = file.with_suffix(".hpp")
            if file.suffix == ".cpp" and own.exists() and not str(own).endswith("/" + first_included(text)):
                faults.append(f"{file.relative_to(root)}: does not include {own.name} before all else, which would show that it compiles alone")
            faults += [f"{file.relative_to(root)}: {fault}" for fault in faults_of(room, text, rooms)]
    return faults


def first_included(text: str) -> str:
    found = INCLUDE.search(text)
    return found.group(1) if found else ""


def faults_of(room: str, text: str, rooms: set[str]) -> list[str]:
    faults = []
    for header in INCLUDE.findall(text):
        other = header.split("/")[0]
        if other in rooms and other != room and other not in ARROWS[room]:
            faults.append(f"includes {header}; {room} may include {sorted(ARROWS[room]) or 'no other room'}")
        if room in PURE and IMPURE_HEADER.match(header):
            faults.append(f"includes {header}, and {room} is pure: no Boost, sockets, clocks, threads or files")
        if header.startswith("spdlog/") and room not in LOGGING:
            faults.append(f"includes {header}, and only {sorted(LOGGING)} logs")
    if room in PURE:
        for call in IMPURE_CALL.findall(COMMENT.sub("", text)):
            faults.append(f"calls {call}…), and {room} is pure: time and surroundings come in as arguments")
    return faults


def self_test() -> int:
    wrong = {
        "registry/a.hpp": '#include "service/service.hpp"\n',
        "wire/a.cpp": "#include <boost/asio.hpp>\n",
        "service/a.cpp": "auto now = std::chrono::steady_clock::now();\n",
        "placement/a.cpp": "#include <spdlog/spdlog.h>\n",
        "attic/a.cpp": "\n",
        "../ctl/a.cpp": '#include "service/service.hpp"\n',
        "net/a.cpp": '#include <string>\n#include "net/a.hpp"\n',
    }
    right = {
        "service/service.hpp": '#include "registry/a.hpp"\n#include <chrono>\n',
        "dist/a.cpp": "// steady_clock::now() is not called here\n",
        "net/a.hpp": "\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (wrong | right).items():
            file = Path(folder, "lib", name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        found = faults_in(Path(folder))
    if len(found) != len(wrong):
        print("\n".join(found), f"{len(found)} faults found, {len(wrong)} were planted", sep="\n")
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    complaints = faults_in(Path(sys.argv[1]))
    print("\n".join(complaints))
    sys.exit(1 if complaints else 0)
