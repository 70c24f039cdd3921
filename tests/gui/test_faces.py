"""What cards, lines and groups say of real programs: it fits, nothing covers it, and it reads without colour."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from core.files import read_trace
from core.layout import Direction
from core.playback import Playback
from core.records import TensorSnapshot, Trace
from gui.i18n import words
from gui.picture import drawing, paint, thumbnail
from gui.picture.scene import Box, Curve, Label, Picture, Raster, Rect, Scene
from gui.picture.shapes import Sheet, overlap
from gui.theme import LIGHT
from tests.gui import traces

ROOT = Path(__file__).parents[2]
NUMBERS = """import torch
W = torch.full((2, 8), 0.125, requires_grad=True)
h = (W * torch.linspace(-1.0, 1.0, 8)).sum(1) * 5.678e10
k = torch.tensor([[-1.0, 1e-10], [1234.5678, 2.0]], requires_grad=True)
wide = torch.zeros(4, 512, 7, 7, requires_grad=True)
column = torch.linspace(-1.234e-10, 5.678e10, 16).reshape(16, 1).requires_grad_()
p, q, r = torch.stack([torch.arange(4.0)] * 3).requires_grad_().unbind(0)
a_long_name_that_says_it_all = (column * column).mean() + (wide + 1).mean() * k.exp().sum()
loss = h.sum() + a_long_name_that_says_it_all + (p * q + r).sum()
loss.backward()
loss.detach().reshape(1).expand(50).unbind(0)
"""
ODD = """import torch
x = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
z = torch.zeros(1, requires_grad=True)
big = torch.linspace(-1, 1, 20, requires_grad=True)
unused = torch.ones(2, requires_grad=True)
u = x * 1
s = u * u + u.detach()
loss = torch.log(x).sum() + (z / z).sum() + torch.sqrt(big).sum() + (s * 0).sum()
loss.backward()
"""
RECORD = """
import sys
from pathlib import Path
from core.engine import record
from core.records import Options, pack_trace
for path in map(Path, sys.argv[2:]):
    trace = record(path.read_text("utf-8"), options=Options(path=str(path), verify=False))
    Path(sys.argv[1], path.stem).with_suffix(".pullback").write_bytes(pack_trace(trace))
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    """Every program of the gallery and the examples, and two of this test's own, recorded by the engine."""
    folder = tmp_path_factory.mktemp("faces")
    own = [folder / "numbers.py", folder / "odd.py"]
    for path, source in zip(own, (NUMBERS, ODD), strict=True):
        path.write_text(source, "utf-8")
    programs = [path for name in ("gallery", "examples") for path in sorted((ROOT / "assets" / name).glob("*.py"))]
    subprocess.run([sys.executable, "-c", RECORD, str(folder), *map(str, [*programs, *own])], cwd=ROOT, check=True)
    return {path.stem: read_trace(path) for path in sorted(folder.glob("*.pullback"))}


def scenes(trace: Trace, language: str, steps: int = 6, direction: Direction = "right") -> Iterator[Scene]:
    """What is seen at several moments, the end among them."""
    playback = Playback.of(trace)
    picture = Picture(trace, playback.index, direction=direction)
    count = len(trace.events)
    for cursor in sorted({round(count * share / steps) for share in range(1, steps + 1)}):
        yield picture.scene(playback.at(cursor), words(language))


def spread(label: Label) -> Rect:
    """Where a text stands, by the letters' real widths."""
    width = _width(label.text, label.mono, label.bold, label.size)
    left = label.x - {"w": 0.0, "e": width, "c": width / 2}[label.anchor]
    return (left, label.y - label.size / 2, left + width, label.y + label.size / 2)


@cache
def _width(text: str, mono: bool, bold: bool, size: float) -> float:
    font = paint._font(mono, bold, size)
    width, _, _ = paint.screen(8, 8, LIGHT).get_text_width_height_descent(paint._readable(text), font, False)
    return float(width)


def boxes(scene: Scene) -> list[Rect]:
    """Cards, groups, chips, seeds, frames."""
    found = [shape for shape in scene.shapes if isinstance(shape, Box) and shape.line and shape.height > 0]
    return [(box.x, box.y, box.x + box.width, box.y + box.height) for box in found]


