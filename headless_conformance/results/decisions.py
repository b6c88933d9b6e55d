"""Which requirements are decided while tests still run. Knows nothing of pytest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Requirement
from headless_conformance.results.verdict import CaseResult, Outcome, Verdict, judge_requirements


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

    def end(self, case: CaseResult) -> list[Verdict]:
        """Take in a test that has ended; returns what is decided with it."""
        self._ended[case.nodeid] = case
        return self._decided(self._meant_by(case.requirements))

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
        ready = [
            name
            for name in names
            if name not in self.verdicts
            and name in self._waiting
            and self._waiting[name] <= self._ended.keys()
        ]
        cases = [self._ended[nodeid] for name in ready for nodeid in sorted(self._waiting[name])]
        requirements = [self.chosen[name] for name in ready]
        unique = list({case.nodeid: case for case in cases}.values())
        found = judge_requirements(self._documents, requirements, unique, self._kubernetes)
        self.verdicts |= {verdict.requirement.id: verdict for verdict in found}
        return found
