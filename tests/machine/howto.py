"""Follows a how-to of docs/howto as its reader does: the blocks of commands are run in one bash, in order, and what they print is held
against what the how-to shows below them.

A block begins with ```sh. What follows that says how it is run:

    ```sh once      not at all: it is for once per machine
    ```sh fails     its last command has to end with a status that is not 0
    ```sh there     in a bash of that name, which the test has given; so on another machine

If the next block begins with ```text, that is all that the commands print. In it "…" stands for anything in its line, and alone on a line
for any lines; dates, times, and numbers of more than two digits that no command has named may differ; spaces count as one; the
reader, his machine and his home stand for ours. That epmdctl waits for longer than a second does not count.
"""

from __future__ import annotations

import os
import pty
import pwd
import re
import select
import signal
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path

from case import Case
from daemon import EPMD, SCRATCH
from machine import HOSTNAME
from vm import eventually

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "howto"

SECONDS = 120.0  # for one block: two RabbitMQ brokers boot in 5 s when the machine has nothing else to do
END_SECONDS = 20.0

MAY_DIFFER = re.compile(
    r"(\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d(?:\.\d+)?"  # dates and times
    r"|(?<![\w.])\d{3,}(?![\w.]\w))"  # ports and process ids, but no part of an address
)
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass
class Block:
    commands: str
    shown: str | None  # what the how-to says that they print, if it does
    words: list[str]  # after ```sh


def sections(text: str) -> dict[str, list[Block]]:
    """The blocks of commands under each heading, without those that are for once per machine."""
    found: dict[str, list[Block]] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        fences = re.findall(r"^```(\w*)(.*)\n((?s:.*?))^```$", part, re.MULTILINE)
        blocks = []
        for (kind, words, commands), (next_kind, _, shown) in zip(fences, [*fences[1:], ("", "", "")]):
            if kind == "sh" and "once" not in words.split():
                blocks.append(Block(commands, shown if next_kind == "text" else None, words.split()))
        if blocks:
            found[part.partition("\n")[0]] = blocks
    return found


def as_pattern(shown: str, stand_ins: dict[str, str], named: set[str]) -> re.Pattern[str]:
    """What the printed text has to match as a whole, once it is tidy and each line has its end. Stand-ins: what the how-to says, and
    what that is here. Named: numbers that may not differ."""
    words = "|".join(re.escape(word) for word in sorted(stand_ins, key=len, reverse=True))
    pattern = ""
    for line in tidy(shown).split("\n"):
        if line == "…":
            pattern += r"(?:[^\n]*\n)*?"
            continue
        line = re.sub(rf"(?<![\w.-])(?:{words})(?!\w)", lambda found: stand_ins[found[0]], line)
        for i, piece in enumerate(MAY_DIFFER.split(line)):
            may_differ = i % 2 == 1 and piece not in named
            pattern += r"[\d.:-]+" if may_differ else r"[^\n]*?".join(map(re.escape, re.split(" ?… ?", piece)))
        pattern += r"\n"
    return re.compile(pattern)


def tidy(text: str) -> str:
    """Without colours, and with one space where there are several or a tab: the width of a column depends on what else is in it."""
    return re.sub(r"[ \t]+", " ", re.sub(r"[ \t]*\r?\n", "\n", ESCAPES.sub("", text))).strip("\n")


def processes_of(home: Path) -> list[int]:
    """All that were started with that home and have not ended, whoever their parent is by now: a daemon has none of ours."""
    found = []
    for variables in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"HOME={home}".encode() in variables.read_bytes().split(b"\0"):
                found.append(int(variables.parent.name))
        except OSError:
            continue  # it ended while we looked
    return found


def end_all(home: Path) -> None:
    def is_quiet() -> bool:
        left = processes_of(home)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not left

    eventually(is_quiet, f"all processes of {home} have ended", END_SECONDS)