def around(label: Label, outlined: list[Rect]) -> Rect | None:
    """The smallest box that a text begins in; of those behind one another the front one."""
    inside = [box for box in reversed(outlined) if box[0] <= label.x <= box[2] and box[1] <= label.y <= box[3]]
    return min(inside, key=lambda box: round((box[2] - box[0]) * (box[3] - box[1])), default=None)


@pytest.mark.parametrize(("language", "direction"), [("en", "right"), ("zh", "right"), ("zh", "down")])
def test_no_text_leaves_its_box_or_touches_another(
    recorded: dict[str, Trace], language: str, direction: Direction
) -> None:
    seen = 0
    for name, trace in recorded.items():
        for scene in scenes(trace, language, direction=direction):
            outlined = boxes(scene)
            held: dict[Rect, list[Label]] = {}
            for label in scene.labels:
                box = around(label, outlined)
                if box is None:
                    continue
                left, _, right, _ = spread(label)
                assert box[0] + 4 <= left < right <= box[2] - 4, (name, label)
                held.setdefault(box, []).append(label)
            for labels in held.values():
                seen += len(labels)
                for one, other in combinations(labels, 2):
                    assert not overlap(spread(one), spread(other)), (name, one, other)
    assert seen > 2000


@pytest.mark.parametrize("direction", ["right", "down"])
def test_an_arrow_head_is_not_covered_by_what_it_points_at(recorded: dict[str, Trace], direction: Direction) -> None:
    heads = 0
    for name, trace in recorded.items():
        for scene in scenes(trace, "en", direction=direction):
            for place, shape in enumerate(scene.shapes):
                if not isinstance(shape, Curve) or not shape.arrow:
                    continue
                heads += 1
                _, head = paint._with_head(shape)
                middle = (sum(x for x, _ in head) / 3, sum(y for _, y in head) / 3)
                for above in scene.shapes[place + 1 :]:
                    if isinstance(above, Box) and above.fill and above.radius != drawing.CHIP / 2:
                        rect = (above.x, above.y, above.x + above.width, above.y + above.height)
                        for x, y in (head[0], middle):
                            assert not overlap((x, y, x, y), _shrunk(rect)), (name, shape, above)
    assert heads > 500


def _shrunk(rect: Rect) -> Rect:
    return (rect[0] + 0.9, rect[1] + 0.9, rect[2] - 0.9, rect[3] - 0.9)


@pytest.mark.parametrize("weight", [1.6, 2.4])
@pytest.mark.parametrize("arrow", ["start", "end"])
@pytest.mark.parametrize("flow", [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)])
def test_a_head_stands_before_the_halo_whichever_way_the_picture_runs(
    flow: tuple[float, float], arrow: str, weight: float
) -> None:
    dx, dy = flow
    route = tuple((100 + dx * t, 100 + dy * t) for t in (0.0, 30.0, 60.0, 90.0))
    end, towards = (route[0], 1) if arrow == "start" else (route[-1], -1)
    _, head = paint._with_head(Curve(route, "grad", weight, arrow=arrow, gap=drawing.HALO))
    assert head[0] == pytest.approx((end[0] + towards * dx * drawing.HALO, end[1] + towards * dy * drawing.HALO))


@pytest.mark.parametrize(
    ("state", "count", "end", "outward", "gap"),
    [
        ("", 1, (100, 30), (1, 0), 0.0),
        ("current", 1, (0, 30), (-1, 0), drawing.HALO),
        ("selected", 1, (50, 60), (0, 1), drawing.HALO),
        ("lit", 1, (50, 0), (0, -1), drawing.HALO),
        # A pile's other sheets stand out to the right and above.
        ("", 6, (100, 30), (1, 0), 2 * drawing.STACK),
        ("", 6, (50, 0), (0, -1), 2 * drawing.STACK),
        ("", 6, (0, 30), (-1, 0), 0.0),
        ("current", 6, (50, 60), (0, 1), drawing.HALO),
        # A line that ends before the box, or before all that is around it.
        ("current", 1, (103, 30), (1, 0), drawing.HALO - 3),
        ("", 6, (50, -2 * drawing.STACK), (0, -1), 0.0),
    ],
)
def test_how_far_a_head_stands_off(
    state: str, count: int, end: tuple[float, float], outward: tuple[float, float], gap: float
) -> None:
    assert drawing.clearance((0, 0, 100, 60), state, count, end, outward) == gap


