"""Builds of real clips, from the command line to the published bytes."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from building import clips, frames_of, ledger, link_tree, published, records
from commanding import built, clipmill

from clipmill.layout import read_manifest
from clipmill.records import get_schema
from clipmill.storage import open_storage

#: Small ones of each data set: plain, with timestamps out of order, and with a wrong count in the container.
SOME = [
    "ucf101/BabyCrawling/v_BabyCrawling_g19_c01.avi",
    "ucf101/JavelinThrow/v_JavelinThrow_g22_c01.avi",
    "ucf101/Punch/v_Punch_g01_c03.avi",
    "ucf101/Punch/v_Punch_g02_c04.avi",
    "hmdb51/cartwheel/hmdb51_Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi",
    "hmdb51/wave/TrumanShow_wave_f_nm_np1_fr_med_26.avi",
    "kinetics/mmaction2_part_0.mp4",
    "kinetics/paddlevideo_example.avi",
]


@pytest.fixture(scope="module")
def facts(shared_data) -> dict[str, int]:
    """Frames of each video, by its path."""
    with open(shared_data / "facts.csv", newline="") as file:
        rows = {row["file"].removeprefix("videos/"): row for row in csv.DictReader(file)}
    return {name: int(row["decoded_frames"]) for name, row in rows.items() if row["decoded_frames"]}


@pytest.fixture(scope="module")
def videos(shared_data, tmp_path_factory) -> Path:
    return link_tree(tmp_path_factory.mktemp("some"), shared_data / "videos", SOME)


@pytest.fixture(scope="module")
def reference(videos, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("reference") / "out"
    built(videos, "--out", out, "--workers", 2, "--split", "train=0.6,val=0.4", "--split-by", "clip")
    return out


SPLIT = ("--split", "train=0.6,val=0.4", "--split-by", "clip")


def test_frames_are_those_of_the_facts(reference, facts):
    assert frames_of(reference) == {name: facts[name] for name in SOME}
    ran = clipmill("verify", reference, "--deep")
    assert ran.code == 0 and ran.out.endswith("every frame decodes\n")


def test_the_same_bytes_with_one_worker(reference, videos, tmp_path):
    built(videos, "--out", tmp_path / "out", "--workers", 1, *SPLIT)
    assert published(tmp_path / "out") == published(reference)


def test_the_same_bytes_from_another_folder(reference, videos, tmp_path):
    shutil.copytree(videos, tmp_path / "copy")
    built(tmp_path / "copy", "--out", tmp_path / "out", *SPLIT)
    assert published(tmp_path / "out") == published(reference)


@pytest.mark.slow
def test_the_same_bytes_whatever_the_order_of_the_listing(videos, tmp_path):
    rows = [f"{name},{name.split('/')[-2]},{number % 3}" for number, name in enumerate(SOME)]
    found = []
    for order in (rows, rows[::-1]):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        (folder / "all.csv").write_text("path,label,take\n" + "".join(f"{row}\n" for row in order))
        built(folder / "all.csv", "--videos", videos, "--out", folder / "out")
        found.append(published(folder / "out"))
    assert found[0] == found[1]


@pytest.mark.parametrize("schema", ["tfds", "frames", "mediaseq"])
def test_every_schema(schema, videos, tmp_path):
    listing = tmp_path / "three.csv"
    listing.write_text("path,label\n" + "".join(f"{name},{name.split('/')[0]}\n" for name in SOME[1:6:2]))
    built(listing, "--videos", videos, "--out", tmp_path / "out", "--schema", schema)
    assert read_manifest(open_storage(str(tmp_path / "out"))).schema == schema
    assert clipmill("verify", tmp_path / "out", "--deep").code == 0
    table = clips(tmp_path / "out")
    parsed = [get_schema(schema).parse(record) for _, record in records(tmp_path / "out", "train")]
    assert [len(frames) for _, frames in parsed] == [row["frames"] for row in table]


@pytest.mark.slow
def test_kinetics_files_that_are_cut_already(shared_data, tmp_path):
    """Ten-second files that are listed as 253 to 263 s; one is missing, and too many would be."""
    rows = ["Kop0sDqOn-c", "zZ9Zb41KNR4", "-missing0001"]
    listing = tmp_path / "validate.csv"
    listing.write_text(
        "label,youtube_id,time_start,time_end,split,is_cc\r\n"
        + "".join(f"cooking eggs,{id},253,263,val,0\r\n" for id in rows)
    )
    videos = shared_data / "videos/kinetics"
    words = (listing, "--videos", videos, "--out", tmp_path / "out", "--short-side", "64")
    ran = clipmill("build", *words)
    assert ran.code == 1 and ran.err == (
        "clipmill: 1 of 3 videos missing, over --max-missing (1% of 3 rows allows none): nothing is decoded. "
        f"See them with: clipmill failures {tmp_path}/out. Go on without them with: --max-missing 33.4%. "
        f"The first: -missing0001_000253_000263, no such file: {videos}/-missing0001_000253_000263\n"
    )
    assert not (tmp_path / "out/CURRENT").exists()
    ran = clipmill("build", *words, "--max-missing", "33.4%", "--every", 30, "--json")
    assert ran.code == 0 and ran.json["splits"] == {"val": 2} and ran.json["failed"] == {"missing": 1}
    assert [(row["start"], row["end"]) for row in clips(tmp_path / "out")] == [(253.0, 263.0)] * 2
    assert {row["height"] for row in clips(tmp_path / "out")} == {64}

    ran = clipmill("build", *words, "--max-missing", "34%", "--trimmed", "no")
    assert (ran.code == 1 and "clips failed, over --max-failures" in ran.err) or "no clip was made" in ran.err
    failures = clipmill("failures", tmp_path / "out", "--reason", "out_of_range", "--json").json["failures"]
    assert len(failures) == 2 and "(see --trimmed)" in failures[0]["message"]


def test_names_that_a_shell_would_stumble_over(shared_data, tmp_path):
    names = ["names/awesome'movie.mov", "names/file+with+data&streams=works?.mp4", "odd_size/-video-with-dash-.mp4"]
    videos = link_tree(tmp_path / "videos", shared_data / "videos/awkward", names)
    (tmp_path / "videos/names/\N{BOXING GLOVE} ふたり.mp4").symlink_to(
        shared_data / "videos/awkward/short/mp4parse_minimal_1frame.mp4"
    )
    built(videos, "--out", tmp_path / "out", "--max-frames", 3, "--short-side", 64)
    assert {row["source"] for row in clips(tmp_path / "out")} == {*names, "names/\N{BOXING GLOVE} ふたり.mp4"}
    assert clipmill("verify", tmp_path / "out", "--deep").code == 0
    assert "ふたり" in clipmill("inspect", tmp_path / "out", "--clip", "names/\N{BOXING GLOVE} ふたり").out


def test_awkward_files_are_clips_or_rows_of_the_ledger(shared_data, tmp_path):
    awkward = shared_data / "videos/awkward"
    names = sorted(
        str(path.relative_to(awkward)) for path in awkward.glob("[cs]*r[rt]*/*") if path.stat().st_size < 200_000
    )
    names += ["audio_only/small_webm-with-audio.webm"]
    videos = link_tree(tmp_path / "videos", awkward, names)
    out = tmp_path / "out"
    ran = clipmill("build", videos, "--out", out, "--max-failures", "100%", "--max-frames", 5, "--short-side", 64)
    assert ran.code == 0
    failed = ledger(clipmill("failures", out, "--json").json)
    assert set(failed) | set(frames_of(out)) == set(names)
    assert not set(failed) & set(frames_of(out))
    assert failed["audio_only/small_webm-with-audio.webm"] == "no_video_stream"
    *_, last = ran.out.splitlines()
    assert last.startswith(f"{len(failed)} failed: ") and last.endswith(f" (clipmill failures {out})")
    # The same failures again are nothing new.
    assert clipmill("build", videos, "--out", out, "--max-frames", 5, "--short-side", 64).code == 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name, number", [("ucf101", 97), ("hmdb51", 10), ("kinetics", 17)])
def test_all_clips_of_a_data_set(name, number, shared_data, facts, tmp_path):
    outcome = built(shared_data / "videos" / name, "--out", tmp_path / "out")
    assert outcome["clips"] == number and outcome["failed"] == {}
    assert {f"{name}/{source}": frames for source, frames in frames_of(tmp_path / "out").items()} == {
        file: frames for file, frames in facts.items() if file.startswith(f"{name}/")
    }
    assert clipmill("verify", tmp_path / "out", "--deep").code == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_long_video_in_segments(shared_data, facts, tmp_path):
    name = "long/androidx_long_1080p_10883frames_446KB.mp4"
    videos = link_tree(tmp_path / "videos", shared_data / "videos/awkward", [name])
    parts = built(videos, "--out", tmp_path / "parts", "--short-side", 64, "--segment-seconds", 60)
    assert parts["frames"] == facts[f"awkward/{name}"]
    table = sorted(clips(tmp_path / "parts"), key=lambda row: row["start"])
    assert [row["start"] for row in table] == [60.0 * number for number in range(len(table))]
    assert len({row["group"] for row in table}) == 1
