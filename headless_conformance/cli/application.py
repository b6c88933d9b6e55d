"""The program `headless-conformance`: one command for everything that a person can ask for.

Each command imports what it needs when it is called, so that the program starts quickly.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence

import typer

from headless_conformance.cli.audit import audit
from headless_conformance.cli.clean import clean
from headless_conformance.cli.clean_existing import clean_existing
from headless_conformance.cli.commands import COMMANDS, MAINTENANCE, OF_CLONE, renamed_command
from headless_conformance.cli.compare import compare
from headless_conformance.cli.coverage import requirements
from headless_conformance.cli.debian_lock import debian_lock
from headless_conformance.cli.distclean import distclean
from headless_conformance.cli.doctor import doctor
from headless_conformance.cli.e2e import e2e
from headless_conformance.cli.faults import faults
from headless_conformance.cli.go_pins import go_pins
from headless_conformance.cli.image_archive import image_archive
from headless_conformance.cli.listing import list_requirements
from headless_conformance.cli.matrix import matrix
from headless_conformance.cli.options import with_variables
from headless_conformance.cli.overview import without_command
from headless_conformance.cli.pages import pages
from headless_conformance.cli.prepare import prepare
from headless_conformance.cli.report import report
from headless_conformance.cli.robustness import robustness
from headless_conformance.cli.simulated_starts import simulated_starts
from headless_conformance.cli.variations import variations
from headless_conformance.cli.version import version
from headless_conformance.cli.workflow import workflow
from headless_conformance.core import variables
from headless_conformance.core.errors import BAD_INPUT, UserError, in_one_sentence
from headless_conformance.core.interrupts import INTERRUPTS
from headless_conformance.core.paths import IN_CLONE, PROGRAM_NAME

ASSIGNMENT = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)", re.DOTALL)

FUNCTIONS: Mapping[str, Callable[..., int]] = {
    "e2e": e2e,
    "matrix": matrix,
    "list": list_requirements,
    "requirements": requirements,
    "report": report,
    "compare": compare,
    "doctor": doctor,
    "audit": audit,
    "faults": faults,
    "variations": variations,
    "robustness": robustness,
    "prepare": prepare,
    "image-archive": image_archive,
    "pages": pages,
    "version": version,
    "clean": clean,
    "clean-existing": clean_existing,
    "distclean": distclean,
    "workflow": workflow,
    "go-pins": go_pins,
    "debian-lock": debian_lock,
    "simulated-starts": simulated_starts,
}


def program() -> typer.Typer:
    """The program with its commands, in the order in which help shows them."""
    made = typer.Typer(
        help="The executable specification of Kubernetes headless Services.",
        pretty_exceptions_enable=False,
    )
    made.callback(invoke_without_command=True)(without_command)
    for panel, commands in (("Commands", COMMANDS), ("Maintenance", MAINTENANCE)):
        for name, summary in commands.items():
            if name in OF_CLONE and not IN_CLONE:
                continue
            run = with_variables(name, FUNCTIONS[name])
            words = f"{summary}\n\n{run.__doc__}"
            made.command(name, help=words, short_help=summary, rich_help_panel=panel)(run)
    return made


def with_variables_set(words: Sequence[str]) -> list[str]:
    """The words without those like `PROVIDER=existing` before `--`, which set a variable, as make takes them.

    UserError for a name in capitals that is no variable.
    """
    end = words.index("--") if "--" in words else len(words)
    left: list[str] = []
    for word in words[:end]:
        if found := ASSIGNMENT.match(word):
            if sentence := variables.renamed_variable([found["name"]]) or variables.unknown([found["name"]]):
                raise UserError(sentence)
            os.environ[found["name"]] = found["value"]
        else:
            left.append(word)
    return [*left, *words[end:]]


@in_one_sentence
def run(words: Sequence[str], name: str = PROGRAM_NAME) -> int:
    """Run one command of the program, which the person called by `name`.

    Returns its exit status, an interrupt's, or BAD_INPUT for words that nobody understands.
    """
    words = with_variables_set(words)
    if words and words[0] in OF_CLONE and not IN_CLONE:
        raise UserError(f"{words[0]} needs a clone of this project; run `make {words[0]}` there.")
    given = (variable for variable, value in os.environ.items() if value)
    if sentence := renamed_command(words) or variables.renamed_variable(given):
        raise UserError(sentence)
    with INTERRUPTS.handled():
        try:
            status = program()(list(words), prog_name=name, standalone_mode=False)
        except typer.TyperException as error:
            print(f"error: {error.format_message()}", file=sys.stderr)
            return BAD_INPUT
        # typer's own status after an interrupt is that of ^C.
        return INTERRUPTS.status or int(status or 0)
