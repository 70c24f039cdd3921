"""A document on paper: pieces one below the other on pages of one size, figures beside them, contents, page numbers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, Literal

import matplotlib
from matplotlib.backends.backend_pdf import Name, PdfFile, Reference, RendererPdf

from gui.export.blocks import Block, parted, run_width, text_block, written
from gui.export.frames import GAP
from gui.export.watch import Watch
from gui.i18n import Words
from gui.inspector.styles import Style
from gui.picture import paint
from gui.picture.shapes import Box, Scene
from gui.theme import Palette

UNIT: Final = 0.75
"""Points of a unit: letters of 13 units are 9.75 points high."""
LEAST: Final = 7.0
"""Points of the smallest letters."""
SIDE, TOP, BOTTOM = 68.0, 76.0, 76.0
"""Margins, in units: 18 and 20 mm."""
CLOSER: Final = 0.6
"""Share of the room above pieces where a page can be saved."""
SHORT: Final = 3
"""Pages of a document up to which it needs no contents."""
LISTED: Final = 36
"""Lines of the contents up to which parts of parts are among them."""

RUNNING: Final = Style(11, "quiet")
SECTION: Final = Style(16, bold=True, above=4, below=6)
ENTRIES: Final = (Style(13, above=5), Style(12, "quiet", first=2, rest=2))
"""Lines of the contents, by level."""


@dataclass(frozen=True, slots=True)
class Paper:
    """Sides of a sheet of paper, in points."""

    width: float
    height: float

    @property
    def turned(self) -> Paper:
        return Paper(self.height, self.width)

    @property
    def room(self) -> tuple[float, float]:
        """Width and height within the margins, in units."""
        return self.width / UNIT - 2 * SIDE, self.height / UNIT - TOP - BOTTOM


PAPERS: Final = {"A4": Paper(595.276, 841.89), "letter": Paper(612.0, 792.0)}


@dataclass(frozen=True, eq=False)
class Figure:
    """What stands on the right with text beside it, here or at the top of the next page.

    Attributes:
        scale: of its block.
        alone: it has a page of its own instead, 'upright' or 'turned', with the long side below.
        entry: what the contents call it; '' where they do not.
        optional: it is left out where a new page begins before there was room for it.
    """

    block: Block
    scale: float = 1.0
    alone: Literal["", "upright", "turned"] = ""
    entry: str = ""
    optional: bool = False

    @property
    def width(self) -> float:
        return self.block.width * self.scale

    @property
    def height(self) -> float:
        return self.block.height * self.scale


@dataclass(eq=False)
class Piece:
    """What stands on a page, as wide as there is room.

    Attributes:
        make: the width in units → the block.
        above: room above it, except at the top of a page.
        least: width below which it stands under a figure and not beside it.
        entry: what the contents call it; '' where they do not.
        level: in the contents, 0 or 1.
        keep: no page ends behind it.
        fresh: a page begins with it.
        clear: it stands below figures.
        figure: stands beside it and what follows.
        scale: of its block, which is made so much wider.
        leads: number of the entry that a click on it leads to; None for none.
    """

    make: Callable[[float], Block]
    above: float = 0.0
    least: float = 0.0
    entry: str = ""
    level: int = 0
    keep: bool = False
    fresh: bool = False
    clear: bool = False
    figure: Figure | None = None
    scale: float = 1.0
    leads: int | None = None

    def __post_init__(self) -> None:
        self.make = cache(self.make)  # pages are laid out more than once


def fixed(block: Block, scale: float = 1.0, **how: Any) -> Piece:
    """A piece that is as wide as it is; see ``Piece``."""
    return Piece(lambda width: block, least=block.width * scale, scale=scale, **how)


def text(runs: Sequence[tuple[str, Style]], **how: Any) -> Piece:
    """A paragraph; see ``Piece``."""
    return Piece(lambda width: text_block(runs, width), **how)


def section(title: str, **how: Any) -> Piece:
    """The heading of a part, which is in the contents; see ``Piece``."""
    return text([(title, SECTION)], **{"above": 18.0, "entry": title, "keep": True, **how})


@dataclass(frozen=True, eq=False)
class Document:
    """Attributes:
    title: stands above every page but the first.
    foot: stands below every page, beside its number.
    contents: number of the piece before which they stand, in a document of more than ``SHORT`` pages.
    """

    title: str
    foot: str
    pieces: Sequence[Piece]
    words: Words
    paper: Paper
    contents: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """A block on a page: its top left corner, in units, and its scale."""

    block: Block
    x: float
    y: float
    scale: float = 1.0
    leads: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Where an entry of the contents is: its page, from 0, and how far down."""

    entry: str
    level: int
    page: int
    y: float


