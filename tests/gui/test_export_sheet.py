"""The sheet on which the reader says what is to be exported, by keys and by the mouse."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from core.files import read_trace
from gui.exporting.wishes import OFFERED, Wishes, understood
from tests.gui import traces
from tests.gui.conftest import Window
from tests.gui.exports import export_picture
from tests.gui.test_exporting import finish, note, output


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder in which the dialog of files answers with the name that it was offered."""
    monkeypatch.setattr("tkinter.filedialog.asksaveasfilename", lambda **how: str(tmp_path / how["initialfile"]))
    return tmp_path


def ran(window: Window) -> None:
    window.key("<F5>")
    window.key("<End>")


def choose_product(window: Window, name: str) -> None:
    """Down from the first one with the arrow."""
    sheet = window.app.exports.sheet
    for _ in OFFERED:
        if sheet.wishes.product != name:
            window.key("<Down>", sheet.product)
    assert sheet.wishes.product == name


def test_ctrl_e_and_enter_save_the_picture_as_it_stands(window: Window, answers: Path) -> None:
    ran(window)
    window.key("<Control-e>")
    sheet = window.app.exports.sheet
    assert sheet.opened
    assert window.app.focus_get() is sheet.product
    window.key("<Control-Return>")
    finish(window)
    assert not sheet.opened
    assert note(window) == "✓ first-15.png is saved"
    export_picture(traces.first(), answers / "wanted.png", step=15)
    assert (answers / "first-15.png").read_bytes() == (answers / "wanted.png").read_bytes()


@pytest.mark.parametrize(
    ("product", "name"),
    [("animation", "first-animation.gif"), ("ledger", "first-ledger.csv"),
     ("transcript", "first-transcript.md"), ("trace", "first.pullback"), ("window", "first-window.png")],
)  # fmt: skip
def test_every_product_is_a_file_of_its_kind(window: Window, answers: Path, product: str, name: str) -> None:
    ran(window)
    window.key("<Control-e>")
    choose_product(window, product)
    window.app.exports.sheet.save.invoke()
    window.wait_until((answers / name).exists, 60)
    finish(window)
    blob = (answers / name).read_bytes()
    match product:
        case "animation":
            with Image.open(answers / name) as film:
                assert getattr(film, "n_frames", 1) > 5
        case "ledger":
            rows = list(csv.DictReader(io.StringIO(blob.decode("utf-8-sig"))))
            assert {"PowBackward0", "AccumulateGrad"} <= {row["node"] for row in rows}
        case "transcript":
            assert "`b`" in blob.decode()
        case "trace":
            assert read_trace(answers / name) == traces.first()
        case "window":
            with Image.open(answers / name) as picture:
                assert picture.size == (window.app.winfo_width(), window.app.winfo_height())
                assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 20


def test_what_does_not_matter_is_not_asked(window: Window) -> None:
    ran(window)
    window.key("<Control-e>")
    sheet = window.app.exports.sheet

    def asked() -> set[str]:
        window.settle()
        return {title.removeprefix("export.") for title, label in sheet.titles.items() if label.winfo_manager()}

    assert asked() == {"format", "shows", "beside", "caption", "scale", "theme", "lang", "ground"}
    window.key("<Right>", sheet.choices["ending"])
    assert sheet.wishes.ending == ".svg"
    assert "scale" not in asked()
    choose_product(window, "animation")
    assert asked() == {"format", "span", "shows", "beside", "caption", "scale", "speed", "theme", "lang"}
    choose_product(window, "ledger")
    assert asked() == {"format"}
    choose_product(window, "trace")
    assert asked() == set()


def test_marked_cards_are_exported_alone(window: Window, answers: Path) -> None:
    ran(window)
    app, canvas = window.app, window.app.canvas
    picture = canvas.picture
    assert picture is not None
    cards = {card.title: card.id for card in picture.graph.cards}
    left, top, right, bottom = picture.rect(cards["b"])
    (x0, y0), (x1, y1) = window.on_screen(left - 5, top - 5), window.on_screen(right + 5, bottom + 5)
    for sequence, x, y in (("<Shift-ButtonPress-1>", x0, y0), ("<Shift-B1-Motion>", x1, y1),
                           ("<Shift-ButtonRelease-1>", x1, y1)):  # fmt: skip
        canvas.event_generate(sequence, x=int(x), y=int(y))
    window.settle()
    assert canvas.marquee.cards == {cards["b"]}
    app.selected = cards["b**2"]
    canvas.show(app.session.playback, app.selected)
    window.key("m", canvas)
    assert canvas.marquee.cards == {cards["b"], cards["b**2"]}
    window.key("<Control-e>")
    sheet = app.exports.sheet
    for _ in range(2):
        window.key("<Right>", sheet.choices["part"])
    assert sheet.wishes.part == "chosen"
    window.key("<Right>", sheet.choices["ending"])
    window.key("<Control-Return>")
    finish(window)
    text = (answers / "first-15.svg").read_text("utf-8")
    assert "b**2" in text
    assert "a**3" not in text
    assert "2 of 6 cards" in text
    window.key("<Escape>", canvas)
    assert not canvas.marquee.cards


