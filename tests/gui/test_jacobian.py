"""Local Jacobians: their structure, the product, and how the inspector asks for them and shows them."""

from __future__ import annotations

import struct
import tkinter as tk
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from core import wire
from core.records import Matrix, Op, Step, TensorSnapshot, Trace, WhatIf
from gui import questions
from gui.app import App, start_worker
from gui.i18n import LANGUAGES, words
from gui.inspector.derivatives import sentence
from gui.inspector.equation import Equation
from gui.inspector.jacobian import Missing, Product, products, structure
from gui.questions import LocalJacobian
from tests.gui import traces
from tests.gui.conftest import FakeWorker, Window
from tests.gui.test_formula import step_on_to, step_to, written

ROOT = Path(__file__).parents[2]
EYE = np.eye(3)
SOFTMAX = np.array([[0.2, -0.1, -0.1], [-0.1, 0.2, -0.1], [-0.1, -0.1, 0.2]])

# ── Structure ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (EYE, "identity: what arrives goes on unchanged"),
        (-0.5 * EYE, "-0.5 times the identity"),
        (np.diag([2, 0, 2]), "diagonal of 2 and 0: some elements pass, the others are blocked"),
        (np.ones((1, 4)) / 4, "sum times 0.25: elements are added, so each gets 0.25 of what arrives at its sum"),
        (np.kron(EYE, SOFTMAX), "block diagonal: 3 separate blocks of 3×3"),
        (np.outer([1, 2, 3], [4, 5, 6]), "rank one, to 1 part in 100 000: a column times a row"),
        ([[1, 2, 0], [3, 0, 4], [1, 1, 1]], "no special pattern: 7 of 9 entries are not zero"),
    ],
)
def test_a_structure_is_said_in_a_line(entries: object, said: str) -> None:
    assert sentence(structure(np.asarray(entries)), words("en")) == said


@pytest.mark.parametrize(
    ("kind", "matrix"),
    [
        ("empty", np.zeros((0, 3))),
        ("zero", np.zeros((2, 3))),
        ("number", [[2.5]]),
        ("identity", [[1]]),
        ("identity", EYE),
        ("scaled", -1 * EYE),
        ("mask", np.diag([1, 0, 1])),
        ("mask", np.diag([2, 0, 2])),
        ("diagonal", np.diag([12, 27, 0])),
        ("diagonal", np.diag([1, np.nan, 1])),
        ("permutation", EYE[[2, 0, 1]]),
        ("selection", EYE[:2]),
        ("selection", EYE[:, 1:]),
        ("single", 2 * EYE[[2, 0, 1]]),
        ("single", np.diag([1, 2, 3])[:2]),
        ("broadcast", np.ones((3, 1))),
        ("broadcast", EYE[[0, 0, 1, 2, 2]]),
        ("sum", np.ones((1, 3))),
        ("sum", EYE[[0, 0, 1, 2, 2]].T / 4),
        ("row", [[1, 2, 0]]),
        ("column", [[1], [2], [3]]),
        ("blocks", np.kron(EYE, SOFTMAX)),
        ("blocks", np.kron(EYE, [[1, 2]])),
        ("interleaved", np.kron(SOFTMAX, EYE)),
        ("rank_one", np.outer([1, 2, 3], [4, 5, 6])),
        ("triangular", np.tril(np.ones((3, 3)))),
        ("triangular", np.triu([[1.0, 2], [3, 4]])),
        ("dense", SOFTMAX),
        ("dense", [[1, 2], [np.nan, 4]]),
        ("sparse", [[1, 2, 0], [3, 0, 4], [1, 1, 1]]),
    ],
)
def test_structures(kind: str, matrix: Sequence[Sequence[float]]) -> None:
    found = structure(np.array(matrix, "f4"))
    assert found.kind == kind
    for language in LANGUAGES:
        said = sentence(found, words(language))
        assert said
        assert not set("{}\n") & set(said)


