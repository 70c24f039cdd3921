"""Times ways to do the same work in turn, and by processor time, so that a busy machine disturbs the ratio least."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

Thing = TypeVar("Thing")
WARM_UP = 3


def in_turn(
    ways: dict[str, Callable[[Thing], object]], prepare: Callable[[], Thing], repeats: int
) -> dict[str, list[float]]:
    """Processor seconds of each way, one per round; each time on a freshly prepared thing, in alternating order."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(WARM_UP + repeats):
        for name in names if turn % 2 else reversed(names):
            thing = prepare()
            gc.collect()
            start = time.process_time()
            result = ways[name](thing)
            elapsed = time.process_time() - start
            del result, thing  # freeing is nobody's time
            if turn >= WARM_UP:
                seconds[name].append(elapsed)
    return seconds


def ratio(seconds: dict[str, list[float]], way: str, base: str) -> float:
    """Median over the rounds of one way's time divided by another's."""
    return statistics.median(a / b for a, b in zip(seconds[way], seconds[base], strict=True))
