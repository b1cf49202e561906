"""Versions: their order, what changed between them, going back, and removing old ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from plain_build import plain_build, published_bytes, write_videos

from clipmill.dataset import history as history_module
from clipmill.dataset.gc import collect_garbage
from clipmill.dataset.history import Difference, difference, rollback, versions
from clipmill.dataset.run_lock import live_run
from clipmill.dataset.verify import verify
from clipmill.errors import DataError, NoSuchDataset, TryAgain
from clipmill.layout import current_version, read_manifest, shard_path, version_path
from clipmill.storage import LocalStorage


class Built(NamedTuple):
    out: LocalStorage
    videos: Path
    names: list[str]

    def build(self) -> str:
        outcome = plain_build(self.videos, Path(self.out.root))
        assert outcome.code == 0 and outcome.version
        return outcome.version


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Built:
    """Three versions, a second apart: 6 clips; one removed and one in another folder; one added and one changed."""
    clock = iter(range(1_700_000_000, 1_800_000_000))
    monkeypatch.setattr("clipmill.dataset.publish.time.gmtime", lambda: time.struct_time(real_gmtime(next(clock))))
    videos, out = tmp_path / "videos", tmp_path / "out"
    built = Built(LocalStorage(str(out)), videos, [])
    write_videos(videos, {f"c{n % 2}/v{n}": 3 + n for n in range(6)})
    built.names.append(built.build())
    (videos / "c0/v4.avi").unlink()
    os.rename(videos / "c0/v2.avi", videos / "c1/v2.avi")
    built.names.append(built.build())
    write_videos(videos, {"c1/v8": 4, "c1/v1": 5}, seed=1)
    built.names.append(built.build())
    return built


real_gmtime: Callable[[float], time.struct_time] = time.gmtime


def names(out: LocalStorage) -> list[str]:
    return [version.name for version in versions(out)]


def test_versions_stand_in_the_order_of_publishing(built: Built) -> None:
    found = versions(built.out)
    assert [version.name for version in found] == built.names
    assert [version.current for version in found] == [False, False, True]
    assert all(version.published for version in found)
    # A state that comes back is published again, not made again: now it is the latest.
    (built.videos / "c1/v8.avi").unlink()
    write_videos(built.videos, {"c1/v1": 4}, seed=0)
    write_videos(built.videos, {f"c{n % 2}/v{n}": 3 + n for n in range(6)})
    (built.videos / "c1/v2.avi").unlink()
    assert built.build() == built.names[0]
    assert names(built.out) == [built.names[1], built.names[2], built.names[0]]


def test_what_changed(built: Built, tmp_path: Path) -> None:
    listing, out = built.videos / "listing.csv", tmp_path / "listed"
    storage = LocalStorage(str(out))

    def build(**rows: str) -> str:
        listing.write_text("id,path,label,split\n" + "".join(f"{name},{rest}\n" for name, rest in rows.items()))
        return plain_build(listing, out).version or ""

    rows = {f"v{n}": f"c{n % 2}/v{n}.avi,c{n % 2},train" for n in (0, 1, 3, 5)}
    one = build(**rows)
    two = build(**rows | {"v0": "c0/v0.avi,c1,train", "v3": "c1/v3.avi,c1,val", "v5": "c1/v8.avi,c1,train"})
    rows.pop("v1")
    three = build(**rows | {"v2": "c1/v2.avi,c1,train"})
    shards = [set(read_manifest(storage, name).shards) for name in (one, two, three)]
    assert difference(storage, None, one) == Difference(4, 0, 0, 0, 0, len(shards[0]), len(shards[0]))
    rewritten = [len(shards[1] - shards[0]), len(shards[2] - shards[1])]
    assert all(rewritten)
    assert difference(storage, one, two) == Difference(0, 0, 1, 1, 1, rewritten[0], len(shards[1]))
    assert difference(storage, two, three) == Difference(1, 1, 1, 1, 1, rewritten[1], len(shards[2]))


def test_a_run_that_was_killed_after_it_published_is_in_its_place(built: Built) -> None:
    for run in (Path(built.out.root) / "runs").iterdir():
        if b'"before": null' not in (run / "outcome.json").read_bytes():
            (run / "outcome.json").unlink()
    for number, name in enumerate(built.names):
        # All that is left is when the manifests were written.
        stamp = 1_700_000_000 + 1000 * number
        os.utime(built.out.path(version_path(name, "manifest.json")), (stamp, stamp))
    assert names(built.out) == built.names
    assert [version.published for version in versions(built.out)] == [True, False, True]


def test_rollback_and_forward_again(built: Built) -> None:
    one, two, three = built.names
    outcome = rollback(built.out, "back")
    assert (outcome.before, outcome.version, outcome.changed, outcome.by) == (three, two, True, "rollback")
    assert current_version(built.out) == two
    assert os.readlink(built.out.path("latest")).endswith(two)
    assert verify(built.out).problems == []
    assert names(built.out) == built.names, "going back does not make it newer"
    assert rollback(built.out, "back2").version == one
    with pytest.raises(NoSuchDataset, match="no version before"):
        rollback(built.out, "back3")
    assert rollback(built.out, "forth", three).version == three
    assert not rollback(built.out, "forth2", three).changed
    with pytest.raises(NoSuchDataset, match="version nope is not there"):
        rollback(built.out, "back4", "nope")
    # The next build goes by its listing.
    rollback(built.out, "back5", one)
    assert built.build() == three


@pytest.mark.parametrize("what", ["shard", "index", "clips"])
def test_no_way_back_to_what_is_not_whole(built: Built, what: str) -> None:
    one, _, three = built.names
    shard = next(iter(read_manifest(built.out, one).shards.keys() - read_manifest(built.out, three).shards.keys()))
    path = {
        "shard": shard_path(shard),
        "index": f"shards/{shard}.index",
        "clips": version_path(one, "clips.parquet"),
    }[what]
    os.unlink(built.out.path(path))
    with pytest.raises(DataError, match=f"version {one} is damaged: .*{Path(path).name}"):
        rollback(built.out, "back", one)
    assert current_version(built.out) == three


def test_rollback_gives_way_to_a_build_that_publishes(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    real = history_module.move_pointer

    def late(storage, before, target):
        storage.put("CURRENT", f"{built.names[0]}\n".encode())
        return real(storage, before, target)

    monkeypatch.setattr(history_module, "move_pointer", late)
    with pytest.raises(TryAgain, match="another run published"):
        rollback(built.out, "back", built.names[1])
    assert current_version(built.out) == built.names[0]


def shards(out: LocalStorage) -> set[str]:
    return {path.removeprefix("shards/").partition(".")[0] for path, _ in out.list("shards")}


def named(built: Built, *kept: str) -> set[str]:
    return {shard for name in kept for shard in read_manifest(built.out, name).shards}


def test_gc_keeps_the_newest_and_their_shards(built: Built) -> None:
    one, two, three = built.names
    expected = named(built, two, three)
    freed = sum(stat.size for path, stat in built.out.list("shards") if path[7:].partition(".")[0] not in expected)
    dry = collect_garbage(built.out, "x", keep=2, seconds=0, dry=True)
    assert names(built.out) == built.names
    swept = collect_garbage(built.out, "x", keep=2, seconds=0)
    assert swept == dry
    assert (swept.versions, swept.kept, swept.bytes) == ([one], [two, three], freed)
    assert shards(built.out) == expected
    assert not os.path.exists(built.out.path(version_path(one)))
    assert verify(built.out).problems == []
    assert verify(built.out, two).problems == []
    assert collect_garbage(built.out, "y", keep=2, seconds=0).versions == []


def test_gc_never_takes_the_current_version_nor_young_ones(built: Built) -> None:
    one, _, three = built.names
    rollback(built.out, "back", one)
    assert collect_garbage(built.out, "x", keep=1, seconds=100 * 365 * 86400).versions == []
    # Going back makes no version newer: the newest stays too, so that one can go forth again.
    assert collect_garbage(built.out, "x", keep=1, seconds=0).kept == [one, three]
    assert shards(built.out) == named(built, one, three)
    assert verify(built.out).problems == []
    assert rollback(built.out, "forth", three).version == three
    assert collect_garbage(built.out, "y", keep=1, seconds=0).kept == [three]
    with pytest.raises(NoSuchDataset):
        rollback(built.out, "back2", one)


def test_gc_spares_the_shards_that_a_rerun_will_find(built: Built) -> None:
    built.out.put("shards/aaaa.tfrecord", b"")
    built.out.put("shards/bbbb.tfrecord", b"")
    built.out.put("work/parts/killed/aaaa.tfds.parquet", b"")
    assert collect_garbage(built.out, "x", keep=9, seconds=3600).shards == 0
    assert collect_garbage(built.out, "x", keep=9, seconds=0).shards == 1
    assert "aaaa" in shards(built.out) and "bbbb" not in shards(built.out)


def test_gc_waits_for_builds(built: Built) -> None:
    with live_run(built.out, "nightly"), pytest.raises(TryAgain, match="nightly is at work here"):
        collect_garbage(built.out, "x", keep=1, seconds=0)
    assert names(built.out) == built.names


def test_gc_removes_nothing_where_the_published_version_cannot_be_read(built: Built) -> None:
    before = shards(built.out)
    os.unlink(built.out.path(version_path(built.names[2], "manifest.json")))
    with pytest.raises(NoSuchDataset):
        collect_garbage(built.out, "x", keep=1, seconds=0)
    os.unlink(built.out.path("CURRENT"))
    with pytest.raises(NoSuchDataset):
        collect_garbage(built.out, "x", keep=1, seconds=0)
    assert shards(built.out) == before


def test_a_killed_gc_is_finished_by_the_next(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    expected = None
    for at in range(100):
        left = at

        def delete(path: str, real=built.out.delete) -> None:
            nonlocal left
            if not left:
                raise Killed
            left -= 1
            real(path)

        with monkeypatch.context() as patch:
            patch.setattr(built.out, "delete", delete)
            try:
                collect_garbage(built.out, "x", keep=1, seconds=0)
            except Killed:
                assert verify(built.out).problems == []
                for version in versions(built.out):
                    assert verify(built.out, version.name).problems == [] or not version.current
            else:
                expected = named(built, built.names[2])
                break
    assert at > 3 and shards(built.out) == expected
    assert built.out.children("versions")[0] == (built.names[2],)
    assert published_bytes(Path(built.out.root))


def test_rollback_renews_the_names_of_a_shard_that_was_made_anew(built: Built) -> None:
    one = built.names[0]
    for shard in named(built, one):
        path = built.out.path(f"shards/{shard}.tfrecord")
        Path(f"{path}.new").write_bytes(Path(path).read_bytes())
        os.replace(f"{path}.new", path)  # what was damaged has been made anew, by a run that was killed since

    def stale() -> list[str]:
        folder = Path(built.out.path(version_path(one)))
        kept = {os.stat(path).st_ino for path in Path(built.out.path("shards")).glob("*.tfrecord")}
        return [path.name for path in folder.glob("*.tfrecord*") if path.stat().st_ino not in kept]

    assert stale()
    rollback(built.out, "back", one)
    assert not stale()


def test_outcomes_of_older_releases_can_be_read(built: Built) -> None:
    run = next((Path(built.out.root) / "runs").iterdir()) / "outcome.json"
    outcome = msgspec.json.decode(run.read_bytes())
    for name in ("ended", "by", "before"):
        outcome.pop(name)
    run.write_bytes(msgspec.json.encode(outcome))
    assert set(names(built.out)) == set(built.names)


@pytest.mark.parametrize("changes", [False, True])
def test_a_shard_that_is_made_anew_is_so_in_every_version(built: Built, changes: bool, tmp_path: Path) -> None:
    if changes:
        write_videos(built.videos, {"c1/v9": 6}, seed=2)
    plain_build(built.videos, tmp_path / "next")
    wanted = set(read_manifest(LocalStorage(str(tmp_path / "next"))).shards)
    shared = set.intersection(wanted, *(named(built, name) for name in built.names))
    for shard in shared:
        path = built.out.path(f"shards/{shard}.tfrecord")
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"damage")
        os.unlink(path)
    assert shared and all(verify(built.out, name).problems for name in built.names)
    assert (built.build() not in built.names) == changes
    for name in built.names:
        assert verify(built.out, name).problems == []
