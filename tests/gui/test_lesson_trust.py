"""A lesson from a stranger in the real window: read, asked about, run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gui.conftest import Window

TEMPLATE = (Path(__file__).parents[2] / "assets" / "templates" / "lesson.en.md").read_text(encoding="utf-8")


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    path = tmp_path / "my-lesson.en.md"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def asks(window: Window) -> bool:
    window.settle()
    banner = window.app.lessons.banner
    return bool(banner.winfo_ismapped() and banner.row.winfo_ismapped())


def press(window: Window, answer: str) -> None:
    """Presses an answer as the keyboard does."""
    window.settle()
    button = window.app.lessons.banner.buttons[answer]._canvas
    button.focus_force()
    window.settle()
    button.event_generate("<<TraverseIn>>")
    window.key("<space>", button)


def test_fault_25_nothing_runs_because_a_lesson_was_opened(window: Window, sent: Path) -> None:
    app, jobs = window.app, window.worker.jobs
    app.open(sent)
    assert asks(window)  # its first screen would show a moment
    for key in ("<F5>", "<Control-F5>", "<space>", "<F10>", "<F4>"):
        window.key(key, app.canvas)
        assert not jobs, key
    app.toggle_language()
    window.settle()
    app.lessons.list()
    window.key("<F5>", app.canvas)
    assert not jobs
    assert asks(window)
    assert app.session.playback is None


def test_fault_25_read_only_asks_again_at_a_run(window: Window, sent: Path) -> None:
    app, jobs = window.app, window.worker.jobs
    app.open(sent)
    press(window, "read")
    assert not asks(window)
    window.key("<F4>", app.canvas)
    window.key("<F4>", app.canvas)
    assert app.lessons.walk is not None
    assert app.lessons.walk.screen.id == "predict"
    assert not asks(window)
    window.key("<F5>", app.canvas)
    assert asks(window)
    assert not jobs


def test_fault_25_run_once_holds_until_it_is_opened_again(window: Window, sent: Path) -> None:
    app, jobs = window.app, window.worker.jobs
    app.open(sent)
    press(window, "once")
    assert len(jobs) == 1
    assert not asks(window)
    window.key("<F5>", app.canvas)
    assert len(jobs) == 2
    app.open(sent)
    count = len(jobs)
    window.key("<F5>", app.canvas)
    assert asks(window)
    assert len(jobs) == count


def test_fault_25_always_is_of_this_version(window: Window, sent: Path) -> None:
    app, jobs = window.app, window.worker.jobs
    app.open(sent)
    press(window, "always")
    app.open(sent)
    window.settle()
    assert not asks(window)
    sent.write_text(TEMPLATE.replace("a**2", "a**4"), encoding="utf-8")
    count = len(jobs)
    app.open(sent)
    assert asks(window)
    assert len(jobs) == count


def test_fault_25_closing_a_strange_lesson_takes_its_program_along(window: Window, sent: Path) -> None:
    app, jobs = window.app, window.worker.jobs
    app.open(sent)
    app.lessons.panel.close.invoke()
    window.settle()
    assert app.session.source == ""
    app.editor.text.focus_force()
    app.editor.text.insert("1.0", "import torch\n")  # the reader's own typing is not asked about
    window.settle()
    window.key("<F5>", app.canvas)
    assert [job.source for job in jobs] == ["import torch\n"]


def test_fault_25_another_language_is_no_way_around_the_question(window: Window, sent: Path) -> None:
    app, jobs = window.app, window.worker.jobs
    app.open(sent)
    press(window, "always")
    hostile = sent.with_name("my-lesson.zh.md")
    hostile.write_text(TEMPLATE.replace("q = a**2", "q = a**2 + open('/')"), encoding="utf-8")
    app.open(hostile)
    window.settle()
    count = len(jobs)
    app.toggle_language()  # to Chinese, and back to the version that is trusted
    app.toggle_language()
    window.key("<F5>", app.canvas)
    assert asks(window)
    assert len(jobs) == count


def test_lessons_that_came_along_are_not_asked_about(window: Window) -> None:
    window.app.begin(lesson="detach")
    window.settle()
    assert not asks(window)
    assert window.worker.jobs


def test_fault_21_the_lesson_that_is_open_stays(window: Window, tmp_path: Path) -> None:
    app = window.app
    app.begin(lesson="detach")
    bad = tmp_path / "bad.en.md"
    bad.write_text(TEMPLATE.replace("order = 1", "order = 1\norder = 2"), encoding="utf-8")
    app.desk.take([str(bad)])
    window.settle()
    assert app.lessons.id == "detach"
    assert "bad.en.md: line 5: Cannot overwrite a value" in app.output.text.get("1.0", "end")


def test_a_strangers_lesson_of_the_same_name_leaves_progress_alone(window: Window, tmp_path: Path) -> None:
    app = window.app
    app.begin(lesson="detach")
    window.key("<F4>", app.canvas)
    kept = app.lessons.progress["detach"]
    assert kept.screen == "predict"
    path = tmp_path / "detach.en.md"
    path.write_text(TEMPLATE.replace('"my-lesson"', '"detach"'), encoding="utf-8")
    app.open(path)
    window.settle()
    assert app.lessons.progress["detach"] == kept
    assert app.settings.lesson == ""


def test_delete_on_the_contents_page_begins_a_lesson_anew(window: Window) -> None:
    app = window.app
    app.begin(lesson="detach")
    window.key("<F4>", app.canvas)
    window.key("<F2>", app.canvas)
    page = app.lessons.list_page.text
    assert app.focus_get() is page
    before = app.lessons.progress["detach"]
    window.key("<Delete>")
    assert "detach" not in app.lessons.progress
    assert "Del: undo" in page.get("1.0", "end")
    window.key("<Delete>")
    assert app.lessons.progress["detach"] == before
    window.key("<Delete>")
    window.key("<Return>")
    assert app.lessons.walk is not None
    assert (app.lessons.walk.number, app.lessons.walk.score[0]) == (0, 0)


def test_f9_is_for_the_lecture_hall(window: Window) -> None:
    app = window.app
    app.begin(lesson="detach")
    window.settle()
    window.wait_until(lambda: app.session.playback is not None)
    chrome = (app.toolbar, app.statusbar, app.timeline, app.pages)
    stays = (app.lessons, app.editor, app.canvas, app.inspector)
    window.key("<F9>", app.canvas)
    assert (app.look.scale, app.settings.size) == (1.6, 100)
    assert not any(part.winfo_ismapped() for part in chrome)
    assert all(part.winfo_ismapped() for part in stays)
    assert app.session.playback is not None
    place = app.session.playback.cursor
    window.key("<Left>", app.canvas)
    assert app.session.playback.cursor == place - 1
    app.open("nowhere.py")
    window.settle()
    assert app.pages.winfo_ismapped()  # what went wrong is told all the same
    window.key("<Escape>", app.canvas)
    assert app.look.scale == 1
    assert all(part.winfo_ismapped() for part in (*chrome, *stays))
