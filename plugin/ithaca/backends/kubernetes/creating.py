"""Creates the objects of runs: alone, or after the template that the trials of a study share."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import msgspec

from ithaca.backends.kubernetes.answers import Unanswered
from ithaca.backends.kubernetes.client import kind_of
from ithaca.backends.kubernetes.manifests import of_template
from ithaca.errors import BackendError
from ithaca.model.run import RunDocument
from ithaca.records.journal import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.backends.kubernetes.client import Cluster
    from ithaca.backends.kubernetes.engine import Engine, Object
    from ithaca.model.workflow import Workflow
    from ithaca.store import Documents

AGAIN = (1.0, 2.0, 4.0, 8.0)
"""Seconds before a submission that got no answer is repeated."""

SEEN = 1.0
"""Seconds after which an engine has heard of a new template: Argo fails runs that come before."""


class Creator:
    """Creates the objects of one engine on one cluster.

    Args:
        cluster: The cluster, with the namespace of the objects.
        engine: Builds the objects.
        store: Where templates are.
    """

    def __init__(self, cluster: Cluster, engine: Engine, store: Documents) -> None:
        self._cluster, self._engine, self._store = cluster, engine, store
        self._pinned: dict[str, frozenset[str]] = {}
        self._examples: dict[bytes, Object] = {}

    def create(self, workflow: Workflow, run: RunDocument) -> Object:
        """Create the object of a run, and first what it refers to.

        Args:
            workflow: The workflow.
            run: The planned run.

        Returns:
            The object as the API server has it.

        Raises:
            Unanswered: The object may exist all the same.
            BackendError: It does not exist.
        """
        if not run.template:
            *parts, made = self._create(self._engine.objects(workflow, run))
            self._own(parts, made)
            return made
        shared = of_template(run, self._pinned_by(run.template))
        known = msgspec.json.encode(shared)
        if known not in self._examples:
            *lasting, example = self._engine.template(workflow, shared)
            self._create(lasting)
            time.sleep(SEEN)
            self._examples[known] = example
        (made,) = self._create([self._engine.instance(self._examples[known], workflow, run)])
        return made

    def _pinned_by(self, template: str) -> frozenset[str]:
        """The executions that all runs of a template start from."""
        if template not in self._pinned:
            document = decode(self._store.get(template), RunDocument, template)
            executions = (each.execution for each in document.plan)
            self._pinned[template] = frozenset(each for each in executions if each is not None)
        return self._pinned[template]

    def _create(self, manifests: Sequence[Object]) -> list[Object]:
        """Create objects; repeat unanswered requests.

        The names of objects follow from the run or from their content, so a repeated request
        creates no second ones.
        """
        unknown = False
        for pause in (*AGAIN, None):
            try:
                return [self._cluster.create(each) for each in manifests]
            except BackendError as error:
                unanswered = isinstance(error, Unanswered)
                unknown = unknown or unanswered
                if pause is None or not (unanswered or error.code == "ITH660"):
                    raise (Unanswered(error.code, error.message) if unknown else error) from None
                time.sleep(pause)
        raise AssertionError

    def _own(self, parts: Sequence[Object], run: Object) -> None:
        """Let what was created for a run's object go with it."""
        for each in parts:
            owner = {key: run[key] for key in ("apiVersion", "kind")}
            owner |= {key: run["metadata"][key] for key in ("name", "uid")}
            changes = {"metadata": {"ownerReferences": [owner]}}
            with contextlib.suppress(BackendError):  # the run goes on; they only stay longer
                self._cluster.patch(kind_of(each), each["metadata"]["name"], changes)