def test_a_line_has_the_same_course_with_a_head_and_without() -> None:
    route = ((0.0, 0.0), (40.0, 0.0), (20.0, 90.0), (100.0, 90.0))
    rest, head = paint._with_head(Curve(route, "grad", 2.4, arrow="end"))
    assert head[0] == route[-1]
    a, b, c, d = route
    for t in (0.2, 0.5, 0.8):
        x, y = _bezier((a, b, c, d), t)
        nearest = min((x - u) ** 2 + (y - v) ** 2 for u, v in (_bezier(rest[:4], step / 400) for step in range(401)))
        assert nearest < 0.1


@pytest.mark.parametrize(("flow", "half"), [((1.0, 0.0), 40.0), ((0.0, 1.0), drawing.CHIP / 2)])
def test_a_chip_stands_in_the_middle_of_what_the_head_leaves_free(flow: tuple[float, float], half: float) -> None:
    dx, dy = flow
    long, head, text = 2 * half + 30.0, 20.0, "x" * 7
    pieces = (0.0, 1.0, 2.0, 3.0, long / 2, long - 2.0, long)  # all but the first three units are one piece
    route = tuple((dx * t, dy * t) for t in pieces)
    rect = drawing.chip_place(route, text, [], False, ends=(head, 0.0))
    assert rect is not None
    middle = ((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2)
    share = (head + long) / 2
    assert middle == pytest.approx((dx * share, dy * share))


def _bezier(points: tuple[tuple[float, float], ...], t: float) -> tuple[float, float]:
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, points, strict=True)) for axis in (0, 1))
    return (x, y)


# ── Tensors ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("snapshot", "text"),
    [
        (None, "None"),
        (traces.tensor(*[1 / 3] * 3), "[0.3333, 0.3333, 0.3333]"),
        (traces.tensor(-0.12344, -0.12344, -0.12344), "[-0.1234, -0.1234, -0.1234]"),
        (traces.tensor(*[1 / 3] * 5), "5: 0.3333"),
        (traces.tensor(*[0.125] * 16, shape=(2, 8)), "2×8: 0.125"),
        (traces.tensor(*[0.0] * 16, shape=(2, 8)), "2×8: 0"),
        (traces.tensor(*range(-4, 12), shape=(2, 8)), "2×8: -4…11"),
        (traces.tensor(float("nan"), 1), "⚠ [NaN, 1]"),
        (traces.tensor(float("nan"), *[1.0] * 9), "10: ⚠ 1 NaN"),
        (traces.tensor(*[float("nan")] * 9), "9: ⚠ NaN"),
        (traces.tensor(*[float("nan")] * 9999, *[float("inf")] * 123_456), "133455: ⚠ 9999 NaN, 1.235e5 Inf"),
    ],
)  # fmt: skip
def test_a_contribution(snapshot: TensorSnapshot | None, text: str) -> None:
    assert drawing.contribution(snapshot) == text


def test_a_shape_is_small_and_quiet_on_lines_and_in_rows() -> None:
    sheet = Sheet()
    drawing.chip(sheet, (0, 0, 200, drawing.CHIP), "2×8: 0.125", "grad")
    assert [(label.text, label.colour, label.size) for label in sheet.labels] == [
        ("2×8:", "quiet", 11.0), ("0.125", "grad", 13.0),
    ]  # fmt: skip
    left, right = sorted(spread(label)[0] for label in sheet.labels)[0], max(spread(label)[2] for label in sheet.labels)
    assert left + right == pytest.approx(200, abs=2)


def test_what_is_the_same_everywhere_needs_no_thumbnail() -> None:
    for number in (0.125, 0.0, -3.0, float("nan")):
        shown = drawing.show([traces.tensor(*[number] * 16, shape=(2, 8))])
        assert (shown.picture, shown.height) == (None, drawing.ROW)
    assert drawing.show([traces.tensor(0, *[1.0] * 15, shape=(2, 8))]).picture is not None


@pytest.mark.parametrize(
    ("shape", "sides"),
    [((20,), (36, 12)), ((1, 16), (36, 12)), ((16, 1), (12, 36)), ((16, 4), (12, 36)), ((12, 9), (27, 36))],
)
def test_thumbnails_are_never_thin(shape: tuple[int, ...], sides: tuple[float, float]) -> None:
    numbers = range(TensorSnapshot(shape, "float32").numel)
    shown = drawing.show([traces.tensor(*numbers, shape=shape)])
    sheet = Sheet()
    face = drawing.Face("x", "", (drawing.Row("value", shown, "value"),), (shown.height,))
    drawing.card(sheet, (0, 0, 300, drawing.HEAD + shown.height), face)
    (raster,) = [shape for shape in sheet.shapes if isinstance(shape, Raster)]
    assert (raster.width, raster.height) == pytest.approx(sides)
    assert raster.x + raster.width == 300 - drawing.PAD
    assert raster.y > drawing.HEAD
    assert raster.y + raster.height < drawing.HEAD + shown.height


