"""One builder at a time in an object store, whatever clocks say."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pile_builder.commits import Commits
from pile_builder.errors import HeldError, LeaseLostError, StoreError
from pile_builder.holding import holder, holding, lease, shared_lease
from pile_builder.holding.holder import Holder
from pile_builder.holding.lease import Lease, acquire
from pile_builder.holding.lease_objects import STALE_SECONDS, age, lease_name, marks, renew_until
from pile_builder.holding.shared_lease import SharedLease, acquire_together
from pile_builder.pipelines.engine import RunOptions, TaskFunction, run_tasks
from pile_builder.storage import LOCK, Store
from tests.stores.object_stores import Faults


@pytest.fixture
def memory(tmp_path: Path) -> str:
    return f"memory://lease-{tmp_path.parent.name}-{tmp_path.name}"


def grow_old(root: str, number: int | str, seconds: float) -> None:
    """As if a lease or a mark had last been written that long ago, by the store's clock."""
    name = number if isinstance(number, str) else lease_name(number)
    file = MemoryFileSystem.store[f"/{root.removeprefix('memory://')}/{name}"]
    file.modified -= timedelta(seconds=seconds)


def abandon(root: str) -> Lease:
    """A lease of a process that is killed: nobody renews it."""
    return acquire(Store(root), Holder.here("pile build"))


def test_the_second_is_told_who_works_there(bucket: str):
    with holding(bucket, "pile build") as store:
        with pytest.raises(HeldError, match=r"`pile build` \(process \d+ on .*wait until .*--take-over"):
            acquire(Store(bucket), Holder.here("pile audit"))
        assert Commits(store, "select").put("a", {})
    with holding(bucket, "pile audit") as store:
        assert Commits(store, "select").put("b", {})
    assert len(Store(bucket).names(LOCK)) == 1


def test_of_many_that_want_it_one_gets_it(bucket: str):
    def want(_: int) -> bool:
        try:
            acquire(Store(bucket), Holder.here("pile build"))
        except HeldError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(want, range(8))) == 1


def test_a_killed_builder_holds_it_for_five_minutes_of_the_store(memory: str, monkeypatch: pytest.MonkeyPatch):
    """Its own clock and ours may be off by days."""
    monkeypatch.setattr(holder, "datetime", _Shifted)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    abandon(memory)
    grow_old(memory, 1, STALE_SECONDS - 5)
    with pytest.raises(HeldError):
        abandon(memory)
    grow_old(memory, 1, 10)
    assert abandon(memory).number == 2
    assert Store(memory).names(LOCK) == ["000002"]


class _Shifted(holder.datetime):  # type: ignore[name-defined,misc]
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return super().now(tz) + timedelta(days=3)


def test_a_holder_renews_and_sees_that_it_was_robbed(memory: str):
    def work() -> None:
        with holding(memory, "pile audit") as store:
            grow_old(memory, 1, 200)
            waits = iter((False, True))
            renew_until(lambda: store.guard.renew(Holder.here("pile audit")), lambda _: next(waits))
            assert age(store, lease_name(1)) < 100
            thieves.append(acquire(Store(memory), Holder.here("pile build"), take_over=True))
            with pytest.raises(LeaseLostError):
                Commits(store, "select").put("a", {})
            with pytest.raises(LeaseLostError):
                Commits(store, "select").fail("a", "it broke")
            assert not Commits(store, "select").has("a")

    thieves: list[Lease] = []
    with pytest.raises(LeaseLostError, match=r"`pile build` .* took this folder over"):
        work()
    thieves[0].check()


class _Robbed(TaskFunction):
    """While the second task runs, somebody takes the folder over."""

    def __init__(self, root: str) -> None:
        self.root = root

    def __call__(self, task: Any) -> Any:
        if task["key"] == "b":
            acquire(Store(self.root), Holder.here("pile build"), take_over=True)
        return {}


def test_a_phase_stops_at_the_commit_after_the_loss(memory: str):
    guard = abandon(memory)
    commits = Commits(Store(memory, guard), "select")
    tasks = [{"key": key, "name": key} for key in "abc"]
    with pytest.raises(LeaseLostError):
        run_tasks(commits, ["a", "b", "c"], tasks, _Robbed(memory), RunOptions(workers=1))
    state = commits.state()
    assert "b" not in state.done
    assert not state.failed


