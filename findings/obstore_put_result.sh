#!/usr/bin/env bash
# obstore 0.12.1: what put() returns cannot be handed back to put(mode=...) for a compare-and-swap.
# Input: a MemoryStore with one object.
# Expected: put(store, key, data, mode=result) with the dictionary of the put before, {"e_tag", "version"}, which is what
# the mode's type UpdateVersion asks for.
# Seen: TypeError, 'None' is not an instance of 'str', where the store has no versions; without the key `version` the same
# call is accepted, and a stale tag is refused as it should be.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    obstore==0.12.1

venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import obstore
from obstore.store import MemoryStore

print("obstore", version("obstore"))
store = MemoryStore()
result = obstore.put(store, "pointer", b"1")
print("put() returned", result)


def swap(mode):
    """Return how a conditional put ended."""
    try:
        obstore.put(store, "pointer", b"2", mode=mode)
        return "written"
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


whole = swap(dict(result))
tag = swap({"e_tag": result["e_tag"]})
stale = swap({"e_tag": result["e_tag"]})
print("put(mode=that result): expected written, got", whole)
print("put(mode={'e_tag': ...} of that result): expected written, got", tag)
print("the same again, now stale: expected PreconditionError, got", stale)
same = whole.startswith("TypeError") and tag == "written" and stale.startswith("PreconditionError")
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
