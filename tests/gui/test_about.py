"""The sheet about Pullback itself."""

from __future__ import annotations

import platform
import tkinter as tk
import tomllib
from pathlib import Path

import pytest

from core.version import VERSION
from gui import about
from tests.gui.conftest import Window, entry_of
from tests.gui.test_menu import choose

ROOT = Path(__file__).parents[2]
BUNDLED = "torch 2.13.0  ·  BSD\nnumpy 2.4.6\n\n" + "".join(
    f"{about.HEADING}{name}\n\n" + "A licence, line by line.\n" * 60 for name in ("torch 2.13.0", "numpy 2.4.6")
)


def test_it_is_opened_from_the_menu_and_says_what_this_is(window: Window) -> None:
    app, sheet = window.app, window.app.about_sheet
    app.canvas.focus_force()
    window.key("<Alt-f>")
    window.wait_until(app.menu.winfo_ismapped)
    choose(window, "About Pullback")
    assert sheet.winfo_ismapped()
    assert sheet.title.cget("text") == f"Pullback {VERSION}"
    assert {f"Python {platform.python_version()}", "torch 2.13.0+cpu"} <= set(
        sheet.versions.cget("text").splitlines()[0].split("  ·  ")
    )
    assert "MIT License" in sheet.text.get("1.0", "end")
    window.key("<Escape>")
    assert not sheet.winfo_ismapped()
    assert app.focus_get() is app.canvas


def test_the_licences_are_read_by_key_and_the_run_stays(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(about, "licences", lambda: BUNDLED)
    app, sheet = window.app, window.app.about_sheet
    window.key("<F5>", app.canvas)
    assert app.session.playback is not None
    cursor = app.session.playback.cursor
    app.show_about()
    window.settle()
    assert "═" not in sheet.text.get("1.0", "end")
    seen = [sheet.text.yview()[0]]
    for key in ("<Down>", "<Next>", "<End>"):
        window.key(key)
        seen.append(sheet.text.yview()[0])
    assert seen == sorted(set(seen))
    assert sheet.text.yview()[1] == 1
    window.key("<Home>")
    assert sheet.text.yview()[0] == 0
    assert app.session.playback.cursor == cursor
    window.key("<Return>")
    assert not sheet.winfo_ismapped()


def test_it_fits_a_small_window_with_large_text_in_chinese(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(about, "licences", lambda: BUNDLED)
    app, sheet = window.app, window.app.about_sheet
    app.prefer(size=200, language="zh")
    tk.Tk.minsize(app, 400, 300)
    tk.Tk.geometry(app, "1024x600")
    window.wait_until(lambda: app.winfo_width() == 1024)
    command = entry_of(app.menus.main(), "关于 Pullback").command
    assert command is not None
    command()
    window.settle()
    assert sheet.winfo_y() >= 0
    assert sheet.winfo_x() + sheet.winfo_width() <= 1024
    assert sheet.winfo_y() + sheet.winfo_height() <= 600


def test_the_version_is_said_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "core.version.VERSION"}
