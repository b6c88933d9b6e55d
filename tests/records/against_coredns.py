"""`python -m tests.records.against_coredns`: hold the model against a real control plane and real CoreDNS.

Generated namespaces are created on a simulated cluster. Its EndpointSlice controller must have written the
endpoints that the model expects, and every answer of both DNS servers, over UDP and TCP, must be as the model
has it, apart from what the table of known differences says. Then each error that is planted into the model
must be found by the same comparison.

SEED and COUNT choose the namespaces (a random seed, 500); K8S and the other variables of a run choose the
release.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubernetes import config

from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.providers.simulated.cluster import ensure_programs
from headless_conformance.providers.simulated.network import addresses
from headless_conformance.records import (
    KNOWN_DIFFERENCES,
    AnswerData,
    Question,
    RecordDifference,
    Zone,
    follow_ups,
    judge,
    judge_labels,
    known_difference,
    zone_difference,
    zone_of,
)
from tests.records.asking import Channel, ask_all, channels
from tests.records.generator import DOMAIN, Namespace, namespaces
from tests.records.live_cluster import DualStackCluster, Found, LiveCluster
from tests.records.mutants import MUTANTS, is_found
from tests.records.peculiar import peculiar, peculiar_questions
from tests.records.questions import is_judged, questions
from tests.records.shapes import LEAST_SHARE, counts

COUNT = 500
NODES = 10
CLUSTER_IP = 200
"""Number of the address, in the range of Services, that one Service asks for: the API server gives such
low ones to no other."""
SETTLE_SECONDS = 20.0
"""For DNS servers to have seen the last change of the API."""
Answers = dict[Channel, dict[Question, AnswerData]]


@dataclass(frozen=True)
class Observed:
    """What the cluster had, and what its servers said about it."""

    found: Found
    answers: Answers

    def zone(self) -> Zone:
        """The zone by the model as it is now, errors planted into it included."""
        return zone_of(self.found.services, self.found.slices, domain=DOMAIN)


def main() -> int:
    """Exit status 1 on a difference that is not written down, on a shape that is too rare, and on an error
    not found."""
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    count = int(os.environ.get("COUNT") or COUNT)
    settings = from_env(os.environ)
    print(
        f"seed {seed}, {count} namespaces, Kubernetes {settings.release.patch}, CoreDNS "
        f"{settings.release.coredns}"
    )
    made = namespaces(seed, count)
    odd = peculiar(str(addresses(settings.network, NODES).services[CLUSTER_IP]))
    begun = time.monotonic()
    programs = ensure_programs(settings, Progress(total=1))
    with DualStackCluster(settings, programs, nodes=NODES) as cluster:
        print(f"cluster after {time.monotonic() - begun:.1f} s", flush=True)
        live = LiveCluster(config.new_client_from_config(str(cluster.kubeconfig)), node_names())
        live.create([*made, odd])
        found = live.settled()
        print(f"objects settled after {time.monotonic() - begun:.1f} s", flush=True)
        observed = observe(found, channels(cluster.host_dns), [*made, odd], seed)
    print(f"answers after {time.monotonic() - begun:.1f} s", flush=True)
    wrong = [
        report_shapes(found, made),
        report_endpoints(found),
        report_answers(observed),
        report_mutants(observed),
    ]
    print(f"took {time.monotonic() - begun:.1f} s")
    return int(any(wrong))


def node_names() -> list[str]:
    """As the simulated cluster calls its nodes."""
    return [f"simulated-{number}" for number in range(1, NODES + 1)]


def observe(found: Found, servers: Sequence[Channel], made: Iterable[Namespace], seed: int) -> Observed:
    """Ask everything, and what differs again until it does not or time is up; then the labels of the
    servers' choice."""
    zone = zone_of(found.services, found.slices, domain=DOMAIN)
    asked = [*questions(zone, [namespace.name for namespace in made]), *peculiar_questions(zone)]
    print(
        f"{len(asked)} questions, {sum(is_judged(zone, question) for question in asked)} of them judged",
        flush=True,
    )
    answers = ask_all(servers, asked, seed)
    for channel in servers:
        further = follow_ups(zone, answers[channel])
        answers[channel] |= ask_all([channel], further, seed)[channel]
    end = time.monotonic() + SETTLE_SECONDS
    while (again := _unexplained(zone, answers)) and time.monotonic() < end:
        for channel, renewed in ask_all(servers, list(again), seed).items():
            answers[channel] |= renewed
    return Observed(found, answers)


def _unexplained(zone: Zone, answers: Answers) -> dict[Question, None]:
    """Questions with an answer that differs otherwise than it is written down."""
    found: dict[Question, None] = {}
    for of_channel in answers.values():
        for mismatch in mismatches(zone, of_channel):
            if known_difference(zone, mismatch) is None:
                found[mismatch.question] = None
    return found


def mismatches(zone: Zone, answers: Mapping[Question, AnswerData]) -> list[RecordDifference]:
    """Everything that is wrong with the answers of one server."""
    alone = [mismatch for question, answer in answers.items() for mismatch in judge(zone, question, answer)]
    return [*alone, *judge_labels(zone, answers)]


def report_shapes(found: Found, made: Sequence[Namespace]) -> bool:
    """Print how many namespaces have each shape; true when one is too rare."""
    counted = counts(found.views(namespace.name for namespace in made))
    for shape, number in counted.items():
        print(f"  {number:4} {number / len(made):4.0%} {shape}")
    rare = [shape for shape, number in counted.items() if number < LEAST_SHARE * len(made)]
    if rare:
        print(f"in less than {LEAST_SHARE:.0%} of the namespaces: {', '.join(rare)}")
    return bool(rare)


def report_endpoints(found: Found) -> bool:
    """Print where EndpointSlices are not as the model has them; true when they are not somewhere."""
    differences = found.endpoint_differences()
    for difference in differences:
        print(difference)
    print(
        f"EndpointSlices: {len(found.slices)}, of {len(found.services)} Services; "
        f"{len(differences)} Services differ"
    )
    return bool(differences)


def report_answers(observed: Observed) -> bool:
    """Print the differences of each channel; true when one is not written down."""
    zone = observed.zone()
    wrong = False
    known: Counter[str] = Counter()
    for channel, answers in observed.answers.items():
        unknown: list[RecordDifference] = []
        for mismatch in mismatches(zone, answers):
            row = known_difference(zone, mismatch)
            if row is None:
                unknown.append(mismatch)
            else:
                known[row.id] += 1
        truncated = sum(answer.truncated for answer in answers.values())
        print(
            f"{channel}: {len(answers)} answers, {truncated} truncated, {len(unknown)} "
            "differences not written down"
        )
        sys.stdout.write(zone_difference(unknown))
        wrong |= bool(unknown)
    for row in KNOWN_DIFFERENCES:
        print(f"  {known[row.id]:5} differences by the known one {row.id}")
    return wrong


def report_mutants(observed: Observed) -> bool:
    """Plant each error into the model; true when one is not found."""
    first = next(iter(observed.answers.values()))
    unseen = [mutant.name for mutant in MUTANTS if not is_found(mutant, observed.found, first)]
    print(f"{len(MUTANTS) - len(unseen)} of {len(MUTANTS)} errors planted in the model are found")
    for name in unseen:
        print(f"not found: {name}")
    return bool(unseen)


if __name__ == "__main__":
    sys.exit(main())
