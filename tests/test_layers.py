"""A folder is a stage and imports only what stands before it; nothing goes round in a circle.

Imports inside functions and those for types alone count like all others. An import inside a
function needs a comment above or beside it that says why the module cannot be loaded earlier.
Run with -s to see how many there are, and their reasons.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from places import ROOT

PACKAGES = {"clipmill": "clipmill", "transforms": "clipmill.transforms", "pipeline": "clipmill.pipeline"}
MOST_LATE_IMPORTS = 20
MOST_ROOT_FILES = 8
MOST_LINES = 400

_SHARED = ["strata", "errors", "options", "layout", "messages", "ledger", "content_names"]
_STAGES = ["listings", "video", "sources", "decoding", "shards", "workers", "dataset", "estimate"]
_READER = ["strata", "storage", "errors", "layout", "records", "signatures"]
_BEFORE_LOADING = [
    *("reader/draws", "reader/sampling", "reader/augment", "reader/order", "reader/access", "reader/coming"),
    *("reader/clip_table", "reader/clips", "reader/options", "reader/planner"),
]

#: Which room may import which others, besides itself: a room is a file of clipmill/ or a folder.
#: Read from the top, each row names only rooms of rows above it.
MAY_IMPORT: dict[str, list[str]] = {
    "strata": [],
    "errors": [],
    "storage": ["errors"],
    "layout": ["errors", "storage"],
    "signatures": ["errors", "storage", "layout"],
    "options": ["errors", "storage", "layout"],
    "messages": ["options", "layout"],
    "ledger": ["messages"],
    "content_names": ["options", "messages"],
    "records": ["errors", "layout", "storage"],
    "listings": ["storage", *_SHARED, "signatures", "records"],
    "video": ["storage", *_SHARED],
    "sources": ["storage", *_SHARED, "listings", "video"],
    "decoding": ["storage", *_SHARED, "signatures", "records", "video", "sources"],
    "shards": ["storage", *_SHARED, "records", "video", "decoding"],
    "workers": ["storage", *_SHARED, "sources", "decoding", "shards"],
    "dataset": ["storage", *_SHARED, "signatures", "records", "sources", "decoding", "shards"],
    "estimate": ["storage", *_SHARED, *_STAGES[:-1]],
    "archives": ["errors"],
    "adopt": ["storage", *_SHARED, "records", *_STAGES[:-1]],
    "export": ["storage", *_SHARED, "records", *_STAGES[:-1]],
    "reader/draws": _READER,
    "reader/hosts": _READER,
    "reader/sampling": [*_READER, "reader/draws"],
    "reader/augment": [*_READER, "reader/draws"],
    "reader/order": [*_READER, "reader/draws", "reader/sampling"],
    "reader/access": [*_READER, "reader/draws"],
    "reader/coming": [*_READER, "reader/access"],
    "reader/clip_table": [*_READER, "reader/draws", "reader/access", "reader/coming"],
    "reader/clips": [*_READER, "reader/sampling", "reader/clip_table"],
    "reader/options": [*_READER, "reader/sampling", "reader/augment", "reader/order"],
    "reader/planner": [*_READER, "reader/sampling", "reader/order", "reader/clips", "reader/options"],
    "reader/loading": [*_READER, *_BEFORE_LOADING],
    "reader/frameworks": [*_READER, *_BEFORE_LOADING, "reader/hosts", "reader/loading"],
    "reader": [*_READER, *_BEFORE_LOADING, "reader/hosts", "reader/loading", "reader/frameworks"],
    "leaks": ["storage", "errors", "layout", "signatures", "reader", "reader/clip_table"],
    "fastai": ["errors", "reader"],
    "grain": ["errors", "reader", "reader/augment"],
    "__init__": ["reader"],
    "transforms": ["storage", *_SHARED, "signatures", *_STAGES, "export", "reader", "leaks"],
    "pipeline": [
        *("storage", *_SHARED, "records", *_STAGES, "archives", "adopt", "export"),
        *("reader", "reader/access", "reader/coming", "reader/clip_table", "reader/clips"),
        *("signatures", "leaks", "__init__", "transforms"),
    ],
    "__main__": ["pipeline"],
}


class Import(NamedTuple):
    """One import statement.

    Attributes:
        module: that holds it.
        targets: modules of ours that it loads.
        late: it stands inside a function.
        reason: the comment above or beside it.
    """

    module: str
    line: int
    text: str
    targets: frozenset[str]
    late: bool
    reason: str

    @property
    def place(self) -> str:
        return f"{FILES[self.module].relative_to(ROOT)}:{self.line}"


def module_name(folder: str, path: Path) -> str:
    inside = path.relative_to(ROOT / folder).with_suffix("").parts
    return ".".join([PACKAGES[folder], *(part for part in inside if part != "__init__")])


FILES = {module_name(folder, path): path for folder in PACKAGES for path in sorted((ROOT / folder).rglob("*.py"))}


def room_of(module: str) -> str:
    """The room that a module is in."""
    parts = module.split(".")[1:]
    if not parts:
        return "__init__"
    if parts[0] == "reader" and len(parts) > 1:
        room = f"reader/{parts[1]}"
        return room if room in MAY_IMPORT else "reader"
    return parts[0]


def targets_of(node: ast.Import | ast.ImportFrom) -> frozenset[str]:
    """Our modules that a statement loads: `from folder import module` loads the module."""
    if isinstance(node, ast.Import):
        return frozenset(alias.name for alias in node.names if alias.name in FILES)
    assert not node.level, "imports name the whole module"
    found = {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name if name in FILES else str(node.module) for name in found if str(node.module) in FILES)


def imports_of(module: str) -> Iterator[Import]:
    source = FILES[module].read_text()
    lines = source.splitlines()
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    explained = ""
    last_line = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            above = lines[node.lineno - 2].strip()
            beside = lines[node.lineno - 1].partition("  # ")[2]
            if above.startswith("#"):
                explained = above.lstrip("# ")
            elif node.lineno != last_line + 1:  # one comment may stand above several
                explained = ""
            last_line = node.end_lineno or node.lineno
            targets = targets_of(node)
            yield Import(module, node.lineno, ast.unparse(node), targets, id(node) in inside, beside or explained)


IMPORTS = [found for module in FILES for found in imports_of(module)]
LATE = [found for found in IMPORTS if found.late]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other."""
    reach = {node: _reached(graph, node) for node in graph}
    groups = {tuple(sorted(other for other in reach[node] if node in reach[other])) for node in graph}
    return [list(group) for group in groups if group]


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    todo = list(graph[start])
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += graph[node]
    return found


