"""Holds the man pages, the completions of bash, zsh and fish and the installed configuration to what the programs say of
themselves: each flag, variable, verb and key is there, and nothing else.

python3 pages.py ROOT --loopmd PROGRAM [--epmdctl PROGRAM]  status 0: all is well; 1: each fault is named; 77: a shell is not
                                                            there, and all else is well (1 where CI is set)
python3 pages.py ROOT --loopmd PROGRAM --self-test          shows that what is missing or too much is found

What a page has is read in its source: a term is a line in bold with an indented line below it. Prose does not count. What a
completion has is what its shell offers.
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "machine"))
from shells import Bash, Fish, Shell, Zsh

FLAG = r"--?[a-z][\w-]*"
LONG_FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
BOLD = re.compile(r"\*([^*]+)\*")
UNKNOWN_KEY = "no_such_key"
SKIPPED = 77
COMPLETIONS: dict[type[Shell], str] = {Bash: "completions/{}", Zsh: "completions/_{}", Fish: "completions/{}.fish"}


# What the programs say.


def said_by(program: str, *arguments: str) -> str:
    """All that it prints, in an environment that sets nothing."""
    surroundings = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run([program, *arguments], capture_output=True, text=True, env=surroundings, timeout=60)
    return done.stdout + done.stderr


def flags_of_loopmd(program: str) -> set[str]:
    return set(re.findall(rf"^  ({FLAG})(?: .*)?$", said_by(program, "--help"), re.MULTILINE))


def variables_of_loopmd(program: str) -> set[str]:
    """They stand in the lines at the margin, below the flags."""
    at_the_margin = "\n".join(re.findall(r"^\S.*$", said_by(program, "--help"), re.MULTILINE))
    return set(re.findall(r"(?<!\$)\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", at_the_margin))


def keys_of_loopmd(program: str) -> set[str]:
    """The keys, and the sections as `[name]`: what it says of a key that it does not know."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(f"{UNKNOWN_KEY} = 1\n")
        file.flush()
        said = said_by(program, "--check-config", "--config", file.name)
    allowed = re.search(rf"{UNKNOWN_KEY} is not known; allowed are (.*), and the section (\[\w+\])", said)
    return set(allowed[1].split(", ")) | {allowed[2]} if allowed else set()


def verbs_of_epmdctl(program: str) -> set[str]:
    """The lines below one that begins with "Verbs", up to the next at the margin."""
    below = re.search(r"^Verbs.*\n((?:(?:  .*)?\n)*)", said_by(program, "--help"), re.MULTILINE)
    return set(re.findall(r"^  ([a-z-]+)(?: .*)?$", below[1], re.MULTILINE)) if below else set()


def flags_of_epmdctl(program: str) -> dict[str, set[str]]:
    """Those of each verb, and under "" those that stand before a verb."""
    verbs = ["", *sorted(verbs_of_epmdctl(program))]
    return {verb: set(LONG_FLAG.findall(said_by(program, *verb.split(), "--help"))) for verb in verbs}


# What is written of them.


