"""The ledger, read again by Python's own csv and json, its numbers compared with torch's."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import pytest
import torch

from core.engine import Live, record
from core.ledger import CELL, HEADER, ledger_csv, ledger_json
from core.records import Options, TensorSnapshot, Trace

QUIET = Options(verify=False)

PROGRAM = """import torch
class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x*2
    @staticmethod
    def backward(ctx, g): return g*2
a = torch.tensor([2., 0.1], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
x, y = Twice.apply(-a**3 - b**2).unbind()
x.backward(retain_graph=True)
g, = torch.autograd.grad(y, a, create_graph=True)
(g*g).sum().backward()
c = torch.tensor([1+2j], requires_grad=True)
(c*c).abs().sum().backward()
d = torch.tensor([float("nan"), -float("inf"), -0.0], requires_grad=True)
(d*d).sum().backward()
big = torch.arange(5000., requires_grad=True)
(big*big).sum().backward()
"""


def cells(blob: bytes) -> list[dict[str, str]]:
    """The rows, as any program reads them that keeps to RFC 4180."""
    rows = list(csv.reader(io.StringIO(blob.decode("utf-8-sig"), newline=""), strict=True))
    assert {len(row) for row in rows} == {len(HEADER)}
    assert tuple(rows[0]) == HEADER
    return [dict(zip(HEADER, row, strict=True)) for row in rows[1:]]


def typed(blob: bytes) -> list[dict[str, Any]]:
    """The rows of the JSON, which holds no number that is none."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    ledger = json.loads(blob, parse_constant=refuse)
    assert ledger["format"] == "pullback-ledger/1"
    rows: list[dict[str, Any]] = ledger["rows"]
    return rows


def exactly(number: Any) -> Any:
    """Told apart from everything that is not the same number, bit for bit; NaN from all but NaN."""
    if isinstance(number, list):
        return [exactly(part) for part in number]
    return "nan" if math.isnan(float(number)) else float(number).hex()


def data(tensor: TensorSnapshot | torch.Tensor | None) -> Any:
    """Numbers of a tensor as a cell has them: a complex one as two."""
    if tensor is None:
        return None
    flat = tensor.data if isinstance(tensor, TensorSnapshot) else tensor.flatten().tolist()
    assert flat is not None
    return exactly([[z.real, z.imag] if isinstance(z, complex) else z for z in flat])


@pytest.fixture(scope="module")
def trace() -> Trace:
    return record(PROGRAM, options=QUIET)


def test_there_is_a_row_for_every_gradient_and_its_numbers_are_those_recorded(trace: Trace) -> None:
    in_csv, in_json = cells(ledger_csv(trace)), typed(ledger_json(trace))
    assert len(in_csv) == len(in_json)
    emitted = 0
    for text, row in zip(in_csv, in_json, strict=True):
        step = trace.passes[row["pass"]].steps[row["step"]]
        node = trace.passes[row["pass"]].nodes[step.node]
        assert (row["node"], row["sequence_nr"]) == (node.name, node.sequence_nr)
        assert (text["pass"], text["step"], text["node"]) == (str(row["pass"]), str(row["step"]), row["node"])
        event = trace.events[row["event"] - 1]
        assert (event.pass_, event.step) == (row["pass"], row["step"])
        if row["kind"] == "vjp":
            emitted += 1
            value = step.grad_inputs[row["slot"]]
            assert text["slot"] == str(row["slot"])
            assert (text["value"] == "None") is (row["value"] is None) is (value is None)
            if value is not None and value.data is not None:
                assert exactly(json.loads(text["value"])) == exactly(row["value"]["data"]) == data(value)
                assert json.loads(text["value_shape"]) == list(value.shape)
                assert text["value_dtype"] == value.dtype
    assert emitted == sum(len(step.grad_inputs) for backward in trace.passes for step in backward.steps)


def test_what_leaves_end_with_is_what_torch_leaves_in_them(trace: Trace) -> None:
    names: dict[str, Any] = {}
    exec(compile(PROGRAM, "program", "exec"), names)
    after = {row["leaf"]: row for row in cells(ledger_csv(trace)) if row["kind"] == "accumulate"}
    assert set(after) == {"a", "b", "c", "d", "big"}
    for name in ("a", "b", "c", "d"):
        assert exactly(json.loads(after[name]["after"])) == data(names[name].grad)
    assert after["b"]["before"] == "None"
    assert json.loads(after["a"]["before"])
    big = after["big"]
    assert big["after"] == big["arrives"] == "elided"
    assert [float(big[f"after_{measure}"]) for measure in ("min", "max", "mean", "nan", "inf")] == [0, 9998, 4999, 0, 0]


def test_rows_say_where_a_gradient_comes_from_and_goes(trace: Trace) -> None:
    rows = cells(ledger_csv(trace))
    into = next(row for row in rows if row["leaf"] == "b" and row["kind"] == "vjp")
    assert (into["operation"], into["line"], into["to"]) == ("b**2", "9", "AccumulateGrad")
    custom = next(row for row in rows if row["node"] == "TwiceBackward")
    assert (custom["op_name"], custom["to"], custom["to_slot"]) == ("Twice.apply", "SubBackward0", "0")
    born = [row for row in rows if row["born_pass"]]
    assert {row["pass"] for row in born} == {"2"}
    assert {row["born_pass"] for row in born} == {"1"}
    several = next(row for row in rows if row["node"] == "UnbindBackward0")
    assert (several["arrives"], several["arrives_shape"]) == ("[1.0]; None", "[]; ")
    assert {row["call"] for row in rows if row["pass"] == "1"} == {"grad"}
    unused = [row for row in rows if row["kind"] == "vjp" and not row["to"]]
    assert unused
    assert {row["value"] for row in unused} == {"None"}


def test_one_pass_alone(trace: Trace) -> None:
    whole = typed(ledger_json(trace))
    assert typed(ledger_json(trace, 2)) == [row for row in whole if row["pass"] == 2]
    assert {row["pass"] for row in cells(ledger_csv(trace, 2))} == {"2"}
    with pytest.raises(ValueError, match="no pass 9; the program made 6"):
        ledger_csv(trace, 9)


def test_the_same_run_gives_the_same_bytes(trace: Trace) -> None:
    again = record(PROGRAM, options=QUIET)
    assert (ledger_csv(again), ledger_json(again)) == (ledger_csv(trace), ledger_json(trace))


def test_no_text_is_a_formula_and_each_comes_back(trace: Trace) -> None:
    rows, whole = cells(ledger_csv(trace)), typed(ledger_json(trace))
    assert any(row["operation"] == "-a**3" for row in whole if "operation" in row)
    for text, row in zip(rows, whole, strict=True):
        for column in ("operation", "node", "to", "leaf", "op_name", "module", "error"):
            assert not text[column].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
            assert text[column].removeprefix("'") == row.get(column, "")
    assert any(row["value_min"].startswith("-") and float(row["value_min"]) for row in rows)


def test_a_failed_pass_has_what_happened_until_then() -> None:
    failed = record(
        "import torch\na = torch.ones(2, requires_grad=True)\ne = a.exp()\nf = e*3\ne.mul_(2)\nf.sum().backward()\n",
        options=QUIET,
    )
    rows = cells(ledger_csv(failed))
    assert [row["kind"] for row in rows[-2:]] == ["vjp", "error"]
    assert rows[-1]["error"].startswith("RuntimeError: one of the variables needed")
    assert (rows[-1]["node"], rows[-1]["line"]) == ("ExpBackward0", "3")
    error = typed(ledger_json(failed))[-1]["error"]
    assert (error["type"], error["line"]) == ("RuntimeError", 6)
    refused = record("import torch\na = torch.ones(2, requires_grad=True)\n(a*2).backward()\n", options=QUIET)
    assert [row["kind"] for row in cells(ledger_csv(refused))] == ["error"]
    assert cells(ledger_csv(record("import torch\n", options=QUIET))) == []


def test_what_the_reader_overwrote_is_marked() -> None:
    live = Live(lambda moment: live.go_on("never", {0: (5.0,)}))
    source = "import torch\nx = torch.tensor(2., requires_grad=True)\n(x * 3).backward()\n"
    rows = cells(ledger_csv(record(source, options=QUIET, live=live)))
    assert [(row["altered"], row["arrives"], row["value"]) for row in rows[:2]] == [
        ("reader", "[5.0]", "[15.0]"),
        ("reader", "[5.0]", "None"),
    ]


def test_what_no_cell_holds_is_in_the_json() -> None:
    source = "import torch\nx = torch.rand(3000, requires_grad=True)\n(x * x).sum().backward()\n"
    trace = record(source, options=QUIET)
    rows = cells(ledger_csv(trace))
    assert all(len(cell) <= CELL for row in rows for cell in row.values())
    wide = next(number for number, row in enumerate(rows) if row["node"] == "MulBackward0")
    assert rows[wide]["value"] == "elided"
    assert rows[wide]["value_nan"] == "0"
    assert len(typed(ledger_json(trace))[wide]["value"]["data"]) == 3000


def test_what_no_encoding_carries_is_written_as_escapes() -> None:
    source = (
        "import torch\nclass E(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x): return x*1\n"
        "    @staticmethod\n    def backward(ctx, g): raise ValueError('=1\\ud800')\n"
        "E.apply(torch.ones(1, requires_grad=True)).backward()\n"
    )
    trace = record(source, options=QUIET)
    assert cells(ledger_csv(trace))[-1]["error"] == "ValueError: =1\\ud800"
    assert typed(ledger_json(trace))[-1]["error"]["message"] == "=1\\ud800"
