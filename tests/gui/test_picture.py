"""Cards, scene, export and texts, without a screen."""

from __future__ import annotations

import json
import string
import struct
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from core.files import read_trace
from core.layout import Direction
from core.playback import Playback
from core.records import Arrival, Event, Failure, Op, Span, TensorSnapshot, Trace
from gui import context, figures
from gui.failure import failure_lines
from gui.i18n import words
from gui.inspector.report import describe
from gui.picture import cards, drawing, thumbnail
from gui.picture.groups import ROOT, Folding
from gui.picture.moment import where_text
from gui.picture.scene import Boxes, Curve, Curves, Hit, Label, Picture, Scene, legend
from gui.picture.shapes import label_rect, overlap, sample, text_width
from gui.theme import DARK, LIGHT
from gui.timeline import cell_text
from tests.gui import traces
from tests.gui.exports import export_picture
from tests.gui.test_golden import FOLDER
from tests.gui.test_groups import Line, children, loop, program


def scene(trace: Trace, cursor: int) -> tuple[Picture, Scene]:
    playback = Playback.of(trace, cursor)
    picture = Picture(trace, playback.index)
    return picture, picture.scene(playback, words("en"))


def said(trace: Trace, cursor: int) -> list[str]:
    return [label.text for label in scene(trace, cursor)[1].labels]


def test_one_card_per_operation_and_none_for_the_helper() -> None:
    trace = traces.first()
    graph = cards.build(trace, Playback.of(trace).index)
    shown = [card for card in graph.cards if not card.helper]
    assert [card.title for card in shown] == ["a", "b", "a**3", "3*a**3", "b**2", "Q"]
    assert [card.leaf for card in shown] == [True, True, False, False, False, False]
    assert all(len(wire.passages) == 1 for wire in graph.wires)


def test_two_uses_are_two_wires_with_a_path_each() -> None:
    trace = traces.fan()
    graph = cards.build(trace, Playback.of(trace).index)
    assert [(w.source, w.target, w.slot) for w in graph.wires] == [(0, 1, 0), (0, 1, 1)]
    assert [w.passages[0].source_slot for w in graph.wires] == [0, 1]


def test_cards_appear_as_operations_run() -> None:
    trace = traces.first()
    assert said(trace, 0) == []
    assert "a**3" not in said(trace, 2)
    assert "a**3" in said(trace, 3)


def test_contributions_lie_on_the_wires() -> None:
    assert said(traces.first(), 9).count("[-1, -1]") == 2  # on the wire, and arrived at b**2
    assert said(traces.first(), 8).count("[-1, -1]") == 0


def test_nothing_moves_while_stepping() -> None:
    trace = traces.first()
    picture, _ = scene(trace, 3)
    assert [picture.rect(card) for card in range(6)] == [scene(trace, 14)[0].rect(card) for card in range(6)]


def test_a_cut_is_dashed_with_scissors() -> None:
    _, drawn = scene(traces.first(cut=True), 6)
    assert [shape for shape in drawn.shapes if getattr(shape, "line", "") == "cut" and getattr(shape, "dashed", False)]
    assert "✂ cut" in [label.text for label in drawn.labels]


def test_culling_draws_only_what_is_in_view() -> None:
    trace = traces.chain(400)
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index)
    assert len(picture.scene(playback, words("en"), view=(0, 0, 1000, 500)).shapes) < 200
    assert len(picture.scene(playback, words("en"), scale=0.05).shapes) < 1000


@pytest.mark.parametrize("cursor", range(16))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_inspector_describes_every_moment(cursor: int, language: str) -> None:
    for trace in (traces.first(), traces.first(cut=True), traces.fan(), traces.failed()):
        playback = Playback.of(trace, cursor)
        picture = Picture(trace, playback.index)
        for selected in (None, *range(len(picture.graph.cards))):
            assert describe(playback, picture.graph, selected, words(language)).text


def test_inspector_sums_path_by_path() -> None:
    trace = traces.fan()
    playback = Playback.of(trace, 5)
    text = describe(playback, Picture(trace, playback.index).graph, None, words("en")).text
    assert "path 2: + 3 = 6" in text
    assert "None + 6 = 6" in text


