"""What is made from the table of options: the page of the docs, and the form of the Dataflow template."""

from __future__ import annotations

import json

from clipmill.options.table import TABLE, Option
from clipmill.pipeline.cli.arguments import choices_of, explanation, shown_default

_HEAD = """\
# Options of build and plan

<!-- Made by `make generated` from clipmill/options/table.py. -->

In a TOML file for `--config` an option has the same name, with _ or - in it; the command line wins. `clipmill init`
writes a file to begin with; this one is read by `clipmill build --config k400.toml`:

```toml
listing = ["train.csv", "val.csv"]
out = "k400-256"
short_side = 256
split = {train = 0.9, val = 0.1}
renumber = true
```

Options that are marked * change the bytes of a clip's record or of a shard: the manifest names them, and another value
makes another version. The others choose clips, splits and labels, which a version's name counts by themselves, or say
how a build runs, which changes no byte.
"""


def page() -> str:
    """The page docs/options.md."""
    parts = [_HEAD]
    for title, options in TABLE.items():
        rows = "".join(_row(option) for option in options)
        head = "| option | takes | default | what it does |\n|---|---|---|---|\n"
        parts.append(f"## {title[0].upper()}{title[1:]}\n\n{head}{rows}")
    return "\n".join(parts)


def _row(option: Option) -> str:
    metavar = option.metavar or "|".join(option.choices)
    typed = option.metavar if option.name == "listing" else f"--{option.name} {metavar}".rstrip()
    takes = "one of the names" if choices_of(option) else option.kind.says if option.kind else ""
    cells = (f"`{typed}`{' *' * option.changes_bytes}", takes, shown_default(option), explanation(option))
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def template() -> str:
    """The form docker/template-metadata.json: one parameter for each option that says what a build makes."""
    options = [option for group in TABLE.values() for option in group if option.fills]
    form = {
        "name": "clipmill build",
        "description": "Turns a listing of videos into a versioned data set of TFRecord shards.",
        "streaming": False,
        "parameters": [_parameter(option) for option in options],
    }
    return json.dumps(form, indent=2) + "\n"


def _parameter(option: Option) -> dict[str, object]:
    text, default = explanation(option), shown_default(option)
    text += "; several with commas between them" if option.name == "listing" else ""
    text += f" (default: {default})" if default else ""
    parameter: dict[str, object] = {
        "name": option.key,
        "label": option.name.replace("-", " ").capitalize(),
        "helpText": f"{text[0].upper()}{text[1:]}",
    }
    if option.name not in ("listing", "out"):
        parameter["isOptional"] = True
    if option.kind is None:
        pattern = "true|false"
    elif choices := choices_of(option):
        pattern = "|".join((*choices, *(["gs://.+[.]toml"] if option.name == "schema" else [])))
    else:
        pattern = option.kind.pattern
    parameter["regexes"] = [f"^({pattern})$"]
    return parameter
