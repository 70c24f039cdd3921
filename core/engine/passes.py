"""The backward calls of a program: each one's graph, seeds, steps and errors, as torch's engine ran it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, Node

from core.engine.forward import Forward, place_key
from core.engine.graph import (
    Gradients,
    call_node,
    edge_of,
    is_accumulator,
    is_custom,
    leaf_of,
    node_name,
    reachable,
    release,
    saved_tensors,
)
from core.engine.hooks import (
    Buffers,
    Hooks,
    Task,
    copies_of,
    copy_of,
    current_node,
    current_task,
    grad_left,
    sequence_number,
    vjp_before_sum,
)
from core.engine.live import Live
from core.engine.recording import UNSEEN, Recording, version_of
from core.engine.snapshot import snapshot
from core.engine.verify import Digests
from core.engine.what_if import Plan, seeds_for
from core.records import (
    WHOLE_LIMIT,
    Arrival,
    Edge,
    Event,
    Failure,
    Pass,
    SavedTensor,
    Span,
    Step,
    TensorSnapshot,
)
from core.records import Node as NodeRecord

Probe = Callable[[int, int, Node], None]
"""Looks at a node while its saved tensors are still there: (pass, step, node)."""


class Call:
    """A backward call from its beginning; ``recorded`` once it has reached the engine."""

    __slots__ = ("number", "recorded", "seeded")

    def __init__(self, number: int, seeded: bool) -> None:
        self.number = number
        self.seeded = seeded
        self.recorded = False


class _Local(threading.local):
    """Per thread: the call on its way to the engine, and the passes that are running."""

    def __init__(self) -> None:
        self.coming: Call | None = None
        self.running: list[PassRecorder] = []


class Backward:
    """Sees each backward call of a program, replaces seeds, and records what the engine does.

    Attributes:
        failure: turns an exception, and the call it comes from, into its record.
        digests: takes fingerprints of the gradients that each pass leaves.
        hooked: whether the passes are recorded; the seeds are replaced either way.
        probe: looks at each node as it has run.
        before: is called with the number of each pass and its roots, before it runs.
        live: where the program waits before nodes; None where it does not.
    """

    def __init__(
        self,
        recording: Recording,
        forward: Forward,
        plan: Plan,
        failure: Callable[[BaseException, Span], Failure],
        digests: Digests,
    ) -> None:
        self.recording = recording
        self.forward = forward
        self.plan = plan
        self.failure = failure
        self.digests = digests
        self.hooked = True
        self.probe: Probe | None = None
        self.before: Callable[[int, Sequence[Any]], None] | None = None
        self.live: Live | None = None
        self.births: list[tuple[int, int, int, int]] = []  # nodes [from, to) were made by (pass, step), create_graph
        self._local = _Local()
        forward.during = self.running_step

    def running_step(self) -> tuple[int, int] | None:
        """(pass, step) that this thread's engine is at."""
        running = self._local.running
        return (running[-1].number, running[-1].at) if running else None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stands between the program and torch's engine.

        ``torch.autograd.backward`` and ``grad`` are wrapped because a missing or wrong seed is refused there, before
        the engine is reached through ``_engine_run_backward``, which both modules hold.
        """
        engine = torch.autograd.graph._engine_run_backward
        backward, grad = torch.autograd.backward, torch.autograd.grad

        def wrapped_backward(tensors: Any, grad_tensors: Any = None, *args: Any, **kwargs: Any) -> None:
            if self._on_its_way():
                return backward(tensors, grad_tensors, *args, **kwargs)
            roots = [tensors] if isinstance(tensors, Tensor | GradientEdge) else list(tensors)
            tensors = tensors if isinstance(tensors, Tensor | GradientEdge) else roots
            with self._call("backward") as call:
                grad_tensors = self._seeds(call, roots, grad_tensors)
                return backward(tensors, grad_tensors, *args, **kwargs)

        def wrapped_grad(outputs: Any, inputs: Any, grad_outputs: Any = None, *args: Any, **kwargs: Any) -> Any:
            if self._on_its_way():
                return grad(outputs, inputs, grad_outputs, *args, **kwargs)
            roots = [outputs] if isinstance(outputs, Tensor | GradientEdge) else list(outputs)
            outputs = outputs if isinstance(outputs, Tensor | GradientEdge) else roots
            with self._call("grad") as call:
                grad_outputs = self._seeds(call, roots, grad_outputs)
                return grad(outputs, inputs, grad_outputs, *args, **kwargs)

        def wrapped_engine(roots: Any, *args: Any, **kwargs: Any) -> Any:
            return self._run(engine, roots, *args, **kwargs)

        with ExitStack() as stack:
            for owner, name, new in (
                (torch.autograd, "backward", wrapped_backward),
                (torch.autograd, "grad", wrapped_grad),
                (torch.autograd, "_engine_run_backward", wrapped_engine),
                (torch.autograd.graph, "_engine_run_backward", wrapped_engine),
            ):
                old = getattr(owner, name)
                new.__name__, new.__doc__ = getattr(old, "__name__", name), old.__doc__
                setattr(owner, name, new)
                stack.callback(setattr, owner, name, old)
            yield

    def _on_its_way(self) -> bool:
        """Whether a call is none of the program's, or one that torch has sent through its function modes and back."""
        return self.forward.ignoring or self._local.coming is not None

    @contextmanager
    def _call(self, kind: str) -> Iterator[Call]:
        """Counts a call; one that is refused before it reaches the engine is recorded with its error alone."""
        recording = self.recording
        with recording.lock:
            call = Call(recording.calls, recording.calls in self.plan.seeds)
            recording.calls += 1
        outer, self._local.coming = self._local.coming, call
        try:
            yield call
        except Exception as error:
            if not call.recorded and recording.room > 0 and not self.forward.ignoring:
                PassRecorder(self, kind, call).finish(error=error)
            raise
        finally:
            self._local.coming = outer

    def _seeds(self, call: Call, roots: list[Any], given: Any) -> Any:
        rule = self.plan.seeds.get(call.number)
        if rule is None or not roots:
            return given
        rule.applied += 1
        with torch._C.DisableTorchFunction():
            return seeds_for(rule, self.plan.what_if.seeds[call.number], roots)

    def _run(self, engine: Callable[..., Any], roots: Any, *args: Any, **kwargs: Any) -> Any:
        """The engine call itself, recorded."""
        recording, forward, local = self.recording, self.forward, self._local
        call, local.coming = local.coming, None
        if forward.ignoring:
            return engine(roots, *args, **kwargs)
        if call is None:  # torch's own call, past backward() and grad()
            with recording.lock:
                call = Call(recording.calls, False)
                recording.calls += 1
        if self.before is not None:
            with forward.looking_away():
                self.before(len(recording.passes), roots)
        if not self.hooked:
            with forward.looking_away():
                watch = self.digests.engine_call(roots, 1 << 60)
            with watch, forward.listening():
                return engine(roots, *args, **kwargs)
        if recording.room <= 0:
            self.digests.passes.append(None)
            recording.unrecorded += 1
            return engine(roots, *args, **kwargs)
        kind = "backward" if kwargs.get("accumulate_grad") else "grad"
        call.recorded = True
        with forward.looking_away():
            recorder = PassRecorder(self, kind, call)
            watch = self.digests.engine_call(roots, recording.room)
            recorder.prepare(roots, *args)
        results: Any = ()
        raised: BaseException | None = None
        local.running.append(recorder)
        try:
            with watch, recorder.hooked(), forward.listening():
                results = engine(roots, *args, **kwargs)
            return results
        except BaseException as error:
            raised = error
            raise
        finally:
            local.running.pop()
            with forward.looking_away():
                recorder.finish(results if kind == "grad" else (), raised)


