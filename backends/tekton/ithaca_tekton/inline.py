"""Tasks inside the object of a planned run, with all known values written where they are used.

In the Tasks that steps share, everything that differs is a parameter. In the object of one run,
each would be written three times for each step: declared, passed, and used.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ithaca_tekton.model import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca_tekton.model import Plain
    from ithaca_tekton.pipeline import Member

_PARAMETER = re.compile(r"\$\(params\.([a-z]+)\)")
_LIST = re.compile(r"\$\(params\.([a-z]+)\[\*\]\)")


def inlined(member: Member | Plain, run: list[str]) -> Member | Plain:
    """The task, with parameters only for what Tekton finds out while it runs.

    The name of the step stays a parameter: people and sessions read it in the TaskRun.

    Args:
        member: A task of a planned run; its arguments are in the run's document.
        run: The options that every pod of the run gets.
    """
    if isinstance(member, dict):
        return member
    declared, passed = member.spec.params, member.task.params
    known = {each.name: each.default or "" for each in declared}
    known |= {each.name: each.value for each in passed}
    # The run's document has the arguments, and the name of Tekton's object.
    known |= {"run": run, "engine": "tekton", "arguments": []}
    variable = {name for name, value in known.items() if name == "step" or "$(" in str(value)}
    fixed = {name: value for name, value in known.items() if name not in variable}
    # Only a task inside its Pipeline knows its retry count, and this one is.
    more = ["--retries=$(context.task.retry-count)"] if member.kind == "step" else []
    spec = replace(
        member.spec,
        params=[each for each in declared if each.name in variable],
        steps=[_step(each, fixed, more) for each in member.spec.steps],
    )
    task = replace(member.task, params=[each for each in passed if each.name in variable])
    return member._replace(spec=spec, task=task)


def shortened(member: Member | Plain) -> Member | Plain:
    """The task, with only the parameters that a planned run needs.

    Args:
        member: A task that refers to a Task, in which the other parameters have defaults.
    """
    if isinstance(member, dict):
        return member
    params = [
        replace(each, value="tekton") if each.name == "engine" else each
        for each in member.task.params
        if each.name != "arguments"
    ]
    return member._replace(task=replace(member.task, params=params))


def _step(
    step: Step | Plain, fixed: Mapping[str, str | list[str]], more: list[str]
) -> Step | Plain:
    if not isinstance(step, Step):
        return step
    args = _arguments(step.args, fixed)
    return replace(
        step,
        image=_filled(step.image, fixed),
        args=[*args, *more] if step.name == "main" else args,
    )


def _arguments(arguments: list[str], fixed: Mapping[str, str | list[str]]) -> list[str]:
    found: list[str] = []
    for each in arguments:
        many = _LIST.fullmatch(each)
        if many and many[1] in fixed:
            found.extend(fixed[many[1]])
            continue
        text = _filled(each, fixed)
        if not (text.endswith("=") and text != each):  # an option without a value
            found.append(text)
    return found if found[-1:] != ["--argument"] else found[:-1]


def _filled(text: str, fixed: Mapping[str, str | list[str]]) -> str:
    return _PARAMETER.sub(lambda found: str(fixed.get(found[1], found[0])), text)
