"""The display, the fonts, and what goes wrong in the window itself."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
import tkinter as tk
from collections.abc import Callable
from pathlib import Path

import pytest

from core import folders
from gui.app import App
from gui.settings import Settings
from tests.faults.conftest import ROOT, Start, press
from tests.gui.conftest import FakeWorker, Window, entry_of


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


def test_fault_36_no_display_is_one_line_and_says_what_can_be_done(tmp_path: Path) -> None:
    path = tmp_path / "lesson.md"
    path.write_text("+++\n")
    for display, said in (("", "no display is set"), (":9473", "couldn't connect to display")):
        done = subprocess.run(
            [sys.executable, "app.py", str(path)], cwd=ROOT, env={**os.environ, "DISPLAY": display},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("pullback: the window cannot open: ")
        assert said in done.stderr
        assert f"'walk {path}'" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="no display to be lost")
def test_fault_37_the_display_is_lost_and_the_work_is_there_at_the_next_start(
    start: Start, typist: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import torch\n")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
        pass_fds=[write], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        assert select.select([read], [], [], 20)[0]
        other = typist(str(path), env={**os.environ, "DISPLAY": ":" + os.read(read, 20).decode().strip()})
        assert other.stdout is not None
        deadline, begun = time.monotonic() + 60, 0.0
        while not begun or time.monotonic() < min(deadline, begun + 1.5):
            assert other.stdout.readline()
            begun = begun or time.monotonic()
        typed = begun + 0.4  # more than a second before the end
    finally:
        os.close(read)
        server.kill()
        server.wait()
    other.wait(20)
    assert typed
    window = start(None, "detach")
    assert window.app.banner.text.startswith("Not saved when Pullback ended: mine.py (")
    press(window, "recovery.restore")
    assert window.app.editor.source.endswith("ximport torch\n")


FONTS = """
import time
from gui.app import App
from gui.settings import Settings
from tests.gui.conftest import FakeWorker
app = App(start=FakeWorker, settings=Settings("zh", "light", 100, motion="off"))
app.update()
from gui import fonts
wanted = {"梯度": fonts.HANZI, "∂L/∂w · Σ √": fonts.SANS}
for text, family in wanted.items():
    for char in text.replace(" ", ""):
        print(char, app.tk.call("font", "actual", app.look.font(12), "-family", char))
app.close()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fontconfig is told of no fonts")
def test_fault_40_where_no_font_has_chinese_or_mathematics_ours_do(display: str, tmp_path: Path) -> None:
    empty = tmp_path / "fonts.conf"
    empty.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{tmp_path / 'none'}</dir><cachedir>{tmp_path / 'cache'}</cachedir></fontconfig>"
    )
    done = run(FONTS, FONTCONFIG_FILE=str(empty), DISPLAY=display)
    assert done.returncode == 0, done.stderr
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert {found[char] for char in "梯度"} == {"Pullback Sans SC"}
    assert {found[char] for char in "∂LwΣ√·"} == {"DejaVu Sans"}


# ── 41: a fault of the window itself ──────────────────────────────────────────────────────────────────────────────


def test_fault_41_an_exception_in_a_callback_is_told_and_the_window_goes_on(window: Window) -> None:
    app = window.app
    source = app.session.source

    def fault() -> None:
        raise ZeroDivisionError("a fault")

    for _ in range(300):
        app.after(0, fault)
    window.wait_until(lambda: app.banner.text)
    window.settle()
    assert app.banner.text == "A fault of Pullback itself. Your program is safe. ZeroDivisionError: a fault"
    assert len(app.callback_errors) <= 100
    press(window, "trouble.copy")
    copied = app.clipboard_get()
    assert "ZeroDivisionError: a fault" in copied
    assert "torch 2." in copied
    assert "test_desktop.py" in copied
    assert source not in copied
    press(window, "banner.close")
    assert not app.banner.text
    window.key("<F5>", app.canvas)
    assert app.session.playback is not None
    app.callback_errors = []


