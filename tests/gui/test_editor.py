"""The program's text: keys that change lines, and expressions that are cards."""

from __future__ import annotations

import pytest

from gui.editor.code_lines import commented, dedented, indent_after, indented
from tests.gui.conftest import Window

LINES = ["for i in x:", "    y = 1", "", "    # z"]


def test_lines_are_indented_and_back() -> None:
    assert indented(LINES) == ["    for i in x:", "        y = 1", "", "        # z"]
    assert dedented(indented(LINES)) == LINES
    assert dedented(["  a", "\tb", "c"]) == ["a", "b", "c"]


def test_lines_are_commented_at_their_least_indent_and_back() -> None:
    body = LINES[1:]
    assert commented(body) == ["    # y = 1", "", "    # # z"]
    assert commented(commented(LINES)) == LINES
    assert commented(["#a", "  # b"]) == ["a", "  b"]
    assert commented(["", " "]) == ["", " "]


def set_text(window: Window, text: str, select: tuple[str, str] | None = None, cursor: str = "1.0") -> None:
    area = window.app.editor.text
    area.delete("1.0", "end")
    area.insert("1.0", text)
    area.edit_reset()
    area.mark_set("insert", cursor)
    if select is not None:
        area.tag_add("sel", *select)


@pytest.mark.parametrize(
    ("keys", "after"),
    [
        ("<Tab>", "    a = 1\n    b = 2\nc"),
        ("<Control-slash>", "# a = 1\n# b = 2\nc"),
    ],
)
def test_keys_change_all_selected_lines_and_one_undo_takes_it_back(window: Window, keys: str, after: str) -> None:
    area = window.app.editor.text
    set_text(window, "a = 1\nb = 2\nc", ("1.2", "2.3"))
    window.key(keys, area)
    assert window.app.editor.source == after
    assert window.app.session.source == after
    assert area.get("sel.first", "sel.last") == "\n".join(after.split("\n")[:2])
    window.key("<Control-z>", area)
    assert window.app.editor.source == "a = 1\nb = 2\nc"


def test_the_line_of_the_cursor_is_commented_and_the_cursor_stays_in_its_word(window: Window) -> None:
    area = window.app.editor.text
    set_text(window, "a = 1\n    b = 2\n", cursor="2.4")
    window.key("<Control-slash>", area)
    assert window.app.editor.source == "a = 1\n    # b = 2\n"
    assert area.index("insert") == "2.6"
    window.key("<Control-slash>", area)
    assert window.app.editor.source == "a = 1\n    b = 2\n"


def test_backspace_goes_back_one_indent_before_the_code_only(window: Window) -> None:
    area = window.app.editor.text
    set_text(window, "      b = 2", cursor="1.6")
    window.key("<BackSpace>", area)
    assert window.app.editor.source == "    b = 2"
    set_text(window, "    b  = 2", cursor="1.7")
    window.key("<BackSpace>", area)
    assert window.app.editor.source == "    b = 2"


def click(window: Window, line: int, column: int) -> None:
    area = window.app.editor.text
    box = area.bbox(f"{line}.{column}")
    assert box is not None
    x, y = box[0] + box[2] // 2, box[1] + box[3] // 2
    for sequence in ("<Motion>", "<ButtonPress-1>", "<ButtonRelease-1>"):
        area.event_generate(sequence, x=x, y=y)
    window.settle()


