"""A run in words."""

from __future__ import annotations

from core.engine import record
from core.records import Options
from core.walk import told

LAYER = """import torch
torch.manual_seed(0)
layer = torch.nn.Linear(2, 1)
layer(torch.ones(2)).backward()
with torch.no_grad():
    layer.bias.zero_()
"""


def test_memory_that_is_filled_is_not_told_as_a_value() -> None:
    lines = list(told(record(LAYER, options=Options(verify=False)), "en"))
    changes = [line for line in lines if " is filled with " in line or " was " in line]
    assert changes
    assert not any("weight was" in line and ".grad" not in line for line in changes)
    # What the program changes later was meant, and is told.
    assert any(line.startswith("line 6: ") and " was " in line for line in changes)
