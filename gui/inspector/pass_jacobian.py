"""The Jacobians of a whole pass and what it made of them: vᵀ J = x̄ for every leaf, and for each root by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.playback import Playback
from core.records import Matrix, Pass, TensorSnapshot, Trace
from gui.inspector.jacobian import Missing, Product, agreeing, entries, numbers, structure

NO_PATH = "undefined: no path"
"""The engine's note where the leaf adds nothing to the root."""


@dataclass(frozen=True, eq=False)
class PassProduct(Product):
    """vᵀ J = x̄ for a leaf of a whole pass, or for a root of it; ``input`` is the id of its value.

    Attributes:
        outputs: numbers of the roots whose rows stand below one another.
        unreached: numbers of the roots to which no path leads.
        seeds: for each row the place of the 1 in its seed, counted through all roots.
        total: elements of all roots.
    """

    outputs: tuple[int, ...]
    unreached: tuple[int, ...]
    seeds: tuple[int, ...]
    total: int


def pass_products(playback: Playback, number: int, matrices: tuple[Matrix, ...]) -> list[PassProduct | Missing]:
    """The products of a pass, first those of the roots by themselves; x̄ is known where the pass has come by now."""
    backward = playback.trace.passes[number]
    roots = tuple(root_values(playback.trace, backward))
    return _worked_out(backward.seeds, roots, matrices, tuple(_brought(playback, number)))


def root_values(trace: Trace, backward: Pass) -> Iterator[int | None]:
    """The value that each root of a pass is; None where that was not recorded."""
    for number, output in backward.roots:
        node = backward.nodes[number] if number >= 0 else None
        if node is not None and node.op is not None and output < len(trace.ops[node.op].outputs):
            yield trace.ops[node.op].outputs[output]
        else:
            yield node.value if node is not None else None


def _brought(playback: Playback, number: int) -> Iterator[tuple[int, TensorSnapshot | None]]:
    """What a pass has brought each leaf by now."""
    backward, event = playback.trace.passes[number], playback.event
    ended = event is not None and (event.kind, event.pass_) == ("end", number)
    for node in backward.nodes:
        if "AccumulateGrad" in node.name and node.value is not None:
            step = playback.emitted((number, node.id))
            if step is not None:
                yield node.value, step.grad_outputs[0]
            elif ended and (node.id, 0) in backward.inputs[: len(backward.results)]:
                yield node.value, backward.results[backward.inputs.index((node.id, 0))]


@lru_cache(maxsize=4)
def _worked_out(
    seeds: tuple[TensorSnapshot | None, ...],
    roots: tuple[int | None, ...],
    matrices: tuple[Matrix, ...],
    brought: tuple[tuple[int, TensorSnapshot | None], ...],
) -> list[PassProduct | Missing]:
    """Kept, since naming the structure of a large matrix takes a while; a root by itself is brought its own seed."""
    vs = [numbers(seed) for seed in seeds]
    ends = np.cumsum([0 if v is None else len(v) for v in vs], dtype=int).tolist()
    itself = {matrix.input for matrix in matrices if roots[matrix.output] == matrix.input}
    values = {matrix.input: None for matrix in matrices}
    found: list[PassProduct | Missing] = []
    for value in sorted(values, key=lambda value: (value not in itself, value)):
        mine = [matrix for matrix in matrices if matrix.input == value]
        known = [(one, block, v) for one in mine
                 if (block := entries(one)) is not None and (v := vs[one.output]) is not None]  # fmt: skip
        unknown = [matrix for matrix in mine if matrix.tensor is None and matrix.note != NO_PATH]
        if not known or unknown:
            shown = (unknown or mine)[0]
            found.append(Missing(value, shown.output_shape, shown.input_shape, shown.note))
            continue
        outputs = tuple(one.output for one, _, _ in known)
        jacobian, v = np.concatenate([block for _, block, _ in known]), np.concatenate([v for _, _, v in known])
        emitted = dict(brought).get(value)
        if emitted is None and value in itself and len(mine) == 1:
            emitted = seeds[outputs[0]]
        result = numbers(emitted)
        if result is not None and len(result) != jacobian.shape[1]:
            result = None
        agrees = agreeing(jacobian, v, result, emitted.dtype if emitted is not None else "")
        without = tuple(one.output for one in mine if one.note == NO_PATH)
        places = tuple(place for one, _, v in known for place in range(ends[one.output] - len(v), ends[one.output]))
        shapes, into = tuple(one.output_shape for one, _, _ in known), mine[0].input_shape
        facts = value, shapes, into, jacobian, v, result, agrees, structure(jacobian)
        found.append(PassProduct(*facts, outputs, without, places, ends[-1]))
    return found
