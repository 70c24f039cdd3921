"""Pullback's command line: opens the window, or traces, draws and walks through a program without one."""

from __future__ import annotations

import argparse
import ast
import contextlib
import math
import multiprocessing
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from core import files, tracefile, wire
from core.client import CONFINED, Client
from core.limits import Limits
from core.records import OPERATION_LIMIT, Cut, Options, Trace, WhatIf, trace_json
from core.walk import walk

if TYPE_CHECKING:
    from core.lessons.records import Lesson
    from gui.export.watch import Watch
    from gui.export.writing import Told

ASSETS: Final = Path(__file__).resolve().parent / "assets"
LESSONS: Final = ASSETS / "lessons"
LESSON: Final = "lesson:"
"""What stands before the id of a lesson in place of a file."""
FIRST: Final = ASSETS / "examples" / "first.py"
TIME_LIMIT: Final = 60.0
"""Seconds a program may run, where nothing else is said."""
PICTURES: Final = (".png", ".svg", ".pdf", ".gif", ".webp")
PROVEN: Final = frozenset({"handout", "transcript", "trace", "ledger"})
"""Products that say whether the gradients are those of an unrecorded run."""

DONE, RAISED, WRONG, CUT_SHORT, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit statuses: the program raised; the command line or a file is wrong; a limit or a death; Ctrl-C."""


class UsageError(Exception):
    """The command line or the file is wrong; the message is one line."""


def main(argv: Sequence[str]) -> int:
    """Does what the command line says; returns the exit status."""
    if argv[:1] == ["--worker"]:
        return work(int(argv[1]), argv[2] == CONFINED, int(argv[3]))
    try:
        arguments = parse(argv)
        command: Callable[[argparse.Namespace], int] = arguments.command
        return command(arguments)
    except UsageError as error:
        say(str(error))
        return WRONG
    except KeyboardInterrupt:
        say("stopped")
        return INTERRUPTED
    except BrokenPipeError:
        # Who reads has seen enough. What is still buffered would raise again as the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return DONE


def say(message: str) -> None:
    """One line on standard error."""
    with contextlib.suppress(OSError):
        print(f"pullback: {' '.join(message.split())}", file=sys.stderr)


# ── Commands ──────────────────────────────────────────────────────────────────────────────────────────────────────


def work(memory_limit: int, confined: bool, parent: int) -> NoReturn:
    """This process is a worker; see ``core/wire.py``."""
    from core.protection import protect

    ends = protect(memory_limit, parent, confined=confined)
    from core.engine.worker import serve

    serve(ends)


def open_window(arguments: argparse.Namespace) -> int:
    """The window; where there is no display, the walk."""
    id_ = arguments.lesson or lesson_id(arguments.file or "")
    if id_:
        check_lesson(id_)
    elif arguments.file is not None and not Path(arguments.file).exists():
        raise UsageError(f"{arguments.file}: there is no such file")
    trouble = "no display is set (DISPLAY)" if sys.platform == "linux" and not os.environ.get("DISPLAY") else ""
    if not trouble:
        try:
            from tkinter import TclError

            from gui.app import main as run_window
        except ImportError as error:
            trouble = str(error)
        else:
            try:
                return run_window(arguments.file, arguments.lesson)
            except TclError as error:
                if "display" not in str(error):
                    raise
                trouble = str(error)
    if not id_ and arguments.file is not None and is_lesson(arguments.file):
        # Walking would run what is in it, and nothing runs because a lesson was opened.
        raise UsageError(f"the window cannot open: {trouble}; 'walk {arguments.file}' runs the lesson's program here")
    say(f"the window cannot open: {trouble}; without one there are 'trace', 'export' and this 'walk'")
    file = f"{LESSON}{id_}" if id_ else arguments.file
    return step_through(parse(["walk", *([file] if file is not None else [])]))


def trace(arguments: argparse.Namespace) -> int:
    """Records a program and writes its trace."""
    forms = (arguments.json, trace_json), (arguments.save, tracefile.pack)
    outputs = [(place, form) for place, form in forms if place is not None]
    if not outputs:
        raise UsageError("trace needs --json OUT, --save OUT or both")
    for place, _ in outputs:
        check_output(place)
    recorded, status = obtain(arguments, verify=True)
    for place, form in outputs:
        try:
            write(place, form(recorded))
        except ValueError as error:
            raise UsageError(f"{place}: {error}") from None
    return status


def export(arguments: argparse.Namespace) -> int:
    """Records a program and draws it."""
    from gui.export.products import product_of

    check_output(arguments.out)
    try:
        made = product_of(Path(arguments.out), arguments.product)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if made.name == "lesson":
        return print_lesson(arguments)
    arguments.full |= made.name == "ledger"
    recorded, status = obtain(arguments, verify=made.name in PROVEN)
    draw(
        recorded,
        arguments,
        made.name,
        step=arguments.step,
        pass_=arguments.pass_,
        scale=arguments.scale,
        theme=arguments.theme,
        lang=arguments.lang,
        direction=arguments.direction,
        transparent=arguments.transparent,
        inspector="inspector" in arguments.beside,
        code="code" in arguments.beside,
        caption=arguments.caption,
        speed=arguments.speed,
    )
    return status


def print_lesson(arguments: argparse.Namespace) -> int:
    """Prints a lesson; runs its programs for their pictures."""
    from core.lessons.reading import LessonError
    from core.lessons.running import in_worker
    from core.lessons.shelf import open_file, open_lesson
    from gui.export.lesson_paper import lesson_runs

    file = str(arguments.file)
    if not (id_ := lesson_id(file)) and not is_lesson(file):
        raise UsageError(f"{file}: only a lesson (.md or lesson:ID) can be printed as one")
    if id_:
        check_lesson(id_)
    try:
        lesson = open_lesson(LESSONS, id_, arguments.lang) if id_ else open_file(Path(file), arguments.lang)
    except (OSError, LessonError) as error:
        raise UsageError(f"{file}: {error}") from None

    def told(watch: Watch) -> tuple[Lesson, Mapping[str, Trace]]:
        with Client(spare=False, limits=limits_of(arguments)) as client:
            return lesson, lesson_runs(lesson, in_worker(client))

    draw(Trace("", ""), arguments, "lesson", told, lang=arguments.lang)
    return DONE


def step_through(arguments: argparse.Namespace) -> int:
    """Tells a program event by event, and draws its picture."""
    stem = lesson_id(arguments.file) or Path(arguments.file).stem
    out = arguments.out or os.path.join(tempfile.gettempdir(), f"pullback-{stem}.png")
    check_output(out)
    recorded, status = obtain(arguments, verify=True)
    for line in walk(recorded):
        print(line)
    if recorded.stdout:
        print("printed:", recorded.stdout.rstrip("\n"), sep="\n")
    arguments.out, arguments.part = out, []
    draw(recorded, arguments, "picture")
    print(f"picture: {out}")
    return status


def lessons(arguments: argparse.Namespace) -> int:
    """Lists the lessons, or checks some or all of them."""
    from core.lessons.shelf import heads, open_lesson

    if arguments.check:
        return check_lessons(arguments.file)
    if arguments.file:
        raise UsageError(f"{arguments.file[0]}: a file is checked with --check")
    found = heads(LESSONS, arguments.lang)
    for head in found:
        screens = len(open_lesson(LESSONS, head.id, arguments.lang).screens)
        print(f"{head.id:<16}{screens:>4} screens   {head.title}")
    if not found:
        print(f"there are no lessons in {LESSONS}")
    return DONE


def check_lessons(names: Sequence[str]) -> int:
    """Runs every check of some lessons, of all that come with Pullback where none is named.

    One line for each lesson, after one for each of its faults. Returns RAISED where there are faults; a file that
    cannot be read as a lesson is WRONG.
    """
    from core.lessons.checking import faults
    from core.lessons.reading import LessonError
    from core.lessons.running import TIME_LIMIT as LIMIT
    from core.lessons.running import in_worker
    from core.lessons.shelf import ORIGINAL, open_file

    groups = [lesson_files(name) for name in names] or [lesson_files(f"{LESSON}{id_}") for id_ in lesson_ids()]
    count, unread = 0, 0
    with Client(spare=False, limits=Limits(seconds=LIMIT)) as client:
        run = in_worker(client)
        for paths in groups:
            found, before = 0, unread
            for path in paths:
                shown = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
                try:
                    lesson = open_file(path, ORIGINAL)
                except (OSError, LessonError) as error:
                    line = f":{error.line}" if isinstance(error, LessonError) and error.line else ""
                    said = error.message if isinstance(error, LessonError) else error.strerror or str(error)
                    say(f"{shown}{line}: {said}")
                    unread += 1
                    continue
                own = {screen.id for screen in lesson.screens if screen.language == lesson.screens[0].language}
                for fault in faults(lesson, run):
                    where = f":{fault.line}" if fault.screen in own else ""
                    print(f"{shown}{where}: {fault.screen}: {fault.message}", flush=True)
                    found += 1
            if unread == before:
                said = " ".join(path.name for path in paths)
                print(f"{said}: {found or 'no'} fault{'' if found == 1 else 's'}", flush=True)
            count += found
    return WRONG if unread else RAISED if count else DONE


# ── Parts of them ─────────────────────────────────────────────────────────────────────────────────────────────────


def obtain(arguments: argparse.Namespace, *, verify: bool) -> tuple[Trace, int]:
    """The trace that FILE stands for, and the exit status it means."""
    what_if = read_what_if(arguments)
    file = str(arguments.file)
    try:
        if file.endswith(".pullback"):
            if what_if:
                raise UsageError(f"{file}: a recorded trace is not run again; what-ifs need the program")
            return files.read_trace(Path(file)), DONE
        source = read_source(file)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from None
    output = arguments.output_limit << 20
    options = Options(path=file, operations=arguments.operations, full=arguments.full, verify=verify, output=output)
    with Client(spare=False, limits=limits_of(arguments)) as client:
        return record(client, wire.Run(source, what_if, options), limited=arguments.memory_limit > 0)


def limits_of(arguments: argparse.Namespace) -> Limits:
    """What programs are held to by a command line."""
    return Limits(arguments.memory_limit, arguments.time_limit, confined=not arguments.allow_writes)


def record(client: Client, job: wire.Run, *, limited: bool) -> tuple[Trace, int]:
    """Runs a program to its end and says on standard error what went wrong.

    Args:
        limited: whether running out of memory is a limit's doing.
    """
    name = job.options.path
    try:
        id = client.run(job)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
    recorded: Trace | None = None
    while True:
        for reply in client.wait(60.0):
            if reply.id != id:
                continue
            match reply:
                case wire.Refused(message=message):
                    raise UsageError(message)
                case wire.Failed(message=message):
                    say(f"{name}: Pullback failed: {message}")
                    failed = recorded or Trace("", job.source, what_if=job.what_if, path=name)
                    return failed, CUT_SHORT
                case wire.Stopped(trace=Trace() as cut) | wire.Died(trace=Trace() as cut):
                    assert cut.error is not None
                    say(f"{name}{at(cut.error.line)}: {cut.error.message}")
                    return cut, CUT_SHORT
                case wire.Died(message=message):
                    say(f"{name}: {message}")
                    return Trace("", job.source, what_if=job.what_if, path=name), CUT_SHORT
                case wire.Traced(trace=recorded):
                    if not job.options.verify:
                        return recorded, status_of(recorded, limited)
                case wire.Verified(agrees=agrees, checks=checks) if recorded is not None:
                    recorded = msgspec.structs.replace(recorded, agrees=agrees, checks=checks)
                    return recorded, status_of(recorded, limited)


def status_of(recorded: Trace, limited: bool) -> int:
    """The exit status of a program that came to its end; an error is said on standard error."""
    error = recorded.error
    if error is None:
        return DONE
    say(f"{recorded.path}{at(error.line)}: {error.type}{error.message and ': '}{error.message}")
    if error.kind.startswith("sandbox-"):
        say("with --allow-writes a program may write files and use the network")
    # Python's compiler calls an expression that is nested too deeply a MemoryError as well, but without a line.
    no_memory = (error.type == "MemoryError" and error.line > 0) or "can't allocate memory" in error.message
    return CUT_SHORT if limited and no_memory else RAISED


def at(line: int) -> str:
    return f", line {line}" if line else ""


def draw(recorded: Trace, arguments: argparse.Namespace, product: str, told: Told | None = None, **how: Any) -> None:
    """Exports a trace; the fields of its order are given by name."""
    from gui import fonts

    fonts.keep_list()
    from gui.export.knowledge import Knowledge, gather
    from gui.export.order import Order, usual_paper
    from gui.export.writing import cards_called, export

    out, recording = arguments.out, str(arguments.file).endswith(".pullback")

    def ask(cursors: Sequence[int], watch: Watch) -> Knowledge:
        if recording:
            return Knowledge()  # what is in it may be a stranger's
        with Client(spare=False, limits=limits_of(arguments)) as client:
            return gather(client, recorded, cursors, cancelled=watch.cancelled)

    try:
        paper = getattr(arguments, "paper", None) or usual_paper()
        order = Order(paper=paper, cards=cards_called(recorded, arguments.part) if arguments.part else None, **how)
        drawn = export(recorded, out, order, product, ask=ask, told=told)
        if "scale" in how and drawn < order.scale and not out.endswith((".svg", ".pdf")):
            say(f"{out}: drawn at scale {drawn:.2g}, because at {order.scale:g} it would be too large")
    except ValueError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror or error}") from None


def check_output(place: str) -> None:
    """Finds out before a program runs that its result could not be written."""
    if place == "-":
        return
    try:
        files.check_writable(Path(place))
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}") from None


def write(place: str, blob: bytes) -> None:
    try:
        if place == "-":
            sys.stdout.buffer.write(blob)
            sys.stdout.buffer.flush()
        else:
            files.write_whole(Path(place), blob)
    except OSError as error:
        if place == "-":
            # What is still buffered would raise again, with a traceback, as the interpreter exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise UsageError(f"{place}: {error.strerror or error}") from None


def read_source(file: str) -> str:
    """The program that FILE stands for, of a lesson its own; raises OSError and ValueError."""
    id_ = lesson_id(file)
    if not id_ and not is_lesson(file):
        return files.read_program(Path(file))
    from core.lessons.shelf import ORIGINAL, open_file, open_lesson

    if id_:
        check_lesson(id_)
    lesson = open_lesson(LESSONS, id_, ORIGINAL) if id_ else open_file(Path(file), ORIGINAL)
    return next(iter(lesson.programs.values()))


def lesson_id(file: str) -> str:
    """The id in ``lesson:ID``; '' for any other file."""
    return file.removeprefix(LESSON) if file.startswith(LESSON) else ""


def is_lesson(file: str) -> bool:
    return file.lower().endswith(".md")


def lesson_ids() -> list[str]:
    return sorted(path.name.removesuffix(".en.md") for path in LESSONS.glob("*.en.md"))


def lesson_files(name: str) -> list[Path]:
    """The files of ``lesson:ID`` in every language, or the one that is named."""
    id_ = lesson_id(name)
    if not id_:
        return [Path(name)]
    check_lesson(id_)
    return sorted(LESSONS.glob(f"{id_}.*.md"))


def check_lesson(id_: str) -> None:
    """Raises UsageError where no lesson is called so."""
    if id_ not in (known := lesson_ids()):
        raise UsageError(f"there is no lesson {id_!r}; there are: {', '.join(known) or 'none'}")


# ── The command line ──────────────────────────────────────────────────────────────────────────────────────────────


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line as a namespace, its ``command`` a function of it; raises UsageError."""
    if argv and argv[0] in ("trace", "export", "walk", "lessons"):
        return commands().parse_args(argv)
    window = Parser(
        prog="pullback",
        description="Records a PyTorch program's forward and backward pass and steps through it.",
        epilog="Without a window: trace, export, walk, lessons; each has its own --help.",
        allow_abbrev=False,
    )
    window.add_argument("file", nargs="?", metavar="FILE", help="a program (.py), lesson (.md) or trace (.pullback)")
    window.add_argument("--lesson", metavar="ID", help="the lesson to open")
    window.set_defaults(command=open_window)
    return window.parse_args(argv)


