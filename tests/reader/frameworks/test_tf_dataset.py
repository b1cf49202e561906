"""tf.data: the same arrays, a full element_spec, a known cardinality, and a state that counts what was handed out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.errors import UsageError
from clipmill.reader import (
    AtFps,
    Batches,
    CentreCrop,
    CentreWindow,
    Chunks,
    ClipSet,
    ColourJitter,
    CropOrPad,
    Dataset,
    EveryKth,
    FirstFrames,
    HorizontalFlip,
    MultiScaleCrop,
    Normalise,
    RandomCrop,
    RandomResizedCrop,
    RandomRotation,
    RandomShortSide,
    RandomWindow,
    Ranges,
    Resize,
    ReverseTime,
    Segments,
    Shards,
    ThreeCrops,
    UniformWindows,
    WholeClip,
)

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip("tensorflow")

#: Each sampler and each augmentation at least once.
CASES: list[tuple[Any, list[Any], dict[str, Any]]] = [
    (WholeClip(), [RandomCrop(32), HorizontalFlip()], {}),
    (EveryKth(3), [Resize((20, 30))], {"lengths": "truncate"}),
    (FirstFrames(4, short="hold"), [Resize(short_side=40), CentreCrop(32), ReverseTime()], {}),
    (RandomWindow(6, stride=2, short="pad"), [RandomResizedCrop(24), HorizontalFlip(), Normalise()], {"views": 2}),
    (CentreWindow(5), [RandomRotation(), ColourJitter(0.3, 0.3, 0.3, 0.1)], {"drop_remainder": True}),
    (UniformWindows(3, windows=2), [ThreeCrops(40)], {}),
    (Segments(4), [MultiScaleCrop(24), Normalise()], {}),
    (AtFps(10.0, 5), [RandomShortSide(30, 50), RandomCrop(28)], {}),
    (AtFps(12.5), [CropOrPad((60, 50))], {"lengths": 6}),
    (Ranges([(1, 4)], short="loop"), [], {"decode": False}),
]


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Tensors equal arrays, in value and type; texts are bytes in TensorFlow."""
    assert sorted(one) == sorted(other)
    for field, values in other.items():
        found = one[field].numpy()
        if field == "id":
            found = np.array([name.decode() for name in found], object)
        assert found.dtype == values.dtype and np.array_equal(found, values), field


@pytest.mark.parametrize("number", range(len(CASES)))
@pytest.mark.parametrize("path", ["indexed", "streaming"])
def test_tensors_equal_the_arrays(each_schema: Miniature, path: str, number: int) -> None:
    sampler, augment, options = CASES[number]
    clips = clipmill.open(str(each_schema.path))["train"]

    def make(way: str) -> Batches:
        order = {"shuffle": Shards(3, 4)} if number % 3 else {}
        return clips.batches(sampler, augment=augment, batch_size=5, seed=number, path=way, **order, **options)

    batches = make(path)
    dataset = batches.tf()
    for epoch in range(2):
        for tensors, arrays in zip(dataset, make("indexed").run(epoch, 0), strict=True):
            same(tensors, arrays)
            for field, spec in dataset.element_spec.items():
                assert spec.shape.is_compatible_with(tensors[field].shape)
                assert spec.shape.rank is not None
        assert (batches.epoch, batches.step) == (epoch + 1, 0)


@pytest.mark.parametrize("path", ["indexed", "streaming"])
def test_the_listings_own_number_comes_on_request(data: Dataset, path: str) -> None:
    batches = data["train"].batches(FirstFrames(1), batch_size=9, path=path)
    fields = ("id", "label_source")
    assert not set(batches.tf().element_spec) & {"label_source"}
    expected = data["train"].clips.to_pydict()
    numbers = {
        name: -1 if number is None else number
        for name, number in zip(expected["clip_id"], expected["label_source"], strict=True)
    }
    assert -1 in numbers.values()
    found = [
        (name.decode(), number)
        for ids, own in batches.tf(*fields).as_numpy_iterator()
        for name, number in zip(ids, own, strict=True)
    ]
    assert dict(found) == numbers


@pytest.mark.parametrize("path", ["indexed", "streaming"])
def test_batches_of_one_clip_have_its_size(tmp_path: Path, path: str) -> None:
    mini = publish_miniature(tmp_path / "a", clips=3, sizes=[(64, 48), (48, 64)], splits=["train"])
    batches = clipmill.open(str(mini.path))["train"].batches(FirstFrames(2), batch_size=1, path=path)
    dataset = batches.tf()
    assert dataset.element_spec["frames"].shape.as_list() == [1, 2, None, None, 3]
    for tensors, arrays in zip(dataset, batches.run(0, 0), strict=True):
        same(tensors, arrays)


