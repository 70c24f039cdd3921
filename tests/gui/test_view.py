"""Which part of a picture is seen: opening, fitting, following, panning, zooming; wheels and neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from gui.canvas import minimap
from gui.canvas.neighbours import beside
from gui.canvas.view import COMFORTABLE, ENLARGED, LARGEST, OPENED, SMALLEST, View
from gui.widgets import wheel

FIRST = (0.0, 40.0, 100.0, 120.0)
HUGE = (0.0, 0.0, 2_000_000.0, 3000.0)


def view(width: float, height: float, unit: float = 1.0) -> View:
    """800×600 pixels on a picture of that size."""
    return View(800, 600, unit, bounds=(0.0, 0.0, width, height))


def inside(view: View, rect: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = view.rect
    return left <= rect[0] and top <= rect[1] and right >= rect[2] and bottom >= rect[3]


# ── Opening ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("unit", [1.0, 1.5, 2.0])
def test_what_can_be_read_as_a_whole_is_opened_as_a_whole_in_the_middle(unit: float) -> None:
    for width, zoom in ((100.0, ENLARGED), (800.0 / unit, 1.0), (1300.0 / unit, 800 / 1300)):
        seen = view(width, 100, unit)
        seen.open((0.0, 0.0, 10.0, 10.0))
        assert seen.zoom == pytest.approx(zoom)
        assert seen.sees_all
        assert seen.point(400, 300) == pytest.approx((width / 2, 50))


def test_what_cannot_be_read_as_a_whole_opens_at_its_beginning() -> None:
    seen = view(4000, 300)
    seen.open(FIRST)
    assert seen.zoom == OPENED
    assert seen.x == 0
    assert seen.point(0, 300)[1] == pytest.approx(150)  # in the middle of the side that has room
    assert inside(seen, FIRST)
    tall = view(300, 4000)
    tall.open(FIRST)
    assert tall.zoom == OPENED
    assert tall.point(400, 0)[0] == pytest.approx(150)
    assert -60 < tall.y < 0  # free of the buttons
    assert inside(tall, FIRST)


def test_the_first_card_is_in_sight_wherever_it_stands() -> None:
    seen = view(4000, 4000)
    seen.open((0.0, 2600.0, 100.0, 2700.0))
    assert seen.x == 0
    assert inside(seen, (0.0, 2600.0, 100.0, 2700.0))
    assert seen.fitted == "opened"


def test_a_picture_at_the_border_of_what_can_be_read() -> None:
    for width, whole in ((800 / COMFORTABLE - 1, True), (800 / COMFORTABLE + 1, False)):
        seen = view(width, 100)
        seen.open((0.0, 0.0, 10.0, 10.0))
        assert seen.sees_all is whole


@pytest.mark.parametrize("bounds", [(0.0, 0.0, 10.0, 10.0), (-50.0, 7.0, 9000.0, 80.0), HUGE, (0.0, 0.0, 10.0, 1e6)])
def test_fit_always_shows_all_of_it_clear_of_buttons_and_legend(bounds: tuple[float, float, float, float]) -> None:
    seen = View(800, 600, 2.0, bounds=bounds)
    seen.fit()
    assert seen.sees_all
    assert seen.fitted == "whole"
    assert seen.pixel(0, bounds[1])[1] >= 79
    assert seen.pixel(0, bounds[3])[1] <= 521


def test_a_card_is_revealed_only_where_it_is_not_seen() -> None:
    seen = view(4000, 400)
    seen.open(FIRST)
    before = (seen.x, seen.y)
    seen.reveal((100, 100, 200, 200))
    assert (seen.x, seen.y) == before
    assert seen.fitted
    seen.reveal((2000, 100, 2100, 200))
    assert seen.point(400, 0)[0] == pytest.approx(2050)
    assert seen.y == before[1]
    assert not seen.fitted


# ── Moving ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("unit", [1.0, 1.25, 2.0])
def test_the_point_under_the_pointer_stays_while_zooming(unit: float) -> None:
    seen = view(4000, 400, unit)
    seen.open(FIRST)
    fixed = seen.point(123, 456)
    for notches in (1, 1, 0.1, -3, 20, -40, 7):
        seen.zoom_at(1.15**notches, 123, 456)
        assert seen.point(123, 456) == pytest.approx(fixed)
        assert seen.pixel(*seen.point(12, 34)) == pytest.approx((12, 34))
    assert not seen.fitted


def test_zooming_has_ends_that_let_every_picture_be_seen_whole() -> None:
    for bounds in ((0.0, 0.0, 100.0, 100.0), (0.0, 0.0, 5000.0, 100.0), HUGE):
        seen = View(800, 600, bounds=bounds)
        seen.zoom_at(1e-9, 400, 300)
        assert seen.zoom == min(SMALLEST, seen.whole)
        seen.zoom_at(1e9, 400, 300)
        assert seen.zoom == LARGEST


def test_a_picture_cannot_be_moved_out_of_sight() -> None:
    seen = view(2000, 400)
    seen.open(FIRST)
    for dx, dy in ((1e6, 0), (-1e6, 0), (0, 1e6), (0, -1e6)):
        seen.pan(dx, dy)
        left, top, right, bottom = seen.rect
        assert min(right, 2000) - max(left, 0) >= 79
        assert min(bottom, 400) - max(top, 0) >= 79
        seen.fit()
    seen.pan(13, -7)
    assert seen.pixel(0, 0)[0] == pytest.approx(-13)
    seen.centre(1e9, 200)
    assert seen.rect[0] < 2000


# ── The map ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_map_is_there_where_a_large_picture_is_partly_out_of_sight() -> None:
    small, wide, many = view(1500, 300), view(4000, 300), view(1500, 300)
    for seen in (small, wide, many):
        seen.open(FIRST)
        assert not seen.sees_all
    assert not minimap.wanted(6, small)
    assert minimap.wanted(6, wide)
    assert minimap.wanted(101, many)
    for seen in (small, wide, many):
        seen.fit()
        assert not minimap.wanted(101, seen)


# ── Wheels ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_notch_is_a_notch_on_every_system() -> None:
    assert wheel.notches(-120, lines=False) == -1
    assert wheel.notches(30, lines=False) == 0.25  # a fine wheel, a touchpad on Windows
    assert wheel.notches(1, lines=True) == 0.25  # macOS counts lines
    assert wheel.notches(-9, lines=True) == -2.25


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, 4), (-3, 4), (3, -4), (-3, -4), (-32768, 32767)])
def test_two_fingers_are_two_numbers_in_one(dx: int, dy: int) -> None:
    packed = (dx & 0xFFFF) << 16 | dy & 0xFFFF
    assert wheel.fingers(packed) == (dx, dy)
    assert wheel.fingers(packed - (1 << 32) if packed >= 1 << 31 else packed) == (dx, dy)  # as C's int


# ── Neighbours ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_nearest_card_in_a_direction() -> None:
    #  0   1   2
    #      3
    #              4
    places = [(0, 0), (200, 0), (400, 0), (230, 100), (900, 180)]
    rects = np.array([(x, y, x + 100, y + 60) for x, y in places], float)
    assert beside(rects, 0, 1, 0)[0] == 1
    assert beside(rects, 1, 1, 0)[0] == 2
    assert beside(rects, 1, 0, 1)[0] == 3
    assert beside(rects, 3, 0, -1)[0] == 1
    assert beside(rects, 2, -1, 0)[0] == 1
    assert beside(rects, 2, 1, 0) == [4]
    assert beside(rects, 0, -1, 0) == []
    assert beside(rects, 0, 0, -1) == []
