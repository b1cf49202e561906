"""Every block of code of README and docs/ is run, in the order of its page, or stands in a list that says why not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commanding import built
from pages import Block, block, blocks, pages, run
from PIL import Image
from places import ROOT

from clipmill.layout import LABELS
from clipmill.pipeline.demo.synthetic import make_dataset

#: What is not run here, by the page and the words that it begins with: the file that runs it, or why nothing does.
ELSEWHERE = {
    ("README.md", "pip install ."): "would install into the environment of the tests",
    ("README.md", "make demo"): ".ci/run",
    ("docs/architecture.md", "ReadListing"): "a drawing",
    ("docs/architecture.md", "OUT/CURRENT"): "a tree of files",
    ("docs/clusters.md", "clipmill build UCF-101/"): "tests/external/flink/test_flink.py",
    ("docs/clusters.md", "clipmill build s3:"): "tests/external/flink/test_flink.py",
    ("docs/clusters.md", "python -m tools.flink.cluster"): "tests/external/flink/conftest.py",
    ("docs/commands.md", "clipmill"): "a line of usage, made from the command line itself",
    ("docs/dataflow.md", "docker build"): "tests/external/docker/test_image.py",
    ("docs/dataflow.md", "clipmill build gs:"): "tests/external/gcp/test_job.py",
    ("docs/dataflow.md", "gcloud"): "needs an account of Google",
    ("docs/exporting.md", "clipmill export s3:"): "tests/external/flink/test_flink.py",
    ("docs/files.md", "OUT/CURRENT"): "a tree of files",
    ("docs/listings.md", "clipmill build list.csv"): "tests/end_to_end/test_web_sources.py",
    ("docs/own-list.md", "path,label"): "a list, which the page's commands get here",
    ("docs/reading.md", "from torch"): "tests/external/pytorch/test_page.py",
    ("docs/reading.md", "from clipmill.fastai"): "tests/external/pytorch/test_page.py",
    ("docs/reading.md", "import clipmill.grain"): "tests/external/interop/test_grain.py",
    ("docs/reading.md", "import jax"): "tests/external/interop/test_jax.py",
    ("docs/reading.md", "import ray"): "tests/external/interop/test_ray.py",
    ("docs/records.md", "clipmill build clips.csv --record-columns"): "tests/end_to_end/test_own_schema.py",
    ("docs/records.md", "# mine.toml"): "tests/end_to_end/test_own_schema.py",
    ("docs/records.md", "clipmill build UCF-101/ --schema mine.toml"): "tests/end_to_end/test_own_schema.py",
    ("docs/tutorial.md", "clipmill"): "tests/examples/test_tutorial.py",
    ("docs/tutorial.md", "python examples/"): "tests/examples/test_tutorial.py",
}


def elsewhere(one: Block) -> list[tuple[str, str]]:
    return [(page, start) for page, start in ELSEWHERE if page == one.page and one.text.startswith(start)]


BLOCKS = [one for page in pages() for one in blocks(page)]
HERE = [page for page in pages() if any(not elsewhere(one) for one in blocks(page))]


def test_the_list_names_blocks_that_are_there() -> None:
    assert {key for one in BLOCKS for key in elsewhere(one)} == ELSEWHERE.keys()
    assert not [where for where in ELSEWHERE.values() if "/" in where and not (ROOT / where).exists()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with UCF-101/, 24 clips of 40 to 44 frames in six classes, and ucf/, a data set of them."""
    folder = tmp_path_factory.mktemp("made")
    make_dataset(folder / "UCF-101", 24, frames=(40, 44), sizes=((96, 80),), broken=0)
    built(folder / "UCF-101", "--out", folder / "ucf")
    return folder


def nothing(made: Path) -> dict[str, Any]:
    return {}