def test_the_preview_follows_the_wishes(window: Window) -> None:
    ran(window)
    window.key("<Control-e>")
    sheet = window.app.exports.sheet
    window.wait_until(lambda: sheet.preview._picture is not None, 30)
    before = sheet.preview._picture
    window.key("<space>", sheet.ticks["code"])
    assert sheet.wishes.code
    window.wait_until(lambda: sheet.preview._picture is not before, 30)
    choose_product(window, "ledger")
    assert sheet.preview._picture is None
    window.key("<Escape>", sheet.product)
    assert not sheet.opened


def test_tab_stays_on_the_sheet_and_reaches_all_of_it(window: Window) -> None:
    ran(window)
    window.key("<Control-e>")
    sheet = window.app.exports.sheet
    reached = set()
    for _ in range(30):
        window.key("<Tab>")
        reached.add(str(window.app.focus_get()))
    assert all(name.startswith(f"{sheet}.") for name in reached)
    wanted = [*sheet.choices.values(), *sheet.ticks.values(), sheet.caption, sheet.product]
    shown = {str(widget) for widget in wanted if widget.winfo_ismapped()}
    assert shown <= reached
    assert len(reached) == len(shown) + 3  # and the buttons


def test_the_inspector_beside_it_says_what_the_program_has_to_be_run_again_for(window: Window, answers: Path) -> None:
    ran(window)
    window.worker.held = True  # the window's own worker answers nothing
    for _ in range(5):
        window.key("<Left>", window.app.canvas)
    window.key("<Control-e>")
    sheet = window.app.exports.sheet
    window.key("<space>", sheet.ticks["inspector"])
    assert "run once more" in str(sheet.note.cget("text"))
    window.key("<Right>", sheet.choices["ending"])
    sheet.save.invoke()
    finish(window)
    text = (answers / "first-10.svg").read_text("utf-8")
    assert "diagonal" in text  # said of the Jacobian, which nobody had asked for in the window


def test_wishes_last_until_the_next_start(window: Window, answers: Path) -> None:
    ran(window)
    window.key("<Control-e>")
    choose_product(window, "transcript")
    window.app.exports.sheet.save.invoke()
    finish(window)
    kept = json.loads(json.dumps(window.app.settings.export))
    assert understood(kept).product == "transcript"
    assert understood({**kept, "product": "sculpture", "scale": "wide", "ending": ".bmp"}) == Wishes()


def test_nothing_is_lost_where_it_cannot_be_written(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(window)
    monkeypatch.setattr("tkinter.filedialog.asksaveasfilename", lambda **how: "/proc/p.png")
    window.key("<Control-e>")
    window.key("<Control-Return>")
    finish(window)
    assert output(window).splitlines()[0].startswith("p.png could not be written: ")
    monkeypatch.setattr("tkinter.filedialog.asksaveasfilename", lambda **how: "")
    window.key("<Control-e>")
    window.key("<Control-Return>")
    finish(window)
    assert window.app.session.playback is not None


def test_without_a_run_only_the_window_can_be_exported(window: Window) -> None:
    window.key("<Control-e>")
    sheet = window.app.exports.sheet
    assert str(sheet.save.cget("state")) == "disabled"
    choose_product(window, "window")
    assert str(sheet.save.cget("state")) == "normal"


def test_a_lesson_is_printed_in_the_language_that_is_wished_for(window: Window, answers: Path) -> None:
    window.app.begin(lesson="detach")
    ran(window)
    window.key("<Control-e>")
    sheet = window.app.exports.sheet
    choose_product(window, "lesson")
    window.key("<Right>", sheet.choices["lang"])
    assert sheet.wishes.lang == "zh"
    window.key("<Control-Return>")
    window.wait_until(lambda: not window.app.exports.exporter.busy, 120)
    blob = (answers / "detach.pdf").read_bytes()
    assert b"PullbackSansSC" in blob
    assert blob.count(b"/Type /Page\n") + blob.count(b"/Type /Page ") >= 2
