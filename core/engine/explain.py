"""Says in plain words what one of torch's autograd errors means for the program that raised it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from core.engine.evidence import Case
from core.protection import bound, memory_limit
from core.records import Event, Failure, Op, Trace, Value
from core.sandbox import FILES, NETWORK

OTHER: Final = "other"
"""``Failure.kind`` of an error that no rule knows; torch's own text says it best."""


def explain(trace: Trace, failure: Failure) -> Failure:
    """``failure`` with its explanation, kind, facts, lines and node filled in from what the trace recorded.

    ``kind`` names a row of ``RULES``, and the row's sentence with ``facts`` put in gives ``explanation``; a translation
    needs only these two. An error that no row knows keeps '' and gets the kind ``other``.
    """
    case = Case(trace, failure)
    for rule in RULES:
        match = re.search(rule.pattern, failure.message)
        if match and (found := rule.find(case, match)) is not None:
            return replace(
                failure,
                explanation=rule.sentence.format(**found.facts),
                kind=rule.kind,
                facts=found.facts,
                lines=tuple(line for line in found.lines if line),
                node=found.node or failure.node,
            )
    return replace(failure, kind=OTHER)


@dataclass(frozen=True)
class _Found:
    """What a rule learned of a failure: figures for the sentence, other lines, (pass, node id)."""

    facts: dict[str, str]
    lines: tuple[int, ...] = ()
    node: tuple[int, int] | None = None


@dataclass(frozen=True)
class Rule:
    """One row: an error's text, what to look up, and the sentence.

    Attributes:
        kind: stable name, for translation.
        pattern: searched in torch's message; several rows may share one, the first that finds its facts wins.
        sentence: with the facts' names in braces.
        find: looks the facts up; None when the row does not apply after all. By default the pattern's named groups.
    """

    kind: str
    pattern: str
    sentence: str
    find: Callable[[Case, re.Match[str]], _Found | None] = lambda case, match: _Found(match.groupdict())


# ── Finding the facts ─────────────────────────────────────────────────────────────────────────────────────────────


def _shape(sizes: str | tuple[int, ...]) -> str:
    """Sizes as torch prints them: ``[2, 3]``."""
    if isinstance(sizes, tuple):
        return str(list(sizes))
    return "[" + ", ".join(re.findall(r"\d+", sizes)) + "]"


def _amount(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} PB"


def _non_scalar(case: Case, match: re.Match[str]) -> _Found | None:
    for node in case.roots:
        value = case.value_of(node)
        if value is not None and value.tensor.numel != 1:
            op = case.maker(value)
            facts = {"name": case.label(value), "shape": _shape(value.shape), "count": str(value.tensor.numel)}
            return _Found(facts, (op.line,) if op else ())
    return None


def _second(case: Case, match: re.Match[str]) -> _Found | None:
    first = case.freed_by()
    return None if first is None else _Found({"first": str(first.line)}, (first.line,), case.node)


def _second_in_loop(case: Case, match: re.Match[str]) -> _Found | None:
    """The same call again, from a root of its own that still hangs on the graph of the call before."""
    first = case.freed_by()
    if first is None or case.failing_pass is None or first.line != case.failure.line:
        return None
    again = case.trace.passes[case.failing_pass]
    numbers = {node.sequence_nr for node in first.nodes}
    if not again.roots or any(node < 0 or again.nodes[node].sequence_nr in numbers for node, _ in again.roots):
        return None
    op = case.failing_op
    facts = {"first": str(first.line), "text": op.text if op else "", "line": str(op.line if op else 0)}
    return _Found(facts, (op.line,), case.node) if op else None


def _in_place(case: Case, match: re.Match[str]) -> _Found | None:
    """The operation that saved, and the first one after it that changed the same memory."""
    sizes = sorted(re.findall(r"\d+", match["shape"]))  # the saved tensor may be transposed
    savers = [case.failing_op] if case.failing_op else list(reversed(case.trace.ops))
    for saver in savers:
        versions = dict(zip(saver.inputs, saver.input_versions, strict=False))
        for number in (*saver.inputs, *saver.outputs):
            value = case.trace.values[number]
            if sorted(map(str, value.shape)) != sizes:
                continue
            if versions.get(number, value.version) != int(match["expected"]):
                continue
            if change := _change(case, saver, value):
                line, text = change
                facts = {
                    "name": case.label(value),
                    "shape": _shape(match["shape"]),
                    "saved_line": str(saver.line),
                    "saved_text": saver.text,
                    "changed_line": str(line),
                    "changed_text": text,
                    "version": match["version"],
                    "expected": match["expected"],
                }
                return _Found(facts, (saver.line, line), case.node)
    return None


