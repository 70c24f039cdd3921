"""Every vector–Jacobian product of every backward pass as a table: CSV for spreadsheets and pandas, JSON for programs.

One row is one gradient that a node emitted, so that rows can be filtered and counted as they are. ``kind`` says what
else a row may be:

- ``vjp``: what ``slot`` of a step passed on, and to which node. ``None`` is an undefined gradient, not zero.
- ``accumulate``: a step that adds what arrives to the ``.grad`` of a leaf; ``before`` and ``after`` are its sum.
- ``end``: a step that emits nothing and has no leaf.
- ``error``: the pass failed; the rows before it are what happened until then.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from core.playback import Index
from core.records import Node, Pass, Step, TensorSnapshot, Trace, tensor_json, without_surrogates

FORMAT: Final = "pullback-ledger/1"

COLUMNS: Final = (
    "pass", "event", "step", "kind", "node", "operation", "line", "arrives", "slot", "value", "to", "leaf",
    "before", "after", "altered", "error",
    "call", "call_line", "node_id", "sequence_nr", "born_pass", "born_step",
    "op_id", "op_name", "hit", "module", "to_id", "to_slot",
)  # fmt: skip
"""The first ones are what is read, the others what is looked up; then ``MEASURES`` of each of ``TENSORS``.

- pass: 0-based, in the order the calls began. step: 0-based, in the engine's order.
- event: how many events of the program had happened when the step was made, as ``export --step`` counts them.
- node, node_id, sequence_nr: as torch says. born_pass, born_step: the step that made the node (``create_graph``).
- operation, line, op_id, op_name, hit, module: the operation whose node it is, as the program writes it.
- arrives: what arrived at the node, accumulated, per output of its operation.
- slot, value: the gradient emitted. to, to_id, to_slot: the node it goes to; leaf: the leaf that is accumulated into.
- altered: 'arrived' or 'emitted' where a hook changed it, 'reader' where what arrived was overwritten in a live run.
- call, call_line: 'backward' or 'grad', and its line.
"""

TENSORS: Final = ("arrives", "value", "before", "after")
MEASURES: Final = ("shape", "dtype", "min", "max", "mean", "nan", "inf")

HEADER: Final = (*COLUMNS, *(f"{tensor}_{measure}" for tensor in TENSORS for measure in MEASURES))
"""Names of the columns of the CSV; they stay."""

ELIDED: Final = "elided"
"""Stands for the numbers of a tensor that is too large to be recorded whole, or for a cell; its measures are there."""

CELL: Final = 32_767
"""Characters of a cell in Excel, which tears longer ones apart."""

_FORMULA: Final = tuple("=+-@\t\r\n'＝＋－＠")
"""How a text begins that a spreadsheet may run; the apostrophe, so that it can be taken away again."""

Row = dict[str, Any]
"""Column → what stands there, as JSON has it; columns that say nothing are left out."""


def ledger_csv(trace: Trace, pass_: int | None = None) -> bytes:
    """The ledger as RFC 4180 says, in UTF-8.

    It begins with a byte-order mark, without which Excel takes Chinese for something else; pandas and Python's
    ``utf-8-sig`` read past it. Numbers of a tensor are one cell, a JSON list in row-major order, as exact as they were
    recorded, with "nan", "inf" and "-inf" as texts and a complex number as [real, imaginary]. Gradients that arrive at
    several outputs are parted by ``; ``, without measures. A text that a spreadsheet would run as a formula has an
    apostrophe before it, numbers never have. Numbers that no cell of a spreadsheet holds are written ``elided``: the
    JSON has them. For pandas, None is NA, as an empty cell is: the ``value`` of a ``vjp`` is NA where it is undefined.

    Args:
        pass_: of one backward call only, 0-based.

    Raises ValueError where there is no such pass.
    """
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, HEADER, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in _rows(trace, pass_):
        writer.writerow(_cells(row))
    return file.getvalue().encode("utf-8-sig", "backslashreplace")


def ledger_json(trace: Trace, pass_: int | None = None) -> bytes:
    """The same rows as UTF-8 JSON with types: ``{"format": FORMAT, "torch", "path", "rows": [{column: …}]}``.

    A column that says nothing of a row is left out of it. Tensors are TENSOR as in the trace's JSON, null where
    undefined; ``arrives`` is a list of them; ``error`` is ``{"type", "message", "line"}``.
    """
    ordered = ({column: row[column] for column in COLUMNS if column in row} for row in _rows(trace, pass_))
    ledger = {"format": FORMAT, "torch": trace.torch, "path": trace.path, "rows": list(ordered)}
    try:
        return msgspec.json.encode(ledger)
    except UnicodeEncodeError:
        return msgspec.json.encode(without_surrogates(ledger))


# ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(trace: Trace, pass_: int | None) -> Iterator[Row]:
    if pass_ is not None and not 0 <= pass_ < len(trace.passes):
        raise ValueError(f"no pass {pass_}; the program made {len(trace.passes)}")
    index = Index(trace)
    names = _Names(trace, index)
    for number in range(len(trace.passes)) if pass_ is None else (pass_,):
        backward = trace.passes[number]
        call: Row = {"pass": number, "call": backward.call, "call_line": backward.line}
        edges = {(edge.source, edge.source_slot): edge for edge in backward.edges}
        for step_number, step in enumerate(backward.steps):
            node = backward.nodes[step.node]
            made = call | {"step": step_number, "arrives": list(map(_tensor, step.grad_outputs))} | names.of_node(node)
            made |= {"altered": step.altered} if step.altered else {}
            at = index.step_at.get((number, step_number))
            made |= {} if at is None else {"event": at + 1}
            for slot, value in enumerate(step.grad_inputs):
                edge = edges.get((step.node, slot))
                goes = {} if edge is None else names.of_target(backward.nodes[edge.target], edge.target_slot)
                yield made | {"kind": "vjp", "slot": slot, "value": _tensor(value)} | goes
            if not step.grad_inputs:
                yield made | _sum(node, step) | names.of_leaf(node)
        if backward.error is not None:
            failing = _failing(backward, number)
            error = {key: getattr(backward.error, key) for key in ("type", "message", "line")}
            yield call | {"kind": "error", "error": error} | (names.of_node(failing) if failing else {})


def _tensor(tensor: TensorSnapshot | None) -> Row | None:
    """TENSOR, as in the trace's JSON."""
    return None if tensor is None else tensor_json(tensor)


