"""Holds SECURITY.md to the tests that it names: each promise in its table names at least one, and each that it names is there.

python3 promises.py ROOT        status 0: all is well; 1: each fault is named
python3 promises.py --self-test  shows that a test that is not there is found

A test in Python is named `module.Class.test` or `module.Class`, if all of a class is meant; one of ctest or of doctest by its sentence, in quotes.
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
from pathlib import Path

PYTHON = re.compile(r"`(test_\w+(?:\.\w+)+)`")
SENTENCE = re.compile(r'"([^"]+)"')
ROW = re.compile(r"^\|(?! ---)(.*)\|$", re.MULTILINE)
PROMISES = "## Promises\n"
HEADING = "the test that holds it"


def tests_in_python(root: Path) -> set[str]:
    """Each class with tests, and each of its tests; those that it inherits count by the class that has them."""
    found = set()
    for file in root.glob("tests/*/test_*.py"):
        for one in ast.parse(file.read_text()).body:
            if isinstance(one, ast.ClassDef):
                tests = {part.name for part in one.body if isinstance(part, ast.FunctionDef) and part.name.startswith("test_")}
                found |= {f"{file.stem}.{one.name}.{test}" for test in tests} | {f"{file.stem}.{one.name}" for _ in tests}
    return found


def sentences(root: Path) -> set[str]:
    texts = [file.read_text() for file in root.glob("tests/*/*_test.cpp")]
    found = {name for text in texts for name in re.findall(r'TEST_CASE\("([^"]+)"', text)}
    texts = [file.read_text() for file in root.glob("tests/*/CMakeLists.txt")]
    return found | {name for text in texts for name in re.findall(r'add_test\(NAME "([^"]+)"', text)}


def faults_in(root: Path) -> list[str]:
    text = (root / "SECURITY.md").read_text()
    faults = [f"there is no test {one}" for one in sorted(set(PYTHON.findall(text)) - tests_in_python(root))]
    rows = [[cell.strip() for cell in row.split("|")] for row in ROW.findall(text.partition(PROMISES)[2])]
    known = sentences(root)
    for row in rows:
        if row[-1] == HEADING:
            continue
        named = SENTENCE.findall(row[-1])
        faults += [f'there is no test "{one}"' for one in named if one not in known]
        if not named and not PYTHON.findall(row[-1]):
            faults.append(f"no test holds it: {row[0]}")
    return faults + ([] if len(rows) > 1 else ["it promises nothing"])


RIGHT = """## Promises

| promise | how | the test that holds it |
| --- | --- | --- |
| nobody | so | `test_a.Who.test_nobody`, `test_a.Who`, "a peer may stop", "the pages" |
"""
MISTAKES = {
    "test_nobody": ("test_somebody", "there is no test test_a.Who.test_somebody"),
    "`test_a.Who`": ("`test_a.Empty`", "there is no test test_a.Empty"),
    "a peer may": ("a pear may", 'there is no test "a pear may stop"'),
    "the pages": ("the rages", 'there is no test "the rages"'),
    '`test_a.Who.test_nobody`, `test_a.Who`, "a peer may stop", "the pages"': ("", "no test holds it: nobody"),
    RIGHT: ("", "it promises nothing"),
}


def self_test() -> int:
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {
            "tests/e2e/test_a.py": "class Who:\n    def test_nobody(self):\n        pass\nclass Empty:\n    pass\n",
            "tests/unit/a_test.cpp": 'TEST_CASE("a peer may stop") {}\n',
            "tests/e2e/CMakeLists.txt": 'add_test(NAME "the pages"\n  COMMAND true)\n',
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        for right, (wrong, expected) in {"": ("", None), **MISTAKES}.items():
            (root / "SECURITY.md").write_text(RIGHT.replace(right, wrong) if right else RIGHT)
            faults = faults_in(root)
            if faults != ([expected] if expected else []):
                complaints.append(f"{wrong!r} for {right!r} planted; found: {faults}")
    print("\n".join(complaints))
    return 1 if complaints else 0


def main(words: list[str]) -> int:
    if words == ["--self-test"]:
        return self_test()
    faults = faults_in(Path(words[0]))
    print("\n".join(f"SECURITY.md: {fault}" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
