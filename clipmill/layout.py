"""The layout of a published data set: names of objects, the clip table, the manifest.

OUT/CURRENT                      name of the published version, one line
OUT/shards/<id>.tfrecord         with .index and .frames beside it; .places where others wrote it
OUT/versions/<name>/             clips.parquet, manifest.json, label.labels.txt, ...
OUT/runs/<id>/                   outcome.json, failures.parquet
OUT/work/                        fragments and caches
"""

from __future__ import annotations

import msgspec

from clipmill.errors import NoSuchDataset
from clipmill.storage import Storage

#: Raised when older readers could not read the new layout.
LAYOUT = 1

#: Bytes of one record, framing included: protocol buffers end at 2 GiB, and readers fail below that.
MAX_RECORD = 1 << 30

#: Split of the clips that the chosen official fold does not use.
UNUSED = "unused"

CURRENT = "CURRENT"
CLIPS = "clips.parquet"
MANIFEST = "manifest.json"
LABELS = "label.labels.txt"


#: Behind the name of a record schema: its variant for data sets whose clips have lists of labels.
MULTI_LABEL = "-multi-label"
#: The record schema of images with masks, and what stands behind its name where pixels are stored as they are.
PAIRS, RAW = "pairs", "-raw"
#: The record schema of shards that others wrote; behind a colon may stand which feature is what.
ADOPTED = "adopted"
#: A user's own record schema; behind a colon stands what is declared in it (`clipmill.records.own`).
OWN = "own"
#: How a further column of the listing can be stored in records.
COLUMN_TYPES = ("text", "int64", "float")


def shard_path(shard: str) -> str:
    """Return the path of a shard's TFRecord file."""
    return f"shards/{shard}.tfrecord"


def index_path(shard: str) -> str:
    """Return the path of a shard's index: a line of text for each record, its offset and length in bytes (DALI's .idx).

    The length is that of the record with its framing.
    """
    return f"shards/{shard}.index"


def frames_path(shard: str) -> str:
    """Return the path of a shard's frame sizes: little-endian u32 sizes of every record's frames, in order."""
    return f"shards/{shard}.frames"


def places_path(shard: str) -> str:
    """Return the path of what an adopted shard has beside it: where each frame is in its record, and its time.

    An entry of 16 bytes for each frame, in the order of the .frames file; see `clipmill.shards.adopted`.
    """
    return f"shards/{shard}.places"


def version_path(version: str, name: str = "") -> str:
    """Return the path of an object in a version's folder."""
    return f"versions/{version}/{name}".rstrip("/")


def run_path(run: str, name: str) -> str:
    """Return the path of an object in a run's folder."""
    return f"runs/{run}/{name}"


def named_shard(dataset: str, split: str, index: int, count: int) -> str:
    """Return the name other readers expect of a shard (TFDS's pattern)."""
    return f"{dataset}-{split}.tfrecord-{index:05d}-of-{count:05d}"


#: Columns of clips.parquet that the listing cannot take; its own further columns follow them. Where clips have lists
#: of labels, those of `LABEL_COLUMNS` are lists.
CLIP_COLUMNS = (
    ("clip_id", "string"),  # unique in the version
    ("split", "string"),  # "train", "val", "test", ..., "unused"
    ("folds", "list<string>"),  # split in official fold 1, 2, 3; "" where the clip is in none
    ("label_index", "int32"),  # into label.labels.txt; -1 unlabelled
    ("label_text", "string"),  # name of the class, "" unlabelled
    ("label_source", "int64"),  # the listing's own number; null if none
    ("group", "string"),  # null if none
    ("source", "string"),  # path relative to the root
    ("start", "double"),  # of the row's time range, in seconds; null if the whole file
    ("end", "double"),  # likewise
    ("trimmed", "bool"),  # whether the file was taken as cut to that range already; null if the whole file
    ("fingerprint", "string"),  # SHA-256 of the source's bytes, hex
    ("clip_key", "string"),  # hash of the fingerprint and of all that changes pixels
    ("digest", "string"),  # SHA-256 over the SHA-256 of each encoded frame, hex
    ("frames", "int32"),  # how many are stored
    ("width", "int32"),  # of a stored frame, in pixels
    ("height", "int32"),  # likewise
    ("pixel_aspect", "double"),  # width of a source pixel over its height; null if square to 1 %; not in older versions
    ("fps", "double"),  # frames / duration: the mean rate
    ("duration", "double"),  # seconds, the last frame shown as long as the one before it; not in older versions
    ("bytes", "int64"),  # of all its encoded frames
    ("bad_packets", "int32"),  # skipped while decoding
    ("shard", "string"),  # its id
    ("offset", "int64"),  # of the record in the shard file, framing included
    ("length", "int64"),  # of the record, its 16 framing bytes included
    ("frames_at", "int64"),  # position of its first frame's size in the .frames file, in u32s
)


