"""What keeps many tests from being judged is told once, and a dead part of the cluster breaks no promise."""

from __future__ import annotations

import pytest

from tests.miniature import CONFTEST, MISMATCHES, PASSES, Suite, miniature

pytest_plugins = ["pytester"]

MANY = """
@pytest.mark.requirement("MINI-A-01")
@pytest.mark.parametrize("number", range(6))
def test_looks(cluster, number):
    pass

@pytest.mark.requirement("MINI-A-02", "MINI-C-01")
def test_looks_too(cluster):
    pass

@pytest.mark.requirement("MINI-B-02")
def test_looks_at_nothing():
    pass
"""
NO_CLUSTER = """
import pytest
from headless_conformance.core.errors import UserError

pytest_plugins = ["headless_conformance.plugin"]


@pytest.fixture(scope="session")
def cluster():
    raise UserError("The cluster was not ready after 132 s.")
"""
OUTAGE = """
from headless_conformance.cluster.outages import Outages


class Dead(Outages):
    def since(self, begun):
        return "node node-2 does not answer"


@pytest.fixture(scope="session", autouse=True)
def outages():
    return Dead(Path("absent"), Path("absent"), kubelets=True)
"""
NEEDS_THE_NODE = """
@pytest.mark.requirement("MINI-B-02")
@pytest.mark.parametrize("number", range(3))
def test_needs_the_node(number):
    from headless_conformance.cluster.waiting import OutageError
    raise OutageError("node node-2 does not answer")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return miniature(pytester, monkeypatch)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_a_cluster_that_cannot_be_had_is_one_error(suite: Suite, workers: tuple[str, ...]) -> None:
    (suite.root / "conftest.py").write_text(NO_CLUSTER)
    suite.write(MANY)
    ran = suite.run(*workers)
    assert ran.ret == 2
    said = ran.stdout.str()
    assert said.count("raise UserError") == 1, said
    assert said.count("ERROR at setup of") == 1, said
    ran.stdout.fnmatch_lines(
        [
            "ERROR  The cluster was not ready after 132 s.",
            "    3 requirements: MINI-A-01, MINI-A-02, MINI-C-01",
            "*1 error*",
        ]
    )
    assert "6 same error" in said
    assert {name: row["outcome"] for name, row in suite.requirements().items()} == {
        "MINI-A-01": "error",
        "MINI-A-02": "error",
        "MINI-B-02": "passed",
        "MINI-C-01": "error",
    }


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_a_failure_while_a_part_is_dead_is_an_error_that_names_it(
    suite: Suite, workers: tuple[str, ...]
) -> None:
    (suite.root / "conftest.py").write_text(CONFTEST + OUTAGE)
    suite.write(PASSES, MISMATCHES, NEEDS_THE_NODE)
    ran = suite.run(*workers)
    assert ran.ret == 2
    found = suite.requirements()
    assert {name: row["outcome"] for name, row in found.items()} == {
        "MINI-A-01": "passed",
        "MINI-B-01": "error",
        "MINI-B-02": "error",
        "MINI-B-06": "error",
    }
    assert found["MINI-B-01"]["reason"] == "node node-2 does not answer"
    ran.stdout.fnmatch_lines(
        ["ERROR  node node-2 does not answer", "    3 requirements: MINI-B-01, MINI-B-02, MINI-B-06"]
    )
    assert "3 same error" in ran.stdout.str()


ALIKE = """
@pytest.mark.requirement("MINI-A-01")
@pytest.mark.parametrize("number", range(3))
def test_finds_it_missing(number):
    raise Mismatch(Observation("Service nginx", "present", "absent"))

@pytest.mark.requirement("MINI-B-01")
def test_finds_it_missing_too():
    raise Mismatch(Observation("Service nginx", "present", "absent"))
"""


def test_what_breaks_several_promises_is_told_once_and_each_stays_a_failure(suite: Suite) -> None:
    suite.write(ALIKE)
    ran = suite.run()
    assert ran.ret == 1
    ran.assert_outcomes(failed=4)
    said = ran.stdout.str()
    assert said.count("raise Mismatch") == 1, said
    ran.stdout.fnmatch_lines(
        [
            "FAILED  MINI-A-01*",
            "    Service nginx: expected present, got absent",
            "FAILED  MINI-B-01*",
            "    as for MINI-A-01",
        ]
    )
    assert {row["reason"] for row in suite.requirements().values()} == {
        "Service nginx: expected present, got absent"
    }
