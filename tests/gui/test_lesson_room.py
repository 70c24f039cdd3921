"""A lesson in a window that has little room for it."""

from __future__ import annotations

import tkinter as tk

import pytest

from gui.app import App
from gui.settings import Settings
from tests.gui.conftest import FakeWorker, Window


@pytest.mark.usefixtures("display")
def test_in_a_low_window_a_question_scrolls_with_the_text() -> None:
    worker = FakeWorker()
    worker.held = True
    app = App(start=lambda: worker, settings=Settings(language="en", theme="light", size=100, motion="off"))
    tk.Tk.geometry(app, "1024x600+0+0")
    app.lessons.open("kinks")
    window, panel = Window(app, worker), app.lessons.panel
    window.wait_until(lambda: app.canvas._ready)
    app.lessons.go(5)
    window.settle()
    assert panel.box.winfo_manager() == "text"
    assert panel.text.yview()[0] == 0.0
    panel.text.focus_force()
    for _ in range(40):
        window.key("<Down>", panel.text)
    assert panel.choices[2].winfo_viewable()
    window.key("<Return>", panel.choices[2])
    assert app.lessons.asking
    window.wait_until(lambda: panel.text.yview()[1] == 1.0)  # what is answered to it is in sight
    window.settle()
    assert panel.said.winfo_rooty() + panel.said.winfo_height() <= panel.foot.winfo_rooty()
    app.lessons.skip()
    app.lessons.go(6)
    window.settle()
    assert panel.box.winfo_manager()
    errors = list(app.callback_errors)
    app.close()
    assert not errors


@pytest.mark.usefixtures("display")
def test_a_lesson_can_be_read_at_200_percent_on_a_small_screen() -> None:
    worker = FakeWorker()
    worker.held = True
    app = App(start=lambda: worker, settings=Settings(language="en", theme="light", size=200, motion="off"))
    tk.Tk.geometry(app, "1024x600+0+0")
    window, panel = Window(app, worker), app.lessons.panel
    window.wait_until(lambda: app.canvas._ready)
    app.lessons.open("detach")
    window.settle()
    assert panel.text.winfo_height() >= app.look.px(50)
    assert panel.text.winfo_width() >= app.look.px(150)
    bottom = app._left.winfo_rooty() + app._left.winfo_height()
    assert panel.foot.winfo_rooty() + panel.foot.winfo_height() <= bottom
    errors = list(app.callback_errors)
    app.close()
    assert not errors
