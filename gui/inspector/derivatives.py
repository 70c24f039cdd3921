"""What is said of Jacobians, of a node and of a whole pass, and when they have to be asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from core.playback import NodeKey, Playback
from core.records import Matrix
from gui import figures
from gui.i18n import Words
from gui.inspector.jacobian import Missing, Product, Structure, products
from gui.inspector.lines import WIDTH, Report, value_name
from gui.inspector.pass_jacobian import NO_PATH, PassProduct, pass_products, root_values
from gui.questions import QUICK, Known, LocalJacobian, PassJacobian, Question

DRAWN: Final = 12
"""Jacobians of a pass that are drawn."""

worked_out = lru_cache(maxsize=8)(products)
"""The products of the steps shown last: naming the structure of a large matrix takes a while."""


def local_jacobian(report: Report, playback: Playback, key: NodeKey, words: Words, known: Known | None) -> None:
    """The Jacobian of what the node computes and its product, once the worker has said it."""
    if known is None:
        return
    report.stage(words("jacobian"))
    node = playback.trace.passes[key[0]].nodes[key[1]]
    step = playback.emitted(key)
    if "AccumulateGrad" in node.name:
        report.line((words("jacobian.accumulate"), "quiet"))
        return
    if step is None:
        report.line((words("jacobian.later"), "quiet"))
        return
    matrices = _answer(report, playback, LocalJacobian(key[0], playback.index.step_of[key]), words, known)
    if matrices is None:
        return
    if not matrices:
        report.line((words("jacobian.nothing"), "quiet"))
    elif node.op is not None and playback.trace.ops[node.op].custom:
        report.line((words("jacobian.custom"), "quiet"))
    for product in worked_out(step, matrices):
        _product(report, playback, key, product, words)


def _answer(
    report: Report, playback: Playback, question: Question, words: Words, known: Known
) -> tuple[Matrix, ...] | None:
    """The matrices asked for; None where they are not there, which is said, and asked for where that is possible."""
    answer = known.answers.get(question)
    if answer is not None and not answer.missing:
        return answer.matrices
    if answer is not None:
        reason = words.get(f"jacobian.missing.{answer.missing}", figures.clip(answer.missing, WIDTH))
        report.line((words("jacobian.none", reason=reason), "quiet"))
    elif known.obstacle:
        report.line((words(f"jacobian.{known.obstacle}"), "quiet"))
    else:
        next_one, costly = report.question is None, playback.trace.seconds > QUICK and known.asked != question
        if next_one:  # another one has to wait for the answer
            report.question, report.place, report.costly = question, len(report.lines), costly
        if costly:
            seconds = figures.number(playback.trace.seconds, 2)
            report.line((words("jacobian.costly", seconds=seconds), "quiet"))
        else:
            report.line((words("jacobian.waiting"), "quiet"))
        if costly and next_one:
            report.line((words("jacobian.ask"), "link"))
    return None


def _product(report: Report, playback: Playback, key: NodeKey, product: Product | Missing, words: Words) -> None:
    """One input: which derivative it is, its structure in a line, and the equation."""
    backward = playback.trace.passes[key[0]]
    output = backward.nodes[key[1]].value
    edge = next((e for e in backward.edges if (e.source, e.source_slot) == (key[1], product.input)), None)
    into = backward.nodes[edge.target].value if edge is not None else None
    above = value_name(playback, output) if output is not None else words("jacobian.output")
    below = value_name(playback, into) if into is not None else words("inspect.input", n=product.input)
    report.line((_derivative(above, below), "derivative"))
    if isinstance(product, Missing):
        report.line((words("jacobian.none", reason=_reason(product, words)), "quiet"))
        return
    _drawn(report, product, words)


def _drawn(report: Report, product: Product, words: Words) -> None:
    """What the matrix is, in a line, and the matrix with its product."""
    report.line((sentence(product.structure, words), ""))
    if any(len(shape) > 1 for shape in (*product.output_shapes, product.input_shape)):
        outputs = " + ".join(map(figures.shape, product.output_shapes))
        report.line((words("jacobian.shapes", output=outputs, input=figures.shape(product.input_shape)), "quiet"))
    if product.complex:
        report.line((words("jacobian.complex"), "quiet"))
    if product.jacobian.size:
        report.equation(product)
    if not product.agrees.all():
        report.line((words("jacobian.differs"), "cut"))


def whole_jacobian(report: Report, playback: Playback, number: int, words: Words, known: Known | None) -> None:
    """The Jacobian of each root of a pass by itself and by each leaf, and what the pass made of it."""
    backward = playback.trace.passes[number]
    if known is None or not backward.roots:
        return
    report.section(words("jacobian.whole"))
    if report.held:
        report.line((words("jacobian.held"), "quiet"))
        return
    matrices = _answer(report, playback, PassJacobian(number), words, known)
    if matrices is None:
        return
    found = pass_products(playback, number, matrices)
    drawings = [product for product in found if isinstance(product, PassProduct) and product.jacobian.size]
    several = bool(drawings) and drawings[0].total > 1
    if drawings:
        report.line((words("jacobian.whole.how" if several else "jacobian.whole.one"), "quiet"))
    if several:
        report.line((words("jacobian.next"), "next"), ("   ", ""), (words("jacobian.play"), "play"))
    names = [_root_name(playback, value, words) for value in root_values(playback.trace, backward)]
    reached = [product for product in found if isinstance(product, PassProduct) or product.note != NO_PATH]
    for product in reached[:DRAWN]:
        _reached(report, playback, product, names, words)
    if len(reached) > DRAWN:
        report.line((words("jacobian.more", count=len(reached) - DRAWN), "quiet"))
    others = list(_without_path(playback, reached))
    if others:
        above = names[0] if len(names) == 1 else f"({', '.join(names)})"
        report.line((figures.clip(", ".join(_derivative(above, name) for name in others), WIDTH), "derivative"))
        report.line((words("jacobian.no_path", name=", ".join(names)), "quiet"))


def _reached(
    report: Report, playback: Playback, product: PassProduct | Missing, names: list[str], words: Words
) -> None:
    """One leaf, or a root by itself: the derivatives whose rows stand below one another, and the drawing."""
    first = playback.index.leaf_of
    leaves = {first[leaf.value]: leaf.name for leaf in playback.trace.leaves if leaf.value is not None}
    below = leaves.get(first[product.input]) or value_name(playback, product.input)
    outputs = product.outputs if isinstance(product, PassProduct) else range(len(names))
    report.line((", ".join(_derivative(names[root], below) for root in outputs), "derivative"))
    if isinstance(product, Missing):
        report.line((words("jacobian.none", reason=_reason(product, words)), "quiet"))
        return
    _drawn(report, product, words)
    for root in product.unreached:
        report.line((words("jacobian.no_share", name=_derivative(names[root], below)), "quiet"))


def _without_path(playback: Playback, reached: list[PassProduct | Missing]) -> Iterator[str]:
    """Names of the leaves there are by now that a pass cannot reach."""
    first = playback.index.leaf_of
    known = {first.get(product.input) for product in reached}
    for leaf in playback.trace.leaves:
        if leaf.value is not None and first[leaf.value] not in known and playback.exists(first[leaf.value]):
            yield leaf.name


def _root_name(playback: Playback, value: int | None, words: Words) -> str:
    return value_name(playback, value) if value is not None else words("jacobian.output")


def _derivative(above: str, below: str) -> str:
    return " / ".join(f"∂{name}" if name.isidentifier() else f"∂({name})" for name in (above, below))


def sentence(structure: Structure, words: Words) -> str:
    """A structure in one line."""
    facts = {
        "factor": figures.number(structure.factor) if structure.factor is not None else "",
        "filled": structure.filled, "entries": structure.entries, "blocks": structure.blocks,
        "size": figures.shape(structure.block) if structure.block is not None else "",
    }  # fmt: skip
    kind = f"jacobian.{structure.kind}"
    if structure.factor not in (None, 1.0) and f"{kind}.times" in words.table:
        kind += ".times"
    elif structure.block is not None:
        kind += ".alike"
    return words(kind, **facts)


def _reason(missing: Missing, words: Words) -> str:
    """The engine's note in the reader's language, where it is one of the engine's own."""
    if "too large" in missing.note:
        return words("jacobian.large", output=math.prod(missing.output_shape), input=math.prod(missing.input_shape))
    if not missing.note or missing.note.startswith("undefined"):
        return words("jacobian.undefined")
    return figures.clip(missing.note, WIDTH)
