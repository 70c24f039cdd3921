"""The inspector's report on paper: all of its text, within its width, and the numbers of its products."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from core.engine import Options, WhatIf, local_jacobian, pass_jacobian, record
from core.playback import Playback
from core.records import Trace
from gui.export.blocks import Block
from gui.export.knowledge import Knowledge, questions
from gui.export.matrices import product_block
from gui.export.paper import DEEDS, formula_block, report_block
from gui.figures import number
from gui.i18n import words
from gui.inspector.jacobian import Product, products, structure
from gui.inspector.lines import Report
from gui.inspector.report import describe
from gui.picture.cards import build
from gui.picture.shapes import Box, Formula, Label, Raster, formula_rect, label_rect
from gui.picture.thumbnail import NAN
from gui.questions import Answer, LocalJacobian

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"
TORCH = "import torch\n"
PROGRAMS = {
    "first": (EXAMPLES / "first.py").read_text("utf-8"),
    "failing": TORCH + "x = torch.ones(2, requires_grad=True)\ny = x.exp()\ny += 1\n(y * x).sum().backward()\n",
    "nan": TORCH + "x = torch.tensor([[0., 1.], [-1., 4.]], requires_grad=True)\n(x.sqrt() * 3).sum().backward()\n",
    "complex": TORCH + "z = torch.tensor([1+2j, 3-1j], requires_grad=True)\n(z * z).abs().sum().backward()\n",
    "broadcast": TORCH + "W = torch.linspace(-1, 1, 12).reshape(3, 4).requires_grad_()\n"
    "b = torch.zeros(3, requires_grad=True)\ny = torch.nn.functional.linear(torch.ones(5, 4), W, b)\n"
    "-torch.log(torch.softmax(y / 3, 1)[:, 0]).mean().backward()\n",
    "large": TORCH + "A = torch.eye(30, requires_grad=True)\ntorch.tanh(A @ torch.ones(30)).backward(torch.ones(30))\n",
}


def known(trace: Trace) -> Knowledge:
    """All that can be known of a trace."""
    facts = trace.source, trace.what_if, Options(path=trace.path)
    return Knowledge({
        question: Answer(
            local_jacobian(*facts, question.pass_, question.step) if isinstance(question, LocalJacobian)
            else pass_jacobian(*facts, question.pass_)  # type: ignore[union-attr]
        ) for question in questions(trace, range(len(trace.events) + 1))
    })  # fmt: skip


def reports(name: str, language: str = "en") -> Iterable[Report]:
    """What is said at each moment of a program."""
    trace = record(PROGRAMS[name], WhatIf(), Options(path="program.py"))
    start, knowledge = Playback.of(trace), known(trace)
    graph = build(trace, start.index)
    for cursor in range(len(trace.events) + 1):
        yield describe(start.at(cursor), graph, None, words(language), None, knowledge)


def covered(block: Block) -> Iterable[tuple[float, float, float, float]]:
    yield from map(label_rect, block.scene.labels)
    for shape in block.scene.shapes:
        match shape:
            case Formula():
                yield formula_rect(shape)
            case Box() | Raster():
                yield (shape.x, shape.y, shape.x + shape.width, shape.y + shape.height)
            case _:
                raise AssertionError(shape)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_report_is_whole_and_stays_within_its_width(name: str, language: str) -> None:
    for report in reports(name, language):
        for width in (240.0, 328.0, 520.0):
            block = report_block(report, width)
            for left, top, right, bottom in covered(block):
                assert left >= -0.6
                assert right <= width + 0.6
                assert top >= -1
                assert bottom <= block.height + 1
            there = "".join(label.text for label in block.scene.labels).replace(" ", "")
            for line in report.lines:
                said = "".join(part[0] for part in line if part[1] not in {"formula", "equation", *DEEDS})
                assert re.sub(r"\s", "", said) in there
            formulas = [part[0] for line in report.lines for part in line if part[1] == "formula"]
            assert [shape.text for shape in block.scene.shapes if isinstance(shape, Formula)] == formulas


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_on_paper_waits_or_asks(name: str) -> None:
    for language in ("en", "zh"):
        say = words(language)
        for report in reports(name, language):
            text = report.text
            assert say("jacobian.waiting") not in text
            assert say("jacobian.absent") not in text
            assert report.question is None


def test_what_nobody_worked_out_is_said_in_a_sentence() -> None:
    trace = record(PROGRAMS["first"])
    playback = Playback.of(trace).end()
    report = describe(playback, build(trace, playback.index), None, words("en"), None, Knowledge())
    assert "It was not worked out for this page." in report.text
    assert report.question is None


def test_lines_do_not_overlap_and_pages_do_not_end_in_them() -> None:
    for name in PROGRAMS:
        for report in reports(name):
            block = report_block(report, 328)
            for at in block.breaks:
                assert not [rect for rect in covered(block) if rect[1] + 2.5 < at < rect[3] - 2.5], at
            rects = [label_rect(label) for label in block.scene.labels]
            for number_, (left, top, right, bottom) in enumerate(rects):
                for other in rects[number_ + 1 :]:
                    apart = min(right, other[2]) - max(left, other[0]) < 0.5
                    # A line's box is higher than its letters.
                    assert apart or min(bottom, other[3]) - max(top, other[1]) < 4, block.scene.labels[number_]


def product(jacobian: object, v: object, result: object, *, agrees: bool = True) -> Product:
    matrix, emitted = np.array(jacobian, float), None if result is None else np.array(result, float)
    columns = matrix.shape[1]
    shape = (len(matrix),), (columns,)
    return Product(
        0, shape[:1], shape[1], matrix, np.array(v, float), emitted, np.full(columns, agrees), structure(matrix)
    )


def texts(block: Block, colour: str = "") -> list[str]:
    return [label.text for label in block.scene.labels if not colour or label.colour == colour]


def test_the_numbers_of_a_product_stand_in_its_cells() -> None:
    block = product_block(product([[24, 0, 1], [2, -3.5, 0]], [1, 2], [28, -7, 1]), 320)
    cells = [shape for shape in block.scene.shapes if isinstance(shape, Box) and shape.line]
    assert len(cells) == 6 + 2 + 3

    def inside(label: Label) -> bool:
        left, _, right, _ = label_rect(label)
        return any(cell.x <= left and right <= cell.x + cell.width and cell.y < label.y < cell.y + cell.height
                   for cell in cells)  # fmt: skip

    numbers = [label for label in block.scene.labels if inside(label)]
    # Column by column: of Jᵀ, which are the rows of J, then v and x̄.
    assert [label.text for label in numbers] == ["24", "·", "1", "2", "-3.5", "·", "1", "2", "28", "-7", "1"]
    assert [label.text for label in block.scene.labels if not inside(label)] == [
        "×", "=", "Jᵀ", "3×2", "v", "2", "x", "3",
    ]  # fmt: skip
    bar = [shape for shape in block.scene.shapes if isinstance(shape, Box) and not shape.line]
    name = next(label for label in block.scene.labels if label.text == "x")
    assert len(bar) == 1
    assert bar[0].x < name.x < bar[0].x + bar[0].width
    assert bar[0].y + bar[0].height < name.y - name.size / 3


def test_what_a_hook_changed_is_no_equation() -> None:
    assert "≠" in texts(product_block(product([[2]], [1], [5], agrees=False), 300))
    assert "=" not in texts(product_block(product([[2]], [1], None), 300))


def test_nan_is_marked_in_numbers_and_in_colours() -> None:
    small = product_block(product([[np.nan, 0], [1, 1]], [1, 1], [np.nan, 1]), 300)
    assert texts(small, "wrong") == ["NaN", "NaN"]
    matrix = np.eye(20)
    matrix[3, 4] = np.nan
    large = product_block(product(matrix, np.ones(20), np.ones(20)), 300)
    raster = next(shape for shape in large.scene.shapes if isinstance(shape, Raster))
    levels = np.frombuffer(raster.levels, np.uint8).reshape(raster.rows, raster.columns)
    ys, xs = np.nonzero(levels == NAN)
    assert (ys.min() * 20 // raster.rows, xs.min() * 20 // raster.columns) == (4, 3)  # Jᵀ
    assert "0…1, 1 NaN" in texts(large)


def test_a_product_that_is_too_wide_falls_below_and_then_into_colours() -> None:
    wide = product(np.full((4, 4), 0.12345), np.full(4, 0.12345), np.full(4, 0.12345))
    places = {}
    for width in (500, 150):
        block = product_block(wide, width)
        assert all(rect[2] <= width + 0.6 for rect in covered(block))
        places[width] = {label.text: label.y for label in block.scene.labels if label.text in ("Jᵀ", "v")}
    assert places[500]["Jᵀ"] == places[500]["v"]
    assert places[150]["Jᵀ"] < places[150]["v"]
    assert not any(isinstance(shape, Raster) for shape in product_block(wide, 150).scene.shapes)
    wider = product_block(product(np.full((8, 8), 0.12345), np.ones(8), np.ones(8)), 150)
    assert any(isinstance(shape, Raster) for shape in wider.scene.shapes)
    assert all(rect[2] <= 150.6 for rect in covered(wider))


def test_a_large_matrix_is_as_many_squares_as_it_has_entries() -> None:
    block = product_block(product(np.arange(900.0).reshape(30, 30), np.ones(30), np.ones(30)), 328)
    rasters = [shape for shape in block.scene.shapes if isinstance(shape, Raster)]
    assert [(raster.rows, raster.columns) for raster in rasters[:3]] == [(30, 30), (30, 1), (30, 1)]
    huge = product_block(product(np.ones((3000, 2)), np.ones(3000), np.ones(2)), 328)
    assert max(raster.columns for raster in huge.scene.shapes if isinstance(raster, Raster)) <= 700


def test_the_whole_jacobian_has_its_seeds_beside_its_rows() -> None:
    trace = record(PROGRAMS["first"])
    playback = Playback.of(trace).end()
    while playback.event is not None and playback.event.kind != "end":
        playback = playback.back()
    report = describe(playback, build(trace, playback.index), None, words("en"), None, known(trace))
    block = report_block(report, 328)
    labels = {label.text: label for label in block.scene.labels}
    assert {"e₀ →", "e₁ →", "vᵀJ =", "J 2×2"} <= {re.sub(" +", " ", text) for text in labels}
    assert labels["36"].x < labels["81"].x


def test_local_products_are_those_of_the_trace() -> None:
    trace = record(PROGRAMS["broadcast"])
    for step, one in enumerate(trace.passes[0].steps):
        for found in products(one, local_jacobian(trace.source, WhatIf(), Options(), 0, step)):
            if isinstance(found, Product) and max(found.jacobian.shape) <= 8:
                there = texts(product_block(found, 700))
                for entry in (*found.jacobian.flat, *found.v):
                    assert entry == 0 or number(float(entry)) in there


def test_a_formula_that_is_too_wide_becomes_smaller() -> None:
    text = r"\bar{a} = v \odot b + " * 6 + "c"
    for width in (120.0, 400.0, 4000.0):
        block = formula_block(text, width)
        (shape,) = block.scene.shapes
        assert isinstance(shape, Formula)
        assert formula_rect(shape)[2] <= width + 0.01
        assert (shape.size == 16) == (width == 4000)
        assert block.height > formula_rect(shape)[3]


def test_a_what_if_is_told_in_its_colours() -> None:
    written = record(PROGRAMS["first"])
    supposed = record(PROGRAMS["first"], WhatIf(seeds={0: (2.0, 0.0)}))
    playback = Playback.of(supposed).end()
    report = describe(playback, build(supposed, playback.index), None, words("en"), written, Knowledge())
    block = report_block(report, 328)
    assert "AS WRITTEN → WHAT IF, AT THE END" in texts(block)
    assert "[72, 0]" in texts(block, "cut")
