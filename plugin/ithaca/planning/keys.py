"""The key of a step: the digest of everything that its result depends on.

Equal keys mean that a step would do the same again, so its known execution is reused. The planner
computes keys before a run as far as possible, and the runner computes the others once a step's
parents have ended; both call `step_key`.

An execution is published at `keys/<key>` once; the first one stays. The document is
`{"execution": digest, "run": id, "metrics": {name: number}}`: the run shows users where a reused
result came from, and a reused step publishes the metrics again.
"""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import blake3
import msgspec

from ithaca.errors import NotFound, StoreError
from ithaca.model.run import Execution, WithMetrics
from ithaca.records.journal import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Documents, Store

KEY_FORMAT = 1
"""Part of every key. Raise it when the same step would leave another result than before."""


class Known(WithMetrics, frozen=True, kw_only=True):
    """The document of a key.

    Attributes:
        execution: Digest of the execution document.
        run: The run that made it.
    """

    execution: str
    run: str


def step_key(
    workflow: Workflow,
    step: Step,
    *,
    arguments: Mapping[str, Any],
    environment: str,
    parents: Sequence[str],
    reuse_filter: Callable[[str], str] | None = None,
    image: str | None = None,
) -> str:
    """Compute the key of a step.

    Resource requests, retries, timeouts, labels and the step's own name are not part of it: they
    change where and when a step runs, not what it leaves. `writes` and the metrics are part of it,
    because they decide which values of the step are kept.

    Args:
        workflow: The workflow of the step.
        step: The step.
        arguments: Value of every parameter; only those that the step consumes count.
        environment: Identity digest of what the step's kernel can import.
        parents: The parents' after snapshots in the order of `needs`; the source snapshot alone
            for a root.
        reuse_filter: The reuse filter (see the function); None when every file counts.
        image: The image's resolved digest, when the step runs in a container.

    Returns:
        A BLAKE3 digest, 64 hexadecimal digits.
    """
    document = {
        "format": KEY_FORMAT,
        "code": step.code_digest,
        "parameters": [[name, _plain(arguments[name])] for name in sorted(step.parameters)],
        "environment": environment,
        "root": not step.needs,
        # The kernel's working directory is the notebook's folder, where relative paths start.
        "folder": PurePosixPath(workflow.source.notebook).parent.as_posix(),
        "parents": [reuse_filter(each) if reuse_filter else each for each in parents],
        "reads": sorted(step.reads),
        "writes": sorted(step.writes),
        "metrics": sorted(
            [metric.name, metric.variable]
            for metric in workflow.metrics
            if metric.step == step.name
        ),
        "env": sorted(step.env.items()),
        "secrets": sorted([each.env, each.secret, each.key] for each in step.secrets),
        "volumes": sorted(
            [each.name, each.mount_path, each.version or ""] for each in workflow.volumes
        ),
        "image": image or step.image,
    }
    return blake3.blake3(msgspec.json.encode(document, order="deterministic")).hexdigest()


def reuse_filter(
    store: Store, ignored: Sequence[str], *, cache: Path
) -> Callable[[str], str] | None:
    """The filter of `[tool.ithaca.reuse] ignore`, for `step_key`.

    Args:
        store: The store of the snapshots.
        ignored: The patterns, from the run's document.
        cache: Folder for computed digests.

    Returns:
        A function from a snapshot to the digest of its files that count; None when all count.

    Raises:
        UsageError: A pattern is wrong.
    """
    if not ignored:
        return None
    from ithaca.store import SnapshotFilter  # most projects do not set it

    counting = SnapshotFilter(store, ignored, cache=cache / "counting")

    def filtered(snapshot: str) -> str:
        try:
            return counting.digest(snapshot)
        except StoreError:
            return snapshot  # the step that needs its files reports it; here it is only not reused

    return filtered


def publish(
    store: Documents, key: str, execution: str, run: str, metrics: Mapping[str, float] | None = None
) -> Known:
    """Publish an execution under its key.

    Args:
        store: The store.
        key: The step's key.
        execution: Digest of the execution document, which must be in the store.
        run: Id of the run that made it.
        metrics: The step's metrics.

    Returns:
        The document of the key now: this execution, or one that was published before.
    """
    known = Known(execution=execution, run=run, metrics=dict(metrics or {}))
    if store.create(_name(key), msgspec.json.encode(known, order="deterministic")):
        return known
    return lookup(store, key) or known


def lookup(store: Documents, key: str) -> Known | None:
    """The document of a key, or None.

    Raises:
        Corrupt: It cannot be read.
    """
    try:
        return decode(store.read(_name(key)), Known, _name(key))
    except NotFound:
        return None


def read_execution(store: Documents, known: Known) -> Execution | None:
    """The execution of a key; None when it cannot be read, so it is not reused."""
    try:
        return decode(store.get(known.execution), Execution, known.execution)
    except StoreError:
        return None


def _name(key: str) -> str:
    return f"keys/{key}"


def _plain(value: Any) -> Any:
    """A parameter's value in a form in which different values have different JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        pairs = [[repr(name), _plain(each)] for name, each in value.items()]
        return {"dict": sorted(pairs, key=lambda pair: str(pair[0]))}
    return value
