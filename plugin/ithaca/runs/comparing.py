"""Several runs side by side: parameters, metrics, and the steps whose results differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ithaca.records.fold import RunState

Value = TypeVar("Value")


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Runs side by side. Each row has one value for each run; None where a run has none.

    Attributes:
        runs: Ids of the runs.
        names: Names of their workflows.
        statuses: Their statuses.
        parameters: Rows of parameters, by name.
        metrics: Rows of metrics, by name.
        steps: Rows of executions, by step: equal digests are equal results.
    """

    runs: list[str]
    names: list[str]
    statuses: list[str]
    parameters: dict[str, list[Any]]
    metrics: dict[str, list[float | None]]
    steps: dict[str, list[str | None]]

    def differing(self) -> Comparison:
        """The same without parameters and steps that are equal in all runs."""
        return msgspec.structs.replace(
            self, parameters=_different(self.parameters), steps=_different(self.steps)
        )


def compare(states: Sequence[RunState]) -> Comparison:
    """Compare runs.

    Args:
        states: How the runs stand, in the order of the columns.
    """
    executions = [{step.name: step.execution for step in state.steps} for state in states]
    return Comparison(
        runs=[state.id for state in states],
        names=[state.name for state in states],
        statuses=[state.status for state in states],
        parameters=_rows(states, lambda state: state.parameters),
        metrics=_rows(states, lambda state: state.metrics),
        steps=_rows(executions, lambda found: found),
    )


def varied_parameters(states: Iterable[RunState]) -> set[tuple[str, str]]:
    """The parameters that differ between runs of the same workflow.

    Args:
        states: How the runs stand.

    Returns:
        Name of the workflow and of the parameter, for each of them.
    """
    by_name: dict[str, list[RunState]] = {}
    for state in states:
        by_name.setdefault(state.name, []).append(state)
    return {
        (name, parameter)
        for name, found in by_name.items()
        for parameter in _different(_rows(found, lambda state: state.parameters))
    }


def _rows(
    columns: Sequence[Any], of: Callable[[Any], Mapping[str, Value]]
) -> dict[str, list[Value | None]]:
    """Rows by name, in the order in which the names first occur."""
    names = dict.fromkeys(name for column in columns for name in of(column))
    return {name: [of(column).get(name) for column in columns] for name in names}


def _different(rows: Mapping[str, list[Value]]) -> dict[str, list[Value]]:
    return {
        name: row for name, row in rows.items() if any(repr(each) != repr(row[0]) for each in row)
    }
