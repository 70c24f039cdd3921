"""What is typed into the fields of a few tensors → their elements, or which field is wrong and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from core.expression import ExpressionError, evaluate
from core.records import TensorSnapshot
from gui import figures
from gui.i18n import Words

LARGEST = 512
"""Elements that are offered for editing."""

Numbers = tuple[float, ...]


class Refusal(NamedTuple):
    """Attributes:
    field: which of the fields is wrong.
    key, facts: of the text that says why.
    """

    field: int
    key: str
    facts: Mapping[str, object]

    def said(self, words: Words) -> str:
        return words(self.key, **self.facts)


def editable(tensors: Sequence[TensorSnapshot | None]) -> bool:
    """Whether these are few elements, all of them known and real."""
    known = [tensor for tensor in tensors if tensor is not None and tensor.data is not None]
    real = not any(tensor.dtype.startswith("complex") for tensor in known)
    return bool(known) and real and len(known) == len(tensors) and count(known) <= LARGEST


def count(tensors: Sequence[TensorSnapshot]) -> int:
    """How many elements they have together."""
    return sum(tensor.numel for tensor in tensors)


def read(texts: Sequence[str], tensors: Sequence[TensorSnapshot], names: Mapping[str, np.ndarray]) -> Numbers | Refusal:
    """The elements of all tensors, row-major, one after another.

    Args:
        texts: one for each element, or one for all of them; numbers or expressions (``core.expression``). An expression
            in the field of one element gives what it says at that element.
        names: what expressions may speak of.
    """
    empty = next((field for field, text in enumerate(texts) if not text.strip()), None)
    if empty is not None:
        return Refusal(empty, "seed.empty", {})
    shown = [float(x) for tensor in tensors for x in tensor.head]
    try:
        parts = [figures.parse_numbers(text) for text in texts]
    except ValueError:
        return _worked_out(texts, tensors, names, shown)
    numbers = [number for part in parts for number in part]
    if len(numbers) != len(shown):
        shape = ", ".join(figures.shape(tensor.shape) for tensor in tensors)
        odd = next((field for field, part in enumerate(parts) if len(part) != 1), 0)
        return Refusal(odd, "seed.shape", {"needed": len(shown), "shape": shape, "given": len(numbers)})
    return tuple(_exact(number, before) for number, before in zip(numbers, shown, strict=True))


def _worked_out(
    texts: Sequence[str], tensors: Sequence[TensorSnapshot], names: Mapping[str, np.ndarray], shown: Sequence[float]
) -> Numbers | Refusal:
    shape = tensors[0].shape if len(tensors) == 1 else (len(shown),)
    numbers: list[float] = []
    for field, text in enumerate(texts):
        try:
            numbers.append(_exact(float(text), shown[field]))
            continue
        except ValueError:
            pass
        try:
            found = evaluate(text, names, shape).ravel()
        except ExpressionError as error:
            return Refusal(field, error.key, error.facts)
        numbers += map(float, found if len(texts) == 1 else found[field : field + 1])
    return tuple(numbers)


def _exact(typed: float, shown: float) -> float:
    """What still stands as it was shown, with four digits, means the number that was shown."""
    return shown if figures.number(shown) == figures.number(typed) else typed
