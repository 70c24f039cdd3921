"""The trace as JSON: the names, types and spellings that outside programs rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.engine import Options, record
from core.records import trace_json

ROOT = Path(__file__).parents[2]


def run(source: str, **options: Any) -> Any:
    """The parsed JSON of a recorded program; NaN and Infinity are no JSON and are refused."""
    text = trace_json(record(source, options=Options(**options))).decode("utf-8")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


Q = """import torch
a = torch.tensor([2., 3.], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
Q = 3*a**3 - b**2
Q.backward(gradient=torch.tensor([1., 1.]))
print(a.grad)
"""


def tensor(shape: list[int], data: list[Any], **changes: Any) -> dict[str, Any]:
    low, high, mean = min(data), max(data), sum(data) / len(data)
    entry = {
        "shape": shape,
        "dtype": "float32",
        "data": data,
        "min": low,
        "max": high,
        "mean": mean,
        "nan": 0,
        "inf": 0,
    }
    return entry | changes


def test_the_contract() -> None:
    trace = run(Q)
    assert trace["format"] == "pullback-trace/1"
    assert trace["torch"] == "2.13.0+cpu"
    assert (trace["source"], trace["stdout"]) == (Q, "tensor([36., 81.])\n")
    assert (trace["error"], trace["agrees"]) == (None, True)
    assert {
        "id": 0,
        "names": ["a"],
        "shape": [2],
        "dtype": "float32",
        "requires_grad": True,
        "is_leaf": True,
        "tensor": tensor([2], [2.0, 3.0]),
    }.items() <= trace["values"][0].items()
    mul = next(op for op in trace["ops"] if op["text"] == "3*a**3")
    assert {
        "id": 3,
        "name": "mul",
        "line": 4,
        "span": [4, 4, 4, 10],
        "text": "3*a**3",
        "inputs": [2],
        "outputs": [3],
        "module": None,
        "hit": 0,
    }.items() <= mul.items()
    assert trace["leaves"][0].items() >= {"name": "a", "grad": tensor([2], [36.0, 81.0])}.items()
    (one,) = trace["passes"]
    assert (one["call"], one["line"], one["error"]) == ("backward", 5, None)
    assert one["seeds"] == [tensor([2], [1.0, 1.0])]
    for node in one["nodes"]:
        assert {"id", "name", "sequence_nr", "op", "value", "born"} <= set(node)
    for edge in one["edges"]:
        assert set(edge) == {"source", "source_slot", "target", "target_slot"}
    for step in one["steps"]:
        assert {"node", "grad_outputs", "grad_inputs", "grad_before", "grad_after"} <= set(step)
    leaves = [node for node in one["nodes"] if node["name"] == "AccumulateGrad"]
    assert [(leaf["op"], leaf["sequence_nr"]) for leaf in leaves] == [(None, 2**64 - 1)] * 2
    last = next(step for step in one["steps"] if trace["values"][leaf_value(one, step)]["names"] == ["a"])
    assert (last["grad_before"], last["grad_after"]) == (None, tensor([2], [36.0, 81.0]))
    assert one["steps"][0]["grad_inputs"] == [tensor([2], [1.0, 1.0]), tensor([2], [-1.0, -1.0])]


def leaf_value(one: Any, step: Any) -> int:
    value = one["nodes"][step["node"]]["value"]
    return int(value) if value is not None and step["grad_after"] is not None else -1


def test_events_are_in_order() -> None:
    trace = run(Q + "a.grad.zero_()\na.grad = None\n")
    kinds = [event["kind"] for event in trace["events"]]
    assert kinds == [*["op"] * 7, "pass", *["step"] * 6, "end", "op", "grad", "grad"]
    assert [event["how"] for event in trace["events"][-2:]] == ["zero", "none"]
    assert [event["pass"] for event in trace["events"] if event["kind"] == "pass"] == [0]


def test_what_is_not_a_number_is_a_string() -> None:
    trace = run(
        "import torch\nx = torch.tensor([float('nan'), float('inf'), -float('inf'), 1.])\ny = x[1:]\nz = x[1:2]\n"
    )
    x, y, z = (value["tensor"] for value in trace["values"])
    assert x["data"] == ["nan", "inf", "-inf", 1.0]
    assert (x["min"], x["max"], x["mean"], x["nan"], x["inf"]) == ("nan", "nan", "nan", 1, 2)
    assert (y["min"], y["max"], y["mean"]) == ("-inf", "inf", "nan")
    assert (z["min"], z["data"], z["inf"]) == ("inf", ["inf"], 1)


@pytest.mark.parametrize(
    ("literal", "dtype", "data"),
    [
        ("torch.tensor([True, False])", "bool", [True, False]),
        ("torch.tensor([2**62, -1])", "int64", [2**62, -1]),
        ("torch.tensor([1.5], dtype=torch.bfloat16)", "bfloat16", [1.5]),
        ("torch.tensor([0.1])", "float32", [0.10000000149011612]),
        ("torch.tensor([0.1], dtype=torch.float64)", "float64", [0.1]),
        ("torch.tensor([1 + 2j])", "complex64", [[1.0, 2.0]]),
        ("torch.tensor([complex('nan'), complex(0, float('inf'))])", "complex64", [["nan", 0.0], [0.0, "inf"]]),
        ("torch.tensor([])", "float32", []),
        ("torch.tensor(7)", "int64", [7]),
    ],
)
def test_kinds_of_numbers(literal: str, dtype: str, data: list[Any]) -> None:
    (value,) = run(f"import torch\nx = {literal}\n")["values"]
    assert (value["dtype"], value["tensor"]["dtype"], value["tensor"]["data"]) == (dtype, dtype, data)


def test_data_is_row_major_whatever_the_strides() -> None:
    value = run("import torch\nx = torch.arange(6.).reshape(2, 3).t()\n")["values"][-1]
    assert (value["shape"], value["tensor"]["data"]) == ([3, 2], [0, 3, 1, 4, 2, 5])


def test_large_tensors_have_no_data_unless_all_is_asked_for() -> None:
    source = "import torch\nx = torch.arange(5000.)\n"
    taken = run(source)["values"][0]["tensor"]
    assert (taken["data"], taken["min"], taken["max"], taken["mean"]) == (None, 0.0, 4999.0, 2499.5)
    assert taken["head"] == list(range(64))
    assert run(source, full=True)["values"][0]["tensor"]["data"] == list(range(5000))


def test_columns_count_characters() -> None:
    source = 'import torch\nx = torch.ones(2)\né = "😀 日本"; y = (x * 2\n    + 1)\n'
    trace = run(source)
    mul, add = trace["ops"][-2:]
    assert (mul["span"], mul["text"]) == ([3, 17, 3, 22], "x * 2")
    assert (add["span"], add["text"]) == ([3, 17, 4, 7], "x * 2\n    + 1")
    lines = source.splitlines()
    assert lines[2][17:22] == "x * 2"
    assert trace["source"] == source


def test_undefined_gradients_are_null() -> None:
    trace = run(
        "import torch\nx = torch.tensor([3., 1.], requires_grad=True)\nv, i = x.sort()\nw = x.unbind()[0]\n"
        "(v.sum() + w).backward()\n"
    )
    (one,) = trace["passes"]
    unbind = next(s for s in one["steps"] if one["nodes"][s["node"]]["name"] == "UnbindBackward0")
    assert [g and g["data"] for g in unbind["grad_outputs"]] == [[1.0], None]


def test_an_error_and_born_nodes() -> None:
    trace = run(
        "import torch\nx = torch.tensor(2., requires_grad=True)\n"
        "g, = torch.autograd.grad(x ** 3, x, create_graph=True)\n"
        "g.backward()\n(x * torch.ones(2)).backward()\n"
    )
    first, second, third = trace["passes"]
    assert (first["call"], second["call"]) == ("grad", "backward")
    assert [node["born"] for node in second["nodes"] if node["name"] == "PowBackward0"] == [[0, 0]]
    assert trace["error"].keys() >= {"type", "message", "line", "explanation"}
    assert (trace["error"]["type"], trace["error"]["line"]) == ("RuntimeError", 5)
    assert third["error"] == trace["error"]


def test_from_the_command_line(tmp_path: Path) -> None:
    program, out = tmp_path / "é.py", tmp_path / "out.json"
    program.write_text(Q + 'print("é😀")\n', "utf-8")
    command = [sys.executable, "app.py", "trace", str(program), "--json"]
    done = subprocess.run([*command, str(out)], cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    written = json.loads(out.read_bytes().decode("utf-8"))
    assert written["stdout"] == "tensor([36., 81.])\né😀\n"
    assert "é😀".encode() in out.read_bytes()
    assert written["agrees"] is True
    assert set(written) >= set(run(Q))
