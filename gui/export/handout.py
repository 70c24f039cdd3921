"""A run as a handout to print: program, picture and gradients, then every step with all that the inspector says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from core.formulas import own_formula
from core.playback import Playback
from core.records import Event, Trace
from gui.export import brief
from gui.export.blocks import CAPTION, Block, Run, stacked, text_block
from gui.export.document import PAPERS, SECTION, Document, Figure, Piece, fixed, pdf, section, text
from gui.export.fitting import Fitted, Pictures, block_of, fitted
from gui.export.frames import GAP, beside
from gui.export.order import Order
from gui.export.paper import report_block
from gui.export.watch import Watch
from gui.i18n import Words
from gui.inspector.lines import Part, Report, node_name
from gui.inspector.report import describe
from gui.inspector.styles import STYLES, Style
from gui.questions import Known

TOLD: Final = 30
"""Steps told in full at most: the first of the run."""
ROWS: Final = 120
"""Operations in tables at most, and as many of the steps that are not told in full."""

CLOSE: Final = 0.9
"""Scale of a step: its smallest letters are 7.4 points high."""
LONG: Final = 0.45
"""Share of a page above which a step is not told in two columns, which no page may break."""

TITLE: Final = Style(24, bold=True, below=2)
ABOUT: Final = Style(12, "quiet")
NARROW: Final = 300.0
"""Width that a program or a report has at least."""


def handout(trace: Trace, order: Order, known: Known | None, watch: Watch) -> bytes:
    """The PDF of a run, on ``order.paper``; the same run is the same file.

    Args:
        known: the Jacobians of the ``moments``; without any, nothing is said of them.
    """
    return pdf(run_document(trace, order, known, watch), order.palette, watch, ground=order.theme == "dark")


def run_document(trace: Trace, order: Order, known: Known | None, watch: Watch) -> Document:
    """What is printed of a run."""
    return _Run(trace, order, known if known is not None and known.answers else None, watch).document()


def moments(trace: Trace) -> list[int]:
    """The cursors at which a handout shows Jacobians, for ``gui.export.knowledge.gather``."""
    told = _told_steps(trace)
    return [at for at, event in enumerate(trace.events, 1) if event.pass_ is not None and (
        (event.pass_, event.step) in told if event.kind == "step" else (event.pass_, 0) in told)]  # fmt: skip


def _told_steps(trace: Trace) -> set[tuple[int | None, int | None]]:
    """The steps that are told in full: (pass, step)."""
    return {(event.pass_, event.step) for event in [event for event in trace.events if event.kind == "step"][:TOLD]}


def foot(trace: Trace) -> str:
    """What stands below every page."""
    return f"Pullback · torch {trace.torch.partition('+')[0]}" if trace.torch else "Pullback"


def name_of(trace: Trace, words: Words) -> str:
    return Path(trace.path).name or words("handout.untitled")


class _Run:
    """A run on its way to paper."""

    def __init__(self, trace: Trace, order: Order, known: Known | None, watch: Watch) -> None:
        self.trace, self.order, self.known, self.watch = trace, order, known, watch
        self.words: Words = order.words
        self.start = Playback.of(trace)
        self.pictures = Pictures(trace, self.start.index, order, watch)
        self.told = _told_steps(trace)
        self._explained: dict[str, tuple[int, int]] = {}  # name of a node → pass and step that explain its formula
        self._rows = {"operations": ROWS, "steps": ROWS}

    def document(self) -> Document:
        head = list(self._head())
        pieces = [*head, *self._first_page(), *self._events()]
        paper = PAPERS[self.order.paper]
        return Document(name_of(self.trace, self.words), foot(self.trace), pieces, self.words, paper, len(head))

    # ── The first page ────────────────────────────────────────────────────────────────────────────────────────────

    def _head(self) -> Iterator[Piece]:
        trace, words = self.trace, self.words
        yield text([(name_of(trace, words), TITLE)])
        count = sum(len(backward.steps) for backward in trace.passes)
        yield text([(words("handout.about", operations=len(trace.ops), passes=len(trace.passes), steps=count,
                           leaves=len(trace.leaves)), ABOUT)])  # fmt: skip
        if count > len(self.told):
            yield text([(words("handout.limit", n=len(self.told), all=count, rows=ROWS), ABOUT)])
        if trace.unrecorded:
            yield text([(words("handout.unrecorded", n=trace.unrecorded), ABOUT)])
        if trace.error is not None:
            yield brief.failure(trace.error, words)

    def _first_page(self) -> Iterator[Piece]:
        trace, words = self.trace, self.words
        found = fitted(self.pictures, self.start.end(), self.order, PAPERS[self.order.paper])
        beside = found.figure if found is not None and found.place == "beside" else None
        yield section(words("handout.program"), figure=beside)
        yield Piece(lambda width: brief.program(trace, width), least=NARROW)
        if trace.what_if:
            yield section(words("handout.what_if"))
            yield from brief.supposed(trace, words)
        if found is None and trace.ops:
            yield text([(words("handout.graph.none"), ABOUT)], above=8.0)
        if found is not None and beside is None:
            title = words("handout.graph")
            yield from drawn(found, title, words, title)
        yield section(words("handout.gradients"))
        yield from brief.gradients(self.start, words)

    # ── What happened ─────────────────────────────────────────────────────────────────────────────────────────────

    def _events(self) -> Iterator[Piece]:
        """Operations and backward calls, in their order."""
        outside: dict[int, list[Event]] = {}
        for begun, event in brief.outside(self.start):
            outside.setdefault(begun, []).append(event)
        for number in range(len(self.trace.passes) + 1):
            yield from self._operations(outside.get(number, ()), number)
            if number < len(self.trace.passes) and number in self.start.index.pass_at:
                yield from self._pass(number)

    def _operations(self, events: Sequence[Event], number: int) -> Iterator[Piece]:
        """What happened before a backward call."""
        if not events:
            return
        count = min(len(events), self._rows["operations"])
        self._rows["operations"] -= count
        if count:
            title = self.words("handout.after", number=number) if number else self.words("handout.forward")
            yield section(title)
            yield brief.operations(self.start, events[:count], self.words)
            yield from brief.left_out(len(events) - count, self.words)

    def _pass(self, number: int) -> Iterator[Piece]:
        trace, words, index = self.trace, self.words, self.start.index
        backward = trace.passes[number]
        numbers = range(len(backward.steps))
        told = [step for step in numbers if (number, step) in self.told]
        rest = [step for step in numbers if (number, step) not in self.told]
        count = min(len(rest), self._rows["steps"])
        if rest and not told and not count:
            return
        title = words("line.backward", number=number + 1)
        line = f" · {words('inspect.line', line=backward.line)}" if backward.line else ""
        yield section(f"{title}{line}", clear=bool(told))
        begin = index.pass_at[number] + 1
        seeds = self._report(begin, None)
        del seeds.lines[0]  # the title
        yield self._piece(seeds)
        for step in told:
            self.watch.check()
            yield self._step(number, step)
        if rest:
            self._rows["steps"] -= count
            if told:
                yield text([(words("handout.others"), STYLES["heading"])], above=14.0, keep=True, clear=True)
            if count:
                yield brief.steps(self.start, number, rest[:count], words)
            yield from brief.left_out(len(rest) - count, words)
        end = next((at for at, event in enumerate(trace.events, 1) if (event.kind, event.pass_) == ("end", number)), 0)
        if end:
            yield from self._end(number, begin, end, in_full=bool(told))

    def _end(self, number: int, begin: int, end: int, *, in_full: bool) -> Iterator[Piece]:
        """What the pass came to."""
        yield text([(self.words("where.end", number=number + 1), STYLES["heading"])], above=16.0, keep=True, clear=True)
        report = self._report(end, self.known if in_full else None)
        del report.lines[0]
        ended, report.lines = report.lines[:1], report.lines[1:]
        yield brief.changes(self.start, begin - 1, end, self.words)
        yield text([(part[0], STYLES.get(part[1], STYLES["quiet"])) for line in ended for part in line], above=4.0)
        head, drawings = _by_derivative(report)
        if head.lines:
            yield self._piece(head, keep=bool(drawings))
        for n in range(0, len(drawings), 2):
            yield Piece(partial(_abreast, drawings[n : n + 2]))

    def _step(self, number: int, step: int) -> Piece:
        """All that the inspector says of a step, with its card."""
        at = self.start.index.step_at[number, step] + 1
        playback = self.start.at(at)
        key = (number, self.trace.passes[number].steps[step].node)
        report = self._report(at, self.known)
        self._explain_once(report, self.trace.passes[number].nodes[key[1]].name, number, step)
        report.lines[0].insert(0, (f"{step + 1} · ", "title"))
        card = self._card(playback, self.pictures.asked.graph.card_of_node.get(key))
        entry = f"{step + 1} · {node_name(self.start, key)}"
        return Piece(lambda width: self._in_columns(report, card, width), above=16.0, entry=entry, level=1, clear=True,
                     scale=CLOSE)  # fmt: skip

    def _in_columns(self, report: Report, card: Block, width: float) -> Block:
        """What arrives and the Jacobian on the left, what is made of it on the right; below one another where it is
        long."""
        half = (width - GAP) / 2
        ends = tuple(self.words(f"inspect.{stage}") for stage in ("vjp", "goes"))
        sections = (at for at, (said, tag, *_) in enumerate(line[0] for line in report.lines)
                    if tag == "section" and said.endswith(ends))  # fmt: skip
        at = next(sections, len(report.lines))
        parts = [replace(report, lines=lines) for lines in (report.lines[:at], report.lines[at:])]
        left, right = (report_block(part, half) for part in parts)
        block = beside(left, stacked([card, right]), width)
        if block.height * CLOSE > LONG * PAPERS[self.order.paper].room[1]:
            return stacked([report_block(parts[0], width), card, report_block(parts[1], width)])
        return block

    def _card(self, playback: Playback, card: int | None) -> Block:
        """A card as it stands at a moment; nothing where it is folded away."""
        picture = self.pictures.asked
        if card is None or not picture.shows(card) or picture.units[picture.unit_of_card[card]].group:
            return stacked(())
        return block_of(picture, playback, self.order, card)

    def _explain_once(self, report: Report, name: str, number: int, step: int) -> None:
        """The formulas of a kind of node are written where it runs first; later they are referred to."""
        own = own_formula(name)
        if own is None:
            return
        if name not in self._explained:
            self._explained[name] = number + 1, step + 1
            return
        sentence = own.sentence[self.words.language]
        kept = [line for line in report.lines if line[0][1] != "formula" and line[0][0] != sentence]
        vjp = self.words("inspect.vjp")
        at = next((at for at, line in enumerate(kept) if line[0][1] == "section" and line[0][0].endswith(vjp)), None)
        if at is not None:
            where = dict(zip(("number", "step"), self._explained[name], strict=True))
            kept.insert(at + 1, [(self.words("handout.formula", **where), "quiet")])
        report.lines = kept

    def _report(self, cursor: int, known: Known | None) -> Report:
        """What the inspector says, without what concerns no single step: the gradients of all leaves, freed memory."""
        graph = self.pictures.asked.graph
        report = describe(self.start.at(cursor), graph, None, self.words, known=known)
        for title in ("leaves", "saved"):
            report.lines = _without(report.lines, self.words(f"inspect.{title}"))
        return report

    def _piece(self, report: Report, **how: object) -> Piece:
        return Piece(lambda width: report_block(report, width), least=NARROW, **how)  # type: ignore[arg-type]


def drawn(found: Fitted, title: str, words: Words, entry: str = "") -> Iterator[Piece]:
    """A picture that does not stand beside other text, and what has to be said of it; on this page or the next.

    Args:
        title: stands above it where it has a page of its own; everywhere, if it is an ``entry`` of the contents.
    """
    said = [words(f"handout.graph.{what}") for what in ("folded", "small") if getattr(found, what)]
    if found.place in ("upright", "turned"):
        lines = [(title, SECTION), *((line, CAPTION) for line in said)]
        figure = replace(titled(found.figure, lines, max(NARROW, found.figure.width)), alone=found.place, entry=entry)
        yield Piece(lambda width: stacked(()), figure=figure)
        return
    if entry:
        yield section(title, entry=entry, clear=True)
    yield fixed(found.figure.block, found.figure.scale, above=8.0, clear=True)
    for line in said:
        yield text([(line, CAPTION)], above=4.0)


def titled(figure: Figure, lines: Sequence[Run], width: float) -> Figure:
    """A figure below lines of text that are as large, and have as much width, as others."""
    enlarged = [(line, replace(style, size=style.size / figure.scale)) for line, style in lines]
    above = (text_block([line], width / figure.scale) for line in enlarged)
    return replace(figure, block=stacked([*above, figure.block], 6.0 / figure.scale))


def _abreast(reports: Sequence[Report], width: float) -> Block:
    """One or two reports in columns."""
    left, right = (report_block(report, (width - GAP) / 2) for report in (*reports, Report())[:2])
    return beside(left, right, width)


def _without(lines: list[list[Part]], title: str) -> list[list[Part]]:
    """The lines without a section."""
    kept, inside = [], False
    for line in lines:
        if line[0][1] == "section":
            inside = line[0][0] == title
        if not inside:
            kept.append(line)
    return kept


def _by_derivative(report: Report) -> tuple[Report, list[Report]]:
    """What stands before the first derivative, and each derivative with what is said of it."""
    parts: list[list[list[Part]]] = [[]]
    for line in report.lines:
        if line[0][1] == "derivative":
            parts.append([])
        parts[-1].append(line)
    head, *others = (replace(report, lines=lines) for lines in parts)
    return head, others
