"""The run in words, beside the output."""

from __future__ import annotations

import pytest

from core.walk import SENTENCES, told
from tests.gui import traces
from tests.gui.conftest import Window


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_event_has_a_sentence(language: str) -> None:
    for trace in (traces.first(), traces.failed(), traces.chain(5)):
        assert len(list(told(trace, language))) == len(trace.events)
    assert SENTENCES["en"].keys() == SENTENCES["zh"].keys()


def test_the_line_of_the_step_is_marked_and_a_click_goes_there(window: Window) -> None:
    app = window.app
    window.key("<F5>", app.canvas)
    app.pages.buttons["transcript.title"].invoke()
    window.settle()
    assert app.transcript.winfo_ismapped()
    assert not app.output.winfo_ismapped()
    window.key("<space>", app.canvas)
    playback = app.session.playback
    assert playback is not None
    area = app.transcript.text
    assert next(str(place).split(".")[0] for place in area.tag_ranges("here")) == str(playback.cursor)
    area.see("2.0")
    app.update()
    box = area.bbox("2.3")
    assert box is not None
    for sequence in ("<Motion>", "<ButtonPress-1>", "<ButtonRelease-1>"):
        area.event_generate(sequence, x=box[0] + 1, y=box[1] + 2)
    window.settle()
    assert app.session.playback is not None
    assert app.session.playback.cursor == 2


def test_another_language_tells_it_anew(window: Window) -> None:
    app = window.app
    window.key("<F5>", app.canvas)
    app.pages.turn("transcript.title")
    window.settle()
    assert "arrives" in app.transcript.text.get("1.0", "end")
    app.toggle_language()
    window.settle()
    assert "到达" in app.transcript.text.get("1.0", "end")


def test_what_goes_wrong_is_seen_whatever_page_was_open(window: Window) -> None:
    app = window.app
    app.pages.turn("transcript.title")
    app.exports.copy()  # there is no picture yet
    window.settle()
    assert app.output.winfo_ismapped()
    assert "press F5 first" in app.output.text.get("1.0", "end")


def test_the_flow_has_a_bar_for_every_leaf_and_a_click_chooses_it(window: Window) -> None:
    app = window.app
    window.key("<F5>", app.canvas)
    window.key("<End>", app.canvas)
    app.pages.buttons["flow.title"].invoke()
    window.settle()
    strip = app.flow.bars.canvas
    said = [strip.itemcget(item, "text") for item in strip.find_all() if strip.type(item) == "text"]
    assert {"a", "81", "b", "12"} <= set(said)
    widths = [strip.bbox(item) for item in strip.find_withtag("bar")]
    assert len(widths) == 2
    assert widths[0][2] > widths[1][2]  # 81 is more than 12
    strip.event_generate("<ButtonRelease-1>", x=20, y=45)
    window.settle()
    assert app.graph is not None
    assert app.selected is not None
    assert app.graph.cards[app.selected].title == "b"
    window.key("<Home>", app.canvas)
    assert not strip.find_withtag("bar")


def test_the_strip_has_a_bar_for_every_step_that_has_run_and_a_click_goes_there(window: Window) -> None:
    app = window.app
    window.key("<F5>", app.canvas)
    window.key("<End>", app.canvas)
    app.pages.buttons["flow.title"].invoke()
    window.settle()
    strip = app.flow.strip
    assert len(strip.find_withtag("bar")) == 6
    assert not strip.find_withtag("odd")
    left, _, right, _ = strip.bbox(strip.find_withtag("bar")[1])
    place = {"x": (left + right) // 2, "y": 20}
    strip.event_generate("<Motion>", **place)
    assert app.flow.note.cget("text") == "PowBackward0  1"
    strip.event_generate("<Button-1>", **place)
    window.settle()
    assert app.session.playback is not None
    assert app.session.playback.node == (0, 4)
    assert len(strip.find_withtag("bar")) == 2


def test_a_leaf_is_chosen_in_the_list_by_key(window: Window) -> None:
    app = window.app
    window.key("<F5>", app.canvas)
    app.pages.buttons["flow.title"].invoke()
    window.settle()
    for key in ("<Down>", "<Down>", "<Return>"):
        window.key(key, app.flow.bars.canvas)
    assert app.graph is not None
    assert app.selected is not None
    assert app.graph.cards[app.selected].title == "b"