def test_a_structure_is_exact_but_for_rank_one() -> None:
    nearly = np.eye(3)
    nearly[0, 2] = 1e-30
    assert structure(nearly).kind not in ("identity", "diagonal")
    nearly[1, 1] = 1 + 1e-12
    assert structure(nearly).factor is None
    column_times_row = np.outer([1, 2, 3], [4, 5, 6]).astype(float)
    assert structure(column_times_row + 1e-5).kind == "rank_one"
    assert structure(column_times_row + 1e-3 * EYE).kind == "dense"


def test_a_structure_tells_its_figures() -> None:
    assert structure(EYE * 0.25).factor == 0.25
    blocks = structure(np.kron(np.eye(4), SOFTMAX))
    assert (blocks.blocks, blocks.block) == (4, (3, 3))
    uneven = np.zeros((5, 5))
    uneven[:2, :2], uneven[2:, 2:] = 3, SOFTMAX
    assert (structure(uneven).kind, structure(uneven).blocks, structure(uneven).block) == ("blocks", 2, None)
    sparse = structure(np.array([[1, 2, 0], [3, 0, 4], [1, 1, 1]]))
    assert (sparse.filled, sparse.entries) == (7, 9)


# ── Product ───────────────────────────────────────────────────────────────────────────────────────────────────────


def matrix(entries: object, *, output: int = 0, input: int = 0) -> Matrix:
    """The Jacobian of one output by one input, both of one dimension."""
    array = np.asarray(entries, "<f4")
    tensor = TensorSnapshot(array.shape, "float32", array.tobytes())
    return Matrix("", array.shape[:1], array.shape[1:], tensor, output, input)


def one(step: Step, *matrices: Matrix) -> Product:
    (product,) = products(step, matrices)
    assert isinstance(product, Product)
    return product


def test_a_row_of_the_transpose_makes_one_element() -> None:
    step = Step(0, (traces.tensor(2, -3),), (traces.tensor(-7, 2, -24),))
    product = one(step, matrix([[1, 1, 0], [3, 0, 8]]))
    assert product.transposed.tolist() == [[1, 3], [1, 0], [0, 8]]
    assert product.agrees.all()
    assert [product.sum(row) for row in range(3)] == ["1·2 + 3·(-3) = -7", "1·2 + 0·(-3) = 2", "0·2 + 8·(-3) = -24"]


def test_what_was_emitted_is_shown_even_where_it_is_not_the_product() -> None:
    step = Step(0, (traces.tensor(1, 1),), (traces.tensor(24, 5),), altered="emitted")
    product = one(step, matrix([[24, 0], [0, 3]]))
    assert product.agrees.tolist() == [True, False]
    assert product.sum(0) == "24·1 + 0·1 = 24"
    assert product.sum(1) == "0·1 + 3·1 ≠ 5"


def test_rounding_is_no_difference_and_nan_agrees_with_nan() -> None:
    nan = float("nan")
    step = Step(0, (traces.tensor(0.1, 1, 1),), (traces.tensor(0.030000001, nan, 2),))
    assert one(step, matrix(np.diag([0.3, nan, 2.001]))).agrees.tolist() == [True, True, False]
    product = one(step, matrix([[0.3, 0, 0], [0, 1, 0], [0, 0, 2.001]]))
    assert product.agrees.tolist() == [True, False, False]
    assert one(step, matrix([[0.3, nan, 0], [0, nan, 0], [0, nan, 2]])).agrees.all()


def test_outputs_stand_below_one_another_and_those_without_gradient_are_left_out() -> None:
    step = Step(0, (traces.tensor(1), None, traces.tensor(5, 6)), (traces.tensor(1 + 15 + 24, 20 + 36),))
    first, second = matrix([[1, 2]], output=0), matrix([[7, 7]], output=1)
    third = matrix([[3, 4], [4, 6]], output=2)
    product = one(step, first, second, third)
    assert product.jacobian.tolist() == [[1, 2], [3, 4], [4, 6]]
    assert product.v.tolist() == [1, 5, 6]
    assert product.output_shapes == ((1,), (2,))


