"""Writes that are interrupted or refused, and texts that are in no file when a window ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tkinter.filedialog
import tkinter.messagebox
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from core import files, journal
from core.journal import Buffer
from core.lessons.shelf import load_progress, save_progress
from core.lessons.walk import Outcome, Progress
from gui.settings import Settings, load, place, save
from tests.faults.conftest import ROOT, Start, press
from tests.gui.conftest import Window

resource = pytest.importorskip("resource", reason="Windows has no limit on the size of files")

OLD, NEW = "# old\n" * 40_000, "# new\n" * 40_000
WRITER = """
import sys
from pathlib import Path
from core.files import write_program
path, texts = Path(sys.argv[1]), ("# old\\n" * 40_000, "# new\\n" * 40_000)
for number in range(10**9):
    write_program(path, texts[number % 2])
    if not number:
        print("begun", flush=True)
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text("import torch\n")
    return path


@contextmanager
def full_disk() -> Iterator[None]:
    """No file grows beyond a few bytes: the system refuses the rest of a write, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def type_in(window: Window, text: str) -> None:
    """Types into the program, key by key."""
    names = {"\n": "Return", " ": "space", "#": "numbersign", "=": "equal", ".": "period"}
    window.app.editor.text.focus_force()
    window.app.editor.text.mark_set("insert", "1.0")
    for char in text:
        window.app.editor.text.event_generate(f"<Key-{names.get(char, char)}>")
    window.settle()


def journals() -> list[Path]:
    return sorted(Path(os.environ["XDG_STATE_HOME"]).rglob("*.journal"))


def refuse_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tkinter.messagebox, "askyesnocancel", lambda *asked, **options: pytest.fail("asked"))


# ── 28 to 30: a write ─────────────────────────────────────────────────────────────────────────────────────────────


def test_fault_28_killed_during_a_save_the_file_is_the_old_one_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OLD)
    for number in range(10):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.003 * number)
            writer.kill()
        assert path.read_text() in (OLD, NEW)


def test_fault_28_what_a_kill_left_behind_is_swept_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    left, fresh, other = (tmp_path / name for name in (".mine.py.pullback-ab", ".mine.py.pullback-cd", ".mine.py.swp"))
    for one in (left, fresh, other):
        one.write_text("half")
    for one in (left, other):
        os.utime(one, (time.time() - 2 * files.STALE,) * 2)
    files.write_program(path, NEW)
    assert [one.exists() for one in (left, fresh, other)] == [False, True, True]


def test_fault_29_a_full_disk_leaves_the_old_file_and_the_text_unsaved(window: Window, mine: Path) -> None:
    app = window.app
    app.open(mine)
    type_in(window, "# work on it\n")
    with full_disk():
        window.key("<Control-s>", app.editor.text)
    assert mine.read_text() == "import torch\n"
    assert app.session.unsaved
    assert "mine.py could not be written: File too large" in app.banner.text
    assert os.listdir(mine.parent) == ["mine.py"]
    window.key("<Control-s>", app.editor.text)
    assert mine.read_text() == "# work on it\nimport torch\n"
    assert not app.banner.text


def test_fault_30_a_folder_that_went_away_offers_another_place(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, drive = window.app, tmp_path / "drive"
    drive.mkdir()
    (drive / "mine.py").write_text("import torch\n")
    app.open(drive / "mine.py")
    (drive / "mine.py").unlink()
    drive.rmdir()
    type_in(window, "# work\n")
    offered: list[dict[str, object]] = []

    def choose(**options: object) -> str:
        offered.append(options)
        return str(tmp_path / "elsewhere.py")

    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", choose)
    window.key("<Control-s>", app.editor.text)
    assert "mine.py could not be written" in app.banner.text
    assert not offered
    press(window, "menu.save_as")
    assert (offered[0]["initialfile"], offered[0]["initialdir"]) == ("mine.py", str(Path.home()))
    assert (tmp_path / "elsewhere.py").read_text() == "# work\nimport torch\n"
    assert not app.session.unsaved


def test_fault_30_no_picture_is_written_in_part(window: Window, tmp_path: Path) -> None:
    app, before = window.app, b"an older picture"
    (tmp_path / "p.png").write_bytes(before)
    window.key("<F5>")
    window.wait_until(lambda: app.session.playback is not None)
    window.settle()
    with full_disk():
        app.exports.to(tmp_path / "p.png")
        window.wait_until(lambda: not app.exports.exporter.busy, 60)
        window.settle()
    assert "p.png could not be written" in app.output.text.get("1.0", "end")
    assert (tmp_path / "p.png").read_bytes() == before
    assert os.listdir(tmp_path) == ["p.png"]


# ── 31: changed outside ───────────────────────────────────────────────────────────────────────────────────────────


def come_back(window: Window) -> None:
    """The window gets the focus."""
    window.app.event_generate("<FocusIn>")
    window.settle()
    window.wait_until(lambda: all(one._looking is None for one in window.app.outsides))
    window.settle()


@pytest.mark.parametrize("chosen", ["mine", "theirs", "copy"])
def test_fault_31_changed_on_both_sides_the_reader_chooses(
    window: Window, mine: Path, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, copy = window.app, mine.with_name("copy.py")
    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", lambda **options: str(copy))
    app.open(mine)
    come_back(window)
    type_in(window, "# here\n")
    mine.write_text("# there\n")
    window.key("<Control-s>", app.editor.text)  # before the window has looked
    assert mine.read_text() == "# there\n"
    assert app.banner.text == "mine.py was changed by another program, and here."
    press(window, f"outside.{chosen}")
    window.key("<Control-s>", app.editor.text)
    here = "# here\nimport torch\n"
    assert mine.read_text() == (here if chosen == "mine" else "# there\n")
    assert app.editor.source == app.session.source == ("# there\n" if chosen == "theirs" else here)
    assert copy.exists() == (chosen == "copy")
    assert not app.session.unsaved
    come_back(window)
    assert not app.banner.text
    if chosen == "theirs":
        app.editor.text.edit_undo()
        assert app.editor.source == here


def test_fault_31_what_was_not_touched_is_loaded_again_and_said(window: Window, mine: Path) -> None:
    app = window.app
    app.open(mine)
    mine.write_text("# there\n")
    come_back(window)
    assert app.editor.source == app.session.source == "# there\n"
    assert not app.session.unsaved
    assert "It stands here as it is now" in app.banner.text
    press(window, "outside.undo")
    assert app.editor.source == "import torch\n"
    assert app.session.unsaved
    mine.unlink()
    come_back(window)
    assert "mine.py is not on the disk any more" in app.banner.text
    assert app.session.unsaved
    window.key("<Control-s>", app.editor.text)
    assert mine.read_text() == "import torch\n"


def test_fault_31_a_file_that_is_only_touched_is_no_news(window: Window, mine: Path) -> None:
    window.app.open(mine)
    come_back(window)
    os.utime(mine)
    come_back(window)
    assert not window.app.banner.text


# ── 32 and 33: the journal ────────────────────────────────────────────────────────────────────────────────────────


def test_fault_32_what_is_typed_is_on_disk_within_a_second(start: Start, mine: Path) -> None:
    window = start(str(mine))
    app = window.app

    def kept() -> bool:
        return any(app.session.source == journal.unpack(path.read_bytes())[0].text for path in journals())

    for number in range(6):
        until = time.monotonic() + 0.07 * number  # at any phase of what happens at intervals
        while time.monotonic() < until:
            app.update()
        type_in(window, "x")
        began = time.monotonic()
        window.wait_until(kept)
        assert time.monotonic() - began < 1


def test_fault_32_killed_while_typing_at_most_a_second_is_lost(
    start: Start, typist: Callable[..., subprocess.Popen[str]], mine: Path
) -> None:
    other = typist(str(mine))
    assert other.stdout is not None
    seen, deadline = [], time.monotonic() + 60
    while not seen or time.monotonic() < min(deadline, seen[0] + 2.5):
        assert other.stdout.readline()
        seen.append(time.monotonic())
    other.kill()
    other.wait()
    killed = time.monotonic()
    window = start(None, "detach")
    app = window.app
    assert app.banner.text.startswith("Not saved when Pullback ended: mine.py (")
    press(window, "recovery.restore")
    assert app.session.file == str(mine)
    assert app.session.unsaved
    restored = app.editor.source.removesuffix("import torch\n")
    assert set(restored) == {"x"}
    assert len(restored) >= sum(moment < killed - 1 for moment in seen)
    assert not app.banner.text
    assert mine.read_text() == "import torch\n"
    app.editor.text.edit_undo()
    assert app.editor.source == "import torch\n"


def test_fault_32_the_window_is_closed_in_the_middle_of_a_sentence(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_ask(monkeypatch)
    first = start()
    first.app.lessons.close()
    first.settle()
    type_in(first, "x = half a sen")
    whole = first.app.editor.source
    first.key("<Control-q>", first.app.editor.text)
    second = start()
    assert second.app.editor.source == whole
    assert second.app.session.unsaved
    assert second.app.lessons.walk is None
    assert not second.app.banner.text  # they know of it
    assert "It is in no file yet" in second.app.statusbar.note.cget("text")


def test_fault_32_what_was_answered_is_not_offered_again(
    start: Start, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(str(mine))
    type_in(first, "# away with it\n")
    first.wait_until(journals)
    monkeypatch.setattr(tkinter.messagebox, "askyesnocancel", lambda *asked, **options: False)
    first.app.ask_close()
    assert not journals()
    second = start(str(mine))
    assert not second.app.banner.text
    assert second.app.editor.source == "import torch\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_fault_32_the_system_ends_the_session(start: Start, mine: Path, number: signal.Signals) -> None:
    script = f"""
