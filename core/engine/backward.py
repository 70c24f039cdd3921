"""One backward pass of torch's own engine, seen node by node: the iterator and the full-speed recorder.

Every value is torch's own: a hook on each node watches the real engine, which decides order, accumulation, freeing,
errors and warnings as in any run. ``BackwardPass`` lets the engine's thread wait inside the hook; ``record_backward``
does not.
"""

from __future__ import annotations

import gc
import queue
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final, Generic, TypeVar

import msgspec
import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, _HookMixin
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge
from torch.utils.hooks import RemovableHandle

from core.engine.threads import join_thread, start_thread

Gradients = tuple[Tensor | None, ...]
Roots = Tensor | GradientEdge | Sequence[Tensor] | Sequence[GradientEdge]
Seeds = Tensor | None | Sequence[Tensor | None]

current_node: Final[Callable[[], Node]] = torch._C._current_autograd_node
current_task: Final[Callable[[], int]] = torch._C._current_graph_task_id
sequence_number: Final[Callable[[], int]] = torch._C._autograd._get_sequence_nr


class Saved(msgspec.Struct, frozen=True, eq=False):
    """A tensor that a node kept for its backward.

    Attributes:
        name: torch's name without the ``_saved_`` prefix; ``0``, ``1``, … for a custom Function.
        tensor: the tensor; None where a hook packs it, because unpacking would run the program's code.
        version: its version counter now.
    """

    name: str
    tensor: Tensor | None
    version: int = 0


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
            made it larger; else None. Empty where there is none, and from ``record_backward``.
        saved: the tensors the node had kept. Empty from ``record_backward``.
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


# ── The graph below the roots ─────────────────────────────────────────────────────────────────────────────────────


def edge_of(root: object) -> GradientEdge | None:
    """The gradient edge of a tensor; None for what torch is going to refuse, and for a tensor inside a transform."""
    if isinstance(root, GradientEdge):
        return root
    with torch._C.DisableTorchFunction():
        if not isinstance(root, Tensor) or not root.requires_grad:
            return None
        try:
            return get_gradient_edge(root)
        except AttributeError:  # a leaf of torch.func.grad under vmap has no edge that Python can see
            return None


def roots_of(tensors: Roots) -> list[GradientEdge]:
    """The gradient edges a backward pass starts from; empty where torch is going to refuse the tensors."""
    edges = [edge_of(root) for root in ([tensors] if isinstance(tensors, Tensor | GradientEdge) else tensors)]
    return [] if None in edges else [edge for edge in edges if edge is not None]


def reachable(roots: Iterable[Node], limit: int | None = None) -> dict[Node, int]:
    """Nodes below the roots, the roots first, each with its number; about ``limit`` of them at most."""
    found = {node: number for number, node in enumerate(dict.fromkeys(roots))}
    stack = list(found)
    while stack:
        if limit is not None and len(found) >= limit:
            break
        for node, _ in stack.pop().next_functions:
            if node is not None and node not in found:
                found[node] = len(found)
                stack.append(node)
    return found


def release(nodes: dict[Node, int]) -> None:
    """Drops the Python wrappers of nodes, roots first: the other way round, freeing a long chain recurses in C."""
    backwards = list(nodes)[::-1]
    nodes.clear()
    while backwards:
        backwards.pop()


_names: dict[type, str] = {}


def node_name(node: Node) -> str:
    """torch's name of a node, without its namespace."""
    kind = type(node)
    if kind in _names:
        return _names[kind]
    name: str = node.name().rpartition("::")[2]
    if kind.__name__ == name:  # nodes without a Python class of their own share one, whose name says nothing
        _names[kind] = name
    return name


def is_accumulator(node: Node) -> bool:
    """Whether the node adds to a leaf's ``.grad``."""
    return node_name(node) == "AccumulateGrad"


def is_custom(node: Node) -> bool:
    """Whether the node is a custom Function's, so that calling it runs the program's code."""
    return isinstance(node, BackwardCFunction)


# ── Hooks on torch's engine ───────────────────────────────────────────────────────────────────────────────────────

PreHook = Callable[[Gradients], None]
PostHook = Callable[[Gradients, Gradients], None]
_registering = threading.Lock()
_make_handle = _HookMixin._register_hook