def test_a_complex_element_counts_as_two_numbers() -> None:
    def number(z: complex) -> TensorSnapshot:
        return TensorSnapshot((), "complex64", struct.pack("<2f", z.real, z.imag))

    turn = msgspec.structs.replace(matrix([[0, -1], [1, 0]]), output_shape=(), input_shape=())  # z ↦ iz
    product = one(Step(0, (number(1 + 2j),), (number(-1j * (1 + 2j)),)), turn)
    assert product.v.tolist() == [1, 2]
    assert product.result is not None
    assert product.result.tolist() == [2, -1]
    assert product.agrees.all()
    assert product.complex
    assert not one(Step(0, (traces.tensor(1, 1),), (traces.tensor(1, 1),)), matrix(np.eye(2))).complex


def test_an_input_without_a_matrix_says_why() -> None:
    step = Step(0, (traces.tensor(1),), (None, traces.tensor(2)))
    large = Matrix("", (1,), (9,), None, 0, 0, "1 × 9 is too large")
    (missing, product) = products(step, [large, matrix([[2]], input=1)])
    assert isinstance(missing, Missing)
    assert missing.note == "1 × 9 is too large"
    assert isinstance(product, Product)


def test_a_long_sum_names_the_first_terms_that_are_not_zero() -> None:
    factors = np.zeros((100, 1))
    factors[[3, 50]] = [[2], [4]]
    step = Step(0, (traces.tensor(*[1.0] * 100),), (traces.tensor(6),))
    assert one(step, matrix(factors)).sum(0) == "2·1 + 4·1 = 6"
    step = Step(0, (traces.tensor(*[1.0] * 100),), (traces.tensor(100),))
    assert one(step, matrix(np.ones((100, 1)))).sum(0) == "1·1 + 1·1 + 1·1 + 1·1 + … = 100"


# ── The window ────────────────────────────────────────────────────────────────────────────────────────────────────


def answers(job: wire.AskLocalJacobian) -> tuple[Matrix, ...]:
    """The Jacobians of the first program."""
    name = {0: "sub", 1: "pow b", 3: "mul", 4: "pow a"}[job.step_index]
    if name == "sub":
        return matrix(np.eye(2)), matrix(-np.eye(2), input=1)
    return (matrix(np.diag({"pow b": (12, 8), "mul": (3, 3), "pow a": (12, 27)}[name])),)


def shown(window: Window) -> list[Equation]:
    return [widget for widget in window.app.inspector.widgets.shown if isinstance(widget, Equation)]


def wait_for_equations(window: Window, count: int = 1) -> list[Equation]:
    window.wait_until(lambda: len(shown(window)) == count)
    window.settle()
    return shown(window)


def cells(equation: Equation, name: str) -> list[str]:
    return [equation.itemcget(item, "text").strip() for item in equation.find_withtag(name)]


def section(window: Window) -> str:
    """What is written from the Jacobian to the product."""
    said = written(window)
    return said[said.index("2 · ") : said.index("3 · ")]


def marks(equation: Equation) -> list[list[float]]:
    return [equation.coords(item) for item in equation._marks if equation.itemcget(item, "state") == "normal"]


def test_resting_on_a_step_asks_for_its_jacobian_and_draws_the_equation(window: Window) -> None:
    window.worker.jacobians = answers
    step_to(window, "SubBackward0")
    assert "2 · LOCAL JACOBIAN J\nbeing worked out…" in written(window)
    identity, turned = wait_for_equations(window, 2)
    assert "∂Q / ∂(b**2)\n-1 times the identity" in section(window)
    assert "identity: what arrives goes on unchanged" in section(window)
    assert cells(identity, "J") == ["1", "·", "·", "1"]
    assert cells(turned, "J") == ["-1", "·", "·", "-1"]
    assert (cells(turned, "v"), cells(turned, "x")) == (["1", "1"], ["-1", "-1"])
    job = window.worker.asked[0]
    assert (job.pass_index, job.step_index, job.what_if, job.options.verify) == (0, 0, WhatIf(), False)
    assert job.source == window.app.session.playback.trace.source  # type: ignore[union-attr]


