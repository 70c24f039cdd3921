"""Animations: what is in their frames, how long each stands, that they agree with the pages, and what is refused."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.layout import Cancelled
from core.playback import Playback
from core.records import Trace
from gui.export import film
from gui.export.blocks import Block
from gui.export.page import Page
from gui.export.reel import SAME, Reel
from gui.i18n import words
from gui.picture import paint
from gui.picture.scene import Box, Label, Picture, Scene
from gui.theme import DARK, LIGHT, PALETTES, Palette
from tests.gui import traces
from tests.gui.exports import export_picture

EMPTY = Trace("2.13.0", "")


def frames_of(trace: Trace, lang: str = "en", **more: object) -> film.Frames:
    moments = [Playback.of(trace, cursor) for cursor in range(len(trace.events) + 1)]
    page = Page(Picture(trace, moments[0].index), moments, words(lang), dated=False, **more)  # type: ignore[arg-type]
    return film.Frames(page, moments)


def painted(frames: film.Frames, number: int, palette: Palette, scale: float) -> np.ndarray:
    """A frame painted by itself, as the screen's painter does."""
    width, height = (round(side) for side in frames.size(scale))
    renderer = paint.screen(width, height, palette)
    painter = paint.Painter(renderer, height, palette)
    for layer in frames.layers(number, scale):
        painter.look(layer.scale, layer.origin)
        painter.paint(layer.scene)
    return np.asarray(renderer.buffer_rgba())[:, :, :3].astype(int)


def opened(path: Path) -> tuple[list[np.ndarray], list[int], dict[str, object]]:
    """Frames and milliseconds, as Pillow reads them; what it knows of the whole."""
    frames, times = [], []
    with Image.open(path) as moving:
        for number in range(getattr(moving, "n_frames", 1)):
            moving.seek(number)
            frames.append(np.asarray(moving.convert("RGB"), int))
            times.append(moving.info["duration"])
        return frames, times, moving.info


def beside(moment: Playback) -> list[Block]:
    """A panel of what moves and what does not."""
    labels = (Label(0, 10, f"{moment.cursor} " * 8, "value"), Label(0, 40, "code", "text"))
    return [Block(Scene((Box(0, 0, 200, 300, "panel", "line"),), labels), 200, 300)]


# ── Only what changes is painted ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scale", [2.0, 0.9, 0.25])
@pytest.mark.parametrize("trace", [traces.first(), traces.fan(), traces.failed(), traces.chain(12), EMPTY])
def test_every_frame_is_as_if_painted_by_itself(trace: Trace, scale: float) -> None:
    frames = frames_of(trace, "zh", panels=beside)
    width, height = (round(side) for side in frames.size(scale))
    reel = Reel((width, height), DARK)
    for number, patches in enumerate(reel.patches(frames.layers(n, scale) for n in range(len(frames.moments)))):
        levels = np.ascontiguousarray(reel.pixels).view(np.uint8).reshape(height, width, 4)[:, :, :3]
        assert np.abs(levels - painted(frames, number, DARK, scale)).max() <= 3
        if 0 < number < len(frames.moments) - 1:
            assert sum(int((patch.pixels != SAME).sum()) for patch in patches) < width * height / 4


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("kind", "most"), [("gif", 16), ("webp", 3)])
def test_what_is_opened_again_is_what_was_painted(kind: str, most: int, theme: str, tmp_path: Path) -> None:
    trace = traces.first()
    export_picture(trace, tmp_path / f"p.{kind}", step="all", scale=1, theme=theme, lang="zh")
    frames, _, info = opened(tmp_path / f"p.{kind}")
    assert len(frames) == len(trace.events) + 1
    assert info["loop"] == 0
    wanted = frames_of(trace, "zh")
    for number, frame in enumerate(frames):
        assert np.abs(frame - painted(wanted, number, PALETTES[theme], 1.0)).max() <= most