class Reader:
    """A bash, in which the reader of a how-to runs its blocks one after the other. It prints to a terminal, and reads from none."""

    def __init__(self, home: Path, variables: dict[str, str], wrapper: tuple[str, ...] = (), hostname: str = HOSTNAME) -> None:
        self.home = home
        self.stand_ins = {
            "ann": pwd.getpwuid(os.getuid()).pw_name,
            "laptop": hostname,
            "/home/ann": str(home),
        }
        self.said = ""
        self.named_ = {"4369"}
        self.blocks_ = 0
        self.terminal_, screen = pty.openpty()
        modes = termios.tcgetattr(screen)
        modes[1] &= ~termios.OPOST  # a line ends as it is written
        termios.tcsetattr(screen, termios.TCSANOW, modes)
        self.process = subprocess.Popen(
            [*wrapper, "bash", "--noprofile", "--norc", "-e"],
            stdin=subprocess.PIPE,
            stdout=screen,
            stderr=screen,
            cwd=home,
            env=variables,
            start_new_session=True,
        )
        os.close(screen)

    def run(self, block: Block) -> str:
        """What its commands print. If that is not what is shown, or one fails (and ends the bash), it raises."""
        self.blocks_ += 1
        file = self.home / f"block-{self.blocks_}.sh"
        file.write_text(block.commands)
        mark = f"<<{self.blocks_} done>>"
        is_to_fail = "fails" in block.words
        line = f"if . {file} </dev/null; then exit; fi" if is_to_fail else f". {file} </dev/null"
        self.process.stdin.write(f"{line}\necho '{mark}'\n".encode())
        self.process.stdin.flush()
        self.said += f"$ {block.commands}"
        self.named_.update(re.findall(r"\d+", block.commands))
        begin = len(self.said)
        deadline = time.monotonic() + SECONDS
        while (end := self.said.find(f"{mark}\n", begin)) < 0:
            left = deadline - time.monotonic()
            is_ready = left > 0 and select.select([self.terminal_], [], [], left)[0]
            if not (part := self.read_() if is_ready else b""):
                what = f"not done in {SECONDS} s" if not is_ready else "it did not fail" if is_to_fail else "a command failed"
                raise AssertionError(f"{what}: {block.commands}\n{self.said[begin:]}")
            self.said += part.decode(errors="replace")
        printed = self.said[begin:end]
        at_once = re.sub(r"^epmdctl: wait(s|ing) for .*\n", "", printed, flags=re.MULTILINE)
        is_as_shown = block.shown is None or as_pattern(block.shown, self.stand_ins, self.named_).fullmatch(f"{tidy(at_once)}\n")
        if not is_as_shown:
            raise AssertionError(f"{block.commands}\nprints\n\n{printed}\nand the how-to shows\n\n{block.shown}")
        return printed

    def read_(self) -> bytes:
        try:
            return os.read(self.terminal_, 65536)
        except OSError:  # the last who could write has ended
            return b""

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.kill()
        self.process.wait(10)
        os.close(self.terminal_)


class HomeCase(Case):
    """With a home of its own for each test; whatever was started with it is ended by its process id, also when a test fails."""

    def setUp(self) -> None:
        super().setUp()
        self.homes: list[Path] = []
        self.home, self.variables = self.new_home("home")

    def new_home(self, name: str) -> tuple[Path, dict[str, str]]:
        home = self.scratch(name)
        home.mkdir()
        self.addCleanup(end_all, home)
        self.homes.append(home)
        variables = {"HOME": str(home), "TMPDIR": str(SCRATCH), "LANG": "C.UTF-8", "TERM": "dumb"}
        return home, {"PATH": os.environ["PATH"], **variables}

    def tell_(self) -> None:
        super().tell_()
        for file in sorted(file for home in self.homes for file in home.rglob("*.log")):
            print(f"--- {file}\n{file.read_text(errors='replace')[-4000:]}", file=sys.stderr)


class HowToCase(HomeCase):
    """Follows the how-to of that name, with our programs on the PATH. There is no daemon: the how-to starts it."""

    name: str

    def setUp(self) -> None:
        super().setUp()
        self.sections = sections((FOLDER / f"{self.name}.md").read_text())
        self.programs = self.scratch("programs")
        self.programs.mkdir()
        for program in ("loopmd", "epmdctl"):
            (self.programs / program).symlink_to(Path(EPMD).with_name(program))
        sudo = self.programs / "sudo"  # we are root of this machine
        sudo.write_text('#!/bin/sh\nexec "$@"\n')
        sudo.chmod(0o755)
        self.readers: dict[str, Reader] = {}
        self.reader = self.add_reader("", self.home, self.variables)

    def add_reader(self, name: str, home: Path, variables: dict[str, str], **options) -> Reader:
        variables["PATH"] = f"{self.programs}:{variables['PATH']}"
        reader = self.readers[name] = Reader(home, variables, **options)
        self.addCleanup(reader.stop)
        return reader

    def tell_(self) -> None:
        super().tell_()
        for name, reader in self.readers.items():
            print(f"--- what the commands of {self.name} have said {name}\n{reader.said[-8000:]}", file=sys.stderr)

    def follow(self, heading: str) -> str:
        """Run all blocks of the section that comes next."""
        self.assertEqual(next(iter(self.sections), None), heading, "the how-to has other sections than this test follows")
        return "".join(self.run_block_(block) for block in self.sections.pop(heading))

    def run_block_(self, block: Block) -> str:
        (name,) = [word for word in block.words if word != "fails"] or [""]
        return self.readers[name].run(block)

    def check_all_is_done(self) -> None:
        """No section was left out, and what was started has ended but for the readers."""
        self.assertEqual(self.sections, {}, "sections of the how-to were left out")
        for reader in self.readers.values():
            eventually(lambda: processes_of(reader.home) == [reader.process.pid], "all has ended but the bash", END_SECONDS)