@pytest.mark.parametrize(
    ("snapshot", "text"),
    [
        (None, "None"),
        (traces.tensor(1, -0.5), "[1, -0.5]"),
        (traces.tensor(3.14159265, shape=()), "3.142"),
        (traces.tensor(1e-7), "[1e-7]"),
        (traces.tensor(float("nan"), float("-inf")), "[NaN, -Inf]"),
        (traces.tensor(1, 2, 3, 4, shape=(2, 2)), "[[1, 2], [3, 4]]"),
        (traces.tensor(*range(12), shape=(3, 4)), "3×4: 0…11"),
        (traces.tensor(*[0.125] * 9), "9: 0.125"),
        (traces.tensor(*[0.0] * 12, shape=(3, 4)), "3×4: 0"),
        (traces.tensor(0.50001, *[0.5] * 8), "9: ≈0.5"),
        (traces.tensor(-1.2344e-10, *[0.0] * 7, 5.6784e10, shape=(3, 3)), "3×3: -1.234e-10…5.678e10"),
        (traces.tensor(*[float("nan")] * 9), "9: NaN"),
        (traces.tensor(float("inf"), *[float("nan")] * 2, *[0.0] * 6), "9: 2 NaN, 1 Inf"),
        (TensorSnapshot((9,), "int64", struct.pack("<9q", 123456, *[7] * 8)), "9: 7…123456"),
        (traces.tensor(shape=(0,)), "[]"),
        (traces.tensor(shape=(2, 0)), "[[], []]"),
        (TensorSnapshot((2,), "float32", opaque="fake"), "2: ?"),
    ],
)
def test_tensors_as_text(snapshot: TensorSnapshot | None, text: str) -> None:
    assert figures.tensor(snapshot) == text


@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "gif", "webp"])
@pytest.mark.parametrize(("theme", "lang"), [("light", "en"), ("dark", "zh")])
def test_exports(tmp_path: Path, kind: str, theme: str, lang: str) -> None:
    path = tmp_path / f"picture.{kind}"
    export_picture(traces.first(), path, theme=theme, lang=lang, scale=1)
    assert path.stat().st_size > 1000
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    if kind == "svg":
        assert "AccumulateGrad" in path.read_text("utf-8")
    elif kind == "pdf":
        assert path.read_bytes().startswith(b"%PDF")
    else:
        with Image.open(path) as image:
            assert image.width > 500
            assert getattr(image, "n_frames", 1) == (16 if kind in ("gif", "webp") else 1)


