"""How much of the suite a run verifies: it grows with what the scenario is about, not with the suite."""

from __future__ import annotations

from collections.abc import Iterable

from headless_conformance.faults.model import KIND, Fault, Scenario
from headless_conformance.requirements.documents import Documents


def requirements_to_verify(
    scenario: Scenario,
    provider: str,
    documents: Documents,
    control: Iterable[str],
    *,
    full: bool,
) -> list[str]:
    """IDs of the requirements that a run verifies, in the documents' order; empty for all of them.

    A fault's run on simulated nodes verifies the documents of the requirements that the fault lists, and the
    control set. On kind, where a whole run takes minutes, it verifies the listed requirements and the control
    set: what else must not fail is looked for on simulated nodes. `full` verifies everything, except under a
    fault that says what alone is verified. A variation's run always verifies everything. UserError when a
    fault lists what no document has.
    """
    if isinstance(scenario, Fault) and scenario.verify_only:
        chosen = set(scenario.verify_only)
    elif full or not isinstance(scenario, Fault):
        return []
    elif provider == KIND:
        chosen = {*scenario.expected_failures(provider), *control}
    else:
        listed = {documents.document_of(documents.requirement(one).id).id for one in scenario.requirements}
        of_documents = (
            one.id for document in documents if document.id in listed for one in document.requirements
        )
        chosen = {*of_documents, *control}
    everything = documents.requirements
    return [] if chosen >= set(everything) else [one for one in everything if one in chosen]
