"""What stands behind an option: from text to a value, with an error that says what is expected."""

from __future__ import annotations

import argparse
import re

from clipmill.options import Budget


def positive(text: str) -> int:
    """A whole number from 1 up."""
    if not re.fullmatch(r"[0-9]+", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 up")
    return int(text)


def whole(text: str) -> int:
    """A whole number, zero and below included."""
    if not re.fullmatch(r"-?[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(text)


def seconds(text: str) -> float:
    """A time span in seconds."""
    return _between(text, 1e9, "a number of seconds above 0")


def rate(text: str) -> float:
    """Frames per second."""
    return _between(text, 1000, "a number of frames per second above 0, at most 1000")


def quality(text: str) -> int:
    """Of a JPEG."""
    if not re.fullmatch(r"[0-9]+", text) or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 100")
    return int(text)


def size(text: str) -> tuple[int, int]:
    """Width and height."""
    found = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    if not found or not all(0 < int(side) <= 16384 for side in found.groups()):
        raise argparse.ArgumentTypeError(f"{text} is not a width and a height such as 320x240")
    return int(found[1]), int(found[2])


def budget(text: str) -> Budget:
    """A count of clips, or a share of the listing."""
    found = re.fullmatch(r"([0-9]+)|([0-9]+(?:\.[0-9]+)?)\s*%", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text} is neither a number of clips such as 20 nor a share such as 5%")
    return Budget(count=int(found[1])) if found[1] else Budget(share=float(found[2]) / 100)


def failures_budget(text: str) -> Budget:
    """A budget whose share never means less than three clips."""
    found = budget(text)
    return found if found.count is not None else Budget(share=found.share, least=3)


def days(text: str) -> float:
    """A time span in days: 7, 0.5, 7d."""
    try:
        found = float(text.removesuffix("d"))
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number of days such as 7")
    return found


def shares(text: str) -> dict[str, float]:
    """Splits and their shares, which add up to 1: train=0.8,val=0.2."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (word.strip() for word in part.partition("="))
        if not re.fullmatch(r"[0-9A-Za-z_]+", name) or name in found:
            raise argparse.ArgumentTypeError(f"{text} is not like train=0.8,val=0.2")
        found[name] = _between(share, 1, "a share above 0, at most 1, as in train=0.8,val=0.2")
    if abs(sum(found.values()) - 1) > 1e-9:
        raise argparse.ArgumentTypeError(f"{text} adds up to {sum(found.values()):g}, not 1")
    return found


def _between(text: str, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise argparse.ArgumentTypeError(f"{text} is not {what}")
    return value
