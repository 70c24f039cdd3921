"""One backward pass of torch's own engine, seen node by node: the iterator and the full-speed recorder.

Every value is torch's own: a hook on each node watches the real engine, which decides order, accumulation, freeing,
errors and warnings as in any run. ``BackwardPass`` lets the engine's thread wait inside the hook; ``record_backward``
does not.
"""

from __future__ import annotations

import contextvars
import gc
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, Node
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from core.engine.graph import (
    Gradients,
    Roots,
    Saved,
    Seeds,
    leaf_of,
    listed,
    name_of_kind,
    node_name,
    release,
    roots_of,
    runs_program_code,
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
    unobserved,
    vjp_before_sum,
)
from core.engine.threads import join_thread, start_thread


class Step(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One node run by the engine.

    Attributes:
        name: torch's name of the node, such as ``MulBackward0`` or ``AccumulateGrad``.
        sequence_nr: torch's sequence number; 2⁶⁴−1 for AccumulateGrad.
        grad_outputs: what arrived, accumulated, one entry per output of the forward operation; None is undefined.
        grad_inputs: the VJPs it emitted, as the engine passes them on, one entry per ``next_functions`` entry.
        grad_before, grad_after: ``.grad`` of the leaf, for AccumulateGrad; else None.
        contributions: per entry of ``grad_outputs``, the gradients that were summed, in order of arrival.
        unsummed: per entry of ``grad_inputs``, the VJP before it was summed to the input's shape, where broadcasting
            made it larger; else None. Empty where there is none.
        saved: the tensors the node had kept.

    ``record_backward`` leaves the last three empty: they cost more than the pass.
    """

    name: str
    sequence_nr: int
    grad_outputs: Gradients
    grad_inputs: Gradients
    grad_before: Tensor | None = None
    grad_after: Tensor | None = None
    contributions: tuple[tuple[Tensor, ...], ...] = ()
    unsummed: Gradients = ()
    saved: tuple[Saved, ...] = ()


class Pass(msgspec.Struct, frozen=True, eq=False):
    """A whole backward pass.

    Attributes:
        steps: every node the engine ran, in its order.
    """

    steps: tuple[Step, ...]


# ── At full speed ─────────────────────────────────────────────────────────────────────────────────────────────────


def record_backward(
    tensors: Roots,
    grad_tensors: Seeds = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
    limit: int | None = None,
) -> Pass:
    """Runs one backward pass at full speed and returns every step of it.

    Arguments and effects are those of ``torch.autograd.backward``, and so is whatever is raised. Gradients are held,
    not copied, unless hooks or custom Functions of the program could change them in place meanwhile; ``.grad`` is
    always copied. Held gradients cost the memory that the engine would have used again: above ``limit`` elements only
    their shape and dtype are kept, as tensors on the meta device.
    """
    tensors, grad_tensors = listed(tensors), listed(grad_tensors)
    roots = [edge.node for edge in roots_of(tensors)]
    steps: list[Step] = []
    add, names, current = steps.append, name_of_kind, current_node
    before: Tensor | None = None
    arrived: Gradients = ()
    stand_ins: dict[tuple[torch.Size, torch.dtype], Tensor] = {}
    careful = limit is not None or threading.active_count() > 1

    def after(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
        node = current()
        if careful:
            if not task.claims(current_task()):
                return
            grad_inputs, grad_outputs = keep(grad_inputs), keep(grad_outputs)
        add(Step(names.get(type(node)) or node_name(node), node._sequence_nr(), grad_outputs, grad_inputs))
        for lower, _ in node.next_functions:  # hooks.follow(node), without the call
            if lower not in reached:
                hooks.reach(lower)

    def before_leaf(grad_outputs: Gradients) -> None:
        nonlocal before, arrived
        if task.claims(current_task()):
            before = copy_of(leaf_of(current_node()).grad)
            arrived = keep(grad_outputs)  # here, because ``.grad`` may become this very tensor

    def after_leaf(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
        if not task.claims(current_task()):
            return
        node = current_node()
        if before is None and not hooks.foreign:
            left = grad_outputs[0]  # torch made ``.grad`` a copy of it, because we hold it
        else:
            left = grad_left(leaf_of(node), before, arrived[0], hooks.on_leaf(node))
        grad_before, grad_after = keep((before, left))
        add(Step(node_name(node), node._sequence_nr(), arrived, (), grad_before, grad_after))

    def keep(gradients: Gradients) -> Gradients:
        within = tuple(map(within_limit, gradients))
        return copies_of(within) if hooks.foreign else within

    def within_limit(gradient: Tensor | None) -> Tensor | None:
        if limit is None or gradient is None or gradient.is_nested or gradient.numel() <= limit:
            return gradient
        kind = gradient.shape, gradient.dtype
        if (stand_in := stand_ins.get(kind)) is None:
            with unobserved():
                stand_in = stand_ins[kind] = torch.empty(gradient.shape, dtype=gradient.dtype, device="meta")
        return stand_in

    def stop_holding() -> None:
        nonlocal careful, arrived
        careful, arrived = True, copies_of(arrived)
        steps[:] = map(_copied, steps)

    with without_cycle_collector():
        task, hooks = Task(), Hooks(roots, stop_holding)
        careful |= hooks.foreign
        reached = hooks.reached
        if grad_tensors is not None and not hooks.foreign and not runs_program_code(roots):
            grad_tensors = own_seeds(grad_tensors)
        try:
            with hooks.place(after, before_leaf, after_leaf):
                torch.autograd.backward(tensors, grad_tensors, retain_graph, create_graph, inputs=inputs)
            return Pass(tuple(steps))
        finally:
            release(hooks.nodes)


def _copied(step: Step) -> Step:
    """With gradients of its own."""
    return msgspec.structs.replace(
        step,
        grad_outputs=copies_of(step.grad_outputs),
        grad_inputs=copies_of(step.grad_inputs),
        grad_after=copy_of(step.grad_after),
    )


@contextmanager
def without_cycle_collector() -> Iterator[None]:
    """Around the making of very many objects, which would have Python walk all of torch in search of cycles."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():  # straight to the old ones, instead of being looked through at once
                gc.freeze()
                gc.unfreeze()
            gc.enable()


# ── Step by step ──────────────────────────────────────────────────────────────────────────────────────────────────


class _Closed(BaseException):
    """Raised inside the engine to stop it."""


class BackwardPass(Iterator[Step]):
    """The step-by-step backward iterator: each ``next()`` lets torch's own engine run exactly one node.

    Arguments are those of ``torch.autograd.backward``. What torch raises, ``next()`` raises, unchanged. After the last
    step every ``.grad`` is what ``torch.autograd.backward`` would have left. ``close()``, leaving a ``with`` block or
    dropping the iterator stops the engine after the step it is at; leaves it has not reached keep their ``.grad``.

    The engine runs in a thread of its own, which waits inside the hook behind each node. Like a generator, the iterator
    refuses with a ValueError to be advanced or closed while it runs a node, by a hook or from another thread.
    """

    _engine: _Engine | None = None  # there is none to close where the constructor refused its arguments

    def __init__(
        self,
        tensors: Roots,
        grad_tensors: Seeds = None,
        *,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        self._advancing = threading.Lock()
        self._engine = _Engine(tensors, grad_tensors, retain_graph, create_graph, inputs)

    def __iter__(self) -> BackwardPass:
        return self

    def __next__(self) -> Step:
        with self._alone():
            outcome = None if self._engine is None else self._engine.advance()
            if not isinstance(outcome, Step):
                self._engine = None
        if isinstance(outcome, Step):
            return outcome
        if outcome is None:
            raise StopIteration
        raise outcome

    def close(self) -> None:
        """Stops the engine, if it is running, and waits for its thread to end."""
        engine = self._engine
        if engine is not None:
            with self._alone():
                engine.close()
                self._engine = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._advancing.acquire(blocking=False):
            raise ValueError("the backward pass is running a node already")
        try:
            yield
        finally:
            self._advancing.release()

    def __enter__(self) -> BackwardPass:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class _Engine:
    """torch's engine in a thread that waits behind every node."""

    def __init__(self, tensors: Roots, grad_tensors: Seeds, retain: bool | None, create: bool, inputs: Any) -> None:
        self._arguments = tensors, grad_tensors, retain, create, inputs
        self._create_graph = create
        self._go: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True: run a node; False: stop
        self._outcomes: queue.SimpleQueue[Step | BaseException | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._sequence = 0

    def advance(self) -> Step | BaseException | None:
        """Lets one node run; returns its step, what torch raised, or None at the end."""
        self._sequence = sequence_number()
        if self._thread is None:
            run = partial(contextvars.copy_context().run, self._run, caller_settings())
            self._thread = start_thread(run, "pullback-engine")
        else:
            self._go.put(True)
        outcome = self._outcomes.get()
        if not isinstance(outcome, Step):
            join_thread(self._thread)
        if self._create_graph:
            advance_sequence_number(self._sequence)
        return outcome

    def close(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            self._go.put(False)
            join_thread(self._thread)

    def _pause(self, step: Step) -> None:
        self._sequence = sequence_number()
        self._outcomes.put(step)
        if not self._go.get():
            raise _Closed
        if self._create_graph:
            advance_sequence_number(self._sequence)

    def _run(self, settings: Callable[[], ExitStack]) -> None:
        outcome: BaseException | None = None
        try:
            with settings():
                if self._create_graph:
                    advance_sequence_number(self._sequence)
                self._backward()
        except _Closed:
            pass
        except BaseException as error:
            outcome = error
        self._sequence = sequence_number()
        self._outcomes.put(outcome)

    def _backward(self) -> None:
        tensors, grad_tensors, retain, create, inputs = self._arguments
        del self._arguments
        tensors, grad_tensors = listed(tensors), listed(grad_tensors)
        task, buffers = Task(), Buffers[Tensor]()
        before: Tensor | None = None
        arrived: Gradients = ()

        def before_leaf(grad_outputs: Gradients) -> None:
            nonlocal before, arrived
            if task.claims(current_task()):
                before = copy_of(leaf_of(current_node()).grad)
                arrived = copies_of(grad_outputs)  # here, because ``.grad`` may become this very tensor

        def after_leaf(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
            if task.claims(current_task()):
                node = current_node()
                left = grad_left(leaf_of(node), before, arrived[0], hooks.on_leaf(node))
                self._pause(step_of(node, grad_inputs, arrived, before, left))

        def after(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
            if task.claims(current_task()):
                node = current_node()
                hooks.follow(node)
                self._pause(step_of(node, grad_inputs, grad_outputs))

        def step_of(
            node: Node,
            grad_inputs: Gradients,
            grad_outputs: Gradients,
            grad_before: Tensor | None = None,
            grad_after: Tensor | None = None,
        ) -> Step:
            emitted = copies_of(grad_inputs)
            arrived = buffers.take(node, len(grad_outputs))
            buffers.send(node, emitted)
            return Step(
                node_name(node),
                node._sequence_nr(),
                copies_of(grad_outputs),
                emitted,
                grad_before,
                grad_after,
                arrived,
                vjp_before_sum(node, grad_outputs, grad_inputs),
                tuple(saved_tensors(node)),
            )

        roots = roots_of(tensors)
        buffers.seed(roots, copies_of(seeds_of(tensors, grad_tensors)))
        hooks = Hooks(root.node for root in roots)
        try:
            with hooks.place(after, before_leaf, after_leaf):
                torch.autograd.backward(tensors, grad_tensors, retain, create, inputs=inputs)
        finally:
            buffers.clear()
            release(hooks.nodes)


def seeds_of(tensors: Roots, grad_tensors: Seeds) -> Gradients:
    """The gradient of each root: as given, or the 1 that torch puts in for a scalar; None for what it will refuse."""
    roots = [tensors] if isinstance(tensors, Tensor | GradientEdge) else list(tensors)
    given = [grad_tensors] * len(roots) if grad_tensors is None or isinstance(grad_tensors, Tensor) else grad_tensors
    with unobserved():
        return tuple(
            seed
            if isinstance(seed, Tensor)
            else torch.ones_like(root)
            if seed is None and isinstance(root, Tensor)
            else None
            for root, seed in zip(roots, given, strict=False)
        )


def own_seeds(grad_tensors: Seeds) -> Seeds:
    """Copies of the caller's seeds, which it may change later; seeds that are to be differentiated stay themselves."""
    given = [grad_tensors] if isinstance(grad_tensors, Tensor) else grad_tensors
    if given is None or not all(
        seed is None or (isinstance(seed, Tensor) and not seed.requires_grad) for seed in given
    ):
        return grad_tensors
    return copy_of(grad_tensors) if isinstance(grad_tensors, Tensor) else copies_of(given)


def caller_settings() -> Callable[[], ExitStack]:
    """What this thread has set that a backward pass depends on, to be entered in the engine's thread."""
    autocast = [(d, torch.get_autocast_dtype(d)) for d in ("cpu", "cuda") if torch.is_autocast_enabled(d)]
    caching = torch.is_autocast_cache_enabled()
    inference = torch.is_inference_mode_enabled()
    packing = torch._C._autograd._top_saved_tensors_default_hooks(True)
    threads = torch.get_num_threads()  # set for all, but MKL and OpenMP keep it per thread
    modes = [*_get_current_function_mode_stack(), *_get_current_dispatch_mode_stack()]

    def enter() -> ExitStack:
        torch.set_num_threads(threads)
        stack = ExitStack()
        for device, dtype in autocast:
            stack.enter_context(torch.autocast(device, dtype=dtype, cache_enabled=caching))
        if inference:
            stack.enter_context(torch.inference_mode())
        if packing is not None:
            stack.enter_context(torch.autograd.graph.saved_tensors_hooks(*packing))
        for mode in modes:
            stack.enter_context(mode)
        return stack

    return enter


def advance_sequence_number(number: int) -> None:
    """Brings this thread's counter of autograd nodes up to ``number``.

    The counter is per thread and decides the order of a later pass; with create_graph the nodes made in the engine's
    thread must count on from the caller's, as they do when the caller runs the engine. It can only be moved by making
    nodes.
    """
    if sequence_number() >= number:
        return
    with torch._C.DisableTorchFunction(), torch.enable_grad():
        leaf = torch.empty(0, requires_grad=True)
        while sequence_number() < number:
            leaf.view_as(leaf)
