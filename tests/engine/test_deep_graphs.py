"""Graphs deeper than the C stack: recorded, stepped, stopped and freed on the main thread of a plain process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = """
import gc, torch
from core.engine import BackwardPass, record_backward

x = torch.ones(2, requires_grad=True)
y = x
for _ in range(100_000):
    y = y * 1.0
root = y.sum()
"""
FREE = """
del y
del root
gc.collect()
print("freed")
"""


@pytest.mark.parametrize(
    "run",
    [
        "print(len(record_backward(root).steps))",
        "print(sum(1 for _ in BackwardPass(root)))",
        "steps = BackwardPass(root)\nfor _ in range(100_002 // 2):\n    next(steps)\nsteps.close()\ndel steps",
    ],
    ids=["recorded", "stepped", "stopped half-way"],
)
def test_a_deep_graph_is_freed(run: str) -> None:
    ran = subprocess.run([sys.executable, "-c", BUILD + run + FREE], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.split()[-1] == "freed"
    if "print" in run:
        assert ran.stdout.split()[0] == "100002"
