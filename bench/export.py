"""What an animation of 200 steps costs, in time and peak memory; each in a process of its own, which has the trace."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.memory import resident_peak

OPERATIONS = 212
"""The pass over so many has about 200 steps."""
WAYS = {"folded": "", "every operation by itself": "99"}
"""How deep groups are open; '' as they start."""
KINDS = {"gif": "GIF", "webp": "WebP"}
TARGET = "≤ 20 s, ≤ 300 MB"


class Cost(NamedTuple):
    """Processor seconds and MB."""

    what: str
    seconds: float
    megabytes: float
    target: str


def measure() -> Iterator[Cost]:
    from bench.picture import program, trace_of
    from core.records import pack_trace

    trace = trace_of(program(OPERATIONS))
    steps = len(trace.passes[0].steps)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.pullback"
        path.write_bytes(pack_trace(trace))
        for way, depth in WAYS.items():
            for kind, name in KINDS.items():
                command = [sys.executable, "-m", "bench.export", str(path), kind, depth]
                found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                yield Cost(f"a pass of {steps} steps as {name}, {way}", float(found[0]), float(found[1]), TARGET)


def _main(place: str, kind: str, depth: str) -> None:
    from core.records import unpack_trace
    from gui.export.order import Order
    from gui.export.writing import export
    from gui.picture.groups import Folding

    path = Path(place)
    trace = unpack_trace(path.read_bytes())
    export(trace, path.with_suffix(".png"), Order(step=0))  # fonts and caches
    folding = Folding(depth=int(depth) if depth else None)
    before, start = resident_peak(), time.process_time()
    export(trace, path.with_suffix(f".{kind}"), Order(step="all", pass_=0, folding=folding))
    print(time.process_time() - start, resident_peak() - before)


if __name__ == "__main__":
    _main(*sys.argv[1:])
