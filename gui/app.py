"""The window: builds the panels, connects them to one session, and keeps the loop that polls the worker."""

from __future__ import annotations

import threading
import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from core import folders, log
from core.lessons.records import Place
from core.playback import Playback
from core.records import Failure, TensorSnapshot
from gui import bindings, context, drop, fonts, outside, placing
from gui.about import AboutSheet
from gui.actions import Actions
from gui.canvas.canvas import GraphCanvas, Reader
from gui.checks import ChecksSheet
from gui.desk import Desk
from gui.desktop import Desktop
from gui.editor.editor import Editor
from gui.exporting.exports import Exports
from gui.garbage import Collector
from gui.i18n import words
from gui.inspector.inspector import Inspector
from gui.keys import KeysSheet
from gui.lesson.lesson_editing import LessonEditing
from gui.lesson.lessons import PAGES, Lessons, names_of
from gui.menus import Menus
from gui.notes import Note, note
from gui.numbers.leaf_editor import LeafEditor, leaf_of_card
from gui.numbers.live_editor import LiveEditor, ahead
from gui.numbers.seed_editor import SeedEditor
from gui.numbers.typed_numbers import LARGEST
from gui.pages.flow_page import FlowPage
from gui.pages.output import Output
from gui.pages.pages import Pages
from gui.pages.transcript import Transcript
from gui.picture.cards import Graph
from gui.picture.scene import Hit, Seed
from gui.placing import Panes
from gui.player import Player
from gui.programs import ASSETS
from gui.projector import Projector
from gui.recovery import Recovery
from gui.session import MESSAGES, Change, Runner, Session
from gui.settings import Settings, load, place, save, system_language, system_theme, usable
from gui.statusbar import StatusBar
from gui.stepping import Stepping
from gui.theme import MONO, SANS, Look, first_available, palette_of
from gui.timeline import Timeline
from gui.toolbar import Toolbar
from gui.trouble import Trouble
from gui.viewer import subjects
from gui.viewer.viewer import Viewer
from gui.widgets import scaling
from gui.widgets.banner import Banner
from gui.widgets.button import Button
from gui.widgets.menu import PopUp
from gui.widgets.toolkit import ctk

FRAMED = 400
"""Milliseconds after which a window has got its frame."""
LOW_PAGE = 110
"""Units of height of the pages in a low window."""
LESSON = 430
"""Units of height that a lesson has at first; in a low window it has two fifths."""
FIRST_PROGRAM = ASSETS / "examples" / "first.py"
SOON, LATER = 5, 80
"""Milliseconds between two looks at the worker: while it runs, and while it rests."""


def start_worker() -> Runner:
    """The worker process; imported late, so that the window is there first."""
    from core.client import Client

    return Client()


