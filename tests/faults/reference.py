"""Gradients that the window has no part in: a fresh process runs the program plainly, another records it anew.

One process imports torch once and forks a child for each question.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from core.records import Options, Trace, WhatIf

ROOT: Final = Path(__file__).resolve().parents[2]
Gradients = dict[str, str | None]
"""Name of a leaf → the bytes of its ``.grad`` in hexadecimal."""


def shown(trace: Trace) -> Gradients:
    """What a trace says."""
    return {leaf.name: None if leaf.grad is None else leaf.grad.raw.hex() for leaf in trace.leaves}


class Reference:
    """The process that is asked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.reference"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self._known: dict[str, dict[str, Any]] = {}

    def gradients(self, source: str, what_if: WhatIf) -> tuple[Gradients, Gradients | None]:
        """Of a recorded run, and of a plain one; None for that where a what-if changes what the program does."""
        question = json.dumps([source, msgspec.json.encode(what_if).decode()])
        if question not in self._known:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
            self._known[question] = json.loads(self._process.stdout.readline())
        answer = self._known[question]
        return answer["recorded"], answer["plain"]

    @property
    def asked(self) -> int:
        """How many different questions there were."""
        return len(self._known)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def _answer(source: str, what_if: WhatIf) -> dict[str, Any]:
    from core.engine import record

    recorded = shown(record(source, what_if, Options(verify=False)))
    if what_if:
        return {"recorded": recorded, "plain": None}
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, "<program>", "exec"), names)
    plain: Gradients = {}
    for name in recorded:
        grad = eval(name, names).grad
        plain[name] = None if grad is None else grad.contiguous().numpy().tobytes().hex()
    return {"recorded": recorded, "plain": plain}


def main() -> None:
    import core.engine  # noqa: F401  the children find it loaded

    for line in sys.stdin:
        read, write = os.pipe()
        if not (child := os.fork()):
            source, what_if = json.loads(line)
            with open(write, "w") as pipe:
                json.dump(_answer(source, msgspec.json.decode(what_if, type=WhatIf)), pipe)
            os._exit(0)
        os.close(write)
        with open(read) as pipe:
            print(pipe.read(), flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
