"""Prism, Beam's portable runner in one binary."""

from __future__ import annotations

import shutil
from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions, PrismRunnerOptions

from pile_builder.errors import BuildError
from pile_builder.pipelines.runners.portable import PortableRunner


class PrismRunner(PortableRunner):
    """Runs each phase as a job of a Prism on this machine."""

    def own_flags(self) -> list[str]:
        """The profile as flags."""
        return [*super().own_flags(), f"--prism_location={self.program or 'prism'}"]

    def server_command(self, options: PipelineOptions, port: int, folder: Path) -> list[str]:
        """The binary and its flags."""
        wanted = options.view_as(PrismRunnerOptions).prism_location
        found = shutil.which(wanted)
        if not found:
            msg = (
                f"expected Prism's binary at {wanted!r}, there is none; build it with `make prism` (needs Go), and "
                "name it in the runner's profile: `job_server: build/prism`"
            )
            raise BuildError(msg)
        return [found, f"--job_port={port}", "--serve_http=false", "--log_level=warn"]
