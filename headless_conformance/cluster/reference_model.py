"""Holding a cluster against the reference model of `records`: what its API objects demand and forbid, what
its EndpointSlices, its Endpoints and its DNS servers have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from headless_conformance.cluster.dns_answer import Answer, Server, data_of, records_of
from headless_conformance.cluster.dns_checks import AnswerCheck, require_cut_for_length
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.dns_exchange import Place, look_persistently
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.waiting import ObservationError, eventually
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import Where, require, require_items
from headless_conformance.records import (
    AnswerData,
    Denial,
    Expectation,
    Presence,
    Question,
    RecordDifference,
    Zone,
    compare_endpoints,
    expected_in_endpoints,
    follow_ups,
    judge,
    judge_labels,
    listed_in_endpoints,
    unexplained,
    zone_difference,
    zone_of,
)
from headless_conformance.records.names import is_reverse

MOST_RECORDS = 100
"""Questions and records of one group of which each is asked for as often as is said; of more, as of a set of
hundreds of members, each is asked for less often."""
_CHANGES = 3
"""How often a set may change while it is asked for often."""


class RecordGroup(StrEnum):
    """The records of one Service that a requirement speaks of together."""

    SERVICE = "records of the Service FQDN"
    ENDPOINTS = "records of endpoints"
    """Addresses of names one label below the Service FQDN."""
    PORTS = "SRV records"
    ADDRESSES = "PTR records"
    """Of the addresses of the Service and its endpoints."""

    @classmethod
    def of(cls, question: Question, zone: Zone) -> RecordGroup:
        """The one that a question about a Service belongs to."""
        if is_reverse(question.name):
            return cls.ADDRESSES
        if question.rdtype == "SRV":
            return cls.PORTS
        parsed = zone.domain.parse(question.name)
        return cls.ENDPOINTS if parsed is not None and parsed.labels else cls.SERVICE


@dataclass(frozen=True)
class _Wrong:
    """An answer that is not as the zone has it."""

    answer: Answer
    differences: list[RecordDifference]


@dataclass(frozen=True)
class ReferenceModel:
    """What the objects in a set's own namespace mean. Changes nothing there."""

    keeps_denials: Callable[[str], bool]
    """Finds out whether a DNS server keeps the denial of a name."""

    def zone(self, headless_set: HeadlessSet) -> Zone:
        """The zone of the namespace of a set, from the Services and EndpointSlices that are there now."""
        kube, namespace = headless_set.kube, headless_set.namespace
        services, slices = (kube.list(kind, namespace) for kind in ("Service", "EndpointSlice"))
        return zone_of(services, slices, domain=headless_set.facts.domain, namespaces=[namespace])

    def require_records(
        self, dns: Dns, headless_set: HeadlessSet, group: RecordGroup, *, often: int = 0
    ) -> None:
        """Wait until every DNS server answers, over UDP and TCP, every name and type of this group as the
        zone demands and forbids; and then that so many more answers of each are right, `often`. A Mismatch is
        about the first wrong answer, and its details show the differences of all that this server has
        wrong."""
        __tracebackhide__ = True

        def check() -> None:
            zone = self.zone(headless_set)
            headless_set.get_service()
            asked = self._questions(zone, headless_set, group)
            if not asked:
                headless_set.has_nothing_to_ask(group)
            answers = dns.ask_all(asked)
            if group is not RecordGroup.SERVICE:
                answers += self._follow(dns, zone, answers)
            _require_zone(zone, answers)

        service = headless_set.service_fqdn
        within = headless_set.facts.at_rest_timeout(service)
        eventually(check, expecting=f"the {group} of {service} at every DNS server", within=within)
        if often:
            self._require_often(dns, headless_set, group, often)

    def require_records_at(self, place: Place, servers: Sequence[Server], headless_set: HeadlessSet) -> None:
        """Servers give all records of a set also where they are asked from this place."""
        __tracebackhide__ = True
        zone = self.zone(headless_set)
        asked = [one for group in RecordGroup for one in self._questions(zone, headless_set, group)]
        answers = look_persistently(place, servers, asked)
        if wrong := _wrong_alone(zone, answers):
            raise _first(zone, wrong)

    def _require_often(self, dns: Dns, headless_set: HeadlessSet, group: RecordGroup, often: int) -> None:
        """Every answer is right by the zone before or by the zone after it was asked for."""
        __tracebackhide__ = True
        now = self.zone(headless_set)
        for _ in range(_CHANGES):
            before = now
            asked = self._questions(before, headless_set, group)
            records = sum(len(before.expectation(Question(*one)).records) for one in asked)
            times = min(often, often * MOST_RECORDS // max(1, records + len(asked)))
            answers = dns.ask_often(asked, max(1, times))
            now = self.zone(headless_set)
            require_cut_for_length(answers)
            wrong = _wrong_alone(now, [found.answer for found in _wrong_alone(before, answers)])
            if not wrong:
                return
            if before.expectations == now.expectations:
                raise _first(now, wrong)
        raise ObservationError(f"{headless_set.service_subject} changed each time that it was asked for")

    def require_slices(self, headless_set: HeadlessSet) -> None:
        """Wait until the Service's EndpointSlices are what the control plane must have written for the
        Service and the Pods of its namespace."""
        __tracebackhide__ = True
        eventually(lambda: _check_slices(headless_set), expecting="slices to be what Service and Pods demand")

    def require_endpoints(self, headless_set: HeadlessSet) -> None:
        """The same of the Service's core/v1 Endpoints. NotSupportedError where nobody writes such objects."""
        __tracebackhide__ = True

        def check() -> None:
            if not _check_endpoints(headless_set):
                not_supported("this cluster has no core/v1 Endpoints of Services")

        eventually(check, expecting="Endpoints to be what Service and Pods demand")

    def require_current(
        self,
        dns: Dns,
        headless_set: HeadlessSet,
        checks: Callable[[], Mapping[Question, AnswerCheck]],
        known: set[Question],
        *,
        asks: Callable[[Question], bool],
        published: bool,
        within: float,
    ) -> None:
        """Wait until EndpointSlices, Endpoints and every DNS server show a set as it is now; without
        `published`, its Service is not there.

        `checks` are of answers that follow from the Pods' status. `known` holds what has been asked before
        and must be answered as things are now, too: the names and addresses that were there. What could be
        asked here is added to it, and what `asks` says is asked.
        """
        __tracebackhide__ = True

        def check() -> None:
            demanded = checks()
            if published:
                _check_slices(headless_set)
                _check_endpoints(headless_set)
            zone = self.zone(headless_set)
            told = zone.of(headless_set.namespace, headless_set.service_name)
            known.update(found.question for found in told if found.can_be_contradicted)
            asked = sorted(filter(asks, {*known, *demanded}), key=str)
            answers = dns.ask_all((one.name, one.rdtype) for one in asked)
            for answer in answers:
                if right := demanded.get(Question(answer.name, answer.rdtype)):
                    right(answer)
            _require_zone(zone, answers)

        service = headless_set.service_fqdn
        eventually(check, expecting=f"{service} to be as its Service and Pods are now", within=within)

    def _questions(self, zone: Zone, headless_set: HeadlessSet, group: RecordGroup) -> list[tuple[str, str]]:
        told = zone.of(headless_set.namespace, headless_set.service_name)
        return [
            (expectation.question.name, expectation.question.rdtype)
            for expectation in told
            if expectation.can_be_contradicted
            and RecordGroup.of(expectation.question, zone) is group
            and (
                not expectation.may_come_to_exist
                or headless_set.may_ask_for_absent(expectation.question.name, self.keeps_denials)
            )
        ]

    def _follow(self, dns: Dns, zone: Zone, answers: list[Answer]) -> list[Answer]:
        """Answers to questions for the names that servers chose for endpoints without hostname."""
        names = (
            (question.name, question.rdtype)
            for place in _by_place(answers)
            for question in follow_ups(zone, place.data)
        )
        return dns.ask_all(dict.fromkeys(names))


def _check_slices(headless_set: HeadlessSet) -> None:
    service = headless_set.get_service()
    pods, slices = headless_set.kube.list("Pod", headless_set.namespace), headless_set.endpoint_slices()
    found = compare_endpoints(service, pods, slices)
    missing = [str(endpoint) for endpoint in found.missing]
    missing += [str(change.expected) for change in found.changed]
    surplus = [str(endpoint) for endpoint in found.surplus]
    surplus += [str(change.seen) for change in found.changed]
    surplus += [f"label of EndpointSlice {name}" for name in found.mislabelled]
    require(
        not found,
        f"{headless_set.slices_subject}: endpoints",
        expected=records_of(sorted(missing)),
        observed=records_of(sorted(surplus)),
        where=headless_set.where,
        details=str(found),
    )


def _check_endpoints(headless_set: HeadlessSet) -> bool:
    """Whether there are Endpoints that could be compared."""
    endpoints = headless_set.core_endpoints()
    if endpoints is None:
        return False
    service, pods = headless_set.get_service(), headless_set.kube.list("Pod", headless_set.namespace)
    expected = expected_in_endpoints(service, pods)
    if expected is None:
        return False
    subject = f"Endpoints {headless_set.service_name}: endpoints"
    require_items(subject, listed_in_endpoints(endpoints), expected, where=headless_set.where)
    return True


def _require_zone(zone: Zone, answers: list[Answer]) -> None:
    require_cut_for_length(answers)
    wrong = [found for place in _by_place(answers) for found in _judged(zone, place)]
    if wrong:
        raise _first(zone, wrong)


@dataclass(frozen=True)
class _Place:
    """What one server said over one transport."""

    answers: Mapping[Question, Answer]

    @property
    def data(self) -> Mapping[Question, AnswerData]:
        """The answers that can be read."""
        return {
            question: data_of(answer.message)
            for question, answer in self.answers.items()
            if answer.message is not None
        }


def _by_place(answers: Iterable[Answer]) -> list[_Place]:
    places: dict[Where, dict[Question, Answer]] = {}
    for answer in answers:
        places.setdefault(answer.where, {})[Question(answer.name, answer.rdtype)] = answer
    return [_Place(found) for found in places.values()]


def _judged(zone: Zone, place: _Place) -> list[_Wrong]:
    data = place.data
    differences: dict[Question, list[RecordDifference]] = {}
    for question in place.answers:
        if question in data:
            differences[question] = unexplained(zone, judge(zone, question, data[question]))
    for difference in unexplained(zone, judge_labels(zone, data)):
        differences.setdefault(difference.question, []).append(difference)
    return [
        _Wrong(answer, differences.get(question, []))
        for question, answer in place.answers.items()
        if question not in data or differences.get(question)
    ]


def _wrong_alone(zone: Zone, answers: Iterable[Answer]) -> list[_Wrong]:
    """Those of many answers to the same questions that are wrong, each judged by itself."""
    judged: dict[tuple[Question, int, bool], list[RecordDifference]] = {}
    wrong: list[_Wrong] = []
    for answer in answers:
        if answer.message is None:
            wrong.append(_Wrong(answer, []))
            continue
        question = Question(answer.name, answer.rdtype)
        # What was read once stands for all answers with the same bytes.
        key = question, id(answer.message), answer.cut
        if key not in judged:
            data = replace(data_of(answer.message), truncated=answer.cut)
            judged[key] = unexplained(zone, judge(zone, question, data))
        if judged[key]:
            wrong.append(_Wrong(answer, judged[key]))
    return wrong


def _first(zone: Zone, wrong: list[_Wrong]) -> AssertionError:
    first = wrong[0]
    at_the_server = [found for found in wrong if found.answer.where == first.answer.where]
    lines = zone_difference(one for found in at_the_server for one in found.differences)
    expectation = zone.expectation(Question(first.answer.name, first.answer.rdtype))
    return first.answer.mismatch(expected_text(expectation), more=lines)


def expected_text(expectation: Expectation) -> str:
    """An expectation in the form that the fields of a mismatch have."""
    records = [
        record.value if record.port is None else f"{record.value} {record.port}"
        for record in expectation.records
    ]
    for assigned in expectation.assigned:
        name = f"<label>.{assigned.below}"
        records += [name if assigned.port is None else f"{name} {assigned.port}"] * assigned.least
    if expectation.presence is Presence.DEMANDED:
        return records_of(sorted(records))
    if expectation.presence is Presence.FORBIDDEN and expectation.denial is not None:
        return expectation.denial.value
    return f"{Denial.NXDOMAIN} or {Denial.NODATA}"
