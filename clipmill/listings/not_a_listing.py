"""Recognising files that are not listings of clips, for the error message."""

from __future__ import annotations

import posixpath
import re

from clipmill.listings.base import Look
from clipmill.listings.paths import is_source, ucf_name
from clipmill.listings.text_lines import PARQUET

_CELL = re.compile(r"\s*[^\W\d][\w -]*\s*")
AUDIO_SUFFIXES = frozenset((".wav", ".mp3", ".flac", ".m4a", ".aac", ".ogg", ".npy"))


def describe(look: Look) -> str:
    """Describe what a file that no format matches seems to be, and what to do about it."""
    first = look.head[0].strip()
    if first == PARQUET:
        return "Parquet without a column of paths: say which is one with --columns path=NAME"
    if first.startswith(("{", "[")):
        if first.startswith("{") and first.endswith("}"):
            return "JSON without a key path: each line's object needs one (or file, video, ...)"
        return "JSON of no known shape: write it as JSON Lines, one object a line with path, label, start, end"
    if re.match(r"\d+\s+[^\d\W]", first):
        return "a file of classes: give it as --labels FILE"
    words = first.replace(",", " ").split() or [first]
    numbers = len(words) - 1
    while numbers and not words[-numbers].isdecimal():
        numbers -= 1
    if len(look.head) > 2 and not first.isdecimal() and all(line.strip().isdecimal() for line in look.head[1:3]):
        return "a list of temporal proposals, which has no clips"
    if posixpath.splitext(words[0])[1].lower() in AUDIO_SUFFIXES:
        return "a list of audio files"
    if numbers >= 2:
        return "a list of folders of frames, where some of the first lines are none (rawframes: folder, frames, label)"
    if is_source(first) and ucf_name("", posixpath.splitext(posixpath.basename(first))[0]):
        return "UCF's list without numbers under another name: call it testlist01.txt, so that folders name the classes"
    if is_source(first):
        return (
            "a list of videos without labels: put a header line that says path on top; "
            "or, where folders are the classes, give the folder that holds them in place of the list"
        )
    if is_source(words[0]):
        return "a table without a header: put a line such as path,label on top"
    cells = re.split(r"[,;\t]", first)
    if len(cells) > 1 and all(map(_CELL.fullmatch, cells)):
        return f"a table without a known column of paths: say which is one with --columns path=NAME ({first[:60]})"
    return f"nothing known (its first line is {first[:60]!r})"
