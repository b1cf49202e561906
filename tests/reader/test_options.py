"""Options of a reader that are not what they should be: one sentence, with the right call in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from miniature import Miniature

import clipmill
from clipmill.errors import UsageError
from clipmill.reader import HorizontalFlip, RandomResizedCrop, RandomWindow

WRONG: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    ((16,), {}, "16 is no sampler: write FirstFrames(16) or RandomWindow(16) instead"),
    ((RandomWindow,), {}, "RandomWindow is a class: write RandomWindow(...) with its frames"),
    (("all",), {}, "'all' is no sampler: the first argument says which frames, as RandomWindow(16)"),
    ((), {"augment": RandomResizedCrop(112)}, "augment=RandomResizedCrop(...): a list is meant, augment=[RandomR"),
    ((), {"augment": np.flip}, "augment=flip: a list is meant, augment=[flip]"),
    ((), {"augment": [HorizontalFlip]}, "augment: HorizontalFlip is a class; an object of it is meant, augment=[Hor"),
    ((), {"augment": [0.5]}, "augment: 0.5 is neither an augmentation nor a function of (frames, generator)"),
    ((), {"batch_size": "8"}, "batch_size='8': a whole number is meant"),
    ((), {"batch_size": 8.0}, "batch_size=8.0: a whole number is meant"),
    ((), {"batch_size": True}, "batch_size=True: a whole number is meant"),
    ((), {"batch_size": 0}, "batch_size=0: must be positive"),
    ((), {"seed": None, "views": 2.5}, "views=2.5: a whole number is meant"),
    ((), {"shuffle": 1000}, "shuffle=1000: neither True, False, 'shards' nor a Shards(...)"),
    ((), {"shuffle": "yes"}, "shuffle='yes': neither True, False nor 'shards'"),
]


@pytest.mark.parametrize("given, options, said", WRONG, ids=[said[:30] for *_, said in WRONG])
def test_what_is_wrong_is_said_with_the_right_call(
    mini: Miniature, given: tuple[Any, ...], options: dict[str, Any], said: str
) -> None:
    clips = clipmill.open(str(mini.path))["train"]
    with pytest.raises(UsageError) as caught:
        clips.batches(*given, **{"batch_size": 4, **options})
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_numbers_of_numpy_and_tuples_of_steps_are_fine(mini: Miniature) -> None:
    clips = clipmill.open(str(mini.path))["train"]
    batches = clips.batches(RandomWindow(2), augment=(HorizontalFlip(),), batch_size=np.int64(3), seed=np.int32(4))
    assert len(batches.at(0, 0)["label"]) == 3
    assert batches.state_dict()["step"] == 0
