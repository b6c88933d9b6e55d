"""The verdicts of a run: each is made once, as soon as all tests of its requirement have ended, and the rest
when the run is over. Knows nothing of pytest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Requirement
from headless_conformance.results.verdict import (
    CaseResult,
    Outcome,
    Verdict,
    cases_by_requirement,
    judge_requirement,
)


class Decisions:
    """The requirements of a run, each with its verdict as soon as all of its tests have ended."""

    def __init__(self, documents: Documents, chosen: Mapping[str, Requirement], kubernetes: str) -> None:
        self._documents = documents
        self._kubernetes = kubernetes
        self.chosen = {name: found for name, found in chosen.items() if not found.untestable}
        self.verdicts: dict[str, Verdict] = {}
        self._waiting: dict[str, set[str]] = {}
        self._ended: dict[str, CaseResult] = {}

    def expected(self, tests: Mapping[str, Sequence[str]]) -> set[str]:
        """The requirements that these tests decide, with all that means the same."""
        return {name for names in tests.values() for name in self._meant_by(names)}

    def expect(self, tests: Mapping[str, Sequence[str]]) -> list[Verdict]:
        """Take in all tests of the run, the requirements by node ID; returns what is decided with that."""
        for nodeid, names in tests.items():
            for name in self._meant_by(names):
                self._waiting.setdefault(name, set()).add(nodeid)
        return self._decided(list(self._waiting))

    def leave_out(self, cases: Iterable[CaseResult]) -> None:
        """Take in tests that are not going to run; a requirement of theirs is not verified in full."""
        for case in cases:
            self._ended[case.nodeid] = case
            for name in self._meant_by(case.requirements):
                self._waiting.setdefault(name, set()).add(case.nodeid)

    def end(self, case: CaseResult) -> list[Verdict]:
        """Take in a test that has ended; returns what is decided with it."""
        self._ended[case.nodeid] = case
        return self._decided(self._meant_by(case.requirements))

    def conclude(
        self, requirements: Iterable[Requirement], results: Sequence[CaseResult]
    ) -> Sequence[Verdict]:
        """The verdicts on these requirements when the run is over, from `results`, which has all tests.

        What was decided from the same results stays as it is.
        """
        cases = cases_by_requirement(self._documents, results)
        found = []
        for requirement in requirements:
            own = cases.get(requirement.id, [])
            known = self.verdicts.get(requirement.id)
            same = known and {case.nodeid for case in known.tests} == {case.nodeid for case in own}
            if known is None or not same or any(self._ended.get(case.nodeid) != case for case in own):
                known = judge_requirement(requirement, own, self._kubernetes)
            found.append(known)
        return found

    def counts(self, lang: str) -> dict[str, Counter[Outcome | None]]:
        """How many requirements of each section have which outcome, None where they have none yet, in the
        order of the documents."""
        found: dict[str, Counter[Outcome | None]] = {}
        for name, requirement in self.chosen.items():
            verdict = self.verdicts.get(name)
            section = self._documents.section_of(requirement)
            title = section.title_zh if lang == "zh" else section.title
            found.setdefault(title, Counter())[verdict.outcome if verdict else None] += 1
        return found

    def _meant_by(self, names: Sequence[str]) -> list[str]:
        same = (one for name in names for one in self._documents.equivalents(name))
        return [name for name in dict.fromkeys(same) if name in self.chosen]

    def _decided(self, names: Sequence[str]) -> list[Verdict]:
        found = []
        for name in names:
            waiting = self._waiting.get(name)
            if name in self.verdicts or waiting is None or not waiting <= self._ended.keys():
                continue
            cases = [case for nodeid, case in self._ended.items() if nodeid in waiting]
            self.verdicts[name] = judge_requirement(self.chosen[name], cases, self._kubernetes)
            found.append(self.verdicts[name])
        return found
