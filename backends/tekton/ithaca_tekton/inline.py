"""A task that stands inside of its run's object, with what is known written where it is used.

In the Tasks that steps share everything that differs is a parameter. In the object of one run it
would stand there three times for each step: declared, passed on, and used.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca_tekton.pipeline import Member

_PARAMETER = re.compile(r"\$\(params\.([a-z]+)\)")
_LIST = re.compile(r"\$\(params\.([a-z]+)\[\*\]\)")


def inlined(member: Member, run: list[str]) -> Member:
    """The same task, where only what Tekton has to find out is a parameter.

    Args:
        member: A task whose arguments need not be passed on: the run is written down.
        run: What every pod of the run is told.

    The step stays a parameter: by it people and sessions see what a TaskRun is for.
    """
    if member.spec is None:
        return member
    declared = member.spec["params"]
    passed = {each["name"]: each["value"] for each in member.content["params"]}
    told = {**{each["name"]: each.get("default", "") for each in declared}, **passed}
    # The run's document has the arguments, and says which object of Tekton it is.
    known = {**told, "run": run, "engine": "tekton", "arguments": []}
    open_ = {name for name, value in known.items() if name == "step" or "$(" in str(value)}
    fixed = {name: value for name, value in known.items() if name not in open_}
    spec = {
        **member.spec,
        "params": [each for each in declared if each["name"] in open_],
        "steps": [_container(each, fixed) for each in member.spec["steps"]],
    }
    if member.kind == "step":
        # Tekton knows it only in a task that stands inside of its Pipeline, as here.
        (runner,) = [each for each in spec["steps"] if each["name"] == "main"]
        runner["args"].append("--retries=$(context.task.retry-count)")
    content = {
        **member.content,
        "params": [each for each in member.content["params"] if each["name"] in open_],
    }
    return member._replace(spec=_some(spec), content=_some(content))


def shortened(member: Member) -> Member:
    """The same task, told no more than a run needs that is written down.

    Args:
        member: A task that refers to a Task; what it does not pass on has a default there.
    """
    if member.spec is None:
        return member
    short = {"engine": "tekton"}
    params = [
        {**each, "value": short.get(each["name"], each["value"])}
        for each in member.content["params"]
        if each["name"] != "arguments"
    ]
    return member._replace(content={**member.content, "params": params})


def _container(container: Mapping[str, Any], fixed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **container,
        "image": _filled(container["image"], fixed),
        **({"args": _arguments(container["args"], fixed)} if "args" in container else {}),
    }


def _arguments(arguments: list[str], fixed: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for each in arguments:
        many = _LIST.fullmatch(each)
        if many and many[1] in fixed:
            found.extend(fixed[many[1]])
            continue
        text = _filled(each, fixed)
        if not (text.endswith("=") and text != each):  # an option that says nothing
            found.append(text)
    return found if found[-1:] != ["--argument"] else found[:-1]


def _filled(text: str, fixed: Mapping[str, Any]) -> str:
    return _PARAMETER.sub(lambda found: str(fixed.get(found[1], found[0])), text)


def _some(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if value or key != "params"}
