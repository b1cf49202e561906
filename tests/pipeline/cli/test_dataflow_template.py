"""The program of the Dataflow template: a form's parameters become words of a build."""

from __future__ import annotations

import argparse

import pytest

from clipmill.errors import UsageError
from clipmill.pipeline.cli.arguments import add_build_arguments, build_options
from clipmill.pipeline.cli.dataflow_template import split_parameters


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(add_help=False)
    add_build_arguments(made)
    return made


def test_a_template_s_parameters_are_a_build_s_words(tmp_path):
    (tmp_path / "a.csv").write_text("path,label\nx.mp4,walk\n")
    own, beam_words = split_parameters(
        [
            f"--listing={tmp_path}/a.csv",
            "--out=gs://bucket/out",
            "--short_side=256",
            "--split=train=0.9,val=0.1",
            "--renumber=true",
            "--shared_filesystem=false",
            "--runner=DataflowRunner",
            "--project=p",
            "--template_location=gs://bucket/staging/job_object",
        ]
    )
    assert beam_words == ["--project=p", "--template_location=gs://bucket/staging/job_object"]
    arguments = parser().parse_args(own)
    options = build_options(arguments)
    assert arguments.runner == "dataflow"
    assert (options.out, options.frames.short_side, options.renumber) == ("gs://bucket/out", 256, True)
    assert options.listing.splits == {"train": 0.9, "val": 0.1}
    assert not arguments.shared_filesystem


@pytest.mark.parametrize(
    ("word", "said"), [("listing", "is not a parameter"), ("--renumber=yes", "must be true or false")]
)
def test_parameters_that_are_none_are_refused(word, said):
    with pytest.raises(UsageError, match=said):
        split_parameters([word])
