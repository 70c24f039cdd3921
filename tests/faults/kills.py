"""A process that saves without end, killed at a random moment: what is there afterwards is one of its versions, whole.

python -m tests.faults.kills [--count 200] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core import files

ROOT: Final = Path(__file__).resolve().parents[2]
LINES: Final = 20_000
SAVER: Final = f"""
import sys
from pathlib import Path
from core.files import write_program
version = int(sys.argv[2])
while True:
    version += 1
    write_program(Path(sys.argv[1]), f"x = {{version}}\\n" * {LINES})
    print(version, flush=True)
"""


@dataclass(frozen=True)
class Result:
    """Attributes:
    saves: how many were finished.
    during: how many processes were killed while they wrote, as their temporary file shows.
    mixed: how many files were no version.
    """

    saves: int
    during: int
    mixed: int


def killed(count: int, folder: Path, seed: int = 0) -> Result:
    """Kills so many processes that save the same file."""
    chance, path = random.Random(seed), folder / "program.py"
    saves = during = mixed = version = 0
    for _ in range(count):
        process = subprocess.Popen([sys.executable, "-c", SAVER, path, str(version)], cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        first = process.stdout.readline()  # it has begun
        time.sleep(chance.random() * 0.1)
        process.kill()
        last = int((first + process.stdout.read()).split()[-1])
        process.stdout.close()
        process.wait()
        lines = path.read_text().split("\n")
        whole = len(lines) == LINES + 1 and set(lines[:-1]) == {lines[0]} and lines[-1] == ""
        now = int(re.sub(r"\D", "", lines[0]) or 0)
        mixed += not (whole and now in (last, last + 1))
        saves, version = saves + now - version, now
        left = [entry for entry in folder.iterdir() if entry != path]
        during += bool(left)
        for entry in left:
            assert entry.name.startswith(".program.py.pullback-"), entry
            entry.unlink()
    files.write_program(path, "x = 0\n")
    return Result(saves, during, mixed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pullback-kills-") as folder:
        result = killed(given.count, Path(folder), given.seed)
    print(f"{given.count} processes killed, {result.during} of them while they wrote, after {result.saves:,} saves: "
          f"{result.mixed} files were no whole version")  # fmt: skip
    return int(result.mixed > 0)


if __name__ == "__main__":
    sys.exit(main())