class Hooks:
    """Hooks on every node of a graph while the context lasts.

    ``after`` runs behind every node but the leaves' AccumulateGrad, which get ``before_leaf`` and ``after_leaf``.
    Hooks that the program registered earlier have run when ours see a value.

    ``Node.register_hook`` spends most of its time on a handle that nobody needs here, so the function that makes the
    handle is replaced while we register. Each node still gets a dictionary of its own.

    Attributes:
        foreign: whether code of the program may run between the nodes: custom Functions, or hooks. Hooks on tensors
            cannot be seen from a node, so this is true once anybody has registered any hook in this process: handles
            are numbered from 0.
        hooked_before: the nodes that had hooks already.
    """

    def __init__(self, nodes: Iterable[Node], after: PostHook, before_leaf: PreHook, after_leaf: PostHook) -> None:
        self.foreign = RemovableHandle.next_id > 0
        self.hooked_before: list[Node] = []
        self._nodes = nodes
        self._hooks = after, before_leaf, after_leaf
        self._placed: list[dict[Any, Any]] = []
        self._registering: Any = None

    def _register(self, existing: dict[Any, Any] | None, hook: Any) -> tuple[dict[Any, Any], Any]:
        if hook not in self._hooks:  # of another thread, at this very moment
            return _make_handle(existing, hook)
        if existing is None:
            existing = OrderedDict()
        elif existing:
            self.hooked_before.append(self._registering)
        existing[hook] = hook
        self._placed.append(existing)
        return existing, None

    def __enter__(self) -> Hooks:
        after, before_leaf, after_leaf = self._hooks
        leaf_of_kind: dict[type, bool] = {}
        with _registering:
            _HookMixin._register_hook = staticmethod(self._register)  # type: ignore[method-assign]
            try:
                for node in self._nodes:
                    self._registering = node
                    kind = type(node)
                    if kind not in leaf_of_kind:
                        leaf_of_kind[kind] = is_accumulator(node)
                        self.foreign |= issubclass(kind, BackwardCFunction)
                    if leaf_of_kind[kind]:
                        node.register_prehook(before_leaf)
                        node.register_hook(after_leaf)
                    else:
                        node.register_hook(after)
            finally:
                _HookMixin._register_hook = staticmethod(_make_handle)  # type: ignore[method-assign]
        return self

    def __exit__(self, *exception: object) -> None:
        for dictionary in self._placed:
            for hook in self._hooks:
                dictionary.pop(hook, None)
        self._placed.clear()
        self.hooked_before.clear()
        self._registering = None


class Task:
    """Tells, inside a hook, the first engine call made by this thread from all others.

    A hook on a node fires for every pass that crosses the node: one nested in a hook, one in another thread, one that
    meets this one in a shared leaf. A nested pass may even fire first; its outer pass has the smaller number.
    """

    def __init__(self) -> None:
        self.number = -1
        self._thread = threading.get_ident()

    def claims(self, number: int) -> bool:
        """Whether the engine call of that number is ours."""
        if number == self.number:
            return True
        if number > self.number != -1:
            return False
        running = threading.get_ident()
        if running != self._thread and any(running == other.ident for other in threading.enumerate()):
            return False  # another Python thread's pass; torch's device threads are not in that list
        self.number = number
        return True


@contextmanager
def uncollected() -> Iterator[None]:
    """Keeps Python's cycle collector from walking all of torch because many records were made at once."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def copy_of(gradient: Tensor | None) -> Tensor | None:
    """The value at this moment, detached."""
    if gradient is None:
        return None
    with torch._C.DisableTorchFunction(), torch.no_grad():
        return gradient.detach().clone()


def copies_of(gradients: Iterable[Tensor | None]) -> Gradients:
    """The values at this moment, detached."""
    return tuple(map(copy_of, gradients))


def _within(limit: int, gradient: Tensor | None) -> Tensor | None:
    """The gradient, or only its shape and dtype where it is too large."""
    if gradient is None or gradient.numel() <= limit:
        return gradient
    with torch._C.DisableTorchFunction(), torch.no_grad():
        return torch.empty_like(gradient, device="meta", layout=torch.strided)


def leaf_of(node: Node) -> Tensor:
    """The leaf of an AccumulateGrad node."""
    return node.variable  # type: ignore[attr-defined]


def grad_left(variable: Tensor, before: Tensor | None, arrived: Tensor | None) -> Tensor | None:
    """``.grad`` as AccumulateGrad left it, even where a post-accumulate hook has taken it away since."""
    with torch._C.DisableTorchFunction(), torch.no_grad():
        if not getattr(variable, "_post_accumulate_grad_hooks", None):
            return copy_of(variable.grad)
        if arrived is None or before is None:
            return copy_of(before if arrived is None else arrived)
        return before + arrived


_saved_names: dict[type, list[str]] = {}


def saved_tensors(node: Node) -> list[Saved]:
    """The tensors a node kept, read without side effects; call while the engine runs the node, before it frees them.

    The raw handles tell whether a hook packs the tensor: unpacking would run the program's code, so it is not done.
    """
    if is_custom(node):
        raw = node._raw_saved_tensors  # type: ignore[attr-defined]
        handles = [(str(position), handle) for position, handle in enumerate(raw)]
    else:
        kind = type(node)
        if kind not in _saved_names:
            _saved_names[kind] = [name for name in dir(kind) if name.startswith("_raw_saved_")]
        handles = [(name.removeprefix("_raw_saved_"), getattr(node, name)) for name in _saved_names[kind]]
    saved: list[Saved] = []
    for name, handle in handles:
        for position, one in enumerate(handle) if isinstance(handle, tuple | list) else [(-1, handle)]:
            label = f"{name}[{position}]" if position >= 0 else name
            if one.unpack_hook is not None:
                saved.append(Saved(label, None))
            elif isinstance(tensor := one.data, Tensor):
                saved.append(Saved(label, tensor, tensor._version))
    return saved


def vjp_before_sum(node: Node, grad_outputs: Gradients, grad_inputs: Gradients) -> Gradients:
    """Each VJP before it was summed to the input's shape; () where broadcasting did nothing.

    The engine sums after calling the node (``validate_outputs`` in torch/csrc/autograd/engine.cpp), so calling the
    node once more, directly, gives the sum's terms. Custom Functions are left alone: their code would run twice.
    """
    arrived = next((g for g in grad_outputs if g is not None), None)
    if arrived is None or is_custom(node) or is_accumulator(node):
        return ()
    if not any(g is not None and _expands_to(g.shape, arrived.shape) for g in grad_inputs):
        return ()
    if any(saved.tensor is None for saved in saved_tensors(node)):
        return ()
    with torch._C.DisableTorchFunction(), torch.no_grad():
        pairs = list(zip(call_node(node, grad_outputs), grad_inputs, strict=True))
    unsummed = tuple(u if u is not None and g is not None and u.shape != g.shape else None for u, g in pairs)
    return unsummed if any(u is not None for u in unsummed) else ()


def call_node(node: Node, grad_outputs: Gradients) -> Gradients:
    """What a node makes of gradients, as such: no hooks, no summing to the inputs' shapes, nothing passed on."""
    emitted = node(*grad_outputs)  # type: ignore[operator]
    return emitted if isinstance(emitted, tuple) else (emitted,)


