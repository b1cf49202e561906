"""Each option fills one field, wherever it is given; what is made from the table is up to date."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from clipmill.options import Budget, BuildOptions, FrameOptions, ListingOptions, values
from clipmill.options.defaults import cores
from clipmill.options.table import OPTIONS, Option, default_of, filled, that_change_bytes, value_of
from clipmill.pipeline.cli.arguments import add_build_arguments, build_options, choices_of
from clipmill.pipeline.cli.config import with_config
from clipmill.pipeline.cli.dataflow_template import split_parameters
from clipmill.pipeline.cli.parsing import Parser
from tools import options as made

#: By kind: a text, and the value that it is. Of paths, URLs, which mean the same everywhere.
EXAMPLES: dict[values.Kind | None, tuple[str, Any]] = {
    None: ("true", True),
    values.LISTING: ("gs://bucket/a.csv", ("gs://bucket/a.csv",)),
    values.PATH: ("gs://bucket/folder", "gs://bucket/folder"),
    values.PATHS: ("gs://bucket/folder", ("gs://bucket/folder",)),
    values.TEXT: ("*x*", "*x*"),
    values.NAME: ("Name_1", "Name_1"),
    values.POSITIVE: ("7", 7),
    values.WHOLE: ("-3", -3),
    values.MEBIBYTES: ("2", 2 << 20),
    values.SECONDS: ("1.5", 1.5),
    values.RATE: ("12.5", 12.5),
    values.QUALITY: ("80", 80),
    values.SIZE: ("320x240", (320, 240)),
    values.BUDGET: ("5%", Budget(share=0.05)),
    values.FAILURES_BUDGET: ("5%", Budget(share=0.05, least=3)),
    values.SHARE: ("50%", 0.5),
    values.SHARES: ("train=0.75,val=0.25", {"train": 0.75, "val": 0.25}),
    values.RECORD_COLUMNS: ("views=int64", "views=int64"),
    values.COLUMNS: ("label=tag,start=t0", {"label": "tag", "start": "t0"}),
}
FILLING = [option for option in OPTIONS if option.fills]
#: What no option fills: made by the command, by a runner, or from the roots and the listing.
ITS_OWN = {"run", "span_frames", "tell_seconds", "listing.videos", "listing.label_lists", "listing.images"}


def example(option: Option) -> tuple[str, Any]:
    if choices := choices_of(option):
        return choices[-1], choices[-1]
    return EXAMPLES[option.kind]


def test_each_field_has_one_option():
    fields = set(BuildOptions.__struct_fields__) - {"listing", "frames"}
    fields |= {f"listing.{name}" for name in ListingOptions.__struct_fields__}
    fields |= {f"frames.{name}" for name in FrameOptions.__struct_fields__}
    assert sorted(option.fills for option in FILLING) == sorted(fields - ITS_OWN)


def test_every_option_that_changes_pixels_changes_bytes():
    marked = {option.fills for option in OPTIONS if option.changes_bytes}
    assert {f"frames.{name}" for name in FrameOptions.__struct_fields__} <= marked


@pytest.mark.parametrize("option", FILLING, ids=lambda option: option.name)
def test_an_option_means_the_same_in_words_in_a_file_and_in_a_form(option, tmp_path, monkeypatch):
    monkeypatch.setattr("clipmill.listings.resolve", lambda chosen: chosen)
    text, value = example(option)
    parser = Parser(prog="clipmill build", add_help=False)
    add_build_arguments(parser)
    parser.set_defaults(command="build")
    needed = [word for word in ("gs://b/l", "--out=gs://b/o") if option.name not in ("listing", "out")]
    needed += ["--size=8x8"] if option.name == "fit" else []
    needed += ["--schema=pairs"] if option.name == "encoding" else []
    given = {"listing": [text]}.get(
        option.name, [f"--{option.name}"] if option.kind is None else [f"--{option.name}={text}"]
    )
    rest = {"listing": ["--out=gs://b/o"], "out": ["gs://b/l"]}.get(option.name, needed)

    typed = build_options(parser.parse_words([*given, *rest]))
    assert value_of(option, typed) == value

    (tmp_path / "o.toml").write_text(f"{option.key} = {'true' if option.kind is None else json.dumps(text)}")
    words = with_config(["build", *rest], parser.parse_words([*rest, f"--config={tmp_path / 'o.toml'}"]))
    assert value_of(option, build_options(parser.parse_words(words[1:]))) == value

    own, beam_words = split_parameters([f"--{option.key}={text}"])
    assert value_of(option, build_options(parser.parse_words([*own, *rest]))) == value
    assert not beam_words


def test_what_is_not_given_has_the_default_of_its_field():
    options = filled({"listing.listings": ("a",), "out": "o", "workers": 3})
    assert options == BuildOptions(listing=ListingOptions(("a",)), out="o", run=options.run, workers=3)
    assert filled({"listing.listings": ("a",), "out": "o"}).workers == cores()
    defaults = {option.name: default_of(option) for option in OPTIONS}
    assert [defaults[name] for name in ("every", "split", "out", "yes", "runner")] == [1, {}, None, False, "local"]


def test_options_that_change_bytes_keep_the_names_of_published_versions():
    """Another name, value or order here, and every published version has another name, or its manifest other bytes."""
    options = BuildOptions(listing=ListingOptions(("a",)), out="o", run="r", frames=FrameOptions(size=(320, 240)))
    assert list(that_change_bytes(options).items()) == [
        ("schema", "tfds"), ("name", "clips"), ("sort", "length"), ("shard_bytes", 268435456), ("hosts", None),
        ("every", 1), ("fps", None), ("max_frames", None), ("min_frames", 1), ("segment_seconds", None),
        ("short_side", None), ("size", "320x240"), ("fit", "crop"), ("quality", None),
    ]  # fmt: skip


def test_a_younger_option_stands_in_the_manifest_where_it_is_not_the_default(monkeypatch):
    (every,) = (option for option in OPTIONS if option.name == "every")
    younger = msgspec.structs.replace(every, younger=True)
    monkeypatch.setattr("clipmill.options.table.OPTIONS", (younger,))
    options = BuildOptions(listing=ListingOptions(("a",)), out="o", run="r")
    assert "every" not in that_change_bytes(options)
    assert that_change_bytes(msgspec.structs.replace(options, frames=FrameOptions(every=2)))["every"] == 2


def test_the_template_s_form_takes_what_is_right():
    parameters = {parameter["name"]: parameter for parameter in json.loads(made.template())["parameters"]}
    assert sorted(parameters) == sorted(option.key for option in FILLING)
    assert {name for name in parameters if "isOptional" not in parameters[name]} == {"listing", "out"}
    for option in FILLING:
        (pattern,) = parameters[option.key]["regexes"]
        assert re.match(pattern, example(option)[0]), option.name


@pytest.mark.parametrize("option", [o for o in FILLING if o.changes_bytes and o.kind is not None], ids=lambda o: o.name)
def test_a_manifests_value_is_shown_as_it_is_typed(option: Option) -> None:
    text, value = example(option)
    assert (
        option.typed(
            that_change_bytes(filled({"listing.listings": ("a",), "out": "o", option.fills: value}))[option.field]
        )
        == text
    )
