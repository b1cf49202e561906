#!/usr/bin/env bash
# fastcore 2.2.41: a bound method given as a callback of a class with `funcs_kwargs` is called on another object.
# Input: a class decorated with `funcs_kwargs`, as fastai's DataLoader is with its `after_iter`, `before_iter` and others,
# and a bound method of a counter as the callback; the same in a lambda.
# Expected: the counter counts, as wherever Python calls a bound method.
# Seen: the method is bound anew to the object that calls it, so `self` is the loader: it sets attributes there, or raises
# AttributeError. In a lambda it counts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    fastcore==2.2.41

venv/bin/python - <<'PYTHON'
from importlib.metadata import version

from fastcore.meta import funcs_kwargs


@funcs_kwargs
class Loader:
    _methods = ["after_iter"]

    def __init__(self, **kwargs):
        assert not kwargs

    def after_iter(self):
        pass


class Counter:
    def __init__(self):
        self.calls = []

    def count(self):
        self.calls = [*getattr(self, "calls", []), type(self).__name__]


print("fastcore", version("fastcore"))
seen = {}
for name, wrapped in (("bound method", False), ("lambda", True)):
    counter = Counter()
    loader = Loader(after_iter=(lambda: counter.count()) if wrapped else counter.count)
    loader.after_iter()
    seen[name] = counter.calls, getattr(loader, "calls", [])
    print(f"{name}: expected 1 call of the counter, got {len(counter.calls)}; of the loader {len(seen[name][1])}")
as_described = {"bound method": ([], ["Loader"]), "lambda": (["Counter"], [])}
raise SystemExit(0 if seen == as_described else "the behaviour has changed")
PYTHON
