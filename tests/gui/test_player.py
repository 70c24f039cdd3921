"""Playing: steps by themselves, until the end or until the reader steps in."""

from __future__ import annotations

from tests.gui.conftest import Window, entry_of


def cursor(window: Window) -> int:
    playback = window.app.session.playback
    assert playback is not None
    return playback.cursor


def test_p_plays_to_the_end_and_then_begins_anew(window: Window) -> None:
    app = window.app
    app.player.speed = 20
    window.key("<F5>", app.canvas)
    window.key("<Home>", app.canvas)
    window.key("<p>", app.canvas)
    assert app.player.playing
    pausing = app.toolbar.buttons["play"].cget("text")
    window.wait_until(lambda: not app.player.playing)
    assert app.session.playback is not None
    assert app.session.playback.at_end
    assert app.toolbar.buttons["play"].cget("text") != pausing
    app.player.speed = 1
    window.key("<p>", app.canvas)
    assert cursor(window) == 0
    window.key("<p>", app.canvas)
    assert not app.player.playing


def test_the_reader_who_steps_in_takes_over(window: Window) -> None:
    app = window.app
    app.player.speed = 20
    window.key("<F5>", app.canvas)
    window.key("<Home>", app.canvas)
    app.toolbar.buttons["play"].invoke()
    assert app.player.playing
    window.key("<Home>", app.canvas)
    window.wait_until(lambda: not app.player.playing)
    assert cursor(window) == 0


def test_a_p_typed_into_the_program_is_a_letter(window: Window) -> None:
    app = window.app
    window.key("<F5>", app.canvas)
    window.key("<p>", app.editor.text)
    assert not app.player.playing


def test_the_speed_is_chosen_by_menu(window: Window) -> None:
    app = window.app
    speeds = entry_of(app.menus.main(), "Playing speed").entries
    assert [entry.chosen for entry in speeds].count(True) == 1
    command = speeds[-1].command
    assert command is not None
    command()
    assert app.player.speed == 8
    assert app.settings.speed == 8