def test_export_at_a_step_differs(tmp_path: Path) -> None:
    blobs = set()
    for step in (0, 5, 9, "last"):
        export_picture(traces.first(), tmp_path / "p.svg", step=step)
        blobs.add((tmp_path / "p.svg").read_bytes())
    assert len(blobs) == 4
    export_picture(traces.first(), tmp_path / "p.svg", step=1, pass_=0)
    assert "[-1, -1]" in (tmp_path / "p.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("p.bmp", {}),
        ("p.png", {"step": 99}),
        ("p.png", {"step": "all"}),
        ("p.png", {"pass_": 3}),
        ("p.png", {"step": 7, "pass_": 0}),
        ("p.png", {"theme": "pink"}),
        ("p.png", {"scale": 0}),
        ("p.png", {"step": "middle"}),
    ],
)
def test_export_refuses_in_one_line(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        export_picture(traces.first(), tmp_path / name, **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("trace", [traces.failed(), traces.fan(), Trace("2.13.0", "")], ids=["failed", "fan", "empty"])
def test_exports_any_trace(tmp_path: Path, trace: Trace) -> None:
    export_picture(trace, tmp_path / "p.png", scale=1)
    assert (tmp_path / "p.png").exists()


def test_both_languages_say_the_same_things() -> None:
    english = words("en").table
    chinese = {key: text for key, text in words("zh").table.items() if not key.startswith("failure.")}
    assert english.keys() == chinese.keys()
    for key in english:
        names = [{field for _, field, _, _ in string.Formatter().parse(t[key]) if field} for t in (english, chinese)]
        assert names[0] == names[1], key


def test_language_tables_are_sorted_out() -> None:
    for path in (Path(__file__).parents[2] / "assets" / "i18n").glob("*.json"):
        assert all(isinstance(text, str) and text for text in json.loads(path.read_text("utf-8")).values())


def test_every_explanation_of_the_engine_is_translated() -> None:
    code = "from core.engine.explain import RULES; import json; print(json.dumps({r.kind: r.sentence for r in RULES}))"
    root = Path(__file__).parents[2]
    rules = json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=root))
    chinese = {key.removeprefix("failure."): text for key, text in words("zh").table.items() if "failure." in key}
    assert chinese.keys() == rules.keys()
    for kind, sentence in rules.items():
        names = [
            {field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (sentence, chinese[kind])
        ]
        assert names[0] == names[1], kind


def test_a_failure_is_told_in_the_language_of_the_window() -> None:
    failure = Failure("RuntimeError", "torch's text", 3, "{name}", "not-one-number", {"count": "4"})
    assert failure_lines(failure, words("en"))[0] == "{name}"
    assert "有 4 个" in failure_lines(failure, words("zh"))[0]
    assert failure_lines(failure, words("zh"))[1] == "第 3 行 · RuntimeError: torch's text"


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast(palette: dict[str, str]) -> None:
    text = [
        ("text", "panel"), ("text", "card"), ("text", "canvas"), ("text", "button"), ("quiet", "panel"),
        ("quiet", "card"), ("quiet", "canvas"), ("value", "card"), ("grad", "card"), ("grad", "grad_soft"),
        ("leaf", "leaf_soft"), ("leaf", "panel"), ("cut", "cut_soft"), ("wrong", "panel"), ("wrong", "wrong_soft"),
        ("quiet", "button"), ("quiet", "frame"), ("quiet", "wrong_soft"), ("text", "frame"), ("cut", "card"),
        ("leaf", "card"), ("wrong", "card"),
        ("on_accent", "accent"), ("text", "running_line"), ("text", "running_span"), ("quiet", "leaf_soft"),
        ("quiet", "grad_soft"), ("on_accent", "value"), ("on_accent", "grad"), ("on_accent", "leaf"),
        ("code_keyword", "panel"), ("code_string", "panel"), ("code_number", "panel"), ("code_comment", "panel"),
        ("code_name", "panel"), ("code_number", "running_span"), ("code_name", "running_line"),
    ]  # fmt: skip
    weak = {pair: round(contrast(palette[pair[0]], palette[pair[1]]), 2) for pair in text}
    assert not {pair: ratio for pair, ratio in weak.items() if ratio < 4.5}
    shapes = [("edge", "canvas"), ("grad", "canvas"), ("leaf", "canvas"), ("cut", "canvas"), ("accent", "canvas"),
              ("edge", "frame"), ("frame_line", "canvas"), ("frame_line", "frame")]  # fmt: skip
    assert all(contrast(palette[a], palette[b]) >= 3 for a, b in shapes)


def shared(turns: int) -> Trace:
    """One weight used at every turn of a loop."""
    trace = traces.chain(turns)
    weight = msgspec.structs.replace(trace.values[0], id=turns, names=("w",))
    ops = [msgspec.structs.replace(op, inputs=(*op.inputs, turns)) if op.inputs else op for op in trace.ops]
    return msgspec.structs.replace(trace, ops=tuple(ops), values=(*trace.values, weight))


def test_a_weight_used_three_times_or_more_is_drawn_again_beside_its_users() -> None:
    assert [said(shared(turns), 99).count("w") for turns in (3, 4, 20)] == [1, 3, 19]
    trace = shared(20)
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index)
    weight = next(card.id for card in picture.graph.cards if card.title == "w")
    chips = [number for number, unit in enumerate(picture.units) if unit.user is not None]
    left, top, right, bottom = picture.rects[chips[3]]
    hit = picture.hit((left + right) / 2, (top + bottom) / 2, playback)
    assert hit is not None
    assert (hit.kind, hit.card) == ("chip", weight)
    still = picture.scene(playback, words("en")).shapes
    joined = picture.scene(playback, words("en"), hovered=weight).shapes
    dashed = [[s for s in shapes if isinstance(s, Curve) and s.line == "accent"] for shapes in (still, joined)]
    assert [len(lines) for lines in dashed] == [0, len(chips)]


