"""The command line: what it writes, what it says on standard error, and its exit status."""

from __future__ import annotations

import codecs
import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import app
from core.engine import record
from core.files import read_trace
from core.ledger import ledger_csv, ledger_json
from core.records import Cut, Options, WhatIf
from core.transcript import transcript

ROOT = Path(__file__).resolve().parents[2]
FIRST = ROOT / "assets" / "examples" / "first.py"
SHORT = "import torch\na = torch.tensor([2.], requires_grad=True)\n(a * a).backward()\n"


def pullback(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command line run to its end, as a user would."""
    return subprocess.run(
        [sys.executable, ROOT / "app.py", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def trace(
    source: str | bytes, folder: Path, *arguments: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """A program traced to JSON on standard output."""
    file = folder / "program.py"
    file.write_bytes(source if isinstance(source, bytes) else source.encode())
    done = pullback("trace", "program.py", "--json", "-", *arguments, cwd=folder)
    return done, json.loads(done.stdout or "{}")


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith("\n") and "Traceback" not in text


def grads(written: dict[str, Any]) -> dict[str, list[float]]:
    return {leaf["name"]: leaf["grad"]["data"] for leaf in written["leaves"]}


# ── What it writes ──


def test_standard_output_is_json_and_nothing_else() -> None:
    done = pullback("trace", FIRST, "--json", "-")
    assert (done.returncode, done.stderr) == (0, "")
    written = json.loads(done.stdout)
    assert written["format"] == "pullback-trace/1"
    assert written["source"] == FIRST.read_text()
    assert written["stdout"] == "tensor([36., 81.]) tensor([-12.,  -8.])\n"
    assert grads(written) == {"a": [36.0, 81.0], "b": [-12.0, -8.0]}
    assert written["error"] is None
    assert written["agrees"] is True


def test_a_saved_trace_is_opened_without_running_anything(tmp_path: Path) -> None:
    saved, as_json = tmp_path / "first.pullback", tmp_path / "first.json"
    assert pullback("trace", FIRST, "--save", saved, "--json", as_json).returncode == 0
    assert read_trace(saved).source == FIRST.read_text()
    again = pullback("trace", saved, "--json", "-", PYTHONPROFILEIMPORTTIME="1")
    assert json.loads(again.stdout) == json.loads(as_json.read_text())
    assert " msgspec\n" in again.stderr
    assert " torch\n" not in again.stderr
    refused = pullback("trace", saved, "--json", "-", "--seed", "0=1,0")
    assert refused.returncode == 2
    assert one_line(refused.stderr)


@pytest.mark.parametrize(
    ("flags", "a", "b"),
    [
        (["--seed", "0=2,0.5"], [72.0, 40.5], [-24.0, -4.0]),
        (["--set", "a=1,1", "--set", "b=0,1"], [9.0, 9.0], [0.0, -2.0]),
        (["--cut", "5:a**3"], None, [-12.0, -8.0]),
        (["--cut", "5:b**2->5:3*a**3 - b**2"], [36.0, 81.0], None),
    ],
)
def test_what_ifs(flags: list[str], a: list[float] | None, b: list[float] | None) -> None:
    done = pullback("trace", FIRST, "--json", "-", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    ends = {leaf["name"]: leaf["grad"] and leaf["grad"]["data"] for leaf in json.loads(done.stdout)["leaves"]}
    assert ends == {"a": a, "b": b}


def test_full_keeps_every_element(tmp_path: Path) -> None:
    source = "import torch\na = torch.ones(5000, requires_grad=True)\na.sum().backward()\n"
    assert trace(source, tmp_path)[1]["values"][0]["tensor"]["data"] is None
    assert len(trace(source, tmp_path, "--full")[1]["values"][0]["tensor"]["data"]) == 5000


def test_operations_limit_what_is_recorded(tmp_path: Path) -> None:
    source = "import torch\na = torch.ones(1)\nfor i in range(50):\n    a = a * 2\n"
    done, written = trace(source, tmp_path, "--operations", "10")
    assert done.returncode == 0
    assert len(written["ops"]) <= 10
    assert written["unrecorded"] > 0


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(codecs.BOM_UTF8 + SHORT.encode(), id="utf-8 mark"),
        pytest.param(SHORT.replace("\n", "\r\n").encode(), id="crlf"),
        pytest.param(SHORT.encode("utf-16"), id="utf-16"),
        pytest.param(b"# -*- coding: latin-1 -*-\n# \xe9\n" + SHORT.encode(), id="coding comment"),
    ],
)
def test_encodings_are_honoured(source: bytes, tmp_path: Path) -> None:
    done, written = trace(source, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert grads(written) == {"a": [4.0]}
    assert "\r" not in written["source"]


def test_a_program_finds_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("VALUE = 7\n")
    _, written = trace("import helper, sys\nprint(helper.VALUE, __file__, sys.argv)\n", tmp_path)
    assert written["stdout"] == f"7 {tmp_path / 'program.py'} ['program.py']\n"


def test_an_output_that_is_no_regular_file_is_not_replaced() -> None:
    assert pullback("trace", FIRST, "--json", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()


def test_a_picture_is_exported(tmp_path: Path) -> None:
    out = tmp_path / "first.svg"
    done = pullback("export", FIRST, "--out", out, "--step", "3", "--theme", "dark", "--lang", "zh")
    assert (done.returncode, done.stderr) == (0, "")
    assert out.read_text().lstrip().startswith("<?xml")


def test_what_stands_beside_a_picture_and_a_part_of_it(tmp_path: Path) -> None:
    out = tmp_path / "p.svg"
    beside = ("--with", "inspector", "--with", "code", "--caption", "Why?")
    done = pullback(
        "export", FIRST, "--out", out, "--pass", "0", "--step", "2", *beside, "--part", "b**2", "--part", "b"
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = out.read_text("utf-8")
    assert all(said in text for said in ("Why?", "diagonal", "requires_grad", "2 of 6 cards"))
    done = pullback("export", FIRST, "--out", out, "--part", "nothing")
    assert done.returncode == 2
    assert done.stderr == "pullback: no card is called 'nothing'; cards are called as the program calls their values\n"


@pytest.mark.parametrize("name", ["l.csv", "l.json", "t.md", "t.pullback"])
def test_the_ending_says_what_is_made(name: str, tmp_path: Path) -> None:
    done = pullback("export", FIRST, "--out", tmp_path / name)
    assert (done.returncode, done.stderr) == (0, "")
    trace = record(FIRST.read_text("utf-8"), WhatIf(), Options(path=str(FIRST)))
    wanted = {"l.csv": ledger_csv(trace), "l.json": ledger_json(trace), "t.md": transcript(trace, "en").encode()}
    if name in wanted:
        assert (tmp_path / name).read_bytes() == wanted[name]
    else:
        assert read_trace(tmp_path / name).leaves == trace.leaves


def test_a_recorded_trace_is_not_run_for_its_inspector(tmp_path: Path) -> None:
    assert pullback("export", FIRST, "--out", tmp_path / "t.pullback").returncode == 0
    done = pullback(
        "export", tmp_path / "t.pullback", "--step", "10", "--with", "inspector", "--out", tmp_path / "p.svg"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "diagonal" not in (tmp_path / "p.svg").read_text("utf-8")


def test_a_picture_is_exported_from_top_to_bottom(tmp_path: Path) -> None:
    sizes = {}
    for direction in ("right", "down"):
        out = tmp_path / f"{direction}.svg"
        done = pullback("export", FIRST, "--out", out, "--direction", direction)
        assert (done.returncode, done.stderr) == (0, "")
        page = ET.parse(out).getroot()
        sizes[direction] = [float(page.get(side, "0")) for side in ("width", "height")]
    assert sizes["right"][0] > sizes["right"][1]
    assert sizes["down"][0] < sizes["down"][1]


def test_the_lessons_are_listed() -> None:
    done = pullback("lessons", "--lang", "zh")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^detach +7 screens   detach：", done.stdout, re.M)
    assert done.stdout.count("\n") == len(app.lesson_ids()) == 20


def test_lessons_are_checked(tmp_path: Path) -> None:
    good = pullback("lessons", "--check", "lesson:detach", ROOT / "assets" / "templates" / "lesson.zh.md")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == "detach.en.md detach.zh.md: no faults\nlesson.zh.md: no faults\n"
    wrong = tmp_path / "wrong.en.md"
    text = (ROOT / "assets" / "templates" / "lesson.en.md").read_text()
    wrong.write_text(text.replace("`[4, 6]`{=a.grad}", "`[4, 7]`{=a.grad}"))
    done = pullback("lessons", "--check", "wrong.en.md", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "wrong.en.md:45: predict: the text says [4, 7], but a.grad is [4.0, 6.0]\nwrong.en.md: 1 fault\n"
    )
    wrong.write_text(text.replace("order = 1", "order = 1\norder = 2"))
    done = pullback("lessons", "--check", "wrong.en.md", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "pullback: wrong.en.md:5: Cannot overwrite a value\n"


def test_a_lesson_stands_for_its_program(tmp_path: Path) -> None:
    done = pullback("trace", "lesson:detach", "--json", "-", "--heal", "5:y.detach()")
    assert (done.returncode, done.stderr) == (0, "")
    assert grads(json.loads(done.stdout)) == {"x": [0.0, 3.0, 12.0, 27.0]}
    assert json.loads(done.stdout)["path"] == "lesson:detach"
    sent = ROOT / "assets" / "templates" / "lesson.en.md"
    assert pullback("export", sent, "--out", tmp_path / "a.png").returncode == 0


@pytest.mark.parametrize(
    "arguments", ["lesson:nix", "--lesson nix", "trace lesson:nix --json -", "lessons --check lesson:nix"]
)
def test_an_unknown_lesson_is_answered_with_those_there_are(arguments: str) -> None:
    done = pullback(*arguments.split())
    assert done.returncode == 2
    assert one_line(done.stderr)
    assert "'nix'" in done.stderr
    assert "detach" in done.stderr


def test_fault_25_a_lesson_is_not_run_for_want_of_a_window(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    hostile = tmp_path / "hostile.en.md"
    text = (ROOT / "assets" / "templates" / "lesson.en.md").read_text()
    hostile.write_text(text.replace("import torch", f"import torch\nopen({str(ran)!r}, 'w')"))
    done = pullback(hostile, DISPLAY="")
    assert done.returncode == 2
    assert one_line(done.stderr)
    assert not ran.exists()


def test_the_walk_tells_every_event_in_words(tmp_path: Path) -> None:
    out = tmp_path / "walk.png"
    done = pullback("walk", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout
    assert "line 5: 3*a**3 - b**2  (sub) → Q = [-12, 65]" in told
    assert "backward() begins, seed [1, 1]" in told
    assert "AccumulateGrad: [36, 81] arrives; a.grad was None, is [36, 81]" in told
    assert "bit for bit" in told
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("display", ["", ":987"])
def test_without_a_display_the_program_is_walked_through(display: str) -> None:
    done = pullback(DISPLAY=display)
    assert done.returncode == 0
    assert one_line(done.stderr)
    assert "display" in done.stderr
    assert "a.grad = [36, 81]" in done.stdout


# ── How programs end ──


def test_a_program_that_raises_is_status_1(tmp_path: Path) -> None:
    done, written = trace("import torch\nprint('before')\nraise ValueError('two\\nlines')\n", tmp_path)
    assert done.returncode == 1
    assert one_line(done.stderr)
    assert "line 3: ValueError: two lines" in done.stderr
    assert written["stdout"] == "before\n"
    assert (written["error"]["type"], written["error"]["line"]) == ("ValueError", 3)


@pytest.mark.parametrize(
    "source", ["x = (\n", "x = 1\0\n", f"x = {'-' * 100_000}1\n"], ids=["syntax", "nul", "nesting"]
)
def test_a_program_that_python_cannot_read_is_status_1(source: str, tmp_path: Path) -> None:
    done, written = trace(source, tmp_path)
    assert done.returncode == 1
    assert one_line(done.stderr)
    assert written["error"]["type"] in ("SyntaxError", "ValueError", "MemoryError")


def test_sys_exit_is_a_normal_end(tmp_path: Path) -> None:
    assert trace("import sys\nsys.exit(5)\n", tmp_path)[0].returncode == 0


@pytest.mark.parametrize(
    ("source", "flags", "type"),
    [
        pytest.param("while True:\n    pass\n", ["--time-limit", "0.5"], "TimeLimit", id="time"),
        pytest.param(
            "import torch\ntorch.zeros(15 * 10**9)\n", ["--memory-limit", "1000"], "RuntimeError", id="memory"
        ),
        pytest.param("import os\nos._exit(1)\n", [], "ProcessDied", id="exit"),
        pytest.param("import ctypes\nctypes.string_at(0)\n", [], "ProcessDied", id="segmentation fault"),
    ],
)
def test_a_limit_or_a_death_is_status_3(source: str, flags: list[str], type: str, tmp_path: Path) -> None:
    done, written = trace(source, tmp_path, *flags)
    assert done.returncode == 3
    assert one_line(done.stderr)
    assert "line " in done.stderr
    assert written["source"] == source
    assert written["error"]["type"] == type
    assert written["error"]["line"] in (1, 2)


def test_no_limits_are_possible(tmp_path: Path) -> None:
    assert trace(SHORT, tmp_path, "--time-limit", "0", "--memory-limit", "0")[0].returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_a_program_writes_files_only_where_it_is_allowed(tmp_path: Path) -> None:
    writing = f"open({str(tmp_path / 'written')!r}, 'w').write('x')\n"
    done, written = trace(writing, tmp_path)
    assert done.returncode == 1
    assert "--allow-writes" in done.stderr.splitlines()[-1]
    assert written["error"]["kind"] == "sandbox-files"
    assert not (tmp_path / "written").exists()
    assert trace(writing, tmp_path, "--allow-writes")[0].returncode == 0
    assert (tmp_path / "written").read_text() == "x"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_worker(sent: signal.Signals, tmp_path: Path) -> None:
    started = tmp_path / "started"
    program = tmp_path / "endless.py"
    program.write_text(f"import os\nopen({str(started)!r}, 'w').write(str(os.getpid()))\nwhile True:\n    pass\n")
    command = [sys.executable, str(ROOT / "app.py"), "trace", str(program), "--json", "-", "--allow-writes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        wait_for(lambda: started.exists() and started.read_text() != "")
        running.send_signal(sent)
        out, err = running.communicate(timeout=30)
    assert out == ""
    if sent is signal.SIGINT:
        assert running.returncode == 130
        assert one_line(err)
    wait_for(lambda: not Path(f"/proc/{started.read_text()}").exists())


def wait_for(done: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


# ── What is wrong with a command line ──


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files to name, made the current one."""
    (tmp_path / "ok.py").write_text(SHORT)
    (tmp_path / "latin.py").write_bytes(b"x = 1\ny = '\xe9'\n")
    (tmp_path / "half.pullback").write_bytes(b"\x83half")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("trace", "FILE"),
        ("trace ok.py", "--json"),
        ("trace ok.py --json", "--json"),
        ("trace missing.py --json -", "missing.py"),
        ("trace folder --json -", "folder"),
        ("trace latin.py --json -", "line 2 is not utf-8: byte 0xe9"),
        ("trace half.pullback --json -", "half.pullback"),
        ("trace lesson:nothing --json -", "nothing"),
        ("trace ok.py --json nowhere/out.json", "nowhere"),
        ("trace ok.py --json folder", "folder"),
        ("trace ok.py --json - --seed 0", "--seed 0"),
        ("trace ok.py --json - --seed x=1", "--seed x=1"),
        ("trace ok.py --json - --seed 0=1,,2", "'1,,2'"),
        ("trace ok.py --json - --seed 0=one", "'one'"),
        ("trace ok.py --json - --seed 0=1 --seed 0=2", "already"),
        ("trace ok.py --json - --set a=1 --set a=2", "already"),
        ("trace ok.py --json - --set =1", "--set =1"),
        ("trace ok.py --json - --cut a", "--cut a"),
        ("trace ok.py --json - --cut 3:", "--cut 3:"),
        ("trace ok.py --json - --cut 3:a*a->b", "--cut 3:a*a->b"),
        ("trace ok.py --json - --heal a", "--heal a"),
        ("trace ok.py --json - --time-limit soon", "soon"),
        ("trace ok.py --json - --time-limit -1", "-1"),
        ("trace ok.py --json - --time-limit nan", "nan"),
        ("trace ok.py --json - --memory-limit 1.5", "1.5"),
        ("trace ok.py --json - --operations many", "many"),
        ("trace ok.py --json - --unknown", "--unknown"),
        ("trace ok.py ok.py --json -", "ok.py"),
        ("export ok.py", "--out"),
        ("export ok.py --out picture.txt", "picture.txt"),
        ("export ok.py --out picture.png --step first", "first"),
        ("export ok.py --out picture.png --scale 0", "0"),
        ("export ok.py --out picture.png --theme pink", "pink"),
        ("export ok.py --out picture.png --direction up", "up"),
        ("missing.py", "missing.py"),
        ("ok.py --lesson", "--lesson"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    line: str, named: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(files.iterdir())
    assert app.main(line.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert one_line(said.err)
    assert named in said.err
    assert sorted(files.iterdir()) == before


@pytest.mark.parametrize("flags", [["--cut", "99:x"], ["--set", "nobody=1"], ["--heal", "2:a"], ["--seed", "5=1"]])
def test_a_what_if_that_fits_nothing_is_status_2(flags: list[str], tmp_path: Path) -> None:
    done, _ = trace(SHORT, tmp_path, *flags)
    assert done.returncode == 2
    assert one_line(done.stderr)
    assert done.stdout == ""


def test_standard_output_that_is_full_is_said() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, ROOT / "app.py", "trace", FIRST, "--json", "-"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 2
    assert one_line(done.stderr)


# ── How what-ifs are written ──


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3:x", Cut("3:x")),
        ("3:x@2", Cut("3:x@2")),
        (" 3 : x ", Cut("3 : x")),
        ("3:d['a:b']", Cut("3:d['a:b']")),
        ("3:a->4:a*b", Cut("3:a", "4:a*b")),
        ("3:a@1 -> 4:f(lambda t: t - 1, a)", Cut("3:a@1", "4:f(lambda t: t - 1, a)")),
        ("3:f('->4:x')", Cut("3:f('->4:x')")),
        ("3:f('->4:x')->5:y", Cut("3:f('->4:x')", "5:y")),
        ("3:x[1:2]->4:x[1:2] + 1", Cut("3:x[1:2]", "4:x[1:2] + 1")),
    ],
)
def test_cuts_are_read(text: str, expected: Cut) -> None:
    assert app.cut(text) == expected


def test_values_are_read() -> None:
    name, values = app.assignment("--set", "d['a=b']=1,-2.5,nan,inf,-inf")
    assert name == "d['a=b']"
    assert [str(value) for value in values] == ["1.0", "-2.5", "nan", "inf", "-inf"]


def test_nobody_who_reads_is_told_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        listed = subprocess.run(
            [sys.executable, "app.py", "lessons"],
            cwd=ROOT,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(write)
    assert "Traceback" not in listed.stderr
    assert listed.returncode == 0
