"""Export from the window: in a thread, with Cancel, and nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.layout import Cancelled
from core.records import Trace
from gui import statusbar
from gui.export import page, still
from gui.exporting import clipboard
from gui.picture.groups import Folding
from tests.gui import traces
from tests.gui.conftest import Window
from tests.gui.exports import export_picture
from tests.gui.test_groups import loop


class Gate:
    """Holds whatever is about to be drawn until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.threads: set[str] = set()
        layers = page.Page.layers

        def held(*arguments: Any, **how: Any) -> Iterator[page.Layer]:
            self.threads.add(threading.current_thread().name)
            self.reached.set()
            assert self.opened.wait(30)
            return layers(*arguments, **how)

        monkeypatch.setattr(page.Page, "layers", held)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def note(window: Window) -> str:
    return str(window.app.statusbar.note.cget("text"))


def finish(window: Window) -> None:
    window.wait_until(lambda: not window.app.exports.exporter.busy, 30)
    window.settle()


def output(window: Window) -> str:
    return window.app.output.text.get("1.0", "end")


def test_the_picture_is_exported_as_it_stands(window: Window, tmp_path: Path) -> None:
    app = window.app
    window.key("<F5>")
    app.exports.to(tmp_path / "step.svg")
    finish(window)
    assert "<svg" in (tmp_path / "step.svg").read_text("utf-8")
    assert note(window) == "✓ step.svg is saved"
    app.exports.to(tmp_path / "step.doc")
    finish(window)
    assert "step.doc could not be written" in output(window)
    assert note(window) == ""


def test_what_is_folded_on_the_screen_is_folded_in_the_file(window: Window, tmp_path: Path) -> None:
    app = window.app
    app.session.open_trace(loop(200))
    window.settle()
    window.wait_until(lambda: app.canvas.picture is not None)
    window.key("<End>")
    sizes = []
    for name in ("folded.svg", "open.svg"):
        app.exports.to(tmp_path / name)
        finish(window)
        sizes.append((tmp_path / name).stat().st_size)
        before = app.canvas.picture
        assert before is not None
        assert before.folded
        app.canvas.fold(next(unit.group for unit in before.units if unit.group))
        window.wait_until(lambda before=before: app.canvas.picture is not before)
    assert sizes[1] > 2 * sizes[0]


def test_the_window_goes_on_meanwhile_and_says_what_it_does(window: Window, gate: Gate, tmp_path: Path) -> None:
    app = window.app
    window.key("<F5>")
    app.exports.to(tmp_path / "p.png")
    window.wait_until(gate.reached.is_set)
    window.wait_until(lambda: "%" in note(window))
    assert note(window).startswith("Exporting…")
    assert app.statusbar.cancel_button.winfo_manager()
    before = app.session.playback
    window.key("<F10>")
    assert app.session.playback != before
    app.exports.to(tmp_path / "second.png")
    window.settle()
    assert "still being drawn" in output(window)
    gate.opened.set()
    finish(window)
    assert gate.threads == {"pullback-background"}
    assert not app.statusbar.cancel_button.winfo_manager()
    assert note(window) == "✓ p.png is saved"
    assert [path.name for path in tmp_path.iterdir()] == ["p.png"]
    # The moment is the one at which it was asked for, not the one that was stepped to meanwhile.
    assert before is not None
    export_picture(before.trace, tmp_path / "same.png", step=before.cursor)
    assert (tmp_path / "same.png").read_bytes() == (tmp_path / "p.png").read_bytes()


def test_what_was_done_is_not_said_for_ever(window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statusbar, "STAYS", 400)
    window.key("<F5>")
    window.app.exports.to(tmp_path / "p.svg")
    window.wait_until(lambda: note(window).endswith("is saved"))
    window.wait_until(lambda: note(window) == "")
    assert not window.app.statusbar.note.winfo_manager()


@pytest.mark.parametrize("how", ["key", "editor", "button"])
def test_escape_ends_it_between_two_frames(window: Window, gate: Gate, tmp_path: Path, how: str) -> None:
    app = window.app
    window.key("<F5>")
    (tmp_path / "film.gif").write_bytes(b"what was there before")
    app.exports.to(tmp_path / "film.gif")
    window.wait_until(gate.reached.is_set)
    window.wait_until(lambda: note(window) != "")
    if how == "button":
        app.statusbar.cancel_button.invoke()
    else:
        window.key("<Escape>", app.editor.text if how == "editor" else app.canvas)
    assert note(window) == "Cancelling…"
    gate.opened.set()
    finish(window)
    assert note(window) == "Cancelled; nothing was written."
    assert (tmp_path / "film.gif").read_bytes() == b"what was there before"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_film_stops_at_the_next_frame(tmp_path: Path) -> None:
    shares: list[float] = []
    with pytest.raises(Cancelled):
        export_picture(
            traces.first(), tmp_path / "p.gif", step="all", scale=1,
            cancelled=lambda: bool(shares) and shares[-1] > 0.7, progress=shares.append,
        )  # fmt: skip
    assert not list(tmp_path.iterdir())
    assert shares == sorted(shares)
    assert 0.7 < shares[-1] < 0.8
    shares.clear()
    export_picture(traces.first(), tmp_path / "p.gif", step="all", scale=1, progress=shares.append)
    assert shares[-1] == pytest.approx(1.0)


