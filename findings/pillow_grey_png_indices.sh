#!/usr/bin/env bash
# Pillow 12.3.0: class indices in a grey PNG of 2 or 4 bits are multiplied when it is opened.
# Input: masks of 4 and 16 classes as grey PNGs of 2 and 4 bits, each pixel its class; the same as palette PNGs.
# Expected: the class of each pixel, as of a grey PNG of 8 bits, or of a palette PNG of 2 or 4 bits.
# Seen: grey PNGs are stretched to 0..255: 0, 85, 170, 255 for four classes, multiples of 17 for sixteen. No error, and
# the mode is "L" as for a PNG of 8 bits, so a loss function gets classes that do not exist. Palette PNGs keep indices.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    pillow==12.3.0

venv/bin/python - <<'PYTHON'
import struct
import zlib
from importlib.metadata import version

from PIL import Image

GREY, PALETTE = 0, 3


def write(path, bits, kind):
    """Write a PNG of one row whose pixels are 0, 1, 2, ...: every class once (PNG specification, chunks 11.2)."""
    classes = 1 << bits
    row = 0
    for value in range(classes):
        row = row << bits | value
    colours = b"".join(bytes((value, 0, 0)) for value in range(classes))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", classes, 1, bits, kind, 0, 0, 0))]
    chunks += [(b"PLTE", colours)] if kind == PALETTE else []
    chunks += [(b"IDAT", zlib.compress(b"\0" + row.to_bytes(classes * bits // 8, "big"))), (b"IEND", b"")]
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, data in chunks:
            file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))


print("Pillow", version("pillow"))
seen = {}
for bits in (2, 4):
    for name, kind in (("grey", GREY), ("palette", PALETTE)):
        write("mask.png", bits, kind)
        with Image.open("mask.png") as image:
            seen[name, bits] = list(image.tobytes())
            print(f"{name}, {bits} bits: expected {list(range(1 << bits))}, mode {image.mode}, got {seen[name, bits]}")
as_described = {
    ("grey", 2): [0, 85, 170, 255],
    ("grey", 4): [17 * value for value in range(16)],
    ("palette", 2): list(range(4)),
    ("palette", 4): list(range(16)),
}
raise SystemExit(0 if seen == as_described else "the behaviour has changed")
PYTHON