def test_waiting_for_more_paths_is_said() -> None:
    trace = traces.fan()
    slow = msgspec.structs.replace(trace.passes[0].steps[1], arrivals=(Arrival(0, 0, 0), Arrival(9, 1, 0)))
    steps = (trace.passes[0].steps[0], slow, *([trace.passes[0].steps[0]] * 8))
    trace = msgspec.structs.replace(trace, passes=(msgspec.structs.replace(trace.passes[0], steps=steps),))
    assert "1 of 2 paths · v 3" in said(trace, 4)


def test_a_healed_detach_says_so() -> None:
    trace = traces.first()
    detach = Op(7, "detach", 5, (5, 0, 5, 1), "b.detach()", (4,), (4,), site="#d", cut="healed")
    ops = (*trace.ops, detach)
    trace = msgspec.structs.replace(trace, ops=ops, events=(*trace.events, Event("op", op=7)))
    assert "healed" in said(trace, len(trace.events))


def test_chains_are_level() -> None:
    picture, _ = scene(traces.first(), 14)
    assert picture.rect(0)[1] == picture.rect(2)[1] == picture.rect(3)[1]
    assert picture.rect(1)[1] == picture.rect(4)[1]


# ── Hits, relations, folding, motion ──────────────────────────────────────────────────────────────────────────────


def middle(rect: tuple[float, float, float, float]) -> tuple[float, float]:
    return (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2


def test_what_lies_under_a_point() -> None:
    trace = traces.first()
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index)
    left, top, right, bottom = picture.rect(2)
    assert picture.hit(left + 10, bottom - 5, playback) == Hit("card", card=2)
    assert picture.hit(right - 12, top + 12, playback) == Hit("scissors", card=2)
    assert picture.hit(-500, -500, playback) is None
    along = sample(picture.route(0))[6]
    assert picture.hit(float(along[0]), float(along[1]), playback) == Hit("wire", wire=0)
    root = picture.rect(5)
    seed = picture.hit((root[0] + root[2]) / 2, root[3] + 50, playback)
    assert seed is not None
    assert (seed.kind, seed.card, seed.seed) == ("seed", 5, picture.seeds[0])
    # Nothing is there before it was computed.
    assert picture.hit(left + 10, bottom - 5, playback.at(2)) is None
    # A root is used by nobody: there is nothing to cut.
    assert picture.hit(root[2] - 12, root[1] + 12, playback) == Hit("card", card=5)


def test_relations() -> None:
    trace = traces.first()
    picture, _ = scene(trace, 14)
    related = picture.related(2)
    assert (related.ancestors, related.descendants) == ({0}, {3, 5})
    ends = {(picture.graph.wires[wire].source, picture.graph.wires[wire].target) for wire in related.wires}
    assert ends == {(0, 2), (2, 3), (3, 5)}


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("pow", ["a**3", "b**2"]), ("POWBackward", ["a**3", "b**2"]), ("line 3", ["a"]), (":4", ["b"]),
        ("3*a", ["3*a**3", "Q"]), ("Q", ["Q", "a", "b"]), ("2×2", []),
        ("[2]", ["a", "b", "a**3", "3*a**3", "b**2", "Q"]),
        ("", []), ("nothing", []),
    ],
)  # fmt: skip
def test_search(text: str, titles: list[str]) -> None:
    picture, _ = scene(traces.first(), 14)
    assert [picture.graph.cards[card].title for card in picture.search(text)] == titles


def turning() -> tuple[Trace, Picture]:
    trace = loop(30)
    trace = msgspec.structs.replace(trace, source=trace.source)
    index = Playback.of(trace).index
    return trace, Picture(trace, index, Folding(depth=0))


