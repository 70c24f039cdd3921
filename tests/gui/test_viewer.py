"""The viewer of one tensor, opened and driven by keys and mouse."""

from __future__ import annotations

import math
import tkinter as tk
import tkinter.filedialog
from pathlib import Path

import msgspec
import numpy as np
import pytest

from core import wire
from core.places import tensors
from core.records import Statistics, TensorSnapshot, Trace
from gui.i18n import words
from gui.picture.scene import Hit
from gui.viewer.subjects import Subject, subject
from gui.viewer.viewer import COPIED, Viewer
from tests.gui import traces
from tests.gui.conftest import Window
from tests.gui.test_canvas import named, titled

NAN, INF = math.nan, math.inf


def snapshot(data: np.ndarray, dtype: str = "") -> TensorSnapshot:
    return TensorSnapshot(data.shape, dtype or data.dtype.name, data.tobytes())


def look_at(window: Window, data: np.ndarray, dtype: str = "", title: str = "t") -> Viewer:
    """The viewer, opened on an array."""
    viewer = window.app.viewer
    viewer.open(Subject(title, snapshot(data, dtype), ""))
    window.settle()
    return viewer


def press(window: Window, *keys: str) -> None:
    """Keys for whatever has the keyboard."""
    for key in keys:
        window.key(key)


def said(label: tk.Label) -> str:
    return str(label.cget("text"))


def cells(viewer: Viewer) -> set[str]:
    canvas = viewer.table.canvas
    return {str(canvas.itemcget(item, "text")) for item in canvas.find_all() if canvas.type(item) == "text"}


def turn(window: Window, page: str) -> None:
    """Presses the button of a view."""
    window.app.viewer.pages.buttons[page].invoke()
    window.settle()


# ── Opening ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_v_opens_the_chosen_card_and_escape_gives_the_keyboard_back(window: Window) -> None:
    app, viewer = window.app, window.app.viewer
    press(window, "<F5>", "<End>")
    app._clicked(Hit("card", card=titled(window, "a").id))
    window.key("<v>", app.canvas)
    assert viewer.winfo_ismapped()
    assert viewer.title() == said(viewer.title_label) == "a (value)"
    assert said(viewer.facts) == "float32  [2]    min 2    max 3    mean 2.5"
    assert {"2", "3"} <= cells(viewer)
    assert app.focus_get() is viewer.table.canvas
    press(window, "<Escape>")
    assert not viewer.winfo_ismapped()
    assert app.focus_get() is app.canvas
    window.key("<V>", app.canvas)
    assert said(viewer.title_label) == "a.grad"
    assert {"36", "81"} <= cells(viewer)


def test_the_current_node_is_looked_at_where_no_card_is_chosen(window: Window) -> None:
    viewer = window.app.viewer
    press(window, "<F5>")
    press(window, *["<space>"] * 5)
    playback = window.app.session.playback
    assert playback is not None
    assert playback.step is not None
    window.key("<V>", window.app.canvas)
    node = playback.trace.passes[0].nodes[playback.step.node].name
    assert said(viewer.title_label) == f"v at {node}"


def test_a_gradient_that_is_not_there_yet_is_said_to_be_missing(window: Window) -> None:
    press(window, "<F5>", "<Home>", "<space>", "<V>")
    assert not window.app.viewer.opened
    assert window.app.look.words("viewer.nothing") in str(window.app.statusbar.note.cget("text"))


def test_the_menu_of_a_card_opens_it(window: Window) -> None:
    press(window, "<F5>", "<End>")
    entries = window.app.menus.of(Hit("card", card=titled(window, "Q").id))
    command = named(entries, "View value…").command
    assert command is not None
    command()
    window.settle()
    assert said(window.app.viewer.title_label) == "Q (value)"
    assert {"-12", "65"} <= cells(window.app.viewer)


def test_a_click_on_a_tensor_in_the_inspector_opens_it(window: Window) -> None:
    app = window.app
    press(window, "<F5>", "<End>")
    text = app.inspector.text
    app._clicked(Hit("card", card=titled(window, "a**3").id))
    window.settle()
    titles = []
    for written in ("[2, 3]", "[3, 3]", "[36, 81]"):
        place = text.search(written, "1.0")
        text.see(place)
        window.settle()
        x, y = text.bbox(place)[:2]  # type: ignore[index]
        text.event_generate("<Motion>", x=x + 3, y=y + 3)
        text.event_generate("<ButtonPress-1>", x=x + 3, y=y + 3)
        text.event_generate("<ButtonRelease-1>", x=x + 3, y=y + 3)
        window.settle()
        titles.append(said(app.viewer.title_label))
        app.viewer.close()
    assert titles == ["self, saved by PowBackward0", "MulBackward0: for input 0", "PowBackward0: for input 0"]


