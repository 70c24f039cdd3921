"""Programs opened, saved and not lost."""

from __future__ import annotations

import tkinter.filedialog
import tkinter.messagebox
from pathlib import Path

import pytest

from core.files import read_program, write_program
from gui.programs import ASSETS, REMEMBERED, examples, is_example, remembered
from gui.settings import Settings, load, save
from tests.gui import traces
from tests.gui.conftest import Window

PROGRAM = "import torch\nx = torch.ones(2, requires_grad=True)\nx.sum().backward()\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(PROGRAM)
    return path


def answer(monkeypatch: pytest.MonkeyPatch, said: bool | None) -> list[str]:
    """What the reader says when asked; the questions."""
    asked: list[str] = []

    def ask(title: str, text: str, **options: object) -> bool | None:
        asked.append(text)
        return said

    monkeypatch.setattr(tkinter.messagebox, "askyesnocancel", ask)
    return asked


def type_in(window: Window, text: str) -> None:
    window.app.editor.text.insert("1.0", text)
    window.settle()


def test_control_s_writes_the_program_and_the_title_tells(window: Window, program: Path) -> None:
    app = window.app
    app.open(program)
    window.settle()
    assert app.title() == "Pullback — mine.py"
    type_in(window, "# new\n")
    assert app.title() == "Pullback — • mine.py"
    window.key("<Control-s>", app.editor.text)
    assert program.read_text() == "# new\n" + PROGRAM
    assert app.title() == "Pullback — mine.py"
    assert "mine.py is saved" in app.statusbar.note.cget("text")


