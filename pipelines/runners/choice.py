"""From a profile to the runner that it describes."""

from __future__ import annotations

from collections.abc import Sequence

from pile_builder.errors import ManifestError
from pile_builder.pipelines.runners.direct import DirectRunner
from pile_builder.pipelines.runners.flink import FlinkRunner
from pile_builder.pipelines.runners.prism import PrismRunner
from pile_builder.pipelines.runners.runner import Runner
from pile_builder.pipelines.runners.spark import SparkRunner
from pile_builder.runners.dataflow import Dataflow
from pile_builder.runners.flink import Flink
from pile_builder.runners.prism import Prism
from pile_builder.runners.profile import Direct, RunnerProfile
from pile_builder.runners.spark import Spark


def make_runner(profile: RunnerProfile, workers: int, flags: Sequence[str] = ()) -> Runner:
    """The runner of a profile; nothing is started yet.

    Args:
        profile: from the manifest, or built in.
        workers: parallelism on this machine, for runners that work here.
        flags: for Beam, as they are; they win over the profile's.
    """
    match profile:
        case Direct():
            return DirectRunner(profile, workers, flags)
        case Dataflow():
            return _dataflow(profile, flags)
        case Flink():
            return FlinkRunner(profile, workers, flags)
        case Spark():
            return SparkRunner(profile, workers, flags)
        case Prism():
            return PrismRunner(profile, workers, flags)
        case _:
            msg = f"runner {type(profile).__name__.lower()}: expected direct, flink, spark, prism or dataflow"
            raise ManifestError(msg)


def _dataflow(profile: Dataflow, flags: Sequence[str]) -> Runner:
    try:
        from pile_builder.pipelines.runners.dataflow import DataflowRunner
    except ImportError as error:
        msg = (
            f"the runner dataflow needs packages that are not installed ({error}): pip install 'pile-builder[dataflow]'"
        )
        raise ManifestError(msg) from error
    return DataflowRunner(profile, flags)
