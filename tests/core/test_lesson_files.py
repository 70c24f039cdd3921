"""Lesson files as strangers send them: read without harm, refused by name, trusted by their content."""

from __future__ import annotations

import codecs
import os
import re
import time
from pathlib import Path

import msgspec
import pytest

from core import files
from core.engine import record
from core.lessons.checking import faults
from core.lessons.reading import LONGEST, LessonError, read_lesson
from core.lessons.records import Check, Predict, Text
from core.lessons.shelf import load_progress, open_file, save_progress
from core.lessons.trust import Trust
from core.lessons.walk import Progress
from core.records import Options
from tests.core.test_lessons import CHINESE, LESSON

ROOT = Path(__file__).parents[2]


def put(folder: Path, content: bytes | str, name: str = "square.en.md") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path: Path) -> str:
    with pytest.raises(LessonError) as raised:
        open_file(path, "en")
    return str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LESSON[:700], "line 53: Unterminated string"),
        (LESSON.replace("order = 1", "order = 1\norder = 2"), "line 5: Cannot overwrite a value"),
        (b"\x93\x00\xff\x10" * 100, "line 1 is not utf-8: byte 0x93"),
    ],
)
def test_fault_21_truncated_duplicate_keys_and_random_bytes(tmp_path: Path, content: bytes | str, said: str) -> None:
    assert said in refused(put(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a" * (100 << 20), "it has 104,857,600 bytes; at most 262,144 are read"),
        (LESSON.replace("order = 1", "a = " + "[" * 20_000), "nested too deeply"),
        (LESSON.replace("order = 1", "order = " + "9" * 10_000), "too many digits"),
        (LESSON.replace("order = 1", "order = " + "9" * 4_000), "a whole number from 0 to 9999"),
        (LESSON.replace("Before.", "[" * (LONGEST - len(LESSON))), ""),
        (LESSON.replace("Before.", "Bef\0re."), "line 28: a NUL character"),
    ],
)
def test_fault_22_size_nesting_and_huge_numbers(tmp_path: Path, content: bytes | str, said: str) -> None:
    path, began = put(tmp_path, content), time.monotonic()
    if said:
        assert said in refused(path)
    else:
        open_file(path, "en")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "name", ["../../secret.png", "/etc/passwd", "\\\\server\\share.png", "https://a.example/b.png"]
)
def test_fault_23_nothing_is_fetched_from_beside_a_lesson(tmp_path: Path, name: str) -> None:
    said = refused(put(tmp_path, LESSON.replace("Before.", f"![x](<{name}>)")))
    assert said.startswith("line 28: a picture '")
    assert name.split("\\")[-1] in said


def test_fault_23_an_original_that_is_a_link_is_refused_by_name(tmp_path: Path) -> None:
    secret = put(tmp_path, LESSON, "secret.txt")
    beside = tmp_path / "sent"
    beside.mkdir()
    own = put(beside, CHINESE, "square.zh.md")
    os.symlink(secret, beside / "square.en.md")
    assert "square.en.md is a link" in refused(own)


def test_fault_24_a_newer_format_is_read_as_far_as_it_is_known() -> None:
    newer = LESSON.replace("format = 1", "format = 2").replace('kind = "numbers"', 'kind = "sung"')
    newer = newer.replace("```show", "```hologram\nx\n```\n\n```show", 1)
    lesson = read_lesson(newer, "en")
    assert lesson.newer
    assert not read_lesson(LESSON, "en").newer
    blocks = [block for screen in lesson.screens for block in screen.blocks]
    assert [isinstance(block, Check) for block in blocks].count(True) == 1
    assert not any(isinstance(block, Predict) for block in blocks)
    assert "Before." in [block.plain for block in blocks if isinstance(block, Text)]


