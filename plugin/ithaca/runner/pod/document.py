"""The run that a pod belongs to: its document, its store and its arguments."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import blake3
import msgspec
from ulid import ULID

from ithaca.compiling.arguments import complete_arguments, parse_arguments
from ithaca.compiling.load import from_json
from ithaca.errors import NotFound, UsageError
from ithaca.model.run import PlannedStep, RunDocument
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.runner.pod import credentials
from ithaca.runner.pod.image import authorities
from ithaca.runner.pod.options import Options, required, seconds
from ithaca.store import LocalStore, SharedStore, entries, read_blob
from ithaca.store.remotes import Remote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.model.workflow import Parameter, Workflow
    from ithaca.store import Store

_OURS = "ithaca-"
_RETRIES = 2


class _Settings(msgspec.Struct):
    """The tables of `[tool.ithaca]` that a run's document holds."""

    merge: dict[str, Any] = {}
    reuse: dict[str, tuple[str, ...]] = {}


class _PyProject(msgspec.Struct):
    tool: dict[str, Any] = {}


def attach(options: Options) -> Store:
    """The store of the command line, with the cache of the node or the pod."""
    required(options, "store")
    with authorities(), credentials.shown():
        remote = Remote.open(options.store, create=True)
    home = options.home
    return SharedStore(LocalStore.open(home / "store"), remote, cache=home / "cache" / "remote")


def journal(options: Options, store: Store) -> Journal:
    """The journal of the run; writes its document first when there is none.

    Args:
        options: The command line.
        store: The store.

    Raises:
        NotFound: The store has no such run, or not the workflow or source that it needs.
        UsageError: An option is missing, or an argument does not fit.
    """
    if options.run:
        found = Journal(store, options.run)
        found.run()
        return found
    required(options, "workflow", "engine")
    found = Journal(store, _run_of(options, store))
    try:
        found.run()
    except NotFound:
        document = _document(options, store, found.id)
        with contextlib.suppress(NotFound):  # it was not pushed; only a retry needs it
            notebook = store.read(names.notebook(_workflow(options, store).source.digest))
            store.create(names.run(found.id, "notebook"), notebook)
        found.create(names.run(found.id), document)
    return found


def run_id(created: str, engine: str) -> str:
    """The id of a run whose document was not written before its engine started it.

    Args:
        created: When the engine made it, as RFC 3339.
        engine: `BACKEND/NAMESPACE/NAME/UID`; only the last part matters.

    Example:
        >>> run_id("2026-01-02T03:04:05Z", "backend/default/w-1/3f0e")
        '01KDYAK348G8YW0Y6DN47J7TS6'
    """
    time = round(seconds(created) * 1000).to_bytes(6, "big")
    uid = engine.rpartition("/")[2]
    return str(ULID.from_bytes(time + blake3.blake3(uid.encode()).digest(10)))


def _run_of(options: Options, store: Store) -> str:
    """The id of the engine's run: all of its pods get the same."""
    if options.created:
        return run_id(options.created, options.engine)
    # The engine does not report the time of creation: the first pod chooses an id and records it.
    name = names.engine(options.engine)
    chosen = {"engine": options.engine, "run": str(ULID())}
    store.create(name, msgspec.json.encode(chosen))
    return str(msgspec.json.decode(store.read(name))["run"])


def _document(options: Options, store: Store, name: str) -> RunDocument:
    workflow = _workflow(options, store)
    notebook = workflow.source.notebook
    if not options.source:
        reason = "the manifests were compiled without a source snapshot"
        raise _not_pushed(reason, options, notebook)
    try:
        store.get_snapshot(options.source)
    except NotFound:
        reason = f"the store has no source snapshot {options.source[:12]}"
        raise _not_pushed(reason, options, notebook) from None
    retries = options.infrastructure_retries
    settings = _settings(store, options.source)
    return RunDocument(
        id=name,
        created=seconds(options.created) if options.created else ULID.from_str(name).timestamp,
        workflow=options.workflow,
        name=workflow.name,
        arguments=given(_arguments(options), workflow.parameters),
        backend=options.backend,
        engine=options.engine,
        source=options.source,
        notebook=notebook,
        root=options.root,
        python=options.python,
        environment="",
        environment_from=options.environment,
        reuse_ignore=settings.reuse.get("ignore", ()),
        merge_rules=settings.merge,
        infrastructure_retries=_RETRIES if retries is None else retries,
        store=options.store,
        plan=tuple(PlannedStep(step=step.name, action="run") for step in workflow.steps),
    )


