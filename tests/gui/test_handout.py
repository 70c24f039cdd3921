"""Handouts: pages, contents and figures; every step of a run; lessons with their answers behind."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations, takewhile
from pathlib import Path

import msgspec
import pytest

from core.client import Client
from core.layout import Cancelled
from core.lessons.records import Predict, Span, Text
from core.lessons.running import in_worker
from core.lessons.shelf import heads, open_lesson
from core.records import Check, Cut, Failure, Trace, WhatIf
from gui.export.blocks import Block, run_width, stacked
from gui.export.document import (
    LEAST,
    PAPERS,
    SIDE,
    TOP,
    UNIT,
    Document,
    Figure,
    Flow,
    Piece,
    fixed,
    laid_out,
    section,
    text,
)
from gui.export.handout import ROWS, TOLD, handout, moments, run_document
from gui.export.knowledge import Knowledge, gather
from gui.export.lesson_paper import Runner, lesson_document, lesson_runs, paragraph
from gui.export.order import Order
from gui.export.page import around, extents
from gui.export.tables import columns, table_block
from gui.export.watch import Watch
from gui.i18n import words
from gui.inspector.styles import PLAIN
from gui.picture.shapes import Box, Formula, Label, Rect, Scene, overlap
from tests.gui import traces

A4 = PAPERS["A4"]
LESSONS = Path(__file__).resolve().parents[2] / "assets" / "lessons"
EMPTY = Trace("2.13.0", "")


def shown(flow: Flow) -> list[str]:
    """The text of each page."""
    return [" ".join(label.text for placed in sheet.placed for label in placed.block.scene.labels)
            for sheet in flow.sheets]  # fmt: skip


def pages(trace: Trace, lang: str = "en", known: Knowledge | None = None, **order: str) -> Flow:
    return laid_out(run_document(trace, Order(lang=lang, **order), known, Watch()), Watch())  # type: ignore[arg-type]


def told(trace: Trace, lang: str = "en", known: Knowledge | None = None) -> str:
    return " ".join(shown(pages(trace, lang, known)))


def places(flow: Flow) -> Iterator[list[Rect]]:
    """What everything on a page covers, for each page."""
    for sheet in flow.sheets:
        rects = []
        for placed in sheet.placed:
            if found := list(extents(placed.block.scene)):
                left, top, right, bottom = (side * placed.scale for side in around(found))
                rects.append((placed.x + left, placed.y + top, placed.x + right, placed.y + bottom))
        yield rects


def assert_in_order(flow: Flow) -> None:
    """Nothing is clipped, nothing stands on anything else, no page is empty, and all can be read."""
    for sheet, rects in zip(flow.sheets, places(flow), strict=True):
        width, height = sheet.paper.room
        assert rects
        for rect in rects:
            assert rect[0] > SIDE - 3, rect
            assert rect[1] > TOP - 3, rect
            assert rect[2] < SIDE + width + 3, rect
            assert rect[3] < TOP + height + 3, rect
        inner = [(left + 2, top + 3, right - 2, bottom - 3) for left, top, right, bottom in rects]
        assert not [pair for pair in combinations(inner, 2) if overlap(*pair)]
        for placed in sheet.placed:
            for label in placed.block.scene.labels:
                assert label.size * placed.scale * UNIT >= LEAST - 0.05, label


# ── Pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def block(height: float, said: str, *breaks: float, width: float = 300.0) -> Block:
    return Block(Scene((Box(0, 0, width, height),), (Label(0, 10, said, "text"),)), width, height, breaks)


def flow(*pieces: Piece) -> Flow:
    return Flow(pieces, A4, Watch())


def tall(share: float) -> float:
    return share * A4.room[1]


def test_a_heading_stands_with_what_it_heads() -> None:
    found = flow(fixed(block(tall(0.88), "much")), section("Heading"), fixed(block(tall(0.2), "headed")))
    assert shown(found) == ["much", "Heading headed"]
    assert [(mark.entry, mark.page) for mark in found.marks] == [("Heading", 1)]


def test_a_page_ends_where_a_block_may_be_broken_and_nowhere_else() -> None:
    lines = stacked(block(tall(0.3), f"{number}") for number in range(7))
    assert shown(flow(fixed(lines))) == ["0 1 2", "3 4 5", "6"]
    whole = flow(fixed(block(tall(0.6), "a")), fixed(block(tall(0.6), "b")))
    assert shown(whole) == ["a", "b"]
    assert_in_order(whole)


def test_what_is_longer_than_a_page_and_cannot_be_broken_is_drawn_smaller() -> None:
    [sheet] = flow(fixed(block(tall(1.5), "long"))).sheets
    assert sheet.placed[0].scale == pytest.approx(1 / 1.5)


def test_text_stands_beside_a_figure_and_below_it_where_it_is_too_wide() -> None:
    widths = []

    def make(width: float) -> Block:
        widths.append(width)
        return block(tall(0.2), "beside", width=width)

    figure = Figure(block(tall(0.5), "figure"))
    found = flow(Piece(make, figure=figure), fixed(block(tall(0.1), "wide", width=600.0)), text([("after", PLAIN)]))
    [sheet] = found.sheets
    figured, beside, wide, after = sheet.placed
    assert figured.x + figured.block.width == pytest.approx(SIDE + A4.room[0])
    assert beside.y == figured.y
    assert beside.block.width < A4.room[0] - 300
    assert wide.y >= figured.y + figured.block.height
    assert after.y > wide.y
    assert_in_order(found)


def test_a_figure_without_room_waits_for_the_next_page() -> None:
    figure = Figure(block(tall(0.5), "figure"))
    before = fixed(block(tall(0.7), "before"))
    assert shown(flow(before, text([("said", PLAIN)], figure=figure), fixed(block(tall(0.4), "more")))) == [
        "before said", "figure more"
    ]  # fmt: skip
    fresh = text([("fresh", PLAIN)], fresh=True)
    assert shown(flow(before, text([("said", PLAIN)], figure=figure), fresh)) == ["before said", "figure", "fresh"]
    optional = text([("said", PLAIN)], figure=replace(figure, optional=True))
    assert shown(flow(before, optional, fresh)) == ["before said", "fresh"]


def test_what_a_figure_leaves_no_room_for_is_neither_squeezed_nor_covered() -> None:
    figure = Figure(block(tall(0.6), "figure"))
    found = flow(text([("said", PLAIN)], figure=figure), fixed(block(tall(0.5), "wide", width=600.0)))
    assert shown(found) == ["figure said", "wide"]
    assert_in_order(found)
    lines = stacked(block(tall(0.3), f"{number}", width=600.0) for number in range(7))
    found = flow(fixed(block(tall(0.6), "first")), text([("said", PLAIN)], figure=figure), fixed(lines),
                 text([("last", PLAIN)]))  # fmt: skip
    assert shown(found) == ["first said 0", "1 2 3", "4 5 6 last", "figure"]
    assert_in_order(found)


def test_a_large_figure_has_a_page_of_its_own_while_the_text_goes_on() -> None:
    figure = Figure(block(tall(0.5), "figure", width=900.0), alone="turned", entry="Figure")
    found = flow(text([("before", PLAIN)], figure=figure), fixed(block(tall(0.5), "on")), fixed(block(tall(0.6), "x")))
    assert shown(found) == ["before on", "figure", "x"]
    assert found.sheets[1].paper == A4.turned
    assert found.marks[0].page == 1
    assert_in_order(found)


def test_contents_say_the_true_pages() -> None:
    pieces = [text([("Title", PLAIN)])]
    for number in range(6):
        pieces += [section(f"Part {number}"), fixed(block(tall(0.6), f"body {number}"))]
    found = laid_out(Document("Title", "foot", pieces, words("en"), A4, 1), Watch())
    assert_in_order(found)
    texts = shown(found)
    assert words("en")("handout.contents") in texts[0]
    rows = [placed for sheet in found.sheets for placed in sheet.placed if placed.leads is not None]
    assert len(rows) == 6
    for placed in rows:
        *entry, page = (label.text for label in placed.block.scene.labels)
        mark = found.marks[placed.leads or 0]
        assert mark.entry == " ".join(entry)
        assert mark.page + 1 == int(page)
        assert f"{mark.entry} body" in texts[int(page) - 1]
    short = laid_out(Document("Title", "foot", pieces[:5], words("en"), A4, 1), Watch())
    assert words("en")("handout.contents") not in shown(short)[0]


def test_columns_of_a_table_share_what_narrow_ones_leave() -> None:
    assert columns([[20], [500], [900]], 428) == [20, 190, 190]
    assert columns([[20], [30], [40]], 428) == [20, 30, 40]
    rows = [[[("a", PLAIN)], [("long " * 40, PLAIN)]] for _ in range(4)]
    table = table_block(("one", "two"), rows, 200)
    assert len(table.breaks) == 1  # two rows from the head and from the end
    assert all(rect[2] <= 201 for rect in extents(table.scene))


def test_formulas_stand_in_their_lines() -> None:
    spans = [Span("The slope of "), Span(r"\frac{1}{x^2}", "math"), Span(" and "), Span("x", "math"), Span(" is here.")]
    found = paragraph(spans * 5, 300)
    formulas = sorted((shape for shape in found.scene.shapes if isinstance(shape, Formula)), key=lambda one: one.y)
    assert len(formulas) == 10
    texts = [(label.x, label.y, label.x + run_width(label.text, PLAIN), label.y + 1) for label in found.scene.labels]
    for formula in formulas:
        assert not any(overlap((formula.x + 3, formula.y - 1, formula.x + 4, formula.y + 3), rect) for rect in texts)
    assert all(rect[1] >= 0 and rect[3] <= found.height and rect[2] <= 301 for rect in extents(found.scene))
    assert "$ no" in "".join(label.text for label in paragraph([Span("$ no", "math")], 300).scene.labels)


# ── Runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("paper", ["A4", "letter"])
@pytest.mark.parametrize(
    "trace", [traces.first(), traces.first(cut=True), traces.fan(), traces.failed(), traces.chain(80), EMPTY]
)
def test_the_pages_of_a_run_are_in_order(trace: Trace, lang: str, paper: str) -> None:
    found = pages(trace, lang, paper=paper)
    small = words(lang)("handout.graph.small")
    found.sheets = [sheet for sheet, said in zip(found.sheets, shown(found), strict=True) if small not in said]
    assert_in_order(found)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_step_is_told(lang: str) -> None:
    trace, say = traces.first(), words(lang)
    said = told(trace, lang)
    assert "Q = 3*a**3 - b**2" in said
    for number, step in enumerate(trace.passes[0].steps, 1):
        assert f"{number} · {trace.passes[0].nodes[step.node].name}" in said
    seeded, _, second = said.rpartition("1 · SubBackward0")[2].partition("2 · PowBackward0")
    assert say("inspect.seed") in seeded
    assert "[-12, -8]" in second
    assert "→ b.grad" in re.sub(r"\s+", " ", second)
    table = said.rpartition(say("handout.gradients"))[2].partition(say("handout.forward"))[0]
    assert "[36, 81]" in table
    assert say("agree.yes") in said
    assert run_document(trace, Order(), None, Watch()).foot == "Pullback · torch 2.13.0"


def test_jacobians_are_printed_where_they_are_known() -> None:
    from core.engine import record

    source = "import torch\nx = torch.tensor([2., 5.], requires_grad=True)\n(x ** 3).sum().backward()\n"
    trace = record(source)
    with Client(spare=False) as client:
        known = gather(client, trace, moments(trace))
    say = words("en")
    said = told(trace, known=known)
    assert "∂((x ** 3).sum()) / ∂x" in said
    assert "75" in said.split(say("jacobian"))[2]
    assert say("jacobian.whole") in said
    assert say("jacobian") not in told(trace)
    assert_in_order(pages(trace, known=known))


def test_a_formula_is_explained_once() -> None:
    say = words("en")
    said = told(traces.first())
    assert said.count("The power rule") == 1
    assert said.count(say("handout.formula", number=1, step=2)) == 1


def test_of_a_long_run_it_is_said_what_is_left_out() -> None:
    trace, say = traces.chain(300), words("en")
    said = told(trace)
    count = len(trace.passes[0].steps)
    assert say("handout.limit", n=TOLD, all=count, rows=ROWS) in said
    rest = said.split(say("handout.others"))[1]
    assert f" {TOLD + 1} " in rest
    assert say("handout.more", n=count - TOLD - ROWS) in rest
    assert len(moments(trace)) == TOLD + 2
    assert len(pages(trace).sheets) < 25


def test_what_ifs_and_checks_are_said() -> None:
    what_if = WhatIf(cuts=(Cut("pow#4", "sub#5"),))
    checks = (Check(2, 0.0, True), Check(3, 1.0, False))
    trace = msgspec.structs.replace(traces.first(cut=True), what_if=what_if, checks=checks)
    say = words("en")
    said = told(trace)
    assert say("handout.if.cut_use", value="b**2 (line 5)", use="3*a**3 - b**2 (line 5)") in said.replace("  ", " ")
    assert say("inspect.as_code") in said
    assert "(b**2).detach()" in said
    assert say("checks.differ", n=1, all=2) in said
    others = replace_what_if(WhatIf(seeds={0: (1.0, 0.0)}, leaves={"a": (2.0, 3.0)}, requires_grad={"b": False}))
    assert say("handout.if.seed", number=1, numbers="[1, 0]") in others
    assert "a = [2, 3]" in others
    assert "b.requires_grad = False" in others


def replace_what_if(what_if: WhatIf) -> str:
    return told(msgspec.structs.replace(traces.first(), what_if=what_if))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_failure_is_said_first(lang: str) -> None:
    error = Failure("RuntimeError", "word " * 300 + "错" * 300, 3)
    found = pages(msgspec.structs.replace(traces.failed(), error=error), lang)
    first = shown(found)[0]
    assert first.index("RuntimeError: word word") < first.index(words(lang)("handout.program"))
    assert_in_order(found)


# ── The file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_has_fonts_contents_and_no_date(tmp_path: Path) -> None:
    trace = traces.chain(30)
    blob = handout(trace, Order(lang="zh"), None, Watch())
    assert blob == handout(trace, Order(lang="zh"), None, Watch())
    assert b"/FontFile2" in blob
    assert b"Type3" not in blob
    assert b"CreationDate" not in blob
    count = len(pages(trace, "zh").sheets)
    assert len(re.findall(rb"/Type /Page ", blob)) == count > 3
    titles = [bytes(found).decode("utf-16-be") for found in re.findall(rb"/Title \(\xfe\xff((?:[^\\)]|\\.)*)\)", blob)]
    assert any(words("zh")("handout.program") in title for title in titles)
    assert blob.count(b"/Subtype /Link") == len(pages(trace, "zh").marks)
    assert blob.rindex(b"/Outlines") > blob.index(b"/Type /Catalog")
    if shutil.which("pdftotext"):
        (tmp_path / "p.pdf").write_bytes(blob)
        said = subprocess.run(["pdftotext", "-layout", "p.pdf", "-"], cwd=tmp_path, capture_output=True, check=True)
        read = said.stdout.decode().split("\f")
        assert len(read) == count + 1
        for number, page in enumerate(read[:-1], 1):
            assert f"{number} / {count}" in page
        assert words("zh")("handout.contents") in read[0]


def test_paper_and_theme() -> None:
    blob = handout(traces.fan(), Order(paper="letter"), None, Watch())
    assert b"/MediaBox [ 0 0 612 792 ]" in blob
    assert len(handout(traces.fan(), Order(theme="dark"), None, Watch())) > 0
    with pytest.raises(ValueError, match="paper 'A5'"):
        Order(paper="A5").check()


def test_a_handout_can_be_given_up_and_tells_how_far_it_is() -> None:
    with pytest.raises(Cancelled):
        handout(traces.first(), Order(), None, Watch(cancelled=lambda: True))
    shares: list[float] = []
    handout(traces.first(), Order(), None, Watch(progress=shares.append))
    assert shares == sorted(shares)
    assert shares[0] < 0.2
    assert shares[-1] == pytest.approx(1.0)


# ── Lessons ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    with Client() as client:
        yield in_worker(client)


LESSON_IDS = [head.id for head in heads(LESSONS, "en")]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("id_", LESSON_IDS)
def test_every_lesson_can_be_handed_out(id_: str, lang: str, run: Runner) -> None:
    lesson, say = open_lesson(LESSONS, id_, lang), words(lang)
    runs = lesson_runs(lesson, run)
    assert runs.keys() == {screen.id for screen in lesson.screens}
    document = lesson_document(lesson, runs, Order(lang=lang), Watch())
    found = laid_out(document, Watch())
    assert 3 <= len(found.sheets) <= 8
    texts = shown(found)
    behind = next(mark.page for mark in found.marks if mark.entry == say("handout.answers"))
    questions, answers = _plain(" ".join(texts[:behind])), _plain(" ".join(texts[behind:]))
    for screen in lesson.screens:
        assert _plain(screen.title) in questions
        for block in takewhile(lambda block: not isinstance(block, Predict), screen.blocks):
            for span in block.spans if isinstance(block, Text) else ():
                assert span.style == "math" or _plain(span.text) in questions
        for block in screen.blocks:
            if isinstance(block, Predict):
                assert _plain(block.ask) in questions
                assert _plain(block.ask) in answers
                right = next((choice.say for choice in block.choices if choice.right), block.right)
                assert _plain(right) in answers
                assert _plain(right) not in questions
    for name in {screen.program for screen in lesson.screens}:
        for line in lesson.programs[name].split("\n"):
            assert _plain(line) in questions
    found.sheets = [sheet for sheet, said in zip(found.sheets, texts, strict=True)
                    if say("handout.graph.small") not in said]  # fmt: skip
    assert_in_order(found)


def _plain(said: str) -> str:
    return re.sub(r"[\s`]", "", said)


def test_a_lesson_whose_programs_cannot_run_is_printed_without_pictures() -> None:
    def refused(source: str, what_if: WhatIf) -> Trace:
        raise ValueError("stopped")

    lesson = open_lesson(LESSONS, "detach", "en")
    runs: Mapping[str, Trace] = lesson_runs(lesson, refused)
    assert not runs
    found = laid_out(lesson_document(lesson, runs, Order(), Watch()), Watch())
    assert "u = y.detach()" in " ".join(shown(found)).replace("  ", " ")
    assert_in_order(found)