def test_a_tensor_in_the_inspector_is_chosen_and_opened_with_keys(window: Window) -> None:
    app = window.app
    press(window, "<F5>", "<End>")
    text = app.inspector.text
    app._clicked(Hit("card", card=titled(window, "a**3").id))
    window.settle()

    def chosen() -> list[str]:
        return [text.get(*text.tag_ranges("chosen"))] if text.tag_ranges("chosen") else []  # type: ignore[arg-type]

    window.key("<Return>", text)
    assert not app.viewer.opened  # nothing is chosen
    titles = []
    for written in ("[3, 3]", "[36, 81]"):
        window.key("<Shift-Down>")
        while chosen() != [written]:
            window.key("<Shift-Down>")
        assert text.bbox(text.tag_ranges("chosen")[0])  # in sight
        window.key("<Return>")
        titles.append(said(app.viewer.title_label))
        app.viewer.close()
        window.settle()
        assert app.focus_get() is text
        assert chosen() == [written]
    assert titles == ["MulBackward0: for input 0", "PowBackward0: for input 0"]
    for _ in range(20):
        window.key("<Shift-Up>")
    assert chosen() == ["[3, 3]"]  # the first
    app.canvas.focus_force()
    window.settle()
    assert not chosen()


def test_another_run_closes_it(window: Window) -> None:
    press(window, "<F5>", "<Home>", "<space>")
    window.key("<v>", window.app.canvas)
    assert window.app.viewer.opened
    window.app.session.set_seed(0, (2.0, 0.0))
    window.settle()
    assert not window.app.viewer.opened
    assert not window.app.viewer.winfo_ismapped()


def test_theme_language_and_size_are_followed_at_once(window: Window) -> None:
    viewer = look_at(window, np.ones((2, 2)))
    before = viewer.winfo_reqheight()
    window.app.prefer(theme="dark", language="zh", size=200)
    window.settle()
    assert str(viewer.pages.buttons["viewer.heat"].cget("text")) == "热图"
    assert viewer.table.canvas.cget("background") == window.app.look["panel"]
    assert "最小 1" in said(viewer.facts)
    assert viewer.winfo_reqheight() > before


# ── The table ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_arrows_go_from_cell_to_cell_and_the_cell_is_said_in_full(window: Window) -> None:
    viewer = look_at(window, np.arange(12, dtype="<f4").reshape(3, 4) / 3)
    press(window, "<Down>", "<Right>")
    assert said(viewer.said) == "[1, 1] = 1.6666666"
    press(window, "<End>")
    assert said(viewer.said) == "[1, 3] = 2.3333333"
    press(window, "<Right>", "<Down>", "<Down>")  # there is no more
    assert said(viewer.said) == "[2, 3] = 3.6666667"
    press(window, "<Control-Home>")
    assert said(viewer.said) == "[0, 0] = 0.0"


def test_only_what_is_in_sight_is_drawn_and_the_last_cell_is_reached(window: Window) -> None:
    viewer = look_at(window, np.arange(10**6, dtype="<i8").reshape(1000, 1000))
    assert len(viewer.table.canvas.find_all()) < 1000
    press(window, "<Control-End>")
    assert said(viewer.said) == "[999, 999] = 999999"
    assert {"999999", "999"} <= cells(viewer)
    assert "0" not in cells(viewer)
    top = viewer.table.top
    viewer.table.canvas.event_generate("<Button-4>", x=50, y=50)
    window.settle()
    assert viewer.table.top == top - 3
    assert said(viewer.said) == "[999, 999] = 999999"  # to look elsewhere is not to choose
    viewer.table._scroll_down("moveto", "0.5")
    assert viewer.table.top == 500