def lists(made: Path) -> dict[str, Any]:
    """Make the lists of the pages, beside UCF-101/."""
    videos = made / "UCF-101"
    paths = sorted(str(path.relative_to(videos)) for path in videos.glob("*/*"))
    classes = sorted({path.partition("/")[0] for path in paths})
    Path("ucfTrainTestlist").mkdir()
    numbers = [f"{number} {name}\n" for number, name in enumerate(classes, 1)]
    Path("ucfTrainTestlist/classInd.txt").write_text("".join(numbers))
    train = [f"{path} {classes.index(path.partition('/')[0]) + 1}\n" for path in paths[::2]]
    Path("ucfTrainTestlist/trainlist01.txt").write_text("".join(train))
    Path("ucfTrainTestlist/testlist01.txt").write_text("".join(f"{path}\n" for path in paths[1::2]))
    shutil.copytree(videos, "videos")
    Path("mine.csv").write_text("path,label\n" + "".join(f"videos/{path},{path[:4]}\n" for path in paths))
    kinetics(made)
    return {}


def kinetics(made: Path) -> dict[str, Any]:
    """Make Kinetics: two lists, and the videos but one."""
    Path("k400").mkdir()
    head = "label,youtube_id,time_start,time_end,split\n"
    rows: dict[str, list[str]] = {"train": [], "val": []}
    for number, path in enumerate(sorted(made.glob("UCF-101/*/*"))):
        name, split = f"youtube{number:04d}", "val" if number % 4 == 3 else "train"
        rows[split].append(f"{path.parent.name},{name},{number},{number + 10},{split}\n")
        if number:
            shutil.copy(path, f"k400/{name}_{number:06d}_{number + 10:06d}{path.suffix}")
    for split, lines in rows.items():
        Path(f"{split}.csv").write_text(head + "".join(lines))
    return {}


def own_list(made: Path) -> dict[str, Any]:
    Path("mine.csv").write_text(block("docs/own-list.md", "path,label").text)
    Path("kitchen").mkdir()
    for name, path in zip(("001.mp4", "002.mp4"), sorted(made.glob("UCF-101/*/*.mp4")), strict=False):
        shutil.copy(path, f"kitchen/{name}")
    return {}


def data_set(made: Path) -> dict[str, Any]:
    shutil.copytree(made / "ucf", "ucf", symlinks=True)
    return {}


def three_data_sets(made: Path) -> dict[str, Any]:
    for name in ("ucf", "k400", "hmdb"):
        shutil.copytree(made / "ucf", name, symlinks=True)
    return {}


def others_shards(made: Path) -> dict[str, Any]:
    """Copy shards under the names that others give them."""
    Path("shards").mkdir()
    for number, shard in enumerate(sorted(made.glob("ucf/latest/*.tfrecord-*"))):
        shutil.copy(shard, f"kinetics-train.tfrecord-{number:05d}")
        shutil.copy(shard, f"shards/train-{number}.tfrecord")
    shutil.copy(made / "ucf/latest" / LABELS, "names.txt")
    return {}


