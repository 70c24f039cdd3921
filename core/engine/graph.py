"""The autograd graph below the roots of a pass: its nodes, what they are, and the tensors they keep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge

AccumulateGrad: Final[type] = torch._C._functions.AccumulateGrad  # type: ignore[attr-defined]
Gradients = tuple[Tensor | None, ...]
Roots = Tensor | GradientEdge | Sequence[Tensor] | Sequence[GradientEdge]
Seeds = Tensor | None | Sequence[Tensor | None]


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


def listed(given: Any) -> Any:
    """Arguments that may come from a generator, as a tuple that can be read more than once; a single one as it is."""
    return given if given is None or isinstance(given, Tensor | GradientEdge) else tuple(given)


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


def runs_program_code(roots: Iterable[Node]) -> bool:
    """Whether there are custom Functions below the roots."""
    nodes = reachable(roots)
    try:
        return any(map(is_custom_kind, set(map(type, nodes))))
    finally:
        release(nodes)


DEEP = 10_000
"""Nodes from which on the wrappers of a graph are freed with care."""


def release(nodes: dict[Node, Any] | list[Node]) -> None:
    """Lets go of nodes, roots first: the other way round, freeing a long chain recurses in C.

    torch keeps the Python wrapper of a node as long as the node. So the wrappers of a deep graph are handed to its
    root, to be dropped in order when the root goes.
    """
    backwards = list(nodes)
    backwards.reverse()
    nodes.clear()
    if len(backwards) > DEEP:
        root = backwards.pop()
        labels_of(root)[_UNWINDER] = _Unwinder(backwards)
        return
    while backwards:
        backwards.pop()


class _Unwinder:
    """Drops wrappers from the end of a list when it is dropped itself."""

    def __init__(self, nodes: list[Node]) -> None:
        self._nodes = nodes

    def __del__(self) -> None:
        while self._nodes:
            self._nodes.pop()


_UNWINDER = "pullback.unwinder"


def labels_of(node: Node) -> dict[str, Any]:
    """The dictionary that torch keeps with a node, for anomaly mode and whoever wants to leave a note."""
    return node.metadata  # type: ignore[return-value]


name_of_kind: dict[type, str] = {}


def node_name(node: Node) -> str:
    """torch's name of a node, without its namespace."""
    kind = type(node)
    if kind in name_of_kind:
        return name_of_kind[kind]
    name: str = node.name().rpartition("::")[2]
    if kind.__name__ == name:  # nodes without a Python class of their own share one, whose name says nothing
        name_of_kind[kind] = name
    return name


def is_accumulator(node: Node) -> bool:
    """Whether the node adds to a leaf's ``.grad``."""
    return type(node) is AccumulateGrad


def is_custom(node: Node) -> bool:
    """Whether the node is a custom Function's, so that calling it runs the program's code."""
    return is_custom_kind(type(node))


def is_custom_kind(kind: type) -> bool:
    """Whether nodes of that class are a custom Function's."""
    return issubclass(kind, BackwardCFunction)


def leaf_of(node: Node) -> Tensor:
    """The leaf of an AccumulateGrad node."""
    return node.variable  # type: ignore[attr-defined]


def call_node(node: Node, grad_outputs: Gradients) -> Gradients:
    """What a node makes of gradients, as such: no hooks, no summing to the inputs' shapes, nothing passed on."""
    emitted = node(*grad_outputs)  # type: ignore[operator]
    return emitted if isinstance(emitted, tuple) else (emitted,)


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
