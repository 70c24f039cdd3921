"""Hooks on torch's own engine: placed just ahead of it on the nodes of a pass, heard in that pass only."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any, Final, Generic, TypeVar

import torch
from torch import Tensor
from torch.autograd.function import _HookMixin
from torch.autograd.graph import GradientEdge, Node
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils.hooks import RemovableHandle

from core.engine.graph import (
    AccumulateGrad,
    Gradients,
    call_node,
    is_accumulator,
    is_custom,
    is_custom_kind,
    leaf_of,
    saved_tensors,
)

current_node: Final[Callable[[], Node]] = torch._C._current_autograd_node
current_task: Final[Callable[[], int]] = torch._C._current_graph_task_id
sequence_number: Final[Callable[[], int]] = torch._C._autograd._get_sequence_nr

PreHook = Callable[[Gradients], Gradients | None]
PostHook = Callable[[Gradients, Gradients], None]
_registering = threading.Lock()
_make_handle = _HookMixin._register_hook


class _HookDict(dict[Any, Any]):
    """What torch keeps a node's hooks in; lighter than its own OrderedDict, and handles can refer to it weakly too."""

    __slots__ = ("__weakref__",)


class Hooks:
    """Hooks on the nodes of one pass, placed just ahead of the engine: on the roots, then on what each node leads to.

    So the graph is not walked before, and what is hooked is still warm in the processor's cache when it runs.

    ``Node.register_hook`` spends most of its time on a handle that nobody needs here, so the function that makes the
    handle is replaced meanwhile. Each node still gets a dictionary of its own.

    Attributes:
        foreign: whether code of the program may run between the nodes reached so far: custom Functions, or hooks.
            Hooks on tensors cannot be seen from a node, so this is true once anybody has registered any hook in this
            process: handles are numbered from 0.
        hooked_before: the nodes that had hooks already.
        nodes: the nodes that are hooked, in the order they were reached.
        reached: the same to look up in, and None, where edges lead nowhere. (One dict for both takes longer.)
        reach: hooks a node that was not reached before.
    """

    def __init__(self, roots: Iterable[Node], on_foreign: Callable[[], None] = lambda: None) -> None:
        self.foreign = RemovableHandle.next_id > 0
        self.hooked_before: set[Node] = set()
        self.nodes: list[Node] = []
        self.reached: set[Node | None] = {None}
        self.reach: Callable[[Any], None]
        self._roots = list(roots)
        self._on_foreign = on_foreign
        self._placed: list[dict[Any, Any]] = []

    def place(self, after: PostHook, before_leaf: PreHook, after_leaf: PostHook, *, before_all: bool = False) -> Hooks:
        """Puts ``after`` behind every node but the leaves' AccumulateGrad, which get the other two.

        With ``before_all``, ``before_leaf`` stands before every other node too.

        They are plain functions, shared by the nodes, so they ask for the ``current_node``: an object per node costs
        more. ``after`` is to ``follow`` every node of its pass. Hooks that the program registered
        earlier have run when ours see a value.
        """
        keep, keep_node, keep_reached, known = self._placed.append, self.nodes.append, self.reached.add, set[type]()
        placing: Node

        def reach(node: Node) -> None:
            nonlocal placing
            placing = node
            keep_node(node)
            keep_reached(node)
            kind = type(node)
            if before_all and kind is not AccumulateGrad:
                node.register_prehook(before_leaf)
            if kind in known:
                node.register_hook(after)
            elif kind is AccumulateGrad:
                node.register_prehook(before_leaf)
                node.register_hook(after_leaf)
            else:
                known.add(kind)
                node.register_hook(after)
                if is_custom_kind(kind) and not self.foreign:
                    self.foreign = True
                    self._on_foreign()

        def standing_in_for(other: MakeHandle) -> MakeHandle:
            def make_handle(existing: dict[Any, Any] | None, hook: Any) -> tuple[dict[Any, Any], Any]:
                if hook is not after and hook is not before_leaf and hook is not after_leaf:
                    return other(existing, hook)  # the program's, which get their handle as ever, from any thread
                if existing is None:
                    existing = _HookDict()
                elif existing:
                    self.hooked_before.add(placing)
                existing[self] = hook
                keep(existing)
                return existing, None

            return make_handle

        self.reach = reach
        with _registering:
            _placers[self] = standing_in_for
            _stand_in()
        for root in dict.fromkeys(self._roots):
            reach(root)
        return self

    def follow(self, node: Node) -> None:
        """Reaches what the node leads to."""
        for lower, _ in node.next_functions:
            if lower not in self.reached:
                self.reach(lower)

    def on_leaf(self, node: Node) -> bool:
        """Whether code of the program may have run between a leaf's accumulation and the hook behind it."""
        return node in self.hooked_before or bool(getattr(leaf_of(node), "_post_accumulate_grad_hooks", None))

    def __enter__(self) -> Hooks:
        return self

    def __exit__(self, *exception: object) -> None:
        with _registering:
            del _placers[self]
            _stand_in()
        for dictionary in self._placed:
            dictionary.pop(self, None)
        self._placed.clear()
        self.hooked_before.clear()
        self.reached.clear()
        # They know this object, and much else, and a cycle would keep it all.
        del self._on_foreign, self.reach


