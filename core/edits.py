"""The edit of a program that does what a what-if does: ``.detach()`` written where a value was cut."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from core.lines import NO_PROGRAM, lines_of
from core.records import Cut, Op, Span, Trace


class Edit(NamedTuple):
    """Attributes:
    span: what is replaced: (line, column, end line, end column), lines from 1, columns in characters.
    text: what stands there then.
    """

    span: Span
    text: str


def edits(trace: Trace) -> tuple[Edit, ...] | None:
    """The edits that stand for all the cuts and heals of a run, none of them inside another; else None.

    There is none for a place that runs several times, for a leaf, for an operation in place, for seeds and values.
    """
    what_if = trace.what_if
    if what_if.seeds or what_if.leaves or what_if.requires_grad or what_if.skip_zero_grad:
        return None
    found = [_of_cut(trace, cut) for cut in what_if.cuts] + [_of_heal(trace, site) for site in what_if.heals]
    known = [edit for edit in found if edit is not None]
    apart = all(a is b or a.span[2:] <= b.span[:2] or b.span[2:] <= a.span[:2] for a in known for b in known)
    return tuple(known) if found and len(known) == len(found) and apart else None


def applied(source: str, changes: Iterable[Edit]) -> str:
    """The program with the edits made."""
    lines = lines_of(source)
    for (line, column, end_line, end_column), text in sorted(changes, reverse=True):
        head, tail = lines[line - 1][:column], lines[end_line - 1][end_column:]
        lines[line - 1 : end_line] = [head + text + tail]
    return "".join(lines)


def _of_cut(trace: Trace, cut: Cut) -> Edit | None:
    value = _once(trace, cut.value)
    if not cut.use:
        return None if value is None else Edit(value.span, _detached(value.text))
    use = _once(trace, cut.use)
    if use is None:
        return None
    slots = range(len(use.inputs)) if cut.slot is None else (cut.slot,)
    values = {use.inputs[slot] for slot in slots if slot < len(use.inputs)}
    if value is not None and _inside(value.span, use.span):
        return Edit(value.span, _detached(value.text))
    places = _names_in(trace.source, use.span, {name for v in values for name in trace.values[v].names})
    twice = [slot for slot, v in enumerate(use.inputs) if v in values]
    if cut.slot is not None and len(places) == len(twice) and cut.slot in twice:
        places = [places[twice.index(cut.slot)]]
    if len(places) != 1:
        return None
    span, name = places[0]
    return Edit(span, f"{name}.detach()")


def _of_heal(trace: Trace, site: str) -> Edit | None:
    op = _once(trace, site)
    ending = ".detach()"
    return Edit(op.span, op.text.removesuffix(ending)) if op is not None and op.text.endswith(ending) else None


def _once(trace: Trace, place: str) -> Op | None:
    """The operation of a place, where its expression computes one value, once, and ``.detach()`` can follow it."""
    op = next((op for op in trace.ops if op.site == place), None)
    written = [op for op in trace.ops if f"{op.line}:{op.text}" == place]
    if len(written) == 1:  # what a person writes may mean several
        op = written[0]
    if op is None or not 0 < op.span[0] <= op.span[2] <= len(lines_of(trace.source)):
        return None
    if not op.line or not op.text or op.inplace or not op.inputs or len(op.outputs) != 1:
        return None
    if any(backward.span == op.span for backward in trace.passes):
        return None  # it ran inside the call, which gives something else
    runs = sum(other.span == op.span and other.name == op.name for other in trace.ops)
    return op if runs == 1 else None


def _detached(text: str) -> str:
    try:
        simple = isinstance(ast.parse(text, mode="eval").body, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
    except NO_PROGRAM:
        simple = False
    return f"{text}.detach()" if simple else f"({text}).detach()"


def _names_in(source: str, span: Span, names: set[str]) -> list[tuple[Span, str]]:
    """Where one of the names stands in an expression of the program, from left to right."""
    lines, found = lines_of(source), list[tuple[Span, str]]()
    try:
        tree = ast.parse(source)
    except NO_PROGRAM:
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and node.end_lineno and node.end_col_offset is not None:
            name = ast.unparse(node)
            if name in names:
                place = (
                    node.lineno, _characters(lines[node.lineno - 1], node.col_offset),
                    node.end_lineno, _characters(lines[node.end_lineno - 1], node.end_col_offset),
                )  # fmt: skip
                if _inside(place, span):
                    found.append((place, name))
    return sorted(found)


def _characters(line: str, offset: int) -> int:
    """Characters before an offset that ``ast`` counts in bytes."""
    return len(line.encode()[:offset].decode(errors="replace"))


def _inside(inner: Span, outer: Span) -> bool:
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]