def test_a_click_chooses_a_cell(window: Window) -> None:
    viewer = look_at(window, np.arange(12).reshape(3, 4))
    left, top, right, bottom = viewer.table.box(2, 1)
    viewer.table.canvas.event_generate("<ButtonPress-1>", x=(left + right) // 2, y=(top + bottom) // 2)
    window.settle()
    assert said(viewer.said) == "[2, 1] = 9"


@pytest.mark.parametrize(
    ("data", "text", "full"),
    [
        (np.array([2**63 - 1, -5]), "9223372036854775807", "[0] = 9223372036854775807"),
        (np.array([True, False]), "True", "[0] = True"),
        (np.array(0.1, "<f4"), "0.1", "[] = 0.1"),
        (np.array([1e-300]), "1e-300", "[0] = 1e-300"),
    ],
)
def test_numbers_are_shown_as_they_are(window: Window, data: np.ndarray, text: str, full: str) -> None:
    viewer = look_at(window, data)
    assert text in cells(viewer)
    assert said(viewer.said) == full
    assert f"max {text}" in said(viewer.facts) or data.max() >= 10**9


# ── Slices, parts, what is odd ────────────────────────────────────────────────────────────────────────────────────


def test_slices_are_typed_and_stepped_through(window: Window) -> None:
    viewer = look_at(window, np.arange(120).reshape(2, 3, 4, 5))
    first, second = viewer.slices.axes
    for key in ("<BackSpace>", "<Key-2>", "<Return>"):
        second.field.icursor("end")
        window.key(key, second.field)
    assert said(viewer.said) == "[0, 2, 0, 0] = 40"
    assert "59" in cells(viewer)
    first.on.invoke()
    window.settle()
    assert said(viewer.said) == "[1, 2, 0, 0] = 100"
    window.key("<Up>", first.field)  # around the end
    assert said(viewer.said) == "[0, 2, 0, 0] = 40"
    for key in ("<Key-9>", "<Key-x>", "<Return>"):  # beyond the end is the last; letters are none
        window.key(key, second.field)
    assert second.field.get() == "2"
    look_at(window, np.arange(6).reshape(2, 3))
    assert not viewer.slices.winfo_ismapped()


def test_n_goes_to_what_is_odd_through_all_slices(window: Window) -> None:
    data = np.zeros((2, 50, 50))
    data[0, 40, 41], data[1, 2, 3] = NAN, -INF
    viewer = look_at(window, data)
    assert said(viewer.odd) == "1 NaN, 1 Inf"
    press(window, "<n>")
    assert said(viewer.said) == "[0, 40, 41] = NaN"
    assert "NaN" in cells(viewer)
    press(window, "<n>")
    assert said(viewer.said) == "[1, 2, 3] = -Inf"
    assert viewer.slices.axes[0].field.get() == "1"
    press(window, "<N>")
    assert said(viewer.said) == "[0, 40, 41] = NaN"
    viewer.odd_button.invoke()
    assert said(viewer.said) == "[1, 2, 3] = -Inf"
    look_at(window, np.zeros(3))
    assert viewer.odd_button.cget("state") == "disabled"
    press(window, "<n>")
    assert said(viewer.message) == "No element is NaN or infinite."


def test_complex_numbers_are_seen_by_part(window: Window) -> None:
    viewer = look_at(window, np.array([[3 + 4j, 1 - 2j]]))
    assert {"3", "1"} <= cells(viewer)
    viewer.slices.parts["imag"].invoke()
    window.settle()
    assert {"4", "-2"} <= cells(viewer)
    viewer.slices.parts["abs"].invoke()
    window.settle()
    assert {"5", "2.236"} <= cells(viewer)
    assert "max 5" in said(viewer.facts)
    assert said(viewer.said) == "[0, 0] = (3+4j)"


# ── Colours and bars ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_heat_map_tells_what_the_pointer_is_over_and_keeps_what_is_chosen(window: Window) -> None:
    data = np.zeros((4, 6))
    data[1, 2], data[2, 5] = -8.0, NAN
    viewer = look_at(window, data)
    turn(window, "viewer.heat")
    area = viewer.heat_map.area
    assert area is not None
    left, top, right, bottom = area

    def pixel(row: int, column: int) -> dict[str, int]:
        return {
            "x": left + round((right - left) * (column + 0.5) / 6), "y": top + round((bottom - top) * (row + 0.5) / 4)
        }  # fmt: skip

    viewer.heat_map.event_generate("<Motion>", **pixel(1, 2))
    window.settle()
    assert said(viewer.said) == "[1, 2] = -8.0"
    viewer.heat_map.event_generate("<Leave>")
    window.settle()
    assert said(viewer.said) == "[0, 0] = 0.0"
    viewer.heat_map.event_generate("<ButtonPress-1>", **pixel(2, 5))
    window.settle()
    assert said(viewer.said) == "[2, 5] = NaN"
    press(window, "<Up>")
    assert said(viewer.said) == "[1, 5] = 0.0"
    legend = [viewer.heat_map.itemcget(item, "text") for item in viewer.heat_map.find_withtag("legend")]
    assert set(legend) == {"0", "-8", "NaN"}


def test_a_vector_lies_in_the_heat_map_and_stands_in_the_table(window: Window) -> None:
    viewer = look_at(window, np.arange(5.0))
    turn(window, "viewer.heat")
    press(window, "<Right>", "<Right>")
    assert said(viewer.said) == "[2] = 2.0"
    turn(window, "viewer.table")
    press(window, "<Down>")
    assert said(viewer.said) == "[3] = 3.0"


def test_one_odd_element_among_a_million_is_seen_and_found(window: Window) -> None:
    data = np.zeros((1000, 1000), "<f4")
    data[123, 456] = -5.0
    viewer = look_at(window, data)
    turn(window, "viewer.heat")
    assert viewer.heat_map.area is not None
    left, top, right, bottom = viewer.heat_map.area
    x, y = left + 456 * (right - left) // 1000, top + 123 * (bottom - top) // 1000
    viewer.heat_map.event_generate("<Motion>", x=x, y=y)
    window.settle()
    assert said(viewer.said) == "[123, 456] = -5.0"


def test_the_histogram_counts_and_says_its_bars(window: Window) -> None:
    viewer = look_at(window, np.array([0, 0, 0, 3, 3, 5]))
    turn(window, "viewer.histogram")
    histogram = viewer.histogram
    assert list(histogram.counts) == [3, 0, 0, 2, 0, 1]
    assert len(histogram.find_withtag("bar")) == 3
    assert [histogram.itemcget(item, "text") for item in histogram.find_withtag("axis")] == ["0", "5"]
    x = round(histogram.winfo_width() * 3.5 / 6)
    histogram.event_generate("<Motion>", x=x, y=50)
    window.settle()
    assert said(viewer.said) == "3: 2 of 6 elements"
    press(window, "<Right>", "<Right>", "<Right>")
    assert said(viewer.said) == "5: 1 of 6 elements"
    look_at(window, np.array([NAN, 1.0, 1.0]))
    assert [histogram.itemcget(item, "text") for item in histogram.find_withtag("odd")] == ["1 NaN"]
    assert list(histogram.counts) == [2]


@pytest.mark.parametrize("data", [np.zeros((0, 3)), np.zeros(0), np.array([NAN]), np.zeros((2, 0, 3, 4))])
def test_nothing_to_see_is_no_fault(window: Window, data: np.ndarray) -> None:
    viewer = look_at(window, data)
    for page in ("viewer.heat", "viewer.histogram", "viewer.table"):
        turn(window, page)
        press(window, "<Down>", "<n>")
    assert viewer.notice.winfo_ismapped() == (not data.size)


# ── To take away ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_copied_is_python(window: Window) -> None:
    viewer = look_at(window, np.array([[1.0, NAN], [0.1, -INF]], "<f4"))
    press(window, "<Control-c>")
    assert window.app.clipboard_get() == (
        "torch.tensor([[1.0, float('nan')],\n              [0.1, float('-inf')]], dtype=torch.float32)"
    )
    assert said(viewer.message) == "✓ The tensor is on the clipboard"
    look_at(window, np.zeros(COPIED + 1))
    viewer.copy_button.invoke()
    assert "100,000" in said(viewer.message)
    assert window.app.clipboard_get().startswith("torch.tensor([[1.0")


def test_a_file_holds_every_bit(window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.array([[0.1, NAN, -0.0]], "<f4")
    viewer = look_at(window, data, title="a.grad")
    asked: list[str] = []

    def choose(**options: object) -> str:
        asked.append(str(options["initialfile"]))
        return str(tmp_path / "kept.npy")

    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", choose)
    press(window, "<Control-s>")
    assert asked == ["a.grad.npy"]
    loaded = np.load(tmp_path / "kept.npy", allow_pickle=False)
    assert (loaded.dtype, loaded.shape, loaded.tobytes()) == (data.dtype, data.shape, data.tobytes())
    assert said(viewer.message) == "✓ kept.npy is saved"
    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", lambda **options: str(tmp_path / "no" / "where.npy"))
    viewer.save_button.invoke()
    assert said(viewer.message) == "where.npy could not be written: No such file or directory"
    assert viewer.opened


# ── Large tensors ─────────────────────────────────────────────────────────────────────────────────────────────────

WHOLE = np.arange(5000, dtype="<f4").reshape(50, 100)


def elided(seconds: float = 0.1) -> Trace:
    """A program whose value of a is kept in part only."""
    trace = traces.first()
    told = Statistics(0.0, 4999.0, 2499.5)
    kept = TensorSnapshot(WHOLE.shape, "float32", WHOLE.tobytes()[:256], told)
    values = (msgspec.structs.replace(trace.values[0], tensor=kept), *trace.values[1:])
    return msgspec.structs.replace(trace, values=values, seconds=seconds)


def look_at_elided(window: Window, seconds: float = 0.1) -> Viewer:
    window.worker.record = lambda job: elided(seconds)
    window.worker.answers = lambda job: wire.Answered(0, tensor=snapshot(WHOLE))
    press(window, "<F5>", "<Home>")
    playback = window.app.session.playback
    assert playback is not None
    trace = playback.trace
    window.app.viewer.open(subject(trace, trace.values[0].tensor, window.app.look.words))
    return window.app.viewer


def test_the_whole_of_a_large_tensor_is_asked_for(window: Window) -> None:
    viewer = look_at_elided(window)
    assert said(viewer.title_label) == "a (value)"
    assert "max 4999" in said(viewer.facts)
    window.worker.held = True
    assert said(viewer.notice).startswith("The first 64 of 5,000 elements are shown.")
    viewer.go((63,))
    assert said(viewer.said) == "[0, 63] = 63.0"
    press(window, "<Control-c>")
    assert said(viewer.message) == "Only a part is known; it is neither copied nor saved."
    window.worker.held = False
    window.wait_until(lambda: viewer.seen.whole.size == 5000)
    window.settle()
    assert [job.where for job in window.worker.asked if isinstance(job, wire.AskTensor)] == ["value/0"]
    assert not viewer.notice.winfo_ismapped()
    assert said(viewer.said) == "[0, 63] = 63.0"  # what was chosen stays so
    press(window, "<Control-End>")
    assert said(viewer.said) == "[49, 99] = 4999.0"
    assert viewer.copy_button.cget("state") == "normal"
    window.app.session.answers.clear()  # as others take the room
    viewer.refresh()
    assert viewer.seen.whole.size == 5000


def test_a_long_program_is_run_again_only_at_the_readers_word(window: Window) -> None:
    viewer = look_at_elided(window, seconds=60)
    window.settle()
    assert "about 60 s" in said(viewer.notice)
    assert not any(isinstance(job, wire.AskTensor) for job in window.worker.asked)
    viewer.ask_button.invoke()
    window.wait_until(lambda: viewer.seen.whole.size == 5000)
    window.settle()
    assert not viewer.ask_button.winfo_ismapped()


def test_what_cannot_be_had_is_said_with_its_reason(window: Window) -> None:
    viewer = look_at_elided(window)
    window.app.session.open_trace(elided())
    window.settle()
    playback = window.app.session.playback
    assert playback is not None
    viewer.open(subject(playback.trace, playback.trace.values[0].tensor, window.app.look.words))
    assert "A file holds no more" in said(viewer.notice)
    viewer.open(Subject("v", TensorSnapshot((2,), "float32", opaque="meta tensor"), ""))
    assert said(viewer.notice) == "No values are known: meta tensor"
    viewer.open(Subject("v", playback.trace.values[0].tensor, ""))
    assert "was not recorded" in said(viewer.notice)


def test_tensors_are_called_by_where_they_stand() -> None:
    trace, say = traces.first(), words("en")
    for language in ("en", "zh"):
        assert all(subject(trace, tensor, words(language)).title for _, tensor in tensors(trace))
    step = trace.passes[0].steps[4]
    titles = [subject(trace, tensor, say).title for tensor in (step.saved[0].tensor, trace.values[3].tensor) if tensor]
    assert titles == ["self, saved by PowBackward0", "3*a**3 (value)"]
    assert subject(trace, traces.tensor(1), say).title == "a sum"