def test_pointing_at_a_row_marks_what_it_makes_and_writes_the_sum(window: Window) -> None:
    window.worker.jacobians = answers
    step_to(window, "MulBackward0")
    (equation,) = wait_for_equations(window)
    hint = equation.itemcget(equation._sum, "text")
    for name in ("J", "x"):
        left, top, right, bottom = equation._parts[name].strip(1)
        equation.event_generate("<Motion>", x=(left + right) // 2, y=(top + bottom) // 2)
        window.settle()
        assert equation.itemcget(equation._sum, "text") == "0·1 + 3·1 = 3"
        assert marks(equation) == [
            list(equation._parts["J"].strip(1)), list(equation._parts["v"].box), list(equation._parts["x"].strip(1)),
        ]  # fmt: skip
    left, top, right, bottom = equation._parts["v"].box
    equation.event_generate("<Motion>", x=(left + right) // 2, y=top + (bottom - top) // 4)
    window.settle()
    assert equation.itemcget(equation._sum, "text") == "v[0] adds 1·[3, 0] = [3, 0]"
    j, v, x = (equation._parts[name] for name in ("J", "v", "x"))
    assert marks(equation) == [list(j.post(0)), list(v.strip(0)), list(x.box)]
    equation.event_generate("<Leave>")
    window.settle()
    assert not marks(equation)
    assert equation.itemcget(equation._sum, "text") == hint != ""


def test_rows_can_be_chosen_by_key(window: Window) -> None:
    window.worker.jacobians = answers
    step_to(window, "MulBackward0")
    (equation,) = wait_for_equations(window)
    presses = [("<Down>", "x", 0), ("<Down>", "x", 1), ("<Down>", "x", 1), ("<Up>", "x", 0),
               ("<Shift-Down>", "v", 0), ("<Shift-Down>", "v", 1), ("<Shift-Up>", "v", 0)]  # fmt: skip
    for key, name, place in presses:
        window.key(key, equation)
        assert equation.chosen == (name, place)
    cursor = window.app.session.playback.cursor  # type: ignore[union-attr]
    window.key("<Right>")
    window.key("<Right>")
    assert window.app.session.playback.cursor == cursor + 2  # type: ignore[union-attr]


def test_stepping_on_asks_for_the_step_that_is_rested_on_only(window: Window) -> None:
    window.worker.jacobians = answers
    window.key("<F5>")
    for _ in range(5):
        window.key("<Right>")
    wait_for_equations(window)
    assert [job.step_index for job in window.worker.asked] == [3]
    window.key("<Left>")  # AccumulateGrad
    assert "none: what arrives is added as it is" in written(window)
    window.key("<Right>")
    assert len(shown(window)) == 1  # kept
    assert len(window.worker.asked) == 1


def test_answers_take_a_bounded_room(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "ANSWERS_KEPT", 40)  # two matrices of 2×2
    window.worker.jacobians = answers
    window.key("<F5>")
    for step in (1, 3, 4, 3):
        window.app.session.seek(9 + step)
        window.settle()
        wait_for_equations(window)
    assert list(window.app.session.answers) == [LocalJacobian(0, 3), LocalJacobian(0, 4)]
    window.app.session.seek(10)
    window.settle()
    wait_for_equations(window)
    assert [job.step_index for job in window.worker.asked] == [1, 3, 4, 1]


def test_an_answer_that_a_run_has_overtaken_is_not_shown(window: Window) -> None:
    worker = window.worker
    worker.jacobians = answers
    window.key("<F5>")
    worker.held = True
    step_on_to(window, "MulBackward0")
    window.wait_until(lambda: worker.asked)
    window.app.session.set_seed(0, (2.0, 2.0))
    worker.replies.append(wire.Answered(worker.QUESTIONS, answers(worker.asked[0])))
    window.settle()
    assert not shown(window)
    assert window.app.session.answers == {}
    worker.held = False
    worker.answer()
    (equation,) = wait_for_equations(window)
    assert worker.asked[-1].what_if.seeds == {0: (2.0, 2.0)}
    assert (cells(equation, "v"), cells(equation, "x")) == (["2", "2"], ["6", "6"])


def test_one_question_at_a_time_and_none_while_the_worker_works(window: Window) -> None:
    worker = window.worker
    worker.jacobians = answers
    window.key("<F5>")
    worker.held = True
    step_on_to(window, "SubBackward0")
    window.wait_until(lambda: worker.asked)
    window.key("<Right>")
    pause(window)
    assert [job.step_index for job in worker.asked] == [0]
    worker.held = False
    worker.replies.append(wire.Answered(worker.QUESTIONS, answers(worker.asked[0])))
    (equation,) = wait_for_equations(window)
    assert cells(equation, "J") == ["12", "·", "·", "8"]
    worker.held = True
    window.app.session.run()
    window.app.session.seek(12)
    pause(window)
    assert len(worker.asked) == 2
    assert not shown(window)


def pause(window: Window) -> None:
    """Longer than the reader has to rest."""
    due: list[bool] = []
    window.app.after(300, lambda: due.append(True))
    window.wait_until(lambda: due)
    window.settle()


def test_nothing_is_asked_of_a_recorded_trace_or_a_changed_program(window: Window) -> None:
    app = window.app
    app.session.open_trace(traces.first())
    app.session.seek(9)
    window.settle()
    assert "A file holds no Jacobians." in section(window)
    pause(window)
    assert not window.worker.asked
    window.key("<F5>")
    app.editor.text.insert("end", "\n# changed")
    window.settle()
    app.session.seek(12)
    pause(window)
    assert "The program was changed." in section(window)
    assert not window.worker.asked


def test_a_slow_program_runs_again_only_when_the_reader_wants_it(window: Window) -> None:
    window.worker.jacobians = answers
    window.worker.record = lambda job: msgspec.structs.replace(traces.first(), seconds=12.34)
    step_to(window, "MulBackward0")
    pause(window)
    assert "This runs the program again, about 12 s." in section(window)
    assert not window.worker.asked
    (link,) = window.app.inspector.widgets.shown
    link.event_generate("<Button-1>")
    (equation,) = wait_for_equations(window)
    assert cells(equation, "x") == ["3", "3"]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (wire.Refused(FakeWorker.QUESTIONS, "the program has no step 3"), "not shown: the program has no step 3"),
        (wire.Stopped(FakeWorker.QUESTIONS, "time"), "not shown: the time limit was reached"),
        (wire.Died(FakeWorker.QUESTIONS, -9, 1, "It ended (SIGKILL)."), "not shown: It ended (SIGKILL)."),
        (wire.Answered(FakeWorker.QUESTIONS), "none: no input needs a gradient"),
        (
            wire.Answered(FakeWorker.QUESTIONS, (Matrix("", (2048,), (2048,), None, note="is too large"),)),
            "not shown: 2,048 × 2,048 elements are too many",
        ),
        (
            wire.Answered(FakeWorker.QUESTIONS, (Matrix("", (2,), (2,), None, note="RuntimeError: odd"),)),
            "not shown: RuntimeError: odd",
        ),
    ],
)
def test_where_there_is_none_it_says_why(window: Window, reply: wire.AnyReply, said: str) -> None:
    worker = window.worker
    step_to(window, "MulBackward0")
    worker.held = True
    window.wait_until(lambda: worker.asked)
    worker.replies.append(reply)
    window.wait_until(lambda: said in section(window))
    worker.replies.append(wire.Ready(0, torch="2.13.0+cpu"))
    pause(window)
    assert len(worker.asked) == 1  # not again and again


