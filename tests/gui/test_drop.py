"""Files dropped on the window: what Tk's extension hands over goes the way a real drop does."""

from __future__ import annotations

import sys
import tkinter as tk
import tkinter.messagebox
from pathlib import Path

import pytest

from core.files import read_program
from gui import drop
from gui.app import App
from gui.settings import Settings
from tests.gui.conftest import FakeWorker, Window

PROGRAM = "import torch\nx = torch.ones(2, requires_grad=True)\nx.sum().backward()\n"


def drop_files(window: Window, *paths: object) -> str:
    """Runs what is bound to a drop, as tkdnd does; returns the action it is answered with."""
    tcl = window.app.tk
    script = tcl.call("bind", window.app, "<<Drop:DND_Files>>")
    assert script, "the window takes no files"
    data = tcl.call("list", tcl.call("list", *map(str, paths)))
    action = tcl.eval(tcl.call("string", "map", ("%D", data), script))
    window.settle()
    return str(action)


def write(path: Path, text: str = PROGRAM) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def said(window: Window) -> str:
    return window.app.output.text.get("1.0", "end").strip()


@pytest.mark.parametrize("name", ["a.py", "my work {1}/导数 100%20 [x] $y;z.py", 'back\\slash".PY'])
def test_a_dropped_program_is_opened_whatever_its_name(window: Window, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    assert drop_files(window, path) == "copy"
    assert window.app.session.path == str(path)
    assert window.app.editor.source == PROGRAM
    assert window.app.desk.recent[0] == str(path)


def test_unsaved_work_is_asked_for_first(window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app
    app.editor.text.insert("1.0", "# work\n")
    window.settle()
    before = app.session.source
    asked: list[str] = []
    monkeypatch.setattr(tkinter.messagebox, "askyesnocancel", lambda title, text, **more: asked.append(text))
    drop_files(window, write(tmp_path / "a.py"))
    assert asked == ["first.py has unsaved changes. Save them?"]
    assert app.session.source == before


def test_of_several_files_the_first_that_opens_is_opened_and_told(window: Window, tmp_path: Path) -> None:
    picture, one, two = write(tmp_path / "a.png"), write(tmp_path / "one.py"), write(tmp_path / "two.py", "")
    drop_files(window, picture, one, two)
    assert window.app.session.path == str(one)
    assert window.app.statusbar.note.cget("text") == "Opened one.py. One file opens at a time; not opened: 2."


def test_what_is_no_program_is_told_and_nothing_is_lost(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = window.app
    monkeypatch.setattr(tkinter.messagebox, "askyesnocancel", lambda *texts, **more: pytest.fail("asked for nothing"))
    app.editor.text.insert("1.0", "# work\n")
    window.settle()
    source, path = app.session.source, app.session.path
    folder = tmp_path / "my folder.py"
    folder.mkdir()
    for dropped, line in (
        (folder, "my folder.py is a folder."),
        (write(tmp_path / "a.png"), "a.png is no program"),
    ):
        drop_files(window, dropped)
        assert said(window).startswith(line)
        assert "\n" not in said(window)
        assert (app.session.source, app.session.path) == (source, path)


@pytest.mark.parametrize("name", ["gone.py", "broken.pullback"])
def test_a_file_that_cannot_be_read_is_told(window: Window, tmp_path: Path, name: str) -> None:
    if name.startswith("broken"):
        write(tmp_path / name, "no trace")
    before = window.app.session.source
    drop_files(window, tmp_path / name)
    assert said(window).startswith(f"{name} could not be opened")
    assert window.app.session.source == before


def test_an_empty_drop_does_nothing(window: Window) -> None:
    before = window.app.session.path
    drop_files(window)
    assert window.app.session.path == before


def test_without_the_extension_the_window_opens_all_the_same(
    display: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tkinterdnd2", None)
    worker = FakeWorker()
    app = App(start=lambda: worker, settings=Settings(language="en", theme="light", size=100, motion="off"))
    window = Window(app, worker)
    window.wait_until(lambda: app.canvas._ready)
    assert not drop.accept(app, app.desk.take)
    path = write(tmp_path / "a.py")
    assert app.desk.leave_for(path)
    assert app.session.source == read_program(path)
    app.close()
    assert not app.callback_errors


def test_a_system_that_the_extension_was_not_made_for_is_no_failure(window: Window) -> None:
    from tkinterdnd2 import TkinterDnD

    def nowhere(root: tk.Misc) -> None:
        raise RuntimeError("Unable to load tkdnd library.")

    before = TkinterDnD.require
    TkinterDnD.require = nowhere
    try:
        assert not drop.accept(window.app, window.app.desk.take)
    finally:
        TkinterDnD.require = before
