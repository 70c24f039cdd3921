"""What goes wrong in autograd itself, as the window tells it of programs that the worker has really run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from core import jumps
from gui.app import App, start_worker
from gui.canvas.canvas import GraphCanvas
from gui.settings import Settings
from tests.gui.conftest import FakeWorker, Window
from tests.gui.test_end_to_end import gradients, ran
from tests.gui.test_seed_editor import write
from tests.gui.test_window import texts

HEAD = "import torch\na = torch.tensor([1., 2., 3.], requires_grad=True)\n"


@pytest.fixture(scope="module")
def running(display: str) -> Iterator[Window]:
    """One window with the real worker for all of them."""
    app = App(start_worker, Settings(language="en", theme="light", size=100, motion="off"))
    window = Window(app, FakeWorker())
    app.focus_force()
    window.wait_until(lambda: app.canvas._ready and app.session.state == "ready", 90)
    yield window
    errors = list(app.callback_errors)
    app.close()
    assert not errors, f"raised in a callback: {errors}"


@pytest.fixture
def real(running: Window) -> Window:
    running.app.seed_editor.close()
    return running


def run(window: Window, program: str) -> None:
    """Types a program in place of the last one, runs it and goes to its end."""
    window.app.session.open_program(program, "program.py")
    again(window)


def again(window: Window) -> None:
    window.key("<F5>", window.app.canvas)
    ran(window)
    window.key("<End>")


def output(window: Window) -> str:
    """What is said below the program."""
    return window.app.output.text.get("1.0", "end").strip()


def inspected(window: Window) -> str:
    return window.app.inspector.text.get("1.0", "end")


def underlined(window: Window) -> str:
    """What is marked as wrong in the program."""
    text = window.app.editor.text
    ranges = text.tag_ranges("failed")
    return text.get(*map(str, ranges[:2])) if ranges else ""


def marked(window: Window) -> dict[str, str]:
    """Cards with a sign, by their titles."""
    playback, picture = window.app.session.playback, window.app.canvas.picture
    assert playback is not None
    assert picture is not None
    return {picture.graph.cards[card].title: sign for card, sign in picture.oddities.at(playback).items()}


# ── Seeds ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_fault_10_a_seed_of_the_wrong_shape_is_refused_in_the_seed_editor(real: Window) -> None:
    run(real, HEAD + "Q = a * 2\nQ.backward(gradient=torch.ones(3))\n")
    real.key("<e>")
    editor = real.app.seed_editor
    write(real, editor.whole, "[1, 2]")
    assert "shape [2]; shape [3] is needed" in editor.hint.cget("text")
    assert not real.app.session.busy
    assert not real.app.session.what_if
    run(real, HEAD + "Q = a * 2\nQ.backward(gradient=torch.ones(2))\n")
    assert "The seed has shape [2]; Q needs one of its own shape, [3]." in output(real)
    assert "Mismatch in shape" in output(real)


@pytest.mark.parametrize(("seed", "dtype"), [("[1, 2, 3]", "int64"), ("[1., 2., 3.], dtype=torch.float64", "float64")])
def test_fault_11_a_seed_of_another_type_is_labelled_cast(real: Window, seed: str, dtype: str) -> None:
    run(real, HEAD + f"Q = a * 2\nQ.backward(gradient=torch.tensor({seed}))\n")
    assert gradients(real) == {"a": [2, 4, 6]}
    playback = real.app.session.playback
    assert playback is not None
    real.app.session.seek(min(playback.index.pass_at.values()) + 1)
    real.settle()
    assert playback.trace.passes[0].seeds[0].dtype == dtype  # type: ignore[union-attr]
    assert "cast to float32" in inspected(real)


def test_fault_11_a_complex_seed_is_explained(real: Window) -> None:
    run(real, HEAD + "Q = a * 2\nQ.backward(gradient=torch.ones(3, dtype=torch.complex64))\n")
    assert "The seed is complex64; Q is float32." in output(real)
    assert "both must be of one type" in output(real)


def test_fault_12_nan_in_a_seed_is_allowed_and_the_first_poisoned_node_is_marked(real: Window) -> None:
    run(real, HEAD + "Q = a * 2\nQ.backward(gradient=torch.ones(3))\n")
    real.key("<e>")
    write(real, real.app.seed_editor.whole, "1, nan, inf")
    ran(real)
    playback = real.app.session.playback
    assert playback is not None
    assert playback.trace.error is None
    assert real.app.session.what_if.seeds
    first = jumps.first_nan(playback.at(0))
    assert first is not None
    real.app.session.seek(first)
    real.settle()
    assert marked(real) == {"Q": "⚠"}
    real.key("<End>", real.app.canvas)
    assert marked(real) == {"Q": "⚠", "a": "⚠"}


# ── Calls that torch refuses ──────────────────────────────────────────────────────────────────────────────────────


def test_fault_13_a_tensor_of_integers_cannot_require_grad(real: Window) -> None:
    run(real, "import torch\na = torch.tensor([1, 2], requires_grad=True)\n")
    assert "Only floating-point and complex tensors can require gradients" in output(real)
    assert "Only Tensors of floating point and complex dtype can require gradients" in output(real)
    assert underlined(real) == "torch.tensor([1, 2], requires_grad=True)"


def test_fault_14_without_a_seed_one_of_ones_is_offered(real: Window) -> None:
    run(real, HEAD + "Q = a ** 2\nQ.backward()\n")
    assert "grad can be implicitly created only for scalar outputs" in output(real)
    assert "Q has shape [3], 3 numbers" in output(real)
    (offer,) = [one for one in real.app.inspector.widgets.shown if "Give it a seed" in str(one.cget("text"))]
    offer.event_generate("<Button-1>")
    real.settle()
    editor = real.app.seed_editor
    assert editor.opened
    assert [entry.get() for entry in editor.used()] == ["1", "1", "1"]
    assert editor.meaning.cget("text") == "L = 1·Q[0] + 1·Q[1] + 1·Q[2]"
    real.key("<Return>", editor.used()[0]._entry)
    ran(real)
    assert real.app.session.playback is not None
    assert real.app.session.playback.trace.error is None
    assert gradients(real) == {"a": [2, 4, 6]}  # as of Q.sum()
    write(real, editor.used()[2], "0")
    ran(real)
    assert gradients(real) == {"a": [2, 4, 0]}


def test_fault_15_the_second_backward_shows_what_was_freed_and_names_the_way_out(real: Window) -> None:
    run(real, HEAD + "Q = (a ** 2).sum()\nQ.backward()\nQ.backward()\n")
    assert "The backward pass of line 4 freed the tensors that this one needs." in output(real)
    assert "retain_graph=True" in output(real)
    assert "Trying to backward through the graph a second time" in output(real)
    choose(real, "a ** 2")
    assert "self  [1, 2, 3]  freed" in inspected(real)
    again_with = HEAD + "Q = (a ** 2).sum()\nQ.backward(retain_graph=True)\nQ.backward()\n"
    run(real, again_with)
    assert gradients(real) == {"a": [4, 8, 12]}


def test_fault_16_a_saved_tensor_that_was_changed_names_both_lines_and_versions(real: Window) -> None:
    run(real, HEAD + "b = a.exp()\nb += 1\nb.sum().backward()\n")
    told = "Line 3 (a.exp()) saved b for its backward at version 0; line 4 (b += 1) changed it in place, and it is now"
    assert told in output(real)
    assert "at version 1" in output(real)
    assert "modified by an inplace operation" in output(real)


def test_fault_17_where_the_graph_was_cut_is_named_and_marked(real: Window) -> None:
    run(real, HEAD + "Q = (a.detach() * 2).sum()\nQ.backward()\n")
    assert "Q has no way back to a leaf: a.detach() on line 3 leaves the graph." in output(real)
    assert "does not require grad and does not have a grad_fn" in output(real)
    graph = real.app.graph
    assert graph is not None
    cut = [(graph.cards[wire.source].title, graph.cards[wire.target].title) for wire in graph.wires if wire.cut]
    assert cut == [("a", "a.detach()")]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "b = a * 2\ndef halve(grad):\n    return grad[:2]\nb.register_hook(halve)\nb.sum().backward()\n",
            "The hook halve on b must return a gradient of shape [3]",
        ),
        (
            "class Double(torch.autograd.Function):\n"
            "    @staticmethod\n    def forward(ctx, x):\n        return x * 2\n"
            "    @staticmethod\n    def backward(ctx, grad):\n        return grad[:2]\n"
            "Double.apply(a).sum().backward()\n",
            "The backward of Double returned a gradient of shape [2] at position 0; the input has shape [3].",
        ),
    ],
    ids=["hook", "function"],
)
def test_fault_18_a_gradient_of_the_wrong_shape_names_who_returned_it(real: Window, program: str, said: str) -> None:
    run(real, HEAD + program)
    assert said in output(real)
    assert "✗" in marked(real).values()


@pytest.mark.parametrize("last", ["torch.where(x > 0, r, x)", "r * x"], ids=["where", "sqrt"])
def test_fault_19_nan_out_of_a_branch_not_taken_is_found_at_its_first_node(real: Window, last: str) -> None:
    run(
        real, f"import torch\nx = torch.tensor([0., 4.], requires_grad=True)\nr = x.sqrt()\n({last}).sum().backward()\n"
    )
    playback = real.app.session.playback
    assert playback is not None
    assert playback.trace.error is None
    assert playback.trace.passes[0].error is None
    place = jumps.first_nan(playback.at(0))
    assert place is not None
    real.app.session.seek(place)
    real.settle()
    moment = real.app.session.playback
    assert moment is not None
    assert moment.node is not None
    assert playback.trace.passes[0].nodes[moment.node[1]].name == "SqrtBackward0"
    assert any("⚠" in text for text in texts(real))


# ── Texts that are no program ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("program", "said", "mark"),
    [
        (HEAD + "Q = (a * 2\nQ.sum().backward()\n", "'(' was never closed", "("),
        (HEAD + "Q = " + "(" * 100_000 + "a" + ")" * 100_000 + "\n", "too many nested parentheses", "("),
        (HEAD + "Q = " + "-" * 100_000 + "a\n", "an expression is nested too deeply", ""),
    ],
    ids=["syntax", "nested", "minus"],
)
def test_fault_20_what_is_no_program_is_marked_and_the_old_picture_fades(
    real: Window, program: str, said: str, mark: str
) -> None:
    run(real, HEAD + "Q = a * 2\nQ.sum().backward()\n")
    app, canvas = real.app, real.app.canvas
    picture, seen = canvas.picture, texts(real)
    assert dated(canvas) == ""
    app.editor.rewrite(program)
    app.session.edit(program)
    again(real)
    assert said in output(real)
    assert underlined(real) == mark
    assert canvas.picture is picture
    assert texts(real) == seen
    assert dated(canvas) == "from earlier code"
    assert "The picture is from earlier code" in app.statusbar.stale.cget("text")
    before = real.app.session.playback
    real.key("<Left>", canvas)
    assert real.app.session.playback != before  # it can still be stepped through
    app.editor.rewrite(HEAD + "Q = a * 3\nQ.sum().backward()\n")
    app.session.edit(app.editor.source)
    again(real)
    assert dated(canvas) == ""
    assert gradients(real) == {"a": [3, 3, 3]}
    assert underlined(real) == ""


def test_fault_20_a_nul_in_a_file_is_told(real: Window, tmp_path: Path) -> None:
    """The editor could not hold what follows it, and the next save would lose that."""
    run(real, HEAD + "Q = a * 2\nQ.sum().backward()\n")
    before, path = real.app.session.source, tmp_path / "nul.py"
    path.write_bytes(b"import torch\nx = 1\0\ny = 2\n")
    real.app.open(path)
    real.settle()
    assert "nul.py could not be opened: line 2 has a NUL character" in output(real)
    assert real.app.session.source == before


def test_fault_20_the_window_never_parses_what_python_could_not_read(real: Window) -> None:
    """Python tells of everything that is compiled or parsed, in this process."""
    marker, heard = "marker_of_mine", _compiled()
    heard.clear()
    run(real, f"{marker} = (((\n")
    assert "was never closed" in output(real)
    real.app.editor.rewrite(f"{marker} = 2 +\n")
    again(real)
    assert not [text for text in heard if marker in text]
    compile(f"{marker} = 1", "here", "exec")
    assert len([text for text in heard if marker in text]) == 1  # it would have been heard


@cache
def _compiled() -> list[str]:
    """What is compiled from now on; a hook cannot be taken away again."""
    heard: list[str] = []

    def hear(event: str, given: tuple[object, ...]) -> None:
        if event == "compile" and isinstance(given[0], str | bytes):
            heard.append(given[0] if isinstance(given[0], str) else given[0].decode("utf-8", "replace"))

    sys.addaudithook(hear)
    return heard


def choose(window: Window, title: str) -> None:
    """Clicks a card."""
    picture = window.app.canvas.picture
    assert picture is not None
    card = next(card.id for card in picture.graph.cards if card.title == title)
    left, top, _, _ = picture.rect(card)
    window.click(*window.on_screen(left + 10, top + 10))


def dated(canvas: GraphCanvas) -> str:
    """What is said above the picture of where it is from; '' while it is of now."""
    return str(canvas.date_label.cget("text")) if canvas.date_label.winfo_manager() else ""