def test_clicking_an_expression_selects_its_card_and_a_card_marks_its_expression(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<End>")
    line = next(n for n, text in enumerate(app.editor.source.split("\n"), 1) if text.startswith("Q = "))
    click(window, line, 11)  # in b**2 of Q = 3*a**3 - b**2
    graph = app.graph
    assert graph is not None
    assert app.selected is not None
    assert graph.cards[app.selected].title in ("b**2", "Q")
    chosen = graph.cards[app.selected].op
    playback = app.session.playback
    assert playback is not None
    assert chosen is not None
    first, last = map(str, app.editor.text.tag_ranges("span"))
    assert app.editor.text.get(first, last) == playback.trace.ops[chosen].text
    click(window, line, 6)  # in a**3
    assert graph.cards[app.selected].title == "a**3"
    click(window, 1, 2)  # import torch
    assert app.selected is None


def test_nothing_is_selected_in_a_text_that_was_not_run(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    app.editor.text.insert("1.0", "# new\n")
    window.settle()
    click(window, 6, 6)
    assert app.selected is None


@pytest.mark.parametrize(
    ("before", "indent"),
    [
        ("x = 1", ""),
        ("    x = 1", "    "),
        ("if x:", "    "),
        ("    for i in y:  # each: one", "        "),
        ("# note:", ""),
        ("x = torch.tensor([", "    "),
        ("        return x", "    "),
        ("    pass  # nothing yet", ""),
        ("    returned = 1", "    "),
        ("print('# no comment', [", "    "),
    ],
)
def test_a_new_line_begins_where_the_code_goes_on(before: str, indent: str) -> None:
    assert indent_after(before) == indent


def test_enter_indents_and_takes_the_place_of_what_is_selected(window: Window) -> None:
    area = window.app.editor.text
    set_text(window, "def f(x):abc", ("1.9", "1.12"), cursor="1.12")
    window.key("<Return>", area)
    assert window.app.editor.source == "def f(x):\n    "
    window.key("<Control-z>", area)
    assert window.app.editor.source == "def f(x):abc"


def test_home_goes_to_the_code_then_to_the_edge_and_selects_with_shift(window: Window) -> None:
    area = window.app.editor.text
    set_text(window, "    b = 2", cursor="1.7")
    places = []
    for key in ("<Home>", "<Home>", "<Home>"):
        window.key(key, area)
        places.append(area.index("insert"))
    assert places == ["1.4", "1.0", "1.4"]
    area.mark_set("insert", "1.7")
    window.key("<Shift-Home>", area)
    assert area.get("sel.first", "sel.last") == "b ="


def type_keys(window: Window, text: str) -> None:
    for char in text:
        window.key("<space>" if char == " " else f"<Key-{'equal' if char == '=' else char}>", window.app.editor.text)


def test_undo_takes_back_a_word_at_a_time_and_both_keys_redo(window: Window) -> None:
    area = window.app.editor.text
    set_text(window, "")
    type_keys(window, "ab = cd")
    states = []
    for key in ("<Control-z>", "<Control-z>", "<Control-y>", "<Control-Shift-Key-Z>", "<Control-z>"):
        window.key(key, area)
        states.append(window.app.editor.source)
    assert states == ["ab =", "ab", "ab =", "ab = cd", "ab ="]


def test_what_is_pasted_takes_the_place_of_the_selection_in_one_undo(window: Window) -> None:
    area = window.app.editor.text
    set_text(window, "a = 1\n", ("1.4", "1.5"), cursor="1.5")
    window.app.clipboard_clear()
    window.app.clipboard_append("2\r\nif a:\r\n\tb = '\t'\r\n  \tc\r")
    window.key("<Control-v>", area)
    assert window.app.editor.source == "a = 2\nif a:\n    b = '\t'\n    c\n\n"
    window.key("<Control-z>", area)
    assert window.app.editor.source == "a = 1\n"


def test_the_partner_of_a_bracket_is_shown_and_one_in_a_string_is_none(window: Window) -> None:
    editor = window.app.editor
    set_text(window, "f(')', [1])", cursor="1.1")
    window.wait_until(lambda: editor.text.tag_ranges("bracket"))
    assert list(map(str, editor.text.tag_ranges("bracket"))) == ["1.1", "1.2", "1.10", "1.11"]
    for _ in range(2):
        window.key("<Right>", editor.text)
    assert not editor.text.tag_ranges("bracket")  # beside the quote


def test_colours_stand_where_they_should_behind_an_emoji(window: Window) -> None:
    editor = window.app.editor
    set_text(window, "x = '😀'; y = 12")
    window.wait_until(lambda: editor.text.tag_ranges("code_number"))
    assert editor.text.get(*editor.text.tag_ranges("code_number")) == "12"


def test_a_program_longer_than_colours_reach_is_shown_plain(window: Window) -> None:
    editor = window.app.editor
    window.app.session.open_program("x = 1  # " + "long " * 50_000 + "\n", "")
    window.settle()
    assert not editor.text.tag_ranges("code_comment")
    window.key("<End>", editor.text)
    assert editor.text.xview()[1] > 0.99
