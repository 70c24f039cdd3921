"""Whether what a lesson asks for has been done: claims against a run, predictions against an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from core.expression import ExpressionError, Values, evaluate
from core.lessons.records import Claim, Mistake, Place, Predict, Supposed
from core.playback import Playback
from core.records import Op, TensorSnapshot, Trace, WhatIf

_DOTTED: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*|\.\d+)+")
PREDICTED: Final = 1e-3
"""How far a typed number may be off, relative to the size of the answer: what a head can work out."""


class Known(Mapping[str, np.ndarray]):
    """What an expression of a lesson may speak of: a run's values, and ``a.grad``."""

    def __init__(self, playback: Playback) -> None:
        self._values = Values(playback)
        self._grads = {leaf.name: leaf.grad for leaf in playback.trace.leaves}

    def __getitem__(self, name: str) -> np.ndarray:
        if not name.endswith(_GRAD):
            return self._values[name.replace(DOT, ".")]
        grad = self._grads[name.removesuffix(_GRAD).replace(DOT, ".")]
        if grad is None or grad.data is None:
            raise KeyError(name)
        return np.array(grad.data, dtype=np.float64).reshape(grad.shape)

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        yield from (f"{name}{_GRAD}" for name, grad in self._grads.items() if grad is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


DOT: Final = "__dot__"
"""Stands for the dots of a name in an expression."""
_GRAD: Final = f"{DOT}grad"


def worked_out(text: str, playback: Playback) -> np.ndarray:
    """An expression such as ``9*a**2 - a.grad`` at a moment; raises ExpressionError."""
    return evaluate(_DOTTED.sub(lambda name: name[0].replace(".", DOT), text), Known(playback))


def holds(claim: Claim, playback: Playback) -> bool:
    """Whether a claim holds; all but ``at`` are about the end of the run."""
    rule = next((rule for key, rule in _RULES.items() if getattr(claim, key) not in ("", None)), None)
    return rule is not None and rule(claim, playback if claim.at else playback.end())


def told(claim: Claim) -> str:
    """A claim as an author reads it: ``grad a = 9*a**2``."""
    key = next((key for key in _RULES if getattr(claim, key) not in ("", None)), "nothing")
    said = f"{key} {getattr(claim, key, '')}"
    return f"{said} = {claim.equals}" if claim.equals else said


def answered(predict: Predict, answer: Sequence[float] | str) -> bool:
    """Whether a prediction is right: numbers, what a card is called, or the text of a choice."""
    if predict.kind == "choice":
        return any(choice.right and choice.text == answer for choice in predict.choices)
    return _same(predict.answer, answer)


def feedback(predict: Predict, answer: Sequence[float] | str) -> str:
    """What is answered; '' where the lesson has nothing to say to it."""
    if predict.kind == "choice":
        chosen = next((choice for choice in predict.choices if choice.text == answer), None)
        said = chosen.say if chosen is not None else ""
        return said or (predict.right if chosen is not None and chosen.right else predict.otherwise)
    if answered(predict, answer):
        return predict.right
    return next((wrong.say for wrong in predict.wrong if _same(wrong.answer, answer)), predict.otherwise)


def mistake(wrong: Sequence[Mistake], program: str, trace: Trace) -> Mistake | None:
    """The listed state that a run is in, given with the name of its program; None for any other."""
    return next((state for state in wrong if _is(state, program, trace)), None)


def _is(state: Supposed, program: str, trace: Trace) -> bool:
    asked, made = state.what_if, trace.what_if
    return (
        state.program in ("", program)
        and _cuts(trace, asked) == _cuts(trace, made)
        and {_place(trace, heal) for heal in asked.heals} == {_place(trace, heal) for heal in made.heals}
        and _lines(trace, asked.skip_zero_grad) == _lines(trace, made.skip_zero_grad)
        and (asked.seeds, asked.leaves, asked.requires_grad) == (made.seeds, made.leaves, made.requires_grad)
    )


def _lines(trace: Trace, places: Sequence[str]) -> set[int]:
    """The lines of writes to ``.grad``: a person writes ``LINE:EXPR``, the window gives sites."""
    by_site = {event.site: event.line for event in trace.events if event.site}
    return {by_site[place] if place in by_site else int(place.partition(":")[0]) for place in places}


def _cuts(trace: Trace, what_if: WhatIf) -> set[tuple[str, str]]:
    return {(_place(trace, cut.value), _place(trace, cut.use)) for cut in what_if.cuts}


def _place(trace: Trace, place: str) -> str:
    """A place as a person writes it, ``LINE:EXPR``; the window gives sites."""
    return next((f"{op.line}:{op.text}" for op in trace.ops if place and op.site == place), place)


def _same(expected: object, answer: object) -> bool:
    if isinstance(expected, str) or isinstance(answer, str):
        return isinstance(expected, str) and isinstance(answer, str) and _plain(expected) == _plain(answer)
    wanted, given = (np.atleast_1d(np.asarray(numbers, dtype=float)) for numbers in (expected, answer))
    return wanted.shape == given.shape and np.allclose(
        wanted, given, rtol=PREDICTED, atol=PREDICTED * 1e-3, equal_nan=True
    )


def _plain(text: str) -> str:
    return "".join(text.split())


# ── Places ────────────────────────────────────────────────────────────────────────────────────────────────────────


def called(trace: Trace, op: Op) -> Iterator[str]:
    """What an operation is called: the names of its results, its expression, torch's name."""
    for value in op.outputs:
        yield from trace.values[value].names
    yield from (op.text, op.name)


def happened(playback: Playback) -> set[str]:
    """What the last event is called, as in ``Place.at``."""
    trace, event, key = playback.trace, playback.event, playback.node
    if event is None:
        return set()
    if key is None:
        named = set(called(trace, trace.ops[event.op])) if event.op is not None else set()
        return named | {f"line {playback.line}"}
    node, op = trace.passes[key[0]].nodes[key[1]], playback.operation_of(key)
    names = list(called(trace, trace.ops[op])) if op is not None else []
    if "AccumulateGrad" in node.name:
        value = [*trace.values[node.value].names] if node.value is not None else []
        return {node.name, "AccumulateGrad", *(f"{name}.grad" for name in (*names, *value))}
    return {node.name, *(f"backward {name}" for name in names)}


def moment(place: Place, playback: Playback) -> int | None:
    """The cursor of a place; None where there is no such place, and for no place."""
    passes = playback.index.pass_at
    begin = passes.get(place.call)
    seeded = begin + 1 if begin is not None else None
    fixed = {"": None, "start": 0, "end": len(playback.trace.events), "backward": begin, "seed": seeded}
    if place.at in fixed:
        return fixed[place.at]
    moments = (playback.at(cursor) for cursor in range(1, len(playback.trace.events) + 1))
    return next(
        (
            now.cursor
            for now in moments
            if place.at in happened(now) and (now.node is None or now.node[0] == place.call)
        ),
        None,
    )


# ── Claims ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _equals(claim: Claim, playback: Playback, tensor: TensorSnapshot | None) -> bool:
    """Whether a tensor is what the claim's expression says."""
    if tensor is None or tensor.data is None:
        return False
    found = np.array(tensor.data, dtype=np.float64).reshape(tensor.shape)
    try:
        wanted = worked_out(claim.equals, playback)
    except ExpressionError:
        return False
    return wanted.shape == found.shape and np.allclose(found, wanted, rtol=claim.tolerance, atol=1e-8, equal_nan=True)


def _value(claim: Claim, playback: Playback) -> bool:
    return any(_equals(claim, playback, playback.tensor(value)) for value in _last(playback.trace, claim.value))


def _last(trace: Trace, name: str) -> list[int]:
    """The value that a name stands for at the end."""
    return [value.id for value in trace.values if name in value.names][-1:]


def _grad(claim: Claim, playback: Playback) -> bool:
    grads = {leaf.name: leaf.grad for leaf in playback.trace.leaves}
    return claim.grad in grads and _equals(claim, playback, grads[claim.grad])


def _shape(claim: Claim, playback: Playback) -> bool:
    shapes = (playback.tensor(value).shape for value in _last(playback.trace, claim.shape))
    return any(list(shape) == worked_out(claim.equals, playback).tolist() for shape in shapes)


def _none(claim: Claim, playback: Playback) -> bool:
    """A leaf whose requires_grad is switched off is no leaf of the trace any more, and has no gradient either."""
    grads = {leaf.name: leaf.grad for leaf in playback.trace.leaves}
    return bool(_last(playback.trace, claim.none)) and grads.get(claim.none) is None


def _cut(claim: Claim, playback: Playback) -> bool:
    trace = playback.trace
    detached = (op for op in trace.ops if op.cut == "detached")
    used = (
        producer
        for op in trace.ops
        for slot in op.cut_inputs
        if (producer := playback.index.producer.get(op.inputs[slot])) is not None
    )
    names = {name for op in (*detached, *(trace.ops[producer] for producer in used)) for name in called(trace, op)}
    return claim.cut in names


def _healed(claim: Claim, playback: Playback) -> bool:
    """Whether a ``.detach()`` of that text passes gradients."""
    places = (_place(playback.trace, heal) for heal in playback.trace.what_if.heals)
    return any(place.partition(":")[2].strip() == claim.healed for place in places)


def _has_node(trace: Trace, name: str) -> bool:
    return any(node.name == name for backward in trace.passes for node in backward.nodes)


def _error(claim: Claim, playback: Playback) -> bool:
    error = playback.trace.error
    if claim.error == "none":
        return error is None
    return error is not None and claim.error in f"{error.type}: {error.message}"


def _seed(claim: Claim, playback: Playback) -> bool:
    passes = playback.trace.passes
    number = claim.seed if claim.seed is not None else -1
    return 0 <= number < len(passes) and any(_equals(claim, playback, seed) for seed in passes[number].seeds)


def _untracked(claim: Claim, playback: Playback) -> bool:
    values = _last(playback.trace, claim.untracked)
    return any(not playback.trace.values[value].requires_grad for value in values)


def _at(claim: Claim, playback: Playback) -> bool:
    """Whether the run has come so far: who goes to the end has been there."""
    reached = moment(Place(at=claim.at, call=claim.call), playback)
    return reached is not None and playback.cursor >= reached


_RULES: Final[Mapping[str, Callable[[Claim, Playback], bool]]] = {
    "value": _value,
    "grad": _grad,
    "shape": _shape,
    "none": _none,
    "cut": _cut,
    "healed": _healed,
    "node": lambda claim, playback: _has_node(playback.trace, claim.node),
    "absent": lambda claim, playback: not _has_node(playback.trace, claim.absent),
    "error": _error,
    "seed": _seed,
    "untracked": _untracked,
    "at": _at,
}
"""Claim's attribute → whether it holds; the first that is given counts."""
