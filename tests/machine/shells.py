"""What bash, zsh and fish offer for a line that is typed, by the completions of this tree."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
import tty
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

ANSWER_SECONDS = 30.0  # zsh looks through its hundreds of functions first

# They are typed: all that is offered is put in the line's place, and the line is told of.
TAKE_ALL = "\x18a"
TELL = "\x18t"
CLEAR = "\x18k"


class Shell:
    """One that completes by the files in a folder, as they are installed. As a context manager it is ended."""

    program = ""
    package = ""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder.resolve()
        self.home_ = tempfile.TemporaryDirectory()
        self.home = Path(self.home_.name)
        basics = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "dumb"}
        self.environment = {**basics, **(environment or {}), "HOME": self.home_.name, "ZDOTDIR": self.home_.name}

    @classmethod
    def is_there(cls) -> bool:
        return shutil.which(cls.program) is not None

    def offered(self, line: str) -> set[str]:
        """All that may stand in the place of its last word, which is empty if the line ends with a blank."""
        raise NotImplementedError

    def shown(self) -> str:
        """All that stood on its terminal so far."""
        raise NotImplementedError

    def close(self) -> None:
        self.home_.cleanup()

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class TypedShell(Shell):
    """It reads from a terminal. What its line has become it tells by a pipe."""

    setup = ""
    file = ""
    flags: tuple[str, ...] = ()

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, environment)
        told = self.home / "told"
        os.mkfifo(told)
        self.told = os.open(told, os.O_RDWR)
        names = {"folder": shlex.quote(str(self.folder)), "told": shlex.quote(str(told))}
        (self.home / self.file).write_text(self.setup.format(**names))
        self.keyboard, terminal = pty.openpty()
        tty.setraw(terminal)
        flags = [flag.format(home=self.home) for flag in self.flags]
        self.process = subprocess.Popen(
            [self.program, *flags, "-i"], stdin=terminal, stdout=terminal, stderr=terminal, env=self.environment, start_new_session=True
        )
        os.close(terminal)
        self.screen_ = b""
        self.reader_ = threading.Thread(target=self.read_screen_, daemon=True)
        self.reader_.start()
        self.told_line_()  # it is ready

    def read_screen_(self) -> None:
        try:
            while part := os.read(self.keyboard, 65536):
                self.screen_ += part
        except OSError:
            pass

    def told_line_(self) -> str:
        deadline = time.monotonic() + ANSWER_SECONDS
        text = b""
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([self.told], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{self.program} does not say what its line is; it shows {self.screen_!r}"
            text += os.read(self.told, 65536)
        return text.decode().removesuffix("\n")

    def after(self, line: str, keys: str = "\t") -> str:
        """What the line is when these are struck at its end."""
        os.write(self.keyboard, (line + keys + TELL + CLEAR).encode())
        return self.told_line_()

    def offered(self, line: str) -> set[str]:
        result = self.after(line, TAKE_ALL)
        before = line[: len(line) - len(self.replaced(line))]
        assert result.startswith(before), f"{line!r} has become {result!r}"
        kept = re.search(r"\S*$", before)[0]
        return set() if result == line else {kept + one for one in shlex.split(result.removeprefix(before))}

    def shown(self) -> str:
        return self.screen_.decode(errors="replace")

    def replaced(self, line: str) -> str:
        """The part at its end in the place of which something is put."""
        return line.rpartition(" ")[2]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader_.join()
        os.close(self.keyboard)
        os.close(self.told)
        super().close()


class Bash(TypedShell):
    program = package = "bash"
    file = "rc"
    flags = ("--noprofile", "--rcfile", "{home}/rc")
    setup = r"""
        for file in {folder}/*; do
            case ${{file##*/}} in _* | *.*) ;; *) . "$file" ;; esac
        done
        bind 'set enable-bracketed-paste off'
        bind '"\C-xa": insert-completions'
        bind '"\C-xk": kill-whole-line'
        bind -x '"\C-xt": printf "%s\n" "$READLINE_LINE" >{told}'
        PROMPT_COMMAND='PROMPT_COMMAND=; echo >{told}'
    """

    def replaced(self, line: str) -> str:
        """A word begins anew after a colon and the like, and with an @."""
        return re.search("@?[^ @:=]*$", line)[0]


class BashWithPackage(Bash):
    """With bash-completion."""

    package = "bash-completion"
    file_of_package = Path("/usr/share/bash-completion/bash_completion")
    setup = f". {file_of_package}\n" + Bash.setup

    @classmethod
    def is_there(cls) -> bool:
        return cls.file_of_package.exists()

    def replaced(self, line: str) -> str:
        """It makes the @ a letter as any other."""
        return re.search("[^ :=]*$", line)[0]


class Zsh(TypedShell):
    program = package = "zsh"
    file = ".zshrc"
    flags = ("-d",)
    setup = r"""
        fpath=({folder} $fpath)
        autoload -Uz compinit && compinit -u -d $ZDOTDIR/dump
        zstyle ':completion:all:*' completer _all_matches _complete
        zstyle ':completion:all:*' insert true
        zstyle ':completion:all:*' old-matches false
        all() {{ _main_complete }}
        tell() {{ print -r -- "$BUFFER" >{told} }}
        zle -C all complete-word _generic
        zle -N tell
        bindkey '^Xa' all '^Xt' tell '^Xk' kill-buffer
        precmd() {{ unfunction precmd; print >{told} }}
    """

    def offered(self, line: str) -> set[str]:
        return {one.removesuffix("=") for one in super().offered(line)}


class Fish(Shell):
    """It looks for the completion of a command only where that is there, and is given them all."""

    program = package = "fish"
    script = """
        set --prepend fish_complete_path $argv[1]
        for file in $argv[1]/*.fish
            source $file
        end
        complete --do-complete="$argv[2]"
    """
    shown_ = ""

    def shown(self) -> str:
        """Its errors: the rest is what it answers."""
        return self.shown_

    def offered(self, line: str) -> set[str]:
        done = subprocess.run(
            ["fish", "-c", self.script, str(self.folder), line],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.environment, timeout=ANSWER_SECONDS,
        )  # fmt: skip
        self.shown_ += done.stderr
        return {one.partition("\t")[0] for one in done.stdout.splitlines()}