MakeHandle = Callable[[dict[Any, Any] | None, Any], tuple[dict[Any, Any], Any]]
_placers: dict[Hooks, Callable[[MakeHandle], MakeHandle]] = {}
"""Who places hooks now → its way to stand in for what makes handles."""


def _stand_in() -> None:
    """Replaces torch's function by those of all that place hooks, each of which passes on what is not its own."""
    make_handle: MakeHandle = _make_handle
    for standing_in_for in _placers.values():
        make_handle = standing_in_for(make_handle)
    _HookMixin._register_hook = staticmethod(make_handle)  # type: ignore[method-assign]


class Task:
    """Tells, inside a hook, one engine call from all others: the next that this thread makes from where it is now.

    A hook on a node fires for every pass that crosses the node: one nested in a hook, which may even come first, one in
    another thread, one that meets this one in a shared leaf.
    """

    def __init__(self) -> None:
        self.number = -1
        self._thread = threading.get_ident()
        self._depth = _engine_calls()

    def claims(self, number: int) -> bool:
        """Whether the engine call of that number is ours."""
        if self.number != -1:
            return number == self.number
        running = threading.get_ident()
        if running == self._thread:
            if _engine_calls() != self._depth + 1:
                return False
        elif any(running == other.ident for other in threading.enumerate()):
            return False  # another Python thread's pass; torch's device threads are not in that list
        self.number = number
        return True


def _engine_calls() -> int:
    """How many calls of torch's engine this thread is inside of."""
    at: FrameType | None = sys._getframe()
    calls = 0
    while at is not None:  # until None, because a variable that holds its own frame is a cycle
        calls += at.f_code is _ENGINE_CALL
        at = at.f_back
    return calls


_ENGINE_CALL: Final = torch.autograd.graph._engine_run_backward.__code__


Parcel = TypeVar("Parcel")


class Buffers(Generic[Parcel]):
    """What was sent to each node and has not been taken yet, in the engine's order."""

    def __init__(self) -> None:
        self._sent: dict[tuple[Node, int], list[Parcel]] = defaultdict(list)

    def clear(self) -> None:
        """Forgets what was not taken."""
        self._sent.clear()

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


# ── Values, taken inside a hook ──────────────────────────────────────────────────────────────────────────────────


@contextmanager
def unobserved() -> Iterator[None]:
    """Around operations of our own: no mode of the program sees them, no node is made."""
    modes: AbstractContextManager[Any] = (
        _disable_current_modes() if torch._C._len_torch_dispatch_stack() else nullcontext()
    )
    with torch._C.DisableTorchFunction(), modes, torch.no_grad():
        yield


def copy_of(gradient: Tensor | None) -> Tensor | None:
    """The value at this moment, detached."""
    if gradient is None:
        return None
    with unobserved():
        return gradient.detach().clone()


def copies_of(gradients: Iterable[Tensor | None]) -> Gradients:
    """The values at this moment, detached."""
    return tuple(map(copy_of, gradients))


def grad_left(variable: Tensor, before: Tensor | None, arrived: Tensor | None, hooked: bool) -> Tensor | None:
    """``.grad`` as AccumulateGrad left it; ``hooked`` where code of the program has run on it since."""
    with unobserved():
        if not hooked or arrived is None:
            return copy_of(variable.grad)
        if before is None:
            return arrived
        return arrived + before if before.is_sparse else before + arrived  # torch refuses sparse + dense


def vjp_before_sum(node: Node, grad_outputs: Gradients, grad_inputs: Gradients) -> Gradients:
    """Each VJP before it was summed to the input's shape; () where broadcasting did nothing.

    The engine sums after calling the node (``validate_outputs`` in torch/csrc/autograd/engine.cpp), so calling the
    node once more, directly, gives the sum's terms. Custom Functions are left alone: their code would run twice.
    """
    arrived = next((g for g in grad_outputs if g is not None), None)
    if arrived is None or is_custom(node) or is_accumulator(node):
        return ()
    if any(g is not None and g.is_nested for g in (*grad_outputs, *grad_inputs)):  # which have no one shape
        return ()
    if not any(g is not None and _expands_to(g.shape, arrived.shape) for g in grad_inputs):
        return ()
    if any(saved.tensor is None for saved in saved_tensors(node)):
        return ()
    with unobserved():
        pairs = list(zip(call_node(node, grad_outputs), grad_inputs, strict=True))
    unsummed = tuple(u if u is not None and g is not None and u.shape != g.shape else None for u, g in pairs)
    return unsummed if any(u is not None for u in unsummed) else ()


def _expands_to(small: torch.Size, large: torch.Size) -> bool:
    """Whether a tensor of the one shape broadcasts to the other, different one."""
    if small == large or len(small) > len(large):
        return False
    tail = large[len(large) - len(small) :]
    return all(s in (1, n) for s, n in zip(small, tail, strict=True))