@dataclass(eq=False)
class Sheet:
    """A page."""

    paper: Paper
    placed: list[Placed] = field(default_factory=list)


# ── Pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Flow:
    """Pieces, one after the other, on as many pages as they need.

    Args:
        spacing: share of the room above pieces that is kept.

    Attributes:
        sheets: the pages.
        marks: where the entries are, in the order of their pieces.
    """

    def __init__(self, pieces: Sequence[Piece], paper: Paper, watch: Watch, spacing: float = 1.0) -> None:
        self.sheets: list[Sheet] = []
        self._spacing = spacing
        self._pieces, self._paper = pieces, paper
        self._waiting: list[tuple[int, Figure]] = []  # with the number of their piece
        self._marks: list[tuple[int, Mark]] = []
        self._begin(paper)
        for number in range(len(pieces)):
            watch.check()
            self._add(number)
            watch.reach((number + 1) / len(pieces))
        self._finish()
        self.marks = [mark for _, mark in sorted(self._marks, key=lambda pair: pair[0])]

    def _begin(self, paper: Paper) -> None:
        self.sheets.append(Sheet(paper))
        self._y, self._bottom = TOP, TOP + paper.room[1]
        self._side = TOP, paper.room[0]  # down to where a figure stands, and the width beside it

    @property
    def _left(self) -> float:
        """Height that is left of the page."""
        return self._bottom - self._y

    def _turn(self, *, within: bool = False) -> None:
        """Begins a page, with a figure that waits for one; not ``within`` a piece, which has its width already."""
        for number, figure in [pair for pair in self._waiting if pair[1].alone]:
            self._waiting.remove((number, figure))
            self._begin(self._paper.turned if figure.alone == "turned" else self._paper)
            self._note(number, figure.entry, 0)
            self._put(figure.block, SIDE, figure.scale)
        self._begin(self._paper)
        if self._waiting and not within:
            self._stand()

    def _finish(self) -> None:
        """Sets what still waits."""
        self._waiting = [pair for pair in self._waiting if not pair[1].optional]
        while self._waiting:
            if not self._waiting[0][1].alone and self._below_figures() and self._waiting[0][1].height <= self._left:
                self._stand()
            else:
                self._turn()
        if len(self.sheets) > 1 and not self.sheets[-1].placed:
            self.sheets.pop()

    def _add(self, number: int) -> None:
        piece = self._pieces[number]
        if piece.fresh and self.sheets[-1].placed:
            self._finish()
            self._turn()
        if piece.figure is not None:
            self._waiting.append((number, piece.figure))
        if piece.clear:
            self._y = max(self._y, self._side[0])
        self._y += piece.above * self._spacing if self.sheets[-1].placed else 0.0
        figure = next((figure for _, figure in self._waiting if not figure.alone), None)
        if figure is not None and self._below_figures() and self._room_for(figure, number):
            self._stand()
        else:
            self._settle(number)
        self._note(number, piece.entry, piece.level)
        self._place(piece)

    def _settle(self, number: int) -> None:
        """Goes on to where a piece can begin."""
        while True:
            width = self._width(self._pieces[number])
            if width is None:
                self._y, width = self._side[0], self._paper.room[0]
            if not self.sheets[-1].placed or self._need(number, width) <= self._left:
                return
            self._turn()

    def _note(self, number: int, entry: str, level: int) -> None:
        if entry:
            self._marks.append((number, Mark(entry, level, len(self.sheets) - 1, self._y)))

    def _below_figures(self) -> bool:
        return self._y >= self._side[0]

    def _width(self, piece: Piece) -> float | None:
        """Of the room for a piece; None where it has to stand below the figure."""
        whole = self._paper.room[0]
        if self._below_figures():
            return whole
        return self._side[1] if self._side[1] >= min(piece.least, whole) else None

    def _need(self, number: int, width: float) -> float:
        """How much of a page the beginning of a piece needs, with what it heads."""
        piece = self._pieces[number]
        block = piece.make(width / piece.scale)
        high = (block.breaks[0] if block.breaks else block.height) * piece.scale
        if piece.keep and number + 1 < len(self._pieces):
            between = self._pieces[number + 1].above * self._spacing
            high = block.height * piece.scale + between + self._need(number + 1, width)
        return min(high, self._paper.room[1])

    def _room_for(self, figure: Figure, number: int) -> bool:
        """Whether a figure has room on this page, with the beginning of a piece beside it."""
        beside = self._paper.room[0] - figure.width - GAP
        wide = beside >= self._pieces[number].least
        return wide and max(figure.height, self._need(number, beside)) <= self._left

    def _stand(self) -> None:
        """Sets the figure that waits longest beside what follows."""
        pair = next(pair for pair in self._waiting if not pair[1].alone)
        self._waiting.remove(pair)
        figure, whole = pair[1], self._paper.room[0]
        scale = figure.scale * min(1.0, self._left / figure.height)
        wide = figure.block.width * scale
        self._put(figure.block, SIDE + whole - wide, scale)
        self._side = self._y + figure.block.height * scale + GAP / 2, whole - wide - GAP

    def _put(self, block: Block, x: float, scale: float, leads: int | None = None) -> None:
        self.sheets[-1].placed.append(Placed(block, x, self._y, scale, leads))

    def _place(self, piece: Piece) -> None:
        rest: Block | None = piece.make((self._width(piece) or self._paper.room[0]) / piece.scale)
        while rest is not None:
            block, rest = parted(rest, self._left / piece.scale)
            scale = min(piece.scale, self._left / block.height) if block.height else 1.0  # what cannot be parted
            self._put(block, SIDE, scale, piece.leads)
            self._y += block.height * scale
            if rest is not None:
                self._turn(within=True)


