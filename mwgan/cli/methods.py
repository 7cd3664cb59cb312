"""``mwgan methods``: the list of methods, and the settings of one."""

from __future__ import annotations

from typing import Annotated

import typer

from mwgan.cli.options import ConfigDir


def methods(
    name: Annotated[str | None, typer.Argument(help="Method whose settings (--set) are listed.")] = None, config_dir: ConfigDir = None
) -> None:
    """List the methods: their settings and defaults, requirements and origin."""
    from mwgan.methods import add_folder, known_methods
    from mwgan.recon.described import describe_needs, format_value
    from mwgan.recon.named import find_method
    from mwgan.recon.settings import settings_of

    if config_dir is not None:
        add_folder(config_dir)
    if name is None:
        shown = sorted(known_methods().values(), key=lambda entry: entry.reconstructor is None)
        wide, label_wide = (max(map(len, texts)) for texts in ([one.name for one in shown], [one.label for one in shown]))
        for one in shown:
            origin = "" if one.is_ours else f"  [{one.file}]"
            typer.echo(f"{one.name:<{wide}}  {one.label:<{label_wide}}  {describe_needs(one)}{origin}".rstrip())
        return
    entry = find_method(name)
    if entry is None:
        typer.echo(f"{name} is a trained network: it has no settings")
        return
    typer.echo(f"{entry.name}: {entry.label}, {describe_needs(entry)}; from {entry.file}")
    for setting in settings_of(entry).values():
        value = "must be given" if setting.is_required else format_value(setting.default)
        typer.echo(f"  {setting.name} ({setting.kind}): {value}{f'. {setting.description}' if setting.description else ''}")
