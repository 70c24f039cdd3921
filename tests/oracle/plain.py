"""Programs as plain Python runs them: for each file, what ``python FILE`` prints and how it ends.

One process imports torch once and forks a child for each file; a child is a fresh ``python FILE`` but for that import.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import traceback
import types
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from core.engine.threads import DEEP_STACK, join_thread, start_thread


class Outcome(NamedTuple):
    """What a plain run left."""

    stdout: str
    stderr: str
    status: int


def run_plainly(paths: Sequence[Path]) -> list[Outcome]:
    """What each file does when it is run by ``python FILE``."""
    here = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.oracle.plain", *map(str, paths)]
    environment = {**os.environ, "PYTHONPATH": str(here), "PYTHONIOENCODING": "utf-8"}
    subprocess.run(command, cwd=here, env=environment, check=True, timeout=240)
    return [
        Outcome(
            path.with_suffix(".out").read_text("utf-8"),
            path.with_suffix(".err").read_text("utf-8"),
            int(path.with_suffix(".status").read_text()),
        )
        for path in paths
    ]


def run_in_process(source: str) -> types.ModuleType:
    """Runs a program in this process, without the recorder; returns its ``__main__``.

    What it raises is raised, with the module as its attribute ``module``.
    """
    module = types.ModuleType("__main__")
    raised: list[BaseException] = []

    def target() -> None:
        try:
            exec(compile(source, "<program>", "exec", dont_inherit=True), module.__dict__)
        except BaseException as error:
            raised.append(error)

    saved, sys.modules["__main__"] = sys.modules["__main__"], module
    try:
        join_thread(start_thread(target, "plain", stack=DEEP_STACK))
    finally:
        sys.modules["__main__"] = saved
    if raised:
        raised[0].module = module  # type: ignore[attr-defined]
        raise raised[0]
    return module


def _run_child(path: Path) -> int:
    for number, suffix in ((1, ".out"), (2, ".err")):
        file = os.open(path.with_suffix(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    sys.argv = [str(path)]
    sys.path[0] = str(path.parent)
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _main() -> None:
    for path in map(Path, sys.argv[1:]):
        if child := os.fork():
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            path.with_suffix(".status").write_text(str(status))
            continue
        status = _run_child(path)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    torch.optim.SGD([torch.zeros(1)])  # imports what the children would each import again
    _main()
