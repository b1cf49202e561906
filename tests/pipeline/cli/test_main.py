"""Words of the command line: what is said of wrong ones, help, and options from a file."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from commanding import clipmill, refused
from footage import write_film

from clipmill import __version__
from clipmill.pipeline.cli import commands
from clipmill.pipeline.cli.main import _parser
from clipmill.storage import LocalStorage

COMMANDS = ["build", "plan", "verify", "inspect", "failures", "path", "versions", "gc", "rollback", "demo"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Everything happens in an empty folder, so that messages say what was typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def videos(tmp_path) -> Path:
    folder = tmp_path / "videos"
    for name in ("run/a", "run/b", "walk/c"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_film(folder / f"{name}.mp4", 3)
    return folder


def test_alone_it_shows_its_commands():
    ran = clipmill()
    assert ran.code == 2
    listed = [line.split()[0] for line in ran.out.splitlines() if line.startswith("    ")]
    assert [name for name in COMMANDS if name not in listed] == []
    assert "130  interrupted" in ran.out


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=lambda words: "".join(words) or "alone")
def test_help_fits_80_columns(command, capsys):
    with pytest.raises(SystemExit) as ended:
        _parser().parse_words([*command, "--help"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"usage: {' '.join(['clipmill', *command])}")
    assert max(map(len, lines)) <= 80


def test_help_of_build_says_every_option_in_one_line(capsys):
    with pytest.raises(SystemExit):
        _parser().parse_words(["build", "--help"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  -")]
    options = {line.split()[0] for line in lines}
    design = "every fps max-frames min-frames segment-seconds trimmed short-side size fit quality fold split split-by "
    design += "limit class-every include labels renumber schema sort shard-mb hosts name workers timeout max-missing "
    design += "max-failures runner videos format out config json"
    assert {f"--{name}" for name in design.split()} <= options
    # Its argument and at least a word of explanation, after two spaces.
    assert [line for line in lines if "  " not in line.strip()] == []


def test_version(capsys):
    with pytest.raises(SystemExit):
        _parser().parse_words(["--version"])
    assert capsys.readouterr().out == f"clipmill {__version__}\n"


SEE = "(see clipmill build --help)"
RATE = "is not a number of frames per second above 0, at most 1000"
REASONS = (
    "missing, bad_row, duplicate, merged, empty, not_a_video, no_video_stream, truncated, corrupt, timeout, "
    "crashed, too_large, too_short, out_of_range, changed, storage"
)


@pytest.mark.parametrize(
    "line, said",
    [
        ("build", "LISTING is missing: name a folder of videos, or a file that lists them"),
        ("build videos", "--out is missing: name a folder or a bucket"),
        ("build videos --out", f"--out: expected one argument {SEE}"),
        ("build videos --ou x", f"there is no option --ou; did you mean --out? {SEE}"),
        ("build videos --limt 5 --out x", f"there is no option --limt; did you mean --limit? {SEE}"),
        ("build videos --limt=5 --out x", f"there is no option --limt; did you mean --limit? {SEE}"),
        ("build videos --wibble", f"there is no option --wibble {SEE}"),
        ("biuld videos --out x", "there is no command biuld; did you mean build? (see clipmill --help)"),
        ("frobnicate", "there is no command frobnicate (see clipmill --help)"),
        ("inspect", "the following arguments are required: OUT (see clipmill inspect --help)"),
        ("inspect a b", "b: unexpected argument (see clipmill inspect --help)"),
        ("verify a --limit 5", "there is no option --limit (see clipmill verify --help)"),
        ("verify a -- --x", "--x: Beam options after -- work with clipmill build and export alone"),
        ("failures x --reason emty", f"--reason: emty is not one of {REASONS}; did you mean empty? "
                                     "(see clipmill failures --help)"),
        ("gc x --keep 0", "--keep: 0 is not a whole number from 1 up (see clipmill gc --help)"),
        ("gc x --older-than soon", "--older-than: soon is not a number of days such as 7 (see clipmill gc --help)"),
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_wrong_words(line, said):
    assert refused(*line.split()) == said
    assert os.listdir() == []


@pytest.mark.parametrize(
    "option, said",
    [
        ("--every two", "two is not a whole number from 1 up"),
        ("--every 1.5", "1.5 is not a whole number from 1 up"),
        ("--limit -5", "-5 is not a whole number from 1 up"),
        ("--workers 0", "0 is not a whole number from 1 up"),
        ("--quality 101", "101 is not a whole number from 1 to 100"),
        ("--size 320", "320 is not a width and a height such as 320x240"),
        ("--size 0x240", "0x240 is not a width and a height such as 320x240"),
        ("--fps fast", f"fast {RATE}"),
        ("--fps nan", f"nan {RATE}"),
        ("--timeout 0", "0 is not a number of seconds above 0"),
        ("--seed x", "x is not a whole number"),
        ("--fit corp", "corp is not one of crop, pad, stretch; did you mean crop?"),
        ("--split train=0.8,val=0.3", "train=0.8,val=0.3 adds up to 1.1, not 1"),
        ("--split 0.8", "0.8 is not like train=0.8,val=0.2"),
        ("--split train=all", "all is not a share above 0, at most 1, as in train=0.8,val=0.2"),
        ("--name 1st", "1st is not a letter, then letters, digits and _ (TFDS allows no other name)"),
        ("--schema tdfs", "tdfs is not one of tfds, frames, pairs, mediaseq; did you mean tfds?"),
        (
            "--format ucf102",
            "ucf102 is not one of auto, hmdb, ucf, hacs, kinetics, charades, csv, jsonl, json, parquet, list, "
            "rawframes, ava, jester, moments, ucf-crime, thumos, voc, tree; did you mean ucf?",
        ),
        ("--max-missing 5pc", "5pc is not a number of clips such as 20 or a share such as 5%"),
    ],
)
def test_wrong_values(option, said):
    assert refused("build", "videos", "--out", "x", *option.split()) == f"{option.split()[0]}: {said} {SEE}"


@pytest.mark.parametrize(
    "words, said",
    [
        ("--out x --short-side 8 --size 8x8", "--size and --short-side exclude each other; leave one out"),
        ("--out x --fps 5 --every 2", "--fps and --every exclude each other; leave one out"),
        ("--out x --fit pad", "--fit pad: works with --size WxH alone; add it, or leave --fit out"),
        ("--out x --max-frames 5 --min-frames 9", "--max-frames 5: is below --min-frames 9, so that no clip is left"),
        ("--out s3:/b/x", "s3:/b/x: neither a local path nor s3://... nor gs://..."),
        ("--out x hdfs://host/more", "hdfs://host/more: neither a local path nor s3://... nor gs://..."),
        ("--out x nothing/*.csv", "nothing/*.csv: no file or folder matches"),
    ],
)
def test_words_that_do_not_go_together(words, said):
    assert refused("build", "videos", *words.split()) == said
    assert os.listdir() == []


def test_listings_stand_before_between_and_after_options():
    arguments = _parser().parse_words(["build", "a.csv", "--out", "x", "b.csv", "--limit", "3", "c.csv"])
    assert arguments.listing == ["a.csv", "b.csv", "c.csv"]
    assert (arguments.out, arguments.limit) == (os.path.abspath("x"), 3)


def test_paths_that_are_wrong(videos, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty/deeper").mkdir(parents=True)
    (tmp_path / "notes/a").mkdir(parents=True)
    (tmp_path / "notes/a/readme.txt").write_text("x")
    assert refused("build", "nowhere", "--out", "x").startswith(f"{tmp_path}/nowhere: there is no such file")
    assert refused("build", "empty", "--out", "x").startswith(f"{tmp_path}/empty: ")
    assert refused("build", "notes", "--out", "x") == f"{tmp_path}/notes: there is no video and no image in this folder"
    assert refused("build", videos, "--out", "file") == "--out file: this is a file; name a folder"
    assert refused("build", videos, "--out", "file/in").startswith("--out file/in: nothing can be written in ")
    assert refused("plan", videos, "--out", "notes") == (
        "--out notes: this folder has other files in it, such as a; name a new folder, or one inside it"
    )
    assert (
        refused("build", videos, "--videos", "nowhere", "--out", "x") == f"--videos {tmp_path}/nowhere: no such folder"
    )
    assert refused("build", videos, "--out", "x", "--include", "*Run*").startswith(
        "--include *Run*: matches no video; their paths look like "
    )
    assert not (tmp_path / "x").exists()
    for command in ("verify", "inspect", "path"):
        assert refused(command, "x") == f"{tmp_path}/x: no published data set here (there is no CURRENT file)"
    assert refused("failures", "x") == f"{tmp_path}/x: no build has ended here"


def test_an_output_that_cannot_be_written(videos, tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    may = os.access
    locked = str(tmp_path / "locked")
    monkeypatch.setattr(os, "access", lambda path, mode: may(path, mode) and not (path == locked and mode & os.W_OK))
    assert refused("build", videos, "--out", "locked/out") == (
        f"--out locked/out: nothing can be written in {tmp_path}/locked"
    )
    assert clipmill("plan", videos, "--out", "locked/out").code == 0, "plan writes nothing"


def test_a_disk_that_is_too_small(videos, tmp_path, monkeypatch):
    monkeypatch.setattr(LocalStorage, "free", lambda self: 5000)
    said = refused("build", videos, "--out", "out")
    assert (
        said.startswith("--out out: needs about ") and " at the peak and has 5 kB free. The largest of " in said
    ) and said.endswith(
        "Store less with --short-side, --every or --quality, take smaller shards with --shard-mb, "
        "choose another disk, or go on all the same with --yes"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("missing", ["av", "apache_beam"])
@pytest.mark.parametrize("command", ["build", "plan"])
def test_an_extra_that_is_missing(command, missing, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(commands, "find_spec", lambda name: None if name == missing else find(name))
    assert refused(command, "videos", "--out", "x") == (
        f"clipmill {command} needs more packages: pip install 'clipmill[build]'"
    )


CONFIG = """
listing = "videos"
out = "from-file"
quality = 80
short_side = 32
include = "run/*"
split = {train = 0.5, val = 0.5}
renumber = true
yes = false
"""


def test_options_from_a_file(videos, tmp_path):
    (tmp_path / "build.toml").write_text(CONFIG)
    ran = clipmill("plan", "--config", "build.toml", "--json")
    assert ran.code == 0 and ran.json["clips"] == 2
    assert sorted(ran.json["splits"].values()) in ([1, 1], [2])

    # The command line wins, its listing included.
    (tmp_path / "other/walk").mkdir(parents=True)
    (tmp_path / "other/walk/d.mp4").write_bytes((videos / "walk/c.mp4").read_bytes())
    ran = clipmill("plan", "other", "--include", "*", "--config", "build.toml", "--json")
    assert ran.json["clips"] == 1 and ran.json["classes"] == ["walk"]


@pytest.mark.parametrize(
    "text, said",
    [
        ("qualty = 80", "--config c.toml: there is no option --qualty"),
        ("config = 'c.toml'", "--config c.toml: there is no option --config"),
        ("quality = 'high'", f"--config c.toml: --quality: high is not a whole number from 1 to 100 {SEE}"),
        ("quality = ", "--config c.toml: Invalid value (at end of document)"),
        ("[frames]\nevery = 2", "--config c.toml: there is no option --frames"),
    ],
)  # fmt: skip
def test_a_file_of_options_that_is_wrong(text, said, tmp_path):
    (tmp_path / "c.toml").write_text(text)
    assert refused("build", "videos", "--out", "x", "--config", "c.toml") == said


def test_a_file_of_options_that_is_not_there(tmp_path):
    assert refused("build", "v", "--config", "c.toml") == "--config c.toml: No such file or directory"
    (tmp_path / "c.toml").write_bytes(b"name = '\xff'")
    assert refused("build", "v", "--config", "c.toml").startswith("--config c.toml: 'utf-8' codec can't decode")
