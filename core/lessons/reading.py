"""The text of a lesson file → a lesson; nothing in it is run, and what is wrong is told with its line."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from core.lessons.records import (
    FORMAT,
    Block,
    Check,
    Elsewhere,
    Head,
    Lesson,
    Predict,
    Screen,
    Show,
    Span,
    Style,
    Text,
)

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LONGEST: Final = 1 << 16
"""Characters of a lesson file: five long lessons, and never more than a moment's reading."""
LARGEST: Final = 9999
"""Of a number in the head."""
SAID: Final = 240
"""Characters of what is said of a mistake, which may quote as much of the file as there is."""

_FRONT: Final = re.compile(r"\+\+\+\n(.*?)\n\+\+\+\n", re.S)
_HEADING: Final = re.compile(r"(.+?)\s*\{#([a-z0-9-]+)\}")
_COMPUTED: Final = re.compile(r"\{=([^}]+)\}")
_REFUSED: Final = frozenset(
    {"html_block", "html_inline", "image", "link_open", "code_block", "blockquote_open", "ordered_list_open", "hr"}
)
ONLY: Final = "lessons have screens, paragraphs, lists with -, formulas and blocks in backticks, nothing else"
_DATA: Final[Mapping[str, type[msgspec.Struct]]] = {"show": Show, "predict": Predict, "check": Check}

Table = dict[str, Any]
T = TypeVar("T", bound=msgspec.Struct)


class LessonError(ValueError):
    """What is wrong with a lesson file.

    Attributes:
        line: from 1; 0 where no line is to blame.
        message: without the line.
    """

    def __init__(self, line: int, message: str) -> None:
        message = message if len(message) <= SAID else f"{message[:SAID]}…"
        super().__init__(f"line {line}: {message}" if line else message)
        self.line, self.message = line, message


@dataclass
class _Part:
    """A block as it stands in one file: text and code as they are, data as a table that may lack what another has."""

    kind: str
    line: int
    block: Block | None = None
    table: Table = field(default_factory=dict)


@dataclass
class _Draft:
    """A screen as it stands in one file."""

    id: str
    title: str
    line: int
    program: str
    parts: list[_Part] = field(default_factory=list)


@dataclass
class _File:
    """One file."""

    head: Table
    programs: dict[str, str]
    drafts: dict[str, _Draft]


def read_head(text: str) -> Head:
    """What the contents page needs, without reading the rest; raises LessonError."""
    return _head(_front(text)[0])


def read_title(text: str) -> str:
    """The title alone: a translation says no more of itself."""
    return str(_front(text)[0].get("title", ""))


def read_lesson(text: str, language: str, original: str | None = None, original_language: str = "en") -> Lesson:
    """A lesson; raises LessonError.

    Args:
        text: the file in the reader's language.
        original: the file that it translates. Screens that ``text`` lacks are taken from it, and so are programs, and
            the keys of data blocks: a translation writes the words only.
    """
    digest, content = _digest(original or text), _digest(text if original is None else f"{original}\0{text}")
    own = _read(text)
    first = own if original is None else _read(original)
    head = _head({**first.head, **own.head})
    newer = head.format > FORMAT
    programs = {**first.programs, **own.programs}
    if not programs:
        raise LessonError(0, "there is no program: a ```python block")
    unknown = own.drafts.keys() - first.drafts.keys()
    if unknown:
        raise LessonError(own.drafts[min(unknown)].line, f"the original has no screen {min(unknown)!r}")
    screens = []
    for id_, draft in first.drafts.items():
        mine = own.drafts.get(id_)
        if mine is None or mine is draft:
            screens.append(_screen(draft, draft, programs, language if mine is draft else original_language, newer))
        else:
            screens.append(_screen(mine, draft, programs, language, newer))
    return Lesson(head, programs, tuple(screens), digest, content)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# ── One file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _front(text: str) -> tuple[Table, int]:
    """The front matter, and how many lines it takes up."""
    if len(text) > LONGEST:
        raise LessonError(0, f"{len(text):,} characters; a lesson has at most {LONGEST:,}")
    if "\0" in text:
        raise LessonError(text[: text.index("\0")].count("\n") + 1, "a NUL character")
    found = _FRONT.match(text)
    if found is None:
        raise LessonError(1, "a lesson begins with +++, its head in TOML, and +++")
    return _table(found[1], 2), found[0].count("\n")


