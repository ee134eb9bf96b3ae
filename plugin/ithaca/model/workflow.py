"""The backend-neutral workflow (IR): frozen, with a JSON Schema and reproducible JSON."""

from __future__ import annotations

from typing import Any, Literal

import blake3
import msgspec

IR_VERSION = "1.0"
"""Version of the format; a runner accepts every IR with the same major version."""

REQUIRES_RUNNER = "0.1"
"""Oldest runner that can run an IR of this version."""

CodeKind = Literal["imports", "functions", "user"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of the workflow.

    Attributes:
        name: Its variable.
        type: `int`, `float`, `str`, `bool`, `list`, `dict` or `none`.
        default: The literal in the notebook.
    """

    name: str
    type: Literal["int", "float", "str", "bool", "list", "dict", "none"]
    default: Any


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a step's code, as it will run.

    Attributes:
        cell: Number of its cell, from 1.
        kind: `imports`, `functions` or `user`.
        source: The text; of a shared cell only the statements that the step needs.
        lines: For each line of `source`, its line in the cell; empty when they are the same.
        notebook: The included notebook with the cell; empty for the workflow's own.
    """

    cell: int
    kind: CodeKind
    source: str
    lines: tuple[int, ...] = ()
    notebook: str = ""


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a secret that a step gets as an environment variable."""

    secret: str
    key: str
    env: str


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """Kubernetes quantities by resource name, e.g. `{"cpu": "500m", "nvidia.com/gpu": "1"}`."""

    requests: dict[str, str] = {}
    limits: dict[str, str] = {}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """The cells that run together: one pod, one papermill execution.

    Attributes:
        name: Unique in the workflow.
        needs: Names of the steps that must succeed first, sorted.
        code: The code to run, in order.
        code_digest: Digest of the code's meaning, without comments and formatting.
        parameters: Names of the workflow's parameters that it consumes, sorted.
        reads: Names of the values that it reads from its ancestors, sorted.
        writes: Names of the values that it writes for later steps, sorted.
        resources: Requests and limits.
        environment: Name of the environment, when not the run's own.
        image: Container image, when not the run's own.
        env: Environment variables.
        secrets: Secrets as environment variables.
        node: Node selector.
        retries: Further attempts after a failure.
        timeout: Wall-clock limit in seconds.
        cache: Whether a known execution may be reused.
        approval: The question to answer before the step runs.
        labels: Labels of its pod.
        annotations: Annotations of its pod.
    """

    name: str
    needs: tuple[str, ...] = ()
    code: tuple[Code, ...] = ()
    code_digest: str = ""
    parameters: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    resources: Resources = Resources()
    environment: str | None = None
    image: str | None = None
    env: dict[str, str] = {}
    secrets: tuple[Secret, ...] = ()
    node: dict[str, str] = {}
    retries: int = 0
    timeout: float | None = None
    cache: bool = True
    approval: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A number to publish: its name for engines, its variable, and the step that publishes it."""

    name: str
    variable: str
    step: str


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """Data that is mounted instead of snapshotted."""

    name: str
    mount_path: str
    claim: str | None = None
    path: str | None = None
    read_only: bool = True
    version: str | None = None


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """A search in the notebook's metadata, unchanged, for the tuner.

    Attributes:
        format: `katib` for Kale's `katib_metadata`.
        content: The metadata, unchanged.
    """

    format: str
    content: dict[str, Any] = {}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The source of a workflow.

    Attributes:
        notebook: Path relative to the root, `/` as separator.
        digest: Digest of the notebook's cells and metadata, without outputs.
        snapshot: The source snapshot's digest, if known.
        kernel: Name of the notebook's kernelspec.
    """

    notebook: str
    digest: str
    snapshot: str | None = None
    kernel: str = "python3"


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled notebook.

    Attributes:
        ir_version: Version of this format.
        requires_runner: Oldest runner that can run it.
        name: A DNS label.
        description: For people.
        parameters: In notebook order.
        steps: In topological order, notebook order where free.
        metrics: In the order of the metrics cell.
        volumes: Volumes to mount.
        study: A search in the metadata.
        source: The notebook.
    """

    ir_version: str = IR_VERSION
    requires_runner: str = REQUIRES_RUNNER
    name: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    steps: tuple[Step, ...] = ()
    metrics: tuple[Metric, ...] = ()
    volumes: tuple[Volume, ...] = ()
    study: Study | None = None
    source: Source

    def step(self, name: str) -> Step:
        """A step by its name.

        Raises:
            KeyError: The workflow has no such step.
        """
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Names of all steps that must run before a step, in workflow order."""
        wanted = set(self.step(name).needs)
        for step in reversed(self.steps):
            if step.name in wanted:
                wanted.update(step.needs)
        return tuple(step.name for step in self.steps if step.name in wanted)

    @property
    def digest(self) -> str:
        """Its digest in a store: of its JSON, without the source's snapshot."""
        source = msgspec.structs.replace(self.source, snapshot=None)
        text = msgspec.structs.replace(self, source=source).to_json()
        return blake3.blake3(text.encode()).hexdigest()

    def to_json(self) -> str:
        """The workflow as JSON: equal bytes on every machine, with a newline at the end."""
        # Not order="deterministic", which would also sort the keys of dict defaults; a notebook
        # may depend on their order. Every other mapping is already sorted.
        encoded = msgspec.json.encode(self)
        return msgspec.json.format(encoded, indent=2).decode() + "\n"