LABEL_COLUMNS = ("label_index", "label_text", "label_source")
#: The text of a label; in data sets whose clips have lists of labels, of each.
Label = str | tuple[str, ...]
#: The index of a label, or of each.
LabelIndex = int | tuple[int, ...]
#: The listing's own number for a label, or for each; None where there is none.
LabelNumber = int | tuple[int | None, ...] | None


class ShardEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One shard in the manifest; sizes in bytes, checksums CRC-32C of whole files, hex."""

    records: int
    frames: int
    bytes: int
    crc32c: str
    index_crc32c: str
    frames_crc32c: str
    places_crc32c: str = ""  # of adopted shards alone


class SplitEntry(msgspec.Struct, frozen=True):
    """One split in the manifest; its shards in the order of its clips."""

    clips: int
    frames: int
    bytes: int
    shards: list[str]


class Manifest(msgspec.Struct, frozen=True):
    """manifest.json: what a version consists of. Holds no path, time or machine.

    Attributes:
        layout: number of the layout; a reader refuses one that is newer than its own.
        version: the version's name.
        dataset: name used in the shards' named links and by TFDS.
        schema, schema_epoch: of the records, and its epoch; "-multi-label" follows its name where clips have lists
            of labels.
        encoding: of the frames: jpeg; of images with masks jpeg, png or raw.
        options: the options that change bytes, as typed words to plain values.
        clips_sha256: of clips.parquet.
        codec_epoch: of the frames; raised when the same clip gets other pixels or bytes.
        splits: by name, train, val and test first: clips, frames, bytes, ids of the shards in the order of clips.
        shards: by id: records, frames, bytes, and a CRC-32C of each file.
    """

    layout: int
    version: str
    dataset: str
    schema: str
    schema_epoch: int
    encoding: str
    options: dict[str, str | int | float | bool | None]
    clips_sha256: str
    splits: dict[str, SplitEntry]
    shards: dict[str, ShardEntry]
    codec_epoch: int = 1  # where the manifest does not have it

    @property
    def multi_label(self) -> bool:
        """Whether every clip has a list of labels."""
        return self.schema.endswith(MULTI_LABEL)

    @property
    def adopted(self) -> bool:
        """Whether others wrote the records."""
        return self.schema.startswith(ADOPTED)

    @property
    def pairs(self) -> bool:
        """Whether every clip is an image with its mask."""
        return self.schema.startswith(PAIRS)


#: Characters of a class's name.
MAX_LABEL = 1000


def is_label(name: str) -> bool:
    """Return whether a class may have this name: one line of text without blanks around it.

    The label files hold one name a line, and readers strip it. All line ends of
    `str.splitlines` count, since readers use that.
    """
    plain = bool(name) and name == name.strip() and len(name.splitlines()) == 1
    return plain and "\0" not in name and len(name) <= MAX_LABEL


def placeholder(index: int) -> str:
    """Return the name of a number that no class has, in the label files; `_` follows if a class has this name."""
    return f"no_class_{index}"


def split_order(split: str) -> tuple[int, str]:
    """Return a sort key that puts train, val and test first, the rest by name."""
    known = ("train", "val", "test")
    return (known.index(split) if split in known else len(known), split)


def current_version(storage: Storage) -> str | None:
    """Read the published version's name; None if nothing was published."""
    try:
        return storage.read(CURRENT).decode().strip() or None
    except FileNotFoundError:
        return None


def read_manifest(storage: Storage, version: str | None = None) -> Manifest:
    """Read the manifest of a version, by default of the published one.

    Args:
        version: its name, or the first digits of it, as commands show them.

    Raises:
        NoSuchDataset: nothing is published there, the version is gone, or its
            layout is newer than this clipmill.
    """
    name = version or current_version(storage)
    if name is None:
        raise NoSuchDataset(f"{storage.root}: no published data set here (there is no {CURRENT} file)")
    try:
        raw = storage.read(version_path(name, MANIFEST))
    except FileNotFoundError:
        alike = [known for known in storage.children("versions")[0] if version and known.startswith(name)]
        if len(alike) == 1 and alike[0] != name:
            return read_manifest(storage, alike[0])
        problem = "stands for several versions" if len(alike) > 1 else "is not there"
        raise NoSuchDataset(f"{storage.root}: version {name} {problem}; see clipmill versions") from None
    layout = msgspec.json.decode(raw, type=dict).get("layout", 0)
    if layout > LAYOUT:
        raise NoSuchDataset(
            f"{storage.root}: version {name} has layout {layout}, this clipmill reads up to {LAYOUT}: "
            "pip install -U clipmill"
        )
    return msgspec.json.decode(raw, type=Manifest)
