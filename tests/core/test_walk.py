"""A run in words."""

from __future__ import annotations

from core.engine import Live, record
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


def test_what_was_overwritten_is_told_so() -> None:
    live = Live(lambda moment: live.go_on("never", {0: (5.0,)}))
    source = "import torch\nx = torch.tensor(2., requires_grad=True)\n(x * 3).backward()\n"
    trace = record(source, options=Options(verify=False), live=live)
    assert "MulBackward0: what arrived is overwritten by 5, 15, None goes on" in list(told(trace, "en"))
    assert "MulBackward0：到达的值被改写为 5，传出 15, None" in list(told(trace, "zh"))


def test_chinese_sentences_hold_no_english() -> None:
    trace = record("import torch\nx = torch.ones(2, 8, requires_grad=True)\n(x * 3).sum().backward()\n")
    lines = list(told(trace, "zh"))
    assert "MulBackward0：[1, 1, 1, 1, 1, 1, …] (2×8) 到达，传出 [3, 3, 3, 3, 3, 3, …] (2×8), None" in lines