class App(ctk.CTk):
    """The window.

    Args:
        start: starts the worker; replaced by tests.
        settings: what the reader prefers; None for what was kept, which is then kept again when it changes.

    Attributes:
        session: the state that every panel shows.
        actions: what the reader does with cards and edges.
        leaf: name of the leaf whose values are edited, '' for none.
        callback_errors: exceptions raised in callbacks of Tk.
    """

    def __init__(self, start: Callable[[], Runner] = start_worker, settings: Settings | None = None) -> None:
        fonts.register()
        super().__init__(className="Pullback")
        self.title("Pullback")
        icons = [tk.PhotoImage(master=self, file=ASSETS / "icons" / f"pullback-{size}.png") for size in (128, 48, 32)]
        self.iconphoto(True, *icons)
        self.callback_errors: list[BaseException] = []
        self.trouble = Trouble(self)
        self._kept, said = usable(place()) if settings is None else (None, None)
        self.settings = settings or load(place())
        self._journals = folders.journals() if settings is None else None
        self.session = Session(start)
        self.session.limits = self.settings.limits
        self.session.listen(self._changed)
        self.actions = Actions(self.session, lambda: self.graph)
        self.menus = Menus(self)
        self._changes: set[Change] = set()
        self.selected: int | None = None
        self.leaf = ""
        self._kind: tuple[float, ...] = ()
        self._narrow = 0  # pixels that the left side had before a lesson was written there
        self._refreshing = self._loop = ""
        self._drawing = threading.Thread(target=_import_drawing, name="pullback-import", daemon=True)
        families = set(tkfont.families(self))
        self._sans = first_available(SANS, families, "TkDefaultFont")
        self._mono = first_available(MONO, families, "TkFixedFont")
        self.desktop = Desktop(self, self.settings.theme or system_theme(), self._desktop_changed)
        self.projector = Projector(self, self._projected)
        self.look = self._preferred_look()
        self._place_window()
        self._build()
        self.recovery.say(said)
        self.player.speed = self.settings.speed
        bindings.bind(self)
        self.desk.recent = self.settings.recent
        self.protocol("WM_DELETE_WINDOW", self.ask_close)
        self.dress(self.look)
        self.canvas.read(self.settings.direction)
        self.canvas.focus_set()
        self._loop = self.after(SOON, self._poll)
        self._starting = self.after(10, self._start_drawing)
        self.after(FRAMED, placing.keep_on_screen, self)

    def _preferred_look(self) -> Look:
        """What the settings say; where they say nothing, what the system says."""
        theme = self.settings.theme or self.desktop.theme
        language = self.settings.language or system_language()
        scale = scaling.apply(self, self.projector.size(self.settings.size))
        return Look(theme, palette_of(theme, self.settings.colours), words(language), self._sans, self._mono, scale)

    def _place_window(self) -> None:
        screen = self.winfo_screenwidth(), self.winfo_screenheight()
        opened = self.look.px(1440), self.look.px(900)
        width, height, left, top = placing.on_screen(self.settings.window, opened, screen)
        self._opened = (width, height)
        tk.Tk.geometry(self, f"{width}x{height}+{left}+{top}")  # customtkinter's own would scale it once more
        tk.Tk.minsize(self, min(self.look.px(640), screen[0]), min(self.look.px(400), screen[1]))

    # ── Building ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _build(self) -> None:
        self.grid_rowconfigure(2, weight=1)
        self.grid_columnconfigure(0, weight=1)
        session = self.session
        self.player = Player(self, session, self._playing_changed)
        self.toolbar = Toolbar(
            self,
            {
                "run": self.run, "stop": session.stop, "home": session.home, "back": session.back,
                "step": self.step, "play": self.player.toggle, "end": session.end, "find": self.find,
                "export": lambda: self.exports.open(),
                "language": self.toggle_language, "theme": self.toggle_theme, "menu": self.open_menu,
            },
        )  # fmt: skip
        self.toolbar.grid(row=0, column=0, sticky="ew")
        self.banner = Banner(self)
        self.banner.grid(row=1, column=0, sticky="ew")
        self._panes = tk.PanedWindow(self, orient="horizontal", borderwidth=0, sashwidth=5, sashrelief="flat")
        self._panes.grid(row=2, column=0, sticky="nsew")
        left = tk.PanedWindow(self._panes, orient="vertical", borderwidth=0, sashwidth=5, sashrelief="flat")
        self._left = left
        self.lessons = Lessons(
            left, session, ASSETS / "lessons", self._kept and self._kept.with_name("progress.json"), tell=self.told,
            on_change=self._lesson_changed, on_place=self._go_to,
        )  # fmt: skip
        self.editor = Editor(left, on_edit=session.edit, on_place=self._place_clicked, tell=self.told)
        self.editing = LessonEditing(left, self.lessons, tell=self.told, on_change=self._editing_changed)
        self.lessons.leave = self.editing.leave
        self.pages = Pages(left, on_turn=self._turned)
        self.output = Output(self.pages)
        self.transcript = Transcript(self.pages, on_seek=session.seek)
        self.flow = FlowPage(self.pages, on_seek=session.seek, on_leaf=self._leaf_chosen)
        panels = {"output.title": self.output, "transcript.title": self.transcript, "flow.title": self.flow}
        self.pages.fill(panels)
        if self.settings.page in panels:
            self.pages.turn(self.settings.page)
        left.add(self.editor, stretch="always")
        left.add(self.pages, stretch="never")
        self.canvas = GraphCanvas(
            self._panes,
            Reader(
                click=self._clicked, run_to=self.run_to, menu=self._menu_for, tell=self._note_on,
                arranged=self._show_moment,
            ),
        )  # fmt: skip
        self.stepping = Stepping(session, self.canvas)
        self._right = tk.Frame(self._panes, borderwidth=0)
        self.inspector = Inspector(self._right, session, on_tensor=self._look_at, on_seed=self.edit_seed)
        self.menu = PopUp(self)
        self.seed_editor = SeedEditor(self.canvas, session, self.menu)
        self.leaf_editor = LeafEditor(self._right, session)
        self.live_editor = LiveEditor(self._right, session)
        self.inspector.pack(side="top", fill="both", expand=True)
        self._panes.add(left, stretch="never")
        self._panes.add(self.canvas, stretch="always")
        self._panes.add(self._right, stretch="never")
        self._rules = [tk.Frame(self, height=1) for _ in range(2)]
        self._rules[0].grid(row=2, column=0, sticky="new")
        self.timeline = Timeline(self, on_seek=session.seek)
        self.timeline.grid(row=3, column=0, sticky="ew")
        self._rules[1].grid(row=3, column=0, sticky="new")
        self.keys_sheet = KeysSheet(self)
        self.checks_sheet = ChecksSheet(self)
        self.about_sheet = AboutSheet(self)
        self.viewer = Viewer(self, session)
        self.collector = Collector(self)
        self.exports = Exports(self)
        self.desk = Desk(
            self, session, self.told, on_open=self.lessons.close, on_lesson=self.lessons.open_file,
            sheltered=lambda: self.lessons.sheltering, leave=self.editing.leave,
        )  # fmt: skip
        self.lessons.may_open = self.desk.may_leave_program
        self.recovery = Recovery(self, self._journals)
        self.outsides = outside.watch(self)
        self.statusbar = StatusBar(
            self, on_reset=session.as_written, on_cancel=self.exports.exporter.cancel, on_checks=self.show_checks
        )
        self.statusbar.grid(row=4, column=0, sticky="ew")
        self.bind("<Configure>", self._resized, add="+")
        self.bind("<FocusIn>", self._focused, add="+")

    @property
    def buttons(self) -> dict[str, Button]:
        return self.toolbar.buttons

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self:
            self._size_panes(event.width, event.height)

    def _size_panes(self, width: int, height: int) -> None:
        """Sizes of the panels for a kind of window; within it, the reader's own stay."""
        px = self.look.px
        wide, high = width / self.look.scale, height / self.look.scale
        usual = placing.panes_for(wide, high)
        kind = (*usual, self.look.scale)
        if kind == self._kind:
            return
        first, self._kind = not self._kind, kind
        left, right, below = placing.panes_for(wide, high, self.settings.panes) if first else usual
        if self.lessons.shown and left < placing.LESSON[0]:
            left, right = placing.LESSON[0], placing.LEAST[1]
        for pane, side, least in zip((self._left, self._right), (left, right), placing.LEAST, strict=False):
            self._panes.paneconfigure(pane, width=px(side), minsize=px(least))
        self._panes.paneconfigure(self.canvas, minsize=px(placing.CANVAS))
        writing: tk.Widget = self.editing if self.editing.active else self.editor
        self._left.paneconfigure(writing, minsize=px(placing.EDITOR))
        self._left.paneconfigure(self.pages, minsize=px(placing.LEAST[2]), height=px(below))
        self._share_height()

    def _share_height(self) -> None:
        """Room for a lesson; in a low window the pages then have their tabs and little more, until one is turned to."""
        if str(self.lessons) in map(str, self._left.panes()):
            least = placing.lesson_height(self.winfo_height() / self.look.scale)
            self._left.paneconfigure(self.lessons, height=self._lesson_height(), minsize=self.look.px(least))
            if self.winfo_height() / self.look.scale < placing.HIGH:
                self._left.paneconfigure(self.pages, height=self.look.px(placing.LEAST[2]))

    def _lesson_changed(self) -> None:
        """Makes room for the lesson above the program, or takes it back."""
        there = str(self.lessons) in map(str, self._left.panes())
        if self.lessons.shown and not there:
            writing: tk.Widget = self.editing if self.editing.active else self.editor
            self._left.add(self.lessons, before=writing, stretch="never")
            if self._left.winfo_width() < self.look.px(placing.LESSON[0]):
                self._kind = ()
                self._size_panes(self.winfo_width(), self.winfo_height())
            self._share_height()
        elif there and not self.lessons.shown:
            self._left.forget(self.lessons)
            self._left.paneconfigure(self.pages, height=self.look.px(self._kind[2]))
            self.canvas.focus_set()
        if self.settings.lesson != self.lessons.id and not self.lessons.drafting:
            self.keep(lesson=self.lessons.id)
        self._changed("worker")

    def _editing_changed(self) -> None:
        """The text of a lesson takes the place of the program, or gives it back."""
        there = str(self.editing) in map(str, self._left.panes())
        if there != self.editing.active:
            new, old = (self.editing, self.editor) if self.editing.active else (self.editor, self.editing)
            self._left.add(new, before=old, stretch="always", minsize=self.look.px(placing.EDITOR))
            self._left.forget(old)
            if self.editing.active:
                self._narrow = self._left.winfo_width()
            wide = max(self._narrow, self.winfo_width() * 2 // 5) if self.editing.active else self._narrow
            self._panes.paneconfigure(self._left, width=wide)
            if str(self.lessons) in map(str, self._left.panes()):
                self._left.paneconfigure(self.lessons, height=self._lesson_height())
        self._changed("worker", "output")

    def _projected(self) -> None:
        """Projector mode has begun or ended."""
        for part in (self.toolbar, self.timeline, self.statusbar, *self._rules):
            (part.grid_remove if self.projector.on else part.grid)()
        self.dress(self._preferred_look())
        if str(self.lessons) in map(str, self._left.panes()):
            self._left.paneconfigure(self.lessons, height=self._lesson_height())

    def _lesson_height(self) -> int:
        """Pixels that a lesson has at first."""
        high: int = self.winfo_height()
        if self.projector.on:
            return high * 3 // 5
        if self.editing.active and high / self.look.scale < placing.HIGH:
            return high * 2 // 5
        return self.look.px(LESSON) if high / self.look.scale >= placing.HIGH else high * 2 // 5

    @property
    def _crowded(self) -> bool:
        """Whether the pages below the program give their room away; what goes wrong is told there all the same."""
        return self.projector.on or self.editing.active

    def _go_to(self, place: Place) -> None:
        """Chooses the card and turns to the page that a lesson shows."""
        playback, graph = self.session.playback, self.graph
        if place.page:
            self.pages.turn(PAGES[place.page])
        if not place.select:
            self._clicked(None)
        elif playback is not None and graph is not None:
            named = (card for card in graph.cards if place.select in names_of(playback.trace, card))
            card = next(named, None)
            if card is not None:
                self._clicked(Hit("card", card=card.id))
                self.canvas.reveal(card.id)

    def _dragged_panes(self) -> Panes | None:
        """How the reader has divided the window; None for as it is by itself."""
        left, right = self._left.winfo_width(), self._right.winfo_width()
        below, scale = self.pages.winfo_height(), self.look.scale
        now = round(left / scale), round(right / scale), round(below / scale)
        return now if any(abs(a - b) > 2 for a, b in zip(now, self._kind[:3], strict=True)) else None

    def escape(self) -> None:
        """Ends the first of what can be ended."""
        if self.exports.exporter.busy:
            self.exports.exporter.cancel()
        elif self.canvas.arranging:
            self.canvas.give_up()
        elif self.canvas.find_bar.opened:
            self.canvas.find_bar.close()
        elif self.seed_editor.opened:
            self.seed_editor.close()
        elif self.projector.on:
            self.projector.toggle()
        elif self.canvas.marquee.cards:
            self.canvas.marquee.mark(frozenset())
        elif not bindings.typing(self):
            self._clicked(None)

    # ── Appearance ────────────────────────────────────────────────────────────────────────────────────────────────

    def dress(self, look: Look) -> None:
        """Another theme, language or scale, at once."""
        self.look, self.desk.words = look, look.words
        ctk.set_appearance_mode(look.name)
        self.configure(fg_color=look["panel"])
        self._right.configure(background=look["panel"])
        for panes in (self._panes, self._left):
            panes.configure(background=look["line"], sashwidth=look.px(5))
        for rule in self._rules:
            rule.configure(background=look["line"])
        for panel in (
            self.toolbar, self.banner, self.lessons, self.editor, self.editing, self.pages, self.output,
            self.transcript, self.flow, self.canvas, self.inspector, self.seed_editor, self.leaf_editor,
            self.live_editor, self.timeline, self.statusbar, self.menu, self.keys_sheet, self.checks_sheet,
            self.about_sheet, self.exports.sheet, self.viewer,
        ):  # fmt: skip
            panel.dress(look)
        self._size_panes(*((self.winfo_width(), self.winfo_height()) if self.winfo_ismapped() else self._opened))
        self._changed("worker", "output", "notice")

    def prefer(self, **changes: object) -> None:
        """Changes settings, at once and for later starts."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        self.dress(self._preferred_look())
        self.canvas.motion.allowed = self._moves()
        self.canvas.read(self.settings.direction)
        self._follow()
        self.keep()

    def keep(self, **changes: object) -> None:
        """Keeps the settings for later starts."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        if self._kept is not None:
            try:
                save(self.settings, self._kept)
            except OSError as error:
                self._tell_wrong("error.settings", reason=error.strerror or str(error))

    def _moves(self) -> bool:
        return self.settings.motion == "on" or (not self.settings.motion and self.desktop.moves)

    def _desktop_changed(self) -> None:
        self.canvas.motion.allowed = self._moves()
        if self._preferred_look() != self.look:
            self.dress(self._preferred_look())

    def _follow(self) -> None:
        """Asks the desktop where the reader has left something to it."""
        if not (self.settings.theme and self.settings.motion):
            self.desktop.ask()

    def _focused(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self:
            self._follow()

    def _set_scaling(self, widgets: float, window: float) -> None:
        """customtkinter would lock the window's size for a second, and forget its smallest one."""
        super(ctk.CTk, self)._set_scaling(widgets, window)

    def toggle_theme(self) -> None:
        self.prefer(theme="light" if self.look.name == "dark" else "dark")

    def toggle_language(self) -> None:
        self.prefer(language="zh" if self.look.words.language == "en" else "en")

    def toggle_direction(self) -> None:
        self.prefer(direction="right" if self.settings.direction == "down" else "down")

    # ── The session has changed ───────────────────────────────────────────────────────────────────────────────────

    def _changed(self, *changes: Change) -> None:
        self._changes.update(changes)
        if "source" in changes:  # at once, so that a key that waits goes to this program, not into the one before
            self.editor.show(self.session.source)
        if self._loop and self.session.busy:  # a run has begun: its answer may be here in a few milliseconds
            self.after_cancel(self._loop)
            self._loop = self.after(SOON, self._poll)
        if not self._refreshing:
            self._refreshing = self.after_idle(self._refresh)

    def _refresh(self) -> None:
        """Shows what is new, once for any number of changes."""
        changes, self._changes, self._refreshing = self._changes, set(), ""
        session = self.session
        if changes & {"source", "worker"}:
            self._entitle()
            self._keep_recent()
        if changes & {"trace", "cursor"}:
            self.selected = None
        if changes & {"source", "cursor"}:
            self.leaf = ""
        if changes & {"trace", "cursor", "notice", "worker"}:
            self._show_moment()
        elif "answer" in changes:
            self._inspect()
        if changes & {"output", "notice", "trace", "worker", "cursor"}:
            self._show_output()
        if changes & {"source", "trace", "cursor", "worker"}:
            self.lessons.heard()
        self.statusbar.show(session)
        if changes & {"source", "trace"}:
            self.viewer.close()
        else:
            self.viewer.refresh()

    def _entitle(self) -> None:
        walk, name = self.lessons.walk, Path(self.session.path).name
        mark = "• " if self.editing.unsaved or (self.session.unsaved and walk is None) else ""
        if walk is not None:
            name = f"{walk.lesson.head.order} · {walk.lesson.head.title}"
        title = f"Pullback — {mark}{name}" if name or mark else "Pullback"
        if title != self.title():
            self.title(title)

    @property
    def graph(self) -> Graph | None:
        picture = self.canvas.picture
        return picture.graph if picture is not None else None

    def _show_moment(self) -> None:
        session, playback = self.session, self.session.playback
        self.canvas.show(playback, self.selected)
        self.canvas.date(self.look.words("canvas.earlier") if session.stale and not session.running else "")
        if self.selected is None and (pending := self._pending_card()) is not None:
            self.selected = pending
            self.canvas.select(pending)
        self.canvas.say(*self._message(playback))
        self._inspect()
        self.timeline.show(playback)
        self._show_page()
        self._show_editor()
        self._mark_program()
        self.toolbar.show(playback, busy=session.busy, paused=bool(session.paused), file=Path(session.path).name)

    def _turned(self) -> None:
        """A page that was turned to has room to be read."""
        if self.pages.winfo_ismapped() and self.pages.winfo_height() < self.look.px(LOW_PAGE):
            self._left.paneconfigure(self.pages, height=self.look.px(LOW_PAGE))
        self._show_page()

    def _show_page(self) -> None:
        """What is written only while it is seen."""
        if self.pages.shown == "transcript.title":
            self.transcript.show(self.session.playback, held=self._held)
        elif self.pages.shown == "flow.title":
            self.flow.show(self.session.playback)

    def _inspect(self) -> None:
        session, turn = self.session, self._turn()
        self.inspector.show(
            session.playback, self.graph, self.selected, self.look.words, session.written, turn,
            held=self.lessons.asking,
        )  # fmt: skip

    def _turn(self) -> str:
        """Of the loops around what is told, which turn that is in."""
        playback, picture, say = self.session.playback, self.canvas.picture, self.look.words
        if playback is None or picture is None or picture.trace is not playback.trace:
            return ""
        card = self.selected if self.selected is not None else picture.card_now(playback)
        turns = picture.contents.turns_of(card) if card is not None else ()
        return " · ".join(say("group.turn", n=n, all=count) for n, count in turns)

    def _show_editor(self) -> None:
        """Below the inspector what a live run waits with, or the values of the chosen leaf; on the picture the seed."""
        waits, leaf = self.live_editor.show(), self.leaf_editor.show(self.leaf)
        for editor, shown in ((self.live_editor, waits), (self.leaf_editor, leaf and not waits)):
            if not shown:
                editor.pack_forget()
            elif not editor.winfo_manager():
                editor.pack(side="bottom", fill="x", before=self.inspector)
        self.seed_editor.show(self.session.playback)

    def _mark_program(self) -> None:
        session, playback = self.session, self.session.playback
        if session.running:
            self.editor.mark(session.progress[0], None)
        elif playback is None or session.stale:
            self.editor.mark(0, None)
        elif (chosen := self._chosen_operation()) is not None:
            op = playback.trace.ops[chosen]
            line = playback.line if self.selected == self._pending_card() else 0
            self.editor.mark(line, op.span if op.line else None, self._turn())
        elif playback.trace.error is not None and playback.at_end:
            self.editor.mark(0, None)  # the last that ran is not where it failed
        else:
            self.editor.mark(playback.line, playback.span, self._turn())
        ran = session.unread or (playback.trace if playback is not None else None)
        self.editor.blame(self._failure(), ran.source if ran is not None else "")

    def _failure(self) -> Failure | None:
        """What the run ended with, once the cursor is there: who predicts is not told beforehand."""
        playback = self.session.playback
        if self.session.unread is not None:
            return self.session.unread.error
        there = playback is not None and playback.at_end and not (self.session.busy or self._held)
        return playback.trace.error if there and playback is not None else None

    def _message(self, playback: Playback | None) -> tuple[str, str]:
        say = self.look.words
        if self.session.running:
            return say("canvas.running"), ""
        if self.canvas.arranging:
            return say("canvas.arranging", n=len(playback.trace.ops) if playback else 0), self.canvas.progress
        if self.canvas.given_up:
            return say("canvas.given_up"), say("canvas.given_up2")
        if playback is None:
            return say("canvas.empty"), say("canvas.empty2")
        if not playback.trace.events:
            return say("canvas.nothing" if playback.trace.error is None else "canvas.ended"), ""
        return say("canvas.start"), ""

    @property
    def _held(self) -> bool:
        """Whether the end of the run would answer a lesson's question, and has not been come to."""
        return self.lessons.asking and not (self.session.playback is not None and self.session.playback.at_end)

    def _show_output(self) -> None:
        session = self.session
        notice = ""
        self._left.paneconfigure(self.pages, hide=self._crowded and session.notice is None)
        if session.notice is not None:
            key, facts = session.notice
            notice = self.look.words(key, **facts)
            self.pages.turn("output.title")
        failure = None if notice else self._failure()
        self.output.show(session.output, failure, notice, self.look.words, held=self._held)

    # ── The program runs ──────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        """Records the program; one that is paused runs on to its end. A lesson that is being written is checked."""
        if self.editing.active:
            self.editing.check()
        elif self.session.paused is not None:
            self.live_editor.run_on()
        else:
            self.session.run()

    def step(self) -> None:
        """One event on; behind the last, a program that is paused makes its next step."""
        playback = self.session.playback
        if self.session.paused is not None and playback is not None and playback.at_end:
            self.live_editor.apply()
        else:
            self.session.step()

    def run_to(self, card: int) -> None:
        """On to where a card's node runs; a program that is paused before it runs on to there."""
        session, graph = self.session, self.graph
        node = None
        if session.paused is not None and session.playback is not None and graph is not None:
            node = ahead(session.playback, session.paused, graph.cards[card].nodes)
        if node is not None:
            self.live_editor.go(node)
        else:
            self.actions.run_to(card)

    def _pending_card(self) -> int | None:
        """The card of the node that a paused run waits before, while the reader looks at where it stands."""
        paused, playback, graph = self.session.paused, self.session.playback, self.graph
        if paused is None or playback is None or graph is None or not playback.at_end:
            return None
        return graph.card_of_node.get((paused.pass_index, paused.node))

    # ── The reader clicks ─────────────────────────────────────────────────────────────────────────────────────────

    def _clicked(self, hit: Hit | None) -> None:
        """Selects a card, cuts a use or all uses of a value, or opens the seed."""
        playback, graph = self.session.playback, self.graph
        if hit is not None and hit.kind == "seed":
            self.edit_seed(hit.seed)
        elif hit is not None and hit.kind == "wire" and hit.wire is not None and graph is not None:
            self.actions.toggle_use(graph.wires[hit.wire])
        elif hit is not None and hit.kind == "bundle":
            self.actions.toggle_bundle(hit.wires)
        elif hit is not None and hit.kind == "scissors" and hit.card is not None and graph is not None:
            self.actions.toggle_all(graph.cards[hit.card])
        else:
            self.selected = hit.card if hit is not None else None
            chosen = graph.cards[self.selected] if graph is not None and self.selected is not None else None
            self.leaf = leaf_of_card(playback, chosen)
            self._show_editor()
            self._mark_program()
            self.canvas.show(playback, self.selected)
            self._inspect()
            if playback is not None and chosen is not None:
                self.lessons.picked(names_of(playback.trace, chosen))

    def edit_seed(self, seed: Seed | None = None) -> None:
        """Opens a seed, by itself that of the current pass, at its place in the picture."""
        if not self.seed_editor.open(seed) and self.session.playback is not None:
            self._tell_wrong("seed.none", n=LARGEST)

    def write_what_ifs(self) -> None:
        """Writes ``.detach()`` into the program where it was cut, and runs it as it is written then."""
        source = self.actions.as_code
        if source is not None:
            self.editor.rewrite(source)
            self.update_idletasks()
            self.session.edit(source)
            self.session.run("same")

    def _chosen_operation(self) -> int | None:
        graph = self.graph
        return graph.cards[self.selected].op if graph is not None and self.selected is not None else None

    def _leaf_chosen(self, name: str) -> None:
        """Selects the card of a leaf."""
        playback, graph = self.session.playback, self.graph
        if playback is not None and graph is not None:
            card = next((card.id for card in graph.cards if leaf_of_card(playback, card) == name), None)
            self._clicked(Hit("card", card=card) if card is not None else None)
            if card is not None:
                self.canvas.reveal(card)

    def _place_clicked(self, line: int, column: int) -> None:
        """Selects the card of the expression that was clicked in the program."""
        session, graph = self.session, self.graph
        if session.playback is None or graph is None or session.running or session.stale:
            return
        op = context.operation_at(session.playback, line, column)
        card = graph.card_of_op.get(op) if op is not None else None
        self._clicked(Hit("card", card=card) if card is not None else None)
        if card is not None:
            self.canvas.reveal(card)

    def _playing_changed(self) -> None:
        self.toolbar.play(self.player.playing)

    def play_at(self, speed: float) -> None:
        self.player.speed = speed
        self.keep(speed=speed)

    def limit(self, **changes: object) -> None:
        """Other limits of programs, from the next run on."""
        self.keep(**changes)
        self.session.limit(self.settings.limits)

    def _note_on(self, hit: Hit) -> Note:
        playback, picture = self.session.playback, self.canvas.picture
        if playback is None or picture is None:
            return "", ""
        return note(playback, picture, self.session.what_if, hit, self.look.words)

    def view(self, what: subjects.Of) -> None:
        """Opens what the chosen card holds, else the current one, in the viewer."""
        playback, graph, picture = self.session.playback, self.graph, self.canvas.picture
        if playback is None or graph is None or picture is None:
            return
        card = self.selected if self.selected is not None else picture.current_card(playback)
        found = what(playback, graph.cards[card], self.look.words) if card is not None else []
        if found:
            self.viewer.open(found[0])
        else:
            self.told("viewer.nothing")

    def _look_at(self, tensor: TensorSnapshot) -> None:
        """Opens a tensor of the trace in the viewer."""
        if self.session.playback is not None:
            self.viewer.open(subjects.subject(self.session.playback.trace, tensor, self.look.words))

    # ── Menus ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _menu_for(self, hit: Hit | None, x: int, y: int) -> None:
        self.menu.show(self.menus.of(hit), x, y)

    def copy(self, text: str) -> None:
        self.clipboard_clear()
        self.clipboard_append(text)

    def open_menu(self) -> None:
        button = self.buttons["menu"]
        right, below = button.winfo_rootx() + button.winfo_width(), button.winfo_rooty() + button.winfo_height()
        self.menu.show(self.menus.main(), right, below, leftwards=True)

    def show_checks(self) -> None:
        """Each operation with what finite differences say of it."""
        session = self.session
        if session.playback is not None and session.checks is not None:
            self.checks_sheet.show(session.playback.trace, session.checks)

    def show_about(self) -> None:
        self.about_sheet.show(self.session.torch)

    def find(self) -> None:
        if self.canvas.picture is not None:
            self.canvas.open_find()

    # ── The loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _start_drawing(self) -> None:
        """After the first paint: matplotlib in a thread, the worker, and the way for dropped files."""
        self._drawing.start()
        self._follow()
        if not self.session.recorded:
            self.session.warm()
        drop.accept(self, self.desk.take)
        self._starting = self.after(SOON, self._await_drawing)

    def _await_drawing(self) -> None:
        if self._drawing.is_alive():
            self._starting = self.after(SOON, self._await_drawing)
            return
        self._starting = ""
        self.canvas.motion.allowed = self._moves()
        self.canvas.ready()
        self.lessons.panel.ready()
        self.inspector.formulas.ready()

    def _poll(self) -> None:
        self._loop = ""
        taken = self.session.poll()
        pause = 1 if taken == MESSAGES else SOON if self.session.busy else LATER
        self._loop = self.after(pause, self._poll)

    def report_callback_exception(
        self, kind: type[BaseException], error: BaseException, where: TracebackType | None
    ) -> None:
        """A fault in a callback is told and the window stays; Tk calls this."""
        self.callback_errors = [*self.callback_errors[-99:], error]
        self.trouble.report(error)

    def close(self) -> None:
        """Ends every process and the window."""
        self._keep_placing()
        self.player.stop()
        self.desktop.close()
        self.collector.close()
        self.exports.close()
        self.lessons.end()
        self.recovery.close()
        for watching in self.outsides:
            watching.close()
        self.editing.end()
        self.session.close()
        # What is still to be called, customtkinter's own calls among it, would find no window.
        for pending in self.tk.splitlist(self.tk.call("after", "info")):
            self.tk.call("after", "cancel", pending)  # the widgets delete their commands themselves
        self.destroy()

    # ── Files ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, path: str | None = None, lesson: str | None = None) -> None:
        """Opens what the command line says; else the lesson that was open last, at the first start the first one."""
        id_ = lesson or (path.removeprefix("lesson:") if path is not None and path.startswith("lesson:") else "")
        if id_:
            self.lessons.open(id_)
        elif path is not None:
            self.open(path)
        elif not (self.recovery.resume() or self.lessons.resume(self.settings.lesson)):
            self.open(FIRST_PROGRAM)
        self.recovery.offer()

    def open(self, path: str | Path) -> None:
        """Opens a program (.py) or a recorded trace (.pullback); what is wrong is said in the window."""
        self.desk.open(path)

    def save(self) -> None:
        """Saves what is being written: the lesson, else the program."""
        (self.editing.save if self.editing.active else self.desk.save)()

    def save_as(self) -> None:
        (self.editing.save_as if self.editing.active else self.desk.save_as)()

    def ask_close(self) -> None:
        """Ends the window, once the program may go."""
        if self.recovery.may_close():
            self.close()

    def _keep_placing(self) -> None:
        if self._kept is not None and self.winfo_ismapped() and not self.projector.on:
            self.keep(window=placing.standing(self), panes=self._dragged_panes(), page=self.pages.shown)

    def _keep_recent(self) -> None:
        if self.desk.recent != self.settings.recent:
            self.keep(recent=self.desk.recent)

    def told(self, key: str, *, busy: bool = False, wrong: bool = False, **facts: object) -> None:
        """What the exporter has to say: what went wrong beside the output, the rest in the lowest row."""
        self.statusbar.tell("" if wrong else self.look.words(key, **facts), busy=busy)
        if wrong:
            self._tell_wrong(key, **facts)

    def _tell_wrong(self, key: str, **facts: object) -> None:
        self.session.notice = (key, facts)
        self._changed("notice")


def _import_drawing() -> None:
    """matplotlib takes a quarter of a second, and seconds where it has to look at every font first."""
    fonts.keep_list()
    import PIL.ImageTk  # noqa: F401

    import gui.picture.paint  # noqa: F401


def main(path: str | None = None, lesson: str | None = None) -> int:
    """Opens the window, and returns the exit status once it is closed; raises TclError where there is no display."""
    log.begin(folders.logs())
    app = App()
    app.begin(path, lesson)
    app.recovery.on_signals()
    try:
        app.mainloop()
    except KeyboardInterrupt:
        app.close()
    return 0
