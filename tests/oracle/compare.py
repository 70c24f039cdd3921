"""Bit-for-bit comparison of tensors and of whole backward passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from tests.oracle.oracle import Gradients, Ran


class StepLike(Protocol):
    """The part of a recorded step that every judge can tell."""

    @property
    def name(self) -> str: ...
    @property
    def sequence_nr(self) -> int: ...
    @property
    def grad_outputs(self) -> Gradients: ...
    @property
    def grad_inputs(self) -> Gradients: ...


def same_bits(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two gradients are the same to the last bit (NaN included), or both undefined."""
    if one is None or other is None:
        return one is other
    if (one.shape, one.dtype, one.layout) != (other.shape, other.dtype, other.layout):
        return False
    return all(torch.equal(a, b) for a, b in zip(_bytes(one), _bytes(other), strict=True))


def all_same(one: Sequence[Tensor | None], other: Sequence[Tensor | None]) -> bool:
    """Whether two tuples of gradients are the same to the last bit."""
    return len(one) == len(other) and all(map(same_bits, one, other))


def first_difference(steps: Sequence[StepLike], ran: Sequence[Ran], shift: int = 0, *, passed_on: bool = False) -> str:
    """Say where recorded steps part from the nodes that ran; '' when they never do.

    ``shift`` is what to add to a step's sequence number where ``ran`` comes from a second build of the same graph;
    leaves have the same number in every graph. With ``passed_on``, emitted gradients count only on edges to a node that
    runs too: which of the others a node computes is its own affair (``inputs=`` prunes them, the oracle does not).
    """
    runs = {judge.node for judge in ran}
    for index, (step, judge) in enumerate(zip(steps, ran, strict=False)):
        name, number = judge.node.name().removeprefix("torch::autograd::"), judge.node._sequence_nr()
        if step.name != name:
            return f"step {index} is {step.name}, not {name}"
        if step.sequence_nr + (0 if name == "AccumulateGrad" else shift) != number:
            return f"step {index} ({name}) has sequence number {step.sequence_nr}, not {number - shift}"
        if not all_same(step.grad_outputs, judge.grad_outputs):
            return f"step {index} ({name}): grad_outputs {step.grad_outputs} are not {judge.grad_outputs}"
        emitted, expected = list(step.grad_inputs), list(judge.grad_inputs)
        for slot, (target, _) in enumerate(judge.node.next_functions):
            if passed_on and target not in runs:
                emitted[slot] = expected[slot] = None
        if not all_same(emitted, expected):
            return f"step {index} ({name}): grad_inputs {step.grad_inputs} are not {judge.grad_inputs}"
    return "" if len(steps) == len(ran) else f"{len(steps)} steps, but {len(ran)} nodes ran"


def _bytes(tensor: Tensor) -> list[Tensor]:
    tensor = tensor.detach()
    if tensor.is_sparse:
        return [_bytes(part)[0] for part in (tensor._indices(), tensor._values())]
    if tensor.layout is torch.sparse_csr:
        return [_bytes(part)[0] for part in (tensor.crow_indices(), tensor.col_indices(), tensor.values())]
    plain = tensor.to_dense() if tensor.layout is not torch.strided else tensor
    flat = plain.resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format).flatten()
    return [flat.view(torch.uint8)]
