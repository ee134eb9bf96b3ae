"""`ithaca completion`: the code by which a shell completes our commands."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the code that makes SHELL complete `ithaca`.

    \b
    bash:  ithaca completion bash >> ~/.bashrc
    zsh:   ithaca completion zsh  >> ~/.zshrc
    fish:  ithaca completion fish > ~/.config/fish/completions/ithaca.fish
    """  # noqa: D301 - click keeps the lines after \b
    from click.shell_completion import get_completion_class

    from ithaca.cli.program import program

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(program, {}, "ithaca", "_ITHACA_COMPLETE").source())
