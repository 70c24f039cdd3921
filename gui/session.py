"""One observable session: the program, the what-ifs, the trace and the cursor in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from core import wire
from core.limits import Limits
from core.lines import lines_of
from core.playback import Playback
from core.records import Before, Check, Cut, Options, Trace, WhatIf
from gui.history import History
from gui.questions import Answers, Question, answer_of

Change = Literal["source", "trace", "cursor", "worker", "output", "notice", "answer"]
Landing = int | Literal["backward", "same"] | Callable[[Playback], int]
"""Where the cursor goes in a new trace: a position, before the first backward pass, where it was, or as is said."""

MESSAGES = 32
"""Messages of the worker taken in one round, so that a talkative program cannot hold up the window."""


UNREADABLE = ("SyntaxError", "IndentationError", "TabError")
"""What Python raises where a text is no program."""


class Runner(Protocol):
    """What a session needs of ``core.client.Client``."""

    def run(self, job: wire.Run) -> int: ...
    def ask(self, job: wire.Job) -> int: ...
    def resume(self, request: wire.Resume) -> None: ...
    def limit(self, limits: Limits) -> None: ...
    def stop(self) -> None: ...
    def restart(self) -> None: ...
    def poll(self, limit: int = 64) -> list[wire.AnyReply]: ...
    def close(self) -> None: ...


class Session:
    """State of the window; every change is told to the listeners.

    Attributes:
        source, path: the program as it stands in the editor, and where it came from.
        file, kept: the file that is the program's own ('' where there is none), and what stands in it; None where it
            is gone.
        history: the changes the reader has made to the run, for undo; ``what_if`` are those the next run is made with.
        playback: the trace and the cursor; None before the first run.
        unread: the last run, where its text could not be read as a program; the trace of an earlier one stays then.
        agrees: whether the trace equals an unrecorded run; 'waiting' while that is being found out.
        checks: its operations compared with finite differences; None while, or where, that was not done.
        state: of the worker: 'none', 'starting', 'ready', 'running', 'paused', 'stopping', 'gone'.
        paused: where a live run waits in its backward pass; None where none does.
        torch: version, '' while unknown.
        limits: what programs are held to.
        bound: what the worker says holds of them, see ``core.protection.bound``; None while unknown.
        progress: line that runs, and for how many seconds.
        output: what the program printed.
        notice: (key of the text, facts) of what went wrong outside the program; None when nothing did.
        recorded: the trace came from a file; nothing is run before F5.
        answers: what the worker has said of this trace, by question.
        may_run: asked before every run; what says no tells the reader why.
    """

    def __init__(self, start: Callable[[], Runner]) -> None:
        self._start = start
        self._runner: Runner | None = None
        self._listeners: list[Callable[[Change], None]] = []
        self._job = 0
        self._landing: Landing = "backward"
        self._before = WhatIf()
        self._written: Trace | None = None
        self.source = ""
        self.kept: str | None = ""
        self.path = self.file = ""
        self.history = History()
        self.playback: Playback | None = None
        self.unread: Trace | None = None
        self.agrees: bool | Literal["waiting"] | None = None
        self.checks: tuple[Check, ...] | None = None
        self.state = "none"
        self.paused: wire.Paused | None = None
        self._live = False  # a live run is on its way: the trace may be of its beginning
        self.torch = ""
        self.limits = Limits()
        self.bound: tuple[str, ...] | None = None
        self.progress = (0, 0.0)
        self.output = ""
        self.notice: tuple[str, dict[str, object]] | None = None
        self.recorded = False
        self.answers = Answers()
        self.may_run: Callable[[], bool] = lambda: True
        self._within = False  # whether the last move was into a node
        self._question: tuple[int, Question] | None = None  # and the number of its job

    def listen(self, listener: Callable[[Change], None]) -> None:
        self._listeners.append(listener)

    def _tell(self, *changes: Change) -> None:
        for change in changes:
            for listener in self._listeners:
                listener(change)

    # ── The program ───────────────────────────────────────────────────────────────────────────────────────────────

    def open_program(self, source: str, path: str, what_if: WhatIf | None = None) -> None:
        """Another program, to be run with changes if there are any; nothing is run."""
        self._leave()
        self.source = self.kept = source
        self.path, self.file, self.history = path, path, History((what_if or WhatIf(),))
        self.playback, self.agrees, self.output, self.notice, self.recorded = None, None, "", None, False
        self.unread = None
        self.checks = None
        self._forget()
        self._tell("source", "trace", "output", "notice")

    def open_trace(self, trace: Trace) -> None:
        """A recorded run; nothing is run."""
        self._leave()
        self.source = self.kept = trace.source
        # The path is of the machine it was recorded on: nothing is to be written there.
        self.path, self.file, self.history = trace.path, "", History((trace.what_if,))
        self.playback, self.agrees, self.output = Playback.of(trace), trace.agrees, trace.stdout
        self.checks = trace.checks or None
        self.torch = self.torch or trace.torch
        self.notice, self.recorded, self.unread = None, True, None
        self._forget()
        self._tell("source", "trace", "output", "notice")

    def edit(self, source: str) -> None:
        """The text in the editor has changed."""
        if source != self.source:
            self.source = source
            self._tell("worker")

    def saved(self, path: str) -> None:
        """The program as it stands has been written to a file."""
        self.kept, self.path, self.file = self.source, path, path
        self._tell("worker")

    def stands(self, kept: str | None) -> None:
        """What stands in the program's file now, whoever wrote it."""
        self.kept = kept
        self._tell("worker")

    @property
    def unsaved(self) -> bool:
        """Whether the editor holds what no file holds."""
        return self.source != self.kept

    @property
    def stale(self) -> bool:
        """Whether the trace is of another text than the editor's."""
        return self.playback is not None and self.playback.trace.source != self.source

    @property
    def written(self) -> Trace | None:
        """The run without changes of the program whose run with what-ifs or overwritten gradients is shown whole."""
        shown, written = self.playback.trace if self.playback is not None else None, self._written
        changed = shown is not None and (shown.what_if or (shown.overwritten and not shown.error)) and not self._live
        return written if shown and changed and written and written.source == shown.source else None

    @property
    def what_if(self) -> WhatIf:
        return self.history.now

    @property
    def busy(self) -> bool:
        return self._job != 0

    @property
    def running(self) -> bool:
        """Whether the program runs, and does not wait for the reader."""
        return self.busy and self.paused is None

    @property
    def pending(self) -> str:
        """The node before which a live run waits; '' where none does."""
        if self.paused is None or self.playback is None:
            return ""
        return self.playback.trace.passes[self.paused.pass_index].nodes[self.paused.node].name

    # ── The worker ────────────────────────────────────────────────────────────────────────────────────────────────

    def warm(self) -> None:
        """Starts the worker, so that the first run need not wait for torch."""
        if self._runner is None:
            self._runner = self._start()
            if self.limits != Limits():
                self._runner.limit(self.limits)
            self.state = "starting" if self.state == "none" else self.state
            self._tell("worker")

    def limit(self, limits: Limits) -> None:
        """Holds programs from the next one on to other limits."""
        self.limits = limits
        if self._runner is not None:
            self._runner.limit(limits)
        self._tell("worker")

    def run(self, landing: Landing = "backward") -> None:
        """Records the program with the what-ifs as they stand; those of another text of the program are dropped."""
        if self.stale:
            self.history = History()
        self._record(landing)

    def run_live(self) -> None:
        """Records the program, pausing before the nodes of its backward passes; see ``go_on``."""
        if self.stale:
            self.history = History()
        self._record("backward", live=True)

    def go_on(self, before: Before = "next", gradients: Mapping[int, tuple[float, ...]] | None = None) -> None:
        """Lets the paused program run on until before another node.

        ``gradients``: output of the node → what it is to use in place of what arrived there. Nothing is told before the
        program pauses again, ends, or takes its time.
        """
        if self._runner is not None and self.paused is not None:
            self._runner.resume(wire.Resume(self._job, before, dict(gradients or {})))
            self.paused, self.state = None, "running"

    def _record(self, landing: Landing, *, live: bool = False) -> None:
        if not self.may_run():
            return
        self.warm()
        assert self._runner is not None
        if self.state == "gone":
            self._runner.restart()
        self._landing = landing
        self.output, self.notice, self.progress, self.unread = "", None, (0, 0.0), None
        self.state, self.paused, self._live = "running", None, live
        self._question = None  # the run overtakes it
        options = Options(path=self.path, output=self.limits.output << 20)
        self._job = self._runner.run(wire.Run(self.source, self.what_if, options, live=live))
        self._tell("worker", "output", "notice")

    def stop(self) -> None:
        """Ends what runs; the trace up to there is shown."""
        if self._runner is not None and self.busy:
            self.state, self.paused = "stopping", None
            self._runner.stop()
            self._tell("worker")
        elif self._runner is not None and self._question is not None:
            self._runner.stop()

    def _leave(self) -> None:
        """Ends what runs, and takes no more of it."""
        busy = self.busy
        self.stop()
        if busy:
            self._job, self.state, self._live = 0, "ready", False

    def close(self) -> None:
        """Ends every process."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def poll(self) -> int:
        """Takes what the worker has said, a bounded number of messages; returns how many."""
        if self._runner is None:
            return 0
        replies = self._runner.poll(MESSAGES)
        for reply in replies:
            self._hear(reply)
        return len(replies)

    def _hear(self, reply: wire.AnyReply) -> None:
        if self._question is not None and reply.id == self._question[0]:
            self._hear_answer(reply, self._question[1])
            return
        mine = reply.id == self._job
        match reply:
            case wire.Ready():
                self.torch, self.bound = reply.torch, reply.bound
                if not self.busy:
                    self.state = "ready"
                self._tell("worker")
            case wire.Output() if mine:
                self.output += reply.text  # the client passes on so much and no more
                self._tell("output")
            case wire.Paused() if mine:
                self._pause(reply)
            case wire.Progress() if mine and self.paused is None:
                self.progress = (reply.line, reply.seconds)
                self._tell("worker")
            case wire.Traced() if mine:
                self._take(reply.trace)
            case wire.Verified() if mine or reply.id == self._verifying:
                self.agrees, self.checks = reply.agrees, reply.checks
                self._tell("worker")
            case wire.Refused() if mine:
                self._fail("error.refused", message=reply.message)
                if self.what_if != self._before:
                    self.history = self.history.without(self.what_if)
            case wire.Failed() if mine:
                self._fail("error.failed", message=reply.message)
            case wire.Stopped() if mine:
                self._fail("error.stopped")
                self._take_cut_short(reply.trace)
            case wire.Died():
                if mine or not reply.id:
                    self._fail("error.died", message=reply.message)
                    self._take_cut_short(reply.trace)
                    self.state = "starting" if reply.restarting else "gone"
                    self._tell("worker")

    _verifying = -1

    def _fail(self, key: str, **facts: object) -> None:
        self._job, self.state, self.notice = 0, "ready", (key, facts)
        self.paused, self._live = None, False
        self._tell("worker", "notice")

    def _pause(self, reply: wire.Paused) -> None:
        self.paused, self.state, self._landing = reply, "paused", "same"
        if reply.problem:
            self.notice = ("error.refused", {"message": reply.problem})
            self._tell("worker", "notice")
        elif reply.trace is not None:
            self._forget()
            self.playback, self.agrees, self.recorded = Playback.of(reply.trace).end(), None, False
            self._tell("trace", "worker")

    def _take_cut_short(self, trace: Trace | None) -> None:
        """What was recorded before the end; where that is nothing, the trace before it stays."""
        if trace is not None and (trace.events or self.playback is None):
            self._take(trace, stopped=True)

    def _take(self, trace: Trace, stopped: bool = False) -> None:
        before, landing = self.playback, self._landing
        self._verifying, self._job, self.state, self.recorded = self._job, 0, "ready", False
        self.paused, self._live = None, False
        if before is not None and before.trace.events and _unreadable(trace):
            self.unread = trace
            self._tell("worker", "output")
            return
        self._before = self.what_if
        if not (self.what_if or stopped or trace.error or trace.overwritten):
            self._written = trace
        self._forget()
        self.agrees = None if stopped or trace.error else "waiting"
        if trace.agrees is not None:
            self.agrees = trace.agrees
        self.checks = trace.checks or None
        self.torch = trace.torch or self.torch
        playback = Playback.of(trace)
        if callable(landing):
            playback = playback.at(landing(playback))
        elif trace.error is not None and landing != "same":
            playback = playback.end()
        elif isinstance(landing, int):
            playback = playback.at(landing)
        elif landing == "same" and before is not None:
            playback = playback.end() if before.at_end else playback.at(before.cursor)
        else:
            first = min(playback.index.pass_at.values(), default=len(trace.events))
            playback = playback.at(first)
        self.playback = playback
        if not self.output and trace.stdout:
            self.output = trace.stdout
            self._tell("output")
        self._tell("trace", "worker")

    # ── Questions ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def obstacle(self) -> Literal["", "recorded", "paused", "overwritten", "stale", "gone"]:
        """Why nothing can be asked about this trace: its program or its worker is not here or not free, or it is a run
        that the reader had a hand in, which cannot be run once more."""
        if self.recorded:
            return "recorded"
        if self.paused is not None:
            return "paused"
        if self.playback is not None and self.playback.trace.overwritten:
            return "overwritten"
        return "stale" if self.stale else "gone" if self.state in ("none", "gone") else ""

    @property
    def asked(self) -> Question | None:
        """The question that is being answered."""
        return self._question[1] if self._question is not None else None

    def ask(self, question: Question) -> None:
        """Has a question about this trace answered by another run, where the worker rests.

        One question at a time: a run overtakes it, another question has to wait until 'answer' is told.
        """
        resting = self.state == "ready" and self.agrees != "waiting" and self._question is None
        if self._runner is None or self.playback is None or self.obstacle or not resting or question in self.answers:
            return
        self._question = self._runner.ask(question.job(self.playback.trace)), question
        self._tell("answer")

    def _hear_answer(self, reply: wire.AnyReply, question: Question) -> None:
        answer = answer_of(reply)
        if answer is None:
            return
        if isinstance(reply, wire.Died):
            self.state = "starting" if reply.restarting else "gone"
        self._question = None
        self.answers.add(question, answer)
        self._tell("answer")

    def _forget(self) -> None:
        """The answers were about another trace."""
        self.answers, self._question = Answers(), None

    # ── Moving ────────────────────────────────────────────────────────────────────────────────────────────────────

    def seek(self, cursor: int) -> None:
        if self.playback is not None:
            self._move(self.playback.at(cursor), within=False)

    def _move(self, playback: Playback, *, within: bool) -> None:
        self._within = within
        if playback != self.playback:
            self.playback = playback
            self._tell("cursor")

    def step(self) -> None:
        """One event on, inside a node one part; with nothing recorded yet, records and makes the first step."""
        if self.playback is not None and self.playback.part:
            self.into()
        elif self.playback is not None:
            self.seek(self.playback.cursor + 1)
        elif not self.busy:
            self.run(landing=1)

    def back(self) -> None:
        """The inverse of the last step, one event or one part."""
        if self.playback is not None and self._within:
            self._move(self.playback.out(), within=True)
        elif self.playback is not None:
            self.seek(self.playback.cursor - 1)

    def into(self) -> None:
        """One part of the node that runs next, or one event where that has no parts."""
        if self.playback is not None:
            self._move(self.playback.into(), within=True)

    def finish(self) -> None:
        """To the end of the node whose parts are told."""
        if self.playback is not None and self.playback.part:
            self.seek(self.playback.cursor + 1)

    def home(self) -> None:
        self.seek(0)

    def end(self) -> None:
        if self.playback is not None:
            self.seek(len(self.playback.trace.events))

    # ── What if ───────────────────────────────────────────────────────────────────────────────────────────────────

    def toggle_cut(self, cut: Cut) -> None:
        """Detaches one use of a value, or undoes that."""
        cuts = self.what_if.cuts
        cuts = tuple(c for c in cuts if c != cut) if cut in cuts else (*cuts, cut)
        self._suppose(msgspec.structs.replace(self.what_if, cuts=cuts))

    def toggle_cuts(self, cuts: Sequence[Cut]) -> None:
        """Detaches several uses together, or undoes that where any of them is cut."""
        others = tuple(cut for cut in self.what_if.cuts if cut not in cuts)
        changed = others if len(others) < len(self.what_if.cuts) else (*others, *cuts)
        self._suppose(msgspec.structs.replace(self.what_if, cuts=changed))

    def toggle_heal(self, site: str) -> None:
        """Makes an existing ``.detach()`` pass gradients, or undoes that."""
        heals = self.what_if.heals
        heals = tuple(s for s in heals if s != site) if site in heals else (*heals, site)
        self._suppose(msgspec.structs.replace(self.what_if, heals=heals))

    def set_seed(self, pass_: int, seed: tuple[float, ...] | None, *, again: bool = False) -> None:
        """Another seed of a backward call; None is the program's own; ``again`` while a drag goes on."""
        seeds = {number: numbers for number, numbers in self.what_if.seeds.items() if number != pass_}
        if seed is not None:
            seeds[pass_] = seed
        self._suppose(msgspec.structs.replace(self.what_if, seeds=seeds), again=again)

    def set_leaf(self, name: str, values: tuple[float, ...] | None, *, again: bool = False) -> None:
        """Other values of a leaf; None are the program's own; ``again`` while a drag goes on."""
        leaves = {other: numbers for other, numbers in self.what_if.leaves.items() if other != name}
        if values is not None:
            leaves[name] = values
        self._suppose(msgspec.structs.replace(self.what_if, leaves=leaves), again=again)

    def toggle_requires_grad(self, name: str) -> None:
        """Switches requires_grad of a leaf off, or undoes that."""
        switched = {other: on for other, on in self.what_if.requires_grad.items() if other != name}
        if name not in self.what_if.requires_grad:
            switched[name] = False
        self._suppose(msgspec.structs.replace(self.what_if, requires_grad=switched))

    def toggle_clearing(self, site: str) -> None:
        """Leaves out the clearing of ``.grad`` at a place of the program, or undoes that."""
        skips = self.what_if.skip_zero_grad
        skips = tuple(s for s in skips if s != site) if site in skips else (*skips, site)
        self._suppose(msgspec.structs.replace(self.what_if, skip_zero_grad=skips))

    def as_written(self) -> None:
        """No what-ifs."""
        self._suppose(WhatIf())

    def _suppose(self, what_if: WhatIf, again: bool = False) -> None:
        if what_if == self.what_if or not self._can_suppose(what_if):
            return
        self.history = self.history.instead(what_if) if again else self.history.then(what_if)
        self._record("same")

    def undo(self) -> None:
        """The what-ifs before the last change."""
        self._go(self.history.at(self.history.cursor - 1))

    def redo(self) -> None:
        """The change that was undone."""
        self._go(self.history.at(self.history.cursor + 1))

    @property
    def can_undo(self) -> bool:
        return self.history.cursor > 0

    @property
    def can_redo(self) -> bool:
        return self.history.cursor < len(self.history.states) - 1

    def _go(self, history: History) -> None:
        if history.cursor != self.history.cursor and self._can_suppose(history.now):
            self.history = history
            self._record("same")

    def _can_suppose(self, what_if: WhatIf) -> bool:
        """Whether the program may be run with these changes now; if not, the reader is told why."""
        wrong = ""
        if self.recorded:
            wrong = "error.recorded"  # a file may come from a stranger: only F5 runs what is in it
        elif self.stale and not self._still_written(what_if):
            wrong = "error.stale"  # a place of another text of the program may be any place of this one
        if wrong:
            self.notice = (wrong, {})
            self._tell("notice")
        return not wrong

    def _still_written(self, what_if: WhatIf) -> bool:
        """Whether all that a change is about stands in the program as it did when the trace was made."""
        assert self.playback is not None
        before, now = lines_of(self.playback.trace.source + "\n"), lines_of(self.source + "\n")
        lines = {op.site: (op.span[0] - 1, op.span[2]) for op in self.playback.trace.ops if op.site}
        places = {*what_if.heals, *(place for cut in what_if.cuts for place in (cut.value, cut.use) if place)}
        by_place = not (what_if.seeds or what_if.leaves or what_if.requires_grad or what_if.skip_zero_grad)
        return by_place and all(
            place in lines and before[slice(*lines[place])] == now[slice(*lines[place])] for place in places
        )


def _unreadable(trace: Trace) -> bool:
    """Whether nothing was run, because the text is no program."""
    error = trace.error
    return error is not None and not trace.events and (error.type in UNREADABLE or error.kind == "too-deep")
