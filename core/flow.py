"""How large gradients are, of every leaf and at every step of a pass, and what is odd about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from core.playback import Playback
from core.records import TensorSnapshot

VANISHING: Final = 1e-4
"""Share of the largest gradient of the pass below which one is called vanishing."""
EXPLODING: Final = 1e3
"""Size above which a gradient is called exploding."""
DECADES: Final = 12
"""Powers of ten between no bar and a full one."""


class Flow(NamedTuple):
    """One leaf at a moment.

    Attributes:
        name: as the program calls it.
        value: id of its last value.
        size: the largest absolute element of ``.grad``, which is recorded whatever its shape; None where it is None.
        flag: 'missing', 'nan', 'zero', 'vanishing', 'exploding' or ''.
    """

    name: str
    value: int
    size: float | None
    flag: str


class StepFlow(NamedTuple):
    """One step of a pass.

    Attributes:
        name: of the node, and of its value where it has a name.
        at: position in ``Trace.events``.
        size: the largest absolute element of what arrived at the node; None where nothing did.
        flag: as in ``Flow``.
    """

    name: str
    at: int
    size: float | None
    flag: str


def share(size: float | None, largest: float) -> float:
    """How long a bar is, 0 … 1, on a scale of powers of ten; 0 for what is none, zero or not finite."""
    if not size or not math.isfinite(size):
        return 0.0
    return min(1.0, max(0.02, 1 + math.log10(size / largest) / DECADES))


_FLAGS: Final[tuple[tuple[str, Callable[[float | None, float, bool], bool]], ...]] = (
    ("missing", lambda size, largest, ended: size is None and ended),
    ("", lambda size, largest, ended: size is None),
    ("nan", lambda size, largest, ended: size is not None and not math.isfinite(size)),
    ("zero", lambda size, largest, ended: size == 0),
    ("exploding", lambda size, largest, ended: size is not None and size > EXPLODING),
    ("vanishing", lambda size, largest, ended: size is not None and size < VANISHING * largest),
    ("", lambda size, largest, ended: True),
)
"""What is odd, the first that holds; from the size, the largest size of all, and whether a pass has ended."""


def flow(playback: Playback) -> tuple[Flow, ...]:
    """Every leaf, in the order of the program."""
    leaves = [(leaf.name, leaf.value) for leaf in playback.trace.leaves if leaf.value is not None]
    first = playback.index.leaf_of
    sizes = {value: _size(playback.grad(value)) for _, value in leaves}
    largest = _largest(sizes.values())
    ended = any(event.kind == "end" for event in playback.trace.events[: playback.cursor])
    return tuple(
        Flow(name, value, sizes[value], _flag(sizes[value], largest, ended))
        for name, value in sorted(leaves, key=lambda leaf: first.get(leaf[1], leaf[1]))
    )


def steps(playback: Playback) -> tuple[StepFlow, ...]:
    """Every step of the pass that began last, also those that are still to come; () before the first pass."""
    number = playback.current_pass
    if number is None:
        return ()
    backward = playback.trace.passes[number]
    sizes = [max(map(_size, step.grad_outputs), key=_rank, default=None) for step in backward.steps]
    largest = _largest(sizes)
    return tuple(
        StepFlow(_name(playback, number, step.node), playback.index.step_at[number, place], size, _flag(size, largest))
        for place, (step, size) in enumerate(zip(backward.steps, sizes, strict=True))
    )


def _name(playback: Playback, pass_: int, node: int) -> str:
    """``SigmoidBackward0 (h)``, ``w.grad``."""
    named = playback.trace.passes[pass_].nodes[node]
    names = playback.trace.values[named.value].names if named.value is not None else ()
    if "AccumulateGrad" in named.name:
        return f"{names[0]}.grad" if names else "AccumulateGrad"
    return f"{named.name} ({names[0]})" if names else named.name


def _flag(size: float | None, largest: float, ended: bool = True) -> str:
    return next(flag for flag, holds in _FLAGS if holds(size, largest, ended))


def _largest(sizes: Iterable[float | None]) -> float:
    return max((size for size in sizes if size is not None and math.isfinite(size)), default=0.0)


def _rank(size: float | None) -> float:
    """None is less than zero, NaN more than anything."""
    return -1.0 if size is None else math.inf if math.isnan(size) else size


def _size(tensor: TensorSnapshot | None) -> float | None:
    """The largest absolute element."""
    if tensor is None or tensor.opaque:
        return None
    if tensor.nan:
        return math.nan
    if tensor.min is None or tensor.max is None:  # complex, or empty
        return max((abs(x) for x in tensor.head), default=0.0)
    return max(abs(tensor.min), abs(tensor.max))