class PassRecorder:
    """Records one pass."""

    def __init__(self, backward: Backward, kind: str, call: Call) -> None:
        self.backward = backward
        self.recording = recording = backward.recording
        self.steps: list[Step] = []
        self._nodes: dict[Node, int] = {}
        self._freed: list[int] = []
        self._buffers = Buffers[tuple[int | None, int, Tensor | None]]()
        self._task = Task()
        self._before: TensorSnapshot | None = None
        self._hooked = False
        self._overwritten = False
        self._born_from = sequence_number()
        self._create_graph = False
        self.hooks = Hooks(())
        place = recording.source.place()
        parent = backward.running_step()
        with recording.lock:
            self.number = len(recording.passes)
            recording.passes.append(
                Pass(
                    "grad" if kind == "grad" else "backward",
                    place.span[0],
                    (),
                    parent=parent,
                    site=place_key(place),
                    span=place.span,
                    seeded=call.seeded,
                )
            )
            recording.running[self.number] = self.steps
        recording.watch_leaves(place.span[0], place_key(place), "assign")
        recording.add(Event("pass", pass_=self.number, line=place.span[0]))
        self._line = place.span[0]

    @property
    def at(self) -> int:
        """The step that the engine is at."""
        return len(self.steps) - self._hooked  # hooks behind a leaf's step belong to it

    def prepare(
        self, roots: Any, seeds: Gradients, keep: bool, create: bool, inputs: Sequence[Any], *rest: Any
    ) -> None:
        """Reads the graph below the roots and hooks its nodes."""
        recording = self.recording
        self._create_graph, self._keep = create, keep
        edges = [edge_of(root) for root in roots]
        known = [edge for edge in edges if edge is not None]
        self._nodes = reachable((edge.node for edge in known), recording.room)
        parcels = [(None, slot, _small(seed)) for slot, seed in enumerate(seeds) if edges[slot] is not None]
        self._buffers.seed(known, [parcel if seeds[parcel[1]] is not None else None for parcel in parcels])
        self.hooks = Hooks(edge.node for edge in known)
        targets = [edge_of(wanted) for wanted in inputs]
        self._update(
            seeds=tuple(self._snapshot(seed) for seed in seeds),
            roots=tuple(self._place_of(edge) for edge in edges),
            inputs=tuple(self._place_of(edge) for edge in targets),
            retain_graph=bool(keep),
            create_graph=bool(create),
            nodes=tuple(self._node_records()),
            edges=tuple(self._edge_records()),
        )

    def hooked(self) -> Hooks:
        """The context in which the pass is heard; only plain functions can be hooks."""

        def after(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
            self._after(grad_inputs, grad_outputs)

        def before(grad_outputs: Gradients) -> Gradients | None:
            return self._arrive(grad_outputs)

        def after_leaf(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
            self._after_leaf(grad_inputs, grad_outputs)

        return self.hooks.place(after, before, after_leaf, before_all=self.backward.live is not None)

    def finish(self, results: Any = (), error: BaseException | None = None) -> None:
        """Closes the record of the pass; an error is explained from all that the record holds by then."""
        unrecorded = len(self._nodes) >= self.recording.room + len(self.steps) > 0
        self._update(
            steps=tuple(self.steps),
            results=tuple(self._snapshot(result) for result in results),
            unrecorded=int(unrecorded),
        )
        self.recording.running.pop(self.number)
        if error is not None:
            self._update(error=self.backward.failure(error, self.recording.passes[self.number].span))
        if self.steps:
            self._born_by(len(self.steps) - 1)  # sums of what the engine captured, made after the last step
        self._buffers.clear()
        release(self._nodes)
        # What hooks left in ``.grad`` is an event of its own; what the steps accumulated is already told.
        self.recording.watch_leaves(self._line, self.recording.passes[self.number].site, "assign")
        self.recording.add(Event("end", pass_=self.number, line=self._line))

    def _update(self, **changes: Any) -> None:
        with self.recording.lock:
            passes = self.recording.passes
            passes[self.number] = msgspec.structs.replace(passes[self.number], **changes)

    def _snapshot(self, tensor: Tensor | None) -> TensorSnapshot | None:
        return snapshot(tensor, full=self.recording.options.full)

    # ── Hooks ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ours(self) -> bool:
        return self._task.claims(current_task())

    def _arrive(self, grad_outputs: Gradients) -> Gradients | None:
        """Before a node: a live run may wait here, and have other gradients put in place of what arrived."""
        if not self._ours():
            return None
        with self.backward.forward.unseen():
            node, live = current_node(), self.backward.live
            overwritten = None
            if live is not None and node in self._nodes:  # others are more than are recorded
                overwritten = live.wait(self.number, len(self.steps), self._nodes[node], grad_outputs)
            self._overwritten = overwritten is not None
            if is_accumulator(node):
                self._before_leaf(node, grad_outputs if overwritten is None else overwritten)
            return overwritten

    def _before_leaf(self, node: Node, grad_outputs: Gradients) -> None:
        leaf = leaf_of(node)
        state = self.recording.leaf_state(leaf)
        if state is None:
            self.recording.value_of(leaf)
            state = self.recording.leaf_state(leaf)
        grad = leaf.grad
        if state is not None and state.mark == (None if grad is None else (id(grad), version_of(grad))):
            self._before = state.grad
        else:
            self._before = self._snapshot(grad)
        self._hooked = self.hooks.on_leaf(node)
        if self._hooked:  # what the hooks do to ``.grad`` comes behind the step, so the step is told now
            arrived = copies_of(grad_outputs)
            after = self._snapshot(grad_left(leaf, copy_of(grad), arrived[0], True))
            self._step(node, (), arrived, after)
            if state is not None:
                state.grad, state.mark = after, UNSEEN

    def _after_leaf(self, grad_inputs: Gradients, grad_outputs: Gradients) -> None:
        if not self._ours():
            return
        with self.backward.forward.unseen():
            if self._hooked:
                self._hooked = False
                self._born_by(len(self.steps) - 1)
                return
            node = current_node()
            leaf = leaf_of(node)
            after = self._snapshot(leaf.grad)
            self._step(node, grad_inputs, grad_outputs, after)
            state = self.recording.leaf_state(leaf)
            if state is not None:
                state.grad_is(leaf.grad, after)

    def _after(self, grad_inputs: Gradients, grad_outputs: Gradients) -> None:
        if self._ours():
            with self.backward.forward.unseen():
                node = current_node()
                if node in self._nodes:  # others are more than are recorded
                    self._step(node, grad_inputs, grad_outputs, None)
                    self.hooks.follow(node)

    def _step(
        self, node: Node, grad_inputs: Gradients, grad_outputs: Gradients, grad_after: TensorSnapshot | None
    ) -> None:
        number = len(self.steps)
        if self.backward.probe is not None:
            self.backward.probe(self.number, number, node)
        sent = self._buffers.take(node, len(grad_outputs))
        arrived = tuple(map(self._snapshot, grad_outputs))
        emitted = tuple(map(self._snapshot, grad_inputs))
        self._buffers.send(
            node, [None if g is None else (number, slot, _small(g)) for slot, g in enumerate(grad_inputs)]
        )
        small = all(g is None or g.numel() <= WHOLE_LIMIT for g in (*grad_outputs, *grad_inputs))
        look = small or self.recording.options.full
        unsummed = vjp_before_sum(node, grad_outputs, grad_inputs) if look else ()
        self.steps.append(
            Step(
                self._nodes[node],
                arrived,
                emitted,
                self._before if is_accumulator(node) else None,
                grad_after,
                tuple(Arrival(step, slot, into) for into, one in enumerate(sent) for step, slot, _ in one),
                tuple(map(self._snapshot, unsummed)),
                tuple(
                    SavedTensor(one.name, self._snapshot(one.tensor), one.version, not self._keep)
                    for one in saved_tensors(node)
                ),
                self._altered(node, sent, grad_outputs, grad_inputs, small),
            )
        )
        self.recording.steps += 1
        self.recording.add(Event("step", pass_=self.number, step=number, line=self._line))
        self._born_by(number)

    def _born_by(self, step: int) -> None:
        """Takes note of the nodes made since the last step."""
        born_to = sequence_number()
        if self._create_graph and born_to > self._born_from:
            self.backward.births.append((self._born_from, born_to, self.number, step))
        self._born_from = born_to

    def _altered(self, node: Node, sent: Any, grad_outputs: Gradients, grad_inputs: Gradients, small: bool) -> str:
        """Whether the reader or a hook of the program changed what arrived, or a hook what was emitted."""
        if self._overwritten:
            return "reader"
        if not small:
            return ""
        with torch._C.DisableTorchFunction(), torch.no_grad():
            for parcels, gradient in zip(sent, grad_outputs, strict=True):
                terms = [term for _, _, term in parcels]
                if gradient is None or not terms or any(term is None for term in terms):
                    continue
                total = terms[0]
                for term in terms[1:]:
                    total = total + term
                if snapshot(total) != snapshot(gradient):
                    return "arrived"
            if node in self.hooks.hooked_before and not (is_accumulator(node) or is_custom(node)):
                for mine, gradient in zip(call_node(node, grad_outputs), grad_inputs, strict=False):
                    if (mine is None) != (gradient is None):
                        return "emitted"
                    if (
                        mine is not None
                        and gradient is not None
                        and snapshot(mine.sum_to_size(gradient.shape)) != snapshot(gradient)
                    ):
                        return "emitted"
        return ""

    # ── The graph as records ──────────────────────────────────────────────────────────────────────────────────────

    def _place_of(self, edge: GradientEdge | None) -> tuple[int, int]:
        return (-1, 0) if edge is None else (self._nodes.get(edge.node, -1), edge.output_nr)

    def _node_records(self) -> Iterator[NodeRecord]:
        made = {node: None if is_accumulator(node) else self.backward.forward.op_of(node) for node in self._nodes}
        inner = {
            target
            for node, op in made.items()
            for target, _ in node.next_functions
            if op is not None and target is not None and made.get(target) == op
        }
        for node, number in self._nodes.items():
            name, sequence, op = node_name(node), node._sequence_nr(), made[node]
            if is_accumulator(node):
                yield NodeRecord(number, name, sequence, value=self.recording.value_of(leaf_of(node)))
            elif op is None:
                yield NodeRecord(number, name, sequence, born=self._born(sequence))
            else:
                outputs = self.recording.ops[op].outputs
                alone = len(outputs) == 1 and node not in inner
                yield NodeRecord(number, name, sequence, op, outputs[0] if alone else None)

    def _born(self, sequence: int) -> tuple[int, int] | None:
        for born_from, born_to, number, step in reversed(self.backward.births):
            if born_from <= sequence < born_to:
                return number, step
        return None

    def _edge_records(self) -> Iterator[Edge]:
        for node, number in self._nodes.items():
            for slot, (target, into) in enumerate(node.next_functions):
                if target is not None and target in self._nodes:
                    yield Edge(number, slot, self._nodes[target], into)


def _small(tensor: Tensor | None) -> Tensor | None:
    """The tensor, where it is small enough to be added up again."""
    return tensor if tensor is not None and tensor.numel() <= WHOLE_LIMIT and not tensor.is_sparse else None
