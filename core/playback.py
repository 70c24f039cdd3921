"""A trace and a cursor → what is known at that moment; stepping back is ``cursor - 1``."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from core.parts import Part, parts
from core.records import Event, Pass, Span, Step, TensorSnapshot, Trace

NEVER = 1 << 60
"""Position of something that no event ever brings."""

EMPTY = frozenset({"empty", "empty_like", "empty_strided", "new_empty"})
"""Operations that give memory as it is."""

NodeKey = tuple[int, int]
"""(index of the pass, id of the node in it)."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """One gradient that reaches a node.

    Attributes:
        at: position in ``Trace.events`` of the event that delivers it.
        source: node that emits it; None for the seed.
        step, slot, into: as in ``records.Arrival``.
        tensor: the gradient; None is undefined, not zero.
    """

    at: int
    source: int | None
    step: int | None
    slot: int
    into: int
    tensor: TensorSnapshot | None


@dataclass(frozen=True, slots=True)
class Buffer:
    """What a node's input buffer holds at one moment.

    Attributes:
        contributions: those that have arrived, in order.
        expected: how many arrive in all.
    """

    contributions: tuple[Contribution, ...]
    expected: int

    @property
    def complete(self) -> bool:
        return len(self.contributions) >= self.expected


class _History:
    """Positions and what held from each on."""

    def __init__(self, initial: TensorSnapshot | None = None) -> None:
        self.initial = initial
        self.positions: list[int] = []
        self.states: list[TensorSnapshot | None] = []

    def add(self, position: int, state: TensorSnapshot | None) -> None:
        self.positions.append(position)
        self.states.append(state)

    def at(self, cursor: int) -> TensorSnapshot | None:
        last = bisect_left(self.positions, cursor) - 1
        return self.states[last] if last >= 0 else self.initial


class Index:
    """Where in the order of events everything happens; built once for a trace.

    Attributes:
        op_at, step_at, pass_at: position of the event that brings each.
        value_at: position from which a value exists.
        step_of: node → index of the step that runs it.
        producer: value → operation that made it.
        leaf_of: value → the first value the same tensor held.
        unfinished: values that were overwritten while the tensor was still being made (see ``_unfinished``).
    """

    def __init__(self, trace: Trace) -> None:
        self.op_at: dict[int, int] = {}
        self.step_at: dict[tuple[int, int], int] = {}
        self.pass_at: dict[int, int] = {}
        for position, event in enumerate(trace.events):
            if event.kind == "op" and event.op is not None:
                self.op_at.setdefault(event.op, position)
            elif event.kind == "step" and event.pass_ is not None and event.step is not None:
                self.step_at.setdefault((event.pass_, event.step), position)
                self.pass_at.setdefault(event.pass_, position)
            elif event.kind == "pass" and event.pass_ is not None:
                self.pass_at.setdefault(event.pass_, position)
        self.pass_order = sorted((at, number) for number, at in self.pass_at.items())
        self.producer: dict[int, int] = {}
        self.value_at: dict[int, int] = {}
        for op in trace.ops:
            at = self.op_at.get(op.id, NEVER)
            for value in op.outputs:
                if value not in op.inputs and value not in self.producer:
                    self.producer[value] = op.id
                    self.value_at[value] = at
        for op in trace.ops:
            at = self.op_at.get(op.id, NEVER)
            for value in op.inputs:
                if value not in self.producer:
                    self.value_at[value] = min(at, self.value_at.get(value, NEVER))
        self.leaf_of: dict[int, int] = {}
        for record in trace.values:
            before = record.previous
            self.leaf_of[record.id] = record.id if before is None else self.leaf_of.get(before, before)
        self.step_of: dict[NodeKey, int] = {}
        for number, backward in enumerate(trace.passes):
            for step_number, step in enumerate(backward.steps):
                self.step_of.setdefault((number, step.node), step_number)
            for node in backward.nodes:
                if node.value is not None:
                    self.value_at.setdefault(node.value, self.pass_at.get(number, NEVER))
        self._trace = trace
        self._inflow: dict[int, dict[int, tuple[Contribution, ...]]] = {}
        self._expected: dict[int, dict[int, int]] = {}
        self.unfinished = _unfinished(trace)
        self.grads, self.datas = self._histories(trace)

    def inflow(self, key: NodeKey) -> tuple[Contribution, ...]:
        """Every contribution that ever reaches a node, in order."""
        if key[0] not in self._inflow:
            self._read_pass(key[0])
        return self._inflow[key[0]].get(key[1], ())

    def expected(self, key: NodeKey) -> int:
        """How many contributions a node waits for."""
        if key[0] not in self._inflow:
            self._read_pass(key[0])
        return self._expected[key[0]].get(key[1], 0)

    def _read_pass(self, number: int) -> None:
        backward = self._trace.passes[number]
        flows: dict[int, list[Contribution]] = {}
        recorded = set()
        for step in backward.steps:
            if step.arrivals:
                recorded.add(step.node)
                flows[step.node] = [
                    self._contribution(backward, number, arrival.step, arrival.slot, arrival.into)
                    for arrival in step.arrivals
                ]
        # Nodes that never ran (pruned by inputs=, or after an error) still receive: follow the edges to them.
        paths: dict[int, int] = {}
        outgoing: dict[int, list[tuple[int, int, int]]] = {}
        for edge in backward.edges:
            outgoing.setdefault(edge.source, []).append((edge.source_slot, edge.target, edge.target_slot))
            paths[edge.target] = paths.get(edge.target, 0) + 1
        for slot, (root, output) in enumerate(backward.roots):
            paths[root] = paths.get(root, 0) + 1
            if root not in recorded:
                flows.setdefault(root, []).append(self._contribution(backward, number, None, slot, output))
        for step_number, step in enumerate(backward.steps):
            for slot, target, into in outgoing.get(step.node, ()):
                if target not in recorded and slot < len(step.grad_inputs) and step.grad_inputs[slot] is not None:
                    arrival = self._contribution(backward, number, step_number, slot, into)
                    flows.setdefault(target, []).append(arrival)
        self._inflow[number] = {node: tuple(flow) for node, flow in flows.items()}
        ran = {step.node for step in backward.steps}
        self._expected[number] = {
            node: len(flows.get(node, ())) if node in ran else count for node, count in paths.items()
        } | {node: len(flows[node]) for node in recorded}

    def _contribution(self, backward: Pass, number: int, step: int | None, slot: int, into: int) -> Contribution:
        if step is None:
            tensor = backward.seeds[slot] if slot < len(backward.seeds) else None
            return Contribution(self.pass_at.get(number, NEVER), None, None, slot, into, tensor)
        source = backward.steps[step]
        tensor = source.grad_inputs[slot] if slot < len(source.grad_inputs) else None
        return Contribution(self.step_at.get((number, step), NEVER), source.node, step, slot, into, tensor)

    def _histories(self, trace: Trace) -> tuple[dict[int, _History], dict[int, _History]]:
        grads: dict[int, _History] = {}
        datas: dict[int, _History] = {}
        nodes = [{node.id: node for node in backward.nodes} for backward in trace.passes]
        for position, event in enumerate(trace.events):
            if event.kind == "step" and event.pass_ is not None and event.step is not None:
                step = trace.passes[event.pass_].steps[event.step]
                node = nodes[event.pass_].get(step.node)
                if node is None or node.value is None or (step.grad_before is None and step.grad_after is None):
                    continue
                leaf = self.leaf_of.get(node.value, node.value)
                grads.setdefault(leaf, _History(step.grad_before)).add(position, step.grad_after)
            elif event.kind == "grad" and event.value is not None and not event.skipped:
                leaf = self.leaf_of.get(event.value, event.value)
                grads.setdefault(leaf, _History(event.before)).add(position, event.after)
            elif event.kind == "data" and event.value is not None and event.value not in self.unfinished:
                leaf = self.leaf_of.get(event.value, event.value)
                datas.setdefault(leaf, _History(event.before)).add(position, event.after)
        return grads, datas


def _unfinished(trace: Trace) -> frozenset[int]:
    """Values overwritten before anybody could have meant them: their numbers are chance, or a step of making others.

    So is the memory of ``torch.empty``, what has no name and is read by nothing but the change, and what a leaf holds
    that only the object it belongs to has named yet (``self.weight``), before torch tracks any use of it.
    """
    reads = Counter(value for op in trace.ops for value in op.inputs)
    empty = {value for op in trace.ops if op.name in EMPTY for value in op.outputs}
    overwritten: set[int] = set()
    used: set[int] = set()
    for op in trace.ops:
        before = [trace.values[value].previous for value in op.outputs if op.inplace]
        replaced = {value for value in before if value is not None}
        overwritten |= replaced
        if op.tracked:
            used.update(value for value in op.inputs if value not in replaced)
    found = set()
    for number in overwritten - used:
        value = trace.values[number]
        unnamed = not value.names and reads[number] == 1
        inner = value.is_leaf and value.requires_grad and all(name.startswith("self.") for name in value.names)
        if unnamed or inner or number in empty:
            found.add(number)
    return frozenset(found)


@dataclass(frozen=True)
class Playback:
    """A trace seen after its first ``cursor`` events; moving gives another Playback.

    Attributes:
        trace: the run.
        cursor: how many events have happened, 0 … ``len(trace.events)``.
        part: how many parts of the next event are being told, where that is a node's step; it has not happened yet.
    """

    trace: Trace = field(compare=False)
    cursor: int = 0
    part: int = 0
    index: Index = field(compare=False, repr=False, kw_only=True)

    @classmethod
    def of(cls, trace: Trace, cursor: int = 0) -> Playback:
        """Opens a trace; the index is built here, once."""
        return cls(trace, index=Index(trace)).at(cursor)

    # ── Moving ────────────────────────────────────────────────────────────────────────────────────────────────────

    def at(self, cursor: int) -> Playback:
        """The same trace with the cursor elsewhere, kept inside the trace."""
        return replace(self, cursor=max(0, min(cursor, len(self.trace.events))), part=0)

    def forward(self) -> Playback:
        return self.at(self.cursor + 1)

    def back(self) -> Playback:
        return self.at(self.cursor - 1)

    def home(self) -> Playback:
        return self.at(0)

    def end(self) -> Playback:
        return self.at(len(self.trace.events))

    def into(self) -> Playback:
        """The next part of the node that runs next; after the last one, and where there are none, the next event."""
        return replace(self, part=self.part + 1) if self.part < len(self.parts) else self.forward()

    def out(self) -> Playback:
        """The inverse of ``into``."""
        if self.part:
            return replace(self, part=self.part - 1)
        before = self.back()
        return replace(before, part=len(before.parts)) if self.cursor else self

    @property
    def at_end(self) -> bool:
        return self.cursor >= len(self.trace.events)

    # ── What happens next ─────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def upcoming(self) -> NodeKey | None:
        """The node that runs next; None where something else happens next."""
        event = None if self.at_end else self.trace.events[self.cursor]
        if event is None or event.kind != "step" or event.pass_ is None or event.step is None:
            return None
        return event.pass_, self.trace.passes[event.pass_].steps[event.step].node

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts of what happens next; () where that is no step of a node."""
        key = self.upcoming
        if key is None:
            return ()
        backward = self.trace.passes[key[0]]
        step = backward.steps[self.index.step_of[key]]
        leaf = "AccumulateGrad" in backward.nodes[key[1]].name
        return parts(step, self.index.expected(key), leaf=leaf)

    @property
    def inside(self) -> Part | None:
        """The part that is being told; None between two events."""
        return self.parts[self.part - 1] if self.part else None

    # ── What just happened ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def event(self) -> Event | None:
        """The event that happened last; None at the start."""
        return self.trace.events[self.cursor - 1] if self.cursor else None

    @property
    def step(self) -> Step | None:
        """The step the engine has just made, if the last event is one."""
        event = self.event
        if event is None or event.kind != "step" or event.pass_ is None or event.step is None:
            return None
        return self.trace.passes[event.pass_].steps[event.step]

    @property
    def subject(self) -> NodeKey | None:
        """The node that is being told part by part, else the one that has just run."""
        return self.upcoming if self.part else self.node

    @cached_property
    def node(self) -> NodeKey | None:
        """The node that has just run."""
        step, event = self.step, self.event
        return (event.pass_, step.node) if step and event and event.pass_ is not None else None

    @cached_property
    def current_pass(self) -> int | None:
        """The pass that began last."""
        before = bisect_left(self.index.pass_order, (self.cursor, -1))
        return self.index.pass_order[before - 1][1] if before else None

    @property
    def line(self) -> int:
        """Line of the program that is running; 0 when unknown."""
        event = self.trace.events[self.cursor] if self.part else self.event
        if event is None:
            return 0
        if event.kind == "op" and event.op is not None:
            return self.trace.ops[event.op].line
        if event.kind in ("pass", "step", "end") and event.pass_ is not None:
            return self.trace.passes[event.pass_].line
        return event.line

    @property
    def span(self) -> Span | None:
        """The expression concerned: of the operation, or of the operation whose node has just run."""
        event = self.trace.events[self.cursor] if self.part else self.event
        if event is None:
            return None
        op = event.op
        if event.kind == "pass" and event.pass_ is not None:
            span = self.trace.passes[event.pass_].span
            return span if span[0] else None
        key = self.subject
        if key is not None:
            op = self.operation_of(key)
        if op is None or not self.trace.ops[op].line:
            return None
        return self.trace.ops[op].span

    def operation_of(self, key: NodeKey) -> int | None:
        """The operation a node belongs to: the one that made it, or that made the leaf it accumulates into."""
        for node in self.trace.passes[key[0]].nodes[key[1] : key[1] + 1]:
            if node.op is not None:
                return node.op
            if node.value is not None:
                return self.index.producer.get(node.value)
        return None

    # ── What is known now ─────────────────────────────────────────────────────────────────────────────────────────

    def ran(self, op: int) -> bool:
        """Whether an operation has run."""
        return self.index.op_at.get(op, NEVER) < self.cursor

    def exists(self, value: int) -> bool:
        """Whether a value has been computed."""
        return self.index.value_at.get(value, 0) < self.cursor

    def began(self, pass_: int) -> bool:
        """Whether a backward call has begun."""
        return self.index.pass_at.get(pass_, NEVER) < self.cursor

    def tensor(self, value: int) -> TensorSnapshot:
        """A value as it stands now, an optimizer's changes included."""
        history = self.index.datas.get(self.index.leaf_of.get(value, value))
        now = history.at(self.cursor) if history else None
        return now if now is not None else self.trace.values[value].tensor

    def arrived(self, key: NodeKey) -> Buffer:
        """What has arrived at a node so far."""
        inflow = self.index.inflow(key)
        return Buffer(tuple(c for c in inflow if c.at < self.cursor), self.index.expected(key))

    def emitted(self, key: NodeKey) -> Step | None:
        """The step of a node that has run by now; None while it has not."""
        step = self.index.step_of.get(key)
        if step is None or self.index.step_at.get((key[0], step), NEVER) >= self.cursor:
            return None
        return self.trace.passes[key[0]].steps[step]

    def grad(self, value: int) -> TensorSnapshot | None:
        """``.grad`` of a leaf now; None is not zero."""
        history = self.index.grads.get(self.index.leaf_of.get(value, value))
        return history.at(self.cursor) if history else None

    def held(self, key: NodeKey) -> tuple[TensorSnapshot | None, ...]:
        """What has arrived at a node so far, summed, per output of its operation; () while nothing has."""
        step = self.emitted(key)
        if step is not None:
            return step.grad_outputs
        buffer = self.arrived(key)
        if not buffer.contributions:
            return ()
        slots: dict[int, TensorSnapshot | None] = {}
        for contribution in buffer.contributions:
            slots[contribution.into] = add(slots.get(contribution.into), contribution.tensor)
        return tuple(slots.get(into) for into in range(max(slots) + 1))


def add(before: TensorSnapshot | None, this: TensorSnapshot | None) -> TensorSnapshot | None:
    """The sum of two gradients as the engine's buffer holds it; an undefined one adds nothing.

    Sums that were never recorded whole are given without a value (``opaque``) rather than invented.
    """
    if before is None or this is None:
        return this if before is None else before
    words = {"float32": "<f4", "float64": "<f8", "complex64": "<c8", "complex128": "<c16"}.get(this.dtype)
    whole = before.data is not None and this.data is not None
    if words is None or not whole or before.shape != this.shape or before.dtype != this.dtype:
        return TensorSnapshot(this.shape, this.dtype, opaque="sum not recorded")
    total = np.frombuffer(before.raw, words) + np.frombuffer(this.raw, words)
    return TensorSnapshot(this.shape, this.dtype, total.astype(words).tobytes())
