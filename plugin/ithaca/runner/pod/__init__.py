"""The runner in a pod: from its command line to one attempt of a step, and back.

`options` reads the command line, `document` finds or makes the run's document, `attempt` executes
a step, `output` passes its results to the engine, `environment` provides what its kernel imports,
`preparing` installs that once for all pods, `answers` waits for a person's answer or reads it,
`ending` records how a run ended. `install` copies this Ithaca into pods of images that have none
(`closure`: which packages, `libraries`: what they need of the system), and `image` provides what
else an image lacks. The command line is specified in `docs/clusters.md`, knows no engine, and may
be used by whatever starts pods.

The room may import what the runner may. Its results are documents in the remote that the command
line names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.errors import IthacaError, StoreError
from ithaca.model.run import FINAL
from ithaca.runner.pod import credentials, image, output
from ithaca.runner.pod.options import Options, parse

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run what a pod's command line asks for.

    Args:
        arguments: The options.

    Returns:
        The exit code: 0 on success, 65 when another attempt cannot help or none is left, else 1.
    """
    options = parse(arguments)
    try:
        return _do(options)
    except IthacaError as error:
        output.report(options, str(error))
        return 1 if type(error) is StoreError else FINAL


def _do(options: Options) -> int:
    if options.judge:
        return output.judge(options)
    if options.install is not None:
        from ithaca.runner.pod.install import install

        install(options.install)
        return 0
    image.complete(options)
    credentials.take()
    if options.check:
        from ithaca.runner.pod.looking import report

        return report(options)
    if options.gate:
        from ithaca.runner.pod.answers import gate

        return gate(options)
    if options.end is not None:
        from ithaca.runner.pod.ending import end

        return end(options)
    if options.prepare:
        from ithaca.runner.pod.preparing import prepare

        return prepare(options)
    from ithaca.runner.pod.attempt import attempt

    return attempt(options)