def test_who_looked_too_long_at_an_old_lease_takes_nothing(memory: str, monkeypatch: pytest.MonkeyPatch):
    """While it looked, the old one became stale, a second and a third came and the second went."""
    abandon(memory)
    late = lease.check_free

    def slow(store: Store, name: str) -> None:
        monkeypatch.setattr(lease, "check_free", late)
        grow_old(memory, 1, 1_000)
        abandon(memory)
        grow_old(memory, 2, 1_000)
        abandon(memory)

    monkeypatch.setattr(lease, "check_free", slow)
    with pytest.raises(HeldError):
        abandon(memory)
    assert Store(memory).names(LOCK) == ["000003"]


def test_a_store_that_writes_over_what_is_there_is_refused(s3: str, faults: Faults, monkeypatch: pytest.MonkeyPatch):
    ignoring = lambda environ: environ.pop("HTTP_IF_NONE_MATCH", None)  # noqa: E731
    monkeypatch.setattr(faults, "before", ignoring)
    with pytest.raises(StoreError, match="If-None-Match"), holding(s3, "pile build"):
        pass


def test_many_share_a_folder_and_nobody_has_it_alone_meanwhile(bucket: str):
    with holding(bucket, "pile build --only", shared=True) as store:
        with holding(bucket, "pile review", shared=True):
            with pytest.raises(HeldError, match=r"`pile (build --only|review)` .* works here"):
                acquire(Store(bucket), Holder.here("pile build"))
            assert Commits(store, "select").put("a", {})
        with pytest.raises(HeldError, match="build --only"), holding(bucket, "pile audit"):
            pass
        assert Commits(store, "select").put("b", {})
    with holding(bucket, "pile build") as store:
        with pytest.raises(HeldError, match="`pile build`"), holding(bucket, "pile review", shared=True):
            pass
        assert Commits(store, "select").put("c", {})
    with holding(bucket, "pile review", shared=True) as store:
        assert Commits(store, "select").put("d", {})
    assert Store(bucket).names(LOCK) == ["000001"]


def test_a_mark_of_a_killed_job_goes_stale_and_ends(memory: str):
    mark = acquire_together(Store(memory), Holder.here("pile build --only"))
    grow_old(memory, mark.name, STALE_SECONDS - 5)
    with pytest.raises(HeldError):
        abandon(memory)
    grow_old(memory, mark.name, 10)
    mark.check()
    abandon(memory)
    assert not marks(Store(memory))
    # It was not killed, only away: what it would write now is not written, and it is not renewed.
    assert not mark.renew(Holder.here("pile build --only"))
    with pytest.raises(LeaseLostError, match=r"`pile build` .* took this folder over"):
        Commits(Store(memory, mark), "select").put("a", {})


def test_a_mark_is_renewed_while_it_is_held(memory: str):
    with holding(memory, "pile build --only", shared=True) as store:
        assert isinstance(store.guard, SharedLease)
        grow_old(memory, store.guard.name, 200)
        waits = iter((False, True))
        renew_until(lambda: store.guard.renew(Holder.here("x")), lambda _: next(waits))
        assert age(store, store.guard.name) < 100


def test_a_folder_is_taken_over_from_and_by_those_who_share(memory: str):
    alone = abandon(memory)
    first = acquire_together(Store(memory), Holder.here("pile build --only"), take_over=True)
    with pytest.raises(LeaseLostError):
        alone.check()
    # A second job that says the same takes nothing from the first.
    second = acquire_together(Store(memory), Holder.here("pile build --only"), take_over=True)
    first.check()
    second.check()
    acquire(Store(memory), Holder.here("pile build"), take_over=True).check()
    for mark in (first, second):
        with pytest.raises(LeaseLostError):
            mark.check()


def test_of_one_alone_and_one_that_shares_who_come_at_once_one_gives_way(memory: str, monkeypatch: pytest.MonkeyPatch):
    """The mark is written between the first look of who wants the folder alone and its lease."""
    create = Store.create

    def late(self: Store, name: str, data: bytes) -> bool:
        monkeypatch.setattr(Store, "create", create)
        made.append(acquire_together(Store(memory), Holder.here("pile build --only")))
        return create(self, name, data)

    made: list[SharedLease] = []
    monkeypatch.setattr(Store, "create", late)
    with pytest.raises(HeldError, match="build --only"):
        abandon(memory)
    made[0].check()

    looked = shared_lease.numbers

    def slow(store: Store) -> list[int]:
        found = looked(store)
        if not leases:
            leases.append(acquire(store, Holder.here("pile build")))
        return found

    leases: list[Lease] = []
    Store(memory).remove(made[0].name)
    monkeypatch.setattr(shared_lease, "numbers", slow)
    with pytest.raises(HeldError, match="`pile build`"):
        acquire_together(Store(memory), Holder.here("pile build --only"))
    leases[0].check()
    assert not marks(Store(memory))