def section_of(page: str, heading: str) -> str:
    found = re.search(rf"^# {heading}\n(.*?)(?=^# |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def terms_in(text: str) -> list[str]:
    """The lines that begin in bold, with their indentation, where the next line is indented deeper."""
    text = re.sub(r"^\t*```\n.*?^\t*```$", "", text, flags=re.MULTILINE | re.DOTALL).replace("\\", "")
    lines = text.split("\n")
    return [
        line
        for line, below in zip(lines, lines[1:])
        if line.lstrip("\t").startswith("*") and depth_of(below) > depth_of(line)
    ]


def depth_of(line: str) -> int:
    return len(line) - len(line.lstrip("\t"))


def words_in_bold(lines: list[str], pattern: str) -> set[str]:
    """Bold words of these lines that match; "*get* *--all*" and "*get --all*" are the same."""
    words = [word for line in lines for bold in BOLD.findall(line) for word in bold.split()]
    return {word for word in words if re.fullmatch(pattern, word)}


def first_words(lines: list[str]) -> set[str]:
    """Of those at the margin."""
    return {bold[1].split()[0] for line in lines if (bold := BOLD.match(line))}


def keys_in_configuration(text: str) -> set[str]:
    """Those that are set, those that stand there as comments, and the sections."""
    head = re.split(r"^\[", text, maxsplit=1, flags=re.MULTILINE)[0]
    return set(re.findall(r"^#?(\w+) = ", head, re.MULTILINE)) | set(re.findall(r"^\[\w+\]$", text, re.MULTILINE))


@functools.cache
def offers(shell: type[Shell], name: str, completion: str, lines: tuple[str, ...]) -> list[set[str]]:
    """What the shell offers for each line, where it has this completion and no other of ours."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(completion)
        with shell(Path(folder)) as typed:
            return [typed.offered(line) for line in lines]


def cases_in(completion: str) -> set[str]:
    """The flags that have a case of their own, `--probe)` or `-port | -address)`."""
    cases = re.findall(rf"^\s*({FLAG}(?:\s*\|\s*{FLAG})*)\)", completion, re.MULTILINE)
    return {flag.strip() for case in cases for flag in case.split("|")}


# The one beside the other.


def differences(where: str, kind: str, there: set[str], said: set[str]) -> list[str]:
    if not said:
        return [f"{where}: the program names no {kind} at all"]
    faults = [f"{where}: the {kind} {one} is missing" for one in sorted(said - there)]
    return faults + [f"{where}: there is no {kind} {one}" for one in sorted(there - said)]


def completions_that_can_be_tried(root: Path, program: str) -> Iterator[tuple[type[Shell], str, str]]:
    """The shell, where its completion is, and the text of that."""
    for shell, name in COMPLETIONS.items():
        file = root / name.format(program)
        if shell.is_there():
            yield shell, name.format(program), file.read_text() if file.exists() else ""


def cases_without_flag(where: str, completion: str, flags: set[str]) -> list[str]:
    return [f"{where}: there is no flag {one}, and it has a case" for one in sorted(cases_in(completion) - flags)]


def faults_of_loopmd(root: Path, program: str) -> list[str]:
    flags = flags_of_loopmd(program)
    keys = keys_of_loopmd(program)

    page = (root / "docs/man/loopmd.8.scd").read_text()
    where = "docs/man/loopmd.8.scd"
    options = words_in_bold(terms_in(section_of(page, "OPTIONS")), FLAG)
    synopsis = words_in_bold([section_of(page, "SYNOPSIS")], FLAG)
    variables = words_in_bold(terms_in(section_of(page, "ENVIRONMENT")), r"\w+")
    faults = differences(f"{where}, OPTIONS", "flag", options, flags)
    faults += differences(f"{where}, SYNOPSIS", "flag", synopsis, flags)
    faults += differences(f"{where}, ENVIRONMENT", "variable", variables, variables_of_loopmd(program))

    page = (root / "docs/man/loopmd.conf.5.scd").read_text()
    where = "docs/man/loopmd.conf.5.scd"
    description = section_of(page, "DESCRIPTION")
    page_keys = first_words(terms_in(description)) | words_in_bold([description], r"\[\w+\]")
    faults += differences(where, "key", page_keys, keys)
    installed = keys_in_configuration((root / "conf/loopmd.conf").read_text())
    faults += differences("conf/loopmd.conf", "key", installed, keys)

    for shell, where, text in completions_that_can_be_tried(root, "loopmd"):
        (offered,) = offers(shell, Path(where).name, text, ("loopmd -",))
        faults += differences(where, "flag", offered, flags)
        faults += cases_without_flag(where, text, flags) if shell is Bash else []
    return faults


def faults_of_epmdctl(root: Path, program: str) -> list[str]:
    verbs = verbs_of_epmdctl(program)
    flags = flags_of_epmdctl(program)

    page = (root / "docs/man/epmdctl.1.scd").read_text()
    where = "docs/man/epmdctl.1.scd"
    faults = differences(f"{where}, VERBS", "verb", first_words(terms_in(section_of(page, "VERBS"))), verbs)
    all_flags = set().union(*flags.values())
    faults += differences(where, "flag", words_in_bold(terms_in(page), LONG_FLAG.pattern), all_flags)

    lines = ("epmdctl ", *(" ".join(["epmdctl", *verb.split(), "-"]) for verb in flags))
    for shell, where, text in completions_that_can_be_tried(root, "epmdctl"):
        words, *after = offers(shell, Path(where).name, text, lines)
        faults += differences(where, "verb", {word for word in words if not word.startswith("-")}, verbs)
        for verb, offered in zip(flags, after):
            faults += differences(f"{where}, {verb}".removesuffix(", "), "flag", offered, flags[verb])
        faults += cases_without_flag(where, text, all_flags) if shell is Bash else []
    return faults


def faults_in(root: Path, loopmd: str, epmdctl: str | None) -> list[str]:
    return faults_of_loopmd(root, loopmd) + (faults_of_epmdctl(root, epmdctl) if epmdctl else [])


# Whether it can fail.

# A file, what is changed in it (a pattern that is found, and what stands there then), and parts of the faults of it.
Mistake = tuple[str, str, str, list[str]]

MISTAKES_OF_LOOPMD: list[Mistake] = [
    (
        "docs/man/loopmd.8.scd",
        r"(?m)^\*--host\* .*$",
        "*--guest* _name_",
        ["OPTIONS: the flag --host is", "OPTIONS: there is no flag --guest"],
    ),
    ("docs/man/loopmd.8.scd", r"(?m)^\*-d\*, ", "", ["OPTIONS: the flag -d is"]),
    ("docs/man/loopmd.8.scd", r"(?m)^\*-d\*, ", "*-d*, *-e*, ", ["OPTIONS: there is no flag -e"]),
    (
        "docs/man/loopmd.8.scd",
        r"\*-kill\* \|",
        "*-halt* |",
        ["SYNOPSIS: the flag -kill is", "SYNOPSIS: there is no flag -halt"],
    ),
    (
        "docs/man/loopmd.8.scd",
        r"(?m)^\*ERL_EPMD_PORT\*",
        "*ERL_EPMD_PART*",
        ["variable ERL_EPMD_PORT is", "no variable ERL_EPMD_PART"],
    ),
    ("docs/man/loopmd.conf.5.scd", r"(?m)^\*probe\*", "*prone*", ["key probe is", "no key prone"]),
    ("docs/man/loopmd.conf.5.scd", r"\[host\]", "[guest]", ["key [host] is", "no key [guest]"]),
    ("conf/loopmd.conf", r"(?m)^#probe = ", "#prone = ", ["key probe is", "no key prone"]),
    ("completions/loopmd", r"--exit-idle (.*)'", r"--exit-busy \1'", ["flag --exit-idle is", "no flag --exit-busy"]),
    ("completions/loopmd", r"--config\)", "--confit)", ["no flag --confit, and it has a case"]),
    ("completions/_loopmd", r"'-dump\[", "'-dunk[", ["flag -dump is", "no flag -dunk"]),
    ("completions/loopmd.fish", r"-o dump ", "-o dunk ", ["flag -dump is", "no flag -dunk"]),
    ("completions/loopmd.fish", r"-l probe ", "-l prone ", ["flag --probe is", "no flag --prone"]),
]

MISTAKES_OF_EPMDCTL: list[Mistake] = [
    ("docs/man/epmdctl.1.scd", r"(?m)^\*drop\*", "*drip*", ["VERBS: the verb drop is", "VERBS: there is no verb drip"]),
    ("docs/man/epmdctl.1.scd", r"(?m)^\*--port\*", "*--part*", ["flag --port is", "no flag --part"]),
    ("docs/man/epmdctl.1.scd", r"(?m)^\t\*--all\*", "\t*--each*", ["flag --all is", "no flag --each"]),
    *(
        mistake
        for file in ("completions/epmdctl", "completions/_epmdctl", "completions/epmdctl.fish")
        for mistake in (
            (file, r"list drop", "list drip", [": the verb drop is", ": there is no verb drip"]),
            (file, r"(-l |--)all\b", r"\1each", [", list: the flag --all is", ", list: there is no flag --each"]),
            (file, r"(-l |--)port\b", r"\1part", [": the flag --port is", ": there is no flag --part"]),
        )
    ),
]

# As epmdctl is to be, in little: its page, its completions, and a program that says its help.
LITTLE_EPMDCTL = {
    "docs/man/epmdctl.1.scd": """epmdctl(1)

# SYNOPSIS

*epmdctl* [*--port* _port_] _verb_

# VERBS

*list*
	Says what --none of it is a flag.

	*--all*
		Says all.

*drop* _name_
	Drops, as *--nothing* does:

	```
	*--neither*
		is a flag.
	```

# OPTIONS

*--port* _port_
	The port.

*--help*
	Prints the help.
""",
    "completions/epmdctl": """_epmdctl() {
  case ${COMP_WORDS[1]} in
    list) COMPREPLY=($(compgen -W '--all --help' -- "$2")) ;;
    drop) COMPREPLY=($(compgen -W '--help' -- "$2")) ;;
    *) COMPREPLY=($(compgen -W 'list drop --port --help' -- "$2")) ;;
  esac
}
complete -F _epmdctl epmdctl
""",
    "completions/_epmdctl": """#compdef epmdctl
