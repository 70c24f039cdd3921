"""Lesson files: read, refused, translated, walked through and checked."""

from __future__ import annotations

import pytest

from core.engine import record
from core.lessons.checking import faults
from core.lessons.reading import LessonError, read_lesson
from core.lessons.records import Check, Lesson, Predict, Text
from core.lessons.walk import Progress, Walk
from core.playback import Playback
from core.records import Options, Trace, WhatIf

LESSON = """+++
format = 1
id = "square"
order = 1
title = "A square"
+++

## What it is {#goal}

```python main
import torch
a = torch.tensor([2., 3.], requires_grad=True)
q = a**2
q.sum().backward()
```

`q` is `[4, 9]`{=q}, and $2a$ is **not** *that*.

- one `a`
- two

## Ask {#ask}

```show
at = "backward"
```

Before.

```predict
kind = "numbers"
ask = "What is a.grad?"
answer = [4, 6]
computed = "a.grad"
right = "Yes."
otherwise = "No."
then = { at = "end" }

[[wrong]]
answer = [4, 9]
say = "That is q."
```

After: `[4, 6]`{=a.grad}.

## Do {#do}

```show
at = "end"
```

```check
ask = "Cut a."
done = "Done."
hints = ["First.", "Second."]
solution = { cut = ["2:torch.tensor([2., 3.], requires_grad=True)"] }

[[holds]]
none = "a"

[[wrong]]
seeds = { 0 = [0] }
say = "That is zero, not None."
```
"""

CHINESE = """+++
id = "square"
title = "平方"
+++

## 问 {#ask}

之前。

```predict
ask = "a.grad 是多少？"
right = "对。"
otherwise = "不对。"

[[wrong]]
say = "那是 q。"
```

之后：`[4, 6]`{=a.grad}。
"""


def run(source: str, what_if: WhatIf) -> Trace:
    return record(source, what_if, Options(verify=False))


def lesson(text: str = LESSON) -> Lesson:
    return read_lesson(text, "en")


def end(walk: Walk, what_if: WhatIf | None = None) -> Playback:
    return Playback.of(run(walk.program, what_if or WhatIf())).end()


