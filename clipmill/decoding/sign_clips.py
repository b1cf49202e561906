"""Signing clips: making their signatures from encoded frames, while a build still has these as fragments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clipmill.decoding.pieces import for_each_clip, read_pieces
from clipmill.messages import Clip
from clipmill.signatures.clip_codes import codes_of
from clipmill.signatures.clip_signatures import to_table, work_path, write_table
from clipmill.signatures.frame_codes import Codes
from clipmill.signatures.moments import every_moment, shown_at
from clipmill.storage import Storage, open_storage


def sign_clips(clips: Sequence[Clip], out: str) -> list[int]:
    """Make the signatures of clips, and keep them in one file of the work folder until a version takes them.

    The file's name is made of the clips' keys, so a retried job writes the same bytes to the same name.

    Args:
        clips: of different keys.
        out: root of the output.

    Returns:
        How many samples each clip has.

    Raises:
        StorageError: storage failed, or frames are not those that their decoder wrote.
    """
    storage = open_storage(out)
    keys = [clip.clip_key for clip in clips]
    codes = list(for_each_clip(storage, lambda clip: _codes(storage, clip), clips))
    write_table(storage, work_path(keys), to_table(keys, codes))
    return [len(of_clip) for of_clip in codes]


def _codes(storage: Storage, clip: Clip) -> Codes:
    encoded = read_pieces(storage, clip)
    times = np.array(encoded.timestamps, np.int64)
    return codes_of([encoded.frames[frame] for frame in shown_at(times, every_moment(times)).tolist()])