def commands() -> argparse.ArgumentParser:
    """The parser of the commands that need no display."""
    file = "a program (.py), a trace (.pullback) or lesson:ID"
    running = Parser(add_help=False)
    what_ifs = running.add_argument_group("what-ifs, each repeatable")
    for flag, form, meaning in (
        ("--seed", "K=v1,v2,…", "the seed of the K-th backward call (0-based), row-major"),
        ("--cut", "LINE:EXPR[->LINE:EXPR]", "detach a value for all its uses, or for one; EXPR@N is its N-th hit"),
        ("--heal", "LINE:EXPR", "make an existing .detach() pass gradients"),
        ("--set", "NAME=v1,v2,…", "the value of a leaf, row-major"),
    ):
        what_ifs.add_argument(flag, metavar=form, help=meaning, action="append", default=[])
    limits = running.add_argument_group("limits, 0 for none")
    limits.add_argument("--time-limit", type=seconds, default=TIME_LIMIT, metavar="SECONDS")
    limits.add_argument("--memory-limit", type=count, default=Limits().memory, metavar="MB")
    limits.add_argument("--output-limit", type=count, default=Limits().output, metavar="MB", help="of what it prints")
    running.add_argument("--allow-writes", action="store_true", help="let it write files and use the network")
    running.add_argument("--full", action="store_true", help="keep every element of every tensor")
    running.add_argument("--operations", type=count, default=OPERATION_LIMIT, metavar="N", help="operations recorded")

    parser = Parser(prog="pullback", allow_abbrev=False)
    command = parser.add_subparsers(required=True)

    tracing = command.add_parser("trace", parents=[running], allow_abbrev=False, help="record a program")
    tracing.add_argument("file", metavar="FILE", help=file)
    tracing.add_argument("--json", metavar="OUT", help="write the trace as JSON; - is standard output")
    tracing.add_argument("--save", metavar="OUT", help="write the trace as a .pullback file")
    tracing.set_defaults(command=trace)

    exporting = command.add_parser(
        "export", parents=[running], allow_abbrev=False, help="pictures, animations, handouts, ledgers of a program",
        epilog="The ending of OUT says what is made: a picture (.png, .svg, .pdf), an animation (.gif, .webp), "
        "the ledger of all vector-Jacobian products (.csv, .json), the transcript (.md), the trace (.pullback).",
    )  # fmt: skip
    exporting.add_argument("file", metavar="FILE", help=file)
    exporting.add_argument("--out", required=True, metavar="OUT", help="where it goes; its ending says what it is")
    exporting.add_argument("--as", dest="product", default="", metavar="WHAT",
                           help="contact: all moments in one picture; handout, lesson: pages to print")  # fmt: skip
    exporting.add_argument("--step", type=moment, default="last", metavar="N|last|all")
    exporting.add_argument("--pass", type=count, dest="pass_", metavar="K")
    exporting.add_argument("--with", dest="beside", action="append", default=[], choices=("inspector", "code"),
                           help="what stands beside the picture; repeatable")  # fmt: skip
    exporting.add_argument("--caption", default="", metavar="TEXT", help="stands above the picture")
    exporting.add_argument("--part", action="append", default=[], metavar="NAME",
                           help="only the cards of this name or expression; repeatable")  # fmt: skip
    exporting.add_argument("--transparent", action="store_true", help="a picture without a ground")
    exporting.add_argument("--speed", type=size, default=1.0, help="of an animation; twice as fast is 2")
    exporting.add_argument("--paper", choices=("A4", "letter"), default=None, help="of what is printed")
    exporting.add_argument("--scale", type=size, default=2.0)
    exporting.add_argument("--theme", choices=("light", "dark"), default="light")
    exporting.add_argument("--lang", choices=("en", "zh"), default="en")
    exporting.add_argument("--direction", choices=("right", "down"), default="right", help="where the program reads")
    exporting.set_defaults(command=export)

    walking = command.add_parser("walk", parents=[running], allow_abbrev=False, help="tell a program step by step")
    walking.add_argument("file", nargs="?", default=str(FIRST), metavar="FILE", help=f"{file}; a first example else")
    walking.add_argument("--out", type=picture, metavar="PICTURE", help="where its picture goes")
    walking.set_defaults(command=step_through)

    listing = command.add_parser("lessons", allow_abbrev=False, help="list the lessons, or check some or all of them")
    listing.add_argument("--check", action="store_true", help="run every program and try every check and figure")
    listing.add_argument("file", nargs="*", metavar="FILE", help="what is checked: a lesson (.md) or lesson:ID")
    listing.add_argument("--lang", choices=("en", "zh"), default="en", help="of the titles")
    listing.set_defaults(command=lessons)
    return parser


