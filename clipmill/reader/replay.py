"""Restoring a reader from a saved state, and repeating any step of a training: its clips, frames and crops."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc

from clipmill.errors import UsageError
from clipmill.reader.batches import Batches
from clipmill.reader.clipset import ClipSet
from clipmill.reader.contact_sheet import contact_sheet, visible
from clipmill.reader.contact_sheet import png as png_of
from clipmill.reader.dataset import Dataset, open
from clipmill.reader.loading.batch_arrays import Arrays
from clipmill.reader.loading.recipe import describe
from clipmill.reader.mixing import mix
from clipmill.reader.state import check_form, read_options, unpack_rows, unpack_weights


class Replayed(NamedTuple):
    """One step of a training, repeated.

    Attributes:
        epoch, step: which.
        batch: the same arrays that the reader gave, for all hosts together.
        clips: of each row `id`, `label`, `source`, `dataset`, `version`, `shard`, and its `views`
            with `frames` (numbers in the clip) and `steps` (crop, flip, ... as words and pixels).
    """

    epoch: int
    step: int
    batch: Arrays
    clips: list[dict[str, Any]]


class Restored(NamedTuple):
    """A reader that was restored from its state.

    Attributes:
        batches: at the step where the state was taken.
        datasets: those that its clips are members of, in the order of the mix.
    """

    batches: Batches
    datasets: list[Dataset]


def restore(state: dict[str, Any], path: str | None = None, **runtime: Any) -> Restored:
    """Make the reader of a state, at the state's step.

    Args:
        state: from `Batches.state_dict`.
        path: where the data set is now; by default where it was. Not for a mix.
        runtime: hosts, fields, prefetch and threads of `ClipSet.batches`.

    Raises:
        UsageError: the state cannot be read, or names a sampler, step or function that cannot be found.
        NoSuchDataset: the version was removed.
    """
    check_form(state)
    reader = state["reader"]
    members = reader["clips"]
    datasets = [_open(member, path if len(members) == 1 else None) for member in members]
    sets = [_clips_of(dataset, member) for dataset, member in zip(datasets, members, strict=True)]
    clips = (
        sets[0]
        if len(sets) == 1
        else mix({raw["name"]: (member, raw["share"]) for raw, member in zip(members, sets, strict=True)})
    )
    batches = Batches(clips, read_options(reader["options"]), weights=unpack_weights(reader["weights"]), **runtime)
    batches.go_to(int(state["epoch"]), int(state["step"]))
    return Restored(batches, datasets)


def _open(member: dict[str, Any], path: str | None) -> Dataset:
    dataset = open(path or member["path"], version=member["version"])
    return dataset if member["fold"] is None else dataset.fold(member["fold"])


def _clips_of(dataset: Dataset, member: dict[str, Any]) -> ClipSet:
    if member["split"] is not None:
        return dataset[member["split"]]
    return dataset.clip_set(unpack_rows(member["rows"], len(dataset.table.frames)))


def replay(
    state: dict[str, Any] | str, step: int | None = None, epoch: int | None = None, path: str | None = None
) -> Replayed:
    """Repeat the batch of a step.

    Args:
        state: what `Batches.state_dict` gave, or a JSON file that holds it.
        step: in the epoch; by default the one after which the state was taken.
        epoch: by default that of the state.
        path: where the data set is now; by default where it was.

    Raises:
        UsageError: the state cannot be read, or there is no such step.
        NoSuchDataset: the version was removed.

    >>> batches = clips.batches(FirstFrames(2), batch_size=8)
    >>> batch = next(iter(batches))
    >>> found = replay(batches.state_dict())
    >>> np.array_equal(found.batch["frames"], batch["frames"])
    True
    """
    held = _read(state) if isinstance(state, str) else state
    restored = restore(held, path)
    batches = restored.batches
    if epoch is None:
        epoch = batches.epoch if step is not None or batches.step else max(0, batches.epoch - 1)
    if step is None:
        step = (batches.step or batches.planner.plan(epoch).steps) - 1
    return Replayed(epoch, step, batches.at(epoch, step), _explained(restored, epoch, step))


def replay_to(
    out: str, state: str, step: int | None = None, png: str | None = None, epoch: int | None = None
) -> dict[str, Any]:
    """Repeat a step of a state file for `clipmill replay`, as plain values and a contact sheet.

    Args:
        out: the data set.
        state: the state file.
        step: in the epoch; by default the one after which the state was taken.
        png: where to put the contact sheet.
        epoch: by default that of the state.
    """
    found = replay(state, step, epoch, out)
    if png is not None:
        Path(png).write_bytes(_picture(found))
    return {"epoch": found.epoch, "step": found.step, "clips": found.clips, "png": png}


def _picture(found: Replayed) -> bytes:
    """Draw a PNG with a row of frames for each view of each clip."""
    # Of an image with its mask the image, as a clip of one frame.
    frames = found.batch["image"][..., None, :, :, :] if "image" in found.batch else found.batch["frames"]
    if frames.dtype == object:
        raise UsageError("the state is of a reader with decode=False: its batches hold JPEGs, not pixels to draw")
    captions = [
        f"{clip['id']}  {clip['label']}  {in_words(view)}  {clip['source']}"
        for clip in found.clips
        for view in clip["views"]
    ]
    return png_of(contact_sheet(visible(frames).reshape(len(captions), *frames.shape[-4:]), captions))


def in_words(view: dict[str, Any]) -> str:
    """Return a view of `replay_to` as a person says it: its frames, their stride, and what was done to them."""
    frames = [number for number in view["frames"] if number >= 0]
    if not frames:
        return "no frame"
    strides = {after - before for before, after in itertools.pairwise(frames)}
    stride = f" stride {strides.pop()}" if len(strides) == 1 and strides != {1} else ""
    return ", ".join([f"frames {frames[0]}..{frames[-1]}{stride}", *map(_step_in_words, view["steps"])])


def _step_in_words(step: dict[str, Any]) -> str:
    name: str = step["step"]
    said = {
        "Crop": "crop {width}x{height} at {left},{top}",
        "Pad": "padded to {width}x{height}",
        "Resized": "resized to {width}x{height}",
        "Rotated": "turned by {degrees:.1f} degrees",
        "Called": "a function",
    }
    return said.get(name, name.lower()).format(**step)


def _explained(restored: Restored, epoch: int, step: int) -> list[dict[str, Any]]:
    return [
        {
            **_origin(restored, request.clip),
            "views": [{"frames": view.picked.tolist(), "steps": [describe(op) for op in view.steps]} for view in views],
        }
        for request, views in restored.batches.drawn(epoch, step)
    ]


def _origin(restored: Restored, clip: int) -> dict[str, Any]:
    """Return a clip's id, label, source and shard."""
    clips = restored.batches.planner.clips
    table, row = clips.table, int(clips.rows[clip])
    dataset = restored.datasets[0 if table.dataset is None else int(table.dataset[row])]
    name = table.ids[row].as_py()
    place = pc.index(dataset.table.ids, name).as_py()
    return {
        "id": name,
        "label": clips.label_names(clip),
        "source": dataset.column("source")[place].as_py(),
        "dataset": dataset.path,
        "version": dataset.version,
        "shard": table.shards[table.shard[row]][0],
    }


def _read(path: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as a state file: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path}: not a state file")
    return found
