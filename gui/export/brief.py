"""A run in brief, as pieces of a page: operations, steps and gradients in tables, what was changed, what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from core.edits import applied, edits
from core.playback import Playback
from core.records import Event, Failure, TensorSnapshot, Trace, WhatIf
from core.unchecked import summary
from core.why import why
from gui import figures
from gui.export.blocks import Block, stacked, text_block
from gui.export.document import Piece, text
from gui.export.frames import framed
from gui.export.listing import code_block
from gui.export.tables import Cell, table_block
from gui.failure import failure_lines
from gui.i18n import Words
from gui.inspector.lines import node_name, value_name
from gui.inspector.styles import STYLES, Style
from gui.picture import helpers

CODE: Final = Style(12, mono=True)
NUMBER: Final = Style(12, "value", mono=True)
GRAD: Final = Style(12, "grad", mono=True)
LEAF: Final = Style(12, "leaf", mono=True)
QUIET: Final = Style(12, "quiet")
SAID: Final = Style(12, below=2)
FEW: Final = 6
"""Elements of a tensor that are written out."""
WIDTH: Final = 44
"""Characters of a tensor, and of an expression, at most."""
LEAVES: Final = 60
"""Leaves in a table at most."""
SHORT: Final = 340.0
"""Height of a program within which no page ends."""
NARROW: Final = 280.0
"""Width that a table has at least."""


def shown(tensor: TensorSnapshot | None) -> str:
    return figures.clip(figures.tensor(tensor, small=FEW), WIDTH)


def program(source: Trace, width: float) -> Block:
    """The program of a trace, numbered; no page ends within a short one."""
    block = code_block(source, None, width)
    return replace(block, breaks=()) if block.height <= SHORT else block


# ── Tables ────────────────────────────────────────────────────────────────────────────────────────────────────────


def operations(playback: Playback, events: Sequence[Event], words: Words) -> Piece:
    """What happened outside of backward passes: line, expression, value."""
    rows = [_row(playback, event, words) for event in events]
    head = [words(f"handout.{column}") for column in ("line", "expression", "value")]
    return Piece(lambda width: table_block(head, rows, width), above=6.0, least=NARROW)


def _row(playback: Playback, event: Event, words: Words) -> list[Cell]:
    trace = playback.trace
    if event.op is not None:
        op = trace.ops[event.op]
        names = [name for value in op.outputs for name in trace.values[value].names]
        said = figures.clip(op.text or op.name, WIDTH)
        made = "; ".join(shown(trace.values[value].tensor) for value in op.outputs)
        cut = [(f"  {words('handout.detached')}", Style(12, "cut"))] if op.cut_inputs or op.cut == "detached" else []
        expression = [(f"{names[0]} = {said}" if names and names[0] != said else said, CODE), *cut]
        return [_line(op.line), expression, [(made, NUMBER)]]
    name = value_name(playback, event.value) if event.value is not None else ""
    written = f"{name}.grad" if event.kind == "grad" else name
    how = words.get(f"inspect.write.{event.how}", event.how)
    left_out = f" · {words('inspect.skipped')}" if event.skipped else ""
    return [_line(event.line), [(written, CODE), (f"  {how}{left_out}", QUIET)], [(shown(event.after), LEAF)]]


def _line(line: int) -> Cell:
    return [(str(line or ""), QUIET)]


def steps(playback: Playback, number: int, numbers: Sequence[int], words: Words) -> Piece:
    """Steps of a pass: what arrives at each node, what goes on."""
    backward = playback.trace.passes[number]
    rows = []
    for step_number in numbers:
        step = backward.steps[step_number]
        leaf = "AccumulateGrad" in backward.nodes[step.node].name
        goes = [(shown(step.grad_after), LEAF)] if leaf else [("; ".join(map(shown, step.grad_inputs)), GRAD)]
        arrives = "; ".join(map(shown, step.grad_outputs))
        rows.append([[(str(step_number + 1), QUIET)], [(node_name(playback, (number, step.node)), CODE)],
                     [(arrives, GRAD)], goes])  # fmt: skip
    head = [words(f"handout.{column}") for column in ("step", "node", "arrives", "goes")]
    return Piece(lambda width: table_block(head, rows, width), above=6.0, least=NARROW)


def changes(playback: Playback, begin: int, end: int, words: Words) -> Piece:
    """What a pass, between two cursors, did to ``.grad`` of every leaf there is by then."""
    before, after = playback.at(begin), playback.at(end)
    rows: list[list[Cell]] = []
    for leaf in playback.trace.leaves[:LEAVES]:
        if leaf.value is not None and after.exists(playback.index.leaf_of[leaf.value]):
            old, new = before.grad(leaf.value), after.grad(leaf.value)
            rows.append([[(f"{leaf.name}.grad", CODE)], [(shown(old), QUIET)], [(shown(new), LEAF)]])
    head = [words(f"handout.{column}") for column in ("leaf", "before", "after_it")]
    return Piece(lambda width: table_block(head, rows, width), above=6.0, least=NARROW)


def gradients(playback: Playback, words: Words) -> Iterator[Piece]:
    """Every leaf at the end, with its gradient, or why there is none; whether they are torch's own."""
    trace, end = playback.trace, playback.end()
    rows: list[list[Cell]] = []
    for leaf in trace.leaves[:LEAVES]:
        value = end.tensor(leaf.value) if leaf.value is not None else None
        grad = [(shown(leaf.grad), LEAF if leaf.grad is not None else QUIET)]
        reason = why(end, leaf.value) if leaf.value is not None else None
        if reason is not None:
            said = words(f"why.{reason.kind}", line=reason.line, name=reason.name or words("seed.loss"))
            grad.append((f"  {said}", QUIET))
        rows.append([[(leaf.name, CODE)], [(shown(value), NUMBER)], grad])
    if not rows:
        yield text([(words("handout.no_leaves"), QUIET)])
        return
    head = [words("handout.leaf"), words("handout.value"), ".grad"]
    yield Piece(lambda width: table_block(head, rows, width), above=6.0, least=NARROW)
    yield from left_out(len(trace.leaves) - LEAVES, words)
    for line in agreement(trace, words):
        yield text([(line, QUIET)], above=3.0)


