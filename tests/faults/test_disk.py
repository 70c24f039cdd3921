"""A disk that fails at any point of any save: the old file is whole, nothing is left behind, no work is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core import folders, journal
from core.files import write_program, write_text, write_trace
from core.journal import Buffer, Journal
from core.lessons.shelf import save_progress
from core.lessons.trust import Trust
from core.lessons.walk import Progress
from gui.app import App
from gui.settings import Settings, save
from tests.faults.disk import Disk
from tests.faults.kills import killed
from tests.gui import traces
from tests.gui.conftest import FakeWorker, Window, display

__all__ = ["display"]

ROOT = Path(__file__).parents[2]
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)
OLD = "import torch\n\nold = torch.ones(2, requires_grad=True)\nold.sum().backward()\n"
NEW = OLD + "# new\n"


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path, monkeypatch)


def temporaries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if ".pullback-" in path.name]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


# ── Every way of writing a file ───────────────────────────────────────────────────────────────────────────────────


def _keep_progress(path: Path) -> None:
    save_progress({"dot": Progress("1", "two")}, path)


def _trust(path: Path) -> None:
    from core.lessons.shelf import open_lesson

    Trust(path.parent, path).always(open_lesson(ROOT / "assets" / "lessons", "dot", "en"))


WRITERS: dict[str, Callable[[Path], object]] = {
    "program": lambda path: write_program(path, NEW),
    "lesson": lambda path: write_text(path, NEW),
    "trace": lambda path: write_trace(path, traces.first()),
    "settings": lambda path: save(Settings(theme="dark"), path),
    "progress": _keep_progress,
    "trust": _trust,
}


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("what", WRITERS)
def test_a_write_that_fails_anywhere_leaves_the_old_file(what: str, error: int, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"{}" if what != "trust" else b"[]")
    old, at = path.read_bytes(), 0
    while True:
        at += 1
        disk.fail(at, error)
        with contextlib.suppress(OSError):
            WRITERS[what](path)
        if not disk.failed:
            break
        assert path.read_bytes() == old
        assert not temporaries(tmp_path)
    assert at > 5, "fewer calls failed than a save makes"
    assert path.read_bytes() != old
    assert not temporaries(tmp_path)


def test_a_journal_that_cannot_be_written_says_so_and_goes_on_when_it_can(disk: Disk, tmp_path: Path) -> None:
    kept, at, before = Journal(tmp_path), 0, Buffer("program", "0")
    kept.keep((before,))
    assert kept.flush()
    while True:
        at += 1
        disk.fail(at, errno.ENOSPC)
        kept.keep((now := Buffer("program", str(at)),))
        until(lambda: kept.trouble if disk.failed else kept.flush())
        if not disk.failed:
            break
        assert journal.unpack(kept.path.read_bytes()) == (before,)
        disk.heal()
        until(kept.flush)
        before = now
        assert journal.unpack(kept.path.read_bytes()) == (now,)
        assert not temporaries(tmp_path)
    assert at > 5
    kept.close()


# ── The window ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def kept(display: str, own_folders: Path) -> Iterator[tuple[Window, Path]]:
    """The window that keeps settings and journals, with a file of its own, and the folder of that."""
    folder = own_folders / "files"
    folder.mkdir()
    app = App(start=FakeWorker)
    window = Window(app, FakeWorker())
    (folder / "old.py").write_text(OLD)
    app.open(folder / "old.py")
    app.focus_force()
    window.wait_until(lambda: app.canvas._ready)
    app.session.run()
    window.wait_until(lambda: app.session.playback is not None)
    window.settle()
    yield window, folder
    errors = list(app.callback_errors)
    app.close()
    assert not errors, f"raised in a callback: {errors}"


def told(window: Window) -> str:
    """All that the window says of what went wrong."""
    return window.app.output.text.get("1.0", "end") + window.app.banner.text


@dataclass(frozen=True)
class Deed:
    """Something that writes a file.

    Attributes:
        do: with the window and the file.
        unsaved: whether the program is in no file where it fails.
    """

    do: Callable[[Window, Path], object]
    unsaved: bool = False


def _export(window: Window, path: Path) -> None:
    window.app.exports.to(path)
    window.wait_until(lambda: not window.app.exports.exporter.busy, 60)


def _type(window: Window, path: Path) -> None:
    window.app.editor.rewrite(NEW)
    window.app.session.edit(NEW)


def _save(window: Window, path: Path) -> None:
    _type(window, path)
    window.key("<Control-s>", window.app.editor.text)


def _save_as(window: Window, path: Path) -> None:
    _type(window, path)
    window.key("<Control-Shift-Key-S>", window.app.editor.text)


def _prefer(window: Window, path: Path) -> None:
    window.app.prefer(theme="dark" if window.app.look.name == "light" else "light")


DEEDS: dict[str, Deed] = {
    "old.py": Deed(_save, unsaved=True),
    "other.py": Deed(_save_as, unsaved=True),
    "picture.svg": Deed(_export),
    "picture.png": Deed(_export),
    "run.pullback": Deed(_export),
    "settings.json": Deed(_prefer),
}
"""By the file that is written."""


@pytest.mark.parametrize("name", DEEDS)
def test_the_window_says_it_and_loses_nothing(
    name: str, kept: tuple[Window, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    window, folder = kept
    app, deed = window.app, DEEDS[name]
    path = folders.settings() / name if name == "settings.json" else folder / name
    disk = Disk(path.parent, monkeypatch)
    if not path.exists():
        path.write_text(OLD)
    old, at = path.read_bytes(), 0
    monkeypatch.setattr("tkinter.filedialog.asksaveasfilename", lambda **how: str(path))
    while True:
        at += 1
        disk.fail(at, ERRORS[at % len(ERRORS)])
        deed.do(window, path)
        window.settle()
        failed, reason = disk.failed, os.strerror(ERRORS[at % len(ERRORS)])
        disk.heal()
        if not failed:
            break
        assert path.read_bytes() == old
        assert not temporaries(path.parent)
        assert reason in told(window), told(window)
        if deed.unsaved:
            assert app.session.unsaved
            assert app.editor.source == NEW
    assert at > 5
    assert path.read_bytes() != old
    assert not app.session.unsaved


def test_typing_goes_on_while_the_journal_cannot_be_written(
    kept: tuple[Window, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    window, disk = kept[0], Disk(folders.journals(), monkeypatch)
    app = window.app
    disk.fail(1, errno.ENOSPC)
    _type(window, Path())
    window.wait_until(lambda: os.strerror(errno.ENOSPC) in app.banner.text)
    disk.heal()
    app.editor.text.insert("end", "# more")
    window.wait_until(lambda: os.strerror(errno.ENOSPC) not in app.banner.text)
    (path,) = folders.journals().glob("*.journal")
    window.wait_until(lambda: "# more" in journal.unpack(path.read_bytes())[0].text)


# ── Ended in the middle ───────────────────────────────────────────────────────────────────────────────────────────


def test_killed_while_it_saves_the_file_is_one_of_the_versions(tmp_path: Path) -> None:
    result = killed(15, tmp_path)
    assert result.saves > 15
    assert result.mixed == 0
