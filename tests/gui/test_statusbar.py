"""The lowest row and the sheet of finite differences, driven by keys."""

from __future__ import annotations

import tkinter as tk

import msgspec
import pytest

from core import wire
from core.records import Check, Cut
from tests.gui import traces
from tests.gui.conftest import Window

ALL = (Check(2, 1e-10, True), Check(3, 2e-11, True), Check(4, 0.0, True), Check(5, 3e-12, True))


def verified(window: Window, *checks: Check) -> None:
    """Runs the program; the worker says these checks."""
    window.key("<F5>", window.app.canvas)
    window.worker.replies.append(wire.Verified(len(window.worker.jobs), agrees=True, checks=checks))
    window.settle()


def sheet(window: Window) -> list[str]:
    return window.app.checks_sheet.text.get("1.0", "end").strip().splitlines()


def test_finite_differences_are_told_and_listed_by_key(window: Window) -> None:
    app = window.app
    verified(window, *ALL)
    button = app.statusbar.checks
    assert button.cget("text") == "✓ finite differences: 4 of 4 operations agree"
    button._canvas.focus_force()
    button._canvas.event_generate("<<TraverseIn>>")
    window.key("<Return>")
    assert app.checks_sheet.winfo_ismapped()
    said = sheet(window)
    assert [line.split()[:4] for line in said[1:]] == [
        ["✓", "5", "1e-10", "a**3"], ["✓", "5", "2e-11", "3*a**3"], ["✓", "5", "0", "b**2"],
        ["✓", "5", "3e-12", "3*a**3"],
    ]  # fmt: skip
    window.key("<Escape>")
    assert not app.checks_sheet.winfo_ismapped()
    assert app.focus_get() is button._canvas


def test_a_run_that_failed_or_had_no_backward_pass_is_not_called_identical(window: Window) -> None:
    agrees = window.app.statusbar.agrees
    verified(window, *ALL)
    assert agrees.winfo_manager()
    for trace in (traces.failed(), msgspec.structs.replace(traces.failed(), error=None)):
        window.worker.record = lambda job, trace=trace: trace
        window.app.session.open_program(trace.source, "")
        window.settle()
        verified(window)
        assert window.app.session.agrees is True
        assert not agrees.winfo_manager()


def test_what_differs_stands_first_and_what_was_not_compared_last(window: Window) -> None:
    app = window.app
    verified(window, Check(2, 1e-10, True), Check(4, 0.5, False, custom=True))
    assert app.statusbar.checks.cget("text") == "✗ finite differences: 1 of 2 operations differ"
    app.show_checks()
    window.settle()
    said = sheet(window)
    assert said[1].split()[:4] == ["✗", "5", "0.5", "b**2"]
    assert "the program's own backward" in said[1]
    assert [line for line in said if line.startswith("–")] == said[-2:]
    assert "cannot be run again" in said[-3]
    app.toggle_language()
    window.settle()
    assert not app.checks_sheet.winfo_ismapped()
    assert "有限差分：2 个运算中 1 个不一致" in app.statusbar.checks.cget("text")


def test_the_time_is_told_and_nothing_of_an_older_program(window: Window) -> None:
    app = window.app
    window.worker.record = lambda job: msgspec.structs.replace(traces.first(), seconds=0.0123)
    verified(window, *ALL)
    assert "recorded in 12 ms" in app.statusbar.state.cget("text")
    app.editor.text.insert("1.0", "# new\n")
    window.settle()
    assert "recorded" not in app.statusbar.state.cget("text")
    assert not app.statusbar.checks.winfo_manager()


def test_fault_06_the_part_that_is_recorded_is_stated(window: Window) -> None:
    whole = window.worker.record
    window.worker.record = lambda job: msgspec.structs.replace(whole(job), unrecorded=980_003)
    window.key("<F5>", window.app.canvas)
    recorded = len(whole(window.worker.jobs[-1]).ops)
    assert f"{recorded} of {recorded + 980_003:,} operations recorded" in window.app.statusbar.state.cget("text")


@pytest.mark.parametrize("size", [100, 200])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_narrow_row_says_less_and_cuts_nothing_off(window: Window, size: int, language: str) -> None:
    app, bar = window.app, window.app.statusbar
    verified(window, *ALL)
    app.session.toggle_cut(Cut("pow#4", "sub#5", 1))
    window.settle()
    window.worker.replies.append(wire.Verified(2, agrees=True, checks=ALL))
    app.prefer(size=size, language=language)
    said = set()
    for width in (1440, 1024, 820, 640):
        tk.Tk.minsize(app, 400, 300)
        tk.Tk.geometry(app, f"{width}x500")
        window.wait_until(lambda width=width: bar.winfo_width() == width)  # type: ignore[misc]
        window.settle()
        assert bar.what_if.winfo_ismapped()
        for widget in bar.pack_slaves():
            assert widget.winfo_x() >= 0
            assert widget.winfo_width() >= widget.winfo_reqwidth() - 1, (width, widget.cget("text"))
        said.add(bar.agrees.cget("text") + bar.checks.cget("text") + bar.state.cget("text"))
    assert len(said) > 1


def test_the_pointer_is_told_the_long_form(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app, bar = window.app, window.app.statusbar
    monkeypatch.setattr("gui.widgets.hints.LINGER", 1)
    verified(window, *ALL)
    tk.Tk.minsize(app, 400, 300)
    tk.Tk.geometry(app, "640x500")
    window.wait_until(lambda: bar.checks.cget("text") == "✓ differences 4/4")
    bar.checks._canvas.event_generate("<Enter>")
    tip = bar.hints.tip
    window.wait_until(tip.winfo_ismapped)
    assert tip.body.cget("text").splitlines()[0] == "✓ finite differences: 4 of 4 operations agree"
    assert tip.winfo_y() + tip.winfo_height() <= bar.winfo_y() + 12
    bar.checks._canvas.event_generate("<Leave>")
    window.settle()
    assert not tip.winfo_ismapped()
