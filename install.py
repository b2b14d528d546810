"""``pip install`` with these arguments, which says how far it is: ``python install.py -r FILE``.

It needs Python alone, because nothing is installed yet. On a terminal one line counts. Elsewhere a
line comes for each quarter. After a failure pip's own last lines follow.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import deque
from pathlib import Path

PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off")
# From a registry, already there, a file in a folder of files, or not for this machine.
FOUND = re.compile(
    r"\s*(?:(?:Collecting|Requirement already satisfied:|Ignoring) ([\w.-]+)"
    r"|Processing \S*?([\w.]+)-\d[^/\s]*(?: |$))"
)
PINNED = re.compile(r"([\w.-]+)==", re.ASCII)
# Lines of pip that are printed after a failure.
KEPT = 40
# Characters of the line on a terminal.
WIDTH = 78


class Progress:
    """Counts the packages that pip has found, of about ``total``."""

    def __init__(self, total: int, *, terminal: bool) -> None:
        self._total = max(total, 1)
        self._terminal = terminal
        self._names: set[str] = set()
        self._quarters = 0

    def read(self, line: str) -> None:
        """Take one line of pip's."""
        if found := FOUND.match(line):
            name = found[1] or found[2]
            self._names.add(re.sub(r"[-_.]+", "-", name).lower())
            self._count(name)
        elif line.startswith("Installing collected packages"):
            self._say("writing them to the disk, which takes about a minute")

    def end(self) -> None:
        if self._terminal:
            sys.stdout.write("\n")

    def _count(self, name: str) -> None:
        number = min(len(self._names), self._total)
        quarters = 4 * number // self._total
        if self._terminal or quarters > self._quarters:
            self._quarters = quarters
            self._say(f"{number} of about {self._total} packages ({name})")

    def _say(self, text: str) -> None:
        line = f"  install: {text}"[:WIDTH]
        sys.stdout.write(f"\r{line:<{WIDTH}}" if self._terminal else f"{line}\n")
        sys.stdout.flush()


def pinned(arguments: list[str]) -> int:
    """The number of packages in the requirements files among pip's arguments."""
    files = (arguments[at + 1] for at, each in enumerate(arguments[:-1]) if each == "-r")
    names = {
        match[1].lower()
        for file in files
        for line in Path(file).read_text().splitlines()
        if (match := PINNED.match(line))
    }
    return len(names)


def main(arguments: list[str]) -> int:
    """Install. Returns pip's exit status."""
    progress = Progress(pinned(arguments), terminal=sys.stdout.isatty())
    last = deque[str](maxlen=KEPT)
    command = [sys.executable, *PIP, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        assert pip.stdout is not None  # noqa: S101 - as asked above
        for line in pip.stdout:
            last.append(line)
            progress.read(line)
    progress.end()
    if pip.returncode:
        sys.stderr.write("".join(last))
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
