"""What a person sees of a run: one process speaks, in lines or live, and pytest's own options keep their
meaning."""

from __future__ import annotations

import re
import sys

import pytest

from headless_conformance.cluster.terminal import on_terminal
from headless_conformance.core.paths import ROOT
from headless_conformance.core.plan import StepPlan
from headless_conformance.core.progress import Progress, about
from headless_conformance.core.step_seconds import TABLE
from headless_conformance.providers.registry import provider_named
from headless_conformance.providers.run_plan import PLAN_VARIABLE, handed_on_plan
from tests.miniature import EVERYTHING, FAILS, FAILS_SHOULD, IS_INTERRUPTED, PASSES, Suite, miniature

pytest_plugins = ["pytester"]

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
ALSO_STEPS = """
import pytest
from headless_conformance.plugin.context import run_context

@pytest.fixture(scope="session", autouse=True)
def found(pytestconfig):
    with run_context(pytestconfig).progress.step("kind cluster"):
        print("said by a fixture")
"""
STEP = re.compile(r"\[(\d)/(\d)\] ([^:]*): ")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setenv("COLUMNS", "80")
    return miniature(pytester, monkeypatch)


def lines_about(ran: pytest.RunResult, prefix: str = "MINI-") -> list[str]:
    """The lines about requirements while tests run: those before the summary."""
    text = ran.stdout.str().partition("The mini document")[0]
    return [line for line in text.splitlines() if f"  {prefix}" in line and "====" not in line]