def test_a_folded_group_says_what_it_holds_and_unfolds_in_place() -> None:
    trace, folded = turning()
    playback = Playback.of(trace).end()
    drawn = [label.text for label in folded.scene(playback, words("en")).labels]
    assert {"▸ for t in range(9)", "×30", "2 operations each", folded.note(words("en"))} <= set(drawn)
    around = (folded.bounds[0] - 500, folded.bounds[1] - 500, folded.bounds[2] + 500, folded.bounds[3] + 500)
    assert folded.note(words("en")) in [label.text for label in folded.scene(playback, words("en"), view=around).labels]
    (group,) = [unit.group for unit in folded.units if unit.group]
    rect = next(folded.rects[n] for n, unit in enumerate(folded.units) if unit.group)
    assert folded.hit(*middle(tuple(rect)), playback) == Hit("group", group=group)
    assert folded.hit(rect[0] + 5, rect[1] + 5, playback) == Hit("fold", group=group)
    inside = next(card.id for card in folded.graph.cards if card.title.startswith("mul"))
    assert folded.rect(inside) == tuple(rect)
    assert folded.group_of(inside) == group

    opened = Picture(trace, playback.index, folded.folding.toggled(group), folded)
    frame = opened.frames[group]
    assert frame[:2] == pytest.approx(tuple(rect[:2]))
    assert opened.hit(frame[0] + 20, frame[1] + 20, playback) == Hit("fold", group=group)
    assert len(opened.rects) > len(folded.rects)
    again = Picture(trace, playback.index, opened.folding.toggled(group), opened)
    assert again.rects == pytest.approx(folded.rects)


def test_while_stepping_a_folded_loop_says_which_turn_it_is_in() -> None:
    trace = loop(9)
    playback = Playback.of(trace)
    picture = Picture(trace, playback.index)
    said = [
        next(text for text in texts if text.startswith("turn") or text.endswith("each"))
        for cursor in (1, 2, 8, 18, 19)
        for texts in [[label.text for label in picture.scene(playback.at(cursor), words("en")).labels]]
    ]
    assert said == ["turn 1 of 9", "turn 1 of 9", "turn 4 of 9", "turn 9 of 9", "2 operations each"]
    (turning,) = children(picture.groups)
    unrolled = Picture(trace, playback.index, picture.folding.toggled(turning.id), picture)
    texts = [label.text for label in unrolled.scene(playback.end(), words("en")).labels]
    assert {f"▸ [{turn}]" for turn in range(9)} | {"9 turns · 18 operations"} <= set(texts)


def calls_of_one_module(calls: int) -> Trace:
    """A module of two layers, called several times."""
    names = ("x", "D.0.weight", "D.0.bias", "D.2.weight", "D.2.bias")
    lines: list[Line] = []
    for call in range(calls):
        span: Span = (1 + call, 0, 1 + call, 4)
        made = len(names) + len(lines)
        lines += [("linear", span, "Sequential.0", (0, 1, 2)), ("tanh", span, "Sequential.1", (made,))]
        lines += [("linear", span, "Sequential.2", (made + 1, 3, 4))]
    return program("D(x)\n" * calls, names, lines)


