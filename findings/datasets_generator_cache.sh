#!/usr/bin/env bash
# Hugging Face datasets 5.2.0: Dataset.from_generator gives the rows of an earlier run after the listing has changed.
# Input: a generator over the lines of a file whose path is given by gen_kwargs; the file gains a line.
# Expected: the second call reads the file, as load_dataset("text") does, which looks at the file's time and size.
# Seen: the second call gives the first one's rows from the cache: the key is made of the function and its arguments.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    datasets==5.2.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import datasets

datasets.disable_progress_bars()


def rows(path):
    with open(path) as file:
        for line in file:
            yield {"clip": line.strip()}


def by_generator():
    return list(datasets.Dataset.from_generator(rows, gen_kwargs={"path": "listing.txt"}, cache_dir="cache")["clip"])


def by_loader():
    return list(datasets.load_dataset("text", data_files="listing.txt", split="train", cache_dir="cache")["text"])


print("datasets", datasets.__version__)
seen = []
for text in ("a\nb\n", "a\nb\nc\n"):
    with open("listing.txt", "w") as file:
        file.write(text)
    seen.append((by_generator(), by_loader()))
    print(f"the file has {text.split()}; from_generator gives {seen[-1][0]}, load_dataset('text') gives {seen[-1][1]}")
same = seen == [(["a", "b"], ["a", "b"]), (["a", "b"], ["a", "b", "c"])]
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
