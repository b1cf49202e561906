"""The shapes that JSON documents of annotations have, each turned into flat objects, one for each clip.

ActivityNet 1.3 and what follows it (HACS Segments, THUMOS in ActivityNet's form, MMAction2's annotations for BMN):

    {"database": {"sJULzuSPcuk": {"subset": "training", "annotations": [{"label": "Ping-pong", "segment": [3, 9.4]}]}}}

Kinetics (the JSON of its archives), whose videos are cut to the one segment and named id_000084_000094:

    {"---QUuC4vJs": {"subset": "train", "annotations": {"label": "testifying", "segment": [84.0, 94.0]}}}

Something-Something v2, where the template is the class, and its lists for testing, [{"id": "1420"}]:

    [{"id": "78687", "label": "holding potato next to bottle", "template": "Holding [something] next to [something]"}]

FineGym 1.1 (its events; its elements have lists of their own, which `path_label_lists` reads):

    {"A0xAXXysHUo": {"E_002184_002237": {"event": 1, "timestamps": [[2184.0, 2237.0]], "segments": {}}}}

I3D's Charades and MultiTHUMOS, with the number of a class, start and end:

    {"7UPGT": {"subset": "training", "duration": 31.96, "actions": [[77, 12.1, 18.0]]}}

WLASL, whose frames are counted from 1, the last one included, or -1 for the end of the video:

    [{"gloss": "book", "instances": [{"video_id": "69241", "split": "train", "frame_start": 1, "frame_end": -1}]}]

MSR-VTT, a clip for each video, with its sentences. The times are those in the longer video that it was cut from:

    {"videos": [{"video_id": "video0", "category": 9, "split": "train", "start time": 137.72, "end time": 149.44}],
     "sentences": [{"video_id": "video0", "sen_id": 0, "caption": "a man drives"}]}

And lists of objects with a path, as Diving48 (vid_name, label, start_frame, end_frame) and MMAction2 (filename, label)
have them. MMAction2's HVU has labels of several kinds in each: {"action": [180], "scene": [206]}.

http://activity-net.org/download.html, https://github.com/hangzhaomit/HACS-dataset,
https://www.qualcomm.com/developer/software/something-something-v-2-dataset, https://sdolivia.github.io/FineGym,
http://www.svcl.ucsd.edu/projects/resound/dataset.html, https://mmaction2.readthedocs.io,
https://github.com/piergiaj/pytorch-i3d, https://dxli94.github.io/WLASL, the MSR-VTT challenge's videodatainfo.json
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from clipmill.listings.paths import BadRow

#: A document, of which only the outermost level is taken apart.
Document = dict[str, msgspec.Raw] | list[msgspec.Raw]
#: Number of an entry of the document, from 1, and a flat object for a clip of it, or what is wrong.
Entries = Iterator[tuple[int, dict[str, Any] | BadRow]]

_ENTRY_KEYS = frozenset(("annotations", "subset"))
_WORD_KEYS = frozenset(("gloss", "instances"))
_CAPTIONED_KEYS = frozenset(("videos", "sentences"))
#: MSR-VTT's keys of where a video was cut from a longer one; as times they would be cut from it once more.
_CUT_FROM = {"start time": "cut_from", "end time": "cut_to"}
_EVENT_KEYS = frozenset(("event", "timestamps"))


class Shape(NamedTuple):
    """One shape of documents.

    Attributes:
        fits: whether a document has it, by its first entry.
        entries: flat objects with the keys of `clipmill.listings.columns`.
    """

    fits: Callable[[Document], bool]
    entries: Callable[[Document], Entries]


def shape_of(document: Document) -> Shape | None:
    """Return the first shape that a document has, None if it has no known one."""
    return next((shape for shape in SHAPES if shape.fits(document)), None)


def is_template(entry: Mapping[str, Any]) -> bool:
    """Return whether a flat object is of Something-Something, whose labels are templates."""
    return "caption" in entry


def _first(entries: Iterable[msgspec.Raw]) -> dict[str, Any]:
    """Return the first entry, empty if it is no object."""
    return next((_object(raw) or {} for raw in entries), {})


def _object(raw: msgspec.Raw) -> dict[str, Any] | None:
    """Return an entry; None if it is no object, or one that is not JSON inside."""
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _videos(document: Document) -> dict[str, msgspec.Raw]:
    """Return the entries of a document by video; none where it is a list."""
    if isinstance(document, list):
        return {}
    if "database" not in document:
        return document
    try:
        return msgspec.json.decode(document["database"], type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _has_annotations(document: Document) -> bool:
    return bool(_ENTRY_KEYS & _first(_videos(document).values()).keys())


def _annotated(document: Document) -> Entries:
    for number, (video, raw) in enumerate(_videos(document).items(), 1):
        entry = _object(raw)
        if entry is None:
            yield number, BadRow(f"the entry of {video[:60]!r} is no object")
            continue
        yield from ((number, clip) for clip in _clips(video, entry))


def _clips(video: str, entry: dict[str, Any]) -> Iterator[dict[str, Any] | BadRow]:
    """Iterate over the clips of one video: its segments, or all of it where it has none."""
    annotations = entry.pop("annotations", None) or _of_actions(entry.pop("actions", []))
    shared = {**entry, "path": video}
    if not annotations:
        yield shared
        return
    cut = isinstance(annotations, dict)
    for one in [annotations] if cut or not isinstance(annotations, list) else annotations:
        segment = one.pop("segment", None) if isinstance(one, dict) else None
        if segment is None or not _is_range(segment):
            yield BadRow(f"an annotation of {video[:60]!r} has no segment of two numbers")
            continue
        start, end = segment
        clip = {**shared, **one, "path": video, "start": start, "end": end}
        if cut:
            name = f"{video}_{round(start):06d}_{round(end):06d}"
            clip |= {"path": name, "id": name, "group": video}
        yield clip


def _of_actions(actions: Any) -> Any:
    """Return annotations of what I3D has as lists of class, start and end; what is none has no segment."""
    if not isinstance(actions, list):
        return actions
    return [{"label": one[0], "segment": one[1:]} if isinstance(one, list) and one else {} for one in actions]


def _is_range(segment: Any) -> bool:
    return isinstance(segment, list) and len(segment) == 2 and all(isinstance(one, (int, float)) for one in segment)


def _has_events(document: Document) -> bool:
    events = list(_first(_videos(document).values()).values())
    return bool(events) and isinstance(events[0], dict) and events[0].keys() >= _EVENT_KEYS


def _events(document: Document) -> Entries:
    for number, (video, raw) in enumerate(_videos(document).items(), 1):
        events = _object(raw)
        if events is None:
            yield number, BadRow(f"the entry of {video[:60]!r} is no object")
            continue
        for name, event in events.items():
            times = event.get("timestamps") if isinstance(event, dict) else None
            if not (isinstance(times, list) and times and all(map(_is_range, times))):
                yield number, BadRow(f"the event {name[:60]!r} of {video[:60]!r} has no timestamps")
                continue
            clip = {"path": video, "id": f"{video}_{name}", "label": event.get("event"), "start": times[0][0]}
            yield number, {**clip, "end": times[-1][1]}


def _has_words(document: Document) -> bool:
    return isinstance(document, list) and _first(document).keys() >= _WORD_KEYS


def _words(document: Document) -> Entries:
    for number, raw in enumerate(document, 1):
        entry = _object(raw) if isinstance(raw, msgspec.Raw) else None
        instances = entry.get("instances") if entry else None
        if entry is None or not isinstance(instances, list):
            yield number, BadRow("the entry has no instances")
            continue
        for one in instances:
            if not isinstance(one, dict) or not isinstance(one.get("video_id"), str):
                yield number, BadRow(f"an instance of {str(entry.get('gloss'))[:60]!r} has no video_id")
                continue
            first, last = one.pop("frame_start", 1), one.pop("frame_end", -1)
            frames = {} if last == -1 else {"end_frame": last}
            if frames or first != 1:
                frames["start_frame"] = first - 1 if isinstance(first, int) else first
            yield number, {**one, **frames, "path": one.pop("video_id"), "label": entry.get("gloss")}


def _has_captions(document: Document) -> bool:
    return isinstance(document, dict) and document.keys() >= _CAPTIONED_KEYS


def _captioned(document: Document) -> Entries:
    assert isinstance(document, dict)
    captions: dict[Any, list[Any]] = {}
    for sentence in _array(document["sentences"]):
        if isinstance(sentence, dict):
            captions.setdefault(str(sentence.get("video_id")), []).append(sentence.get("caption"))
    for number, entry in enumerate(_array(document["videos"]), 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("video_id"), str):
            yield number, BadRow("the entry of videos has no video_id")
            continue
        video = entry.pop("video_id")
        entry.pop("id", None)  # its place in the list
        shown = {_CUT_FROM.get(str(key), str(key)): value for key, value in entry.items()}
        yield number, {**shown, "path": video, "captions": captions.get(video, [])}


def _array(raw: msgspec.Raw) -> list[Any]:
    """Return a list of the document; empty where it is none."""
    try:
        return msgspec.json.decode(raw, type=list[Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def _is_list(document: Document) -> bool:
    return isinstance(document, list) and bool(_first(document))


def _objects(document: Document) -> Entries:
    for number, raw in enumerate(document if isinstance(document, list) else [], 1):
        entry = _object(raw)
        yield number, BadRow("the entry is no object") if entry is None else _flat(entry)


def _flat(entry: dict[str, Any]) -> dict[str, Any]:
    if "template" in entry:
        template, caption = str(entry.pop("template")), entry.pop("label", "")
        label = template.replace("[", "").replace("]", "")
        return {"path": entry.pop("id", None), "label": label, "caption": caption, **entry}
    if entry.keys() == {"id"}:
        return {"path": entry["id"]}
    kinds = entry.get("label")
    if isinstance(kinds, dict) and all(isinstance(numbers, list) for numbers in kinds.values()):
        return {**entry, "label": [f"{kind}/{number}" for kind, numbers in kinds.items() for number in numbers]}
    return entry


SHAPES = (
    Shape(_has_captions, _captioned),
    Shape(_has_annotations, _annotated),
    Shape(_has_events, _events),
    Shape(_has_words, _words),
    Shape(_is_list, _objects),
)
