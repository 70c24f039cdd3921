"""What is wrong in the program: underlined, explained, and gone once it is edited."""

from __future__ import annotations

import re

import msgspec
import pytest

from core.records import Failure, Trace
from gui.editor.syntax import ROWS
from gui.failure import failure_lines
from gui.i18n import words
from tests.gui import traces
from tests.gui.conftest import Window

BROKEN = {
    "if x\n  y\n": "if x",
    "x = (1,\n": "(",
    "x = 1)\n": ")",
    "x = (1]\n": "]",
    "x = 'abc\n": "'",
    "  x = 1\n": None,
    "if x:\ny = 1\n": None,
    "if x:\n    y\n  z\n": None,
    "if x:\n\ty\n        z\n": None,
    "f(a b)\n": "a b",
    "if x = 1:\n  y\n": "x = 1",
    "None = 2\n": "None",
    "导数 = 1，2\n": "，",
    "x =\xa01\n": "\xa0",
    "x = 1a\n": "1",
    "x = a \\ b\n": "\\",
    "x = \\": "\\",
    "print 'a'\n": "print 'a'",
    "try:\n  x\ny\n": "y",
    "f(x=1, 2)\n": ")",
    "def f(a=1, b): pass\n": "b",
    "a +\n": "+",
}
"""Texts, and what of them is underlined; None is a whole line."""


def failed(**changes: object) -> Trace:
    trace = traces.failed()
    assert trace.error is not None
    return msgspec.structs.replace(trace, error=msgspec.structs.replace(trace.error, **changes))


def run_failing(window: Window, trace: Trace) -> None:
    window.worker.record = lambda job: trace
    window.app.session.open_program(trace.source, "")
    window.settle()
    window.key("<F5>", window.app.canvas)


def underlined(window: Window, tag: str) -> str:
    text = window.app.editor.text
    ranges = text.tag_ranges(tag)
    return text.get(*ranges) if ranges else ""


def noted(window: Window) -> tuple[str, str]:
    tip = window.app.editor.mistake.tip
    return (tip.heading.cget("text"), tip.body.cget("text")) if tip.winfo_manager() else ("", "")


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Failure]:
    """What running each of them says."""
    from core.engine import record

    return {source: error for source in BROKEN if (error := record(source).error) is not None}


@pytest.mark.parametrize(("source", "part"), BROKEN.items())
def test_a_mistake_of_syntax_is_placed_and_explained_in_both_languages(
    failures: dict[str, Failure], source: str, part: str | None
) -> None:
    found = failures[source]
    line, column, end_line, end_column = found.span
    if part is None:
        assert found.span == (0, 0, 0, 0)
    elif part != "if x":
        assert line == end_line
        assert source.split("\n")[line - 1][column:end_column] == part
    explanations = [failure_lines(found, words(language))[0] for language in ("en", "zh")]
    assert all(explanations)
    assert explanations[0] != explanations[1]


def test_every_row_of_the_table_is_reached(failures: dict[str, Failure]) -> None:
    for pattern, key in ROWS:
        assert any(re.search(pattern, found.message) for found in failures.values()), key


def test_an_error_is_told_where_it_happened_not_before(window: Window) -> None:
    app = window.app
    run_failing(window, failed(span=(3, 4, 3, 9)))

    def told() -> tuple[bool, bool]:
        return "The shapes do not match." in app.output.text.get("1.0", "end"), bool(underlined(window, "failed"))

    assert told() == (True, True)
    window.key("<Home>", app.canvas)
    assert told() == (False, False)
    window.key("<End>", app.canvas)
    assert told() == (True, True)


def test_the_expression_that_failed_is_underlined_until_it_is_edited(window: Window) -> None:
    run_failing(window, failed(span=(3, 4, 3, 9)))
    app = window.app
    text = app.editor.text
    whole = traces.failed().source.split("\n")[2]
    assert underlined(window, "failed") == whole[4:9]
    text.insert("1.0", "# above\n")  # elsewhere: it moves along
    window.settle()
    assert underlined(window, "failed") == whole[4:9]
    assert app.editor.mistake.line == 4
    text.insert("4.end", "  ")
    window.settle()
    assert not underlined(window, "failed")
    assert not text.tag_ranges("failed_line")
    window.key("<F5>", app.canvas)  # fails again: the program that ran is another, but this line of it
    assert app.editor.mistake.line == 0


def test_a_failure_without_a_place_marks_nothing(window: Window) -> None:
    run_failing(window, failed(line=0))
    assert not underlined(window, "failed")
    run_failing(window, failed(line=99))
    assert not underlined(window, "failed")


def test_the_next_run_takes_the_mark_away(window: Window) -> None:
    run_failing(window, failed())
    assert underlined(window, "failed")
    window.worker.held = True
    window.key("<F5>", window.app.canvas)
    assert not underlined(window, "failed")


def test_pointing_at_it_and_going_to_it_by_keys_explains(window: Window) -> None:
    run_failing(window, failed(span=(3, 4, 3, 9)))
    editor = window.app.editor
    box = editor.text.bbox("3.5")
    assert box is not None
    editor.text.event_generate("<Motion>", x=box[0] + 1, y=box[1] + box[3] // 2)
    window.settle()
    explanation, message = noted(window)
    assert explanation == "The shapes do not match."
    assert message.startswith("line 3 · RuntimeError")
    editor.text.event_generate("<Motion>", x=2, y=box[1] + box[3] * 4)
    window.settle()
    assert noted(window) == ("", "")
    editor.gutter.event_generate("<Motion>", x=10, y=box[1] + box[3] // 2)
    window.settle()
    assert noted(window)[0] == explanation
    editor.gutter.event_generate("<Leave>")
    editor.text.mark_set("insert", "2.0")
    window.key("<Down>", editor.text)
    assert noted(window)[0] == explanation
    window.key("<Escape>", editor.text)
    assert noted(window) == ("", "")
    assert window.app.focus_get() is editor.text
    window.app.toggle_language()
    window.settle()
    window.key("<Home>", editor.text)
    assert noted(window)[1].startswith("第 3 行")


def test_a_note_stays_within_the_window(window: Window) -> None:
    run_failing(window, failed(explanation="long words " * 60))
    editor, app = window.app.editor, window.app
    editor.text.mark_set("insert", "2.0")
    window.key("<Down>", editor.text)
    tip = editor.mistake.tip
    app.update()
    assert tip.winfo_x() >= 0
    assert tip.winfo_x() + tip.winfo_width() <= app.winfo_width()
    assert tip.winfo_y() + tip.winfo_height() <= app.winfo_height()


def test_another_program_brings_no_marks_of_the_last(window: Window) -> None:
    run_failing(window, failed())
    window.app.session.open_program("y = 1\n" * 5, "")
    window.settle()
    assert window.app.editor.mistake.line == 0


def test_a_failure_that_is_no_syntax_error_is_not_explained_as_one() -> None:
    assert failure_lines(Failure("ValueError", "expected ':'", 1), words("en"))[0] == ""