def test_an_example_is_saved_under_another_name(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = window.app
    example = Path(app.session.path)
    before = example.read_bytes()
    target = tmp_path / "copy.py"
    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", lambda **options: str(target))
    type_in(window, "# mine\n")
    window.key("<Control-s>", app.editor.text)
    assert target.read_text().startswith("# mine\n")
    assert example.read_bytes() == before
    type_in(window, "# more\n")
    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", lambda **options: pytest.fail("asked again"))
    window.key("<Control-s>", app.editor.text)
    assert target.read_text().startswith("# more\n# mine\n")


def test_the_program_of_a_trace_is_not_written_where_it_was_recorded(
    window: Window, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import msgspec

    app = window.app
    app.session.open_trace(msgspec.structs.replace(traces.first(), path=str(program)))
    window.settle()
    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", lambda **options: "")
    type_in(window, "# stranger\n")
    window.key("<Control-s>", app.editor.text)
    assert program.read_text() == PROGRAM


def test_unsaved_work_is_asked_for_before_another_program_is_opened(
    window: Window, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = window.app
    app.open(program)
    window.settle()
    asked = answer(monkeypatch, None)
    app.desk.leave_for(app.session.path)  # nothing is unsaved, so nothing is asked
    window.settle()
    assert not asked
    type_in(window, "# work\n")
    app.desk.leave_for(examples()[0])
    window.settle()
    assert asked == ["mine.py has unsaved changes. Save them?"]
    assert app.session.source.startswith("# work\n")
    answer(monkeypatch, True)
    app.desk.leave_for(examples()[0])
    window.settle()
    assert program.read_text() == "# work\n" + PROGRAM
    assert app.session.path == str(examples()[0])


def test_the_window_stays_when_the_reader_thinks_better_of_it(
    window: Window, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = window.app
    app.open(program)
    window.settle()
    type_in(window, "# work\n")
    answer(monkeypatch, None)
    app.ask_close()
    assert app.winfo_exists()
    closed: list[bool] = []
    monkeypatch.setattr(app, "close", lambda: closed.append(True))
    answer(monkeypatch, False)
    app.ask_close()
    monkeypatch.undo()
    assert closed == [True]
    assert program.read_text() == PROGRAM


def test_a_program_that_cannot_be_written_is_told_and_stays(window: Window, tmp_path: Path) -> None:
    app = window.app
    folder = tmp_path / "gone"
    folder.mkdir()
    path = folder / "mine.py"
    path.write_text(PROGRAM)
    app.open(path)
    window.settle()
    path.unlink()
    folder.rmdir()
    type_in(window, "# work\n")
    assert not app.desk.save()
    window.settle()
    assert "mine.py could not be written" in app.banner.text
    assert app.session.unsaved


def test_a_file_that_is_read_only_stays(window: Window, program: Path) -> None:
    app = window.app
    program.chmod(0o444)
    app.open(program)
    type_in(window, "# work\n")
    assert not app.desk.save()
    window.settle()
    assert app.banner.text == "mine.py could not be written: it is read-only"
    assert program.read_text() == PROGRAM
    app.session.run()
    window.settle()
    picture = program.with_suffix(".png")
    picture.write_bytes(b"mine")
    picture.chmod(0o444)
    app.exports.to(picture)
    window.settle()
    assert "it is read-only" in app.output.text.get("1.0", "end")
    assert picture.read_bytes() == b"mine"
    assert app.session.unsaved


def test_what_is_typed_as_a_program_opens_goes_into_that_program(window: Window, program: Path) -> None:
    window.app.open(program)
    window.app.editor.text.insert("1.0", "# new\n")
    window.settle()
    assert window.app.session.source == "# new\n" + PROGRAM


def test_programs_opened_lately_are_offered_and_examples_are_there(window: Window, program: Path) -> None:
    app = window.app
    app.open(program)
    window.settle()
    entries = {entry.text: entry for entry in app.menus.main()}
    assert [entry.text for entry in entries["Open recent"].entries] == ["mine.py"]
    names = [entry.text for entry in entries["Examples"].entries]
    assert names[0] == "first.py"
    assert {"detach.py", "gan.py"} <= set(names)
    command = entries["Examples"].entries[names.index("detach.py")].command
    assert command is not None
    command()
    window.settle()
    assert app.session.source == read_program(next(path for path in examples() if path.name == "detach.py"))


def test_recent_programs_of_one_name_tell_their_folders_and_lost_ones_go(window: Window, tmp_path: Path) -> None:
    app = window.app
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(PROGRAM)
        app.open(tmp_path / folder / "mine.py")
    recent = {entry.text: entry for entry in app.menus.main()}["Open recent"]
    assert [entry.text for entry in recent.entries] == [f"mine.py — {tmp_path / name}" for name in ("two", "one")]
    (tmp_path / "one" / "mine.py").unlink()
    command = recent.entries[1].command
    assert command is not None
    command()
    window.settle()
    assert app.desk.recent == (str(tmp_path / "two" / "mine.py"),)


def test_what_was_opened_lately_is_kept(tmp_path: Path) -> None:
    recent: tuple[str, ...] = ()
    for number in range(REMEMBERED + 2):
        recent = remembered(recent, f"{number}.py")
    recent = remembered(recent, "5.py")
    assert recent[:2] == ("5.py", f"{REMEMBERED + 1}.py")
    assert len(recent) == len(set(recent)) == REMEMBERED
    save(Settings(recent=recent), tmp_path / "settings.json")
    assert load(tmp_path / "settings.json").recent == recent
    (tmp_path / "settings.json").write_text('{"recent": [1, "a.py", null], "theme": "dark"}')
    assert load(tmp_path / "settings.json") == Settings(theme="dark", recent=("a.py",))
    assert not is_example(tmp_path)


def test_a_file_keeps_its_encoding_mark_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    for before, after in (
        (b"x = 1\r\n", b"x = 2\r\ny = 3\r\n"),
        (b"\xef\xbb\xbfx = 1\n", b"\xef\xbb\xbfx = 2\ny = 3\n"),
        (b"", b"x = 2\ny = 3\n"),
    ):
        path.write_bytes(before)
        write_program(path, "x = 2\ny = 3\n")
        assert path.read_bytes() == after
    text = "# coding: gbk\nx = '导数'\n"
    write_program(path, text)
    assert path.read_bytes() == text.encode("gbk")
    assert read_program(path) == text


def test_what_the_encoding_cannot_say_is_refused_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    with pytest.raises(ValueError, match="line 2 cannot be written as ascii"):
        write_program(path, "# coding: ascii\nx = '导数'\n")
    assert path.read_text() == "x = 1\n"


def test_a_program_that_was_only_typed_is_offered_a_name(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app
    app.session.open_program("", "")
    window.settle()
    offered: list[object] = []

    def ask(**options: object) -> str:
        offered.append(options["initialfile"])
        return ""

    monkeypatch.setattr(tkinter.filedialog, "asksaveasfilename", ask)
    type_in(window, "x = 1\n")
    window.key("<Control-s>", app.editor.text)
    assert offered == ["program.py"]
    assert app.session.unsaved


def test_a_lesson_that_was_opened_is_offered_again(window: Window, tmp_path: Path) -> None:
    lesson = tmp_path / "mine.en.md"
    lesson.write_text((ASSETS / "templates" / "lesson.en.md").read_text(encoding="utf-8"), encoding="utf-8")
    window.app.open(lesson)
    window.settle()
    assert window.app.desk.recent == (str(lesson),)
    window.app.open(tmp_path / "none.en.md")
    window.settle()
    assert window.app.desk.recent == (str(lesson),)
