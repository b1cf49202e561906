"""Random splits that keep together clips that show the same: drawn when all clips have signatures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import pyarrow as pa

from clipmill.errors import StorageError
from clipmill.listings.splits import drawn_splits
from clipmill.messages import Clip
from clipmill.options import ListingOptions
from clipmill.signatures.clip_signatures import gather, kept_tables, to_signatures
from clipmill.signatures.compare import find_alike
from clipmill.storage import Storage
from clipmill.strata import Cuts, cut_classes

#: A clip's key and id, its digest, the unit that no split divides, and its classes.
Member = tuple[str, str, str, str, tuple[str, ...]]


class SimilarSplits(msgspec.Struct, frozen=True, array_like=True):
    """A random split whose units are clusters of clips.

    Attributes:
        names: of the splits, in order.
        cuts: of the classes.
        clusters: the name of its cluster for each unit that is in one with others.
    """

    names: list[str]
    cuts: Cuts
    clusters: dict[str, str]

    def split_of(self, clip: Clip) -> str:
        """Return the split of a clip."""
        *_, unit, labels = member_of(clip)
        return self.names[self.cuts.split_of(labels[0], self.clusters.get(unit, unit))]


def member_of(clip: Clip) -> Member:
    """Return what the draw must know of a clip."""
    labels = clip.label_text if isinstance(clip.label_text, tuple) else (clip.label_text,)
    return clip.clip_key, clip.clip_id, clip.digest, clip.group or clip.source, labels or ("",)


def draw_similar(options: ListingOptions, members: Iterable[Member], storage: Storage) -> SimilarSplits:
    """Draw a split that divides neither a group nor a cluster of clips that show the same.

    It depends on the clips and the options alone: clips are compared in the order of their keys.

    Args:
        options: with shares and a seed.
        members: all clips, in any order.
        storage: of the output, where their signatures are kept.

    Raises:
        StorageError: a signature is gone.
    """
    keys, _, digests, units, classes = zip(*sorted(members), strict=True)
    # Clips with the same frames are together even if these show nothing.
    first = {digest: place for place, digest in reversed(list(enumerate(digests)))}
    same = ((first[digest], place) for place, digest in enumerate(digests))
    clusters = _clusters(units, [*same, *_alike(keys, storage)])
    counted = Counter(
        (label, clusters.get(unit, unit)) for unit, labels in zip(units, classes, strict=True) for label in labels
    )
    names = drawn_splits(options)
    cuts = cut_classes(
        ((label, unit, clips) for (label, unit), clips in sorted(counted.items())),
        [options.splits[name] for name in names],
        f"split\x1f{options.seed}",
        several=options.label_lists,
    )
    return SimilarSplits(names, cuts, clusters)


def _alike(keys: Sequence[str], storage: Storage) -> list[tuple[int, int]]:
    """Return the pairs of clips that show the same, by their places."""
    table = gather(pa.array(keys, pa.string()), kept_tables(storage))
    if table["codes"].null_count:
        raise StorageError(f"{storage.root}: signatures of this run are gone; run the build again")
    found = find_alike(to_signatures(table)).alike
    return list(zip(found.left.tolist(), found.right.tolist(), strict=True))


def _clusters(units: Sequence[str], pairs: Iterable[tuple[int, int]]) -> dict[str, str]:
    """Return the first unit of each connected component, for each unit in one of several."""
    parents: dict[str, str] = {}

    def root(unit: str) -> str:
        while (parent := parents.get(unit, unit)) != unit:
            parents[unit] = parents.get(parent, parent)
            unit = parent
        return unit

    for left, right in pairs:
        one, other = sorted((root(units[left]), root(units[right])))
        if one != other:
            parents[other] = one
    return {unit: root(unit) for unit in list(parents)}
