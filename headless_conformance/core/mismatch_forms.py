"""The forms that the fields of a mismatch have: a closed list, which the faults match.

They are data. A message, a docstring or what is printed beside them may be reworded at will; a subject, an
expectation or an observation of another form needs a form here, and a test asks for one.

Values: a string stands for itself, a missing field is `absent`, truth values are `true` and `false`, a
sequence is `[a, b]` in its order, items whose order does not count are `{a, b}` sorted, a mapping is `{key:
value}` sorted by key, a tuple is its items with blanks between. A number of items is observed with them: `2
{10.0.0.1, 10.0.0.2}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ITEMS: Final = r"\{.*\}"
VALUE: Final = rf"(?:{ITEMS}|\[.*\]|\d+ {ITEMS}|\S+)"
COMPARISON: Final = (
    r"(?:at least|at most|less than|later than|other than|one of|several of|each of|none of|out of"
    rf"|none out of) {VALUE}"
)
"""What is expected where more than one value is right; `several of` are at least two, and no other."""
COMPARED: Final = rf"(?:{COMPARISON}|{VALUE})"
PRINTED: Final = r"(?s:.*)"
"""A value, or what another program printed: its words are data."""

OBJECT_KIND: Final = r"[A-Z][A-Za-z]+"
OBJECT: Final = rf"(?:EndpointSlices of )?{OBJECT_KIND} \S+?"
"""Kind and name; the EndpointSlices of a Service have its name."""
FIELD: Final = r"(?:\.[\w-]+)+"
PARTS: Final = (
    "Pods",
    "Ready",
    "Ready Pods",
    "PTR records",
    "SRV records",
    "UIDs of Pods",
    "address types",
    "addresses of Ready Pods",
    "endpoints",
    "endpoints per slice",
    "environment variables",
    "environment variables of headless Services",
    "foreign endpoints",
    "hostnames",
    "hostnames, Pods and addresses",
    "missing Pods",
    "missing or foreign Pods",
    "names and hostnames of Pods",
    "names of PersistentVolumeClaims",
    "nodes of Pods",
    "phases of PersistentVolumeClaims",
    "Pods on other nodes",
    "ready addresses",
    "ready addresses that are not IPv4",
    "records of endpoints",
    "records of the Service FQDN",
    "repeated endpoints",
    "rules of kube-proxy",
    "subdomains of Pods",
    "volumes of PersistentVolumeClaims",
)
"""What is looked at of an object where it is no field."""
PRINTED_PARTS: Final = (
    r"line \d+",
    r"lines after \d+",
    "last lines",
    "exit status",
    "prompt",
    "hint",
    "columns",
    "addresses",
    "address",
    "name",
    "server",
    "address of server",
    r"lines of Pod \d+",
    r"names of Pod \d+",
    r"rows of \S+",
    r"[A-Z()-]+ of \S+",
    r"[A-Z]\w*(?: [A-Z]\w*)*",
    "nameserver",
    "search",
    r"[a-z0-9.*-]+",
)
"""What is looked at in what a program printed or in a file. `[A-Z()-]+ of` is a column of `kubectl get`, the
next one a key of `kubectl describe`, and the last one a name in a hosts file."""
ANSWER_SUMMARY: Final = (
    rf"(?:{ITEMS}(?: and [A-Z]+ \S+)*(?: of \S+(?:, \S+)*)?|CNAME \S+|[A-Z]+(?: with {ITEMS})?"
    rf"|no answer: {PRINTED})"
)
"""Records, with other types and other owners named; or a response code or NODATA, and records that it has
nevertheless."""
FLAG: Final = "(?:no )?flag TC"
TTL: Final = r"(?:negative )?TTL (?:at most )?(?:\d+|\{.*\})"


@dataclass(frozen=True)
class MismatchForm:
    """One form: a regular expression for the whole of each field."""

    what: str
    subject: str
    expected: str = COMPARED
    observed: str = VALUE
    example: tuple[str, str, str] = ("", "", "")
    """Subject, expected, observed."""


FORMS: Final = (
    MismatchForm(
        "answer of a DNS server; where: server, address, transport; Pod and node where it matters",
        r"(?:A|AAAA|CNAME|MX|PTR|SRV|TXT) \S+",
        rf"{ANSWER_SUMMARY}|{ITEMS} with additional {ITEMS}|{ITEMS} below \S+|(?:at least|none of) {ITEMS}"
        rf"|NXDOMAIN or NODATA|{ANSWER_SUMMARY} with SOA|{TTL}|records with a TTL"
        rf"|\d+ records|{FLAG}|some of \d+ records, {FLAG}",
        rf"{ANSWER_SUMMARY}(?: with additional {ITEMS}| with flag TC| without SOA)?|{TTL}|{FLAG}"
        rf"|\d+ records: missing {ITEMS}, additional {ITEMS}|\d+ other records: {ITEMS}"
        rf"|\d+ records more than once: {ITEMS}|[A-Z]+, \d+ records, {FLAG}",
        ("A web-0.nginx.default.svc.cluster.local.", "{10.0.0.1}", "NXDOMAIN"),
    ),
    MismatchForm(
        "name as a Pod's C library finds it, or the canonical names that it finds; where: Pod, namespace",
        r"getaddrinfo \S+(?:: canonical names)?",
        rf"{VALUE}|no such name|none of {ITEMS}",
        r"\{.*\}|\[.*\]|EAI_[A-Z]+",
        ("getaddrinfo nginx", "{10.0.0.1}", "EAI_NONAME"),
    ),
    MismatchForm(
        "object; where: namespace",
        OBJECT,
        "present|absent",
        "present|absent|being deleted",
        ("Service nginx", "present", "absent"),
    ),
    MismatchForm(
        "field of an object",
        rf"{OBJECT} {FIELD}",
        example=("Service nginx .spec.clusterIP", "None", "10.96.0.7"),
    ),
    MismatchForm(
        "part of an object that is no field of it",
        rf"{OBJECT}: (?:{'|'.join(PARTS)})",
        observed=rf"{VALUE}|(?:[\w-]+: {PRINTED})",
        example=("StatefulSet web: Ready Pods", "3", "2 {10.0.0.1, 10.0.0.2}"),
    ),
    MismatchForm(
        "objects that a label selects, or that have one of these addresses",
        rf"{OBJECT_KIND}s with the (?:label|address) \S+",
        example=("Services with the address 10.96.0.10", "at least 1", "0"),
    ),
    MismatchForm(
        "what a program printed; its exit status with the reason for which the API server refused",
        rf"(?:kubectl [^:]+?|nslookup \S+|uname -n)(?:: (?:{'|'.join(PRINTED_PARTS)}))?",
        PRINTED,
        PRINTED,
        ("kubectl describe svc/nginx: exit status", "0", "1 NotFound"),
    ),
    MismatchForm(
        "file, of the Pod that is named or of that in `where`: all of it, a line, or the values of a name",
        rf"(?:/[\w.-]+)+(?: of Pod \S+?)?(?:: (?:{'|'.join(PRINTED_PARTS)}))?",
        PRINTED,
        PRINTED,
        ("/etc/hosts of Pod web-0: web-1", "[10.0.0.1]", "[]"),
    ),
    MismatchForm(
        "statement at each of these databases in turn, or so often; `error 2005 db` is MySQL's number of a"
        " client's error with the server's name",
        r"(?:SELECT|CREATE|INSERT) .+ at [^ ,]+(?:, [^ ,]+)*(?:, \d+ connections)?",
        rf"{COMPARED}|an answer",
        rf"{VALUE}|error \d+(?: \S+)?|exit status \d+",
        ("SELECT @@hostname at web-0.nginx", "[web-0]", "error 2003 web-0.nginx:3306"),
    ),
    MismatchForm(
        "Pods whose MySQL servers so many new connections to an address meet; where: Pod, node",
        r"MySQL at \S+, \d+ connections",
        rf"{COMPARED}|an answer",
        rf"{VALUE}|error: {PRINTED}",
        ("MySQL at web-lb, 60 connections", "several of {web-0, web-1}", "{web-0}"),
    ),
    MismatchForm(
        "request to create or to change an object, with the fields that it is about",
        rf"create {OBJECT_KIND}(?: {FIELD}(?: \S+)?)+|update {OBJECT}(?: {FIELD}(?: \S+)?)+",
        r"refused(?: as invalid)?, naming .+",
        rf"accepted|refused(?: as invalid| with status \d+)?: {PRINTED}",
        ("create Service .spec.clusterIP none", "refused as invalid, naming clusterIP", "accepted"),
    ),
    MismatchForm(
        "manifest: the kinds of its objects, an object, or a field of one",
        rf"[\w-]+\.yaml: (?:kinds|{OBJECT_KIND}(?: {FIELD})?)",
        example=("web.yaml: Service .spec.selector.app", "nginx", "absent"),
    ),
    MismatchForm(
        "measure of a large set",
        r"seconds to \d+ Ready Pods|bytes of all components",
        example=("seconds to 1000 Ready Pods", "less than 30", "31.2"),
    ),
)


def form_of(subject: str) -> MismatchForm | None:
    """The form that a subject has; None where it has no listed one."""
    return next((form for form in FORMS if re.fullmatch(form.subject, subject)), None)
