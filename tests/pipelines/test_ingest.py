"""How records go through the pool and into batches: few bytes under way, and nothing held that was passed on."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

from pile_builder.pipelines.ingest import MOST_BYTES, Counts, batches, extract_records
from pile_builder.pool import LOT_RECORDS, Extraction, Lot
from pile_builder.source import Document, Raw


class Payload:
    """Bytes as far as their number goes, of which one can see when they are let go."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


class Text(str):
    """A text of which one can see when it is let go."""


class Pool:
    """Answers when it is asked; remembers what was under way at most."""

    workers = 2

    def __init__(self) -> None:
        self.under_way = self.most = 0

    def submit(self, lot: Lot) -> Callable[[], list[Document]]:
        size = sum(raw.size for raw in lot.raws)
        self.under_way += size
        self.most = max(self.most, self.under_way)

        def results() -> list[Document]:
            self.under_way -= size
            return [Document(Text(raw.key * 100)) for raw in lot.raws]

        return results


EXTRACTION = Extraction(None)  # type: ignore[arg-type]


def raws(sizes: list[int], seen: list[Any]) -> Iterator[Raw]:
    for number, size in enumerate(sizes):
        payload = Payload(size)
        seen.append(weakref.ref(payload))
        raw = [Raw(str(number), payload)]  # type: ignore[arg-type]
        del payload
        yield raw.pop()


def test_results_keep_the_order_and_large_lots_wait():
    for size, most in ((1, LOT_RECORDS * 5), (50 << 20, 4 * MOST_BYTES + (50 << 20)), (200 << 20, 400 << 20)):
        pool = Pool()
        found = extract_records(EXTRACTION, pool, "x", raws([size] * 200, []))  # type: ignore[arg-type]
        assert [one[0] for one in found] == [str(number) for number in range(200)]
        assert pool.most == most or size > 1
        assert 0 < pool.most <= most
        assert not pool.under_way


def test_nothing_is_held_that_was_passed_on():
    payloads: list[Any] = []
    texts = []
    for item in extract_records(EXTRACTION, Pool(), "x", raws([3 << 20] * 40, payloads)):  # type: ignore[arg-type]
        key, _, result = item
        texts.append(weakref.ref(result.text))
        del item, result
        assert not any(text() for text in texts), key
        # Its own lot has answered, those behind it are under way.
        assert not any(payload() for payload in payloads[: int(key) + 1]), key


def test_a_batch_holds_none_of_the_texts_it_was_made_of():
    texts: list[Any] = []

    def items() -> Iterator[Any]:
        for number in range(30):
            text = Text("word " * 60_000)
            texts.append(weakref.ref(text))
            made = [(str(number), {}, Document(text))]
            del text
            yield made.pop()

    count = 0
    for documents, _ in batches(items(), "x", Counts("x")):
        count += documents.num_rows
        assert documents.column("text")[0].as_py() == "word " * 60_000
        assert not any(text() for text in texts)
    assert count == 30