@WORKERS
def test_each_requirement_has_one_line_when_it_is_decided(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(*EVERYTHING)
    lines = lines_about(suite.run("--tb=no", "-r", "N", *workers))
    decided = {line[:15].strip(): set[str]() for line in lines}
    for line in lines:
        decided[line[:15].strip()].add(line.split("MINI-")[1][:4])
        assert len(line) <= 80
        assert re.search(r"\d\.\d s$|\d:\d\d$", line)
    assert decided == {
        "PASS": {"A-01", "B-10"},
        "FAIL": {"B-01", "B-07", "B-08", "B-09"},
        "ERROR": {"B-02", "B-03", "B-04", "B-05"},
        "not supported": {"C-01", "C-02"},
        "not judged": {"C-03"},
        "known deviation": {"C-04"},
    }
    assert len(lines) == 14


@WORKERS
def test_steps_are_numbered_and_workers_print_nothing(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(PASSES, FAILS)
    (suite.root / "suites" / "conftest.py").write_text(ALSO_STEPS)
    ran = suite.run(*workers)
    steps = STEP.findall(ran.stdout.str())
    assert steps == [
        ("1", "3", "kind cluster"),
        ("2", "3", "tests on the kind cluster"),
        ("3", "3", "clean-up and report"),
    ]
    for word in ("test session starts", "bringing up", "created:", "rootdir", "[100%]"):
        assert word not in ran.stdout.str()
    assert ran.stderr.str() == ""
    assert re.search(r"tests on the kind cluster: [^(]*\(2 of \d+ decided\)", ran.stdout.str())


@pytest.mark.parametrize("option", ["-v", "-q", "-s", "--setup-show"])
def test_with_options_about_its_lines_pytest_speaks(suite: Suite, option: str) -> None:
    suite.write(PASSES, FAILS)
    ran = suite.run(option, "--tb=no", "-r", "N")
    assert lines_about(ran) == []
    if option == "-v":
        ran.stdout.fnmatch_lines(["*test session starts*", "suites/mini/test_mini.py::test_passes PASSED *"])
    if option == "-q":
        ran.stdout.fnmatch_lines([".F *"])
    assert [step[0] for step in STEP.findall(ran.stdout.str())] == ["1", "2", "3"]


@WORKERS
def test_lines_of_ours_begin_where_pytests_dots_have_ended(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(PASSES, FAILS)
    (suite.root / "suites" / "conftest.py").write_text(ALSO_STEPS)
    lines = suite.run("-q", "--tb=no", "-r", "N", *workers).stdout.lines
    ours = [line for line in lines if "] tests on the kind cluster" in line]
    assert len(ours) == 1, "pytest's dots say how far the tests are"
    assert ours[0].startswith("[2/3] tests on the kind cluster: ")
    assert len([line for line in lines if re.match(r"(\.F|F\.)( |$)", line)]) == 1


def test_a_run_of_some_tests_that_nobody_prepared_says_how_long_they_take(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(suite.root / "cache"))
    suite.write(PASSES)
    (suite.root / "suites" / "conftest.py").write_text(ALSO_STEPS)
    step = next(line for line in suite.run().stdout.lines if line.startswith("[1/3]"))
    # One of 16 requirements in one process, where others have workers, and the report.
    whole = TABLE["tests on the kind cluster"] * provider_named("kind").pytest_workers
    assert step.endswith(f"{about(whole / 16 + TABLE['clean-up and report'])} left")


def test_options_come_from_the_environment_too(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-v")
    suite.write(PASSES)
    suite.run().stdout.fnmatch_lines(["suites/mini/test_mini.py::test_passes PASSED *"])


def test_what_pytest_says_at_the_end_stays(suite: Suite) -> None:
    suite.write(PASSES, FAILS)
    suite.run("-rA").stdout.fnmatch_lines(
        [
            "*= FAILURES =*",
            "*a wrong name",
            "*= short test summary info =*",
            "PASSED suites/mini/test_mini.py::test_passes",
            "FAILED suites/mini/test_mini.py::test_fails *",
            "1 failed, 1 passed in *",
        ]
    )


def test_a_plan_that_was_handed_on_goes_on(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress(
        plan=StepPlan.of("build", "kind cluster", "tests on the kind cluster", "clean-up and report")
    )
    progress.finished.add("build")
    monkeypatch.setenv(PLAN_VARIABLE, handed_on_plan(progress))
    monkeypatch.setenv("XDG_CACHE_HOME", str(suite.root / "cache"))
    suite.write(PASSES)
    ran = suite.run()
    assert [step[:2] for step in STEP.findall(ran.stdout.str())] == [("2", "4"), ("3", "4"), ("4", "4")]
    # Most tests were not there: their time would be taken for that of all.
    measured = (suite.root / "cache/headless-conformance/step-seconds.json").read_text()
    assert "clean-up and report" in measured
    assert "tests on" in measured


def test_an_interrupted_run_says_how_far_it_came(suite: Suite) -> None:
    suite.write(PASSES, IS_INTERRUPTED)
    ran = suite.run()
    ran.stdout.fnmatch_lines(
        ["PASS * MINI-A-01 *", "*tests on the kind cluster: interrupted after *1 of * decided*"]
    )


def test_a_should_that_failed_is_easy_to_see(suite: Suite) -> None:
    suite.write(PASSES, FAILS_SHOULD)
    ran = suite.run()
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(
        [
            "FAIL * MINI-B-07  SHOULD: *",
            "SHOULD not met, which leaves the exit status as it is: MINI-B-07 (failed).",
            "result partial: *",
        ]
    )


def test_a_chinese_run_is_told_in_chinese_and_in_its_width(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPORT_LANG", "zh")
    suite.write(PASSES)
    assert "MINI-A-01 必须成立。" in lines_about(suite.run())[0]


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_a_table_by_section_and_keeps_what_failed(suite: Suite, width: int) -> None:
    waits = '@pytest.mark.requirement("MINI-A-02")\ndef test_waits():\n    open("/dev/tty").readline()\n'
    suite.write(PASSES, FAILS, waits)
    env = {
        "PATH": "/usr/bin:/bin",
        "TERM": "xterm",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": str(width),
        "LINES": "40",
    }
    pytest_here = f"cd {suite.root} && exec {sys.executable} -m pytest suites --tb=no -r N"
    with on_terminal(["/bin/sh", "-c", pytest_here], env) as terminal:
        for text in ("now: test_mini test_waits", "About beginning", "About middle", "elapsed"):
            assert terminal.read_until(text, 30), terminal.text
        terminal.type("")
        assert terminal.read_to_end(30) == 1
        text = terminal.text
    assert "FAIL             MINI-B-01" in text
    assert "PASS  " not in text.partition("======")[0]
    assert "test session starts" not in text
