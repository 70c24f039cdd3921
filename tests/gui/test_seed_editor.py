"""The seed edited at its place in the picture: typed, dragged, taken from a preset or an expression, and refused."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

import msgspec
import pytest

from core.records import TensorSnapshot, Trace, WhatIf
from gui.app import App
from gui.canvas import overlay
from gui.history import History
from gui.i18n import words
from gui.numbers.scrub import moved, step_of
from gui.numbers.seed_editor import SeedEditor, element_names, written_loss
from gui.settings import Settings
from gui.widgets.toolkit import ctk
from tests.gui import traces
from tests.gui.conftest import FakeWorker, Window
from tests.gui.test_window import texts


def opened(window: Window) -> SeedEditor:
    """The editor, opened by a click on the seed after a run."""
    window.key("<F5>")
    window.key("<End>")
    window.click(*middle(window))
    assert window.app.seed_editor.opened
    return window.app.seed_editor


def middle(window: Window) -> tuple[float, float]:
    """A pixel in the middle of the first seed."""
    picture = window.app.canvas.picture
    assert picture is not None
    rect = window.app.canvas.seed_rect(picture.seeds[0])
    assert rect is not None
    return window.on_screen((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2)


def write(window: Window, entry: ctk.CTkEntry, text: str, then: str = "<Return>") -> None:
    """Types a text in place of what stands in a field."""
    inner = entry._entry
    inner.focus_force()
    window.app.update()
    inner.delete(0, "end")
    inner.insert(0, text)
    inner.event_generate("<KeyRelease>", keysym="period")
    if then:
        window.key(then, inner)
    window.settle()


def drag(window: Window, entry: ctk.CTkEntry, *across: int, state: int = 0) -> None:
    """Presses in the middle of a field, goes so many pixels from there one after another, and lets go."""
    inner = entry._entry
    x, y = inner.winfo_width() // 2, inner.winfo_height() // 2
    left, top = inner.winfo_rootx(), inner.winfo_rooty()

    def send(event: str, dx: int, held: int) -> None:
        inner.event_generate(event, x=x + dx, y=y, rootx=left + x + dx, rooty=top + y, state=held)
        window.settle()

    send("<ButtonPress-1>", 0, 0)
    for dx in across:
        send("<B1-Motion>", dx, 0x100 | state)
    send("<ButtonRelease-1>", across[-1], 0x100)


def within(window: Window) -> bool:
    """Whether the editor lies wholly on the canvas."""
    editor, canvas = window.app.seed_editor, window.app.canvas
    right, bottom = editor.winfo_x() + editor.winfo_width(), editor.winfo_y() + editor.winfo_height()
    return (
        editor.winfo_x() >= 0
        and editor.winfo_y() >= 0
        and right <= canvas.winfo_width()
        and bottom <= canvas.winfo_height()
    )


# ── Opening and closing ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_click_on_the_seed_opens_it_there_and_escape_gives_the_keyboard_back(window: Window) -> None:
    app = window.app
    x, y = (window.key("<F5>"), window.key("<End>"), middle(window))[2]
    assert not app.seed_editor.opened
    editor = opened(window)
    away_x = max(editor.winfo_x() - x, x - editor.winfo_x() - editor.winfo_width(), 0)
    away_y = max(editor.winfo_y() - y, y - editor.winfo_y() - editor.winfo_height(), 0)
    assert math.hypot(away_x, away_y) < 120
    assert within(window)
    assert app.focus_get() is editor.used()[0]._entry
    window.key("<Escape>")
    assert not editor.winfo_ismapped()
    assert app.focus_get() is app.canvas


def test_it_hides_no_card_while_there_is_room(window: Window) -> None:
    editor, canvas = opened(window), window.app.canvas
    assert canvas.picture is not None
    for rect in canvas.picture.rects:
        left, top = window.on_screen(*rect[:2])
        right, bottom = window.on_screen(*rect[2:])
        beside = left >= editor.winfo_x() + editor.winfo_width() or right <= editor.winfo_x()
        assert beside or top >= editor.winfo_y() + editor.winfo_height() or bottom <= editor.winfo_y()


def test_it_goes_with_the_picture_and_never_out_of_sight(window: Window) -> None:
    editor, canvas = opened(window), window.app.canvas
    x, y = editor.winfo_x(), editor.winfo_y()
    canvas._pan(40, 30)
    window.settle()
    assert (editor.winfo_x(), editor.winfo_y()) == (x - 40, y - 30)
    for dx, dy in ((2000, 0), (-4000, 0), (0, 2000), (0, -4000)):
        canvas._pan(dx, dy)
        window.settle()
        assert within(window)
    canvas._zoom_by(0.05)
    window.settle()
    assert within(window)


def test_by_keys_alone_the_seed_is_changed_before_its_pass_has_begun(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<Home>", app.canvas)
    window.key("<e>")
    assert app.seed_editor.opened
    assert app.focus_get() is app.seed_editor.used()[0]._entry
    window.key("<Up>")
    assert window.worker.jobs[-1].what_if.seeds == {0: (1.1, 1.0)}
    window.key("<Shift-Down>")
    assert window.worker.jobs[-1].what_if.seeds == {0: (0.1, 1.0)}
    window.key("<Escape>")
    window.key("<Right>")
    assert app.session.playback is not None
    assert app.session.playback.cursor == 1  # the keyboard is the picture's again


def test_e_in_the_program_is_a_letter(window: Window) -> None:
    window.key("<F5>")
    window.key("<e>", window.app.editor.text)
    assert not window.app.seed_editor.opened


def test_a_seed_that_cannot_be_edited_says_so(window: Window) -> None:
    trace = traces.first()
    large = TensorSnapshot((600,), "float32", struct.pack("<600f", *range(600)))
    backward = msgspec.structs.replace(trace.passes[0], seeds=(large,))
    window.worker.record = lambda job: msgspec.structs.replace(trace, passes=(backward,))
    window.key("<F5>")
    window.key("<e>", window.app.canvas)
    assert not window.app.seed_editor.opened
    assert "512" in window.app.output.text.get("1.0", "end")


def test_another_program_closes_it(window: Window) -> None:
    editor = opened(window)
    window.app.session.open_program("import torch\n", "other.py")
    window.settle()
    assert not editor.winfo_ismapped()


# ── Typing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_number_that_is_typed_runs_again_and_as_written_undoes_it(window: Window) -> None:
    editor = opened(window)
    write(window, editor.used()[1], "0")
    assert window.worker.jobs[-1].what_if.seeds == {0: (1.0, 0.0)}
    assert "[36, 0]" in texts(window)
    assert editor.opened
    editor.reset_button.invoke()
    window.settle()
    assert window.worker.jobs[-1].what_if.seeds == {}
    assert [entry.get() for entry in editor.used()] == ["1", "1"]


def test_the_loss_follows_what_is_typed(window: Window) -> None:
    editor = opened(window)
    runs = len(window.worker.jobs)
    write(window, editor.used()[1], "-0.5", then="")
    assert editor.meaning.cget("text") == "L = 1·Q[0] − 0.5·Q[1]"
    write(window, editor.used()[1], "-", then="")
    assert editor.meaning.cget("text") == "L = 1·Q[0] + ?·Q[1]"
    write(window, editor.whole, "i - 1", then="")
    assert editor.meaning.cget("text") == "L = −1·Q[0] + 0·Q[1]"
    write(window, editor.whole, "", then="")
    assert len(window.worker.jobs) == runs


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("x", "“x” is not a number"),
        ("1, 2", "2 numbers are needed"),
        ("", "empty"),
        ("[1, 2, 3]", "shape [3]; shape [2] is needed"),
        ("9**9**9", "too large"),
    ],
)
def test_a_wrong_seed_is_refused_at_the_field(window: Window, typed: str, said: str) -> None:
    editor = opened(window)
    runs = len(window.worker.jobs)
    write(window, editor.used()[0], typed)
    assert len(window.worker.jobs) == runs
    assert said in editor.hint.cget("text")
    assert "\n" not in editor.hint.cget("text")
    assert editor.used()[0].cget("border_color") == window.app.look["wrong"]
    assert editor.used()[1].cget("border_color") != window.app.look["wrong"]
    write(window, editor.used()[0], "2", then="")
    assert editor.meaning.cget("text") == "L = 2·Q[0] + 1·Q[1]"
    assert said not in editor.hint.cget("text")


def test_numbers_that_stay_as_shown_stay_exact(window: Window) -> None:
    editor = opened(window)
    window.app.session.set_seed(0, (1 / 3, 1.0))
    window.settle()
    write(window, editor.used()[1], "2")
    kept, typed = window.worker.jobs[-1].what_if.seeds[0]
    assert typed == 2
    assert kept == pytest.approx(1 / 3, rel=1e-7)


def test_what_is_typed_while_a_run_is_on_its_way_is_not_lost(window: Window) -> None:
    editor = opened(window)
    window.worker.held = True
    write(window, editor.used()[0], "3")
    write(window, editor.used()[1], "7", then="")
    window.worker.held = False
    window.worker.answer()
    window.settle()
    assert [entry.get() for entry in editor.used()] == ["3", "7"]


def test_a_seed_typed_after_an_edit_of_the_program_stays_and_is_not_run(window: Window) -> None:
    editor, app = opened(window), window.app
    app.editor.text.insert("1.0", "# new\n")
    window.settle()
    assert "before your edit" in editor.hint.cget("text")
    write(window, editor.used()[0], "2.5")
    assert len(window.worker.jobs) == 1
    assert editor.used()[0].get() == "2.5"
    assert "before your edit" in app.output.text.get("1.0", "end")


def test_in_a_recorded_trace_it_says_that_f5_comes_first(window: Window) -> None:
    app = window.app
    app.session.open_trace(traces.first())
    window.settle()
    window.key("<e>", app.canvas)
    assert "Press F5" in app.seed_editor.hint.cget("text")
    write(window, app.seed_editor.used()[0], "2")
    assert not window.worker.jobs
    app.seed_editor.reset_button.invoke()
    window.settle()
    assert app.seed_editor.used()[0].get() == "1"


# ── Expressions and presets ───────────────────────────────────────────────────────────────────────────────────────


def test_an_expression_fills_all_elements(window: Window) -> None:
    editor = opened(window)
    write(window, editor.whole, "2*Q")
    assert window.worker.jobs[-1].what_if.seeds == {0: (-24.0, 130.0)}
    assert [entry.get() for entry in editor.used()] == ["-24", "130"]
    assert editor.whole.get() == "2*Q"
    runs = len(window.worker.jobs)
    write(window, editor.whole, "[1, 2, 3]")
    assert len(window.worker.jobs) == runs
    assert "shape [3]; shape [2] is needed" in editor.hint.cget("text")
    assert editor.whole.cget("border_color") == window.app.look["wrong"]


def test_in_the_field_of_one_element_an_expression_means_that_element(window: Window) -> None:
    editor = opened(window)
    write(window, editor.used()[1], "a**2")
    assert window.worker.jobs[-1].what_if.seeds == {0: (1.0, 9.0)}


def test_presets_are_expressions_that_stand_in_the_field_then(window: Window) -> None:
    editor = opened(window)
    entries = {entry.text: entry for entry in editor.presets(window.app.look.words) if entry.text}
    entries["Only Q[1]"].command()  # type: ignore[misc]
    window.settle()
    assert window.worker.jobs[-1].what_if.seeds == {0: (0.0, 1.0)}
    assert editor.whole.get() == entries["Only Q[1]"].keys == "eye(1)"
    assert editor.meaning.cget("text") == "L = 0·Q[0] + 1·Q[1]"
    entries["The mean"].command()  # type: ignore[misc]
    window.settle()
    assert window.worker.jobs[-1].what_if.seeds == {0: (0.5, 0.5)}
    entries["Random"].command()  # type: ignore[misc]
    window.settle()
    assert len(set(window.worker.jobs[-1].what_if.seeds[0])) == 2
    assert editor.whole.get() == ""


def test_a_seed_of_many_elements_has_one_field_for_numbers_or_an_expression(window: Window) -> None:
    def twelve(numbers: tuple[float, ...]) -> Trace:
        trace = traces.first()
        backward = msgspec.structs.replace(trace.passes[0], seeds=(traces.tensor(*numbers, shape=(3, 4)),))
        return msgspec.structs.replace(trace, passes=(backward,))

    window.worker.record = lambda job: twelve(job.what_if.seeds.get(0, (1.0,) * 12))
    editor = opened(window)
    assert len(editor.used()) == 1
    assert not editor.slider.winfo_ismapped()
    assert "12 numbers" in editor.hint.cget("text")
    write(window, editor.used()[0], "i")
    assert window.worker.jobs[-1].what_if.seeds == {0: tuple(map(float, range(12)))}
    write(window, editor.used()[0], " ".join("2" * 12))
    assert window.worker.jobs[-1].what_if.seeds == {0: (2.0,) * 12}
    write(window, editor.used()[0], "1, 2")
    assert "12 numbers are needed (shape 3×4), 2 given" in editor.hint.cget("text")


def test_the_elements_of_several_roots_stand_one_after_another(window: Window) -> None:
    trace = traces.first()
    backward = msgspec.structs.replace(
        trace.passes[0], roots=((0, 0), (1, 0)), seeds=(traces.tensor(1, 1), traces.tensor(5, shape=()))
    )
    window.worker.record = lambda job: msgspec.structs.replace(trace, passes=(backward,))
    editor = opened(window)
    assert editor.meaning.cget("text") == "L = 1·Q[0] + 1·Q[1] + 5·the loss"
    write(window, editor.whole, "i", then="")
    editor.apply_button.invoke()
    window.settle()
    assert window.worker.jobs[-1].what_if.seeds == {0: (0.0, 1.0, 2.0)}
    picture = window.app.canvas.picture
    assert picture is not None
    second = next(seed for seed in picture.seeds if seed.slots == (1,))
    rect = window.app.canvas.seed_rect(second)
    assert rect is not None
    window.key("<Escape>")
    window.click(*window.on_screen((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2))
    assert window.app.focus_get() is editor.used()[2]._entry  # of the root that was clicked


def test_the_loss_that_a_seed_means_is_written_out() -> None:
    assert written_loss((1.0,), ["loss"]) == "L = 1·loss"
    assert written_loss((-1.0, 0.5), ["Q[0]", "Q[1]"]) == "L = −1·Q[0] + 0.5·Q[1]"
    names = list(element_names("y", (2, 3)))
    assert names[:4] == ["y[0,0]", "y[0,1]", "y[0,2]", "y[1,0]"]
    assert written_loss((1.0, -2.0, 0.0, None, 1.0, 1.0), names).endswith("+ ?·y[1,0] + …")


# ── Dragging ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_number_is_dragged_to_zero_and_the_gradients_follow(window: Window) -> None:
    editor = opened(window)
    runs = len(window.worker.jobs)
    drag(window, editor.used()[1], -10, -30, -50)
    assert editor.used()[1].get() == "0"
    assert [job.what_if.seeds[0][1] for job in window.worker.jobs[runs:]] == pytest.approx([0.8, 0.4, 0.0])
    assert "[36, 0]" in texts(window)
    window.key("<Control-z>", window.app.canvas)
    assert window.worker.jobs[-1].what_if == WhatIf()  # a drag is undone as a whole


def test_a_click_puts_the_cursor_in(window: Window) -> None:
    editor = opened(window)
    runs = len(window.worker.jobs)
    drag(window, editor.used()[1], 2)
    assert window.app.focus_get() is editor.used()[1]._entry
    assert len(window.worker.jobs) == runs


def test_while_a_run_is_on_its_way_only_the_last_place_of_a_drag_is_kept(window: Window) -> None:
    editor = opened(window)
    runs = len(window.worker.jobs)
    window.worker.held = True
    drag(window, editor.used()[0], 10, 20, 50)
    assert len(window.worker.jobs) == runs + 1
    window.worker.held = False
    window.worker.answer()
    window.settle()
    assert [job.what_if.seeds for job in window.worker.jobs[runs:]] == [{0: (1.2, 1.0)}, {0: (2.0, 1.0)}]
    assert editor.used()[0].get() == "2"


def test_the_slider_is_for_the_element_that_had_the_keyboard(window: Window) -> None:
    editor = opened(window)
    editor.used()[1]._entry.focus_force()
    window.settle()
    canvas = editor.slider._canvas
    canvas.event_generate("<Button-1>", x=canvas.winfo_width() - 12, y=canvas.winfo_height() // 2)
    window.settle()
    first, second = window.worker.jobs[-1].what_if.seeds[0]
    assert first == 1
    assert second > 2


def test_steps_have_the_size_of_the_number() -> None:
    assert [step_of(x) for x in (0.0, 1.0, -9.9, 36.0, 0.02)] == pytest.approx([0.1, 0.1, 0.1, 1.0, 0.001])
    assert moved(1.0, -10) == 0
    assert moved(0.25, 1) == 0.3
    assert moved(0.25, 0) == 0.25
    assert moved(-36.0, 3) == -33


def test_a_drag_takes_the_place_of_its_beginning_in_the_history() -> None:
    one, two, three = (WhatIf(seeds={0: (x,)}) for x in (1.0, 2.0, 3.0))
    history = History().then(one).then(two).instead(three)
    assert history.states == (WhatIf(), one, three)
    assert History().instead(one).states == (WhatIf(), one)


# ── Small windows ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small(display: str, request: pytest.FixtureRequest) -> Iterator[Window]:
    """A window of some size and scale."""
    width, height, size = request.param
    worker = FakeWorker()
    app = App(start=lambda: worker, settings=Settings(language="zh", theme="dark", size=size, motion="off"))
    app.tk.call("wm", "geometry", ".", f"{width}x{height}+0+0")
    app.session.open_program(traces.FIRST, "")
    window = Window(app, worker)
    app.focus_force()
    window.wait_until(lambda: app.canvas._ready and app.winfo_width() == width)
    app.canvas.focus_force()
    window.settle()
    yield window
    errors = list(app.callback_errors)
    app.close()
    assert not errors


@pytest.mark.parametrize("small", [(640, 400, 100), (1024, 600, 100), (1280, 800, 200)], indirect=True)
def test_it_lies_wholly_inside_of_the_smallest_window(small: Window) -> None:
    def eight(numbers: tuple[float, ...]) -> Trace:
        trace = traces.first()
        backward = msgspec.structs.replace(trace.passes[0], seeds=(traces.tensor(*numbers),))
        return msgspec.structs.replace(trace, passes=(backward,))

    small.worker.record = lambda job: eight(job.what_if.seeds.get(0, (1.0,) * 8))
    editor = opened(small)
    small.settle()
    assert within(small)
    for button in (editor.apply_button, editor.reset_button, editor.presets_button, editor.close_button):
        assert button.winfo_ismapped()
        assert button.winfo_rootx() + button.winfo_width() <= editor.winfo_rootx() + editor.winfo_width()
    write(small, editor.whole, "y y")
    assert words("zh")("expression.unread", text="y y") == editor.hint.cget("text")
    assert within(small)


def test_a_panel_goes_where_it_hides_least_and_as_near_as_it_can() -> None:
    thing, room = (400.0, 200.0, 480.0, 240.0), (1000.0, 600.0)
    x, y = overlay.beside(thing, (300, 200), room, [], 8)
    assert abs(x + 150 - 440) <= overlay.STEP
    assert 240 <= y <= 240 + 2 * overlay.STEP
    below = (200.0, 240.0, 700.0, 600.0)
    x, y = overlay.beside(thing, (300, 150), room, [below], 8)
    assert y + 150 <= 240
    assert overlay.inside((-50, 900), (300, 200), room, 8) == (8, 392)
    assert overlay.inside((50, 50), (300, 700), room, 8) == (50, 8)
