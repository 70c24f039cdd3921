"""Peak memory of a run above what the process held before it; each measurement is a process of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

MB = 1 << 20


def peak(name: str, way: str, repeats: int = 3) -> float:
    """Median peak of a program run in one of the ways below, in MB."""
    command = [sys.executable, "-m", "bench.memory", name, way]
    runs = (subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(repeats))
    return statistics.median(float(run.stdout) for run in runs)


def resident_peak() -> float:
    """Most memory this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's peak too, from before exec
        return next(int(line.split()[1]) / 1024 for line in status.open() if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB


def _main(name: str, way: str) -> None:
    import torch

    from bench import workload
    from core.engine import record, record_backward
    from core.records import WHOLE_LIMIT, Options

    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: workload.run(name),
        "program recorded": lambda: record(workload.source(name), options=Options(verify=False)),
        "backward within limit": lambda: workload.run(
            name, ending="kept = watch(forward())", watch=partial(record_backward, limit=WHOLE_LIMIT)
        ),
        "backward recorded": lambda: workload.run(name, ending="kept = watch(forward())", watch=record_backward),
    }
    torch.set_num_threads(1)
    torch.ones(64, 64, requires_grad=True).square().sum().backward()  # the engine's own threads and buffers
    torch.empty_like(torch.ones(2), device="meta")  # what torch imports the first time
    before = resident_peak()
    kept = ways[way]()
    print(resident_peak() - before)
    del kept


if __name__ == "__main__":
    _main(*sys.argv[1:])
