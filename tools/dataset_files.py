"""The page of the docs on the files of a data set, made from the structs and tables that are written into them."""

from __future__ import annotations

import inspect
import re

import msgspec

from clipmill import layout
from clipmill.dataset.publish import Outcome
from clipmill.ledger import Failure

_HEAD = """\
# Files of a data set

<!-- Made by `make generated` from clipmill/layout.py and the structs that the files hold. -->

```
{tree}
```

On local disks a version's folder also has hard links to its shards, under the names that TFDS expects
(`ucf-train.tfrecord-00000-of-00012`), and `OUT/latest` links to the published version. `OUT/work` may be deleted while
no build runs; that costs only the time to make it again. No file of a version holds a path of this machine or a time.
[records.md](records.md) says what a record holds, [failures.md](failures.md) what each reason means.

## clips.parquet

A row for each clip; the listing's own further columns follow these. Where clips have lists of labels, so have
`label_index`, `label_text` and `label_source`.

| column | type | what it is |
|---|---|---|
"""
_STRUCTS = {
    "manifest.json": (layout.Manifest, "What a version consists of."),
    "failures.parquet": (Failure, "The ledger of a run, a row for each row of the listing that is no clip."),
    "outcome.json": (Outcome, "How a run ended."),
}
#: In the struct, and not in the file.
_LEFT_OUT = {("of",)}


def page() -> str:
    """The page docs/files.md."""
    (tree,) = re.findall(r"^(OUT/.*?)\Z", inspect.getdoc(layout) or "", re.DOTALL | re.MULTILINE)
    columns = re.findall(r'^    \("(\w+)", "(.+?)"\),(?:  # (.*))?$', inspect.getsource(layout), re.MULTILINE)
    assert [(name, kind) for name, kind, _ in columns] == list(layout.CLIP_COLUMNS)
    rows = "".join(f"| `{name}` | `{kind}` | {_cell(what)} |\n" for name, kind, what in columns)
    parts = [_HEAD.replace("{tree}", tree.strip()) + rows]
    for file, (struct, what) in _STRUCTS.items():
        rows = "".join(f"| {names} | {_cell(what)} |\n" for names, what in _fields(struct).items())
        parts.append(f"## {file}\n\n{what}\n\n| key | what it is |\n|---|---|\n{rows}")
    return "\n".join(parts)


def _fields(struct: type[msgspec.Struct]) -> dict[str, str]:
    """What a struct's docstring says of its fields; several may share a line."""
    (block,) = re.findall(r"Attributes:\n((?: +.*\n?)+)", inspect.getdoc(struct) or "")
    found = re.findall(r"^    ([\w, ]+): (.+(?:\n     +.+)*)", block, re.MULTILINE)
    said = {tuple(names.split(", ")): " ".join(what.split()) for names, what in found}
    assert sorted(name for names in said for name in names) == sorted(struct.__struct_fields__)
    return {", ".join(f"`{name}`" for name in names): what for names, what in said.items() if names not in _LEFT_OUT}


def _cell(text: str) -> str:
    return text.replace("|", r"\|").rstrip(".")
