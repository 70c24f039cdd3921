"""The engine's ready queue: libstdc++'s ``std::priority_queue``, whose order among equal priorities is visible.

torch keeps the nodes that are ready to run in a ``std::priority_queue`` (torch/csrc/autograd/engine.h, ``ReadyQueue``).
A binary heap is not stable, so leaves of equal priority run in an order that only the same heap reproduces: the four
leaves of a ``stack`` run 0, 2, 1, 3. The two methods follow ``std::push_heap`` and ``std::pop_heap`` of
libstdc++ (bits/stl_heap.h), ``__push_heap`` and ``__adjust_heap``, step for step.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Item = TypeVar("Item")


class ReadyQueue(Generic[Item]):
    """A max-heap that breaks ties the way libstdc++ does."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, Item]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, priority: int, item: Item) -> None:
        """Add ``item``; it rises only past entries of strictly lower priority."""
        self._heap.append((priority, item))
        self._rise(len(self._heap) - 1, (priority, item))

    def pop(self) -> Item:
        """Remove and return the item at the top.

        The hole at the top sinks to the bottom along the larger children (the right one when they are equal); then the
        last entry is put into it and rises.
        """
        heap = self._heap
        top = heap[0]
        last = heap.pop()
        if not heap:
            return top[1]
        hole = 0
        while (right := 2 * hole + 2) < len(heap):
            larger = right - 1 if heap[right][0] < heap[right - 1][0] else right
            heap[hole] = heap[larger]
            hole = larger
        if right == len(heap):  # a left child without a sibling
            heap[hole] = heap[right - 1]
            hole = right - 1
        self._rise(hole, last)
        return top[1]

    def _rise(self, hole: int, entry: tuple[int, Item]) -> None:
        """Move ``hole`` up past parents of strictly lower priority, then fill it with ``entry``."""
        heap = self._heap
        while hole > 0 and heap[parent := (hole - 1) // 2][0] < entry[0]:
            heap[hole] = heap[parent]
            hole = parent
        heap[hole] = entry
