"""The parts of a step: what one node does, one thing after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.records import Step

Kind = Literal["arrives", "jacobian", "vjp", "sum"]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a node does before its gradients go on, which is the step itself.

    Attributes:
        kind: 'arrives' the gradient of one path is added, 'jacobian' what the node's operation does to a small change,
            'vjp' the product with what arrived, 'sum' the product is summed to the shape of the input.
        path: number of the path that arrives, from 1; 0 for the other kinds, and where nothing arrives.
    """

    kind: Kind
    path: int = 0


def parts(step: Step, paths: int, *, leaf: bool) -> tuple[Part, ...]:
    """The parts of a step, in order.

    Args:
        step: as recorded.
        paths: how many gradients arrive.
        leaf: whether the node only adds to ``.grad``.
    """
    arrives = tuple(Part("arrives", path) for path in range(1, paths + 1)) or (Part("arrives"),)
    if leaf:
        return arrives
    summed = any(
        wide is not None and narrow is not None and wide.shape != narrow.shape
        for wide, narrow in zip(step.unsummed, step.grad_inputs, strict=False)
    )
    return (*arrives, Part("jacobian"), Part("vjp"), *((Part("sum"),) if summed else ()))