case $words[2] in
  list) compadd -- --all --help ;;
  drop) compadd -- --help ;;
  *) compadd -- list drop --port --help ;;
esac
""",
    "completions/epmdctl.fish": """complete -c epmdctl -f
complete -c epmdctl -l help
complete -c epmdctl -n __fish_use_subcommand -a 'list drop'
complete -c epmdctl -n __fish_use_subcommand -l port
complete -c epmdctl -n '__fish_seen_subcommand_from list' -l all
""",
    "epmdctl": """#!/bin/sh
case $1 in
  list) echo 'usage: epmdctl list [--all] [--help]' ;;
  drop) echo 'usage: epmdctl drop [--help] NAME' ;;
  *) cat <<help
usage: epmdctl [--port PORT] VERB

Verbs:
  list       says
  drop NAME  drops

Flags:
  --help  this
help
  ;;
esac
""",
}


def is_found(mistake: Mistake, faults: list[str]) -> bool:
    file, _, _, expected = mistake
    return len(faults) == len(expected) and all(
        any(fault.startswith(file) and part in fault for fault in faults) for part in expected
    )


def self_test(root: Path, loopmd: str) -> int:
    """Plants one mistake after the other in copies. Those that only a shell would find that is not there are left out."""
    complaints = []
    untried = {name.format(of) for shell, name in COMPLETIONS.items() for of in ("loopmd", "epmdctl") if not shell.is_there()}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("docs/man", "completions", "conf"):
            shutil.copytree(root / name, copy / name)
        for name, text in LITTLE_EPMDCTL.items():
            (copy / name).write_text(text)
        epmdctl = str(copy / "epmdctl")
        Path(epmdctl).chmod(0o755)

        complaints += [f"nothing was planted, and found is: {fault}" for fault in faults_of_epmdctl(copy, epmdctl)]
        for mistakes, faults_of, program in (
            (MISTAKES_OF_LOOPMD, faults_of_loopmd, loopmd),
            (MISTAKES_OF_EPMDCTL, faults_of_epmdctl, epmdctl),
        ):
            before = faults_of(copy, program)  # of the tree: they are the other test's business
            for mistake in mistakes:
                name, pattern, instead, _ = mistake
                if name in untried:
                    continue
                right = (copy / name).read_text()
                wrong, changes = re.subn(pattern, instead, right)
                (copy / name).write_text(wrong)
                faults = [fault for fault in faults_of(copy, program) if fault not in before]
                (copy / name).write_text(right)
                if not changes:
                    complaints.append(f"{name} has no {pattern}: nothing could be planted")
                elif not is_found(mistake, faults):
                    complaints.append(f"{name}, {instead!r} for {pattern!r} planted; found: {faults}")
    return end(complaints)


def end(faults: list[str]) -> int:
    """Names them. The status to leave with."""
    print("\n".join(faults))
    absent = [shell.program for shell in COMPLETIONS if not shell.is_there()]
    for program in absent:
        print(f"skipped: {program} is not there; scripts/setup test installs it", file=sys.stderr)
    return 1 if faults or (absent and os.environ.get("CI")) else SKIPPED if absent else 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--loopmd", required=True)
    parser.add_argument("--epmdctl")
    parser.add_argument("--self-test", action="store_true")
    given = parser.parse_args()
    if given.self_test:
        return self_test(given.root, given.loopmd)
    return end(faults_in(given.root, given.loopmd, given.epmdctl))


if __name__ == "__main__":
    sys.exit(main())
