"""The look-up index of a block finds every record and nothing else."""

import io

from pile_builder.document import document_id
from pile_builder.row_index import alias_of, find_rows, read_index, row_index


def test_documents_and_rejects_are_found_by_id_and_by_the_start_of_their_key():
    keys = [f"http://site/{i // 2} 2021010100000{i % 2}" for i in range(5_000)]
    kept = [(document_id("web", key), key) for key in keys[:4_000]]
    lost = [(document_id("web", key), key) for key in keys[4_000:]]
    data = row_index("web", kept, lost)
    for row in (0, 1, 1_234, 3_999):
        assert find_rows(io.BytesIO(data), kept[row][0]) == ([row], [])
    assert find_rows(io.BytesIO(data), lost[7][0]) == ([], [7])
    assert find_rows(io.BytesIO(data), document_id("web", "http://site/3")) == ([6, 7], [])
    assert find_rows(io.BytesIO(data), document_id("web", "http://elsewhere")) == ([], [])


def test_an_empty_block_has_an_empty_index():
    assert find_rows(io.BytesIO(row_index("web", [], [])), document_id("web", "x")) == ([], [])


def test_a_document_without_a_key_keeps_its_second_name():
    whole = [(document_id("web", f"http://site/{i} 2021"), f"http://site/{i} 2021") for i in range(9)]
    emptied = [whole[0], (whole[1][0], ""), *whole[2:]]
    aliases = {whole[1][0]: alias_of("web", whole[1][1]), whole[0][0]: ""}
    assert row_index("web", emptied, [], aliases) == row_index("web", whole, [])
    hashes, rows = read_index(io.BytesIO(row_index("web", emptied[:2], [], aliases)))
    assert sorted(rows.tolist()) == [0, 0, 1, 1]
    assert len(hashes) == 4


def test_crowded_hashes_are_found_though_chance_would_not_put_them_there():
    crowd = [(f"web:{i:020x}", f"k{i}") for i in range(3_000)]
    data = row_index("web", crowd, [])
    assert find_rows(io.BytesIO(data), f"web:{0:020x}")[0] == list(range(3_000))
