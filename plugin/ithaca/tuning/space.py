"""The search space: reading `NAME=float(1e-4,1e-1,log)`, and checking it against a workflow."""

from __future__ import annotations

import csv
import json
import math
import re
from typing import TYPE_CHECKING, Any

from ithaca.compiling.arguments import complete_arguments
from ithaca.errors import UsageError, nearest, suggest
from ithaca.model.study import Choice, Domain, Float, Int

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ithaca.model.workflow import Parameter, Workflow

_CALL = re.compile(r"\s*(float|int|choice)\s*\((.*)\)\s*", re.DOTALL)
_FORMS = (
    "write NAME=float(LOW,HIGH[,log][,step=S]), NAME=int(LOW,HIGH[,log][,step=S]), "
    "NAME=choice(A,B,…) or NAME=VALUE"
)


def parse_space(texts: Iterable[str]) -> tuple[dict[str, Domain], dict[str, str]]:
    """Read the values of `--param`.

    Args:
        texts: Each `NAME=DOMAIN`, or `NAME=VALUE` for a parameter that keeps one value.

    Returns:
        The searched parameters with their domains, and the texts of the fixed values.

    Raises:
        UsageError: A text is malformed, or a name is given twice.

    Example:
        >>> parse_space(["lr=float(1e-4,0.1,log)", "epochs=3"])
        ({'lr': Float(low=0.0001, high=0.1, log=True, step=None)}, {'epochs': '3'})
    """
    space: dict[str, Domain] = {}
    fixed: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise UsageError("ITH701", f"{text!r} has no value", cure=_FORMS)
        if name in space or name in fixed:
            raise UsageError("ITH701", f'parameter "{name}" is given twice', cure="give it once")
        domain = parse_domain(name, value)
        if domain is None:
            fixed[name] = value
        else:
            space[name] = domain
    return space, fixed


def parse_domain(name: str, text: str) -> Domain | None:
    """Read a domain such as `int(1,8,log)`; None if the text is a plain value.

    Args:
        name: The parameter, for the message.
        text: The domain.

    Raises:
        UsageError: It is malformed.
    """
    found = _CALL.fullmatch(text)
    if found is None:
        word = text.partition("(")[0].strip()
        if word != text.strip() and nearest(word, ("float", "int", "choice")):
            raise UsageError("ITH701", f"cannot read {name}={text}", cure=_FORMS)
        return None
    kind, inner = found[1], found[2]
    if kind == "choice":
        return Choice(tuple(_values(inner)))
    options = [part.strip() for part in inner.split(",") if part.strip()]
    numbers, log, step = [], False, None
    try:
        for option in options:
            if option == "log":
                log = True
            elif option.partition("=")[0].strip() == "step":
                step = _number(option.partition("=")[2], kind)
            else:
                numbers.append(_number(option, kind))
        low, high = numbers
    except ValueError:
        raise UsageError("ITH701", f"cannot read {name}={text}", cure=_FORMS) from None
    return Float(low, high, log, step) if kind == "float" else Int(low, high, log, step)


def _number(text: str, kind: str) -> Any:
    number = float(text)
    if kind == "float":
        return number
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


def _values(text: str) -> list[Any]:
    """The values of a choice: JSON, or plain words between commas."""
    try:
        found: list[Any] = json.loads(f"[{text}]")
    except ValueError:
        found = [plain_value(word) for word in next(csv.reader([text], skipinitialspace=True), [])]
    return found


def plain_value(text: str) -> Any:
    """A value of the command line: JSON if it is, else the text itself.

    Example:
        >>> plain_value("3"), plain_value("adam"), plain_value("True")
        (3, 'adam', True)
    """
    try:
        return json.loads(text.strip().lower() if text.strip() in ("True", "False") else text)
    except ValueError:
        return text.strip()


def check_space(
    space: Mapping[str, Domain], fixed: Mapping[str, Any], workflow: Workflow
) -> list[str]:
    """Everything that is wrong with a search space.

    Args:
        space: The searched parameters.
        fixed: Values of other parameters.
        workflow: The workflow.

    Returns:
        One sentence for each problem; empty when there is none.
    """
    known = {each.name: each for each in workflow.parameters}
    problems = []
    for name in (*space, *fixed):
        if name not in known:
            listed = ", ".join(known) or "none"
            problems.append(
                f'unknown parameter "{name}"{suggest(name, known)} (the notebook has: {listed})'
            )
    if not space:
        problems.append("no parameter is searched: give at least one --param NAME=float(LOW,HIGH)")
    for name, domain in space.items():
        if name in fixed:
            problems.append(f'parameter "{name}" is both searched and fixed')
        problems += [f"{name}={domain}: {problem}" for problem in _domain_problems(domain)]
        if name in known:
            problems += _type_problems(name, domain, known[name])
    return problems


def _domain_problems(domain: Domain) -> Iterator[str]:
    if isinstance(domain, Choice):
        if not domain.values:
            yield "there is nothing to choose from"
        if not all(each is None or isinstance(each, (str, int, float)) for each in domain.values):
            yield "values must be texts, numbers, true, false or null"
        elif len({(type(each), each) for each in domain.values}) < len(domain.values):
            yield "a value is listed twice"
        return
    numbers = [each for each in (domain.low, domain.high, domain.step) if each is not None]
    wanted = int if isinstance(domain, Int) else float
    if not all(type(each) is wanted for each in numbers):
        yield f"bounds and step must be of the type {wanted.__name__}"
    elif not all(math.isfinite(each) for each in numbers):
        yield "the bounds must be finite"
    else:
        yield from _range_problems(domain)


def _range_problems(domain: Float | Int) -> Iterator[str]:
    if domain.low > domain.high:
        yield f"the range is empty: {domain.low!r} is larger than {domain.high!r}"
    if domain.log and domain.low <= 0:
        yield f"log needs a range above 0 (got {domain.low!r})"
    if domain.log and domain.step is not None:
        yield "log and step cannot be combined"
    if domain.step is not None and domain.step <= 0:
        yield f"the step must be larger than 0 (got {domain.step!r})"


def _type_problems(name: str, domain: Domain, parameter: Parameter) -> Iterator[str]:
    """Whether the values fit the type that the parameter has in the notebook."""
    for value in domain.values if isinstance(domain, Choice) else (domain.low,):
        try:
            complete_arguments({name: value}, [parameter])
        except UsageError as error:
            yield error.message
            return


def typed(
    space: Mapping[str, Domain], values: Mapping[str, Any], workflow: Workflow
) -> dict[str, Any]:
    """Proposed values as the types that the notebook's parameters have.

    A float parameter that is searched over whole numbers gets floats.

    Args:
        space: The searched parameters.
        values: One value for each.
        workflow: The workflow.
    """
    wanted = [each for each in workflow.parameters if each.name in space]
    return complete_arguments({name: values[name] for name in space}, wanted)
