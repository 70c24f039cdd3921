"""Lessons, traces, programs and what is kept, as strangers, editors and accidents leave them.

Lessons themselves: ``tests/core/test_lesson_files.py`` and ``tests/gui/test_lesson_trust.py``, by the same numbers.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import struct
import time
from pathlib import Path

import msgspec
import pytest

from core import files, journal, tracefile
from core.lessons.shelf import LARGEST, load_progress
from core.records import pack_trace
from gui.settings import load, place
from tests.faults.conftest import Start
from tests.gui import traces
from tests.gui.conftest import Window

TRACE, PLAIN = tracefile.pack(traces.first()), pack_trace(traces.first())
"""A trace as it is written, and as it was written first."""


def said(window: Window) -> str:
    return window.app.output.text.get("1.0", "end")


@pytest.mark.parametrize(
    "blob", [TRACE[:-20], TRACE + b"\x01", PLAIN[:-20], PLAIN + b"\x01", b"\x93\x00\xff\x10" * 100, b"", b"{}"]
)
def test_fault_21_a_trace_that_makes_no_sense_is_told_and_the_picture_stays(
    window: Window, tmp_path: Path, blob: bytes
) -> None:
    app = window.app
    window.key("<F5>")
    before = app.session.playback
    (tmp_path / "bad.pullback").write_bytes(blob)
    app.desk.take([str(tmp_path / "bad.pullback")])
    window.settle()
    assert said(window).startswith("bad.pullback could not be opened: it is ")
    assert said(window).count("\n") <= 3
    assert app.session.playback is before


@pytest.mark.parametrize(
    "blob",
    [
        b"\x91" * 5_000_000,  # a list in a list, and so on
        b"\xa0\xa6source" + b"\x91" * 5_000_000,
        b"\xa0\xa6source\xcf" + b"\xff" * 8,  # 2**64 - 1
        b"\xdd\xff\xff\xff\xff",  # a list of four thousand million, it says
        b"\xdb\xff\xff\xff\xff",  # a text of as many characters
    ],
)
def test_fault_22_nesting_and_huge_numbers_in_a_trace(tmp_path: Path, blob: bytes) -> None:
    path, began = tmp_path / "deep.pullback", time.monotonic()
    path.write_bytes(b"\x82\xa5torch" + blob)
    with pytest.raises(ValueError, match="it is damaged"):
        files.read_trace(path)
    assert time.monotonic() - began < 2


def test_fault_22_the_size_is_looked_at_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(files.TRACE_LIMIT + 1)  # no disk is needed for zeros that nobody wrote
    began = time.monotonic()
    for read, limit in ((files.read_trace, "1,073,741,824"), (files.read_program, "10,485,760")):
        with pytest.raises(ValueError, match=f"it has 1,073,741,825 bytes; at most {limit} are read"):
            read(path)
    assert load_progress(path)[0] == {}
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "text", ["[" * 500_000, '{"a": ' * 50_000, '{"size": ' + "9" * 100_000 + "}", '{"window": [1e999, 1, 1, 1]}']
)
def test_fault_22_nesting_and_huge_numbers_in_what_is_kept(start: Start, text: str) -> None:
    place().parent.mkdir(parents=True)
    place().write_text(text)
    place().with_name("progress.json").write_text(text)
    began = time.monotonic()
    assert load(place()).size == 0
    assert load_progress(place().with_name("progress.json"))[0] == {}
    with pytest.raises(ValueError, match="damaged"):
        journal.unpack(text.encode())
    assert time.monotonic() - began < 2
    assert not start().app.session.busy
    assert LARGEST > 1 << 20


def test_fault_24_a_newer_trace_is_named_and_left_as_it_is(window: Window, tmp_path: Path) -> None:
    rest = struct.pack("<H", tracefile.VERSION + 1) + b"what nobody knows yet"
    newer = tracefile.MAGIC + struct.pack("<Q", len(rest)) + hashlib.sha256(rest).digest() + rest
    path = tmp_path / "newer.pullback"
    path.write_bytes(newer)
    window.app.open(path)
    window.settle()
    assert "newer.pullback could not be opened: it was made by a newer Pullback" in said(window)
    assert path.read_bytes() == newer


def test_fault_25_a_trace_that_is_opened_runs_nothing(window: Window, tmp_path: Path) -> None:
    path = tmp_path / "sent.pullback"
    path.write_bytes(tracefile.pack(msgspec.structs.replace(traces.first(), source="import os\nos.abort()\n")))
    count = len(window.worker.jobs)
    window.app.open(path)
    for key in ("<Home>", "<space>", "<End>", "<F10>", "<Left>"):
        window.key(key, window.app.canvas)
    assert len(window.worker.jobs) == count


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a = 1\r\nb = 2\nc = 3\r\n", b"# new\r\na = 1\r\nb = 2\nc = 3\r\n"),  # mixed ends of lines
        (b"a = 1\rb = 2\r", b"# new\ra = 1\rb = 2\r"),
        (codecs.BOM_UTF8 + b"a = 1\r\n", codecs.BOM_UTF8 + b"# new\r\na = 1\r\n"),
        ("\ufeffa = 'é'\r\n".encode("utf-16-le"), "\ufeff# new\r\na = 'é'\r\n".encode("utf-16-le")),
        ("\ufeffa = 'é'\n".encode("utf-16-be"), "\ufeff# new\na = 'é'\n".encode("utf-16-be")),
        (b"a = 1", b"# new\na = 1"),
    ],
)
def test_fault_26_encodings_and_ends_of_lines_are_kept(
    window: Window, tmp_path: Path, before: bytes, after: bytes
) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(before)
    window.app.open(path)
    window.app.editor.text.insert("1.0", "# new\n")
    window.settle()
    window.key("<Control-s>", window.app.editor.text)
    assert path.read_bytes() == after


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"a = 1\nb = 'caf\xe9'\n", "line 2 is not utf-8: byte 0xe9"),
        (codecs.BOM_UTF16_LE + b"a\0\n\0\0\xd8", "is not utf-16"),
    ],
)
def test_fault_26_the_byte_that_is_no_text_is_named_and_nothing_is_lost(
    window: Window, tmp_path: Path, blob: bytes, reason: str
) -> None:
    path, before = tmp_path / "mine.py", window.app.session.source
    path.write_bytes(blob)
    window.app.open(path)
    window.settle()
    assert reason in said(window)
    assert (path.read_bytes(), window.app.session.source) == (blob, before)


def test_fault_27_what_is_no_text_is_left_out_of_a_paste_and_said(window: Window, tmp_path: Path) -> None:
    app = window.app
    app.clipboard_clear()
    app.tk.eval(r'clipboard append "x = 1\u0000\ud800 + 2\n"')
    app.editor.text.mark_set("insert", "1.0")
    window.key("<<Paste>>", app.editor.text)
    assert app.editor.source.startswith("x = 1 + 2\n")
    assert app.statusbar.note.cget("text") == "Characters that are no text were left out."
    app.session.source.encode()


@pytest.mark.parametrize("lesson", [False, True])
def test_fault_27_a_line_of_two_million_characters_does_not_hold_up_the_keys(
    window: Window, tmp_path: Path, lesson: bool
) -> None:
    app = window.app
    if lesson:
        app.editing.begin_new()
        window.settle()
    editor = app.editing.editor if lesson else app.editor
    before = editor.source
    app.clipboard_clear()
    app.clipboard_append("x = '" + "ab" * 1_000_000 + "'")
    editor.text.mark_set("insert", "1.0")
    window.key("<<Paste>>", editor.text)
    assert app.statusbar.note.cget("text").startswith("Line 1 is 2,000,0")
    slowest = 0.0
    for index in ("1.0", "1.50", "1.end", "2.0"):
        editor.text.mark_set("insert", index)
        began = time.monotonic()
        window.key("<Key-z>", editor.text)
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2
    assert len(editor.source) == len(before) + 2_000_006 + 4
    assert editor.source.count("z") == before.count("z") + 4
    if lesson:
        app.editing.end()
    json.dumps(app.session.source)
