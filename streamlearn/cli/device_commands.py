"""The commands of ``streamlearn fleet`` for devices at their links."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamlearn.cli.options import Json, Quiet

Fleet = Annotated[Path, typer.Option("--fleet", help="Folder of the fleet.")]
To = Annotated[
    list[str] | None,
    typer.Option("--to", help="A device; may be repeated.", metavar="DEVICE"),
]
All = Annotated[bool, typer.Option("--all", help="All devices.")]
Wait = Annotated[
    float,
    typer.Option("--wait", help="Seconds to wait at most; what is late is done later.", min=0),
]
_HERE = Path("fleet")


def add(
    name: Annotated[str, typer.Argument(help="Of the device; a level of its topics.")],
    export_dir: Annotated[
        Path, typer.Option("--from", help="The export folder that its firmware was built from.")
    ],
    link: Annotated[
        str,
        typer.Option(
            "--link", help="serial:PORT@BAUD, or board:NAME for a simulated one.", metavar="LINK"
        ),
    ],
    board: Annotated[
        str | None, typer.Option("--board", help="What board it is, in words.")
    ] = None,
    link_key: Annotated[
        Path | None, typer.Option("--link-key", help="File with the key of its link.")
    ] = None,
    folder: Fleet = _HERE,
) -> None:
    """Add a device to a fleet; the first one begins the folder."""
    from streamlearn.cli.devices import add as run_add

    run_add(name, export_dir, link, board, link_key, folder)


def bridge(
    broker: Annotated[
        str | None,
        typer.Option(
            "--broker",
            help="Where the topics are; without one, what waits is done, and it ends.",
            metavar="mqtt://HOST[:PORT]/PREFIX",
        ),
    ] = None,
    serve: Annotated[
        int | None,
        typer.Option("--serve", help="Serve the page on 127.0.0.1; port 0: one that is free."),
    ] = None,
    folder: Fleet = _HERE,
    quiet: Quiet = False,
) -> None:
    """Keep the links of all devices, with MQTT topics on the other side."""
    from streamlearn.cli.devices import bridge as run_bridge

    run_bridge(folder, broker, serve, quiet)


def status(folder: Fleet = _HERE, json_file: Json = None, quiet: Quiet = False) -> None:
    """Show what is known of each device."""
    from streamlearn.cli.devices import status as run_status

    run_status(folder, json_file, quiet)


def page(
    port: Annotated[int, typer.Option("--port", help="0: one that is free.", min=0)] = 0,
    folder: Fleet = _HERE,
    quiet: Quiet = False,
) -> None:
    """Serve a page with the devices on 127.0.0.1; it shows what the registry says."""
    from streamlearn.cli.devices import page as run_page

    run_page(folder, port, quiet)


def push(
    image: Annotated[Path, typer.Argument(help="A state image, a run folder or an export.")],
    to: To = None,
    share: Annotated[
        str | None,
        typer.Option(
            "--share", help="A share of the devices; a larger one holds it.", metavar="10%"
        ),
    ] = None,
    everyone: All = False,
    wait: Wait = 60.0,
    folder: Fleet = _HERE,
    quiet: Quiet = False,
) -> None:
    """Write an image to devices; it counts on each when it was checked there."""
    from streamlearn.cli.device_pushes import push as run_push

    run_push(image, to or (), _share(share), everyone, folder, wait, quiet)


def rollback(
    to: To = None,
    everyone: All = False,
    wait: Wait = 60.0,
    folder: Fleet = _HERE,
    quiet: Quiet = False,
) -> None:
    """Give devices back what they held before their latest push."""
    from streamlearn.cli.device_pushes import rollback as run_rollback

    run_rollback(to or (), everyone, folder, wait, quiet)


def verify(
    to: To = None,
    wait: Wait = 60.0,
    folder: Fleet = _HERE,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Compare the state in every device's memory with what its record gives."""
    from streamlearn.cli.device_pushes import verify as run_verify

    run_verify(to or (), folder, wait, json_file, quiet)


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not text.endswith("%") or not 0 < percent <= 100:
        raise typer.BadParameter(f"{text!r}: expected a share such as 10%", param_hint="--share")
    return percent / 100


def add_to(fleet: typer.Typer) -> None:
    """Add the commands to ``streamlearn fleet``."""
    for command in (add, bridge, status, page, push, rollback, verify):
        fleet.command()(command)
