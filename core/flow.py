"""How large the gradient of every leaf is, from the first layer to the last, and what is odd about it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from core.playback import Playback

VANISHING: Final = 1e-4
"""Share of the largest gradient of the pass below which one is called vanishing."""
EXPLODING: Final = 1e3
"""Size above which a gradient is called exploding."""


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
    sizes = {value: _size(playback, value) for _, value in leaves}
    largest = max((size for size in sizes.values() if size is not None and math.isfinite(size)), default=0.0)
    ended = any(event.kind == "end" for event in playback.trace.events[: playback.cursor])
    found = []
    for name, value in sorted(leaves, key=lambda leaf: first.get(leaf[1], leaf[1])):
        flag = next(flag for flag, holds in _FLAGS if holds(sizes[value], largest, ended))
        found.append(Flow(name, value, sizes[value], flag))
    return tuple(found)


def _size(playback: Playback, value: int) -> float | None:
    grad = playback.grad(value)
    if grad is None or grad.opaque:
        return None
    if grad.nan:
        return math.nan
    if grad.min is None or grad.max is None:  # complex, or empty
        return max((abs(x) for x in grad.head), default=0.0)
    return max(abs(grad.min), abs(grad.max))
