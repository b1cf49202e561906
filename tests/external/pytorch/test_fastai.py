"""fastai: x is a tuple of images, y a category, and batches and results show themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from miniature import publish_miniature

import clipmill
from clipmill.errors import UsageError
from clipmill.reader import ClipSet, Dataset, Resize, Segments

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]
torch = pytest.importorskip("torch")
pytest.importorskip("fastai")
matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import fastai.callback.progress  # noqa: E402, F401 (after the skips; brings Learner.no_bar)
from fastai.learner import Learner  # noqa: E402
from fastai.torch_core import TensorImage  # noqa: E402
from matplotlib import pyplot  # noqa: E402

from clipmill.fastai import ImageSequence, dataloaders  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    made = publish_miniature(tmp_path_factory.mktemp("mini") / "out", clips=30, splits=("train", "train", "val"))
    return clipmill.open(str(made.path))


@pytest.fixture(scope="module")
def labelled(data: Dataset) -> ClipSet:
    return data.all.select(index=data.all.table.label[data.all.rows] >= 0)


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def test_a_batch_is_a_tuple_of_normalised_images_and_the_right_classes(labelled: ClipSet) -> None:
    held_out = [1, 4, 7, 8]
    dls = dataloaders(labelled, bs=4, image_size=(24, 32), seq_len=3, val_idxs=held_out)
    x, y = dls.valid.one_batch()
    assert isinstance(x, ImageSequence) and len(x) == 3
    assert all(type(image) is TensorImage and image.shape == (4, 3, 24, 32) for image in x)
    chosen = labelled.select(index=held_out)
    plain = chosen.batches(Segments(3, random=False), augment=[Resize((24, 32))], batch_size=4).at(0, 0)
    assert y.tolist() == plain["label"].tolist() and list(dls.vocab) == labelled.labels
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    for time, image in enumerate(x):
        expected = (plain["frames"][:, time] / 255 - mean) / deviation
        np.testing.assert_allclose(image.permute(0, 2, 3, 1).numpy(), expected, atol=1e-4)
    assert len(dls.train_ds) + len(dls.valid_ds) == len(labelled)


def test_training_draws_other_frames_in_every_epoch(labelled: ClipSet) -> None:
    dls = dataloaders(labelled, 4, 24, seq_len=2, val_idxs=[0], normalize=None, shuffle=False)
    first, again = ([torch.stack(tuple(x)) for x, _ in dls.train] for _ in range(2))
    assert any(not torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert float(first[0].min()) >= 0 and float(first[0].max()) <= 1


def test_without_val_idxs_the_split_val_is_held_out(data: Dataset, labelled: ClipSet) -> None:
    if (data.all.table.label < 0).any():
        with pytest.raises(UsageError, match="no label"):
            dataloaders(data, 4, 24, 2)
    dls = dataloaders(labelled, 4, 24, 2)
    assert 0 < len(dls.valid_ds) < len(dls.train_ds)
    assert not set(dls.train_ds.items) & set(dls.valid_ds.items)


def test_batches_and_results_show_themselves(labelled: ClipSet) -> None:
    dls = dataloaders(labelled, bs=4, image_size=(24, 32), seq_len=5)
    dls.show_batch(max_n=3)
    drawn = [axis for axis in pyplot.gcf().axes if axis.images]
    assert len(drawn) == 3
    assert all(axis.images[0].get_array().shape == (24, 3 * 32, 3) for axis in drawn)
    assert all(axis.get_title() in labelled.labels for axis in drawn)
    pyplot.close("all")

    class Mean(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(3, len(labelled.labels))

        def forward(self, images):
            return self.linear(torch.stack(tuple(images)).mean((0, 3, 4)))

    learner = Learner(dls, Mean())
    with learner.no_bar(), learner.no_logging():
        learner.fit(1)
        learner.show_results(max_n=2)
    titles = [axis.get_title() for axis in pyplot.gcf().axes if axis.images]
    assert len(titles) == 2
    assert all(name in labelled.labels for title in titles for name in title.split(" / "))


@pytest.mark.parametrize(
    ("words", "message"),
    [({"seq_len": 1}, "at least 2"), ({"val_idxs": [99]}, "99"), ({"normalize": "mine"}, "normalize")],
)
def test_wrong_arguments_are_named(words: dict, message: str, labelled: ClipSet, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        dataloaders(labelled, **{"bs": 2, "image_size": 24, "seq_len": 2, **words})
