"""A live run: the program waits inside the real backward pass, before a node, until it is told to go on."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor

from core.engine.graph import Gradients
from core.engine.hooks import unobserved
from core.engine.snapshot import snapshot
from core.engine.what_if import counted
from core.records import Before, TensorSnapshot

SLICE: Final = 0.05
"""Seconds of waiting after which an interrupt is heard."""


class Moment(NamedTuple):
    """Where a program waits: as in ``wire.Paused``."""

    pass_index: int
    step_index: int
    node: int
    arrived: tuple[TensorSnapshot | None, ...]


class Live:
    """Where one program waits, and what it is told. Methods may be called from every thread.

    Args:
        on_pause: is called with each moment, in the program's thread; what it does must be quick.

    Attributes:
        waited: seconds spent waiting so far.
    """

    def __init__(self, on_pause: Callable[[Moment], None]) -> None:
        self.waited = 0.0
        self._on_pause = on_pause
        self._before: Before = "next"
        self._one = threading.Lock()
        self._arrived: Gradients | None = None  # None while the program runs
        self._answers: queue.SimpleQueue[Mapping[int, Sequence[float]]] = queue.SimpleQueue()

    def wait(self, pass_index: int, step_index: int, node: int, arrived: Gradients) -> Gradients | None:
        """Waits, in a hook before a node; returns what the node is to use in place of what arrived, None for that."""
        if self._before not in ("next", (pass_index, node)):
            return None
        with self._one:  # of several threads that run backward passes one waits for the reader, the others for it
            if self._before not in ("next", (pass_index, node)):
                return None
            began = time.perf_counter()
            self._answers = queue.SimpleQueue()  # an interrupt may have left one in the last
            self._arrived = arrived
            try:
                self._on_pause(Moment(pass_index, step_index, node, tuple(map(snapshot, arrived))))
                numbers = self._answer()
            finally:
                self._arrived = None
                self.waited += time.perf_counter() - began
        return overwritten(arrived, numbers) if numbers else None

    def go_on(self, before: Before, numbers: Mapping[int, Sequence[float]]) -> None:
        """Lets a waiting program go on until before another node; does nothing while it runs.

        ``numbers``: output of the node → what is put in place of the gradient that arrived there, row-major. Raises
        ValueError, with one line, for numbers that do not fit, and the program goes on waiting.
        """
        arrived = self._arrived
        if arrived is None:
            return
        for slot, given in numbers.items():
            check_fits(arrived, slot, given)
        self._arrived, self._before = None, before
        self._answers.put(numbers)

    def _answer(self) -> Mapping[int, Sequence[float]]:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._answers.get(timeout=SLICE)


def check_fits(arrived: Gradients, slot: int, numbers: Sequence[float]) -> None:
    """Raises ValueError where numbers cannot stand for the gradient that arrived at an output of a node."""
    gradient = arrived[slot] if 0 <= slot < len(arrived) else None
    if gradient is None:
        raise ValueError(f"no gradient has arrived at output {slot} of the node")
    with torch._C.DisableTorchFunction():
        plain = gradient.layout == torch.strided and not gradient.is_nested and not gradient.is_complex()
        count = gradient.numel() if plain else 0
    if not plain:
        raise ValueError("only dense gradients of real numbers can be overwritten")
    if count != len(numbers):
        raise ValueError(f"expected shape {list(gradient.shape)}, which is {counted(count)}, not {len(numbers)}")


def overwritten(arrived: Gradients, numbers: Mapping[int, Sequence[float]]) -> Gradients:
    """What arrived, with the numbers in place of some of it, in the same shapes, dtypes and devices."""
    with unobserved():
        return tuple(
            _like(gradient, numbers[slot]) if gradient is not None and slot in numbers else gradient
            for slot, gradient in enumerate(arrived)
        )


def _like(gradient: Tensor, numbers: Sequence[float]) -> Tensor:
    return torch.tensor(numbers, dtype=gradient.dtype, device=gradient.device).reshape(gradient.shape)