def _head(table: Table) -> Head:
    try:
        head = msgspec.convert(table, Head)
    except msgspec.ValidationError as error:
        raise LessonError(1, _said(error)) from None
    if not re.fullmatch(r"[a-z0-9-]+", head.id):
        raise LessonError(1, f"id {head.id!r}: small letters, digits and hyphens")
    for key in ("format", "order", "minutes"):
        if not 0 <= getattr(head, key) <= LARGEST:
            raise LessonError(1, f"{key}: a whole number from 0 to {LARGEST}")
    return head


def _read(text: str) -> _File:
    head, skipped = _front(text)
    body = "\n" * skipped + _FRONT.sub("", text, count=1)
    try:
        tokens = _markdown().parse(body)
    except RecursionError:
        raise LessonError(0, "nested too deeply") from None
    file = _File(head, {}, {})
    newer = isinstance(head.get("format"), int) and head["format"] > FORMAT
    program = ""
    for place, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else 0
        draft = next(reversed(file.drafts.values()), None)
        match token.type:
            case "heading_open":
                draft = _heading(tokens[place + 1].content, line, program)
                if draft.id in file.drafts:
                    raise LessonError(line, f"a second screen {draft.id!r}")
                file.drafts[draft.id] = draft
            case "fence":
                words = token.info.split()
                if words[:1] == ["python"]:
                    name = words[1] if len(words) > 1 else "main"
                    if name in file.programs:
                        raise LessonError(line, f"a second program {name!r}")
                    file.programs[name] = token.content
                    program = program or name
                    if draft is not None and "hidden" not in words:
                        draft.program = program = name
                elif draft is None:
                    raise LessonError(line, "a block before the first screen: ## Title {#id}")
                elif not newer or (words[0:1] and words[0] in {*_DATA, "aside"}):
                    draft.parts.append(_fence(words, token.content, line))
            case "inline" if any(child.type in _REFUSED for child in token.children or ()):
                _refuse_picture(token.children or [], line)
                raise LessonError(line, ONLY)
            case "inline" if tokens[place - 1].type == "paragraph_open":
                if draft is None:
                    raise LessonError(line, "text before the first screen: ## Title {#id}")
                style = "item" if place > 1 and tokens[place - 2].type == "list_item_open" else "paragraph"
                text_block = Text(style, tuple(_spans(token.children or [])))  # type: ignore[arg-type]
                draft.parts.append(_Part("text", line, text_block))
            case "math_block" if draft is not None:
                draft.parts.append(_Part("text", line, Text("formula", (Span(token.content.strip(), "math"),))))
            case kind if kind in _REFUSED:
                raise LessonError(line, ONLY)
    if not file.drafts:
        raise LessonError(0, "there is no screen: ## Title {#id}")
    return file


def _heading(text: str, line: int, program: str) -> _Draft:
    found = _HEADING.fullmatch(text)
    if found is None:
        raise LessonError(line, "a screen begins with ## Title {#id}, the id in small letters, digits and hyphens")
    return _Draft(found[2], found[1], line, program)


def _fence(words: Sequence[str], content: str, line: int) -> _Part:
    """A block in backticks, by its first word."""
    kind = words[0] if words else ""
    if kind in _DATA:
        return _Part(kind, line, table=_table(content, line + 1))
    if kind == "aside" and len(words) > 1:
        return _Part("aside", line, Elsewhere(" ".join(words[1:]), content.rstrip()))
    raise LessonError(line, f"a block {kind!r}: it can be python, show, predict, check or aside LIBRARY")


def _refuse_picture(tokens: Sequence[Token], line: int) -> None:
    """A lesson is one file: it fetches nothing from beside it, nor from anywhere else."""
    for token in tokens:
        if token.type == "image":
            raise LessonError(line, f"a picture {str(token.attrs.get('src'))[:80]!r}: {ONLY}")


def _table(text: str, line: int) -> Table:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+)", str(error))
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise LessonError(line + (int(where[1]) - 1 if where else 0), message) from None
    except ValueError:  # Python refuses to read so many digits
        raise LessonError(line, "a number with too many digits") from None
    except RecursionError:
        raise LessonError(line, "nested too deeply") from None