def test_a_hook_and_a_custom_function_are_told(window: Window) -> None:
    def record(job: wire.Run) -> Trace:
        trace, replace = traces.first(), msgspec.structs.replace
        ops: list[Op] = list(trace.ops)
        ops[3] = replace(ops[3], custom=True)
        steps = list(trace.passes[0].steps)
        steps[3] = replace(steps[3], grad_inputs=(traces.tensor(3, 7),), altered="emitted")
        return replace(trace, ops=tuple(ops), passes=(replace(trace.passes[0], steps=tuple(steps)),))

    window.worker.record = record
    window.worker.jacobians = answers
    step_to(window, "MulBackward0")
    (equation,) = wait_for_equations(window)
    assert cells(equation, "x") == ["3", "7"]
    assert "What was emitted is not Jᵀ v" in section(window)
    assert "From the program's own backward" in section(window)


def test_the_language_the_theme_and_the_size_are_followed(window: Window) -> None:
    window.worker.jacobians = answers
    step_to(window, "MulBackward0")
    (small,) = wait_for_equations(window)
    width = small._parts["x"].box[2]
    window.app.prefer(language="zh", theme="dark", size=200)
    (large,) = wait_for_equations(window)
    assert "3 乘单位矩阵" in section(window)
    assert large._parts["x"].box[2] == pytest.approx(2 * width, rel=0.1)
    assert large.cget("background") == window.app.look["panel"]


