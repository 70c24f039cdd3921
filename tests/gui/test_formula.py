"""Formulas as pictures, and in the inspector of the real window."""

from __future__ import annotations

import logging

import msgspec
import pytest
from PIL import Image

from core.formulas import own_formulas
from core.records import Trace
from gui.fonts import covers
from gui.inspector import formula
from gui.inspector.formula import POINT, SIZE, picture
from gui.inspector.inspector import MARGIN
from gui.theme import PALETTES
from tests.gui import traces
from tests.gui.conftest import Window

PANEL = 308
"""Units within the margins of the inspector of a window of the usual size."""


def lines(node: str) -> list[str]:
    own = own_formulas()[node]
    return [*own.forward, *(line for entry in own.inputs for line in entry.lines)]


def renamed(**names: str) -> Trace:
    """The first trace with other names of nodes."""
    trace = traces.first()
    replace = msgspec.structs.replace
    nodes = tuple(replace(node, name=names.get(node.name, node.name)) for node in trace.passes[0].nodes)
    return replace(trace, passes=(replace(trace.passes[0], nodes=nodes),))


def step_to(window: Window, node: str) -> None:
    """Runs the program, and steps on."""
    window.key("<F5>")
    step_on_to(window, node)


def step_on_to(window: Window, node: str) -> None:
    """Steps with the arrow key until that node has run."""
    session = window.app.session
    for _ in range(20):
        playback = session.playback
        assert playback is not None
        if playback.node is not None and playback.trace.passes[0].nodes[playback.node[1]].name == node:
            return
        window.key("<Right>")
    raise AssertionError(f"{node} was not reached")


def images(window: Window) -> list[str]:
    """Tk's pictures in the inspector from top to bottom, once every formula has been drawn."""
    text = window.app.inspector.text
    window.wait_until(lambda: not window.app.inspector.formulas.pending)
    return [name for kind, name, _ in text.dump("1.0", "end", image=True) if kind == "image"]


def shown(window: Window) -> list[tuple[int, int]]:
    """Sizes of the formulas in the inspector."""
    text = window.app.inspector.text
    drawn = [text.image_cget(name, "image") for name in images(window)]
    return [(text.tk.getint(text.tk.call("image", "width", image)),
             text.tk.getint(text.tk.call("image", "height", image))) for image in drawn]  # fmt: skip


def written(window: Window) -> str:
    return window.app.inspector.text.get("1.0", "end")


