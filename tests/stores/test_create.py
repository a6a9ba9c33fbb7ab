"""What a build asks of a store: created once, listed as it is, removed, explained."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from pile_builder import remote
from pile_builder.commits import Commits
from pile_builder.errors import StoreError, StoreUnreachableError
from pile_builder.input_files import file_system
from pile_builder.storage import Store
from tests.stores.object_stores import Faults


def test_of_twenty_that_create_one_wins(anywhere: str):
    store, start = Store(anywhere), threading.Barrier(20)

    def create(number: int) -> bool:
        start.wait()
        return store.create("folder/one", b"%d" % number)

    with ThreadPoolExecutor(20) as pool:
        won = list(pool.map(create, range(20)))
    assert Counter(won) == {True: 1, False: 19}
    assert store.read("folder/one") == b"%d" % won.index(True)


def test_nothing_remembered_hides_what_others_wrote(anywhere: str):
    """Another client's records appear in listings at once, and what it removed is gone."""
    mine, commits = Store(anywhere), Commits(Store(anywhere), "select")
    assert commits.done() == set()
    commits.put("a", {"n": 1})
    assert commits.done() == {"a"}
    if mine.is_local:
        return
    kind, _, path = mine.path("work/select/").partition("://")
    other = fsspec.filesystem(kind, skip_instance_cache=True)
    other.pipe_file(f"{path}b.json", b'{"n":2}')
    assert commits.done() == {"a", "b"}
    assert [record["n"] for record in commits.load_all(["b", "a", "b"])] == [2, 1, 2]
    other.rm_file(f"{path}a.json")
    assert commits.done() == {"b"}
    assert not commits.has("a")


def test_folders_and_files_come_and_go(anywhere: str, tmp_path: Path):
    store = Store(anywhere)
    assert not store.holds_anything()
    for name in ("a/1", "a/2", "a/b/3"):
        store.write(name, name.encode())
    assert (store.names("a"), store.folders("a")) == (["1", "2"], ["b"])
    store.remove("a/1")
    store.remove("a/1")
    store.remove_many("a", ["2", "not there"])
    assert store.names("a") == []
    with store.writing_folder("a") as folder:
        (folder / "4").write_bytes(b"four")
        (folder / "deep").mkdir()
        (folder / "deep" / "5").write_bytes(b"five")
    assert (store.names("a"), store.folders("a")) == (["4"], ["deep"])
    copy = Path(store.local_folder("a"))
    assert (copy / "deep" / "5").read_bytes() == b"five"
    store.remove_folder("a")
    store.remove_folder("a")
    assert not store.exists("a/4")


def test_an_answer_that_is_lost_is_no_defeat(s3: str, faults: Faults):
    """A creation whose answer is cut off is sent again, finds itself, and has won."""
    store = Store(s3)
    store.write("ready", b"")
    faults.requests.clear()
    faults.every, faults.failed = 2, 1  # The next one that fails works and then hangs up.
    faults.requests["before"] = 1
    assert store.create("one", b"mine")
    faults.every = 0
    assert faults.requests["PUT"] == 2
    assert not store.create("one", b"theirs")


def test_a_phase_is_listed_by_the_thousand_and_loaded_at_once(s3: str, faults: Faults):
    commits = Commits(Store(s3), "select")
    keys = [f"{number:05}" for number in range(2_500)]
    fs, path = file_system(f"{s3}/work/select")
    fs.pipe({f"{path}/{key}.json": b'{"n":%d}' % int(key) for key in keys})
    faults.requests.clear()
    assert commits.done() == set(keys)
    assert faults.requests == {"LIST": 3}
    faults.requests.clear()
    assert [record["n"] for record in commits.load_all(keys[:60])] == list(range(60))
    assert faults.requests == {"GET": 60}


def test_refusals_say_what_to_do(s3: str, faults: Faults):
    with pytest.raises(StoreError, match="there is no bucket 'none-of-that'; make it first"):
        Store("s3://none-of-that/x").create("a", b"")
    faults.refuse = True
    faults.requests.clear()
    with pytest.raises(StoreError, match=r"the store refused .* AWS_ACCESS_KEY_ID"):
        Store(s3).write("a", b"")
    assert sum(faults.requests.values()) == 1, "a refusal is not worth a second try"


def test_a_store_that_is_not_there_is_said(s3: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    # Another instance than those that know the real address.
    monkeypatch.setitem(fsspec.config.conf, "s3", {"requester_pays": True})
    with pytest.raises(StoreUnreachableError, match=r"no good answer after several tries .*AWS_ENDPOINT_URL"):
        Store(s3).write("a", b"")


def test_no_credentials_is_said(s3: str, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"default_fill_cache": False})
    with pytest.raises(StoreError, match=r"expected credentials, got none \(.*AWS_PROFILE"):
        Store(s3).write("a", b"")


def test_a_store_that_cannot_create_is_refused():
    with pytest.raises(StoreError, match=r"expected a folder of this machine, s3:// or gs://"):
        remote.create(fsspec.filesystem("local"), "/nowhere", b"")


def test_an_upload_that_was_killed_costs_nothing_after_the_next_build(s3: str):
    store = Store(s3)
    fs, path = file_system(f"{s3}/work/half")
    bucket, _, key = path.partition("/")
    fs.call_s3("create_multipart_upload", Bucket=bucket, Key=key)
    assert store.sweep_temporaries() == 1
    assert store.sweep_temporaries() == 0