def test_the_spec_says_what_is_fixed(data: Dataset) -> None:
    batches = data["train"].batches(RandomWindow(4), augment=[RandomCrop(32)], batch_size=9, shuffle=True)
    dataset = batches.tf("frames", "label")
    frames, label = dataset.element_spec
    assert (frames.shape.as_list(), frames.dtype) == ([9, 4, 32, 32, 3], tf.uint8)
    assert (label.shape.as_list(), label.dtype) == ([9], tf.int64)
    assert dataset.cardinality() == 3
    loose = data["train"].batches(WholeClip(), batch_size=10).tf("frames", "id", "step")
    assert [spec.shape.as_list() for spec in loose.element_spec] == [[None, None, 48, 64, 3], [None], []]
    assert loose.element_spec[1].dtype == tf.string
    varying = data["train"].batches(WholeClip(), max_frames_per_batch=60, shuffle=True).tf("label")
    assert varying.cardinality() == tf.data.UNKNOWN_CARDINALITY
    reset = data["train"].batches(Chunks(4), batch_size=9, shuffle=True).tf("frames", "reset")
    assert reset.element_spec[1].dtype == tf.bool


@pytest.mark.parametrize("path", ["indexed", "streaming"])
def test_the_state_counts_what_was_handed_out(data: Dataset, path: str) -> None:
    options: dict[str, Any] = {"batch_size": 4, "shuffle": Shards(3, 4), "path": path}
    batches = data["train"].batches(CentreWindow(2), **options)
    places = []
    for _ in batches.tf("label").map(lambda label: label):
        places.append((batches.epoch, batches.step))
        if len(places) == 3:
            break
    assert places == [(0, 1), (0, 2), (0, 3)]
    resumed = data["train"].batches(CentreWindow(2), **options)
    resumed.load_state_dict(batches.state_dict())
    rest = resumed.tf("id")
    assert rest.cardinality() == (tf.data.UNKNOWN_CARDINALITY if path == "streaming" else 7)
    found = [name.decode() for (names,) in rest for name in names.numpy()]
    expected = [name for batch in data["train"].batches(CentreWindow(2), **options).run(0, 3) for name in batch["id"]]
    assert found == expected
    assert len(list(rest)) == len(resumed) == 7


@pytest.mark.parametrize("path", ["indexed", "streaming"])
def test_a_pass_after_an_unfinished_one_is_whole(data: Dataset, path: str) -> None:
    batches = data["train"].batches(CentreWindow(1), batch_size=4, shuffle="shards", path=path)
    dataset = batches.tf("step")
    for (step,) in dataset:
        if step == 2:
            break
    for epoch in (1, 2):
        assert [int(step) for (step,) in dataset] == [0, 1, 2, 3, 4, 5, 6]
        assert (batches.epoch, batches.step) == (epoch + 1, 0)
    assert [int(step) for (step,) in dataset.take(2)] == [0, 1]
    assert len(list(dataset)) == 7 and batches.epoch == 5


@pytest.mark.parametrize("leave", [None, 3, 2])
def test_the_rest_of_an_epoch_is_followed_by_whole_ones(data: Dataset, leave: int | None) -> None:
    """Left in its middle, or after its very last step, or not left at all."""
    batches = data["train"].batches(CentreWindow(1), batch_size=4, shuffle=True)
    batches.go_to(3, 4)
    dataset = batches.tf("step")
    assert dataset.cardinality() == 7
    rest = [int(step) for (step,) in (dataset if leave is None else dataset.take(leave))]
    assert rest == [4, 5, 6][:leave]
    for epoch in (4, 5):
        assert [int(step) for (step,) in dataset] == [0, 1, 2, 3, 4, 5, 6]
        assert (batches.epoch, batches.step) == (epoch + 1, 0)