def many(rows: int, columns: int, entries: np.ndarray) -> tuple[Trace, tuple[Matrix, ...]]:
    """The first trace with the node MulBackward0 of so many outputs and inputs."""
    trace, replace = traces.first(), msgspec.structs.replace
    steps = list(trace.passes[0].steps)
    v = traces.tensor(*range(1, rows + 1))
    result = entries.T @ np.arange(1, rows + 1)
    steps[3] = replace(steps[3], grad_outputs=(v,), grad_inputs=(traces.tensor(*result),))
    passes = (replace(trace.passes[0], steps=tuple(steps)),)
    return replace(trace, passes=passes), (matrix(entries),)


def drawn(equation: Equation, name: str) -> tuple[int, int, set[tuple[int, ...]]]:
    """Size and colours of a part that is drawn in colours."""
    image = equation.itemcget(equation.find_withtag(name)[0], "image")
    tk = equation.tk
    width, height = tk.getint(tk.call("image", "width", image)), tk.getint(tk.call("image", "height", image))
    return width, height, {tuple(tk.call(image, "get", x, y)) for x in range(width) for y in range(height)}


@pytest.mark.parametrize("rows", [12, 400])
def test_a_large_matrix_is_drawn_in_colours_without_losing_an_entry(window: Window, rows: int) -> None:
    entries = np.zeros((rows, rows), "f4")
    entries[5, 7] = -2
    entries[9, 3] = np.nan
    trace, matrices = many(rows, rows, entries)
    window.worker.record = lambda job: trace
    window.worker.jacobians = lambda job: matrices
    step_to(window, "MulBackward0")
    (equation,) = wait_for_equations(window)
    assert not equation.as_numbers
    width, _, colours = drawn(equation, "J")
    blue, grey, red, white = (59, 76, 192), (221, 221, 221), (201, 42, 42), (255, 255, 255)
    assert {blue, grey} <= colours
    assert colours & {red, white}  # NaN
    assert width <= window.app.inspector.text.winfo_width() - 32
    legend = [equation.itemcget(item, "text") for item in equation.find_withtag("legend")]
    assert legend[0] == "-2…0, 1 NaN"