class _Names:
    """What nodes belong to in the program."""

    def __init__(self, trace: Trace, index: Index) -> None:
        self._trace = trace
        self._first = index.leaf_of
        self._leaves = {self._first[leaf.value]: leaf.name for leaf in trace.leaves if leaf.value is not None}

    def of_node(self, node: Node) -> Row:
        row: Row = {"node": node.name, "node_id": node.id, "sequence_nr": node.sequence_nr}
        if node.born is not None:
            row |= {"born_pass": node.born[0], "born_step": node.born[1]}
        if node.op is not None:
            op = self._trace.ops[node.op]
            row |= {"operation": op.text, "line": op.line, "op_id": op.id, "op_name": op.name, "hit": op.hit}
            row |= {} if op.module is None else {"module": op.module}
        return row

    def of_target(self, node: Node, slot: int) -> Row:
        return {"to": node.name, "to_id": node.id, "to_slot": slot} | self.of_leaf(node)

    def of_leaf(self, node: Node) -> Row:
        if "AccumulateGrad" not in node.name or node.value is None:
            return {}
        name = self._leaves.get(self._first[node.value]) or next(iter(self._trace.values[node.value].names), "")
        return {"leaf": name} if name else {}


def _sum(node: Node, step: Step) -> Row:
    """What a step does that emits nothing."""
    if "AccumulateGrad" not in node.name:
        return {"kind": "end"}
    return {"kind": "accumulate", "before": _tensor(step.grad_before), "after": _tensor(step.grad_after)}


def _failing(backward: Pass, number: int) -> Node | None:
    """The node that the failure of a pass is about."""
    concerned = backward.error.node if backward.error is not None else None
    return backward.nodes[concerned[1]] if concerned is not None and concerned[0] == number else None


# ── Cells ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cells(row: Row) -> Row:
    """A row as CSV holds it."""
    cells: Row = {}
    for column, entry in row.items():
        if column in TENSORS:
            cells |= _tensor_cells(column, entry if column == "arrives" else [entry])
        elif column == "error":
            cells[column] = _safe(f"{entry['type']}: {entry['message']}")
        else:
            cells[column] = _safe(entry) if isinstance(entry, str) else entry
    return cells


def _tensor_cells(column: str, tensors: Sequence[Row | None]) -> Row:
    """Numbers and measures of the tensors of one cell; TENSOR each."""
    known = [tensor or {} for tensor in tensors]
    numbers = "; ".join(map(_numbers, tensors))
    cells: Row = {column: numbers if len(numbers) <= CELL else ELIDED}
    cells[f"{column}_shape"] = "; ".join(_list(tensor["shape"]) if tensor else "" for tensor in known)
    cells[f"{column}_dtype"] = "; ".join(tensor.get("dtype", "") for tensor in known)
    if len(known) == 1:
        cells |= {f"{column}_{measure}": known[0].get(measure) for measure in MEASURES[2:]}
    return cells


def _numbers(tensor: Row | None) -> str:
    if tensor is None:
        return "None"
    if "opaque" in tensor:
        return f"({tensor['opaque']})"
    return ELIDED if tensor["data"] is None else _list(tensor["data"])


def _list(numbers: Sequence[object]) -> str:
    return msgspec.json.encode(numbers).decode().replace(",", ", ")


def _safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
