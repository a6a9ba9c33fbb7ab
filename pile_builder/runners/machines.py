"""What Google Compute Engine's machine types have, by their names.

Memory by family and class as cloud.google.com/compute/docs/machine-resource says, November 2026.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pile_builder.errors import ManifestError

GB_PER_VCPU = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0}
OTHER_GB_PER_VCPU = {
    ("n1", "standard"): 3.75,
    ("n1", "highmem"): 6.5,
    ("n1", "highcpu"): 0.9,
    **{(family, "highcpu"): 2.0 for family in ("c2d", "c3", "c3d", "c4", "n4")},
}
ARM = ("t2a", "c4a", "n4a")
_PREDEFINED = re.compile(r"([a-z]\d[a-z]?)-(standard|highmem|highcpu)-(\d+)")
_CUSTOM = re.compile(r"(?:([a-z]\d[a-z]?)-)?custom-(\d+)-(\d+)(?:-ext)?")


@dataclass(frozen=True)
class Machine:
    """A machine type: virtual CPUs, and memory in GB."""

    vcpus: int
    memory_gb: float


def machine_of(name: str, field: str) -> Machine:
    """What a machine type has.

    Args:
        name: of the type, predefined (n2-standard-8) or custom (n2-custom-8-32768).
        field: that names it, for the error.

    Raises:
        ManifestError: it is no such name, or one on which the worker image does not run.
    """
    if match := _PREDEFINED.fullmatch(name):
        family, kind, vcpus = match.groups()
        machine = Machine(int(vcpus), int(vcpus) * OTHER_GB_PER_VCPU.get((family, kind), GB_PER_VCPU[kind]))
    elif match := _CUSTOM.fullmatch(name):
        family, machine = match[1] or "n1", Machine(int(match[2]), int(match[3]) / 1024)
    else:
        msg = (
            f"{field}: expected a machine type such as n2-standard-8, n2-highmem-16 or n2-custom-8-32768, got {name!r}"
        )
        raise ManifestError(msg)
    if family in ARM:
        msg = f"{field}: expected x86 machines, as the worker image is built for them, got {name!r}; take n2, n2d or c3"
        raise ManifestError(msg)
    if family == "n1":
        msg = (
            f"{field}: expected machines that have AVX2, for which kernels in the worker image are compiled; n1 may "
            f"lack it. Got {name!r}; take n2, n2d, e2 or c3"
        )
        raise ManifestError(msg)
    return machine
