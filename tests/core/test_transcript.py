"""A run as Markdown, read again by a parser of Markdown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from core.engine import record
from core.records import Cut, Failure, Leaf, Options, Trace, WhatIf
from core.transcript import WORDS, code, escaped, fenced, transcript
from core.walk import told

PROGRAM = """import torch
w = torch.tensor([3., 4.], requires_grad=True)
opt = torch.optim.SGD([w], lr=.1)
d = {"`|*_<b>": w}
for i in range(2):
    loss = (d["`|*_<b>"]
- 1).square().sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
print("````\\n# no heading")
e = w.exp(); f = e*e; e.mul_(2)
f.sum().backward()
"""


def parse(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def plain(token: Token) -> str:
    """What a reader sees of a line."""
    return "".join(child.content for child in token.children or [])


def headings(tokens: list[Token]) -> list[str]:
    return [plain(tokens[i + 1]) for i, token in enumerate(tokens) if token.type == "heading_open"]


def items(tokens: list[Token]) -> list[tuple[int, str]]:
    """Number and text of the items of all numbered lists."""
    found, number = [], 0
    for i, token in enumerate(tokens):
        if token.type == "ordered_list_open":
            number = int(token.attrs.get("start", 1))
        elif token.type == "list_item_open" and token.markup == ".":
            assert tokens[i + 1].type == "paragraph_open"
            assert tokens[i + 3].type == "paragraph_close"
            assert tokens[i + 4].type == "list_item_close"
            found.append((number, plain(tokens[i + 2])))
            number += 1
    return found


def fences(tokens: list[Token]) -> dict[str, str]:
    return {token.info: token.content for token in tokens if token.type == "fence"}


@pytest.fixture(scope="module")
def trace() -> Trace:
    return record(PROGRAM, WhatIf(leaves={"w": (5.0, 6.0)}), Options(verify=False, path="C:\\my\\1. my_*net*.py"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_is_found_again(trace: Trace, language: str) -> None:
    words, tokens = WORDS[language], parse(transcript(trace, language))
    assert {token.type for token in tokens}.isdisjoint({"html_block", "hr", "code_block", "blockquote_open"})
    kinds = {child.type for token in tokens for child in token.children or []}
    assert kinds <= {"text", "code_inline", "text_special"}
    backward = [words["backward"].format(number=number) for number in (1, 2, 3)]
    assert headings(tokens) == [
        "1. my_*net*.py", words["program"], words["what if"], words["events"],
        *(part for call in backward for part in (words["forward"], call)),
        words["output"], words["gradients"], words["error"], words["agreement"],
    ]  # fmt: skip
    assert fences(tokens)["python"] == PROGRAM
    text = [token.content for token in tokens if token.type == "fence" and token.info == "text"]
    assert trace.error is not None
    assert text == ["````\n# no heading\n", f"{trace.error.message}\n"]
    sentences = [" ".join(line.strip() for line in sentence.splitlines()) for sentence in told(trace, language)]
    assert items(tokens) == list(enumerate(sentences, 1))
    assert any('d["`|*_<b>"] - 1' in sentence for sentence in sentences)
    cells = [plain(tokens[i + 1]) for i, token in enumerate(tokens) if token.type == "td_open"]
    assert cells == ["w", "2", told_gradient(trace)]
    shown = "\n".join(plain(token) for token in tokens if token.type == "inline")
    assert ("changed it in place" if language == "en" else "原地修改了它") in shown
    assert words["unknown"].replace("`", "") in shown


def told_gradient(trace: Trace) -> str:
    grad = trace.leaves[0].grad
    assert grad is not None
    return f"[{', '.join(f'{x:.6g}' for x in grad.head)}]"


def test_both_languages_say_the_same_things() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def test_what_ifs_are_told_and_shown_as_an_edit() -> None:
    head = "import torch\na = torch.tensor([2.], requires_grad=True)\n"
    source = f"{head}for i in range(2):\n    y = a*3\nz = y*a\nz.backward()\n"
    written = record(source, options=Options(verify=False))
    sites = {(op.text, op.hit): op.site for op in written.ops}
    one = record(source, WhatIf(cuts=(Cut(sites["a*3", 1]),), seeds={0: (0.5,)}), Options(verify=False))
    shown = transcript(one, "en")
    assert "- `a*3` in line 4, time 2, is detached.\n- The seed of backward 1 is `[0.5]`." in shown
    assert "```diff" not in shown
    source = f"{head}y = a*3\nz = y*a\nz.backward()\n"
    sites = {(op.text, op.hit): op.site for op in record(source, options=Options(verify=False)).ops}
    cut = record(source, WhatIf(cuts=(Cut(sites["a*3", 0], sites["y*a", 0], 0),)), Options(verify=False))
    tokens = parse(transcript(cut, "en"))
    assert fences(tokens)["diff"] == "@@ -4 +4 @@\n-z = y*a\n+z = y.detach()*a\n"
    assert "a*3 in line 3 is detached for one use: y*a in line 4." in [plain(t) for t in tokens if t.type == "inline"]
    leaf = record(source, WhatIf(cuts=(Cut("", sites["y*a", 0], 1), Cut("3:a*3"))), Options(verify=False))
    assert "- `a` is detached for one use: `y*a` in line 4.\n- `a*3` in line 3 is detached." in transcript(leaf, "en")


def test_a_run_of_which_nothing_is_known() -> None:
    for language in ("en", "zh"):
        words, tokens = WORDS[language], parse(transcript(Trace("2", ""), language))
        assert headings(tokens)[0] == words["untitled"]
        assert words["none"] in [plain(token) for token in tokens if token.type == "inline"]
    dead = Trace("2", "x", path="x.py", error=Failure("Stopped", "by the time limit", 0), unrecorded=3)
    assert "3 more operations ran" in transcript(dead, "en")


AWKWARD: Any = st.text(st.sampled_from("`|*_\\<&>[]()#-+=.1 \n\ta梯$~!"), min_size=1, max_size=12)


@settings(deadline=None)
@given(AWKWARD)
def test_no_text_is_markdown(text: str) -> None:
    one_line = " ".join(text.split())
    if one_line:
        assert [plain(token) for token in parse(escaped(text)) if token.type == "inline"] == [one_line]
        assert len(parse(escaped(text))) == 3
    span = " ".join(line.strip() for line in text.splitlines())
    if span.strip():
        tokens = parse(f"1. x {code(text)}")
        assert [child.content for child in tokens[3].children or [] if child.type == "code_inline"] == [span]
    block = parse(fenced(text, "text"))
    assert [token.content for token in block] == [text if text.endswith("\n") else f"{text}\n"]


@settings(deadline=None)
@given(AWKWARD)
def test_no_name_breaks_the_table(name: str) -> None:
    name = " ".join(name.split())
    if name:
        tokens = parse(transcript(Trace("2", "", leaves=(Leaf(name, None),)), "en"))
        assert [plain(tokens[i + 1]) for i, token in enumerate(tokens) if token.type == "td_open"] == [name, "", "None"]