def laid_out(document: Document, watch: Watch) -> Flow:
    """The pages, with contents where they are many; closer together where that saves a page."""
    roomy, close = (_with_contents(document, watch, spacing) for spacing in (1.0, CLOSER))
    return close if len(close.sheets) < len(roomy.sheets) else roomy


def _with_contents(document: Document, watch: Watch, spacing: float) -> Flow:
    flow = Flow(document.pieces, document.paper, watch, spacing)
    if len(flow.sheets) <= SHORT or len(flow.marks) < 2:
        return flow
    at = document.contents
    first = document.pieces[at]
    for _ in range(2):  # first for the room that the contents need, then with the true numbers
        contents = list(_contents(flow.marks, document.words))
        contents[0] = replace(contents[0], figure=first.figure)  # which stands beside them, then
        pieces = [*document.pieces[:at], *contents, replace(first, figure=None), *document.pieces[at + 1 :]]
        flow = Flow(pieces, document.paper, watch, spacing)
    return flow


def _contents(marks: Sequence[Mark], words: Words) -> Iterator[Piece]:
    yield text([(words("handout.contents"), SECTION)], above=14.0, keep=True)
    shown = [number for number, mark in enumerate(marks) if not mark.level or len(marks) <= LISTED]
    for number in shown:
        yield Piece(_entry(marks[number]), leads=number, above=1.0)


def _entry(mark: Mark) -> Callable[[float], Block]:
    """A line of the contents, with the page on the right."""
    style = ENTRIES[mark.level]
    page = str(mark.page + 1)

    def make(width: float) -> Block:
        room = width - 40.0
        block = text_block([(mark.entry, style)], room)
        _, [label] = written([(page, replace(style, mono=False))], 0.0, style.above + 0.65 * style.size)
        labels = (*block.scene.labels, replace(label, x=width, anchor="e"))
        return Block(Scene(block.scene.shapes, labels), width, block.height)

    return make


# ── The file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def pdf(document: Document, palette: Palette, watch: Watch, *, ground: bool = False) -> bytes:
    """The document as a PDF: fonts embedded, contents that can be clicked, an outline; no date, so that the same
    document is the same file.

    Args:
        ground: whether pages are coloured, or left as the paper is.
    """
    watch.whole = 2.0  # pages to lay out, and to draw
    flow = laid_out(document, watch)
    target = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        file = PdfFile(target, metadata={"Title": document.title, "Creator": "Pullback", "CreationDate": None})
        try:
            links: list[list[dict[str, object]]] = []
            for number, sheet in enumerate(watch.each(flow.sheets, 1 / len(flow.sheets))):
                links.append([])
                file.pageAnnotations = links[-1]  # filled below, when all pages are known
                _draw(file, document, sheet, (number + 1, len(flow.sheets)), palette, ground)
            file.endStream()
            for sheet, found in zip(flow.sheets, links, strict=True):
                found += [_link(file, flow, sheet, placed) for placed in sheet.placed if placed.leads is not None]
            _outline(file, flow, document.words)
            file.finalize()
        finally:
            file.close()
    return target.getvalue()


