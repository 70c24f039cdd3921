"""Files that are opened, with bytes changed at random: each is read or refused in one line, quickly, and nothing else.

python -m tests.faults.fuzz [--count 10000] [--seed 0] [KIND…]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec

from core import journal, tracefile
from core.edits import edits
from core.files import read_trace
from core.flow import flow
from core.journal import Buffer
from core.lessons.reading import LessonError
from core.lessons.records import Lesson
from core.lessons.shelf import load_progress, open_file, save_progress
from core.lessons.walk import Outcome, Progress
from core.playback import Playback
from core.records import TRACE_FORMAT, pack_trace
from core.transcript import transcript
from gui import i18n
from gui.inspector.report import describe
from gui.picture.groups import Folding
from gui.picture.scene import Picture
from gui.settings import Settings, load, save, usable

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 5.0
"""Seconds that a mutant may take on a busy computer; one takes milliseconds."""
GROWTH: Final = 256 << 20
"""Bytes by which the process may grow over all mutants."""
LONGEST: Final = 300
"""Characters of a refusal, which is one line."""

Chance = random.Random


# ── Mutants ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _flip(blob: bytearray, others: list[bytes], chance: Chance) -> None:
    for _ in range(chance.randint(1, 8)):
        blob[chance.randrange(len(blob))] ^= 1 << chance.randrange(8)


def _delete(blob: bytearray, others: list[bytes], chance: Chance) -> None:
    begin, end = _slice(blob, chance)
    del blob[begin:end]


def _insert(blob: bytearray, others: list[bytes], chance: Chance) -> None:
    at = chance.randint(0, len(blob))
    blob[at:at] = chance.choice((chance.randbytes(chance.randint(1, 64)), *_ODD))


def _duplicate(blob: bytearray, others: list[bytes], chance: Chance) -> None:
    begin, end = _slice(blob, chance)
    blob[end:end] = blob[begin:end] * chance.randint(1, 4)


def _truncate(blob: bytearray, others: list[bytes], chance: Chance) -> None:
    del blob[chance.randrange(len(blob)) :]


def _splice(blob: bytearray, others: list[bytes], chance: Chance) -> None:
    other = chance.choice(others)
    blob[chance.randrange(len(blob)) :] = other[chance.randrange(len(other)) :]


def _number(blob: bytearray, others: list[bytes], chance: Chance) -> None:
    """Another number in the place of one that is written in digits."""
    found = [match.span() for match in re.finditer(rb"\d+", blob)]
    if found:
        begin, end = chance.choice(found)
        blob[begin:end] = chance.choice((b"-1", b"0", b"1e999", b"9" * 30, b"9" * 5000, b"NaN", b"0x10", b'"1"', b"[]"))


def _length(blob: bytearray, others: list[bytes], chance: Chance) -> None:
    """Extreme bytes where a length, an index or a type may stand."""
    width = chance.choice((1, 2, 4, 8))
    at = chance.randint(0, max(0, len(blob) - width))
    blob[at : at + width] = chance.choice((b"\0", b"\x7f", b"\x80", b"\xff", b"\xdd", b"\xdf", b"\xc6")) * width


def _slice(blob: bytearray, chance: Chance) -> tuple[int, int]:
    begin = chance.randrange(len(blob))
    return begin, min(len(blob), begin + chance.choice((1, 2, 16, 200)))


_ODD: Final = (
    b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\r", b"\r\n", b"[" * 3000, b"{" * 3000, b"(" * 3000,
    b"+++\n", b"../../../../etc/passwd", b"{=" + b"9**" * 40 + b"9}", b"```python\n", b"\x9f" * 2000, b"*" * 3000,
)  # fmt: skip
MUTATIONS: Final = (_flip, _delete, _insert, _duplicate, _truncate, _splice, _number, _length)


def _graft(tree: Any, chance: Chance) -> Any:
    """A tree of lists, dicts and what they hold, with something else in one place."""
    if not isinstance(tree, list | dict) or not tree or chance.random() < 0.05:
        return chance.choice((*_STRANGE, tree - 1, tree // 2) if type(tree) in (int, float) else _STRANGE)
    key = chance.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
    grown = tree.copy()
    if chance.random() < 0.1:
        del grown[key]
    elif isinstance(tree, list) and chance.random() < 0.1:
        grown[key : key + 1] = [tree[key]] * chance.choice((2, 3, 40))
    else:
        grown[key] = _graft(tree[key], chance)
    return grown


_STRANGE: Final = (
    None, True, -1, 0, 1, 7, 1 << 31, (1 << 63) - 1, 1.5, 1e300, "", "x", "é" * 500, "a\nb", "../x", [], {}, [[]],
)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """How the bytes of a file become a tree, and a tree the bytes of a file."""

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]


def mutants(originals: list[bytes], seed: str, form: Form | None = None) -> Iterator[bytes]:
    """Without end; the same ones for the same seed. Where the form is known, half of them keep it."""
    chance = Chance(seed)
    while True:
        blob = bytearray(chance.choice(originals))
        times = chance.choice((1, 1, 1, 2, 4))
        if form is not None and chance.random() < 0.5:
            tree = form.decode(bytes(blob))
            for _ in range(times):
                tree = _graft(tree, chance)
            yield form.encode(tree)
            continue
        for _ in range(times):
            if blob:
                chance.choice(MUTATIONS)(blob, originals, chance)
        yield bytes(blob)


# ── Kinds of files ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: of the file.
        originals: files that are right.
        read: opens one as the window does and uses what it finds; True where it was read, False where it was refused
            without a word to the caller.
        refusals: what it may raise.
        form: of the originals.
        sealed: a mutant with its checksum put right, so that what stands behind the checksum is reached.
    """

    name: str
    originals: Callable[[], list[bytes]]
    read: Callable[[Path], bool]
    refusals: tuple[type[Exception], ...] = ()
    form: Form | None = None
    sealed: Callable[[bytes], bytes] = bytes


