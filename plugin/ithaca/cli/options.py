"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from ithaca.runs import Project

    Command = TypeVar("Command", bound=Callable[..., Any])

_FLAGS = "ithaca.cli.options"
FORMS = "s3://BUCKET/PREFIX, gs://…, az://… or file:///FOLDER"

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")

wait_or_detach = click.option(
    "--wait/--detach",
    "wait",
    default=True,
    show_default=True,
    help="Wait until the run has ended, or print its id and return at once.",
)

output_option = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    default="-",
    show_default=True,
    metavar="FILE",
    help="Write the output to FILE; `-` is standard output.",
)

backend_option = click.option(
    "--backend",
    metavar="NAME",
    show_default="the `backend` setting, or local",
    help="Backend that runs the steps: `local`, `argo`, `tekton` or another installed one.",
)

python_option = click.option(
    "--python",
    metavar="PATH",
    show_default="the `python` setting, or that of the notebook's kernel",
    help="Python interpreter of the kernels.",
)

environment_option = click.option(
    "--environment",
    metavar="WHAT",
    show_default="the `environment` setting, or image",
    help="Packages that steps can import: `image` (those of the container image, or of this "
    "machine), `lock` or `lock:FILE` (those of a lock file), or `capture` (a copy of those "
    "installed here).",
)


class RunName(click.ParamType):  # type: ignore[type-arg] # generic in new versions of click only
    """`RUN`, `RUN/STEP` or a URI, completed from the store."""

    name = "run"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Ids of the project's runs, or the steps of the run before the slash."""
        from click.shell_completion import CompletionItem

        from ithaca.errors import IthacaError
        from ithaca.runs.handle import open_run, open_runs

        try:
            found = project(ctx)
            run, slash, _ = incomplete.partition("/")
            if slash:
                steps = open_run(found, run).workflow.steps
                names = [f"{run}/{step.name}" for step in steps]
            else:
                names = ["latest", *(each.id for each in reversed(open_runs(found)))]
        except IthacaError:
            return []
        return [CompletionItem(each) for each in names if each.startswith(incomplete)]


def remote_options(text: str, default: str = "the `store` setting") -> Callable[[Command], Command]:
    """`--store` and `--store-access`, which `flags` and `project` read.

    Args:
        text: The help of `--store`.
        default: What is used without it.
    """

    def decorate(command: Command) -> Command:
        access = click.option(
            "--store-access",
            type=click.Choice(["write", "read", "none"]),
            expose_value=False,
            callback=_remember,
            show_default="the `store_access` setting, or write",
            help="Allowed access to remote stores; `write` includes reading.",
        )
        store = click.option(
            "--store",
            metavar="URL",
            expose_value=False,
            callback=_remember,
            show_default=default,
            help=text,
        )
        return store(access(command))

    return decorate


def session_options(**defaults: str) -> Callable[[Command], Command]:
    """The options of a study that may be others when it continues.

    Args:
        defaults: What the help shows as the default of an option.
    """
    options = {
        "trials": (int, "N", "Run N trials."),
        "parallel": (int, "N", "Run at most N trials at once."),
        "timeout": (float, "SECONDS", "Start no trial after this many seconds."),
        "max_failures": (int, "N", "End the study when more than N trials failed."),
        "retries": (int, "N", "Start a failed trial again N times."),
        "storage": (
            str,
            "URL",
            "Database for Optuna, such as sqlite:///study.db or postgresql://…",
        ),
    }

    def decorate(command: Command) -> Command:
        for name, (kind, metavar, text) in reversed(options.items()):
            command = click.option(
                f"--{name.replace('_', '-')}",
                type=kind,
                metavar=metavar,
                show_default=defaults.get(name, False),
                help=text,
            )(command)
        return command

    return decorate


def _remember(context: click.Context, option: click.Parameter, value: str | None) -> None:
    context.meta.setdefault(_FLAGS, {})[str(option.name)] = value


def flags(context: click.Context | None = None) -> dict[str, Any]:
    """The values of `--store` and `--store-access`.

    Args:
        context: Context of the command; None for the current one.
    """
    return dict((context or click.get_current_context()).meta.get(_FLAGS, {}))


def project(context: click.Context | None = None) -> Project:
    """The project of the working directory, with the remote of the command line.

    Args:
        context: Context of the command; None for the current one.
    """
    from ithaca.runs.project import find_project

    return find_project(flags=flags(context))