class _Steps(tf.keras.callbacks.Callback):
    """Counts the steps of each epoch of Keras."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.counts.append(0)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.counts[-1] += 1


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(
    "first, options, expected, ends_at",
    [
        (0, {"epochs": 3}, [7, 7, 7], (3, 0)),
        (4, {"epochs": 4}, [3, 7, 7, 7], (4, 0)),  # goes on in the middle
        (0, {"epochs": 4, "steps_per_epoch": 5}, [5, 5, 5, 5], (2, 6)),  # without a gap
    ],
)
def test_keras_takes_whole_epochs(
    data: Dataset, first: int, options: dict[str, Any], expected: list[int], ends_at: tuple[int, int]
) -> None:
    batches = data["train"].batches(CentreWindow(1), augment=[RandomCrop(8)], batch_size=4, shuffle=True)
    next(iter(batches))  # somebody has looked
    batches.go_to(0, first)
    dataset = batches.tf("frames", "label")
    if "steps_per_epoch" in options:
        dataset = dataset.repeat()
    model = tf.keras.Sequential(
        [tf.keras.layers.Rescaling(1 / 255), tf.keras.layers.Flatten(), tf.keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    steps = _Steps()
    model.fit(dataset, verbose=0, callbacks=[steps], **options)
    assert steps.counts == expected
    assert (batches.epoch, batches.step) == ends_at


@pytest.mark.parametrize("hosts", [1, 2])
def test_streaming_on_several_hosts(mini: Miniature, hosts: int) -> None:
    clips = clipmill.open(str(mini.path))["train"]
    for host in range(hosts):
        options: dict[str, Any] = {
            "batch_size": 6,
            "shuffle": Shards(4, 3),
            "drop_remainder": True,
            "hosts": (host, hosts),
        }
        streamed = clips.batches(RandomWindow(3), path="streaming", **options).tf()
        for tensors, arrays in zip(streamed, clips.batches(RandomWindow(3), **options), strict=True):
            same(tensors, arrays)


def test_streaming_of_a_selection(data: Dataset) -> None:
    some = data["train"].select(index=[1, 5, 7, 8, 20, 22])
    options: dict[str, Any] = {"batch_size": 4, "shuffle": Shards(2, 3)}
    for tensors, arrays in zip(
        some.batches(RandomWindow(4), path="streaming", **options).tf(),
        some.batches(RandomWindow(4), **options),
        strict=True,
    ):
        same(tensors, arrays)


def test_what_tensorflows_operations_cannot_do(data: Dataset) -> None:
    for options, said in (
        ({"dct_scale": True}, "leave out dct_scale"),
        ({"on_error": "skip"}, 'and on_error="skip", which TensorFlow does not have'),
        ({"hosts": (0, 2)}, "on 2 hosts: needs drop_remainder=True"),
        ({"hosts": (0, 3), "drop_remainder": True}, "a batch_size and lanes that 3 divides"),
    ):
        with pytest.raises(UsageError, match=said):
            data["train"].batches(CentreWindow(2), batch_size=4, path="streaming", shuffle="shards", **options).tf()


def test_a_model_is_fitted(data: Dataset) -> None:
    import keras

    places: list[tuple[int, int]] = []
    batches = data["train"].batches(
        RandomWindow(4), augment=[RandomCrop(16), Normalise()], batch_size=9, shuffle=True, drop_remainder=True
    )
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: places.append((batches.epoch, batches.step))
    )
    model = keras.Sequential([keras.Input((4, 16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", keras.losses.MeanAbsoluteError())
    model.fit(batches.tf("frames", "label"), epochs=2, verbose=0, callbacks=[note], shuffle=False)
    assert places == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]


def test_tensors_lie_in_our_buffers(data: Dataset) -> None:
    batches = data["train"].batches(CentreWindow(4), batch_size=9)
    for (frames,) in batches.tf("frames"):
        place = frames.__array__().ctypes.data
        assert any(block.ctypes.data <= place < block.ctypes.data + block.nbytes for block in batches.buffers._blocks)


def test_decoding_is_tensorflows_accurate_one(shared_data: Path) -> None:
    """Real frames, at several qualities: whole frames decoded with the accurate DCT are equal to the last bit."""
    import av

    file = next(iter(sorted((shared_data / "videos" / "ucf101").glob("*/*.avi"))))
    with av.open(str(file), metadata_errors="replace") as container:
        frames = [
            frame.to_ndarray(format="rgb24") for frame, _ in zip(container.decode(video=0), range(12), strict=False)
        ]
    for quality in (75, 90, 95):
        for frame in frames:
            jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(frame), quality, "RGB", "420")
            ours = simplejpeg.decode_jpeg(jpeg, "RGB", False, False)
            theirs = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE").numpy()
            assert np.array_equal(ours, theirs)


def test_property_of_a_clip_set_without_tensorflow(monkeypatch: pytest.MonkeyPatch, data: Dataset) -> None:
    from clipmill.errors import MissingExtra

    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    clips: ClipSet = data["train"]
    with pytest.raises(MissingExtra, match=r"pip install 'clipmill\[tensorflow\]'"):
        clips.batches(CentreWindow(2), batch_size=2).tf()
