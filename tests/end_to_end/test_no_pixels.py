"""Pixels pass no shuffle: of a real build, every collection is measured, and every row type is looked into."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import msgspec
from apache_beam.metrics import monitoring_infos
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from clipmill.layout import read_manifest
from clipmill.listings import resolve
from clipmill.options import BuildOptions, ListingOptions
from clipmill.pipeline.demo.synthetic import make_dataset
from clipmill.pipeline.graph import build_graph
from clipmill.storage import open_storage
from clipmill.transforms.coders import ROWS
from clipmill.workers.shared_pool import close_children


def test_a_build_moves_rows_and_no_frames(tmp_path: Path) -> None:
    make_dataset(tmp_path / "videos", 6, broken=0)
    listing = resolve(ListingOptions((str(tmp_path / "videos"),)))
    options = BuildOptions(listing, str(tmp_path / "out"), "run")
    pipeline = beam.Pipeline(runner=FnApiRunner())
    build_graph(pipeline, options, None)
    try:
        result = pipeline.run()
    finally:
        close_children()

    sizes = {}
    for infos in result._monitoring_infos_by_stage.values():
        for info in infos:
            if info.urn == "beam:metric:sampled_byte_size:v1":
                sizes[info.labels["PCOLLECTION"]] = monitoring_infos.extract_distribution(info)
    manifest = read_manifest(open_storage(options.out))
    stored = sum(split.bytes for split in manifest.splits.values())
    assert manifest.splits["train"].clips == 6
    assert stored > 1_000_000
    assert len(sizes) > 50, "most collections were measured"
    largest = max(sizes.values(), key=lambda size: size[3])
    assert largest[3] < 6 * 1000, "the plan of a shard of six clips, and nothing is larger"
    assert sum(size[1] for size in sizes.values()) < stored / 4


def test_no_row_has_room_for_bytes() -> None:
    found = msgspec.inspect.multi_type_info(ROWS)
    kinds: set[str] = set()

    def look(info: object) -> None:
        kind = type(info).__name__
        if kind == "StructType" and info.cls.__name__ in kinds:
            return
        kinds.add(info.cls.__name__ if kind == "StructType" else kind)
        for field in getattr(info, "fields", ()):
            look(field.type)
        for name in ("item_type", "key_type", "value_type"):
            if hasattr(info, name):
                look(getattr(info, name))
        for item in (*getattr(info, "item_types", ()), *getattr(info, "types", ())):
            look(item)

    for info in found:
        look(info)
    assert {"Clip", "Piece", "ShardEntry", "FrameOptions"} & kinds, "nested rows are looked into"
    assert not {"BytesType", "ByteArrayType", "MemoryViewType", "RawType", "AnyType"} & kinds