def agreement(trace: Trace, words: Words) -> Iterator[str]:
    """How the gradients compare with torch's own and with finite differences, where they were compared."""
    if trace.overwritten:
        yield words("agree.overwritten")
    elif trace.agrees is not None:
        yield words("agree.yes" if trace.agrees else "agree.no")
    if trace.checks:
        right, whole = summary(trace.checks)
        yield words("checks.agree" if right == whole else "checks.differ", n=right if right == whole else whole - right,
                    all=whole)  # fmt: skip


def outside(playback: Playback) -> Iterator[tuple[int, Event]]:
    """What happened outside of backward passes, each with the number of passes that had begun by then.

    What a pass itself runs is told with its nodes. What only makes data or fills memory is told nowhere, as it is not
    drawn.
    """
    hidden, unfinished = helpers.find(playback.trace), playback.index.unfinished
    begun = running = 0
    for event in playback.trace.events:
        running += {"pass": 1, "end": -1}.get(event.kind, 0)
        begun += event.kind == "pass"
        if running or event.kind not in ("op", "grad", "data"):
            continue
        if event.op not in hidden and not (event.kind == "data" and event.value in unfinished):
            yield begun, event


def left_out(count: int, words: Words) -> Iterator[Piece]:
    """How many rows of a table are not there."""
    if count > 0:
        yield text([(words("handout.more", n=count), QUIET)], above=4.0)


# ── What was changed, what went wrong ─────────────────────────────────────────────────────────────────────────────


def supposed(trace: Trace, words: Words) -> Iterator[Piece]:
    """The what-ifs of a run, each in a line, and as code where that says the same."""
    if not trace.what_if:
        return
    for line in what_if_lines(trace.what_if, trace, words):
        yield text([(line, Style(12, "cut"))], above=3.0)
    found = edits(trace)
    if found is not None:
        yield text([(words("inspect.as_code"), STYLES["section"])], keep=True)
        changed = applied(trace.source, found).split("\n")
        for number in sorted({edit.span[0] for edit in found}):
            yield text([(f"{number}  ", QUIET), (changed[number - 1].strip(), CODE)])


def what_if_lines(what_if: WhatIf, trace: Trace, words: Words) -> Iterator[str]:
    for cut in what_if.cuts:
        value, use = _place(cut.value, trace, words), _place(cut.use, trace, words)
        yield words("handout.if.cut_use", value=value, use=use) if cut.use else words("handout.if.cut", value=value)
    for heal in what_if.heals:
        yield words("handout.if.heal", value=_place(heal, trace, words))
    for number, seed in what_if.seeds.items():
        yield words("handout.if.seed", number=number + 1, numbers=_numbers(seed))
    for name, values in what_if.leaves.items():
        yield f"{name} = {_numbers(values)}"
    for name, tracked in what_if.requires_grad.items():
        yield f"{name}.requires_grad = {tracked}"
    for place in what_if.skip_zero_grad:
        yield words("handout.if.clear", place=_place(place, trace, words))


def _place(place: str, trace: Trace, words: Words) -> str:
    """A site, or ``LINE:EXPR``, in words."""
    op = next((op for op in trace.ops if place and op.site == place), None)
    event = next((event for event in trace.events if place and event.site == place), None)
    line, _, said = place.partition(":")
    if op is not None:
        line, said = str(op.line), op.text or op.name
    elif event is not None:
        lines = trace.source.split("\n")
        line, said = str(event.line), lines[event.line - 1].strip() if 0 < event.line <= len(lines) else ""
    return f"{said} ({words('inspect.line', line=line)})" if line.isdigit() else place


def _numbers(numbers: Sequence[float]) -> str:
    said = ", ".join(map(figures.number, numbers))
    return figures.clip(said if len(numbers) == 1 else f"[{said}]", WIDTH)


def failure(error: Failure, words: Words) -> Piece:
    """What went wrong, in a box."""
    explanation, message = failure_lines(error, words)

    def said(width: float) -> list[tuple[str, Style]]:
        return [(explanation, Style(13, "wrong", below=3)), (figures.clip(message, 600), Style(12))]

    return Piece(
        lambda width: framed(
            stacked(text_block([line], width - 20) for line in said(width) if line[0]), "wrong_soft", "wrong"
        ),
        above=8.0,
    )  # fmt: skip