def test_closing_the_window_writes_no_half_file(window: Window, gate: Gate, tmp_path: Path) -> None:
    app = window.app
    window.key("<F5>")
    app.exports.to(tmp_path / "p.png")
    window.wait_until(gate.reached.is_set)
    drawing = app.exports.exporter._drawing
    assert drawing is not None
    app.exports.exporter.close()
    gate.opened.set()
    drawing._thread.join(30)
    assert not drawing._thread.daemon
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk here")
def test_a_full_disk_and_a_forbidden_place_are_one_line(window: Window, tmp_path: Path) -> None:
    app = window.app
    window.key("<F5>")
    (tmp_path / "p.png").symlink_to("/dev/full")
    app.exports.to(tmp_path / "p.png")
    finish(window)
    assert output(window).splitlines()[0] == "p.png could not be written: No space left on device"
    app.exports.to("/proc/p.png")
    finish(window)
    assert output(window).splitlines()[0].startswith("p.png could not be written: ")
    app.exports.to(tmp_path / "missing" / "q.png")
    finish(window)
    assert output(window).splitlines()[0] == "q.png could not be written: there is no such folder"
    assert app.session.playback is not None
    app.exports.to(tmp_path / "good.png")
    finish(window)
    assert (tmp_path / "good.png").exists()


def test_too_little_memory_is_told_and_a_fault_is_not_hidden(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = window.app
    window.key("<F5>")
    errors: list[BaseException] = [MemoryError(), RuntimeError("a fault")]

    def fail(*arguments: object, **how: object) -> Image.Image:
        raise errors.pop(0)

    monkeypatch.setattr(still, "pixels", fail)
    app.exports.to(tmp_path / "p.png")
    finish(window)
    assert output(window).splitlines()[0] == "p.png could not be written: MemoryError"
    assert not app.callback_errors
    app.exports.to(tmp_path / "p.png")
    finish(window)
    assert [str(error) for error in app.callback_errors] == ["a fault"]
    app.callback_errors.clear()
    assert not app.exports.exporter.busy


def test_nothing_to_export_is_said(window: Window) -> None:
    window.app.exports.copy()
    window.settle()
    assert "press F5 first" in output(window)


# ── The clipboard ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sequence", ["<Control-Shift-Key-C>", "<Control-Shift-Key-c>"])
@pytest.mark.parametrize("where", ["canvas", "editor"])
def test_the_picture_is_copied(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sequence: str, where: str
) -> None:
    app, copied = window.app, []
    monkeypatch.setattr(clipboard, "put", copied.append)
    window.key("<F5>")
    window.key(sequence, app.canvas if where == "canvas" else app.editor.text)
    finish(window)
    assert note(window) == "✓ The picture is on the clipboard"
    assert app.session.playback is not None
    export_picture(app.session.playback.trace, tmp_path / "p.png", step=app.session.playback.cursor)
    assert copied == [(tmp_path / "p.png").read_bytes()]


def test_where_it_cannot_be_copied_the_reader_is_told(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(png: bytes) -> None:
        raise OSError("no clipboard here")

    window.key("<F5>")
    monkeypatch.setattr(clipboard, "put", refused)
    window.app.exports.copy()
    finish(window)
    assert output(window).splitlines()[0] == "The picture could not be copied: no clipboard here"


def test_a_picture_drawn_smaller_is_said_to_be(window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app
    monkeypatch.setattr(still, "LARGEST", 300_000)
    window.key("<F5>")
    app.exports.to(tmp_path / "p.png")
    finish(window)
    assert "instead of 2" in note(window)
    app.exports.to(tmp_path / "p.pdf")
    finish(window)
    assert note(window) == "✓ p.pdf is saved"


def test_the_export_touches_nothing_the_window_changes(window: Window, gate: Gate, tmp_path: Path) -> None:
    """Another trace is opened while the picture of this one is drawn."""
    app = window.app
    window.key("<F5>")
    window.key("<End>")
    shown = app.session.playback
    assert shown is not None
    app.exports.to(tmp_path / "p.png")
    window.wait_until(gate.reached.is_set)
    other: Trace = traces.fan()
    app.session.open_trace(other)
    window.key("<End>")
    gate.opened.set()
    finish(window)
    export_picture(shown.trace, tmp_path / "same.png", step=shown.cursor)
    assert (tmp_path / "same.png").read_bytes() == (tmp_path / "p.png").read_bytes()


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_one_large_picture_can_be_given_up_while_it_is_drawn(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PIECE", 40)
    shares: list[float] = []
    with pytest.raises(Cancelled):
        export_picture(
            loop(60), tmp_path / f"p.{kind}", scale=0.5, folding=Folding(depth=99), progress=shares.append,
            cancelled=lambda: len(shares) > 1 and shares[-1] > 0.75,
        )  # fmt: skip
    assert 0.75 < shares[-1] < 0.99
    assert not list(tmp_path.iterdir())