import os, signal, sys
sys.argv[1:] = [{str(mine)!r}]
from gui import app
from tests.gui.conftest import FakeWorker
app.start_worker = FakeWorker
begin = app.App.begin
def typed(self, *arguments):
    begin(self, *arguments)
    self.after(300, self.editor.text.insert, "1.0", "# typed")
    self.after(320, os.kill, os.getpid(), {int(number)})
app.App.begin = typed
app.App.__init__.__defaults__ = (FakeWorker, None)
sys.exit(app.main(sys.argv[1]))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60)
    assert done.returncode == 0
    window = start(str(mine))
    press(window, "recovery.restore")
    assert window.app.editor.source == "# typedimport torch\n"


def test_fault_32_a_lesson_that_is_being_written_comes_back(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    first = start()
    first.app.editing.begin_new()
    first.settle()
    first.app.editing.editor.text.insert("end", "A last word.\n")
    whole = first.app.editing.source
    first.wait_until(journals)
    second = start()
    assert second.app.banner.text.startswith("Not saved when Pullback ended: New lesson")
    press(second, "recovery.restore")
    assert second.app.editing.active
    assert second.app.editing.source == whole
    assert second.app.editing.unsaved
    monkeypatch.setattr(tkinter.messagebox, "askyesnocancel", lambda *asked, **options: False)
    second.app.editing.leave()


def test_fault_32_neither_a_lesson_nor_one_that_is_being_written_takes_a_program_away(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start()
    app, asked = first.app, []
    app.lessons.close()
    first.settle()
    type_in(first, "x = 1\n")
    whole = app.editor.source
    monkeypatch.setattr(tkinter.messagebox, "askyesnocancel", lambda title, text, **options: asked.append(text))
    assert not app.lessons.open("detach")
    assert asked == ["the program has unsaved changes. Save them?"]
    assert app.editor.source == whole
    app.editing.begin_new()
    first.settle()
    refuse_to_ask(monkeypatch)
    app.ask_close()
    second = start()
    assert second.app.editor.source == whole
    assert second.app.session.unsaved


def test_fault_32_a_program_of_a_lesson_comes_back_to_its_screen(start: Start) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "pullback" / "journal"
    folder.mkdir(parents=True)
    detach = ROOT / "assets" / "lessons" / "detach.en.md"
    buffers = [
        Buffer("lesson", "# gone\n", str(detach.with_name("gone.en.md")), "goal", at=1.0),
        Buffer("lesson", "# mine\n", str(detach), "predict", at=2.0),
    ]
    (folder / "1.journal").write_bytes(journal.pack(buffers))
    window = start(None, "detach")
    app = window.app
    assert app.banner.text.startswith("Not saved when Pullback ended: detach.en.md, screen predict (")
    press(window, "recovery.restore")
    assert app.lessons.walk is not None
    assert app.lessons.walk.screen.id == "predict"
    assert app.editor.source == app.session.source == "# mine\n"
    window.wait_until(lambda: app.lessons.on_disk)
    kept = load_progress(place().with_name("progress.json"))[0]
    assert kept["detach"].programs == {"predict": "# mine\n"}
    press(window, "recovery.restore")
    assert "gone.en.md: No such file" in app.output.text.get("1.0", "end")
    assert app.editor.source == "# mine\n"
    assert "gone.en.md" in app.banner.text  # it can still be saved
    press(window, "recovery.discard")
    assert not app.banner.text


def test_fault_32_several_texts_are_offered_one_after_the_other(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "pullback" / "journal"
    folder.mkdir(parents=True)
    for number, name in enumerate(("one", "two", "three")):
        buffer = Buffer("program", f"# {name}\n", str(tmp_path / f"{name}.py"), at=1e9 + number)
        (folder / f"{number}.journal").write_bytes(journal.pack([buffer]))
    window = start(None, "detach")
    app = window.app
    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", lambda **options: str(tmp_path / "saved.py"))
    assert "three.py (2001-09-09" in app.banner.text
    assert app.banner.text.endswith("and 2 more")
    press(window, "recovery.save_as")
    assert (tmp_path / "saved.py").read_text() == "# three\n"
    assert "two.py" in app.banner.text
    press(window, "recovery.discard")
    app.ask_close()  # one was not answered: it waits
    again = start(None, "detach")
    press(again, "recovery.restore")
    assert again.app.editor.source == "# one\n"
    assert again.app.session.file == str(tmp_path / "one.py")
    assert not again.app.banner.text


@pytest.mark.parametrize("damage", [b"", b"\x00\xff" * 50, b"pullback-journal 1 0\n[]\n", b"cut"])
def test_fault_33_a_journal_that_makes_no_sense_is_moved_aside(start: Start, damage: bytes) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "pullback" / "journal"
    folder.mkdir(parents=True)
    whole = journal.pack([Buffer("program", "x = 1\n")])
    (folder / "1-1.journal").write_bytes(whole[:-5] if damage == b"cut" else damage)
    window = start()
    aside = next(folder.glob("1-1.journal.damaged-*"))
    assert window.app.banner.text == f"Unsaved text could not be read. It is kept as {aside.name}."
    press(window, "banner.close")
    assert not window.app.banner.text


def test_fault_24_a_newer_journal_is_left_as_it_is(start: Start) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "pullback" / "journal"
    folder.mkdir(parents=True)
    newer = journal.pack([Buffer("program", "x = 1\n")]).replace(b"journal 1", b"journal 2")
    (folder / "1-1.journal").write_bytes(newer)
    window = start()
    assert not window.app.banner.text
    assert (folder / "1-1.journal").read_bytes() == newer


# ── 34: two windows ───────────────────────────────────────────────────────────────────────────────────────────────


def test_fault_34_two_windows_have_two_journals_and_the_same_file_is_said(
    start: Start, typist: Callable[..., subprocess.Popen[str]], mine: Path
) -> None:
    other = typist(str(mine))
    assert other.stdout is not None
    assert other.stdout.readline()
    one = start(None, "detach")
    one.wait_until(lambda: len(journals()) == 1)
    assert not one.app.banner.text  # what the other window writes is not lost
    one.app.open(mine)
    one.settle()
    assert "mine.py is open in another window" in one.app.output.text.get("1.0", "end")
    type_in(one, "# one\n")
    one.wait_until(lambda: len(journals()) == 2)
    texts = [journal.unpack(path.read_bytes())[0].text for path in journals()]
    assert {text[0] for text in texts} == {"x", "#"}
    other.kill()
    other.wait()
    one.app.open(mine)
    one.settle()
    assert "another window" not in one.app.output.text.get("1.0", "end")


def test_fault_34_progress_of_two_windows_is_kept_together(tmp_path: Path) -> None:
    path, done = tmp_path / "progress.json", Outcome("4", True, 1)
    base = {"a": Progress("d", "s"), "b": Progress("e")}
    save_progress(base, path)
    one = {"a": Progress("d", "t", {"t/0": done}, {}, ("t",)), "c": Progress("f")}  # b was begun anew
    two = {"a": Progress("d", "s", {"s/1": done}, {"s": "# mine\n"}, ("s",)), "b": Progress("e")}
    assert save_progress(one, path, base) == one
    both = save_progress(two, path, base)
    assert both == load_progress(path)[0]
    assert both.keys() == {"a", "c"}
    assert both["a"] == Progress("d", "s", {"t/0": done, "s/1": done}, {"s": "# mine\n"}, ("s", "t"))


def test_fault_34_what_another_window_does_in_the_same_lesson_stays(start: Start) -> None:
    window = start(None, "detach")
    app, path = window.app, place().with_name("progress.json")
    window.wait_until(lambda: app.lessons.on_disk)
    theirs = load_progress(path)[0]
    done = {"far/0": Outcome("4", True, 1)}
    other = msgspec.structs.replace(theirs["detach"], outcomes=done)
    save_progress({**theirs, "detach": other, "kinks": Progress("k")}, path, theirs)
    for screen in range(3):
        app.lessons.go(screen)
        window.settle()
        window.wait_until(lambda: app.lessons.on_disk)
    kept = load_progress(path)[0]
    assert kept["detach"].outcomes == done
    assert len(kept["detach"].seen) == 3
    assert "kinks" in kept


def test_fault_34_many_windows_write_progress_at_once(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from core.lessons.shelf import save_progress
from core.lessons.walk import Progress
before = {}
for number in range(20):
    before = save_progress({**before, f"{sys.argv[2]}-{number}": Progress("d")}, Path(sys.argv[1]), before)
"""
    path = tmp_path / "progress.json"
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), str(n)], cwd=ROOT) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(load_progress(path)[0]) == 60


# ── 35: nowhere to keep anything ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("home", ["nowhere", "none"])
def test_fault_35_without_a_settings_folder_it_runs_and_says_so_once(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    if home == "nowhere":
        monkeypatch.setenv("HOME", "/proc/nobody")
    else:
        monkeypatch.delenv("HOME")
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user that no table knows
    monkeypatch.chdir(tmp_path)
    window = start(None, "detach")
    app = window.app
    reason = "No such file or directory" if home == "nowhere" else "this user has no home folder"
    assert app.banner.text == f"Settings and unsaved text won't be kept: {reason}"
    press(window, "banner.close")
    app.prefer(theme="dark")
    window.key("<F4>", app.canvas)
    window.wait_until(lambda: not app.lessons._keeping)
    assert app.look.name == "dark"
    assert not app.banner.text
    assert not app.session.notice
    assert not os.listdir(tmp_path)


def test_fault_35_settings_that_make_no_sense_are_moved_aside_and_said(start: Start) -> None:
    place().parent.mkdir(parents=True)
    place().write_text("[" * 100_000)
    window = start()
    aside = next(place().parent.glob("settings.json.damaged-*"))
    assert window.app.banner.text == f"The settings could not be read. They are kept as {aside.name}."
    window.app.prefer(theme="dark")
    assert load(place()).theme == "dark"


def test_fault_24_settings_and_progress_of_a_newer_version_stay(start: Start) -> None:
    newer = {"format": 2, "theme": "dark", "more": [1]}
    place().parent.mkdir(parents=True)
    place().write_text(json.dumps(newer))
    progress = place().with_name("progress.json")
    progress.write_text('{"format": 2, "lessons": "elsewhere"}')
    window = start(None, "detach")
    app = window.app
    assert app.look.name == "dark"
    assert "settings.json was written by a newer Pullback" in app.banner.text
    app.prefer(theme="light")
    window.wait_until(lambda: not app.lessons._keeping)
    window.settle()
    assert "progress.json was written by a newer Pullback" in app.output.text.get("1.0", "end")
    app.close()
    assert json.loads(place().read_text()) == newer
    assert progress.read_text() == '{"format": 2, "lessons": "elsewhere"}'
    save(Settings(size=150), place())
    assert json.loads(place().read_text()) == newer
