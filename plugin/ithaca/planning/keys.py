"""The key of a step: the digest of everything that its result depends on.

Equal keys mean that a step would do the same again, so its known execution can stand for it. The
planner computes keys before a run as far as it can, and the runner computes the others when a
step's parents are there; both go through `step_key`.

An execution is published at `keys/<key>`, once: the first one stays the one that is found. The
document there is `{"execution": digest, "run": id, "metrics": {name: number}}`: the run tells a
user where a reused result came from, and the metrics are what the step published, so a step that
is reused publishes them again.
"""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import blake3
import msgspec

from ithaca.errors import NotFound, StoreError
from ithaca.records.journal import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Documents, Store

KEY_FORMAT = 1
"""Goes into every key: raise it when the same step would leave another result than before."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is published under a key.

    Attributes:
        execution: Digest of the execution document.
        run: The run that made it.
        metrics: What the step published, name to number.
    """

    execution: str
    run: str
    metrics: dict[str, float] = {}


def step_key(
    workflow: Workflow,
    step: Step,
    *,
    arguments: Mapping[str, Any],
    environment: str,
    parents: Sequence[str],
    counts: Callable[[str], str] | None = None,
    image: str | None = None,
) -> str:
    """The key of a step.

    Resource requests, retries, timeouts, labels and the step's own name are not part of it: they
    change where and when a step runs, never what it leaves. `writes` and the metrics are part of
    it, because they say which values of the step are kept.

    Args:
        workflow: The workflow of the step.
        step: The step.
        arguments: Value of every parameter of the workflow; only consumed ones count.
        environment: Identity digest of what the step's kernel can import.
        parents: The parents' after snapshots in the order of `needs`; the source snapshot alone
            for a root.
        counts: What counts of a snapshot, from `reuse_filter`; None when everything does.
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
        # The kernel works in the notebook's folder: relative paths mean something else elsewhere.
        "folder": PurePosixPath(workflow.source.notebook).parent.as_posix(),
        "parents": [counts(parent) if counts else parent for parent in parents],
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
    """What counts of snapshots, for `step_key`.

    Args:
        store: Where they are.
        ignored: Patterns of `[tool.ithaca.reuse] ignore`, as the run's document has them.
        cache: Folder for what was computed.

    Returns:
        A function from a snapshot to the digest of what counts of it; None when everything does.

    Raises:
        UsageError: A pattern is wrong.
    """
    if not ignored:
        return None
    from ithaca.store import SnapshotFilter  # most projects say nothing of it

    counting = SnapshotFilter(store, ignored, cache=cache / "counting")

    def counts(snapshot: str) -> str:
        try:
            return counting.digest(snapshot)
        except StoreError:
            return snapshot  # whoever needs its files will say so; it is only not shared

    return counts


def publish(
    store: Documents, key: str, execution: str, run: str, metrics: Mapping[str, float] | None = None
) -> Known:
    """Publish an execution under its key.

    Args:
        store: The store.
        key: The step's key.
        execution: Digest of the execution document, which must be in the store already.
        run: Id of the run that made it.
        metrics: What the step published.

    Returns:
        What stands under the key now: this execution, or the one that was published before it.
    """
    known = Known(execution=execution, run=run, metrics=dict(metrics or {}))
    if store.create(_name(key), msgspec.json.encode(known, order="deterministic")):
        return known
    return lookup(store, key) or known


def lookup(store: Documents, key: str) -> Known | None:
    """What is published under a key, or None.

    Raises:
        Corrupt: It cannot be read.
    """
    try:
        return decode(store.read(_name(key)), Known, _name(key))
    except NotFound:
        return None


def _name(key: str) -> str:
    return f"keys/{key}"


def _plain(value: Any) -> Any:
    """A parameter's value such that different values never become the same JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        pairs = [[repr(name), _plain(each)] for name, each in value.items()]
        return {"dict": sorted(pairs, key=lambda pair: str(pair[0]))}
    return value