def test_the_table_of_rooms_reads_from_the_top() -> None:
    above: set[str] = set()
    for room, others in MAY_IMPORT.items():
        assert set(others) <= above, f"{room} may import {set(others) - above}, which stand below it in the table"
        above.add(room)


def test_every_module_is_in_a_room_of_the_table() -> None:
    assert {room_of(module) for module in FILES} <= MAY_IMPORT.keys()


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_only_what_stands_before_it(module: str) -> None:
    room = room_of(module)
    wrong = [
        f"{found.place}: {found.text}: {room} may not import {room_of(target)}"
        for found in IMPORTS
        if found.module == module
        for target in found.targets
        if room_of(target) not in (room, *MAY_IMPORT[room])
    ]
    assert not wrong


def test_no_modules_import_each_other() -> None:
    graph: dict[str, set[str]] = {module: set() for module in FILES}
    for found in IMPORTS:
        graph[found.module] |= found.targets - {found.module}
    assert circles(graph) == []


def test_no_folders_import_each_other() -> None:
    graph: dict[str, set[str]] = {room_of(module): set() for module in FILES}
    for found in IMPORTS:
        graph[room_of(found.module)] |= {room_of(target) for target in found.targets} - {room_of(found.module)}
    assert circles(graph) == []


def test_every_late_import_says_why() -> None:
    for found in LATE:
        print(f"{found.place}: {found.text}: {found.reason or 'no reason'}")
    print(f"{len(LATE)} imports inside functions")
    assert not [found.place for found in LATE if not found.reason]


def test_late_imports_are_few() -> None:
    assert len(LATE) < MOST_LATE_IMPORTS


def test_few_files_stand_directly_in_the_library() -> None:
    assert len(list((ROOT / "clipmill").glob("*.py"))) <= MOST_ROOT_FILES


@pytest.mark.parametrize("module", FILES)
def test_modules_can_be_read_in_one_sitting(module: str) -> None:
    assert len(FILES[module].read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES.values()}), ids=lambda path: path.name)
def test_every_folder_says_what_is_in_it(folder: Path) -> None:
    package = folder / "__init__.py"
    assert package.exists() and ast.get_docstring(ast.parse(package.read_text()))
