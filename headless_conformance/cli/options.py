"""Options and arguments of the commands, made from the table of variables."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Optional

import typer

from headless_conformance.core.variables import VARIABLES, Variable, of_command


def argument(name: str) -> Any:
    """The argument of a command that the variable `name` sets where the command line does not."""
    variable = VARIABLES[name]
    return typer.Argument(envvar=name, metavar=name, help=_help(variable), show_default=False)


def _help(variable: Variable) -> str:
    parts = (variable.meaning, variable.values, variable.default and f"default: {variable.default}")
    return "; ".join(part for part in parts if part).replace("`", "")


def _completed(variable: Variable) -> Callable[[str], list[str]]:
    """What a shell offers for a value that begins with a text."""

    def offered(begun: str) -> list[str]:
        if variable.name == "REQUIREMENT":
            from headless_conformance.requirements.documents import load_documents

            known = list(load_documents().requirements)
        else:
            known = re.findall("`([^`]+)`", variable.values)
        return [value for value in known if value.startswith(begun)]

    return offered


def _parameter(variable: Variable) -> inspect.Parameter:
    # No envvar=, which would judge the environment with words of its own; core/settings.py has ours.
    shown = f"{_help(variable)} ({variable.name})"
    option = typer.Option(
        *filter(None, (variable.option, variable.alias)),
        help=shown,
        metavar=None if variable.flag else variable.name,
        show_default=False,
        autocompletion=None if variable.flag else _completed(variable),
    )
    return inspect.Parameter(
        variable.name.lower(),
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        # typer reads this at run time.
        annotation=Annotated[Optional[bool] if variable.flag else Optional[str], option],  # noqa: UP045
    )


def with_variables(name: str, command: Callable[..., int]) -> Callable[..., int]:
    """A command with one option for each variable that it takes.

    What is given is put into the environment, where settings are read from, and where a child finds it, too.
    """
    own = inspect.signature(command, eval_str=True).parameters
    # A command may take a variable with an option of its own.
    taken = [found for found in of_command(name) if not found.argument and found.name.lower() not in own]

    @wraps(command)
    def run(**given: Any) -> int:
        for variable in taken:
            value = given.pop(variable.name.lower())
            if value is not None:
                os.environ[variable.name] = "1" if variable.flag else value
        return command(**given)

    run.__signature__ = inspect.Signature([*own.values(), *map(_parameter, taken)])  # type: ignore[attr-defined]
    return run