def _lessons() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "assets" / "lessons").glob("*.md"))]


def _read_lesson(path: Path) -> bool:
    lesson = open_file(path, "en")
    assert isinstance(lesson, Lesson)
    assert lesson.programs
    assert lesson.screens
    return True


def _traces() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "tests" / "gui" / "golden").glob("*.pullback"))]


def _plain_traces() -> list[bytes]:
    return [pack_trace(tracefile.unpack(blob)) for blob in _traces()]


def _sealed_trace(blob: bytes) -> bytes:
    """A body in an envelope that is right."""
    head = json.dumps({"format": TRACE_FORMAT, "torch": "2", "path": "", "operations": 0, "passes": 0, "error": "",
                       "size": len(blob)}).encode()  # fmt: skip
    rest = struct.pack("<HI", tracefile.VERSION, len(head)) + head + zlib.compress(blob, 1)
    return tracefile.MAGIC + struct.pack("<Q", len(rest)) + hashlib.sha256(rest).digest() + rest


def _read_trace(path: Path) -> bool:
    """All that the window says and draws of a trace, at several moments."""
    trace, words = read_trace(path), i18n.words("en")
    playback = Playback.of(trace)
    picture = Picture(trace, playback.index, Folding(), None)
    last = len(trace.events)
    for cursor in sorted({*range(0, last, max(1, last // 6)), last}):
        moment = playback.at(cursor)
        picture.scene(moment, words)
        describe(moment, picture.graph, None, words)
    for card in picture.graph.cards[:3]:
        describe(playback.end(), picture.graph, card.id, words)
    transcript(trace, "zh")
    edits(trace)
    flow(playback.end())
    return True


def _settings() -> list[bytes]:
    kept = {
        "format": 1, "language": "zh", "theme": "dark", "size": 150, "motion": "off", "colours": "coolwarm",
        "direction": "down", "speed": 4, "recent": ["/a.py", "/b.py"], "window": [1200, 800, 10, 20],
        "panes": [400, 300, 200], "page": "flow.title", "lesson": "dot",
        "export": {"product": "picture", "theme": "dark", "scale": 2.0},
    }  # fmt: skip
    return [json.dumps(kept, indent=1).encode(), json.dumps(kept).encode(), b'{"size": 125}']


def _read_settings(path: Path) -> bool:
    blob = path.read_bytes()
    usable(path)
    there = path.exists()
    settings = load(path)
    assert isinstance(settings, Settings)
    save(settings, path)
    assert there or any(aside.read_bytes() == blob for aside in path.parent.glob("*.damaged-*"))
    return there


def _progress() -> list[bytes]:
    outcomes = {"one/0": Outcome("[1, 2]", True, 1), "two/1": Outcome("skipped")}
    progress = {
        "dot": Progress("0" * 64, "one", outcomes, {"one": "import torch\n"}, ("one", "two")),
        "vjp": Progress("1" * 64, "begin"),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "progress.json"
        save_progress(progress, path)
        return [path.read_bytes(), json.dumps(json.loads(path.read_bytes())["lessons"]).encode()]


def _read_progress(path: Path) -> bool:
    blob = path.read_bytes()
    progress, aside = load_progress(path)
    assert all(isinstance(one, Progress) for one in progress.values())
    if aside:
        assert (path.parent / aside).read_bytes() == blob
    return not aside


def _journals() -> list[bytes]:
    buffers = (
        Buffer("program", "import torch\nx = torch.ones(3)\n", "/a.py", at=1.7e9),
        Buffer("draft", "+++\nid = 'ß'\n+++\n", at=1.7e9 + 1, closed=True),
        Buffer("lesson", "a = 1\n" * 20, "/x.en.md", "one", 1.7e9 + 2),
    )
    return [journal.pack(buffers), journal.pack(buffers[:1])]


def _sealed_journal(blob: bytes) -> bytes:
    body = blob.partition(b"\n")[2]
    return b"pullback-journal 1 %s\n%s" % (hashlib.sha256(body[:-1]).hexdigest().encode(), body)


def _journal_of(tree: Any) -> bytes:
    return b"pullback-journal 1 -\n%s\n" % json.dumps(tree).encode()


def _read_journal(path: Path) -> bool:
    blob = path.read_bytes()
    left = journal.left_behind(path.parent)
    assert all(isinstance(buffer.text, str) for buffer in left.buffers)
    if left.damaged:
        assert any((path.parent / name).read_bytes() == blob for name in left.damaged)
    return path in left.journals


_PACKED: Final = Form(msgspec.msgpack.decode, msgspec.msgpack.encode)
_JSON: Final = Form(json.loads, lambda tree: json.dumps(tree).encode())
_JOURNAL: Final = Form(lambda blob: json.loads(blob.partition(b"\n")[2]), _journal_of)
KINDS: Final[dict[str, Kind]] = {
    "lesson": Kind("dot.xx.md", _lessons, _read_lesson, (OSError, LessonError)),
    "trace": Kind("a.pullback", _traces, _read_trace, (OSError, ValueError)),
    "trace-plain": Kind("a.pullback", _plain_traces, _read_trace, (OSError, ValueError), _PACKED),
    "trace-sealed": Kind("a.pullback", _plain_traces, _read_trace, (OSError, ValueError), _PACKED, _sealed_trace),
    "settings": Kind("settings.json", _settings, _read_settings, (), _JSON),
    "progress": Kind("progress.json", _progress, _read_progress, (), _JSON),
    "journal": Kind("1-1.journal", _journals, _read_journal),
    "journal-sealed": Kind("1-1.journal", _journals, _read_journal, (), _JOURNAL, _sealed_journal),
}


# ── Watching ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Watched:
    """Attributes:
    folder: the only one that may be written to; '' while nothing is watched.
    broken: what was done elsewhere.
    """

    folder: str = ""
    broken: str = ""


_watched: Final = _Watched()
_STARTS: Final = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect"}
_MOVES: Final = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}


def _audit(event: str, given: tuple[Any, ...]) -> None:
    """Python itself tells of all that is opened, moved, removed and started."""
    if not _watched.folder:
        return
    if event in _STARTS:
        _watched.broken = _watched.broken or f"{event} {given}"
    elif event in _MOVES or (event == "open" and isinstance(given[2], int) and given[2] & 3):
        places = [place for place in given[: 1 + (event == "os.rename")] if isinstance(place, str | Path)]
        outside = [place for place in places if not str(place).startswith(_watched.folder)]
        if outside:
            _watched.broken = _watched.broken or f"{event} {outside[0]}"


@cache
def _listen() -> None:
    """A hook cannot be taken away again."""
    sys.addaudithook(_audit)


@contextmanager
def _within(folder: str, seconds: float) -> Iterator[None]:
    """Nothing outside of a folder is touched, and it does not take for ever."""

    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"it took more than {seconds} s")

    _listen()
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _watched.folder, _watched.broken = folder, ""
    try:
        yield
    finally:
        _watched.folder = ""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not _watched.broken, _watched.broken


@dataclass(frozen=True)
class Result:
    """Attributes:
    outcomes: how many were read, and how many refused.
    seconds: in all; ``slowest`` of one.
    grown: bytes by which the process has.
    faults: (number of the mutant, what was wrong), one for each way of failing.
    """

    outcomes: Counter[str]
    seconds: float
    slowest: float
    grown: int
    faults: tuple[tuple[int, str, bytes], ...]


def fuzz(name: str, count: int, seed: int = 0) -> Result:
    """Tries so many mutants of a kind."""
    kind = KINDS[name]
    outcomes: Counter[str] = Counter()
    faults: dict[str, tuple[int, str, bytes]] = {}
    source = mutants(kind.originals(), f"{name} {seed}", kind.form)
    with tempfile.TemporaryDirectory(prefix="pullback-fuzz-") as folder:
        _try(kind, kind.originals()[0], Path(folder, "first"))  # what is imported late is imported now
        before, began, slowest = _peak(), time.monotonic(), 0.0
        for number in range(count):
            blob = kind.sealed(next(source))
            then = time.monotonic()
            try:
                outcomes[_try(kind, blob, Path(folder, str(number)))] += 1
            except Exception as error:  # whatever it is, it was not to be raised
                outcomes["fault"] += 1
                faults.setdefault(f"{type(error).__name__}: {error}"[:60], (number, repr(error)[:300], blob))
            slowest = max(slowest, time.monotonic() - then)
        return Result(outcomes, time.monotonic() - began, slowest, _peak() - before, tuple(faults.values()))


def _try(kind: Kind, blob: bytes, folder: Path) -> str:
    """'read' or 'refused'; raises whatever is neither."""
    folder.mkdir()
    path = folder / kind.name
    path.write_bytes(blob)
    with _within(str(folder), PATIENCE):
        try:
            said, line = "read" if kind.read(path) else "refused", "-"
        except kind.refusals as error:
            said, line = "refused", str(error)
    assert line.strip(), "refused without a word"
    assert len(line.split("\n")) == 1, f"more than one line: {line!r}"
    assert len(line) <= LONGEST, f"{len(line)} characters: {line[:100]!r}"
    for entry in folder.iterdir():
        entry.unlink()
    folder.rmdir()
    return said


def _peak() -> int:
    """Bytes that the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--count", type=int, default=10_000, help="mutants of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for mutants that are neither read nor refused")
    given = parser.parse_args()
    wrong = False
    for name in given.kinds or KINDS:
        result = fuzz(name, given.count, given.seed)
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(result.outcomes.items()))
        rate = given.count / result.seconds
        print(f"{name:15} {told}; {rate:,.0f} a second, the slowest {result.slowest * 1000:,.0f} ms, "
              f"{result.grown / 2**20:.0f} MB more", flush=True)  # fmt: skip
        for number, fault, blob in result.faults:
            print(f"  mutant {number}: {fault}")
            if given.keep is not None:
                given.keep.mkdir(parents=True, exist_ok=True)
                (given.keep / f"{name}-{number}").write_bytes(blob)
        wrong = wrong or bool(result.faults) or result.grown > GROWTH
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