def reader(made: Path) -> dict[str, Any]:
    # Loading TensorFlow takes seconds.
    import keras

    data_set(made)
    model = keras.Sequential(
        [keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling3D(), keras.layers.Dense(6)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return {"np": np, "model": model}


def pascal(made: Path) -> dict[str, Any]:
    """Make two images with masks as Pascal VOC has them, a data set, and a record of raw pixels."""
    data_set(made)
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        Path("VOC2012", folder).mkdir(parents=True)
    mask = (np.arange(30 * 40) % 21).astype(np.uint8).reshape(30, 40)
    for name in ("a", "b"):
        Image.fromarray(np.stack([mask * 8] * 3, axis=2)).save(f"VOC2012/JPEGImages/{name}.jpg")
        Image.fromarray(mask).save(f"VOC2012/SegmentationClass/{name}.png")
    Path("VOC2012/ImageSets/Segmentation/train.txt").write_text("a\nb\n")
    built("VOC2012", "--format", "voc", "--schema", "pairs", "--encoding", "raw", "--out", "raw")
    import tensorflow as tf

    (shard,) = Path("raw/latest").glob("*.tfrecord-*")
    return {"record": next(iter(tf.data.TFRecordDataset(str(shard)))), "truth": mask}


def nightly(made: Path) -> dict[str, Any]:
    """Publish half of the clips, and write the file of options that a night takes."""
    built("UCF-101", "--out", "ucf", "--limit", 12)
    Path("nightly.toml").write_text('listing = ["UCF-101"]\nout = "ucf"\n')
    return {}


#: What stands in the working folder before a page's first block, beside UCF-101/; the data set ucf/ where not said.
BEFORE: dict[str, Callable[[Path], dict[str, Any]]] = {
    "README.md": lists,
    "docs/adopting.md": others_shards,
    "docs/exporting.md": nothing,
    "docs/kinetics.md": kinetics,
    "docs/leaks.md": three_data_sets,
    "docs/options.md": kinetics,
    "docs/own-list.md": own_list,
    "docs/reading.md": reader,
    "docs/records.md": pascal,
    "docs/reprocessing.md": nightly,
}
#: Words of a page that stand for others, or would take long.
CHANGES = {
    "docs/options.md": {"renumber": 'videos = "k400"\nmax_missing = 2\nrenumber'},
    "docs/reading.md": {
        "224": "24",
        "batch_size=32": "batch_size=4",
        "epochs=10": "epochs=1",
        "step=3": "step=1",
        "Biking/v_Biking_g01_c01": "swing/v_swing_g01_c01",
    },
    "docs/reprocessing.md": {"LISTING": "UCF-101", "OUT": "ucf", "[VERSION]": ""},
}


def shape(line: str) -> str:
    """What stays of a printed line from run to run."""
    line = re.sub(r"\([0-9a-f]{8}\)", "(#)", line)
    return re.sub(r"\d[\d.,]*( [kMG]?B\b)?", "#", line)


def check_readme(names: dict[str, Any], printed: str) -> None:
    """The lines that a build prints are those of the page, but for numbers."""
    shown = [
        line for line in block("README.md", "$ ").text.splitlines() if re.match(r"UCF-101 |about |\d+ clips in", line)
    ]
    assert len(shown) == 3
    assert {shape(line) for line in shown} <= {shape(line) for line in printed.splitlines()}
    assert names["batch"]["frames"].shape == (8, 16, 112, 112, 3)


def check_first_epoch(names: dict[str, Any], printed: str) -> None:
    assert (len(names["published"].all), names["batches"].epoch) == (24, 2)


def check_exporting(names: dict[str, Any], printed: str) -> None:
    images, labels = next(iter(names["dataset"]))
    assert images.shape[:2] == labels.shape == (4, 5) and labels.numpy().min() >= 1


def check_records(names: dict[str, Any], printed: str) -> None:
    assert names["frames"][0].shape == (80, 96, 3)
    np.testing.assert_array_equal(names["mask"][..., 0], names["truth"])


def check_resuming(names: dict[str, Any], printed: str) -> None:
    assert (names["batches"].epoch, names["batches"].step) == (3, 0)


CHECKS = {
    "README.md": check_readme,
    "docs/exporting.md": check_exporting,
    "docs/first-epoch.md": check_first_epoch,
    "docs/records.md": check_records,
    "docs/resuming.md": check_resuming,
}


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", HERE)
def test_the_blocks_of_a_page_run_in_order(
    page: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made / "UCF-101", "UCF-101")
    names = BEFORE.get(page, data_set)(made)
    changes = CHANGES.get(page, {})
    here = [one for one in blocks(page) if not elsewhere(one)]
    assert not [old for old in changes if not any(old in one.text for one in here)]
    printed = "".join(run(one, names, changes) for one in here)
    CHECKS.get(page, lambda names, printed: None)(names, printed)
