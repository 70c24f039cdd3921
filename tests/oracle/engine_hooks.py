"""What torch's own engine does in one backward pass, reported by its public hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from tests.oracle.oracle import Gradients, Node, Ran, edge_of, reachable


def observed_backward(
    roots: Sequence[Tensor | GradientEdge], seeds: Sequence[Tensor | None] | None = None, **options: Any
) -> list[Ran]:
    """Run ``torch.autograd.backward`` and return every node that ran, as a post-hook of each node saw it.

    The gradients are copied: a leaf's ``.grad`` may be the very tensor that arrived, and a later pass adds to it.
    """
    ran: list[Ran] = []

    def watch(node: Node) -> Any:
        def after(grad_inputs: Gradients, grad_outputs: Gradients) -> None:
            ran.append(Ran(node, copies(grad_outputs), copies(grad_inputs)))

        return node.register_hook(after)

    nodes = reachable(edge_of(root)[0] for root in roots)  # held to the end: a leaf alone does not keep its node
    handles = [watch(node) for node in nodes]
    try:
        torch.autograd.backward(roots, seeds, **options)
    finally:
        for handle in handles:
            handle.remove()
        del nodes
    return ran


def copies(gradients: Gradients) -> Gradients:
    """The values at this moment."""
    with torch.no_grad():
        return tuple(None if gradient is None else gradient.detach().clone() for gradient in gradients)