def test_fault_25_trust_is_of_one_content(tmp_path: Path) -> None:
    own, kept = tmp_path / "own", tmp_path / "kept" / "trusted.json"
    own.mkdir()
    sent = put(tmp_path, LESSON)
    lesson, other = open_file(sent, "en"), open_file(put(tmp_path, LESSON.replace("a**2", "a**3"), "b.en.md"), "en")
    trust = Trust(own, kept)
    assert not trust.covers(sent, lesson)
    assert trust.covers(put(own, LESSON), lesson)
    os.symlink(sent, own / "link.en.md")
    assert not trust.covers(own / "link.en.md", lesson)
    trust.once(lesson)
    assert trust.covers(sent, lesson)
    assert not trust.covers(sent, other)
    trust.ask_again()
    assert not trust.covers(sent, lesson)
    trust.always(lesson)
    again = Trust(own, kept)
    assert again.covers(sent, lesson)
    assert not again.covers(sent, other)
    kept.write_bytes(b"[[[")
    assert not Trust(own, kept).covers(sent, lesson)


def test_fault_25_a_translation_with_another_program_is_another_content(tmp_path: Path) -> None:
    put(tmp_path, LESSON)
    plain = open_file(put(tmp_path, CHINESE, "square.zh.md"), "zh")
    hostile = CHINESE.replace("之前。", "```python main\nimport os\n```\n\n之前。")
    changed = open_file(put(tmp_path, hostile, "square.zh.md"), "zh")
    assert changed.programs["main"] == "import os\n"
    assert changed.digest == plain.digest
    assert changed.content != plain.content


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_fault_26_marks_and_line_ends_are_kept(tmp_path: Path, mark: bytes) -> None:
    encoding = "utf-8" if mark == codecs.BOM_UTF8 else "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    path = put(tmp_path, mark + LESSON.replace("\n", "\r\n").encode(encoding))
    assert open_file(path, "en") == read_lesson(LESSON, "en")
    files.write_text(path, LESSON + "Ein Wort: é 平方\n")
    written = path.read_bytes()
    assert files.read_text(path, 1 << 20) == LESSON + "Ein Wort: é 平方\n"
    assert written.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    ends = written.decode("utf-8-sig" if encoding == "utf-8" else "utf-16")
    assert ends.count("\r\n") == ends.count("\n") == (LESSON + "\n").count("\n")


def test_fault_26_the_offending_byte_is_named(tmp_path: Path) -> None:
    said = refused(put(tmp_path, LESSON.replace("Before.", "Voilà.").encode("latin-1")))
    assert said == "line 28 is not utf-8: byte 0xe0"


def test_a_pipe_is_no_lesson(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert "no file" in refused(tmp_path / "pipe.md")


def test_damaged_progress_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    path.write_bytes(b'{"square": {"digest"')
    progress, aside = load_progress(path)
    assert progress == {}
    assert not path.exists()
    assert aside.startswith("progress.json.damaged-")
    assert (tmp_path / aside).read_bytes() == b'{"square": {"digest"'
    save_progress({"square": Progress("x")}, path)
    assert load_progress(path) == ({"square": Progress("x")}, "")


# ── What authors start from ───────────────────────────────────────────────────────────────────────────────────────


def example() -> str:
    """The example in the authors' manual."""
    return re.findall(r"^````markdown\n(.*?)^````\n", (ROOT / "docs" / "lessons.md").read_text(), re.S | re.M)[0]


@pytest.mark.parametrize("text", [example, lambda: (ROOT / "assets/templates/lesson.en.md").read_text(),
                                  lambda: (ROOT / "assets/templates/lesson.zh.md").read_text()])  # fmt: skip
def test_the_manual_and_the_templates_have_no_faults(text: object) -> None:
    lesson = read_lesson(text(), "en")  # type: ignore[operator]
    assert list(faults(lesson, lambda source, what_if: record(source, what_if, Options(verify=False)))) == []


def test_the_manual_names_every_key() -> None:
    from core.lessons import records

    manual = (ROOT / "docs" / "lessons.md").read_text()
    for kind in ("Head", "Show", "Supposed", "Predict", "Choice", "Wrong", "Check", "Claim", "Mistake"):
        described = getattr(records, kind)
        names = [field.name for field in msgspec.structs.fields(described)] if kind != "Head" else [
            "id", "title", "order", "minutes", "format"
        ]  # fmt: skip
        missing = [name for name in names if f"`{name}`" not in manual]
        assert not missing, f"{kind}: {missing}"
