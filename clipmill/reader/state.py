"""A reader's state: where it is, and what is needed to make the same reader again.

A state is plain values, so that it can go into JSON or a checkpoint:

    {"state": 2, "epoch": 3, "step": 120,
     "reader": {"clips": [one dict for each member of the mix], "weights": ..., "options": {...}}}
"""

from __future__ import annotations

import base64
import importlib
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from clipmill.errors import UsageError
from clipmill.reader.augment.base import Augmentation
from clipmill.reader.augment.colour import Function
from clipmill.reader.clips import ClipRows, Member
from clipmill.reader.options import ReaderOptions
from clipmill.reader.order.by_shard import Shards
from clipmill.reader.sampling.base import Sampler
from clipmill.reader.sampling.samplers import Chunks

#: Raised when older states cannot be read as before.
STATE = 2
#: The format in which shuffle=True was another order, by the places in the clip table; all other orders are as before.
_BY_PLACE = 1
#: Options that change what is made of a clip, but not the order of clips.
_FREE = ("augment", "views", "decode", "dct_scale", "on_error", "path")


def describe_reader(members: Sequence[Member], weights: Any, options: ReaderOptions) -> dict[str, Any]:
    """Return all that decides which batches come, as values that JSON can hold."""
    made = {
        "clips": [_describe_member(member) for member in members],
        "weights": _pack_weights(weights),
        "options": options,
    }
    # Through JSON, so that it equals what comes back from a file.
    return msgspec.json.decode(msgspec.json.encode(made, enc_hook=_name), type=dict[str, Any])


def to_state(epoch: int, step: int, reader: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a reader (see `describe_reader`) whose next batch is this one."""
    return {"state": STATE, "epoch": epoch, "step": step, "reader": reader}


def check_state(state: dict[str, Any], reader: dict[str, Any]) -> None:
    """Raise UsageError for a state from which a reader would not continue with the same clips.

    Augmentations, decoding, the read path and the data set's place may differ.

    Raises:
        UsageError: says what differs.
    """
    check_form(state)
    ours, theirs = _deciding(reader), _deciding(state["reader"])
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            was, now = _brief(theirs.get(name)), _brief(ours.get(name))
            raise UsageError(f"the state is of a reader with {name} {was}, this one has {now}")


def check_form(state: dict[str, Any]) -> None:
    """Raise UsageError for a value that is not a state, or one that this clipmill cannot read."""
    if not isinstance(state, dict) or not {"state", "epoch", "step", "reader"} <= set(state):
        raise UsageError("this is not a reader's state: it needs the keys state, epoch, step and reader")
    if state["state"] == _BY_PLACE and state["reader"]["options"]["shuffle"] is True:
        raise UsageError(
            "the state is of an older clipmill, whose shuffle=True was another order: begin its epoch again, "
            f"with batches.set_epoch({state['epoch']})"
        )
    if state["state"] not in (_BY_PLACE, STATE):
        raise UsageError(f"the state has format {state['state']}, this clipmill reads {STATE}")


def version_of(state: dict[str, Any]) -> str:
    """Return the version that a state's first clips are of.

    Raises:
        UsageError: that is no state.
    """
    check_form(state)
    version: str = state["reader"]["clips"][0]["version"]
    return version


def read_options(raw: dict[str, Any]) -> ReaderOptions:
    """Return the options that a state holds.

    Raises:
        UsageError: they name a sampler, augmentation or function that cannot be found.
    """
    shuffle = raw["shuffle"]
    return ReaderOptions(
        **{
            **raw,
            "sampler": _known(Sampler, raw["sampler"]),
            "augment": tuple(_known(Augmentation, step) for step in raw["augment"]),
            "shuffle": msgspec.convert(shuffle, Shards) if isinstance(shuffle, dict) else shuffle,
        }
    )


def unpack_weights(weights: str | None) -> Any:
    """Return the weights that a state holds: None, "balanced", or (clips,) float64."""
    if weights in (None, "balanced"):
        return weights
    return np.frombuffer(zlib.decompress(base64.b64decode(weights)), "<f8")


def unpack_rows(packed: str, count: int) -> ClipRows:
    """Return the rows that a state holds, of a clip table of `count` rows."""
    bits = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8)
    return np.flatnonzero(np.unpackbits(bits)[:count]).astype(np.int32)


def _pack_weights(weights: Any) -> Any:
    if weights is None or isinstance(weights, str):
        return weights
    return base64.b64encode(zlib.compress(np.asarray(weights, "<f8").tobytes())).decode()


def _pack_rows(rows: ClipRows, count: int) -> str:
    """Return rows out of `count` as text: their bits, deflated, in base 64."""
    mask = np.zeros(count, np.uint8)
    mask[rows] = 1
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def _describe_member(member: Member) -> dict[str, Any]:
    dataset = member.dataset
    rows = {} if member.split else {"rows": _pack_rows(member.rows, dataset.clips)}
    return {
        "path": dataset.path,
        "version": dataset.version,
        "fold": dataset.fold,
        "split": member.split,
        "name": member.name,
        "share": member.share,
        **rows,
    }


def _deciding(reader: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a reader's description that decides which clips come when."""
    options = {name: value for name, value in reader["options"].items() if name not in _FREE}
    sampler = options.pop("sampler")
    sorts = options["by_length"] or options["max_frames_per_batch"] or sampler["type"] == Chunks.__name__
    if sorts or sampler.get("short") == "drop":
        options["sampler"] = sampler
    if not sorts:
        options.pop("lengths")
    clips = [{name: value for name, value in member.items() if name != "path"} for member in reader["clips"]]
    return {"clips": clips, "weights": reader["weights"], **options}


def _name(value: Any) -> Any:
    if callable(value):
        return f"{value.__module__}:{value.__qualname__}"
    raise NotImplementedError(f"{type(value).__name__} cannot be stored in a state")


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
        for name_in_it in path.split("."):
            found = getattr(found, name_in_it)
    except (ImportError, AttributeError):
        raise UsageError(f"the state names the function {name}, which cannot be imported here") from None
    return found  # type: ignore[no-any-return]


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