def test_colours_zoom_around_the_pointer_and_rows_are_found_again(window: Window) -> None:
    entries = np.diag(np.arange(1, 65)).astype("f4")
    trace, matrices = many(64, 64, entries)
    window.worker.record = lambda job: trace
    window.worker.jacobians = lambda job: matrices
    step_to(window, "MulBackward0")
    (equation,) = wait_for_equations(window)
    left, top, right, bottom = equation._parts["J"].box
    x, y = left + 3 * (right - left) // 4, top + 3 * (bottom - top) // 4
    equation.event_generate("<Motion>", x=x, y=y)
    window.settle()
    assert equation.chosen is not None
    row = equation.chosen[1]
    assert row in (47, 48, 49)
    assert equation.itemcget(equation._sum, "text") == f"row {row}: {row + 1}·{row + 1} = {(row + 1) ** 2}"
    for _ in range(10):
        equation.event_generate("<Control-Button-4>", x=x, y=y)
    window.settle()
    first, last = equation._parts["J"].rows
    assert last - first < 10
    assert equation.chosen is not None
    assert abs(equation.chosen[1] - row) <= 1
    for _ in range(2):
        equation.event_generate("<ButtonPress-1>", x=x, y=y)
        equation.event_generate("<ButtonRelease-1>", x=x, y=y)
    window.settle()
    assert equation._parts["J"].rows == (0, 64)
    assert equation._parts["J"].box == (left, top, right, bottom)


def test_the_wheel_over_an_equation_scrolls_the_text_and_an_answer_leaves_it_there(window: Window) -> None:
    window.worker.jacobians = answers
    step_to(window, "SubBackward0")
    wait_for_equations(window, 2)
    tk.Tk.geometry(window.app, "900x420")
    window.settle()
    text = window.app.inspector.text
    assert text.yview()[0] == 0
    shown(window)[0].event_generate("<Button-5>")
    window.settle()
    assert text.yview()[0] > 0
    window.app.session.answers.clear()
    window.app.session._tell("answer")
    window.settle()
    assert not shown(window)
    wait_for_equations(window, 2)
    assert text.yview()[0] > 0


def test_a_card_that_has_run_shows_its_own_jacobian(window: Window) -> None:
    window.worker.jacobians = answers
    window.key("<F5>")
    window.key("<End>")
    picture = window.app.canvas.picture
    assert picture is not None
    card = next(card for card in picture.graph.cards if card.title == "a**3")
    left, top, _, _ = picture.rect(card.id)
    window.click(*window.on_screen(left + 10, top + 10))
    (equation,) = wait_for_equations(window)
    assert cells(equation, "J") == ["12", "·", "·", "27"]


@pytest.mark.parametrize("width", [196, 340])
def test_numbers_fit_the_panel(window: Window, width: int) -> None:
    random = np.random.default_rng(0)
    entries = random.normal(size=(8, 8)).astype("f4")
    trace, matrices = many(8, 8, entries)
    window.worker.record = lambda job: trace
    window.worker.jacobians = lambda job: matrices
    step_to(window, "MulBackward0")
    wait_for_equations(window)
    window.app._panes.paneconfigure(window.app._right, width=width)
    window.settle()
    (equation,) = shown(window)
    assert equation.as_numbers == (width == 340)
    assert equation._parts["x"].box[2] <= width - 32
    if equation.as_numbers:
        texts = [item for name in ("J", "v", "x") for item in equation.find_withtag(name)]
        assert max(equation.bbox(item)[2] for item in texts) <= width - 32


@pytest.mark.usefixtures("display")
def test_the_first_program_shows_torchs_own_diagonal() -> None:
    app = App(start=start_worker)
    window = Window(app, FakeWorker())
    try:
        app.open(ROOT / "assets" / "examples" / "first.py")
        app.focus_force()
        window.wait_until(lambda: app.canvas._ready)
        app.session.run()
        window.wait_until(lambda: app.session.playback is not None, 90)
        assert app.session.playback is not None
        app.session.seek(app.session.playback.index.step_at[0, 4] + 1)
        window.wait_until(lambda: shown(window), 90)
        (equation,) = shown(window)
        app.update()
        assert written(window).startswith("PowBackward0")
        said = "diagonal" if app.look.words.language == "en" else "对角"
        assert said in section(window)
        assert cells(equation, "J") == ["12", "·", "·", "27"]
        assert (cells(equation, "v"), cells(equation, "x")) == (["3", "3"], ["36", "81"])
        assert equation.product.sum(1) == "0·3 + 27·3 = 81"
    finally:
        app.close()
    assert not app.callback_errors
