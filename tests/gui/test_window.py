"""The real window, driven by keys and clicks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core import wire
from core.records import Cut, WhatIf, pack_trace
from tests.gui import traces
from tests.gui.conftest import Window


def texts(window: Window) -> set[str]:
    """What is written on the canvas."""
    canvas = window.app.canvas
    return {
        canvas.itemcget(item, "text")
        for item in canvas.find_all()
        if canvas.type(item) == "text" and canvas.itemcget(item, "state") != "hidden"
    }


def test_opens_on_the_first_program_and_runs_nothing(window: Window) -> None:
    app = window.app
    assert app.title().startswith("Pullback")
    assert "Q = 3*a**3 - b**2" in app.editor.source
    assert not window.worker.jobs
    assert "Press F5, or Space" in texts(window)


def test_space_runs_and_makes_the_first_step(window: Window) -> None:
    window.key("<space>")
    assert len(window.worker.jobs) == 1
    assert window.app.session.playback is not None
    assert window.app.session.playback.cursor == 1
    assert "a" in texts(window)
    assert "b" not in texts(window)


def test_steps_forward_and_back(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    assert app.session.playback is not None
    assert app.session.playback.cursor == 7
    window.key("<Right>")
    window.key("<F10>")
    assert app.session.playback.cursor == 9
    assert "[-1, -1]" in texts(window)
    window.key("<Left>")
    window.key("<Shift-F10>")
    assert app.session.playback.cursor == 7
    assert "[-1, -1]" not in texts(window)
    window.key("<End>")
    assert app.session.playback.at_end
    assert {"[36, 81]", "[-12, -8]"} <= texts(window)
    window.key("<Home>")
    assert app.session.playback.cursor == 0


def test_not_computed_is_a_dot_and_none_never_zero(window: Window) -> None:
    window.key("<F5>")
    shown = texts(window)
    assert "·" in shown
    assert "None" in shown
    assert "0" not in shown


def test_keys_belong_to_the_editor_while_it_has_the_focus(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    before = app.session.playback
    for key in ("<space>", "<Right>", "<Home>"):
        window.key(key, app.editor.text)
    assert app.session.playback == before
    window.key("<F10>", app.editor.text)
    assert app.session.playback != before


def test_says_that_the_gradients_are_torchs(window: Window) -> None:
    window.key("<F5>")
    assert "identical to torch's own backward()" in window.app.statusbar.agrees.cget("text")


def test_highlights_the_line_and_the_expression(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    app.session.seek(12)
    window.settle()
    assert [str(index) for index in app.editor.text.tag_ranges("line")] == ["7.0", "8.0"]
    assert [str(index) for index in app.editor.text.tag_ranges("span")] == ["5.4", "5.10"]


def test_clicking_an_edge_cuts_that_use_and_clicking_again_heals(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<End>")
    point = window.on_wire("b**2", "Q")
    window.click(*point)
    assert window.worker.jobs[-1].what_if.cuts == (Cut("pow#4", "sub#5", 1),)
    assert app.session.playback is not None
    assert app.session.playback.at_end
    assert "✂ cut" in texts(window)
    window.click(*point)
    assert window.worker.jobs[-1].what_if.cuts == ()


def test_a_program_that_fails_shows_the_part_that_ran(window: Window) -> None:
    window.worker.record = lambda job: traces.failed()
    app = window.app
    app.session.open_program(traces.failed().source, "")
    window.settle()
    window.key("<F5>")
    assert "a" in texts(window)
    said = app.output.text.get("1.0", "end")
    assert "The shapes do not match." in said
    assert "line 3 · RuntimeError: inconsistent tensor size" in said
    assert [str(index) for index in app.editor.text.tag_ranges("failed")] == ["3.0", "3.21"]


def test_stop_keeps_the_window(window: Window) -> None:
    app = window.app
    window.worker.held = True
    window.key("<F5>")
    assert app.session.busy
    window.worker.replies.append(wire.Progress(1, line=3, seconds=2.0))
    window.settle()
    assert "line 3" in app.statusbar.state.cget("text")
    window.key("<Shift-F5>")
    assert window.worker.stopped == 1
    assert not app.session.busy
    assert "Stopped." in app.output.text.get("1.0", "end")


def test_a_dead_worker_is_told_in_one_line(window: Window) -> None:
    window.worker.held = True
    window.key("<F5>")
    window.worker.replies.append(wire.Died(1, code=-11, line=2, message="It crashed (signal 11)."))
    window.settle()
    assert "It crashed (signal 11)." in window.app.output.text.get("1.0", "end")
    window.worker.held = False
    window.key("<F5>")
    assert window.app.session.playback is not None


def test_a_talkative_program_is_taken_in_pieces(window: Window) -> None:
    app = window.app
    window.worker.held = True
    window.key("<F5>")
    window.worker.replies += [wire.Output(1, text="x\n")] * 1000
    assert app.session.poll() < 100


def test_languages_and_themes_switch_at_once(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    app.buttons["language"].invoke()
    window.settle()
    assert "数值" in texts(window)
    assert "value" not in texts(window)
    assert "单步" in app.buttons["step"].cget("text")
    app.buttons["theme"].invoke()
    window.settle()
    assert app.canvas.cget("background") == "#191C21"
    app.buttons["language"].invoke()
    window.settle()
    assert "value" in texts(window)


def test_a_recorded_trace_is_shown_without_a_worker(window: Window, tmp_path: Path) -> None:
    file = tmp_path / "run.pullback"
    file.write_bytes(pack_trace(traces.fan()))
    app = window.app
    app.open(file)
    window.settle()
    assert "x * x" in app.editor.source
    for _ in range(4):
        window.key("<Right>")
    assert {"x", "y", "3"} <= texts(window)
    assert not window.worker.jobs
    window.click(*window.on_wire("x", "y"))
    assert not window.worker.jobs
    assert "Press F5" in app.output.text.get("1.0", "end")


@pytest.mark.parametrize("name", ["missing.py", "broken.pullback", "lesson.md"])
def test_a_wrong_file_is_told_in_one_line(window: Window, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if not name.startswith("missing"):
        file.write_bytes(b"\xff\x00nonsense")
    window.app.open(file)
    window.settle()
    said = window.app.output.text.get("1.0", "end").strip().splitlines()
    assert said[0]
    assert "Traceback" not in said[0]


def test_editing_says_that_the_trace_is_of_another_program(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    app.editor.text.insert("1.0", "# new\n")
    window.settle()
    assert app.session.stale
    assert "F5" in app.statusbar.stale.cget("text")
    assert not app.editor.text.tag_ranges("line")


def test_what_ifs_do_not_outlive_the_text_they_belong_to(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    app.session.toggle_cut(Cut("pow#4", "sub#5", 1))
    window.settle()
    assert app.statusbar.reset_button.winfo_manager()
    app.editor.text.insert("1.0", "# new\n")
    window.settle()
    window.key("<F5>")
    assert not window.worker.jobs[-1].what_if
    assert window.worker.jobs[-1].source.startswith("# new")


def test_a_cut_is_made_in_the_edited_program_where_its_place_is_still_written(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    app.editor.text.insert("end", "\nprint('new')")
    window.settle()
    window.click(*window.on_wire("b**2", "Q"))
    assert window.worker.jobs[-1].what_if.cuts == (Cut("pow#4", "sub#5", 1),)
    assert window.worker.jobs[-1].source.endswith("print('new')")


@pytest.mark.parametrize(("place", "text"), [("1.0", "# new\n"), ("5.5", "1"), ("1.0", "")])
def test_a_change_to_what_is_not_written_any_more_is_not_run_and_told(window: Window, place: str, text: str) -> None:
    app = window.app
    window.key("<F5>")
    if text:
        app.editor.text.insert(place, text)
    else:
        app.editor.text.delete("1.0", "end")
    window.settle()
    before = app.session.playback
    window.click(*window.on_wire("b**2", "Q"))
    assert len(window.worker.jobs) == 1
    assert app.session.playback is before
    assert "before your edit" in app.output.text.get("1.0", "end")
    window.key("<F5>", app.canvas)
    assert "before your edit" not in app.output.text.get("1.0", "end")


def test_what_the_lowest_row_says_moves_nothing(window: Window) -> None:
    app = window.app
    heights = {app.canvas.winfo_height()}
    window.key("<F5>")
    heights.add(app.canvas.winfo_height())
    app.editor.text.insert("1.0", "# new\n")
    window.settle()
    heights.add(app.canvas.winfo_height())
    window.worker.held = True
    window.key("<F5>", app.canvas)
    heights.add(app.canvas.winfo_height())
    app.statusbar.tell("Drawing…", busy=True)
    window.settle()
    heights.add(app.canvas.winfo_height())
    assert len(heights) == 1
    bar = app.statusbar
    for widget in bar.pack_slaves():
        assert widget.winfo_y() >= 0
        assert widget.winfo_y() + widget.winfo_height() <= bar.winfo_height()


def test_control_a_selects_all_wherever_text_is_written(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<e>", app.canvas)
    seed = app.seed_editor.entries[0]._entry
    window.key("<Control-a>", seed)
    assert (seed.index("sel.first"), seed.index("sel.last")) == (0, 1)
    app.canvas.open_find()
    finder = app.canvas.find_bar.entry._entry
    app.canvas.find_bar.entry.insert(0, "pow")
    window.key("<Control-a>", finder)
    assert (finder.index("sel.first"), finder.index("sel.last")) == (0, 3)
    window.key("<Control-a>", app.editor.text)
    assert app.editor.text.get("sel.first", "sel.last").startswith(app.editor.source)


def test_what_is_refused_is_undone_and_told(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.worker.held = True
    app.session.set_seed(0, (1.0, 2.0, 3.0))
    window.worker.replies.append(wire.Refused(2, message="expected shape [2]"))
    window.settle()
    assert app.session.what_if == WhatIf()
    assert "expected shape [2]" in app.output.text.get("1.0", "end")
    assert app.session.playback is not None


def test_a_click_selects_a_card(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    picture = app.canvas.picture
    assert picture is not None
    left, top, _, _ = picture.rect(0)
    window.click(*window.on_screen(left + 10, top + 10))
    assert app.selected == 0
    assert app.inspector.text.get("1.0", "1.end").startswith("a")


def test_thousands_of_operations_stay_usable(window: Window) -> None:
    app = window.app
    app.session.open_trace(traces.chain(1500))
    window.settle()
    window.wait_until(lambda: app.canvas.picture is not None)
    window.key("<End>")
    app.canvas.fit()
    window.settle()
    assert len(texts(window)) < 2000
    app.canvas._zoom_by(0.01)
    window.settle()
    app.canvas._zoom_by(500.0)
    window.settle()


def test_zoom_keeps_the_point_under_the_pointer(window: Window) -> None:
    window.key("<F5>")
    canvas = window.app.canvas
    before = canvas.view.point(300, 200)
    canvas._zoom_at(1.5, 300, 200)
    after = canvas.view.point(300, 200)
    assert after == pytest.approx(before)
    window.key("<Control-Key-0>")
    assert canvas.view.fitted


def test_no_torch_and_no_matplotlib_before_the_first_paint() -> None:
    code = (
        "import sys, gui.app\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
        "assert 'matplotlib' not in sys.modules, 'matplotlib'\n"
        "import gui.export.writing\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
        "assert 'matplotlib.pyplot' not in sys.modules, 'pyplot'\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_what_a_banner_offered_and_was_done_does_not_stop_another_theme(window: Window) -> None:
    app = window.app
    app.banner.show("this", "state.ready", {"menu.save_as": lambda: None})
    window.settle()
    app.banner.buttons["menu.save_as"].invoke()
    window.settle()
    app.toggle_theme()
    window.settle()
    assert app.banner.cget("background") == app.look["frame"]