def test_a_parameter_stands_in_the_frame_that_uses_it_first() -> None:
    trace = calls_of_one_module(2)
    index = Playback.of(trace).index
    picture = Picture(trace, index)
    weights = [card.id for card in picture.graph.cards if card.title.startswith("D.")]
    homes = {picture.units[picture.unit_of_card[weight]].around for weight in weights}
    assert (len(weights), homes) == (4, {"D"})
    # Where that frame is folded they are in it, and no line comes out of it for them.
    folded = Picture(trace, index, Folding(depth=0))
    assert {folded.group_of(weight) for weight in weights} == {"D"}
    assert [(unit.around, len(unit.others)) for unit in folded.units if unit.user is not None] == [(ROOT, 3)]
    assert not [strand for strand in folded.strands if folded.units[strand.source].group]
    drawn = folded.scene(Playback.of(trace).end(), words("en"), hovered=weights[2]).shapes
    assert [shape for shape in drawn if isinstance(shape, Curve) and shape.dashed and shape.line == "accent"]
    # The second call has chips of them; beside a folded group one chip stands for all four.
    apart = Picture(trace, index)
    assert sorted(unit.around for unit in apart.units if unit.user is not None) == ["D#2"] * 4
    second = Picture(trace, index, Folding().toggled("D#2"))
    (chip,) = [unit for unit in second.units if unit.user is not None]
    assert (chip.around, len(chip.others)) == (ROOT, 3)
    lines = [strand for strand in second.strands if second.units[strand.source] == chip]
    assert [len(strand.wires) for strand in lines] == [4]
    weight = chip.others[1]
    drawn = second.scene(Playback.of(trace).end(), words("en"), hovered=weight).shapes
    assert any(isinstance(shape, Curve) and shape.dashed and shape.line == "accent" for shape in drawn)


def test_a_line_into_a_folded_group_is_a_bundle() -> None:
    trace = calls_of_one_module(2)
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index, Folding().toggled("D#2"))
    strand = next(strand for strand in picture.strands if len(strand.wires) == 4)
    x, y = sample(strand.route)[len(sample(strand.route)) // 2]
    assert picture.hit(float(x), float(y), playback) == Hit("bundle", group="D#2", wires=strand.wires)
    assert len(context.cuts_of_bundle(playback, picture.graph, strand.wires)) == 4


def test_what_is_in_a_frame_lies_in_it_and_lines_are_whole() -> None:
    trace, _ = turning()
    index = Playback.of(trace).index
    picture = Picture(trace, index, Folding(depth=9))
    for number, unit in enumerate(picture.units):
        if unit.around:
            left, top, right, bottom = picture.frames[unit.around]
            x0, y0, x1, y1 = picture.rects[number]
            assert left < x0 <= x1 < right
            assert top < y0 <= y1 < bottom
    for strand in picture.strands:
        (x0, y0), (x1, y1) = strand.route[0], strand.route[-1]
        source, target = picture.rects[strand.source], picture.rects[strand.target]
        assert x0 == pytest.approx(source[2], abs=1)
        assert x1 == pytest.approx(target[0], abs=1)
        assert source[1] <= y0 <= source[3]
        assert target[1] <= y1 <= target[3]
        assert len(strand.route) % 3 == 1


def test_gradient_sizes_of_a_folded_group_grow_while_stepping() -> None:
    source = "for i in range(400):\n    x = x * w\n"
    trace = traces.chain(400)
    ops = [msgspec.structs.replace(op, span=(2, 8, 2, 13), line=2) if op.inputs else op for op in trace.ops]
    trace = msgspec.structs.replace(trace, source=source, ops=tuple(ops))
    index = Playback.of(trace).index
    picture = Picture(trace, index)
    assert len(picture.units) == 2
    before = picture.scene(Playback.of(trace, 401), words("en"))
    after = picture.scene(Playback.of(trace, 450), words("en"))
    assert "1" not in [label.text for label in before.labels if label.colour == "grad"]
    assert "1" in [label.text for label in after.labels if label.colour == "grad"]


def test_a_contribution_travels_and_adds_up_at_the_end() -> None:
    trace = traces.first()
    playback = Playback.of(trace, 9)
    picture = Picture(trace, playback.index)

    def chips(motion: float | None) -> list[Label]:
        drawn = picture.scene(playback, words("en"), motion=motion)
        return [label for label in drawn.labels if label.text == "[-1, -1]" and label.anchor == "c"]

    def arrived(motion: float | None) -> bool:
        drawn = picture.scene(playback, words("en"), motion=motion)
        return any(label.text == "[-1, -1]" and label.anchor == "e" for label in drawn.labels)

    places = [chips(share)[0].x for share in (0.1, 0.5, 0.9)]
    assert places == sorted(places, reverse=True)
    assert not arrived(0.5)
    assert arrived(1.0)
    assert arrived(None)


def test_nan_is_shouted() -> None:
    trace = traces.first()
    bad = traces.tensor(float("nan"), 1)
    steps = tuple(msgspec.structs.replace(s, grad_outputs=(bad,)) if s.node == 2 else s for s in trace.passes[0].steps)
    trace = msgspec.structs.replace(trace, passes=(msgspec.structs.replace(trace.passes[0], steps=steps),))
    drawn = scene(trace, len(trace.events))[1]
    assert [label for label in drawn.labels if label.text == "⚠ [NaN, 1]" and label.colour == "wrong"]


def test_small_matrices_are_matrices_and_large_tensors_have_thumbnails() -> None:
    assert figures.grid(traces.tensor(1, -2.5, 30, 4, shape=(2, 2))) == ((" 1", "-2.5"), ("30", " 4  "))
    assert figures.grid(traces.tensor(1, 2)) is None
    wide = drawing.show([traces.tensor(*range(-6, 6), shape=(3, 4))])
    assert (wide.heading, wide.text) == ("3×4", "-6…5")
    assert wide.picture is not None
    rows, columns, levels = wide.picture
    assert (rows, columns, len(levels)) == (3, 4, 12)
    assert levels[0] < levels[5] < levels[6] == thumbnail.REACH < levels[7] < levels[-1]
    odd = drawing.show([traces.tensor(*[float("nan")] * 8, 1, shape=(1, 9))])
    assert (odd.odd, odd.heading, odd.text) == (True, "1×9", "⚠ 8 NaN")


def test_leaves_say_what_their_grad_was_before() -> None:
    assert ".grad before: None" in said(traces.first(), 11)


def test_many_cards_far_out_are_a_few_shapes() -> None:
    trace = traces.chain(1000)
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index, Folding(depth=9))
    for scale in (0.01, 0.2, 0.4):
        assert len(picture.scene(playback, words("en"), scale=scale).shapes) < 20