def _settings(store: Store, source: str) -> _Settings:
    """`[tool.ithaca]` of the source snapshot."""
    found = {str(path): entry for path, entry in entries(store, source).items()}
    file = found.get("pyproject.toml")
    if file is None or file.kind != "file":
        return _Settings()
    try:
        tool = msgspec.toml.decode(read_blob(store, file), type=_PyProject).tool
        return msgspec.convert(tool.get("ithaca", {}), _Settings)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(
            "ITH904", f"the project's settings cannot be read: {error}", where="pyproject.toml"
        ) from None


def _workflow(options: Options, store: Store) -> Workflow:
    try:
        return from_json(store.get(options.workflow), where=f"document {options.workflow[:12]}")
    except NotFound:
        reason = f"the store has no workflow {options.workflow[:12]}"
        raise _not_pushed(reason, options) from None


def _not_pushed(reason: str, options: Options, notebook: str = "NB") -> NotFound:
    return NotFound(
        "ITH526",
        reason,
        cure=f"`ithaca compile {notebook} --backend {options.backend} --push`, then submit that",
    )


def _arguments(options: Options) -> str:
    """The arguments as JSON: the engine passes them as a list, or one by one."""
    pairs = [each.partition("=") for each in options.argument]
    listed = [{"name": name, "value": value} for name, _, value in pairs]
    return json.dumps(listed) if listed else options.arguments


def given(text: str, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """A value for every parameter, from what the engine passes.

    Args:
        text: A JSON list of `{name, value}`; a value is JSON or plain text.
        parameters: The workflow's parameters.

    Raises:
        UsageError: It is not such a list, or an argument does not fit.

    Example:
        >>> from ithaca.model.workflow import Parameter
        >>> lr = Parameter(name="größe", type="float", default=1.0)
        >>> given('[{"name": "gr-u00f6--u00df-e", "value": "0.5"}]', [lr])
        {'größe': 0.5}
    """
    found: dict[str, Any] = {}
    try:
        for each in json.loads(text or "[]") or ():
            if not each["name"].startswith(_OURS) and each.get("value") is not None:
                found[_python_name(each["name"])] = str(each["value"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UsageError(
            "ITH525", f"--arguments must be a JSON list of parameters (got {text[:200]})"
        ) from None
    kinds = {each.name: each for each in parameters}
    values = {name: _value(name, value, kinds.get(name)) for name, value in found.items()}
    return complete_arguments(values, parameters)


def _python_name(name: str) -> str:
    return re.sub(r"-u([0-9a-f]{4,6})-", lambda letter: chr(int(letter[1], 16)), name)


def _value(name: str, text: str, parameter: Parameter | None) -> Any:
    if parameter is None:
        return text  # reported when the arguments are completed
    try:
        value = json.loads(text)
        complete_arguments({name: value}, [parameter])
    except (ValueError, UsageError):
        return parse_arguments([f"{name}={text}"], [parameter])[name]
    return value


def interpreter(python: str, path: str, own: Path) -> str:
    """The kernel's interpreter: the given one, else the first on the PATH outside of our own copy.

    Args:
        python: The option.
        path: The PATH.
        own: The folder of a copied Ithaca.

    Raises:
        UsageError: There is none.
    """
    if python:
        return python
    folders = [Path(each) for each in path.split(":") if each]
    for name in ("python3", "python"):
        for folder in folders:
            if (folder / name).is_file() and not folder.is_relative_to(own):
                return str(folder / name)
    raise UsageError(
        "ITH530",
        "the image has no python3 on its PATH",
        cure="set `python` of the backend to the image's interpreter",
    )