def _spans(tokens: Sequence[Token]) -> Iterator[Span]:
    style: Style = ""
    pending: Span | None = None
    for token in tokens:
        text = {"softbreak": " ", "hardbreak": "\n"}.get(token.type, token.content)
        match token.type:
            case "strong_open":
                style = "strong"
            case "em_open":
                style = "em"
            case "strong_close" | "em_close":
                style = ""
            case "code_inline" | "math_inline":
                if pending is not None:
                    yield pending
                pending = Span(text, "code" if token.type == "code_inline" else "math")
                continue
        if pending is not None:
            marked = _COMPUTED.match(text)
            yield Span(pending.text, pending.style, marked[1].strip()) if marked else pending
            text, pending = text[marked.end() :] if marked else text, None
        if text:
            yield Span(text, style)
    if pending is not None:
        yield pending


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    return MarkdownIt("commonmark").use(dollarmath_plugin)


# ── Two files ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _screen(draft: _Draft, original: _Draft, programs: Mapping[str, str], language: str, newer: bool) -> Screen:
    """A screen whose data are completed from the original's, which may be the same.

    Args:
        newer: the lesson is of a newer Pullback; blocks that make no sense to this one are left out.
    """
    tables = [part for part in original.parts if part.kind in _DATA]
    mine = [part for part in draft.parts if part.kind in _DATA]
    for kind in ("predict", "check"):
        counts = [sum(part.kind == kind for part in parts) for parts in (mine, tables)]
        if counts[0] != counts[1]:
            raise LessonError(draft.line, f"{counts[0]} blocks {kind!r}, where the original has {counts[1]}")
    left = {kind: [part for part in tables if part.kind == kind] for kind in _DATA}
    show = Show()
    if left["show"] and not any(part.kind == "show" for part in draft.parts):
        show = _convert(left["show"][0].table, left["show"][0], Show)
    blocks: list[tuple[Block, int]] = []
    for part in draft.parts:
        if part.block is not None:
            blocks.append((part.block, part.line))
            continue
        whole = _merged(left[part.kind].pop(0).table if left[part.kind] else {}, part.table)
        try:
            if part.kind == "show":
                show = _convert(whole, part, Show)
            elif part.kind == "predict":
                blocks.append((_predict(_convert(whole, part, Predict), part), part.line))
            else:
                blocks.append((_convert(whole, part, Check), part.line))
        except LessonError:
            if not newer:
                raise
    if not any(isinstance(block, Elsewhere) for block, _ in blocks):  # code needs no translation
        blocks += [(part.block, 0) for part in original.parts if isinstance(part.block, Elsewhere)]
    program = show.suppose.program or original.program
    if program not in programs:
        raise LessonError(draft.line, f"there is no program {program!r}")
    lines = tuple(line for _, line in blocks)
    return Screen(
        draft.id, draft.title, program, show, tuple(block for block, _ in blocks), language, draft.line, lines
    )


def _merged(original: Any, own: Any) -> Any:
    """A table with what a translation says put in its place; lists entry by entry."""
    if isinstance(original, dict) and isinstance(own, dict):
        return {**original, **{key: _merged(original.get(key), value) for key, value in own.items()}}
    if isinstance(original, list) and isinstance(own, list) and all(isinstance(entry, dict) for entry in own):
        rest = original[len(own) :]
        return [_merged(*pair) for pair in zip(original, own, strict=False)] + own[len(original) :] + rest
    return own


def _convert(table: Table, part: _Part, kind: type[T]) -> T:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise LessonError(part.line, f"{part.kind}: {_said(error)}") from None


def _predict(predict: Predict, part: _Part) -> Predict:
    """A prediction that can be answered."""
    if predict.kind == "choice":
        if sum(choice.right for choice in predict.choices) != 1:
            raise LessonError(part.line, "predict: of the choices exactly one is right")
    elif predict.answer in ("", ()):
        raise LessonError(part.line, "predict: an answer is missing")
    if predict.kind == "card" and not isinstance(predict.answer, str):
        raise LessonError(part.line, "predict: the answer is what a card is called")
    if predict.kind == "numbers" and isinstance(predict.answer, str):
        raise LessonError(part.line, "predict: the answer is numbers")
    return predict


def _said(error: msgspec.ValidationError) -> str:
    """The library's message, in the words of the file."""
    return str(error).replace("Object", "the block").replace(" - at `$", ", at `").replace("`.", "`")