def count(text: str) -> int:
    number = int(text) if re.fullmatch(r"\d{1,9}", text) else -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 999999999")
    return number


def seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")


def size(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a scale")


def moment(text: str) -> int | str:
    return text if text in ("last", "all") else count(text)


def picture(text: str) -> str:
    if not text.lower().endswith(PICTURES):
        raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(PICTURES)}")
    return text


# ── What-ifs ──────────────────────────────────────────────────────────────────────────────────────────────────────

_PLACE: Final = re.compile(r"\s*\d+\s*:.*\S\s*", re.DOTALL)


def read_what_if(arguments: argparse.Namespace) -> WhatIf:
    """The what-ifs of a command line; raises UsageError."""
    seeds: dict[int, tuple[float, ...]] = {}
    for text in arguments.seed:
        call, values = assignment("--seed", text)
        if not re.fullmatch(r"\d{1,9}", call):
            raise UsageError(f"--seed {text}: {call!r} is not the number of a backward call")
        if int(call) in seeds:
            raise UsageError(f"--seed {text}: call {call} has a seed already")
        seeds[int(call)] = values
    leaves: dict[str, tuple[float, ...]] = {}
    for text in arguments.set:
        name, values = assignment("--set", text)
        if name in leaves:
            raise UsageError(f"--set {text}: {name} has a value already")
        leaves[name] = values
    return WhatIf(
        cuts=tuple(map(cut, arguments.cut)),
        heals=tuple(place("--heal", text) for text in arguments.heal),
        seeds=seeds,
        leaves=leaves,
    )