def _draw(
    file: PdfFile, document: Document, sheet: Sheet, number: tuple[int, int], palette: Palette, ground: bool
) -> None:
    width, height = sheet.paper.width, sheet.paper.height
    file.newPage(width / 72, height / 72)
    renderer = RendererPdf(file, 72, height / 72, width / 72)
    painter = paint.Painter(renderer, height, palette)
    if ground:
        painter.background(width)
    for placed in [*sheet.placed, _margins(document, sheet.paper, number)]:
        scale = placed.scale * UNIT
        painter.look(scale, (-placed.x / placed.scale, -placed.y / placed.scale))
        painter.paint(placed.block.scene)
    renderer.finalize()


def _margins(document: Document, paper: Paper, number: tuple[int, int]) -> Placed:
    """The title above, the foot and the page's number below."""
    right, bottom = paper.width / UNIT - SIDE, paper.height / UNIT
    said = f"{number[0]} / {number[1]}"
    lines = [(document.foot, SIDE, bottom - BOTTOM / 2), (said, right - run_width(said, RUNNING), bottom - BOTTOM / 2)]
    shapes = []
    if number[0] > 1:
        lines.append((document.title, SIDE, TOP / 2))
        shapes.append(Box(SIDE, TOP / 2 + 12, right - SIDE, 0.6, "line", radius=0))
    labels = [label for said, x, y in lines for label in written([(said, RUNNING)], x, y)[1]]
    return Placed(Block(Scene(tuple(shapes), tuple(labels)), right, bottom), 0.0, 0.0)


def _there(file: PdfFile, flow: Flow, mark: Mark) -> list[object]:
    """A place in the file, as links name it."""
    height = flow.sheets[mark.page].paper.height
    return [file.pageList[mark.page], Name("XYZ"), 0, height - (mark.y - 10) * UNIT, 0]


def _link(file: PdfFile, flow: Flow, sheet: Sheet, placed: Placed) -> dict[str, object]:
    assert placed.leads is not None
    left, top = placed.x * UNIT, sheet.paper.height - placed.y * UNIT
    rect = [left, top - placed.block.height * UNIT, left + placed.block.width * UNIT, top]
    there = _there(file, flow, flow.marks[placed.leads])
    return {"Type": Name("Annot"), "Subtype": Name("Link"), "Rect": rect, "Border": [0, 0, 0], "Dest": there}


def _outline(file: PdfFile, flow: Flow, words: Words) -> None:
    """The contents beside the pages, as readers of PDF show them: two levels, the second one closed."""
    root = file.reserveObject("outlines")
    items = [file.reserveObject("outline") for _ in flow.marks]
    tops = [number for number, mark in enumerate(flow.marks) if not mark.level]
    inner: dict[int, list[int]] = {top: [] for top in tops}
    for number, mark in enumerate(flow.marks):
        if mark.level:
            inner[max(top for top in tops if top < number)].append(number)
    for parent, family in [(root, tops), *((items[top], family) for top, family in inner.items())]:
        for place, number in enumerate(family):
            mark = flow.marks[number]
            item = {"Title": mark.entry, "Parent": parent, "Dest": _there(file, flow, mark)}
            if place:
                item["Prev"] = items[family[place - 1]]
            if place + 1 < len(family):
                item["Next"] = items[family[place + 1]]
            file.writeObject(items[number], item | _ends(items, inner.get(number, []), closed=True))
    file.writeObject(root, {"Type": Name("Outlines")} | _ends(items, tops, closed=False))
    # matplotlib wrote the catalogue when it began; of two, the later one counts.
    catalogue = {"Type": Name("Catalog"), "Pages": file.pagesObject, "Outlines": root, "Lang": words.language}
    file.writeObject(file.rootObject, catalogue)


def _ends(items: Sequence[Reference], family: Sequence[int], *, closed: bool) -> dict[str, object]:
    """What a part of the outline says of the parts in it."""
    if not family:
        return {}
    count = -len(family) if closed else len(family)
    return {"First": items[family[0]], "Last": items[family[-1]], "Count": count}