def test_fault_41_the_folder_of_the_logs_is_opened_or_named(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = window.app
    opener = tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    command = entry_of(app.menus.main(), "Open the log folder").command
    assert command is not None
    command()
    window.wait_until(lambda: (tmp_path / "opened").exists())
    window.wait_until(lambda: (tmp_path / "opened").read_text() == str(folders.logs()))
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    command()
    assert app.banner.text == f"The logs are in {folders.logs()}"


BROKEN = """
import sys
{streams}
from gui import app
from tests.gui.conftest import FakeWorker
app.start_worker = FakeWorker
app.App.__init__.__defaults__ = (FakeWorker, None)
begin = app.App.begin
def broken(self, *arguments):
    begin(self, *arguments)
    def fault():
        raise ZeroDivisionError("a fault")
    self.after(50, fault)
    self.after(100, fault)
    self.after(400, self.close)
app.App.begin = broken
app.main(None)
{end}
"""


@pytest.mark.parametrize("streams", [True, False])
def test_fault_41_faults_and_crashes_are_in_the_logs_also_without_standard_error(display: str, streams: bool) -> None:
    code = BROKEN.format(
        streams="" if streams else "sys.stdout = sys.stderr = None", end="import faulthandler\nfaulthandler._sigsegv()"
    )
    done = run(code, DISPLAY=display)
    assert done.returncode < 0
    assert ("ZeroDivisionError" in done.stderr) == streams
    log, crash = (folders.logs() / name for name in ("pullback.log", "crash.log"))
    assert log.read_text().count("ZeroDivisionError: a fault") == 1  # the same one over and over is written once
    assert "Segmentation fault" in crash.read_text()


def test_fault_41_logs_stay_small(display: str) -> None:
    code = """
from core import folders, log
log.begin(folders.logs())
for number in range(3000):
    log.logger.error("x" * 2000)
"""
    assert run(code).returncode == 0
    sizes = [path.stat().st_size for path in folders.logs().glob("pullback.log*")]
    assert len(sizes) == 4
    assert max(sizes) <= 1 << 20


# ── 42: every control can be reached ──────────────────────────────────────────────────────────────────────────────


def test_fault_42_twice_as_large_on_a_small_screen_every_control_can_be_reached(
    display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(App, "winfo_screenwidth", lambda app: 1024)
    monkeypatch.setattr(App, "winfo_screenheight", lambda app: 600)
    app = App(start=FakeWorker, settings=Settings("en", "light", 200, motion="off"))
    window = Window(app, FakeWorker())
    try:
        app.begin(str(ROOT / "assets" / "examples" / "first.py"))
        window.wait_until(lambda: app.canvas._ready)
        app.focus_force()
        app.canvas.focus_force()
        app.session.run()
        window.wait_until(lambda: app.session.playback is not None)
        app.banner.show("test", "recovery.offer", {"recovery.restore": app.focus_set}, name="a.py", time="12:00")
        window.settle()
        reached: list[tk.Misc] = []
        for _ in range(120):
            focus = app.focus_get()
            assert focus is not None
            if focus in reached[1:]:
                break
            reached.append(focus)
            key = "<Control-Tab>" if focus in (app.editor.text, app.editing.editor.text) else "<Tab>"
            window.key(key)
            left, top = focus.winfo_rootx() - app.winfo_rootx(), focus.winfo_rooty() - app.winfo_rooty()
            within = left >= 0 and top >= 0 and left + focus.winfo_width() <= 1024 and top + focus.winfo_height() <= 600
            assert focus.winfo_viewable(), focus
            assert within, (focus, left, top, focus.winfo_width(), focus.winfo_height())
        shown = [button for button in app.buttons.values() if button.winfo_ismapped()]
        buttons = [*shown, *app.banner.buttons.values(), *app.pages.buttons.values()]
        able = [button._canvas for button in buttons if button.cget("state") != "disabled"]
        missing = [widget for widget in (*able, app.editor.text, app.canvas) if widget not in reached]
        assert not missing
        assert not app.callback_errors
    finally:
        app.close()
