"""Further columns of the listing in records, and schemas that users declare, from the build to every other command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from building import clips, published
from commanding import built, clipmill, refused
from footage import write_film, x264
from listed import write
from protos import Example, SequenceExample

import clipmill as reader
from clipmill.dataset.verify_shard import _column_problems
from clipmill.layout import read_manifest
from clipmill.reader import FirstFrames
from clipmill.records import get_schema
from clipmill.records.tfrecord import read_records
from clipmill.storage import open_storage

CSV = "path,label,caption,views,score\na.mp4,one,a door,3,0.5\nb.mp4,two,,,\nc.mp4,two,ein Tür,-7,1e3\n"
COLUMNS = "score=float,caption,views=int64"
MINE = """
frames = "jpegs"
[features]
"name" = { field = "clip_id" }
"target/class" = { field = "label_index" }
"begin" = { field = "start", type = "float" }
"said" = { column = "caption" }
"seen" = { column = "views", type = "int64" }
"format" = { value = "JPEG" }
"""


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for name, frames in (("a", 6), ("b", 4), ("c", 9)):
        write_film(folder / f"{name}.mp4", frames, options=x264())
    return write(folder / "rows.csv", CSV)


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("schema") / "mine.toml", MINE)


@pytest.fixture(scope="module")
def with_columns(listing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("columns") / "out"
    assert built(listing, "--record-columns", COLUMNS, "--out", out, "--workers", 1)["clips"] == 3
    return out


@pytest.fixture(scope="module")
def own(listing: Path, mine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("own") / "out"
    assert built(listing, "--schema", mine, "--out", out, "--workers", 1)["clips"] == 3
    return out


def raw(folder: Path, kind: type = Example) -> dict[str, dict[str, list]]:
    """The plain features of all records below a folder, as protobuf reads them, by the record's name."""
    found = {}
    for path in sorted(folder.glob("*.tfrecord-*")):
        for _, record in read_records(path.read_bytes(), path.name):
            message = kind.FromString(record)
            features = (message.features if kind is Example else message.context).feature
            said = {key: list(getattr(value, value.WhichOneof("kind")).value) for key, value in features.items()}
            found[(said.get("id") or said.get("name") or said["example/id"])[0].decode()] = said
    return found


def jpegs(out: Path) -> dict[str, list[bytes]]:
    """The stored frames, as our own reader gives them."""
    batches = reader.open(str(out)).all.batches(batch_size=1, decode=False)
    return {str(batch["id"][0]): list(batch["frames"][0]) for batch in batches}


def test_columns_are_features_of_their_type(with_columns):
    found = raw(with_columns / "latest")
    assert [found[name]["caption"] for name in "abc"] == [[b"a door"], [b""], ["ein Tür".encode()]]
    assert [found[name]["views"] for name in "abc"] == [[3], [-1], [-7]]
    assert found["a"]["score"] == [0.5] and np.isnan(found["b"]["score"]) and found["c"]["score"] == [1000.0]
    schema = read_manifest(open_storage(str(with_columns))).schema
    assert schema == "tfds:caption=text,score=float,views=int64"
    assert [get_schema(schema).features(2)["featuresDict"]["features"][key] for key in ("views", "score")] == [
        get_schema("tfds").features(2)["featuresDict"]["features"][key] for key in ("width", "fps")
    ]


def test_such_versions_verify_and_rerun_and_depend_on_the_columns(listing, with_columns, tmp_path):
    assert clipmill("verify", with_columns, "--deep").code == 0
    before = published(with_columns)
    same = built(listing, "--record-columns", "views=int64,caption,score=float", "--out", with_columns, "--workers", 1)
    assert not same["changed"] and published(with_columns) == before
    write(tmp_path / "rows.csv", CSV.replace("a door", "a gate"))
    other = tmp_path / "out"
    built(tmp_path / "rows.csv", "--videos", listing.parent, "--record-columns", COLUMNS, "--out", other)
    assert read_manifest(open_storage(str(other))).version != read_manifest(open_storage(str(with_columns))).version


def test_a_record_that_says_other_than_the_clip_table_is_found(with_columns, tmp_path):
    (shard,) = (with_columns / "shards").glob("*.tfrecord")
    schema = get_schema(read_manifest(open_storage(str(with_columns))).schema)
    row = next(row for row in clips(with_columns) if row["clip_id"] == "a")
    for _, record in read_records(shard.read_bytes(), shard.name):
        said, _ = schema.parse(record)
        if said.clip_id == "a":
            assert _column_problems(schema, said, row) == []
            assert _column_problems(schema, said, {**row, "views": "4"}) == [
                "its column views is '3', in the clip table '4'"
            ]