@pytest.mark.parametrize("node", own_formulas())
def test_every_formula_can_be_drawn_and_fits(node: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        widths = [picture(line, SIZE, POINT, "#000000").width for line in lines(node)]
    assert not caplog.records  # a sign that the font lacks is only logged
    assert 0 < min(widths) <= max(widths) <= PANEL


def test_a_sign_that_is_missing_would_be_noticed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        picture(r"x = 中", SIZE, POINT, "#000000")
    assert caplog.records
    with pytest.raises(ValueError, match="cases"):
        picture(r"\begin{cases}", SIZE, POINT, "#000000")


def test_every_sign_of_the_sentences_has_a_glyph() -> None:
    signs = {sign for own in own_formulas().values() for text in own.sentence.values() for sign in text}
    assert [sign for sign in sorted(signs) if not covers(sign)] == []


def test_a_picture_has_the_colour_asked_for_and_twice_the_size_at_200_percent() -> None:
    small = picture(r"\bar{a} = v \odot b", SIZE, POINT, "#C2410C")
    large = picture(r"\bar{a} = v \odot b", SIZE, 2 * POINT, "#C2410C")
    assert large.width / small.width == pytest.approx(2, abs=0.1)
    assert large.height / small.height == pytest.approx(2, abs=0.3)
    inked = [pixel for pixel in small.get_flattened_data() if pixel[3] > 250]
    assert inked
    assert set(inked) <= {(0xC2, 0x41, 0x0C, alpha) for alpha in range(251, 256)}
    assert small.getpixel((0, 0))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("node", ["SubBackward0", "PowBackward0", "AccumulateGrad"])
def test_stepping_to_a_node_shows_its_formula_and_says_it(window: Window, node: str) -> None:
    step_to(window, node)
    own = own_formulas()[node]
    drawn = [picture(line, SIZE, POINT, PALETTES["light"]["text"]).size for line in lines(node)]
    assert shown(window) == drawn
    assert own.sentence["en"] in written(window)
    assert "torch's formula" not in written(window)


def test_stepping_on_and_back_changes_the_formula(window: Window) -> None:
    step_to(window, "SubBackward0")
    before = shown(window)
    window.key("<Right>")
    assert shown(window) != before
    window.key("<Left>")
    assert shown(window) == before


def test_a_card_that_has_not_run_shows_what_it_is_going_to_do(window: Window) -> None:
    step_to(window, "SubBackward0")
    canvas = window.app.canvas
    assert canvas.picture is not None
    card = next(card for card in canvas.picture.graph.cards if card.title == "a**3")
    left, top, _, _ = canvas.picture.rect(card.id)
    window.click(*window.on_screen(left + 10, top + 10))
    assert "not run yet" in written(window)
    assert len(shown(window)) == len(lines("PowBackward0"))


def test_the_language_the_theme_and_the_size_are_followed(window: Window) -> None:
    step_to(window, "MulBackward0")
    assert "Each factor gets" in written(window)
    small = shown(window)
    text = window.app.inspector.text
    window.app.prefer(language="zh", theme="dark", size=200)
    window.settle()
    assert "每个因子得到" in written(window)
    for (width, height), (wide, high) in zip(small, shown(window), strict=True):
        assert wide / width == pytest.approx(2, abs=0.1)
        assert high / height == pytest.approx(2, abs=0.3)
    first = text.image_cget(images(window)[0], "image")
    width, height = shown(window)[0]
    pixels = {tuple(text.tk.call(first, "get", x, y)) for y in range(height) for x in range(width)}
    assert max(pixels) == tuple(bytes.fromhex(PALETTES["dark"]["text"][1:]))


def test_a_node_without_own_mathematics_shows_torchs(window: Window) -> None:
    window.worker.record = lambda job: renamed(SubBackward0="LogcumsumexpBackward0")
    step_to(window, "LogcumsumexpBackward0")
    assert shown(window) == []
    assert "torch's formula\nself: logcumsumexp_backward(grad, self, result, dim)\n" in written(window)
    window.app.toggle_language()
    window.settle()
    assert "torch 的公式\nself: logcumsumexp_backward(grad, self, result, dim)\n" in written(window)


def test_an_unknown_node_shows_no_formula(window: Window) -> None:
    window.worker.record = lambda job: renamed(SubBackward0="MyFunctionBackward")
    step_to(window, "MyFunctionBackward")
    assert shown(window) == []
    assert "torch's formula" not in written(window)
    assert "[-1, -1]" in written(window)


def test_a_step_does_not_wait_for_its_formula(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def slow(text: str, *details: object) -> Image.Image:
        asked.append(text)
        return Image.new("RGBA", (7, 7))

    monkeypatch.setattr(formula, "picture", slow)
    app = window.app
    window.key("<F5>")
    app.session.seek(9)
    app.update_idletasks()  # all that a step redraws, and no timer
    assert "A sum" not in written(window)
    assert "The subtracted term" in written(window)
    assert asked == []
    assert shown(window) == [(7, 7)] * 3
    assert asked == lines("SubBackward0")
    window.key("<Left>")
    window.key("<Right>")
    assert shown(window) == [(7, 7)] * 3
    assert len(asked) == 3  # a formula is drawn once


def test_a_narrow_panel_makes_a_long_formula_smaller(window: Window) -> None:
    node = "BinaryCrossEntropyWithLogitsBackward0"
    window.worker.record = lambda job: renamed(SubBackward0=node)
    step_to(window, node)
    natural = picture(lines(node)[0], SIZE, POINT, PALETTES["light"]["text"]).size
    for width, fits in ((400, True), (240, False), (400, True)):
        window.app._panes.paneconfigure(window.app._right, width=width)
        window.settle()
        drawn = shown(window)[0]
        assert (drawn == natural) == fits
        assert drawn[0] <= width - 2 * MARGIN