def _change(case: Case, saver: Op, value: Value) -> tuple[int, str] | None:
    """Line and text of the first change of a value's memory after ``saver`` ran."""
    memory = case.memory(value)

    def changes(event: Event) -> bool:
        return (
            event.kind == "data" and event.value is not None and case.memory(case.trace.values[event.value]) == memory
        )

    began = False
    for event in case.trace.events:
        if event.kind == "op" and event.op == saver.id:
            began = True
        elif began and changes(event) and not event.skipped:
            return event.line, case.line(event.line)
        elif began and event.kind == "op" and event.op is not None:
            op = case.trace.ops[event.op]
            touched = (*op.inputs[:1], *op.outputs)
            if op.inplace and any(case.memory(case.trace.values[number]) == memory for number in touched):
                return op.line, op.text
    return None


def _saved_line(case: Case, match: re.Match[str]) -> _Found | None:
    op = case.failing_op
    if op is None:
        return None
    facts = {"saved_line": str(op.line), "saved_text": op.text, "shape": _shape(match["shape"])}
    return _Found(facts | {"version": match["version"], "expected": match["expected"]}, (op.line,), case.node)


def _root(case: Case, match: re.Match[str]) -> Value | None:
    index = int(match["index"])
    return case.value_of(case.roots[index]) if index < len(case.roots) else None


_COPIES_OUT = {"item", "tolist", "numpy", "__float__", "__int__", "__bool__", "__array__"}


def _cut_where(reason: Callable[[Op, Value], bool]) -> Callable[[Case, re.Match[str]], _Found | None]:
    """A finder of the nearest operation above the root that was given a gradient path and passed none on."""

    def find(case: Case, match: re.Match[str]) -> _Found | None:
        root = _root(case, match)
        for value in case.upstream(root) if root else ():
            op = case.maker(value)
            if op is None or value.requires_grad:
                continue
            if any(case.trace.values[number].requires_grad for number in op.inputs):
                if not reason(op, value):
                    return None
                facts = {"name": case.label(root or value), "line": str(op.line), "text": op.text, "op": op.name}
                return _Found(facts | {"dtype": value.dtype}, (op.line,))
        return None

    return find


def _cut_by_number(case: Case, match: re.Match[str]) -> _Found | None:
    root = _root(case, match)
    for op in reversed(case.trace.ops):
        if op.name in _COPIES_OUT and any(case.trace.values[number].requires_grad for number in op.inputs):
            name = case.label(root) if root else case.text(case.roots[0]) if case.roots else ""
            return _Found({"name": name, "line": str(op.line), "text": op.text}, (op.line,))
    return None


def _gradient_without_graph(case: Case, match: re.Match[str]) -> _Found | None:
    """The root came from a gradient that an earlier ``grad`` call returned without a graph of its own."""
    root = _root(case, match)
    for value in case.upstream(root) if root else ():
        for run in case.trace.passes:
            if run.call == "grad" and not run.create_graph and value.tensor in run.results and not value.requires_grad:
                return _Found({"name": case.label(value), "line": str(run.line)}, (run.line,))
    return None


def _no_leaf(integer: bool) -> Callable[[Case, re.Match[str]], _Found | None]:
    """A finder of the tensors the root was computed from when none of them requires grad."""

    def find(case: Case, match: re.Match[str]) -> _Found | None:
        root = _root(case, match)
        if root is None:
            return None
        sources = [v for v in case.upstream(root) if v.names and not ((op := case.maker(v)) and op.inputs)]
        whole = [value for value in sources if not value.dtype.startswith(("float", "bfloat", "complex"))]
        if not sources or any(value.requires_grad for value in sources) or integer != (len(whole) == len(sources)):
            return None
        shown = whole if integer else [value for value in sources if value not in whole]
        names = list(dict.fromkeys(case.label(value) for value in shown))
        return _Found({"name": case.label(root), "leaves": ", ".join(sorted(names)), "dtype": shown[0].dtype})

    return find