def test_a_cell_of_another_type_is_a_bad_row(listing, tmp_path):
    write(tmp_path / "rows.csv", CSV.replace(",3,", ",3.5,"))
    words = ("--record-columns", "views=int64", "--videos", listing.parent, "--max-missing", 1)
    outcome = built(tmp_path / "rows.csv", *words, "--out", tmp_path / "out", "--workers", 1)
    assert outcome["clips"] == 2 and outcome["failed"] == {"bad_row": 1}
    (failure,) = clipmill("failures", tmp_path / "out", "--json").json["failures"]
    assert failure["message"] == ("column views: '3.5' is not a whole number of 64 bits (--record-columns views=int64)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--record-columns", "mood"], "has no such further column; it has caption, score, views"),
        (["--record-columns", "views=int"], "is not like caption,views=int64"),
        (["--record-columns", "caption", "--schema", "pairs"], "records of --schema pairs hold no further columns"),
        (["--schema", "absent.toml"], "--schema absent.toml: No such file or directory"),
        (["--schema", "tdfs"], "did you mean tfds"),
        (["--schema", "own:[]"], "is no declaration"),
    ],
)
def test_what_cannot_be_is_refused(listing, tmp_path, words, said):
    assert said in refused("build", listing, "--out", tmp_path / "out", *words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[features]\n", 'frames: name the key of the frames, as frames = "jpegs"'),
        ('frames = "x"\n', "features: there is no table [features]"),
        ('frames = "x"\nfields = 1\n[features]\n', "fields: there are record, frames and [features] alone"),
        ('frames = "x"\nrecord = "proto"\n[features]\n', "record = 'proto': not one of example, sequence_example"),
        ('frames = "x"\n[features]\na = { field = "lable" }', "features.a: field 'lable': not one of clip_id,"),
        ('frames = "x"\n[features]\na = { field = "fps", type = "int64" }', "field fps is stored as float"),
        ('frames = "x"\n[features]\na = { column = "views", type = "int" }', "stored as text or int64 or float"),
        ('frames = "x"\n[features]\na = { value = true }', "features.a: a value is a text, a whole number or a float"),
        ('frames = "x"\n[features]\na = { field = "fps", column = "b" }', "features.a: give one of field, column and"),
        ('frames = "x"\n[features]\nx = { field = "fps" }', "features.x: this is the key of the frames"),
        ('frames = "x"\n[features]\n"clipmill/fps" = { field = "clip_id" }', "clipmill itself stores fps"),
        ('frames = "x"\n[features\n', "mine.toml: Expected"),
    ],
)
def test_a_file_that_declares_no_schema_names_the_key(listing, tmp_path, text, said):
    path = write(tmp_path / "mine.toml", text)
    line = refused("build", listing, "--out", tmp_path / "out", "--schema", path)
    assert f"{path}: " in line and said in line


def test_a_schema_of_ones_own_has_the_keys_of_the_file_and_works_everywhere(listing, mine, own, with_columns, tmp_path):
    found = raw(own / "latest")
    assert found["a"]["said"] == [b"a door"] and found["a"]["seen"] == [3] and found["b"]["seen"] == [-1]
    assert found["a"]["begin"] == [-1.0] and found["a"]["format"] == [b"JPEG"] and found["a"]["target/class"] == [0]
    assert {len(clip["jpegs"]) for clip in found.values()} == {6, 4, 9}
    assert clipmill("verify", own, "--deep").code == 0
    assert jpegs(own) == jpegs(with_columns)
    window = reader.open(str(own)).all.batches(FirstFrames(2), batch_size=3).at(0, 0)
    assert window["frames"].shape[:2] == (3, 2)
    assert (own / "latest/target-class.labels.txt").read_text() == "one\ntwo\n"
    # Frames are taken out of such records: in another schema, and back.
    version = read_manifest(open_storage(str(own))).version
    built(listing, "--out", own, "--workers", 1)
    assert jpegs(own) == jpegs(with_columns)
    built(listing, "--schema", mine, "--out", own, "--workers", 1)
    assert read_manifest(open_storage(str(own))).version == version


def test_exports_take_columns_from_the_clip_table(listing, mine, own, with_columns, tmp_path):
    plain = tmp_path / "plain"
    built(listing, "--out", plain, "--workers", 1)
    assert "caption" not in raw(plain / "latest")["a"]

    def exported(out: Path, to: object, *words: object) -> Path:
        dest = tmp_path / f"export{len(list(tmp_path.iterdir()))}"
        ran = clipmill("export", out, "--to", to, "--dest", dest, "--order", "length", *words)
        assert ran.code == 0, ran.err
        return dest

    assert raw(exported(plain, mine)) == raw(own / "latest")
    assert raw(exported(with_columns, mine)) == raw(own / "latest")
    again = raw(exported(own, "tfds", "--record-columns", COLUMNS))
    wanted = raw(with_columns / "latest")
    assert {n: {k: v for k, v in clip.items() if k != "score"} for n, clip in again.items()} == {
        n: {k: v for k, v in clip.items() if k != "score"} for n, clip in wanted.items()
    }
    # Without a word: the columns that the records have; captions in mediaseq wherever the listing has them.
    assert raw(exported(with_columns, "frames-example"))["c"]["views"] == [-7]
    captions = raw(exported(plain, "mediaseq"), SequenceExample)
    assert [captions[name].get("caption/string") for name in "abc"] == [[b"a door"], None, ["ein Tür".encode()]]
    with_score = raw(exported(plain, "mediaseq", "--record-columns", "score=float"), SequenceExample)
    assert with_score["a"]["clip/column/score"] == [0.5] and "clip/column/score" not in with_score["b"]


def test_exports_refuse_columns_that_are_not_there_and_formats_without_them(with_columns, tmp_path):
    words = ("export", with_columns, "--dest", tmp_path / "x", "--record-columns")
    assert "the clip table has no such column; it has caption, score, views" in refused(*words, "mood", "--to", "tfds")
    assert "means nothing with --to parquet" in refused(*words, "caption", "--to", "parquet")
    assert "caption=int64: a: 'a door' is not a whole number" in refused(*words, "caption=int64", "--to", "tfds")


def test_captions_of_a_listing_are_in_mediaseq_without_a_word(listing, tmp_path):
    built(listing, "--schema", "mediaseq", "--out", tmp_path / "out", "--workers", 1)
    found = raw(tmp_path / "out/latest", SequenceExample)
    assert found["a"]["caption/string"] == [b"a door"] and "caption/string" not in found["b"]
    assert clipmill("verify", tmp_path / "out").code == 0