def test_names_are_as_large_on_the_screen_however_far_out() -> None:
    trace = traces.first()
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index)
    for scale in (0.25, 0.33, 0.41):
        labels = picture.scene(playback, words("en"), scale=scale).labels
        assert {"a", "b", "Q"} <= {label.text for label in labels}
        for label in labels:
            assert label.size * scale == pytest.approx(drawing.FAR_TEXT, rel=0.06)
            (box,) = [rect for rect in picture.rects if overlap(tuple(rect), (label.x, label.y, label.x, label.y))]
            assert label.x + text_width(label.text, label.size) < box[2]
    assert not picture.scene(playback, words("en"), scale=0.05).labels


def test_far_out_a_folded_group_says_how_often() -> None:
    trace = loop(6)
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index, Folding(depth=0))
    assert "×6" in [label.text for label in picture.scene(playback, words("en"), scale=0.3).labels]


@pytest.mark.parametrize("scale", [0.05, 0.3])
def test_far_out_signs_say_what_is_cut_failed_or_not_a_number(scale: float) -> None:
    def signs(trace: Trace, cursor: int) -> str:
        playback = Playback.of(trace, cursor)
        drawn = Picture(trace, playback.index).scene(playback, words("en"), scale=scale)
        dashed = any(isinstance(shape, Curve) and shape.line == "cut" and shape.dashed for shape in drawn.shapes)
        assert dashed == any("✂" in label.text for label in drawn.labels)
        return "".join(sorted({char for label in drawn.labels for char in label.text if char in "✂✗⚠"}))

    trace = traces.first()
    end = len(trace.events)
    assert signs(trace, end) == ""
    assert signs(traces.first(cut=True), end) == "✂"
    assert signs(traces.failed(), len(traces.failed().events)) == "✗"
    odd = traces.first(seed=(float("nan"), 1.0))
    begin = Playback.of(odd).index.pass_at[0]
    assert signs(odd, begin) == ""
    assert signs(odd, len(odd.events)) == "⚠"


