"""DNS questions from a Pod whose image has no DNS client: by the shell's own network files and what every
image with a C library has."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any

from headless_conformance.cluster.agent_program import ID_BYTES, LENGTH
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.inside_pod import run_in_pod

SHELL_SECONDS = 10
"""Bound on one question and its answer: a shell has to start some programs for them."""
# A shell writes line by line, and a message may have the byte of a line's end in it: dd sends it as a whole.
ASK = r"""
exec 3<>"/dev/$1/$2/$3" && printf "$4" | dd bs=65535 iflag=fullblock 2>/dev/null >&3 || exit
if [ "$1" = tcp ]; then
    size=$(head -c 2 <&3 | od -An -tu1) && [ -n "$size" ] && set -- $size && head -c $(($1 * 256 + $2)) <&3
else
    dd bs=65535 count=1 2>/dev/null <&3
fi | base64 -w 0
"""
ASK_EACH = """
ask=$1 seconds=$2 transport=$3 server=$4 port=$5
shift 5
number=0
for question; do
    {
        said=$(timeout "$seconds" bash -c "$ask" bash "$transport" "$server" "$port" "$question" 2>&1)
        echo "$number" ${said//$'\n'/ }
    } &
    number=$((number + 1))
done
wait
"""


@dataclass(frozen=True)
class ShellAsker:
    """Asks in one Pod of a set, each question by itself and once, all side by side."""

    headless_set: HeadlessSet
    ordinal: int

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Results as the agent's `ask` gives them."""
        return [self._ask(job) for job in jobs]

    def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        own = secrets.token_bytes(ID_BYTES)
        messages = [own + base64.b64decode(text) for text in job["questions"]]
        if job["transport"] == "tcp":
            messages = [LENGTH.pack(len(message)) + message for message in messages]
        where = (str(SHELL_SECONDS), job["transport"], job["server"], str(job["port"]))
        words = ("bash", "-c", ASK_EACH, "bash", ASK, *where, *map(_escaped, messages))
        lines = run_in_pod(self.headless_set, self.ordinal, *words).stdout.splitlines()
        said = {number: text for number, _, text in (line.partition(" ") for line in lines)}
        read = [_read(own, said.get(str(number), "")) for number in range(len(messages))]
        return {
            "answers": [[[body, 1]] if body else [] for body, _ in read],
            "problems": [[[problem, 1]] if problem else [] for _, problem in read],
        }


def _escaped(message: bytes) -> str:
    """As printf reads it."""
    return "".join(f"\\x{byte:02x}" for byte in message)


def _read(own: bytes, line: str) -> tuple[str, str]:
    """What came after the ID, or why nothing did."""
    try:
        message = base64.b64decode(line, validate=True)
    except ValueError:
        return "", line
    if not message.startswith(own):
        return "", "no answer in time"
    return base64.b64encode(message[ID_BYTES:]).decode(), ""
