"""Checks that a source streams: a sample repeated until it is large is read in little memory, a record at a time."""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pile_builder.contract.checks import Finding, Sample
from pile_builder.contract.process import ReadingError
from pile_builder.contract.reading import with_side_tables
from pile_builder.input_files import InputFile, open_input, watching_inputs
from pile_builder.source import Fragment, Raw, Source

GROWTH_BYTES = 48 << 20
"""Memory that reading may take beyond what it took for the sample once, and four times its largest record."""
AHEAD_BYTES = 16 << 20
"""Stored bytes that may be read before the first record is given out."""
HELD = 3
"""Records alive while one is looked at: it, what the reader still names, one that was remembered."""
_SECONDS = 15.0
_MAX_COPIES = 2_000
_FILE_BYTES = 512
"""So small are files at most that a folder of copies is made of: links and folders take time, too."""
_COUNTED = (2, 10, 50, 200)
"""After how many records the living ones are counted."""


@dataclass(frozen=True)
class Reading:
    """What reading took: records, bytes of the largest, peak memory, records held, stored bytes before the first."""

    records: int
    largest: int
    peak: int
    held: int
    ahead: int


def check_streaming(sample: Sample, stream_bytes: int) -> Iterator[Finding]:
    """Read the largest file of the sample many times over, in one file where that gives more records, else in many."""
    try:
        once = sample.readers.call(read_watched, sample.source)
        largest = max(sample.files, key=lambda file: file.size)
        times = max(stream_bytes // max(largest.size, 1), 2)
        alone = sample.readers.call(read_watched, _repeated(sample, largest, 1))
        long = sample.readers.call(read_watched, _repeated(sample, largest, times))
        tried = f"{largest.name} {times:,} times in one file"
        if long.records <= 2 * alone.records:
            tried = f"a folder of copies, {stream_bytes >> 20:,} MiB"
            long = sample.readers.call(read_watched, _copies(sample, stream_bytes))
    except ReadingError as error:
        yield Finding("memory", "bounded", "the sample repeated", (str(error),))
        return
    tried += f": {long.records:,} records"
    allowed = GROWTH_BYTES + 4 * long.largest
    growth = long.peak - once.peak
    problems = [] if growth <= allowed else [f"{growth >> 20:,} MiB more than for the sample once"]
    yield Finding("memory", f"at most {allowed >> 20:,} MiB more than for the sample once", tried, tuple(problems))
    problems = [] if long.held <= HELD else [f"{long.held:,} records are held while one is given out"]
    if long.ahead > AHEAD_BYTES + long.largest:
        problems.append(f"{long.ahead:,} bytes are read before the first record")
    yield Finding("streaming", "one record at a time, from the first bytes on", tried, tuple(problems))


def read_watched(source: Source) -> Reading:
    """Read all inputs, without extracting, for at most `_SECONDS`."""
    splits = list(source.splits())
    gc.collect()
    _forget_peak()
    records = largest = held = ahead = 0
    stop = time.monotonic() + _SECONDS
    with with_side_tables(source) as bound, watching_inputs() as opened:
        for item in (item for split in splits for item in bound.read(split)):
            if not isinstance(item, Raw | Fragment):
                continue
            records += 1
            largest = max(largest, len(item.payload))
            if records == 1:
                ahead = sum(stream.tell() for stream in opened if not stream.closed)
            if records in _COUNTED:
                held = max(held, sum(isinstance(one, Raw | Fragment) for one in gc.get_objects()))
            if time.monotonic() > stop:
                break
    return Reading(records, largest, _peak(), held, ahead)


def _repeated(sample: Sample, file: InputFile, times: int) -> Source:
    """The source over one file of a file's content many times over."""
    folder = sample.new_folder()
    path = folder / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_input(file) as stored:
        content = stored.read()
    with path.open("wb") as out:
        for _ in range(times):
            out.write(content)
    return sample.over(folder)


def _copies(sample: Sample, size: int) -> Source:
    """The source over links to copies of the sample's files: what is stored is small, what is read is `size`."""
    folder = sample.new_folder()
    whole = sum(file.size for file in sample.files)
    times = min(size // max(whole, 1), size // _FILE_BYTES // len(sample.files), _MAX_COPIES)
    for number in range(max(times, 2)):
        for file in sample.files:
            path = folder / f"{number:05}" / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            first = folder / "00000" / file.name
            if number == 0:
                with open_input(file) as stored:
                    path.write_bytes(stored.read())
            else:
                path.hardlink_to(first)
    return sample.over_copies(folder)


def _forget_peak() -> None:
    if sys.platform == "linux":
        # 5 sets the high-water mark back (proc(5)); a container may forbid it, then the mark is the process's.
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return


def _peak() -> int:
    """Bytes of this process's highest resident size."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