@pytest.mark.parametrize(
    ("shape", "sides"),
    [((2, 8, 32), (16, 24)), ((8, 8, 3, 3), (24, 9)), ((1, 1, 5, 4), (5, 4)), ((30,), (1, 24)), ((4, 3), (4, 3))],
)
def test_thumbnails_of_many_dimensions_are_as_square_as_they_can(
    shape: tuple[int, ...], sides: tuple[int, int]
) -> None:
    found = thumbnail.pixels(traces.tensor(*range(TensorSnapshot(shape, "float32").numel), shape=shape))
    assert found is not None
    assert found[:2] == sides


def test_results_that_are_too_many_to_say_are_counted() -> None:
    assert drawing.shorts([traces.tensor(1, 2), None]) == "[1, 2]; None"
    assert drawing.shorts([traces.tensor(*range(12), shape=(3, 4))] * 50) == "50×(3×4)"
    assert drawing.shorts([traces.tensor(1, 2), traces.tensor(*range(9))]) == "[1, 2]; 9: 0…8"
    many = traces.tensor(*[1 / 3] * 11, 0.7, shape=(3, 4))
    assert drawing.shorts([many, None, traces.tensor(*range(9))]) == "3×4; None; 9"


def test_four_digits_everywhere(recorded: dict[str, Trace]) -> None:
    said = {
        label.text
        for trace in recorded.values()
        for scene in scenes(trace, "en", 4)
        for label in scene.labels
        if label.mono and label.colour in ("value", "grad", "leaf", "wrong")
    }
    numbers = [number for text in said for number in re.findall(r"(?<![\w.])-?(\d+\.\d+)(?:e-?\d+)?(?!\w)", text)]
    assert len(numbers) > 100
    assert not [number for number in numbers if len(number.replace(".", "").lstrip("0")) > 4]


# ── Without colour ────────────────────────────────────────────────────────────────────────────────────────────────


def drawn(face: drawing.Face) -> tuple[object, ...]:
    """All of a card but its colours; that something is filled is told from the canvas only where it is around."""
    sheet = Sheet()
    drawing.card(sheet, (0, 0, 160, 112), face)
    lines = [(s.x, s.weight, s.dashed) for s in sheet.shapes if isinstance(s, Box) and s.line]
    outside = [s.x for s in sheet.shapes if isinstance(s, Box) and s.x < 0]
    return (*lines, *outside, *(label.text for label in sheet.labels))


def test_every_state_reads_without_colour() -> None:
    def face(text: str = "[1, 2]", subtitle: str = "MulBackward0", title: str = "u", **more: object) -> drawing.Face:
        shown = drawing.show([traces.tensor(1, 2)])
        rows = (drawing.Row("value", shown, "value"), drawing.Row("v", drawing.Shown(text), "grad"))
        return drawing.Face(title, subtitle, rows, (31.0, 31.0), **more)  # type: ignore[arg-type]

    faces = [
        face(), face("·"), face("None"), face("[0, 0]"), face(subtitle="1 of 2 paths"), face(title="✗ u"),
        face(dashed=True), face(state="current"), face(state="selected"), face(state="lit"),
    ]  # fmt: skip
    assert len({drawn(one) for one in faces}) == len(faces)


def test_states_of_a_real_pass(recorded: dict[str, Trace]) -> None:
    said = {label.text for label in list(scenes(recorded["odd"], "en", 1))[-1].labels}
    assert {"⚠ [NaN, -Inf, 0.6931]", "⚠ NaN", "None", "✂ detach", "⚠ 10 NaN", "20:"} <= said


def test_a_seed_that_was_changed_has_a_star() -> None:
    for seed, star in (((1.0, 1.0), False), ((2.0, 0.5), True)):
        (scene,) = scenes(traces.first(seed=seed), "en", 1)
        assert ("seed v* ✎" in [label.text for label in scene.labels]) is star
