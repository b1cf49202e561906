"""What a reader's state holds: where it stands, and enough to make the same reader again."""

from __future__ import annotations

import base64
import importlib
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from clipmill.errors import UsageError
from clipmill.reader import selection
from clipmill.reader.augment.base import Augmentation
from clipmill.reader.augment.colour import Function
from clipmill.reader.clipset import ClipSet, MixMember
from clipmill.reader.mixing import mix
from clipmill.reader.options import ReaderOptions
from clipmill.reader.order.by_shard import Shards
from clipmill.reader.sampling.base import Sampler
from clipmill.reader.sampling.samplers import Chunks

if TYPE_CHECKING:
    from clipmill.reader.batches import Batches

#: Raised when a state of today could not be read as before.
STATE = 1
#: Options that change what is made of a clip, but not which clips come when.
_FREE = ("augment", "views", "decode", "dct_scale", "on_error", "path")


def to_state(batches: Batches) -> dict[str, Any]:
    """Epoch and step of the next batch, and the reader's configuration: values that JSON can hold."""
    return {"state": STATE, "epoch": batches.epoch, "step": batches.step, "reader": config(batches)}


def config(batches: Batches) -> dict[str, Any]:
    """All that decides which batches come."""
    if batches.configured is None:
        made = {
            "clips": [_part(part) for part in batches.clips.parts],
            "weights": _weights(batches.weights),
            "options": batches.options,
        }
        # Through JSON, so that it equals what comes back from a file.
        batches.configured = msgspec.json.decode(msgspec.json.encode(made, enc_hook=_name), type=dict[str, Any])
    return batches.configured


def check_state(batches: Batches, state: dict[str, Any]) -> None:
    """Refuse a state from which this reader would not go on with the same clips.

    Augmentations, decoding and the path may differ, and where the data set lies.

    Raises:
        UsageError: says what differs.
    """
    _check_form(state)
    ours, theirs = _deciding(config(batches)), _deciding(state["reader"])
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            was, now = _brief(theirs.get(name)), _brief(ours.get(name))
            raise UsageError(f"the state is of a reader with {name} {was}, this one has {now}")


def from_state(state: dict[str, Any], path: str | None = None, **runtime: Any) -> Batches:
    """The reader that a state is of, standing where it stood.

    Args:
        state: from `Batches.state_dict`.
        path: where the data set lies now; by default where it was.
        runtime: hosts, fields, prefetch and threads of `ClipSet.batches`.

    Raises:
        UsageError: the state cannot be read, or names a sampler, step or function that cannot be found.
    """
    from clipmill.reader.batches import Batches

    _check_form(state)
    reader = state["reader"]
    parts = [_open_part(raw, path if len(reader["clips"]) == 1 else None) for raw in reader["clips"]]
    clips = (
        parts[0]
        if len(parts) == 1
        else mix({raw["name"]: (part, raw["share"]) for raw, part in zip(reader["clips"], parts, strict=True)})
    )
    batches = Batches(clips, _options(reader["options"]), weights=_unpacked(reader["weights"]), **runtime)
    batches.epoch, batches.step = int(state["epoch"]), int(state["step"])
    return batches


def _part(part: MixMember) -> dict[str, Any]:
    dataset = part.dataset
    rows = {} if part.split else {"rows": selection.pack(part.rows, len(dataset.table.frames))}
    return {
        "path": dataset.path,
        "version": dataset.version,
        "fold": dataset.fold_number,
        "split": part.split,
        "name": part.name,
        "share": part.share,
        **rows,
    }


def _open_part(raw: dict[str, Any], path: str | None) -> ClipSet:
    from clipmill.reader.dataset import open

    dataset = open(path or raw["path"], version=raw["version"])
    if raw["fold"] is not None:
        dataset = dataset.fold(raw["fold"])
    if raw["split"] is not None:
        return dataset[raw["split"]]
    return ClipSet([MixMember(dataset, selection.unpack(raw["rows"], len(dataset.table.frames)))])


def _weights(weights: Any) -> Any:
    if weights is None or isinstance(weights, str):
        return weights
    return base64.b64encode(zlib.compress(np.asarray(weights, "<f8").tobytes())).decode()


def _unpacked(weights: str | None) -> Any:
    if weights in (None, "balanced"):
        return weights
    return np.frombuffer(zlib.decompress(base64.b64decode(weights)), "<f8")


def _deciding(reader: dict[str, Any]) -> dict[str, Any]:
    """Of a configuration, what decides which clips come when."""
    options = {name: value for name, value in reader["options"].items() if name not in _FREE}
    sampler = options.pop("sampler")
    sorts = options["by_length"] or options["max_frames_per_batch"] or sampler["type"] == Chunks.__name__
    if sorts or sampler.get("short") == "drop":
        options["sampler"] = sampler
    if not sorts:
        options.pop("lengths")
    clips = [{name: value for name, value in part.items() if name != "path"} for part in reader["clips"]]
    return {"clips": clips, "weights": reader["weights"], **options}


def _check_form(state: dict[str, Any]) -> None:
    if not isinstance(state, dict) or not {"state", "epoch", "step", "reader"} <= set(state):
        raise UsageError("this is no state of a reader: it has no state, epoch, step and reader")
    if state["state"] != STATE:
        raise UsageError(f"the state is of form {state['state']}, this clipmill reads {STATE}")


def _name(value: Any) -> Any:
    if callable(value):
        return f"{value.__module__}:{value.__qualname__}"
    raise NotImplementedError(f"{type(value).__name__} cannot be stored in a state")


def _options(raw: dict[str, Any]) -> ReaderOptions:
    shuffle = raw["shuffle"]
    return ReaderOptions(
        **{
            **raw,
            "sampler": _known(Sampler, raw["sampler"]),
            "augment": tuple(_known(Augmentation, step) for step in raw["augment"]),
            "shuffle": msgspec.convert(shuffle, Shards) if isinstance(shuffle, dict) else shuffle,
        }
    )


def _known(base: type[Any], raw: dict[str, Any]) -> Any:
    if raw["type"] == Function.__name__:
        return Function(_imported(raw["function"]))
    kinds = {kind.__name__: kind for kind in _below(base)}
    if raw["type"] not in kinds:
        raise UsageError(f"the state names {raw['type']}, which is not known here: import the module that defines it")
    return msgspec.convert(raw, kinds[raw["type"]])


def _below(base: type[Any]) -> list[type[Any]]:
    return [found for kind in base.__subclasses__() for found in [kind, *_below(kind)]]


def _imported(name: str) -> Callable[..., Any]:
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        raise UsageError(f"the state names the function {name}, which cannot be imported here") from None
    return found  # type: ignore[no-any-return]


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
