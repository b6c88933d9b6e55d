"""What a CoreDNS is configured to do with a name: which server block answers for it, what it may keep, for
how long (https://coredns.io/manual/configuration/)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from typing import Literal

import dns.exception
import dns.name
import dns.reversename

from headless_conformance.cluster.dns_services import DNS_PORT

MAIN_FILE = "Corefile"
DEFAULT_TTL = 5
"""Seconds: the TTL of the kubernetes plugin where none is configured."""
SHORTEST_KEPT = 5
"""Seconds for which the cache plugin keeps at least what it keeps, and which it gives as a TTL."""
MOST_KEPT = {"success": 3600, "denial": 1800}
"""Seconds for which the cache plugin keeps answers at the most where nothing is configured."""

_TOKEN = re.compile(r'"(?P<quoted>(?:\\.|[^"\\])*)"|#[^\n]*|(?P<word>[^\s"]\S*)|(?P<end>\n)')
_OPEN, _CLOSE = "{", "}"

What = Literal["success", "denial"]


@dataclass(frozen=True)
class Directive:
    """A line of a block: its words, and the lines of a block of its own."""

    words: tuple[str, ...]
    lines: tuple[Directive, ...] = ()

    @property
    def name(self) -> str:
        return self.words[0]

    def options(self, name: str) -> Iterator[tuple[str, ...]]:
        """The words behind this one, in each line of the block that begins with it."""
        for line in self.lines:
            if line.name == name:
                yield line.words[1:]


@dataclass(frozen=True)
class DnsConfiguration:
    """The configuration of the DNS servers of one Service."""

    files: Mapping[str, str]
    """By name, as a ConfigMap has them."""
    port: int = DNS_PORT
    """The one on which the servers are asked: a block of another port answers nobody there."""

    def ttl(self, name: str) -> int | None:
        """Seconds that the kubernetes plugin gives a record of this name; None for one outside its zones."""
        found = self._plugin("kubernetes", name)
        if found is None:
            return None
        return next((int(words[0]) for words in found.options("ttl") if words), DEFAULT_TTL)

    def kept(self, name: str, what: What) -> int:
        """Seconds for which an answer about this name may be kept, at the most; 0 where none is."""
        found = self._plugin("cache", name)
        if found is None or _is_disabled(found, name, what):
            return 0
        limit = next((int(word) for word in found.words[1:2] if word.isdecimal()), MOST_KEPT[what])
        # The second number: the first one is how many answers are kept.
        limit = next((int(words[1]) for words in found.options(what) if len(words) > 1), limit)
        given = self.ttl(name)
        return max(limit if given is None else min(limit, given), SHORTEST_KEPT)

    def has_option(self, option: str, name: str) -> bool:
        """Whether the kubernetes plugin that answers for a name has an option."""
        found = self._plugin("kubernetes", name)
        return found is not None and any(True for _ in found.options(option))

    def _plugin(self, plugin: str, name: str) -> Directive | None:
        """The plugin's directive in the server block that answers for a name, where it is for that name."""
        for block in self._blocks_for(name):
            for line in block.lines:
                zones = [word for word in line.words[1:] if not word.isdecimal()]
                if line.name == plugin and (not zones or _zone_of(zones, name) is not None):
                    return line
        return None

    def _blocks_for(self, name: str) -> Sequence[Directive]:
        """The server blocks with the longest zone that a name is in."""
        zones = [(_zone_of(_zones(block, self.port), name), block) for block in self._blocks]
        longest = max((size for size, _ in zones if size is not None), default=None)
        return [block for size, block in zones if size == longest] if longest is not None else ()

    @cached_property
    def _blocks(self) -> Sequence[Directive]:
        return [
            Directive(block.words, tuple(self._included(block.lines)))
            for block in self._included(self._read(MAIN_FILE))
            if not _is_snippet(block)
        ]

    def _included(self, lines: Iterable[Directive]) -> Iterator[Directive]:
        """The lines with what `import` puts in their place: a snippet, or files that stand beside."""
        for line in lines:
            if line.name != "import" or len(line.words) < 2:
                yield line
                continue
            wanted = line.words[1]
            snippet = next((one for one in self._read(MAIN_FILE) if one.words == (f"({wanted})",)), None)
            beside = wanted.rpartition("/")[2]
            names = [name for name in self.files if name != MAIN_FILE and fnmatch(name, beside)]
            yield from self._included(snippet.lines) if snippet else ()
            for name in sorted(names):
                yield from self._included(self._read(name))

    def _read(self, file: str) -> tuple[Directive, ...]:
        return tuple(_directives(_tokens(self.files.get(file, ""))))


def _tokens(text: str) -> Iterator[str]:
    """Words, braces and ends of lines."""
    for found in _TOKEN.finditer(text):
        if found["quoted"] is not None:
            yield found["quoted"] or '""'
        elif found["word"] or found["end"]:
            yield found[0]


def _directives(tokens: Iterator[str]) -> Iterator[Directive]:
    """The lines up to the brace that closes their block, or to the end."""
    words: list[str] = []
    for token in tokens:
        if token == _OPEN:
            yield Directive(tuple(words), tuple(_directives(tokens)))
            words = []
        elif token not in ("\n", _CLOSE):
            words.append(token)
        elif words and not words[-1].endswith(","):
            # Addresses of a server block go on after a comma.
            yield Directive(tuple(words))
            words = []
        if token == _CLOSE:
            return


def _is_snippet(block: Directive) -> bool:
    return block.name.startswith("(") and block.name.endswith(")")


def _zones(block: Directive, port: int) -> list[str]:
    """The zones of a server block that are answered for on a port by plain DNS."""
    found = []
    for word in block.words:
        for key in filter(None, word.split(",")):
            scheme, _, address = key.rpartition("://")
            zone, _, number = address.rpartition(":") if re.search(r":\d+$", address) else (address, "", "")
            if scheme in ("", "dns") and number in ("", str(port)):
                found.append(zone)
    return found


def _zone_of(zones: Iterable[str], name: str) -> int | None:
    """The number of labels of the longest of these zones that a name is in; None where it is in none."""
    asked = dns.name.from_text(name)
    return max((len(zone) for zone in map(_origin, zones) if zone and asked.is_subdomain(zone)), default=None)


def _origin(zone: str) -> dns.name.Name | None:
    """A zone's name; of a range of addresses, that of its reverse names, up to a whole label."""
    try:
        network = ipaddress.ip_network(zone)
    except ValueError:
        try:
            return dns.name.from_text(zone or ".")
        except dns.exception.DNSException:
            return None
    reverse = dns.reversename.from_address(str(network.network_address))
    return reverse.split(network.prefixlen // (8 if network.version == 4 else 4) + 3)[1]


def _is_disabled(cache: Directive, name: str, what: What) -> bool:
    """Whether the cache plugin keeps no such answers about a name."""
    return any(
        words[:1] == (what,) and _zone_of(words[1:] or (".",), name) is not None
        for words in cache.options("disable")
    )