def test_text_is_read_in_its_styles() -> None:
    goal = lesson().screens[0]
    paragraph, *items = (block for block in goal.blocks if isinstance(block, Text))
    assert [(span.text, span.style, span.computed) for span in paragraph.spans] == [
        ("q", "code", ""), (" is ", "", ""), ("[4, 9]", "code", "q"), (", and ", "", ""), ("2a", "math", ""),
        (" is ", "", ""), ("not", "strong", ""), (" ", "", ""), ("that", "em", ""), (".", "", ""),
    ]  # fmt: skip
    assert [(item.kind, item.plain) for item in items] == [("item", "one a"), ("item", "two")]
    assert (goal.title, goal.program) == ("What it is", "main")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("+++\nformat", "format", 1, "a lesson begins with"),
        ("order = 1", "order = x", 4, "Invalid value"),
        ("order = 1", 'order = "1"', 1, "Expected `int`, got `str`"),
        ("order = 1", "order = 10000", 1, "a whole number from 0 to 9999"),
        ("## Ask", "```python main\n```\n\n## Ask", 22, "a second program 'main'"),
        ("{#ask}", "", 22, "a screen begins with"),
        ("{#ask}", "{#goal}", 22, "a second screen"),
        ('kind = "numbers"', 'kind = "guess"', 30, "Invalid enum value"),
        ('otherwise = "No."', 'otherways = "No."', 30, "unknown field `otherways`"),
        ("answer = [4, 6]", "", 30, "an answer is missing"),
        ("```show", "```python3\n```\n```show", 24, "a block 'python3'"),
        ("Before.", "![a](../b.png)", 28, "a picture '../b.png'"),
        ("done = ", "done", 54, "expected '='"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(LessonError) as raised:
        lesson(LESSON.replace(old, new, 1))
    assert said.lower() in str(raised.value).lower()
    assert raised.value.line == line


@pytest.mark.parametrize("text", ["", "+++\n+++\n", "+++\n" + "a = [" * 5000 + "\n+++\n", "x" * (2 << 20), "\0" * 10])
def test_what_is_no_lesson_is_refused(text: str) -> None:
    with pytest.raises(LessonError):
        read_lesson(text, "en")


def test_a_translation_has_words_only_and_what_it_lacks_is_the_originals() -> None:
    translated = read_lesson(CHINESE, "zh", LESSON)
    assert translated.head.title == "平方"
    assert [(screen.id, screen.language) for screen in translated.screens] == [
        ("goal", "en"), ("ask", "zh"), ("do", "en"),
    ]  # fmt: skip
    ask = translated.screens[1]
    (predict,) = (block for block in ask.blocks if isinstance(block, Predict))
    assert (predict.answer, predict.ask, predict.wrong[0].say) == ((4, 6), "a.grad 是多少？", "那是 q。")
    assert predict.wrong[0].answer == (4, 9)
    assert (ask.show.at, ask.program) == ("backward", "main")
    assert list(faults(translated, run)) == []


def test_a_translation_of_something_else_is_refused() -> None:
    with pytest.raises(LessonError, match="no screen 'other'"):
        read_lesson(CHINESE.replace("{#ask}", "{#other}"), "zh", LESSON)
    with pytest.raises(LessonError, match="2 blocks 'predict', where the original has 1"):
        read_lesson(CHINESE + "\n```predict\n```\n", "zh", LESSON)


# ── What an author is told ────────────────────────────────────────────────────────────────────────────────────────


def test_a_lesson_without_faults_has_none() -> None:
    assert list(faults(lesson(), run)) == []


@pytest.mark.parametrize(
    ("old", "new", "screen", "said"),
    [
        ("`[4, 9]`{=q}", "`[4, 8]`{=q}", "goal", "the text says [4, 8], but q is [4.0, 9.0]"),
        ("`[4, 9]`{=q}", "`[4, 9]`{=r}", "goal", "name r"),
        ("answer = [4, 6]", "answer = [4, 7]", "ask", "the answer is (4.0, 7.0)"),
        ("answer = [4, 9]", "answer = [4, 6]", "ask", "counts as right"),
        ('at = "backward"', 'at = "w"', "ask", "nothing that happens is called 'w'"),
        ('none = "a"', 'value = "q"\nequals = "a**2"', "do", "it holds before anything is done"),
        ('none = "a"', 'grad = "a"\nequals = "3*a"', "do", "the solution does not do: grad a = 3*a"),
        ("seeds = { 0 = [0] }", 'untracked = ["a"]', "do", "a wrong state does as well"),
        ('cut = ["2:', 'cut = ["7:', "do", "solution: "),
    ],
)
def test_an_author_is_told_every_fault(old: str, new: str, screen: str, said: str) -> None:
    fault = next(faults(lesson(LESSON.replace(old, new, 1)), run))
    assert fault.screen == screen
    assert said in fault.message


# ── Walking ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_follows_a_question_is_seen_once_it_is_answered() -> None:
    walk = Walk.of(lesson()).at(1)
    assert [type(block) for _, block in walk.blocks] == [Text, Predict]
    wrong = walk.answer((4.0, 9.0))
    assert (wrong.said, wrong.question is not None) == ("That is q.", True)
    assert wrong.answer((1.0, 1.0)).said == "No."
    right = wrong.answer((4.0, 6.0))
    assert (right.said, right.question) == ("Yes.", None)
    assert [type(block) for _, block in right.blocks] == [Text, Predict, Text]
    assert right.outcome(1) is not None
    assert right.score == (0, 2)  # the first answer counts
    assert walk.answer((4.0, 6.0)).score == (1, 2)
    assert walk.skip().score == (0, 2)
    assert walk.skip().said == "Yes."


def test_a_task_is_done_by_what_the_run_shows() -> None:
    walk = Walk.of(lesson()).at(2)
    ((place, check),) = walk.tasks
    assert walk.watch(end(walk)).tasks
    zero = end(walk, check.wrong[0].what_if)
    assert walk.watch(zero).tasks
    mistake = walk.mistaken(zero)
    assert mistake is not None
    assert mistake.say == "That is zero, not None."
    assert walk.mistaken(end(walk)) is None
    done = walk.watch(end(walk, check.solution.what_if))
    assert (done.tasks, done.score) == ((), (1, 2))
    thrice = walk.hint().hint().hint()
    assert [told.hints(place, check) for told in (walk, walk.hint(), thrice)] == [
        (),
        ("First.",),
        ("First.", "Second."),
    ]


def test_progress_is_of_one_version_and_goes_on_where_it_was() -> None:
    walk = Walk.of(lesson()).at(1).answer((4.0, 6.0)).edit("import torch\n")
    again = Walk.of(lesson(), walk.progress)
    assert (again.number, again.score, again.program) == (1, (1, 2), "import torch\n")
    assert again.put_back().program == lesson().programs["main"]
    other = Walk.of(lesson(LESSON.replace("Before.", "Before it.")), walk.progress)
    assert (other.number, other.score, other.changed) == (0, (0, 2), False)
    assert Progress("").outcomes == {}


def test_a_check_can_ask_where_the_run_stands() -> None:
    text = LESSON.replace('[[holds]]\nnone = "a"', '[[holds]]\nat = "a.grad"').replace("solution = ", "# ")
    text = text.replace("[[wrong]]\nseeds = { 0 = [0] }\n", "[[wrong]]\nseeds = { 0 = [0] }\n#")
    text = text[: text.rindex("[[wrong]]")] + "```\n"
    walk = Walk.of(lesson(text)).at(2)
    (block,) = (block for _, block in walk.blocks if isinstance(block, Check))
    assert block.holds[0].at == "a.grad"
    playback = end(walk)
    moments = [cursor for cursor in range(playback.cursor) if not walk.watch(playback.at(cursor)).tasks]
    assert [playback.at(cursor).node for cursor in moments[:1]] == [(0, 2)]
    assert moments == list(range(moments[0], playback.cursor))  # who has gone past it has been there
