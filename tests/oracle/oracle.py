"""A backward pass without torch's engine: every node is called by hand, in the engine's order.

The whole of reverse-mode differentiation over a recorded graph is ``backward``: pop the ready node, call it with what
has arrived, send what it emits along its edges, and let a node become ready when nothing more can arrive.

It fires no hooks and frees no saved tensors, and it calls the nodes that torch generates as well as ``AccumulateGrad``
and ``torch.autograd.Function`` (``torch/csrc/autograd/engine.cpp``: ``Engine::execute``, ``evaluate_function``,
``validate_outputs``; ``input_buffer.cpp``: ``accumulate``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from tests.oracle.ready_queue import ReadyQueue

Node: TypeAlias = Any  # torch.autograd.graph.Node, whose stub lacks _sequence_nr and _input_metadata
Gradients: TypeAlias = tuple[Tensor | None, ...]


class Ran(NamedTuple):
    """One node that ran.

    Attributes:
        node: the node itself.
        grad_outputs: what arrived, accumulated; None where nothing did.
        grad_inputs: what it emitted, one for each edge, as passed on.
    """

    node: Node
    grad_outputs: Gradients
    grad_inputs: Gradients


def backward(
    roots: Sequence[Tensor | GradientEdge],
    seeds: Sequence[Tensor | None] | None = None,
    *,
    inputs: Sequence[Tensor] | None = None,
) -> Iterator[Ran]:
    """Run the backward pass of ``roots``, one node for each ``next()``; leaves receive their ``.grad``."""
    root_edges = [edge_of(root) for root in roots]
    seeds = seeds or [None] * len(root_edges)
    arriving = [
        torch.ones_like(root) if seed is None and isinstance(root, Tensor) else seed
        for root, seed in zip(roots, seeds, strict=True)
    ]
    graph = reachable(node for node, _ in root_edges)
    needed = set(graph) if inputs is None else leading_to({edge_of(tensor)[0] for tensor in inputs}, graph)
    dependencies = Counter(target for target, _ in root_edges)
    for node in graph:
        dependencies.update(target for target, _ in node.next_functions if target is not None)

    buffers: dict[Node, list[Tensor | None]] = {}
    ready: ReadyQueue[Node] = ReadyQueue()

    def send(edges: Iterable[tuple[Node | None, int]], gradients: Sequence[Tensor | None]) -> None:
        for (target, slot), gradient in zip(edges, gradients, strict=True):
            if target is None:
                continue
            dependencies[target] -= 1
            if target not in needed:
                continue
            buffer = buffers.setdefault(target, [None] * len(target._input_metadata))
            buffer[slot] = accumulate(buffer[slot], gradient)
            if dependencies[target] == 0:
                ready.push(target._sequence_nr(), target)

    with torch.no_grad():
        send(root_edges, [fit(gradient, edge) for gradient, edge in zip(arriving, root_edges, strict=True)])
        while ready:
            node = ready.pop()
            grad_outputs = tuple(buffers.pop(node))
            grad_inputs = call(node, grad_outputs)
            send(node.next_functions, grad_inputs)
            yield Ran(node, grad_outputs, grad_inputs)


def call(node: Node, grad_outputs: Gradients) -> Gradients:
    """Return the VJPs of ``node``, each brought to the shape and dtype of the edge it leaves by."""
    edges = node.next_functions
    if isinstance(node, torch.autograd.function.BackwardCFunction):
        emitted = of_tensors(node, node.apply(*grad_outputs))
    else:
        emitted = node(*grad_outputs)
    if not edges:  # AccumulateGrad: the gradient went into .grad
        return ()
    if not isinstance(emitted, tuple):
        emitted = (emitted,)
    return tuple(fit(gradient, edge) for gradient, edge in zip(emitted, edges, strict=True))


def of_tensors(node: Node, returned: Any) -> Gradients:
    """Return a custom Function's gradients, one for each edge: its other arguments have a gradient but no edge."""
    gradients = returned if isinstance(returned, tuple) else (returned,)
    wanted = iter([gradient for gradient, wants in zip(gradients, node.needs_input_grad, strict=False) if wants])
    return tuple(None if target is None else next(wanted) for target, _ in node.next_functions)


def fit(gradient: Tensor | None, edge: tuple[Node | None, int]) -> Tensor | None:
    """Undo broadcasting and type promotion: what an edge carries has the shape and dtype of the forward value."""
    target, slot = edge
    if gradient is None or target is None:
        return gradient
    value = target._input_metadata[slot]
    if not value.is_nested_tensor and gradient.shape != tuple(value.shape):
        gradient = gradient.sum_to_size(value.shape)
    if gradient.is_complex() and not value.dtype.is_complex:
        gradient = gradient.real
    return gradient.to(value.dtype)


def accumulate(present: Tensor | None, gradient: Tensor | None) -> Tensor | None:
    """Add to an input buffer; an undefined gradient adds nothing, and a sparse one is added to the other."""
    if present is None or gradient is None:
        return gradient if present is None else present
    return gradient + present if present.is_sparse else present + gradient


def edge_of(tensor: Tensor | GradientEdge) -> tuple[Node, int]:
    """Return the edge at which gradient of ``tensor`` arrives: a node and its slot."""
    node, slot, *_ = tensor if isinstance(tensor, GradientEdge) else get_gradient_edge(tensor)
    return node, slot


def reachable(roots: Iterable[Node]) -> list[Node]:
    """Return every node that the gradient of ``roots`` can reach, each once, in the order of discovery."""
    found = dict.fromkeys(roots)
    unvisited = list(found)
    while unvisited:
        for target, _ in unvisited.pop().next_functions:
            if target is not None and target not in found:
                found[target] = None
                unvisited.append(target)
    return list(found)


def leading_to(goals: set[Node], graph: Sequence[Node]) -> set[Node]:
    """Return the nodes of ``graph`` from which a goal is reached, goals included: those that ``inputs=`` runs."""
    feeds: dict[Node, list[Node]] = {node: [] for node in graph}
    for node in graph:
        for target, _ in node.next_functions:
            if target is not None:
                feeds[target].append(node)
    needed = set(goals)
    unvisited = [goal for goal in goals if goal in feeds]
    while unvisited:
        for node in feeds[unvisited.pop()]:
            if node not in needed:
                needed.add(node)
                unvisited.append(node)
    return needed
