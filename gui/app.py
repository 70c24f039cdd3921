"""The window: builds the panels, connects them to one session, and keeps the loop that polls the worker."""

from __future__ import annotations

import os
import threading
import tkinter as tk
import tkinter.font as tkfont
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import customtkinter as ctk

from core.files import read_program, read_trace
from core.playback import Playback
from core.records import Cut
from gui import fonts
from gui.canvas import GraphCanvas
from gui.cards import DETACHING, Graph, Wire
from gui.editor import Editor
from gui.i18n import words
from gui.inspector import Inspector
from gui.output import Output
from gui.scene import Seed
from gui.seed_editor import SeedEditor
from gui.session import MESSAGES, Change, Runner, Session
from gui.theme import MONO, PALETTES, SANS, Look, first_available
from gui.timeline import Timeline

FIRST_PROGRAM = Path(__file__).resolve().parent.parent / "assets" / "examples" / "first.py"
SOON, LATER = 15, 80
"""Milliseconds between two looks at the worker: while it runs, and while it rests."""


def start_worker() -> Runner:
    """The worker process; imported late, so that the window is there first."""
    from core.client import Client

    return Client()


class App(ctk.CTk):
    """The window.

    Args:
        start: starts the worker; replaced by tests.

    Attributes:
        session: the state that every panel shows.
        callback_errors: exceptions raised in callbacks of Tk.
    """

    def __init__(self, start: Callable[[], Runner] = start_worker) -> None:
        fonts.register()
        super().__init__(className="Pullback")
        self.title("Pullback")
        self._place_window()
        self.callback_errors: list[BaseException] = []
        self.session = Session(start)
        self.session.listen(self._changed)
        self._changes: set[Change] = set()
        self._selected: int | None = None
        self._known: dict[str, dict[str, object]] = {}
        self._packed: tuple[tk.Widget, ...] = ()
        self._refreshing = ""
        self._drawing = threading.Thread(target=_import_drawing, name="pullback-import", daemon=True)
        families = set(tkfont.families(self))
        self._sans = first_available(SANS, families, "TkDefaultFont")
        self._mono = first_available(MONO, families, "TkFixedFont")
        self.look = Look("light", PALETTES["light"], words("en"), self._sans, self._mono)
        self._build()
        self._bind_keys()
        self.protocol("WM_DELETE_WINDOW", self.close)
        self.dress(self.look)
        self.canvas.focus_set()
        self._loop = self.after(SOON, self._poll)
        self._starting = self.after(10, self._start_drawing)

    def _place_window(self) -> None:
        width = min(1440, self.winfo_screenwidth())
        height = min(900, self.winfo_screenheight())
        self.geometry(f"{width}x{height}+0+0")
        self.minsize(820, 480)

    # ── Building ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _build(self) -> None:
        self.grid_rowconfigure(1, weight=1)
        self.grid_columnconfigure(0, weight=1)
        self._build_toolbar()
        self._panes = tk.PanedWindow(self, orient="horizontal", borderwidth=0, sashwidth=5, sashrelief="flat")
        self._panes.grid(row=1, column=0, sticky="nsew")
        left = tk.PanedWindow(self._panes, orient="vertical", borderwidth=0, sashwidth=5, sashrelief="flat")
        self._left = left
        self.editor = Editor(left, on_edit=self.session.edit)
        self.output = Output(left)
        left.add(self.editor, stretch="always", minsize=120)
        left.add(self.output, stretch="never", minsize=60, height=170)
        self.canvas = GraphCanvas(
            self._panes,
            on_card=self._card_clicked,
            on_wire=self._wire_clicked,
            on_seed=self._seed_clicked,
            on_picture=self._show_moment,
        )
        self._right = tk.Frame(self._panes, borderwidth=0)
        self.inspector = Inspector(self._right)
        self.seed_editor = SeedEditor(self._right, on_seed=self.session.set_seed)
        self.seed_editor.pack(side="bottom", fill="x")
        self.inspector.pack(side="top", fill="both", expand=True)
        narrow = self.winfo_screenwidth() < 1300
        self._panes.add(left, stretch="never", minsize=180, width=236 if narrow else 396)
        self._panes.add(self.canvas, stretch="always", minsize=240)
        self._panes.add(self._right, stretch="never", minsize=180, width=256 if narrow else 340)
        self._rules = [tk.Frame(self, height=1) for _ in range(2)]
        self._rules[0].grid(row=1, column=0, sticky="new")
        self.timeline = Timeline(self, on_seek=self.session.seek)
        self.timeline.grid(row=2, column=0, sticky="ew")
        self._rules[1].grid(row=2, column=0, sticky="new")
        self._build_status()

    def _build_toolbar(self) -> None:
        bar = tk.Frame(self, borderwidth=0)
        bar.grid(row=0, column=0, sticky="ew")
        self._bar = bar
        self._brand = tk.Label(bar, text="Pullback", borderwidth=0)
        self._file = tk.Label(bar, borderwidth=0)
        self.buttons: dict[str, ctk.CTkButton] = {}
        session = self.session
        for role, command, width in (
            ("run", session.run, 96),
            ("stop", session.stop, 78),
            ("home", session.home, 38),
            ("back", session.back, 80),
            ("step", session.step, 80),
            ("end", session.end, 38),
            ("language", self.toggle_language, 66),
            ("theme", self.toggle_theme, 36),
        ):
            self.buttons[role] = ctk.CTkButton(bar, width=width, height=30, corner_radius=7, command=command)
        self._where = ctk.CTkLabel(bar, text="", corner_radius=13, height=26)
        self._brand.pack(side="left", padx=(16, 10), pady=14)
        self._file.pack(side="left", padx=(0, 16))
        for role in ("run", "stop"):
            self.buttons[role].pack(side="left", padx=3)
        tk.Frame(bar, width=20, borderwidth=0).pack(side="left")
        for role in ("home", "back", "step", "end"):
            self.buttons[role].pack(side="left", padx=3)
        self._where.pack(side="left", padx=12)
        for role in ("theme", "language"):
            self.buttons[role].pack(side="right", padx=(3, 12 if role == "theme" else 3))

    def _build_status(self) -> None:
        self._status = tk.Frame(self, borderwidth=0)
        self._status.grid(row=3, column=0, sticky="ew")
        self._agrees = ctk.CTkLabel(self._status, text="", corner_radius=12, height=24)
        self._what_if = ctk.CTkLabel(self._status, text="", corner_radius=12, height=24)
        self.reset_button = ctk.CTkButton(
            self._status, width=60, height=24, corner_radius=6, command=self.session.as_written
        )
        self._stale = tk.Label(self._status, borderwidth=0)
        self._state = tk.Label(self._status, borderwidth=0)
        self._state.pack(side="right", padx=16, pady=(2, 9))

    def _bind_keys(self) -> None:
        session = self.session
        anywhere = {
            "<F5>": session.run,
            "<Shift-F5>": session.stop,
            "<F10>": session.step,
            "<Shift-F10>": session.back,
            "<Control-Key-0>": self.canvas.fit,
        }
        outside_text = {
            "<space>": session.step,
            "<Right>": session.step,
            "<Left>": session.back,
            "<Home>": session.home,
            "<End>": session.end,
            "<Escape>": lambda: self._card_clicked(None),
        }
        for sequence, command in anywhere.items():
            self.bind(sequence, lambda event, command=command: self._key(command))
        for sequence, command in outside_text.items():
            self.bind(sequence, lambda event, command=command: None if self._typing() else self._key(command))

    def _key(self, command: Callable[[], object]) -> str:
        command()
        return "break"

    def _typing(self) -> bool:
        """Whether the keys belong to a text that is being written."""
        focus = self.focus_get()
        return isinstance(focus, tk.Entry) or (isinstance(focus, tk.Text) and str(focus.cget("state")) == "normal")

    # ── Appearance ────────────────────────────────────────────────────────────────────────────────────────────────

    def dress(self, look: Look) -> None:
        """Another theme or language, at once."""
        self.look = look
        self._known.clear()
        ctk.set_appearance_mode(look.name)
        self.configure(fg_color=look["panel"])
        for frame in (self._bar, self._status, self._right, *self._bar.winfo_children()):
            if isinstance(frame, (tk.Frame, tk.Label)) and not isinstance(frame, ctk.CTkBaseClass):
                frame.configure(background=look["panel"])
        for panes in (self._panes, self._left):
            panes.configure(background=look["line"])
        for rule in self._rules:
            rule.configure(background=look["line"])
        self._brand.configure(foreground=look["text"], font=look.font(16, bold=True))
        self._file.configure(foreground=look["quiet"], font=look.font(12))
        for role, button in self.buttons.items():
            primary = role in ("run", "step")
            key = ("bar.light" if look.name == "dark" else "bar.dark") if role == "theme" else f"bar.{role}"
            button.configure(
                text=look.words(key), font=look.font(13), bg_color=look["panel"],
                fg_color=look["accent" if primary else "button"],
                hover_color=look["value" if primary else "button_hover"],
                text_color=look["on_accent" if primary else "text"], text_color_disabled=look["quiet"],
            )  # fmt: skip
        for label in (self._stale, self._state):
            label.configure(background=look["panel"], foreground=look["quiet"], font=look.font(12))
        self._where.configure(font=look.font(12), bg_color=look["panel"])
        self._agrees.configure(font=look.font(12), bg_color=look["panel"])
        self._what_if.configure(
            font=look.font(12), bg_color=look["panel"], fg_color=look["cut_soft"], text_color=look["cut"]
        )
        self.reset_button.configure(
            text=look.words("whatif.reset"), font=look.font(12), bg_color=look["panel"], fg_color=look["button"],
            hover_color=look["button_hover"], text_color=look["text"],
        )  # fmt: skip
        for panel in (self.editor, self.output, self.canvas, self.inspector, self.seed_editor, self.timeline):
            panel.dress(look)
        self._changed("worker", "output", "notice")

    def toggle_theme(self) -> None:
        name = "light" if self.look.name == "dark" else "dark"
        self.dress(Look(name, PALETTES[name], self.look.words, self._sans, self._mono))

    def toggle_language(self) -> None:
        language = "zh" if self.look.words.language == "en" else "en"
        self.dress(Look(self.look.name, self.look.palette, words(language), self._sans, self._mono))

    # ── The session has changed ───────────────────────────────────────────────────────────────────────────────────

    def _changed(self, *changes: Change) -> None:
        self._changes.update(changes)
        if not self._refreshing:
            self._refreshing = self.after_idle(self._refresh)

    def _refresh(self) -> None:
        """Shows what is new, once for any number of changes."""
        changes, self._changes, self._refreshing = self._changes, set(), ""
        session = self.session
        if "source" in changes:
            self.editor.show(session.source)
            name = Path(session.path).name
            self._file.configure(text=name)
            self.title(f"Pullback — {name}" if name else "Pullback")
        if changes & {"trace", "cursor"}:
            self._selected = None
        if changes & {"trace", "cursor", "notice", "worker"}:
            self._show_moment()
        if changes & {"output", "notice", "trace", "worker"}:
            self._show_output()
        self._show_status()

    @property
    def graph(self) -> Graph | None:
        picture = self.canvas.picture
        return picture.graph if picture is not None else None

    def _show_moment(self) -> None:
        session, playback = self.session, self.session.playback
        self.canvas.show(playback, self._selected)
        self.canvas.say(*self._message(playback))
        self.inspector.show(playback, self.graph, self._selected, self.look.words)
        self.timeline.show(playback)
        editable = self.seed_editor.show(playback)
        if editable and not self.seed_editor.winfo_manager():
            self.seed_editor.pack(side="bottom", fill="x", before=self.inspector)
        elif not editable:
            self.seed_editor.pack_forget()
        self._mark_program()
        text, colour = self._where_text(playback)
        self._set(
            self._where, text=text, text_color=self.look[colour],
            fg_color=self.look["grad_soft" if colour == "grad" else "button"] if text else self.look["panel"],
        )  # fmt: skip
        at_start = playback is None or not playback.cursor
        for role, enabled in (
            ("home", not at_start),
            ("back", not at_start),
            ("step", playback is None or not playback.at_end),
            ("end", playback is not None and not playback.at_end),
            ("stop", session.busy),
        ):
            self._set(self.buttons[role], state="normal" if enabled else "disabled")
        muted = playback is not None and playback.at_end
        self._set(self.buttons["step"], fg_color=self.look["button" if muted else "accent"])

    def _mark_program(self) -> None:
        session, playback = self.session, self.session.playback
        if session.busy:
            self.editor.mark(session.progress[0], None)
        elif playback is None or session.stale:
            self.editor.mark(0, None)
        else:
            error = playback.trace.error
            failed = error.line if error and playback.at_end else 0
            self.editor.mark(0 if failed else playback.line, playback.span, failed)

    def _message(self, playback: Playback | None) -> tuple[str, str]:
        say = self.look.words
        if self.session.busy:
            return say("canvas.running"), ""
        if self.canvas.arranging:
            return say("canvas.arranging", n=len(playback.trace.ops) if playback else 0), ""
        if playback is None:
            return say("canvas.empty"), say("canvas.empty2")
        if not playback.trace.events:
            return say("canvas.nothing" if playback.trace.error is None else "canvas.ended"), ""
        return say("canvas.start"), ""

    def _where_text(self, playback: Playback | None) -> tuple[str, str]:
        say = self.look.words
        event = playback.event if playback else None
        if playback is None or event is None:
            return "", "quiet"
        if event.kind == "op" and event.op is not None:
            return say("where.forward", n=event.op + 1, all=len(playback.trace.ops)), "text"
        if event.pass_ is not None:
            number = event.pass_ + 1
            if event.step is not None and event.kind == "step":
                steps = len(playback.trace.passes[event.pass_].steps)
                return say("where.step", number=number, n=event.step + 1, all=steps), "grad"
            return say("where.seed" if event.kind == "pass" else "where.end", number=number), "grad"
        return say(f"where.{event.kind}"), "text"

    def _show_output(self) -> None:
        session = self.session
        notice = ""
        if session.notice is not None:
            key, facts = session.notice
            notice = self.look.words(key, **facts)
        failure = session.playback.trace.error if session.playback and not session.busy and not notice else None
        self.output.show(session.output, failure, notice, self.look.words)

    def _show_status(self) -> None:
        session, say = self.session, self.look.words
        agree = self._agree_text()
        self._set(
            self._agrees,
            text=agree[0],
            text_color=self.look[agree[1]],
            fg_color=self.look[{"leaf": "leaf_soft", "wrong": "wrong_soft"}.get(agree[1], "panel")],
        )
        parts = []
        for key, changes in (("cuts", session.what_if.cuts), ("heals", session.what_if.heals),
                             ("seeds", session.what_if.seeds)):  # fmt: skip
            if changes:
                parts.append(say(f"whatif.{key}", n=len(changes)))
        self._set(self._what_if, text=say("whatif.on", what=", ".join(parts)) if parts else "")
        self._set(self._stale, text=say("changed.source") if session.stale and not session.busy else "")
        shown = tuple(
            widget
            for widget, wanted in (
                (self._agrees, agree[0]),
                (self._what_if, parts),
                (self.reset_button, parts),
                (self._stale, session.stale and not session.busy),
            )
            if wanted
        )
        if shown != self._packed:
            for widget in self._packed:
                widget.pack_forget()
            for widget in shown:
                widget.pack(side="left", padx=(12, 0), pady=(2, 9))
            self._packed = shown
        self._set(self._state, text=self._state_text())

    def _agree_text(self) -> tuple[str, str]:
        session, say = self.session, self.look.words
        if session.playback is None or session.busy or session.stale:
            return "", "quiet"
        if session.agrees == "waiting":
            return say("agree.wait"), "quiet"
        if session.agrees is None:
            return "", "quiet"
        return (say("agree.yes"), "leaf") if session.agrees else (say("agree.no"), "wrong")

    def _state_text(self) -> str:
        session, say = self.session, self.look.words
        state = "file" if session.recorded and not session.busy else session.state
        if state == "running":
            line, seconds = session.progress
            text = say("state.running", line=line, seconds=seconds) if line else say("state.running0")
        else:
            text = say(f"state.{state}") if state != "none" else ""
        version = say("state.torch", version=session.torch) if session.torch else ""
        return "  ·  ".join(part for part in (text, version) if part)

    def _set(self, widget: tk.Misc, **options: object) -> None:
        """Configures what differs; customtkinter draws a widget anew each time it is told anything."""
        known = self._known.setdefault(str(widget), {})
        new = {name: value for name, value in options.items() if known.get(name) != value}
        if new:
            widget.configure(**new)
            known.update(new)

    # ── The reader clicks ─────────────────────────────────────────────────────────────────────────────────────────

    def _card_clicked(self, card: int | None) -> None:
        playback = self.session.playback
        self._selected = card
        self.canvas.show(playback, card)
        self.inspector.show(playback, self.graph, card, self.look.words)

    def _wire_clicked(self, wire: Wire) -> None:
        """Cuts this use of the value, undoes the cut, or heals a ``.detach()``."""
        playback, graph = self.session.playback, self.graph
        if playback is None or graph is None or wire.slot is None or wire.value is None or self.session.busy:
            return
        use = graph.cards[wire.target].op
        if use is None:
            return
        trace = playback.trace
        if trace.ops[use].name in DETACHING and (wire.cut == "detach" or trace.ops[use].cut == "healed"):
            self.session.toggle_heal(trace.ops[use].site)
            return
        if not trace.values[wire.value].requires_grad:
            return
        producer = playback.index.producer.get(wire.value)
        value = trace.ops[producer].site if producer is not None else ""
        self.session.toggle_cut(Cut(value, trace.ops[use].site, wire.slot))

    def _seed_clicked(self, seed: Seed) -> None:
        if self.seed_editor.winfo_ismapped():
            self.seed_editor.focus_first()

    # ── The loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _start_drawing(self) -> None:
        """After the first paint: matplotlib in a thread, and the worker."""
        self._drawing.start()
        if not self.session.recorded:
            self.session.warm()
        self._starting = self.after(SOON, self._await_drawing)

    def _await_drawing(self) -> None:
        if self._drawing.is_alive():
            self._starting = self.after(SOON, self._await_drawing)
            return
        self._starting = ""
        self.canvas.ready()

    def _poll(self) -> None:
        taken = self.session.poll()
        pause = 1 if taken == MESSAGES else SOON if self.session.busy else LATER
        self._loop = self.after(pause, self._poll)

    def report_callback_exception(
        self, kind: type[BaseException], error: BaseException, where: TracebackType | None
    ) -> None:
        """A fault in a callback is told and the window stays; Tk calls this."""
        self.callback_errors.append(error)
        traceback.print_exception(kind, error, where)
        self.session.notice = ("error.failed", {"message": f"{kind.__name__}: {error}"})
        self._changed("notice")

    def close(self) -> None:
        """Ends every process and the window."""
        for pending in (self._loop, self._starting, self._refreshing):
            if pending:
                self.after_cancel(pending)
        self.session.close()
        self.destroy()

    # ── Files ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, path: str | Path) -> None:
        """Opens a program (.py) or a recorded trace (.pullback); what is wrong is said in the window."""
        path = Path(path)
        try:
            if path.suffix == ".pullback":
                self.session.open_trace(read_trace(path))
            elif path.suffix == ".md":
                self._tell_wrong("error.lesson")
            else:
                self.session.open_program(read_program(path), str(path.absolute()))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._tell_wrong("error.file", name=path.name, reason=reason)

    def _tell_wrong(self, key: str, **facts: object) -> None:
        self.session.notice = (key, facts)
        self._changed("notice")


def _import_drawing() -> None:
    """matplotlib takes a quarter of a second, and seconds where it has to look at every font first."""
    if "MPLCONFIGDIR" not in os.environ:
        import platformdirs

        os.environ["MPLCONFIGDIR"] = platformdirs.user_cache_dir("pullback", appauthor=False)
    import PIL.ImageTk  # noqa: F401

    import gui.paint  # noqa: F401


def main(path: str | None = None, lesson: str | None = None) -> int:
    """Opens the window, and returns the exit status once it is closed; raises TclError where there is no display."""
    app = App()
    app.open(path if path is not None else FIRST_PROGRAM)
    if lesson is not None:
        app._tell_wrong("error.lesson")
    try:
        app.mainloop()
    except KeyboardInterrupt:
        app.close()
    return 0