@pytest.mark.parametrize(
    ("language", "done", "failed"),
    [
        ("en", "backward 1 · done", "backward 1 · stopped by an error"),
        ("zh", "反向 1 · 完成", "反向 1 · 因错误中断"),
    ],
)
def test_a_pass_that_raised_is_not_said_to_be_done(language: str, done: str, failed: str) -> None:
    trace = traces.first()
    assert where_text(Playback.of(trace).end(), words(language)) == (done, "grad")
    broken = msgspec.structs.replace(trace.passes[0], error=Failure("RuntimeError", "no", 7))
    moment = Playback.of(msgspec.structs.replace(trace, passes=(broken,))).end()
    assert where_text(moment, words(language)) == (failed, "wrong")
    assert [cell_text(moment, len(trace.events) - 1)] == ["✗"]


def test_contributions_of_an_earlier_pass_are_no_part_of_the_present_sum() -> None:
    trace = read_trace(FOLDER / "dot.pullback")
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index)
    begins = [at for at, _ in playback.index.pass_order]

    def lines(moment: Playback, scale: float) -> dict[str, int]:
        drawn = picture.scene(moment, words("en"), scale=scale).shapes
        counted = {"grad": 0, "earlier": 0}
        for shape in drawn:
            if isinstance(shape, Curve) and shape.arrow == "start":
                counted[shape.line] += 1
            elif isinstance(shape, Curves) and shape.line in counted:
                counted[shape.line] += int(shape.begins.sum())
        return counted

    first = lines(playback.at(begins[1]), 0.2)
    assert first["grad"] > 0
    assert first["earlier"] == 0
    assert not picture.later(playback.at(begins[1]))
    for moment in (playback.at(begins[1] + 1), playback):
        near, far = lines(moment, 1.0), lines(moment, 0.2)
        # Near by each seed has an arrow too: the one of this pass and the one of the pass before.
        assert near == {"grad": far["grad"] + 1, "earlier": far["earlier"] + 1}
        assert far["earlier"] == first["grad"]
        assert picture.later(moment)
    assert "[0, 2, 4, 6]" in said(trace, begins[1])
    assert "[0, 2, 4, 6]" not in said(trace, len(trace.events))
    explained = [label.text for label in legend(words("en"), 0, 0, earlier=True).labels]
    assert explained[1] == words("en")("legend.earlier")


@pytest.mark.parametrize("direction", ["right", "down"])
def test_what_travels_has_no_other_heads_and_no_text_beneath_it(direction: Direction) -> None:
    playback = Playback.of(traces.first(), 9)
    picture = Picture(traces.first(), playback.index, direction=direction)
    moving = [w.id for w in picture.graph.wires if any(p.source == playback.node for p in w.passages)]
    ends = {end for wire in moving for end in (picture.route(wire)[0], picture.route(wire)[-1])}
    for share in (0.0, 0.3, 0.6, 0.9):
        drawn = picture.scene(playback, words("en"), motion=share)
        on_lines = [one for one in drawn.shapes if isinstance(one, Curve) and {one.points[0], one.points[-1]} & ends]
        assert len(on_lines) >= len(moving)
        assert not any(one.arrow for one in on_lines)
        pills = [one for one in drawn.labels if one.anchor == "c" and one.colour == "grad"]
        assert len(pills) == len(moving)
        for pill in pills:
            covered = [one for one in drawn.labels if overlap(label_rect(one), label_rect(pill))]
            assert not [one.text for one in covered if one not in pills]


@pytest.mark.parametrize("scale", [0.05, 0.13, 0.3])
def test_far_out_the_current_card_covers_nothing_beside_it(scale: float) -> None:
    playback = Playback.of(traces.first(), 9)
    picture = Picture(traces.first(), playback.index)
    card = picture.current_card(playback)
    assert card is not None
    drawn = picture.scene(playback, words("en"), scale=scale).shapes
    marked = [shape.rects for shape in drawn if isinstance(shape, Boxes) and shape.fill == "accent"]
    assert len(marked) == 1
    left, top, right, bottom = picture.rect(card)
    assert marked[0][:, :2].min(axis=0).tolist() == [left - drawing.HALO, top - drawing.HALO]
    assert marked[0][:, 2:].max(axis=0).tolist() == [right + drawing.HALO, bottom + drawing.HALO]