def assignment(flag: str, text: str) -> tuple[str, tuple[float, ...]]:
    """``NAME=v1,v2,…``; the name may hold an equals sign, the values cannot."""
    name, equals, values = text.rpartition("=")
    if not equals or not name.strip():
        raise UsageError(f"{flag} {text}: expected NAME=v1,v2,…")
    try:
        return name.strip(), tuple(map(float, values.split(",")))
    except ValueError:
        raise UsageError(f"{flag} {text}: {values!r} is not a list of numbers") from None


def cut(text: str) -> Cut:
    """``LINE:EXPR`` or ``LINE:EXPR->LINE:EXPR``; an arrow inside a string of an expression is no separator."""
    for arrow in re.finditer("->", text):
        value, use = text[: arrow.start()], text[arrow.end() :]
        if _PLACE.fullmatch(value) and _PLACE.fullmatch(use) and whole(value) and whole(use):
            return Cut(value.strip(), use.strip())
    if "->" in text and not whole(text):
        raise UsageError(f"--cut {text}: expected LINE:EXPR->LINE:EXPR")
    return Cut(place("--cut", text))


def place(flag: str, text: str) -> str:
    if not _PLACE.fullmatch(text):
        raise UsageError(f"{flag} {text}: expected LINE:EXPR")
    return text.strip()


def whole(place: str) -> bool:
    """Whether the expression of a place is a whole one, and not cut off inside a string or a bracket."""
    try:
        ast.parse(place.partition(":")[2].strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main(sys.argv[1:]))
