"""Pieces of a page: lines that are wrapped, stacked, moved and parted."""

from __future__ import annotations

import numpy as np
import pytest

from gui.export.blocks import Block, caption_block, moved, parted, run_width, stacked, text_block, wrapped
from gui.inspector.styles import PLAIN, STYLES
from gui.picture.shapes import Box, Boxes, Curve, Curves, Formula, Label, Raster, Scene, Shape, label_rect

CODE, GRAD, QUIET = STYLES["code"], STYLES["grad"], STYLES["quiet"]


def lines(text: str, width: float) -> list[str]:
    return ["".join(run for run, _ in line) for line in wrapped([(text, PLAIN)], width)]


def test_a_line_is_broken_at_blanks() -> None:
    assert lines("the gradient of each leaf", 90) == ["the gradient", "of each leaf"]
    assert lines("", 100) == [""]


def test_chinese_is_broken_anywhere_but_before_a_full_stop() -> None:
    assert lines("梯度沿着边传播。", 13 * 4) == ["梯度沿着", "边传播。"]
    assert lines("梯度沿着边。", 13 * 5) == ["梯度沿着", "边。"]
    assert lines("值 AccumulateGrad 累加", 13 * 9.9) == ["值 AccumulateGrad", "累加"]


def test_a_word_that_is_too_long_is_broken_inside() -> None:
    found = lines("a" * 50 + " b", 100)
    assert "".join(found) == "a" * 50 + " b"
    assert all(run_width(line, PLAIN) <= 100 for line in found)


def test_what_looks_different_is_wrapped_together() -> None:
    (first, second) = wrapped([("self  ", CODE), ("[1, 2, 3]", GRAD), ("  freed", QUIET)], 110)
    assert first == [("self  ", CODE), ("[1, 2,", GRAD)]
    assert second == [("3]", GRAD), ("  freed", QUIET)]


def test_letters_of_all_sizes_stand_on_one_baseline() -> None:
    block = text_block([("MulBackward0", STYLES["title"]), ("   line 5", QUIET)], 300)
    large, small = block.scene.labels
    assert large.y + 0.36 * large.size == pytest.approx(small.y + 0.36 * small.size)
    assert small.x == pytest.approx(run_width("MulBackward0", STYLES["title"]) + run_width("   ", QUIET))


def test_what_is_freed_is_struck_through() -> None:
    block = text_block([("self  ", CODE), ("[1, 2]", STYLES["freed"])], 300)
    label = block.scene.labels[1]
    (strike,) = block.scene.shapes
    assert isinstance(strike, Box)
    assert (strike.x, strike.width) == pytest.approx((label.x, run_width("[1, 2]", CODE)))
    assert strike.y < label.y < strike.y + strike.height


def test_a_paragraph_hangs_and_ends_pages_between_its_lines() -> None:
    block = text_block([("one two three four five six seven", GRAD)], 120)
    first, *others = block.scene.labels
    assert first.x == 0
    assert [label.x for label in others] == pytest.approx([run_width("  ", CODE)] * 2)
    assert len(block.breaks) == len(others)
    assert all(block.breaks[n] < label.y for n, label in enumerate(others))


EVERYTHING: tuple[Shape, ...] = (
    Box(1, 2, 3, 4), Raster(1, 2, 3, 4, 1, 1, b"\0"), Formula(1, 2, "x", "text"),
    Curve(((1, 2), (3, 4), (5, 6), (7, 8)), "text"), Boxes(np.array([[1.0, 2, 3, 4]]), "text"),
    Curves(np.array([[1.0, 2], [3, 4]]), np.array([True, False]), "text"),
)  # fmt: skip


def test_a_scene_is_moved_with_all_that_is_in_it() -> None:
    scene = moved(Scene(EVERYTHING, (Label(1, 2, "x", "text"),)), 10, 20)
    box, raster, formula, curve, boxes, curves = scene.shapes
    for shape in (box, raster, formula, scene.labels[0]):
        assert (shape.x, shape.y) == (11, 22)  # type: ignore[union-attr]
    assert isinstance(curve, Curve)
    assert curve.points[0] == (11, 22)
    assert isinstance(boxes, Boxes)
    assert boxes.rects.tolist() == [[11, 22, 13, 24]]
    assert isinstance(curves, Curves)
    assert curves.points.tolist() == [[11, 22], [13, 24]]


def test_a_stack_is_parted_where_a_page_may_end() -> None:
    row = Block(Scene((Box(0, 0, 10, 10),), (Label(0, 5, "x", "text"),)), 10, 10)
    stack = stacked([row] * 5, 2)
    assert (stack.height, stack.breaks) == (58, (10, 22, 34, 46))
    first, rest = parted(stack, 30)
    assert (first.height, len(first.scene.shapes), len(first.scene.labels)) == (22, 2, 2)
    assert rest is not None
    assert (rest.height, rest.breaks) == (36, (12, 24))
    assert [label.y for label in rest.scene.labels] == [7, 19, 31]
    assert parted(rest, 36) == (rest, None)
    high, _ = parted(stack, 5)
    assert high.height == 10  # no part of it is as low as that


def test_a_caption_keeps_its_lines() -> None:
    block = caption_block("The gradient of Q.\n梯度", 200)
    assert [label.text for label in block.scene.labels] == ["The gradient of Q.", "梯度"]
    assert all(label_rect(label)[2] <= 200 for label in block.scene.labels)
