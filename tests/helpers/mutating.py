"""Harmless damage to small files: what a broken download, a wrong editor or a typing error leaves."""

from __future__ import annotations

import random


def mutated(data: bytes, seed: int) -> bytes:
    """Return the bytes with one to four changes, the same ones for the same seed."""
    chance = random.Random(seed)
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(out))
        length = chance.randint(1, 8)
        kind = chance.randrange(7)
        if kind == 0:
            del out[at : at + length]
        elif kind == 1:
            out[at:at] = bytes(chance.randrange(256) for _ in range(length))
        elif kind == 2 and at < len(out):
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 3:
            out[at:at] = chance.choice(
                [b"\n", b"\r", b"\0", b'"', b",", b";", b"[", b"{", b"-", b"9" * 30, b"..", b"/"]
            )
        elif kind == 4:
            piece = out[at : at + 10 * length]
            out[at:at] = piece
        elif kind == 5:
            del out[at:]
        else:
            out += out[:at]
    return bytes(out)
