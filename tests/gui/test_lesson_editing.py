"""A lesson written in the real window: seen while it is typed, checked, saved, and never lost."""

from __future__ import annotations

import tkinter.filedialog
import tkinter.messagebox
from pathlib import Path

import pytest

from gui.programs import ASSETS
from tests.gui.conftest import Window

SHIPPED = ASSETS / "lessons" / "detach.en.md"


def begin(window: Window, which: str) -> None:
    """Chooses an entry of the window's menu."""
    teachers = next(entry for entry in window.app.menus.main() if entry.text == "For teachers")
    entry = next(entry for entry in teachers.entries if entry.text == which)
    assert entry.command is not None
    entry.command()
    window.settle()


def type_at(window: Window, index: str, text: str) -> None:
    """Types letters at a place of the lesson."""
    editor = window.app.editing.editor.text
    editor.mark_set("insert", index)
    for letter in text:
        window.app.clipboard_clear()
        editor.focus_force()
        editor.event_generate("<Key>", keysym="space" if letter == " " else letter)
    reading = window.app.editing
    window.settle()
    window.wait_until(lambda: not reading._reading)
    window.settle()


def panel(window: Window) -> str:
    return window.app.lessons.panel.text.get("1.0", "end")


def said(window: Window) -> str:
    return window.app.editing.list.get("1.0", "end-1c")


def save_to(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", lambda **options: str(path))


def answer(monkeypatch: pytest.MonkeyPatch, *, with_: bool | None) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr(tkinter.messagebox, "askyesnocancel", lambda title, text, **how: asked.append(text) or with_)
    return asked


def test_a_new_lesson_is_seen_while_it_is_typed(window: Window) -> None:
    app = window.app
    begin(window, "New lesson")
    assert app.editing.winfo_ismapped()
    assert not app.editor.winfo_ismapped()
    line = app.editing.editor.text.search("One or two", "1.0")
    type_at(window, line, "Hello ")
    assert "Hello One or two sentences" in panel(window)
    app.editing.editor.text.mark_set("insert", app.editing.editor.text.search("It is", "1.0"))
    window.key("<Right>", app.editing.editor.text)
    window.key("<KeyRelease-Right>", app.editing.editor.text)
    assert "Before you look" in panel(window)
    assert "It is [4, 6]" in panel(window)  # the question before it is answered, so that it is seen
    app.lessons.panel.onward.invoke()
    window.settle()
    assert "Your turn" in panel(window)
    assert not window.worker.jobs


def test_what_is_wrong_is_underlined_and_told(window: Window) -> None:
    app = window.app
    begin(window, "New lesson")
    type_at(window, "3.0", "x")
    assert "line 1" in said(window)
    assert app.editing.editor.mistake.line == 1
    assert "What it is about" in panel(window)  # what could be read last
    window.key("<Control-z>", app.editing.editor.text)
    window.wait_until(lambda: not app.editing._reading)
    window.settle()
    assert app.editing.editor.mistake.line == 0
    assert said(window) == "Can be read: 3 screens. Check runs its programs."


def test_edit_save_as_and_back_to_the_learners_lesson(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, before = window.app, SHIPPED.read_bytes()
    app.begin(lesson="detach")
    window.settle()
    begin(window, "Edit lesson")
    assert app.editing.path == SHIPPED
    type_at(window, app.editing.editor.text.search("On the picture", "1.0"), "New ")
    assert "New On the picture" in panel(window)
    save_to(monkeypatch, SHIPPED)
    window.key("<Control-s>", app.editing.editor.text)
    assert SHIPPED.read_bytes() == before
    assert "came with Pullback" in app.output.text.get("1.0", "end")
    target = tmp_path / "mine.en.md"
    save_to(monkeypatch, target)
    window.key("<Control-s>", app.editing.editor.text)
    assert "New On the picture" in target.read_text()
    assert not app.editing.unsaved
    jobs = len(window.worker.jobs)
    app.editing.done_button.invoke()
    window.settle()
    assert app.editor.winfo_ismapped()
    assert not app.editing.winfo_ismapped()
    assert app.lessons.path == target
    window.key("<F5>", app.canvas)
    assert len(window.worker.jobs) > jobs  # one's own typing is not asked about
    assert not app.lessons.banner.winfo_ismapped()
    assert SHIPPED.read_bytes() == before


def test_unsaved_words_are_asked_for(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app
    begin(window, "New lesson")
    type_at(window, app.editing.editor.text.search("One or two", "1.0"), "Hello ")
    asked = answer(monkeypatch, with_=None)
    window.key("<F2>", app.canvas)
    app.desk.leave_for(ASSETS / "examples" / "first.py")
    app.ask_close()
    window.settle()
    assert len(asked) == 3
    assert app.editing.active
    assert "Hello One" in app.editing.editor.source
    answer(monkeypatch, with_=False)
    app.editing.done_button.invoke()
    window.settle()
    assert not app.editing.active


def test_fault_24_a_newer_format_is_never_written_over(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, path = window.app, tmp_path / "newer.en.md"
    text = (ASSETS / "templates" / "lesson.en.md").read_text().replace("format = 1", "format = 7")
    path.write_text(text)
    app.open(path)
    window.settle()
    assert app.lessons.banner.winfo_ismapped()
    begin(window, "Edit lesson")
    type_at(window, app.editing.editor.text.search("One or two", "1.0"), "Hello ")
    window.key("<Control-s>", app.editing.editor.text)
    assert path.read_text() == text
    assert "newer Pullback" in app.output.text.get("1.0", "end")
    answer(monkeypatch, with_=False)
    assert app.editing.leave()


def test_check_runs_everything_in_a_worker(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app
    begin(window, "New lesson")
    window.key("<F5>", app.editing.editor.text)
    window.wait_until(lambda: app.editing.found is not None, 60)
    window.settle()
    assert said(window) == "No faults: every program, answer and figure is right."
    app.editing.editor.text.focus_force()
    place = app.editing.editor.text.search("[4, 9]`{=q}", "1.0")
    type_at(window, f"{place} + 1 char", "1")
    app.editing.check_button.invoke()
    window.wait_until(lambda: app.editing.found is not None, 60)
    window.settle()
    line = place.split(".")[0]
    assert said(window) == f"line {line}: goal: the text says [14, 9], but q is [4.0, 9.0]"
    app.editing.editor.text.mark_set("insert", "1.0")
    window.key("<Return>", app.editing.list)
    assert app.editing.editor.text.index("insert") == f"{line}.0"
    assert not window.worker.jobs
    answer(monkeypatch, with_=False)
    assert app.editing.leave()
