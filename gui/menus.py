"""What the menus offer: all that can be done, and what can be done with what lies under the pointer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import jumps
from core.playback import Playback
from gui import context
from gui.actions import Place
from gui.bounds import size
from gui.numbers.leaf_editor import leaf_of_card
from gui.numbers.seed_editor import seed_pass
from gui.picture.cards import Card, Graph, Wire
from gui.picture.scene import Hit
from gui.programs import examples, titles
from gui.settings import MEMORY, OUTPUT, SIZES, SPEEDS, TIME
from gui.theme import MAPS
from gui.viewer import subjects
from gui.widgets.menu import RULE, Entry

if TYPE_CHECKING:
    from gui.app import App


class Menus:
    """Entries for a window as it stands now."""

    def __init__(self, app: App) -> None:
        self._app = app

    # ── Under the pointer ─────────────────────────────────────────────────────────────────────────────────────────

    def of(self, hit: Hit | None) -> list[Entry]:
        """What can be done with what lies under the pointer, then what can always be done."""
        app, say = self._app, self._app.look.words
        entries = [*self._of_hit(hit), *self._clearing()]
        return [
            *entries,
            *([RULE] if entries else []),
            Entry(say("bar.fit"), app.canvas.fit, "Ctrl+0"),
            Entry(say("menu.find"), app.find, "Ctrl+F"),
            Entry(say("menu.export"), app.exports.open, "Ctrl+E"),
            Entry(say("menu.copy_picture"), app.exports.copy, "Ctrl+Shift+C"),
        ]

    def _of_hit(self, hit: Hit | None) -> list[Entry]:
        app, playback, graph = self._app, self._app.session.playback, self._app.graph
        if hit is None or playback is None or graph is None:
            return []
        if hit.kind == "wire" and hit.wire is not None:
            return self._of_wire(playback, graph, graph.wires[hit.wire])
        if hit.group is not None:
            fold = Entry(app.look.words("menu.fold"), partial(app.canvas.fold, hit.group))
            return [*self._of_bundle(playback, graph, hit.wires), fold]
        seed = [Entry(app.look.words("menu.seed"), partial(app.edit_seed, hit.seed), "E")] if hit.seed else []
        return [*seed, *self._of_card(playback, graph, graph.cards[hit.card])] if hit.card is not None else seed

    def _of_card(self, playback: Playback, graph: Graph, card: Card) -> list[Entry]:
        app, say = self._app, self._app.look.words
        line = playback.trace.ops[card.op].line if card.op is not None else 0
        entries = [Entry(say("menu.run_to"), partial(app.run_to, card.id))]
        if line and not app.session.stale:
            entries.append(Entry(say("menu.line", line=line), partial(app.editor.select_line, line)))
        told = context.told(playback, card)
        for key, snapshots in (
            ("menu.copy_value", [one.value for one in told]),
            ("menu.copy_gradient", [one.gradient for one in told]),
        ):
            text = context.in_full(snapshots)
            entries.append(Entry(say(key), partial(app.copy, text) if text else None))
        entries.append(self._viewing("menu.view_value", subjects.values(playback, card, say), "V"))
        entries.append(self._viewing("menu.view_gradient", subjects.gradients(playback, card, say), "Shift+V"))
        marked = "menu.unmark" if card.id in app.canvas.marquee.cards else "menu.mark"
        entries.append(Entry(say(marked), partial(app.canvas.marquee.toggle, card.id), "M"))
        inputs = self._of_inputs(playback, graph, card)
        return [*entries, *self._of_leaf(playback, card), *inputs, self._cutting_all(playback, card)]

    def _of_inputs(self, playback: Playback, graph: Graph, card: Card) -> list[Entry]:
        """Each value that a card uses: to cut or heal that use; more than two in a menu of their own."""
        wires = [wire for wire in graph.wires if wire.target == card.id]
        titles = [graph.cards[wire.source].title for wire in wires]
        names = [f"{title} ({place})" if titles.count(title) > 1 else title for place, title in enumerate(titles, 1)]
        entries = [self._use(playback, graph, wire, name) for wire, name in zip(wires, names, strict=True)]
        able = [entry for entry in entries if entry.command is not None]
        return able if len(able) <= 2 else [Entry(self._app.look.words("menu.inputs"), entries=tuple(able))]

    def _viewing(self, key: str, found: Sequence[subjects.Subject], keys: str) -> Entry:
        """Opens a tensor in the viewer; several are offered by name."""
        text, opens = self._app.look.words(key), self._app.viewer.open
        if len(found) > 1:
            return Entry(text, entries=tuple(Entry(one.title, partial(opens, one)) for one in found))
        return Entry(text, partial(opens, found[0]) if found else None, keys)

    def _of_leaf(self, playback: Playback, card: Card) -> list[Entry]:
        """Where a leaf's gradient changes next, and whether it is to have one."""
        session, say = self._app.session, self._app.look.words
        leaf, entries = leaf_of_card(playback, card), []
        if leaf:
            value = next(one.value for one in playback.trace.leaves if one.name == leaf)
            place = jumps.next_change(playback, value) if value is not None else None
            seek = partial(session.seek, place) if place is not None else None
            entries.append(Entry(say("menu.next_change", name=leaf), seek))
        names = (name for value in card.values for name in playback.trace.values[value].names)
        switched = next((name for name in names if name in session.what_if.requires_grad), "")
        if leaf or switched:
            switch = None if session.busy else partial(session.toggle_requires_grad, switched or leaf)
            entries.append(Entry(say("menu.track" if switched else "menu.untrack"), switch))
        return entries

    def _cutting_all(self, playback: Playback, card: Card, *, named: bool = False) -> Entry:
        """Cuts all uses of a card's value, or undoes that; greyed where no gradient passes."""
        session, cut = self._app.session, context.cut_of_all(playback, card)
        key = "menu.uncut_all" if cut in session.what_if.cuts else "menu.cut_all"
        text = self._app.look.words(f"{key}_of", name=card.title) if named else self._app.look.words(key)
        return Entry(text, None if cut is None or session.busy else partial(self._app.actions.toggle_all, card))

    def _of_bundle(self, playback: Playback, graph: Graph, wires: Sequence[int]) -> list[Entry]:
        session, cuts = self._app.session, context.cuts_of_bundle(playback, graph, wires)
        if not cuts:
            return []
        key = "menu.uncut_bundle" if any(cut in session.what_if.cuts for cut in cuts) else "menu.cut_bundle"
        command = None if session.busy else partial(self._app.actions.toggle_bundle, wires)
        return [Entry(self._app.look.words(key, n=len(cuts)), command)]

    def _of_wire(self, playback: Playback, graph: Graph, wire: Wire) -> list[Entry]:
        entries = [self._use(playback, graph, wire)]
        source = graph.cards[wire.source]
        if context.cut_of_all(playback, source) is not None:
            entries.append(self._cutting_all(playback, source, named=True))
        return entries

    def _use(self, playback: Playback, graph: Graph, wire: Wire, name: str = "") -> Entry:
        """Cuts or heals one use, of a value that is called by its ``name``, or undoes that."""
        session = self._app.session
        cut, heal = context.cut_of_use(playback, graph, wire), context.heal_of(playback, graph, wire)
        if heal is not None:
            key = "menu.unheal" if heal in session.what_if.heals else "menu.heal"
        else:
            key = "menu.uncut_use" if cut in session.what_if.cuts else "menu.cut_use"
            key = f"{key}_of" if name else key
        able = not session.busy and (heal is not None or cut is not None)
        text = self._app.look.words(key, name=name)
        return Entry(text, partial(self._app.actions.toggle_use, wire) if able else None)

    def _clearing(self) -> list[Entry]:
        """Where the program has just cleared ``.grad``: to leave that out."""
        session = self._app.session
        site = context.clearing_at(session.playback) if session.playback is not None else ""
        if not site:
            return []
        key = "menu.clear" if site in session.what_if.skip_zero_grad else "menu.no_clear"
        return [Entry(self._app.look.words(key), None if session.busy else partial(session.toggle_clearing, site))]

    # ── The menu of the window ────────────────────────────────────────────────────────────────────────────────────

    def main(self) -> list[Entry]:
        """Files, then menus of the picture, the run, what-ifs and what the reader may prefer: few enough for a low
        screen."""
        app, say = self._app, self._app.look.words
        return [
            *self._files(),
            RULE,
            Entry(say("menu.picture"), entries=self._picture()),
            Entry(say("menu.run"), entries=(*self._ways(), RULE, *self._places())),
            Entry(say("menu.what_if"), entries=self._what_ifs()),
            Entry(say("menu.settings"), entries=self._preferences()),
            RULE,
            Entry(say("checks.title"), app.show_checks if app.session.checks is not None else None),
            Entry(say("keys.title"), app.keys_sheet.toggle, "F1"),
            Entry(say("about.title"), app.show_about),
            Entry(say("menu.quit"), app.ask_close, "Ctrl+Q"),
        ]

    def _picture(self) -> tuple[Entry, ...]:
        app, say = self._app, self._app.look.words
        return (
            Entry(say("menu.export"), app.exports.open, "Ctrl+E"),
            Entry(say("menu.copy_picture"), app.exports.copy, "Ctrl+Shift+C"),
            Entry(say("menu.find"), app.find, "Ctrl+F"),
            Entry(say("bar.fit"), app.canvas.fit, "Ctrl+0"),
        )

    def _ways(self) -> tuple[Entry, ...]:
        """How the program runs, and how it is stepped through."""
        app, say = self._app, self._app.look.words
        return (
            Entry(say("menu.live"), app.session.run_live, "Ctrl+F5"),
            Entry(say("menu.into"), app.stepping.into, "F11"),
            Entry(say("menu.out"), app.stepping.out, "Shift+F11"),
        )

    def _files(self) -> list[Entry]:
        desk, say = self._app.desk, self._app.look.words

        def named(paths: Sequence[Path]) -> tuple[Entry, ...]:
            return tuple(
                Entry(title, partial(desk.leave_for, path)) for title, path in zip(titles(paths), paths, strict=True)
            )

        return [
            Entry(say("menu.lessons"), self._app.lessons.list, "F2"),
            Entry(say("menu.teachers"), entries=self._of_teachers()),
            Entry(say("menu.open"), desk.ask_open, "Ctrl+O"),
            Entry(say("menu.recent"), entries=named([Path(path) for path in desk.recent])),
            Entry(say("menu.examples"), entries=named(examples())),
            Entry(say("menu.save"), self._app.save, "Ctrl+S"),
            Entry(say("menu.save_as"), self._app.save_as, "Ctrl+Shift+S"),
        ]

    def _of_teachers(self) -> tuple[Entry, ...]:
        app, say = self._app, self._app.look.words
        able = app.lessons.walk is not None and not app.editing.active
        return (
            Entry(say("menu.new_lesson"), app.editing.begin_new),
            Entry(say("menu.edit_lesson"), app.editing.begin if able else None),
            Entry(say("menu.projector"), app.projector.toggle, "F9", chosen=app.projector.on),
        )

    def _places(self) -> tuple[Entry, ...]:
        """Places in the run; what there is none of is greyed."""
        say, playback = self._app.look.words, self._app.session.playback
        if playback is None:
            return ()

        def entry(key: str, find: Place, keys: str = "", **facts: object) -> Entry:
            there = find(playback) is not None
            return Entry(say(key, **facts), partial(self._app.actions.jump, find) if there else None, keys)

        entries = [
            entry("menu.next_call", jumps.next_call, "Ctrl+→"),
            entry("menu.previous_call", jumps.previous_call, "Ctrl+←"),
            entry("menu.first_nan", jumps.first_nan),
            entry("menu.first_zero", jumps.first_zero),
        ]
        leaf = next((leaf for leaf in playback.trace.leaves if leaf.name == self._app.leaf), None)
        if leaf is not None and leaf.value is not None:
            value = leaf.value
            entries.append(entry("menu.next_change", lambda now: jumps.next_change(now, value), name=leaf.name))
        return tuple(entries)

    def _what_ifs(self) -> tuple[Entry, ...]:
        app, session, say = self._app, self._app.session, self._app.look.words
        return (
            Entry(say("menu.seed"), app.edit_seed if seed_pass(session.playback) is not None else None, "E"),
            Entry(say("menu.undo"), session.undo if session.can_undo else None, "Ctrl+Z"),
            Entry(say("menu.redo"), session.redo if session.can_redo else None, "Ctrl+Y"),
            Entry(say("menu.write_in"), app.write_what_ifs if app.actions.as_code is not None else None),
            Entry(say("menu.as_written"), session.as_written if session.what_if else None),
        )

    def _preferences(self) -> tuple[Entry, ...]:
        app, say = self._app, self._app.look.words
        system = say("menu.system")

        def choices(key: str, names: dict[Any, str], choose: Callable[[Any], None]) -> Entry:
            now = getattr(app.settings, key)
            entries = (Entry(name, partial(choose, value), chosen=value == now) for value, name in names.items())
            return Entry(say(f"menu.{key}"), entries=tuple(entries))

        def preferred(key: str, names: dict[Any, str]) -> Entry:
            return choices(key, names, lambda value: app.prefer(**{key: value}))

        return (
            preferred("language", {"": system, "en": "English", "zh": "中文"}),
            preferred("theme", {"": system, "light": say("menu.light"), "dark": say("menu.dark")}),
            preferred("size", {0: system, **{size: f"{size} %" for size in SIZES}}),
            preferred("motion", {"": system, "on": say("menu.on"), "off": say("menu.off")}),
            preferred("colours", {name: say(f"menu.{name}") for name in MAPS}),
            choices("speed", {speed: say("menu.per_second", n=f"{speed:g}") for speed in SPEEDS}, app.play_at),
            Entry(say("menu.down"), app.toggle_direction, chosen=app.settings.direction == "down"),
            Entry(say("menu.limits"), entries=self._limits(choices)),
            RULE,
            Entry(say("trouble.folder"), app.trouble.open_folder),
        )

    def _limits(self, choices: Callable[[str, dict[Any, str], Callable[[Any], None]], Entry]) -> tuple[Entry, ...]:
        """What programs are held to, from the next run on."""
        app, say = self._app, self._app.look.words
        none = {0: say("menu.no_limit")}

        def limited(key: str, names: dict[Any, str]) -> Entry:
            return choices(key, names, lambda value: app.limit(**{key: value}))

        writes = app.settings.writes
        return (
            limited("memory", {**{mb: size(mb) for mb in MEMORY if mb}, **none}),
            limited("time", {**{seconds: say("menu.seconds", n=seconds) for seconds in TIME if seconds}, **none}),
            limited("output", {mb: f"{mb} MB" for mb in OUTPUT}),
            RULE,
            Entry(say("menu.writes"), partial(app.limit, writes=not writes), chosen=writes),
        )