def test_a_gif_has_one_palette_with_the_theme_in_it(tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.gif", step="all", scale=1, theme="dark")
    blob = (tmp_path / "p.gif").read_bytes()
    assert blob[10] & 0x80  # a global colour table
    local = 0
    place = 13 + 3 * 2 ** ((blob[10] & 7) + 1)
    while blob[place] != 0x3B:
        if blob[place] == 0x2C:
            local += blob[place + 9] >> 7
            place += 11
        else:
            place += 2
        while blob[place]:
            place += blob[place] + 1
        place += 1
    assert local == 0
    frames, _, _ = opened(tmp_path / "p.gif")
    seen = {tuple(colour) for colour in frames[-1].reshape(-1, 3).tolist()}
    assert {tuple(bytes.fromhex(DARK[name][1:])) for name in ("canvas", "card", "grad_soft", "leaf_soft")} <= seen


def test_frames_do_not_move(tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.gif", step="all", scale=1)
    corners = set()
    for frame in opened(tmp_path / "p.gif")[0][4:14]:  # then a is the current card, in another colour
        leaf = (abs(frame - list(bytes.fromhex(LIGHT["leaf"][1:]))) < 6).all(axis=2)
        corners.add(tuple(int(side.min()) for side in np.nonzero(leaf[: len(leaf) // 2])))
    assert len(corners) == 1


# ── The moment ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scale", [2.0, 0.2])
@pytest.mark.parametrize("trace", [traces.first(), traces.chain(60)])
def test_the_moment_is_said_once_and_legible_at_the_width_of_a_page(trace: Trace, scale: float) -> None:
    frames = frames_of(trace)
    width, height = frames.size(scale)
    for number in (0, len(frames.moments) // 2 + 4, len(frames.moments) - 1):
        layers = list(frames.layers(number, scale))
        texts = [label.text for layer in layers for label in layer.scene.labels]
        said = layers[-1].scene.labels[0]
        assert texts.count(said.text) == 1
        assert said.size * layers[-1].scale >= width / 60  # 8 points where a page is 480 points wide
        bar, done = (shape for shape in layers[-1].scene.shapes if isinstance(shape, Box))
        assert bar.y + bar.height - layers[-1].origin[1] == height
        assert done.width == pytest.approx(width * number / (len(frames.moments) - 1), abs=1)


def test_a_frame_stands_as_long_as_there_is_to_read(tmp_path: Path) -> None:
    step, pauses = film.PAUSES["step"], film.PAUSES
    wanted = [film.START, *[pauses["op"]] * 7, pauses["pass"], *[step] * 6, film.LAST]
    for kind in ("gif", "webp"):
        export_picture(traces.first(), tmp_path / f"p.{kind}", step="all", scale=1)
        assert opened(tmp_path / f"p.{kind}")[1] == wanted
    export_picture(traces.first(), tmp_path / "p.gif", step="all", scale=1, speed=2.0)
    assert opened(tmp_path / "p.gif")[1] == [time // 2 for time in wanted]
    export_picture(traces.failed(), tmp_path / "p.gif", step="all", scale=1, speed=10.0)
    assert opened(tmp_path / "p.gif")[1] == [80, film.FAILED // 10]
    export_picture(traces.first(), tmp_path / "p.gif", step="all", scale=1, code=True)
    assert opened(tmp_path / "p.gif")[1] == [round(time * film.BESIDE) for time in wanted]
    assert pauses["op"] < step < pauses["pass"] < pauses["end"] < film.LAST < film.FAILED


# ── Few and many frames ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_pass(tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.webp", step="all", pass_=0, scale=1)
    assert len(opened(tmp_path / "p.webp")[0]) == 7


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize(("trace", "step"), [(traces.first(), 9), (EMPTY, "all")])
def test_one_moment(kind: str, trace: Trace, step: int | str, tmp_path: Path) -> None:
    export_picture(trace, tmp_path / f"p.{kind}", step=step, scale=1)
    with Image.open(tmp_path / f"p.{kind}") as image:
        assert getattr(image, "n_frames", 1) == 1
        assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 5


def test_hundreds_of_frames_are_drawn_and_thousands_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_picture(traces.chain(210), tmp_path / "p.gif", step="all", scale=0.1)
    with Image.open(tmp_path / "p.gif") as moving:
        assert moving.n_frames == len(traces.chain(210).events) + 1 > 400
    monkeypatch.setattr(film, "LONGEST", 600)
    with pytest.raises(ValueError, match=re.escape("603 frames are too many for an animation, 600 are the most")):
        export_picture(traces.chain(300), tmp_path / "q.gif", step="all")
    monkeypatch.setattr(film, "MOST", 90)
    with pytest.raises(ValueError, match=r"16 frames of \d+ cards are too many for an animation; fold groups"):
        export_picture(traces.first(), tmp_path / "q.gif", step="all")
    assert not (tmp_path / "q.gif").exists()


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_given_up_half_way_there_is_no_file(kind: str, tmp_path: Path) -> None:
    done: list[float] = []

    def cancelled() -> bool:
        return bool(done) and done[-1] > 0.6

    with pytest.raises(Cancelled):
        export_picture(
            traces.first(), tmp_path / f"p.{kind}", step="all", scale=1, cancelled=cancelled, progress=done.append
        )
    assert not list(tmp_path.iterdir())
    assert done[-1] < 0.75
    done = []
    export_picture(traces.first(), tmp_path / f"p.{kind}", step="all", scale=1, progress=done.append)
    assert done == sorted(done)
    assert done[-1] > 0.95
    assert max(after - before for before, after in pairwise(done)) < 0.15