def _with_changed(case: Case, match: re.Match[str]) -> _Found:
    return _Found(match.groupdict() | {"name": case.changed})


def _with_node(case: Case, match: re.Match[str]) -> _Found:
    """A message about the running node; a custom Function goes by the name the program gave it."""
    facts = match.groupdict()
    if "function" in facts:
        facts["function"] = facts["function"].removesuffix("Backward")
    facts |= {name: _shape(facts[name]) for name in ("got", "expected") if facts.get(name, "").startswith("[")}
    op = case.failing_op
    return _Found(facts, (op.line,) if op else (), case.node)


def _custom(case: Case, match: re.Match[str]) -> _Found | None:
    """As ``_with_node``, named after the running node where the message names none."""
    node = case.failing_node
    if node is None:
        return None
    found = _with_node(case, match)
    return _with_facts(found, function=node.name.removesuffix("Backward"))


def _hook_size(case: Case, match: re.Match[str]) -> _Found | None:
    node = case.failing_node
    if node is None or node.value is None:
        return None
    value = case.trace.values[node.value]
    return _with_facts(_with_node(case, match), name=case.label(value), expected=_shape(value.shape))


def _with_facts(found: _Found, **facts: str) -> _Found:
    return _Found(found.facts | facts, found.lines, found.node)


def _seed(case: Case, match: re.Match[str]) -> _Found:
    facts = match.groupdict()
    facts |= {name: _shape(facts[name]) for name in ("given", "expected") if facts[name].startswith("[")}
    index = int(facts["index"])
    return _Found(facts | {"name": case.text(case.roots[index]) if index < len(case.roots) else f"[{index}]"})


def _input(case: Case, match: re.Match[str]) -> _Found:
    index = int(match.groupdict().get("index") or 0)
    return _Found({"name": case.text(case.inputs[index]) if index < len(case.inputs) else f"inputs[{index}]"})


def _input_without_grad(case: Case, match: re.Match[str]) -> _Found | None:
    for node in case.inputs:
        value = case.value_of(node)
        if value is not None and not value.requires_grad:
            return _Found({"name": case.text(node)})
    return None


def _missing_grad(leaf: bool) -> Callable[[Case, re.Match[str]], _Found | None]:
    """A finder of the ``.grad`` on the failing line that is None, of a leaf or of another tensor."""

    def find(case: Case, match: re.Match[str]) -> _Found | None:
        for node in case.expressions:
            if isinstance(node, ast.Attribute) and node.attr == "grad":
                value = case.value_of(node.value)
                if value is not None and value.is_leaf == leaf:
                    return _Found({"name": case.text(node.value)})
        return None

    return find


def _memory(case: Case, match: re.Match[str]) -> _Found:
    return _Found({"bytes": match["bytes"], "size": _amount(int(match["bytes"]))})


def _at_once(case: Case, match: re.Match[str]) -> _Found | None:
    """One piece that is larger than all that a program may hold."""
    limit, asked = memory_limit(), int(match["bytes"])
    return _Found({"size": _amount(asked), "limit": _gigabytes(limit)}) if 0 < limit < asked else None


def _grown(case: Case, match: re.Match[str]) -> _Found | None:
    """Many pieces; Python's compiler calls an expression that is nested too deeply a MemoryError as well."""
    out = case.failure.type.endswith("MemoryError") or _NO_MEMORY in case.failure.message
    limit = memory_limit()
    return _Found({"limit": _gigabytes(limit)}) if limit and out and case.failure.line else None


def _too_deep(case: Case, match: re.Match[str]) -> _Found | None:
    """Python's compiler, which names no line; nothing has run then."""
    unread = case.failure.type == "MemoryError" and not case.failure.line and not case.trace.events
    return _Found({}) if unread else None


def _gigabytes(count: int) -> str:
    """A limit as it was given."""
    return f"{count >> 20} MB" if count % (1 << 30) else f"{count >> 30} GB"


def _unwritable(case: Case, match: re.Match[str]) -> _Found | None:
    """A file that the sandbox keeps safe, and not its owner."""
    name = match["name"] or ""
    folder = os.path.dirname(os.path.abspath(name))
    kept = not name or os.access(name if os.path.exists(name) else folder, os.W_OK) or not os.path.exists(folder)
    return _Found({"name": name or case.line(case.failure.line)}) if FILES in bound() and kept else None