def _expands_to(small: torch.Size, large: torch.Size) -> bool:
    """Whether a tensor of the one shape broadcasts to the other, different one."""
    if small == large or len(small) > len(large):
        return False
    tail = large[len(large) - len(small) :]
    return all(s in (1, n) for s, n in zip(small, tail, strict=True))


Parcel = TypeVar("Parcel")


class Buffers(Generic[Parcel]):
    """What was sent to each node and has not been taken yet, in the engine's order."""

    def __init__(self) -> None:
        self._sent: dict[tuple[Node, int], list[Parcel]] = defaultdict(list)

    def seed(self, roots: Iterable[GradientEdge], parcels: Iterable[Parcel | None]) -> None:
        """The engine hands the seeds to the roots before it runs any node."""
        for root, parcel in zip(roots, parcels, strict=False):
            if parcel is not None:
                self._sent[root.node, root.output_nr].append(parcel)

    def take(self, node: Node, slots: int) -> tuple[tuple[Parcel, ...], ...]:
        """What has arrived at a node, per slot."""
        return tuple(tuple(self._sent.pop((node, slot), ())) for slot in range(slots))

    def send(self, node: Node, parcels: Iterable[Parcel | None]) -> None:
        """Distributes what a node emitted over its edges."""
        for (target, slot), parcel in zip(node.next_functions, parcels, strict=False):
            if target is not None and parcel is not None:
                self._sent[target, slot].append(parcel)


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

    def kept(gradients: Gradients) -> Gradients:
        return gradients if limit is None else tuple(_within(limit, gradient) for gradient in gradients)

    fired: list[Any] = []  # flat, because one more tuple per node is felt: node, grad_inputs, grad_outputs, node, …
    put = fired.append
    leaves: dict[int, Gradients] = {}
    task, ours = Task(), -1
    before: Tensor | None = None

    def after(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
        nonlocal ours
        if current_task() != ours:
            if not task.claims(current_task()):
                return
            ours = task.number
        if hooks.foreign:
            grad_inputs, grad_outputs = copies_of(kept(grad_inputs)), copies_of(kept(grad_outputs))
        elif limit is not None:
            grad_inputs, grad_outputs = kept(grad_inputs), kept(grad_outputs)
        put(current_node())
        put(grad_inputs)
        put(grad_outputs)

    def before_leaf(grad_outputs: Gradients) -> None:
        nonlocal before
        if task.claims(current_task()):
            before = copy_of(leaf_of(current_node()).grad)

    def after_leaf(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
        if not task.claims(current_task()):
            return
        if before is None and not hooks.foreign:
            left = grad_outputs[0]  # torch made ``.grad`` a copy of it, because we hold it
        else:
            left = grad_left(leaf_of(current_node()), before, grad_outputs[0])
        leaves[len(fired) // 3] = kept((before, left))
        fired.extend((current_node(), (), kept(copies_of(grad_outputs) if hooks.foreign else grad_outputs)))

    nodes = reachable(edge.node for edge in roots_of(tensors))
    try:
        with uncollected():
            with Hooks(nodes, after, before_leaf, after_leaf) as hooks:
                torch.autograd.backward(tensors, grad_tensors, retain_graph, create_graph, inputs=inputs)
            ran = fired[::3]
            numbers = [node._sequence_nr() for node in ran]
            steps = list(map(Step, map(node_name, ran), numbers, fired[2::3], fired[1::3]))
            for at, (grad_before, grad_after) in leaves.items():
                steps[at] = msgspec.structs.replace(steps[at], grad_before=grad_before, grad_after=grad_after)
            if grad_tensors is not None:
                _own_seeds(steps, grad_tensors)
            del ran
    finally:
        fired.clear()
        release(nodes)
    return Pass(tuple(steps))


def _own_seeds(steps: list[Step], seeds: Tensor | Sequence[Tensor | None]) -> None:
    """Puts copies in place of the caller's seeds, which the caller may change."""
    given = [seeds] if isinstance(seeds, Tensor) else seeds
    for at, step in enumerate(steps):
        if any(arrived is seed for arrived in step.grad_outputs if arrived is not None for seed in given):
            steps[at] = msgspec.structs.replace(step, grad_outputs=copies_of(step.grad_outputs))


# ── Step by step ──────────────────────────────────────────────────────────────────────────────────────────────────


class _Closed(BaseException):
    """Raised inside the engine to stop it."""


class BackwardPass(Iterator[Step]):
    """The step-by-step backward iterator: each ``next()`` lets torch's own engine run exactly one node.

    Arguments are those of ``torch.autograd.backward``. What torch raises, ``next()`` raises, unchanged. After the last
    step every ``.grad`` is what ``torch.autograd.backward`` would have left. ``close()``, leaving a ``with`` block or
    dropping the iterator stops the engine after the step it is at; leaves it has not reached keep their ``.grad``.

    The engine runs in a thread of its own, which waits inside the hook behind each node.
    """

    def __init__(
        self,
        tensors: Roots,
        grad_tensors: Seeds = None,
        *,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        self._engine: _Engine | None = _Engine(tensors, grad_tensors, retain_graph, create_graph, inputs)

    def __iter__(self) -> BackwardPass:
        return self

    def __next__(self) -> Step:
        if self._engine is None:
            raise StopIteration
        outcome = self._engine.advance()
        if isinstance(outcome, Step):
            return outcome
        self._engine = None
        if outcome is None:
            raise StopIteration
        raise outcome

    def close(self) -> None:
        """Stops the engine, if it is running, and waits for its thread to end."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

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
            self._thread = start_thread(partial(self._run, caller_settings()), "pullback-engine")
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
        task, buffers = Task(), Buffers[Tensor]()
        before: Tensor | None = None

        def before_leaf(grad_outputs: Gradients) -> None:
            nonlocal before
            if task.claims(current_task()):
                before = copy_of(leaf_of(current_node()).grad)

        def after_leaf(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
            if task.claims(current_task()):
                left = grad_left(leaf_of(current_node()), before, grad_outputs[0])
                self._pause(step_of(current_node(), grad_inputs, grad_outputs, before, left))

        def after(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
            if task.claims(current_task()):
                self._pause(step_of(current_node(), grad_inputs, grad_outputs))

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
        nodes = reachable(root.node for root in roots)
        try:
            with Hooks(nodes, after, before_leaf, after_leaf):
                torch.autograd.backward(tensors, grad_tensors, retain, create, inputs=inputs)
        finally:
            release(nodes)


def seeds_of(tensors: Roots, grad_tensors: Seeds) -> Gradients:
    """The gradient of each root: as given, or the 1 that torch puts in for a scalar."""
    roots = [tensors] if isinstance(tensors, Tensor | GradientEdge) else list(tensors)
    given = [grad_tensors] * len(roots) if grad_tensors is None or isinstance(grad_tensors, Tensor) else grad_tensors
    with torch._C.DisableTorchFunction(), torch.no_grad():
        return tuple(
            torch.ones_like(root) if seed is None and isinstance(root, Tensor) else seed
            for root, seed in zip(roots, given, strict=False)
        )


def caller_settings() -> Callable[[], ExitStack]:
    """The thread-local settings of this thread that a backward pass depends on, to be entered in the engine's."""
    autocast = [(d, torch.get_autocast_dtype(d)) for d in ("cpu", "cuda") if torch.is_autocast_enabled(d)]
    checking = torch.is_autocast_cache_enabled()

    def enter() -> ExitStack:
        stack = ExitStack()
        for device, dtype in autocast:
            stack.enter_context(torch.autocast(device, dtype=dtype, cache_enabled=checking))
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
