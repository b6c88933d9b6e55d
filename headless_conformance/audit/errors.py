"""Why something could not be looked at. None of these says anything about what the cluster promises."""

from __future__ import annotations


class InspectionError(Exception):
    """The reason as part of a sentence, such as "the API server does not answer"."""

    @property
    def reason(self) -> str:
        return str(self)


class PermanentError(InspectionError):
    """It would be the same however often it is tried: an image lacks a program, or the request is refused."""


class MissingRightError(PermanentError):
    """This account lacks a right. `right` is written as in a Role, such as "list pods in namespace shop"."""

    def __init__(self, right: str) -> None:
        super().__init__(f"this account may not {right}")
        self.right = right


class UnauthenticatedError(PermanentError):
    """The API server does not know who asks, which no Role can mend (401; a right that is missing is 403)."""

    def __init__(self, right: str) -> None:
        super().__init__(f"the API server does not accept the credentials (401), so we may not {right}")


class NoSuchObjectError(InspectionError):
    """The API server knows no such object."""


class UnreachableApiError(InspectionError):
    """The API server does not answer, or stopped answering."""


class DnsConnectionError(InspectionError):
    """No connection to a DNS server, or one that ended. `refused` tells that nothing listens at its port."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class DeadlineError(InspectionError):
    """The audit has to end: says nothing about what was not looked at."""

    def __init__(self) -> None:
        super().__init__("the time for the whole audit is over")


class CommandTimeoutError(InspectionError):
    """A command in a Pod did not end in time. `stdout` is what it had printed by then."""

    def __init__(self, reason: str, stdout: str) -> None:
        super().__init__(reason)
        self.stdout = stdout


class UnansweredQuestionsError(InspectionError):
    """A DNS server left so many questions unanswered that it was asked no more."""


class SilentServerError(InspectionError):
    """A DNS server accepted a connection and sends nothing."""
