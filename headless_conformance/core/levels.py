"""How binding a sentence is."""

from enum import StrEnum


class Level(StrEnum):
    """How binding a requirement or a rule is, as RFC 2119 has it."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
