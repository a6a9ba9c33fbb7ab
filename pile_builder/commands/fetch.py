"""`pile fetch`: remote inputs of a manifest, copied to a mirror."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pile_builder.terminal import Console, echo


def fetch(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="whose sources have inputs elsewhere")],
    to: Annotated[str, typer.Option(metavar="DIR|URL", help="folder or store that becomes the mirror")],
    sums: Annotated[
        list[str] | None, typer.Option(metavar="FILE|URL", help="list of checksums, as sha256sum or md5sum write them")
    ] = None,
    rate: Annotated[float, typer.Option(min=0, help="most MB a second in all; 0: no limit")] = 0.0,
    parallel: Annotated[int, typer.Option(min=1, max=16, help="files at once")] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be fetched")] = False,  # noqa: FBT002
) -> None:
    """Copy a manifest's remote inputs to a mirror, or go on with that; `DIR/manifest.yaml` builds from there.

    Files are resumed where they were cut, checked, and put at their names only when they are whole.
    """
    from rich.filesize import decimal
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from pile_builder.manifest import load_manifest
    from pile_builder.upstreams import mirror
    from pile_builder.upstreams.download import Download, Limiter
    from pile_builder.upstreams.http import new_session

    loaded = load_manifest(manifest)
    wanted = mirror.wanted_files(loaded, to)
    sizes = mirror.total_size(wanted)
    unknown = f", {sizes['unknown']:,} of unknown size" if sizes["unknown"] else ""
    echo(
        f"{sizes['files']:,} remote files of {decimal(sizes['bytes'])}; "
        f"{sizes['missing_files']:,} of {decimal(sizes['missing_bytes'])} to fetch{unknown}"
    )
    if dry_run:
        for one in wanted:
            size = f"{one.file.size:>16,}" if one.file.size else f"{'?':>16}"
            echo(f"{size} {'there  ' if one.is_there else 'missing'} {one.name}")
        return
    columns = (TextColumn("fetch"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress, new_session() as session:
        task = progress.add_task("fetch", total=sizes["missing_bytes"] or None)
        download = Download(session, Limiter(rate * 1e6), lambda size: progress.advance(task, size))
        count = mirror.fetch(wanted, to, download, mirror.read_sums(sums or []), parallel)
    mirror.write_manifest(loaded, to)
    echo(f"{to}: {count:,} files fetched; build with {to.rstrip('/')}/{mirror.MANIFEST}")
