"""Holds the built programs to what cmake/hardening.cmake asks for, by what readelf(1) says of them.

python3 hardening.py PROGRAM...          status 0: all is well; 1: each fault is named
python3 hardening.py --self-test [CXX]   builds programs that lack one thing each, and shows that each is found
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

IS_X86 = platform.machine() == "x86_64"
ENDBR64 = bytes.fromhex("f30f1efa")


def readelf(what: str, file: Path | str) -> str:
    return subprocess.run(["readelf", "--wide", what, file], capture_output=True, text=True, check=True).stdout


def c_library_has_cet() -> bool:
    """Whether what every program begins with is marked: one that is not takes the mark from the whole program (Debian 12)."""
    start = subprocess.run(["c++", "-print-file-name=Scrt1.o"], capture_output=True, text=True).stdout.strip()
    return Path(start).is_file() and "IBT" in readelf("--notes", start)


def main_has_endbr64(file: Path) -> bool:
    """Whether main begins with the instruction to which a bent jump may lead. It is found by the code at the entry, which
    gives its address to the C library: `lea main(%rip), %rdi`, or `mov` from a cell that the linker fills in."""
    data = file.read_bytes()
    entry = int(re.search(r"Entry point address:\s+0x([0-9a-f]+)", readelf("--file-header", file))[1], 16)
    segments = [[int(one, 16) for one in found] for found in re.findall(r"LOAD\s+0x(\w+) 0x(\w+) 0x\w+ 0x(\w+)", readelf("--segments", file))]

    def bytes_at(address: int, count: int) -> bytes:
        for offset, begin, size in segments:
            if begin <= address < begin + size:
                return data[offset + address - begin :][:count]
        return b""

    code = bytes_at(entry, 64)
    found = re.search(rb"\x48([\x8d\x8b])\x3d(....)", code, re.DOTALL)
    if not found:
        return False
    target = entry + found.end() + int.from_bytes(found[2], "little", signed=True)
    if found[1] == b"\x8b":
        cell = re.search(rf"^0*{target:x}\s.*R_X86_64_RELATIVE\s+([0-9a-f]+)", readelf("--relocs", file), re.MULTILINE)
        target = int(cell[1], 16) if cell else int.from_bytes(bytes_at(target, 8), "little")
    return bytes_at(target, 4) == ENDBR64


def faults_of(file: Path) -> list[str]:
    header, segments, dynamic = readelf("--file-header", file), readelf("--segments", file), readelf("--dynamic", file)
    symbols = readelf("--dyn-syms", file)
    stack = re.search(r"GNU_STACK.* ([RWE]+ ?[RWE]*) +0x", segments)
    wanted = {
        "it is no position-independent executable": re.search(r"Type:\s+DYN", header) and re.search(r"FLAGS_1.*\bPIE\b", dynamic),
        "no part of it is read-only once it is linked (relro)": "GNU_RELRO" in segments,
        "it is linked while it runs (no BIND_NOW)": re.search(r"BIND_NOW|FLAGS_1.*\bNOW\b", dynamic),
        "its stack may be code": stack and "E" not in stack[1],
        "its code is changed when it is loaded (TEXTREL)": "TEXTREL" not in dynamic,
        "it looks for libraries in folders of its own (RPATH)": not re.search(r"\((RPATH|RUNPATH)\)", dynamic),
        "no stack is protected": "__stack_chk_fail" in symbols,
        "no call of the C library is checked (_FORTIFY_SOURCE)": re.search(r"__(?!stack)\w+_chk\b", symbols),
    }
    if IS_X86:
        wanted["main does not begin with endbr64 (-fcf-protection)"] = main_has_endbr64(file)
        if c_library_has_cet():
            wanted["it has no mark for IBT and SHSTK"] = re.search(r"x86 feature:.*IBT.*SHSTK", readelf("--notes", file))
    return [f"{file}: {fault}" for fault, is_well in wanted.items() if not is_well]


PROGRAM = """
#include <cstdio>
#include <cstring>
int main(int count, char** words) {
    char text[64];
    std::strcpy(text, words[count - 1]);
    return std::printf("%s", text) < 0;
}
"""
FLAGS = ["-O2", "-fPIE", "-pie", "-Wl,-z,relro,-z,now,-z,noexecstack", "-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]
CET = ["-fcf-protection"] if IS_X86 else []

# What is added to these flags, and what the fault is called then. No compiler here makes text relocations in 64 bits.
MISTAKES = {
    "position-independent": ["-no-pie", "-fno-pie"],
    "(relro)": ["-Wl,-z,norelro"],
    "BIND_NOW": ["-Wl,-z,lazy"],
    "stack may be code": ["-Wl,-z,execstack"],
    "RPATH": ["-Wl,-rpath,/tmp"],
    "no stack is protected": ["-fno-stack-protector"],
    "_FORTIFY_SOURCE": ["-U_FORTIFY_SOURCE"],
    **({"endbr64": ["-fcf-protection=none"]} if IS_X86 else {}),
}


def self_test(compiler: str) -> int:
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / "program.cpp", Path(folder) / "program"
        source.write_text(PROGRAM)
        for expected, flags in {"": [], **MISTAKES}.items():
            subprocess.run([compiler, *FLAGS, *CET, *flags, "-o", built, source], check=True)
            faults = faults_of(built)
            others = [one for one in faults if not expected or expected not in one]
            if expected in ("position-independent", "endbr64"):  # main is not found then, or takes the mark with it
                others = [one for one in others if "endbr64" not in one and "IBT" not in one]
            if others or (expected and not any(expected in one for one in faults)):
                complaints.append(f"built with {flags}; found: {faults}")
    print("\n".join(complaints))
    return 1 if complaints else 0


def main(words: list[str]) -> int:
    if words[:1] == ["--self-test"]:
        return self_test(*words[1:] or ["c++"])
    faults = [fault for word in words for fault in faults_of(Path(word))]
    print("\n".join(faults) or f"hardened: {' '.join(words)}")
    return 1 if faults or not words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