def _no_network(case: Case, match: re.Match[str]) -> _Found | None:
    return _Found({}) if NETWORK in bound() else None


# ── The rules ─────────────────────────────────────────────────────────────────────────────────────────────────────

_NO_GRAPH = r"element (?P<index>\d+) of tensors does not require grad and does not have a grad_fn"
_SECOND = r"Trying to backward through the graph a second time"
_VERSION = (
    r"modified by an inplace operation: \[[\w.]+ \[(?P<shape>[\d, ]*)\]\].* "
    r"is at version (?P<version>\d+); expected version (?P<expected>\d+)"
)
_NONE = r"'NoneType'"
_NO_MEMORY = "can't allocate memory"
_FLOATS = ("float", "bfloat", "complex")

RULES: Final = (
    # Where a backward pass starts
    Rule(
        "non-scalar",
        r"grad can be implicitly created only for scalar outputs",
        "backward() supplies a seed by itself only for a single number; {name} has shape {shape}, {count} numbers. "
        "Give it a seed of that shape, or reduce it with sum() or mean().",
        _non_scalar,
    ),
    Rule(
        "non-scalar-unknown",
        r"grad can be implicitly created only for scalar outputs",
        "backward() supplies a seed by itself only for a single number. Give it a seed of the tensor's shape, or "
        "reduce the tensor with sum() or mean().",
    ),
    Rule(
        "complex-scalar",
        r"implicitly created only for real scalar outputs but got torch\.(?P<dtype>\w+)",
        "A {dtype} number has no single slope to start from. Give a seed, or go on from a real number such as abs().",
    ),
    Rule(
        "seed-shape",
        r"grad_output\[(?P<index>\d+)\] has a shape of torch\.Size\((?P<given>\[.*?\])\) "
        r"and output\[\d+\] has a shape of torch\.Size\((?P<expected>\[.*?\])\)",
        "The seed has shape {given}; {name} needs one of its own shape, {expected}.",
        _seed,
    ),
    Rule(
        "seed-dtype",
        r"grad_output\[(?P<index>\d+)\] has a dtype of torch\.(?P<given>\w+) "
        r"and output\[\d+\] has a dtype of torch\.(?P<expected>\w+)",
        "The seed is {given}; {name} is {expected}. Where complex numbers take part both must be of one type.",
        _seed,
    ),
    Rule(
        "seed-type",
        r"gradients can be either Tensors or None, but got (?P<type>\w+)",
        "A seed must be a tensor of the root's shape; this one is of type {type}.",
    ),
    Rule(
        "seed-count",
        r"got (?P<roots>\d+) tensors and (?P<seeds>\d+) gradients",
        "There are {roots} tensors to start from and {seeds} seeds; each needs its own.",
    ),
    # Where the graph was cut
    Rule(
        "no-graph-what-if",
        _NO_GRAPH,
        "{name} has no way back to a leaf: the what-if cut {text} on line {line}.",
        _cut_where(lambda op, value: op.cut == "detached"),
    ),
    Rule(
        "no-graph-detach",
        _NO_GRAPH,
        "{name} has no way back to a leaf: {text} on line {line} leaves the graph.",
        _cut_where(lambda op, value: op.name in ("detach", "detach_", "data") or op.text.endswith(".data")),
    ),
    Rule(
        "no-graph-no-grad",
        _NO_GRAPH,
        "{name} has no way back to a leaf: {text} on line {line} ran where gradients are switched off (no_grad).",
        _cut_where(lambda op, value: not op.grad_enabled),
    ),
    Rule(
        "no-graph-whole-numbers",
        _NO_GRAPH,
        "{name} has no way back to a leaf: {text} on line {line} gives {dtype}, which carries no gradient.",
        _cut_where(lambda op, value: not value.dtype.startswith(_FLOATS)),
    ),
    Rule(
        "no-graph-operation",
        _NO_GRAPH,
        "{name} has no way back to a leaf: the result of {text} on line {line} carries no gradient.",
        _cut_where(lambda op, value: True),
    ),
    Rule(
        "no-graph-number",
        _NO_GRAPH,
        "{name} has no way back to a leaf: {text} on line {line} takes a plain number out of the graph.",
        _cut_by_number,
    ),
    Rule(
        "no-graph-create-graph",
        _NO_GRAPH,
        "{name} is a gradient that line {line} computed without keeping how; call grad() there with create_graph=True.",
        _gradient_without_graph,
    ),
    Rule(
        "no-graph-integer-leaves",
        _NO_GRAPH,
        "{name} was computed from {leaves} only, of type {dtype}, which cannot require gradients. Use floating point.",
        _no_leaf(integer=True),
    ),
    Rule(
        "no-graph-leaves",
        _NO_GRAPH,
        "{name} was computed from {leaves} only, and none requires grad. Create one with requires_grad=True.",
        _no_leaf(integer=False),
    ),
    Rule(
        "no-graph",
        _NO_GRAPH,
        "The tensor that backward() starts from has no way back to a leaf that requires grad.",
        lambda case, match: _Found({}),
    ),
    # A graph used twice
    Rule(
        "second-backward-loop",
        _SECOND,
        "The round before already freed {text} (line {line}), and this round's graph still hangs on it. "
        "Detach what is carried over from one round to the next.",
        _second_in_loop,
    ),
    Rule(
        "second-backward",
        _SECOND,
        "The backward pass of line {first} freed the tensors that this one needs. Keep them with retain_graph=True "
        "there, or compute the forward pass again.",
        _second,
    ),
    Rule(
        "second-backward-unknown",
        _SECOND,
        "A backward pass frees the tensors saved in its graph. Keep them with retain_graph=True, or compute the "
        "forward pass again.",
    ),
    # Changes in place
    Rule(
        "in-place",
        _VERSION,
        "Line {saved_line} ({saved_text}) saved {name} for its backward at version {expected}; line {changed_line} "
        "({changed_text}) changed it in place, and it is now at version {version}.",
        _in_place,
    ),
    Rule(
        "in-place-saved",
        _VERSION,
        "Line {saved_line} ({saved_text}) saved a tensor of shape {shape} for its backward at version {expected}; it "
        "was changed in place since, and is now at version {version}.",
        _saved_line,
    ),
    Rule(
        "in-place-unknown",
        _VERSION,
        "A tensor of shape [{shape}] was saved for backward at version {expected} and changed in place since; it is "
        "now at version {version}.",
    ),
    Rule(
        "leaf-view-in-place",
        r"a view of a leaf Variable that requires grad is being used in an in-place operation",
        "{name} is a leaf that requires grad or a part of one, and the leaf would no longer be one. Change a clone(), "
        "or change it inside torch.no_grad().",
        _with_changed,
    ),
    Rule(
        "leaf-in-place",
        r"a leaf Variable that requires grad is being used in an in-place operation",
        "{name} is a leaf that requires grad, and changed in place it would no longer be one. Make a new tensor, or "
        "change it inside torch.no_grad().",
        _with_changed,
    ),
    Rule(
        "view-of-several-in-place",
        r"Output (?P<output>\d+) of (?P<function>\w+) is a view .* function that returns multiple views",
        "{name} is one of several views that {function} returned at once; none of them may be changed in place. "
        "Change a clone() of it.",
        _with_changed,
    ),
    Rule(
        "view-of-custom-in-place",
        r"Output (?P<output>\d+) of (?P<function>\w+) is a view .* created inside a custom Function",
        "{name} shares memory with the input of {function}; changed in place, it would skip that function's backward. "
        "Change a clone() of it.",
        _with_changed,
    ),
    Rule(
        "view-of-no-grad-in-place",
        r"[Aa] view (?:which )?was created in (?P<mode>no_grad|inference) mode and .*modified inplace with grad mode",
        "{name} is a view made while gradients were switched off. Make the view and change it on the same side of "
        "no_grad.",
        _with_changed,
    ),
    Rule(
        "expanded-in-place",
        r"more than one element of the written-to tensor refers to a single memory location",
        "Several elements of {name} are one and the same number in memory (expand does this). Change a clone() of it.",
        _with_changed,
    ),
    # What may require grad
    Rule(
        "integer-leaf",
        r"[Oo]nly Tensors of floating point (?:and complex )?dtype can require gradients",
        "Only floating-point and complex tensors can require gradients: whole numbers have no slope. Write 2.0 for 2, "
        "or give dtype=torch.float32.",
    ),
    Rule(
        "requires-grad-of-non-leaf",
        r"you can only change requires_grad flags of leaf variables",
        "This tensor was computed from others, and whether it requires grad follows from them. Use detach() instead.",
    ),
    Rule(
        "unused-input",
        r"differentiated Tensors? (?:at index (?P<index>\d+) )?appears to not have been used in the graph",
        "{name} has no part in what is differentiated. With allow_unused=True its gradient is None.",
        _input,
    ),
    Rule(
        "input-without-grad",
        r"One of the differentiated Tensors does not require grad",
        "{name} does not require grad, so there is no gradient with respect to it.",
        _input_without_grad,
    ),
    Rule(
        "input-without-grad-unknown",
        r"One of the differentiated Tensors does not require grad",
        "A tensor that does not require grad has no gradient with respect to it.",
    ),
    Rule(
        "retain-grad-without-grad",
        r"can't retain_grad on Tensor that has requires_grad=False",
        "A tensor that does not require grad has no gradient to keep.",
    ),
    Rule(
        "hook-without-grad",
        r"cannot register a hook on a tensor that doesn't require gradient",
        "No gradient ever reaches a tensor that does not require grad, so its hook would never run.",
    ),
    # .grad
    Rule(
        "non-leaf-grad",
        _NONE,
        "{name}.grad is None: {name} is not a leaf, and only leaves keep their gradient. Call {name}.retain_grad() "
        "before backward().",
        _missing_grad(leaf=False),
    ),
    Rule(
        "grad-none",
        _NONE,
        "{name}.grad is None, which is not zero: no backward pass has reached {name} since it was made or cleared.",
        _missing_grad(leaf=True),
    ),
    Rule(
        "grad-shape",
        r"assign a gradient of size '(?P<given>\[.*?\])' to a tensor of size '(?P<expected>\[.*?\])'",
        "A gradient has its tensor's shape: {expected}, not {given}.",
    ),
    Rule(
        "grad-dtype",
        r"assign a gradient with dtype '(?P<given>\w+)' to a tensor with grad_dtype '(?P<expected>\w+)'",
        "A gradient has its tensor's type: {expected}, not {given}.",
    ),
    # Custom Functions and hooks
    Rule(
        "custom-count",
        r"function (?P<function>\w+) returned an incorrect number of gradients "
        r"\(expected (?P<expected>\d+), got (?P<got>\d+)\)",
        "The backward of {function} must return one gradient per argument of its forward: {expected}, not {got}.",
        _with_node,
    ),
    Rule(
        "custom-shape",
        r"Function (?P<function>\w+) returned an invalid gradient at index (?P<index>\d+) - "
        r"got (?P<got>\[.*?\]) but expected shape compatible with (?P<expected>\[.*?\])",
        "The backward of {function} returned a gradient of shape {got} at position {index}; the input has shape "
        "{expected}.",
        _with_node,
    ),
    Rule(
        "custom-device",
        r"Function (?P<function>\w+) returned an invalid gradient at index (?P<index>\d+) - "
        r"expected device (?P<expected>[\w:]+) but got (?P<got>[\w:]+)",
        "The backward of {function} returned a gradient on {got} at position {index}; the input is on {expected}.",
        _with_node,
    ),
    Rule(
        "custom-position",
        r"function (?P<function>\w+) returned a gradient different than None at position (?P<position>\d+)",
        "The backward of {function} returned a gradient for argument {position} (counted from 1), which is not a "
        "tensor. Return None there.",
        _with_node,
    ),
    Rule(
        "custom-type",
        r"expected Variable or None \(got (?P<type>\w+)\)",
        "The backward of {function} returned a value of type {type}; it must return tensors or None.",
        _custom,
    ),
    Rule(
        "custom-missing",
        r"must implement either the backward or vjp method for your custom autograd\.Function",
        "{function} has no backward, so no gradient can pass through it.",
        _custom,
    ),
    Rule(
        "hook-shape",
        r"hook '(?P<hook>.*?)' has changed the size of value",
        "The hook {hook} on {name} must return a gradient of shape {expected}, or None to leave it as it is.",
        _hook_size,
    ),
    Rule(
        "hook-shape-unknown",
        r"hook '(?P<hook>.*?)' has changed the size of value",
        "The hook {hook} must return a gradient of the shape it was given, or None to leave it as it is.",
        _with_node,
    ),
    Rule(
        "hook-dtype",
        r"hook '(?P<hook>.*?)' has changed the type of value \(was (?P<expected>[\w.]+) got (?P<got>[\w.]+)\)",
        "The hook {hook} must return a gradient of the type it was given: {expected}, not {got}.",
        _with_node,
    ),
    Rule(
        "hook-count",
        r"hook '(?P<hook>.*?)' has returned an incorrect number of values "
        r"\(got (?P<got>\d+), but expected (?P<expected>\d+)\)",
        "The hook {hook} must return {expected} gradients, not {got}, or None to leave them as they are.",
        _with_node,
    ),
    Rule(
        "hook-type",
        r"expected Variable, but hook returned '(?P<type>\w+)'",
        "A hook returned a value of type {type}; it must return a tensor, or None to leave the gradient as it is.",
        _with_node,
    ),
    Rule(
        "anomaly-nan",
        r"Function '(?P<function>\w+)' returned nan values in its (?P<output>\d+)th output",
        "The first NaN of this backward pass came out of {function}.",
        lambda case, match: _with_facts(_with_node(case, match), function=match["function"]),
    ),
    # Inference mode, leaving torch, limits
    Rule(
        "inference-saved",
        r"Inference tensors cannot be saved for backward",
        "A tensor made in inference_mode can take no part in a graph. Use a clone() of it, or make it under no_grad.",
    ),
    Rule(
        "inference-in-place",
        r"Inplace update to inference tensor outside InferenceMode",
        "A tensor made in inference_mode cannot be changed outside it. Change a clone() of it.",
    ),
    Rule(
        "inference-requires-grad",
        r"Setting requires_grad=True on inference tensor outside InferenceMode",
        "A tensor made in inference_mode can never require gradients. Use a clone() of it.",
    ),
    Rule(
        "numpy-of-tracked",
        r"Can't call numpy\(\) on Tensor that requires grad",
        "NumPy cannot record gradients. Leave the graph on purpose with detach().numpy().",
    ),
    Rule(
        "not-one-number",
        r"a Tensor with (?P<count>\d+) elements cannot be converted to Scalar",
        "item() is for a tensor of one number; this one has {count}.",
    ),
    Rule(
        "optimizer-non-leaf",
        r"can't optimize a non-leaf Tensor",
        "An optimizer changes leaves; this tensor was computed from others and would be computed anew each time.",
    ),
    Rule(
        "optimizer-empty",
        r"optimizer got an empty parameter list",
        "There is nothing to optimize: the list of parameters is empty (a generator can be read only once).",
    ),
    Rule(
        "memory-limit",
        r"can't allocate memory: you tried to allocate (?P<bytes>\d+) bytes",
        "This needs {size} of memory at once; the limit is {limit}.",
        _at_once,
    ),
    Rule(
        "too-deep",
        r"^$",
        "Python cannot read this program: an expression is nested too deeply.",
        _too_deep,
    ),
    Rule(
        "memory-grown",
        r"",
        "All that the program holds has come to the limit on memory, {limit}.",
        _grown,
    ),
    Rule(
        "memory",
        r"(?:can't allocate memory|not enough memory): you tried to allocate (?P<bytes>\d+) bytes",
        "This needs {size} of memory at once, more than there is.",
        _memory,
    ),
    # The sandbox
    Rule(
        "sandbox-files",
        r"^\[Errno 13\] Permission denied: '(?P<name>.+?)'|open file failed with strerror: Permission denied",
        "A program may not write files here: {name}. Menu → Settings → Limits can allow it.",
        _unwritable,
    ),
    Rule(
        "sandbox-network",
        r"^\[Errno 13\] Permission denied$|urlopen error \[Errno 13\]|failure in name resolution",
        "A program may not use the network here. Menu → Settings → Limits can allow it.",
        _no_network,
    ),
    # Nobody to ask
    Rule(
        "input",
        r"^input\(\) has nobody to ask here",
        "input() has nobody to ask here. Write the value into the program.",
    ),
)
