"""What an import costs, and who may import what."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

MODULES = sorted(path for folder in ("clipmill", "transforms", "pipeline") for path in (ROOT / folder).rglob("*.py"))


class WithoutTypes(ast.NodeTransformer):
    """Takes out what only type checkers import."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)


def imported(path: Path) -> set[str]:
    """Top-level names of all that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(WithoutTypes().visit(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module.split(".")[0], ".".join(node.module.split(".")[:2])}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


#: The library, without the file that starts the command.
LIBRARY = sorted(set((ROOT / "clipmill").rglob("*.py")) - {ROOT / "clipmill" / "__main__.py"})


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.name)
def test_the_library_knows_nothing_of_beam(path: Path) -> None:
    assert not imported(path) & {"apache_beam", "clipmill.transforms", "clipmill.pipeline"}


def test_nothing_runs_what_it_reads() -> None:
    """Pickles run code when they are read; the reader alone has some, which its own processes send each other."""
    for path in (path for path in MODULES if "reader" not in path.parts):
        calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
        assert not calls & {"pickle.load", "pickle.loads", "pickle.Unpickler", "yaml.load", "eval", "exec"}, path
        assert not imported(path) & {"marshal", "shelve", "dill", "cloudpickle", "joblib"}, path
        assert "allow_pickle=True" not in path.read_text(), path


@pytest.mark.parametrize("path", sorted((ROOT / "transforms").rglob("*.py")), ids=lambda path: path.name)
def test_transforms_know_nothing_of_the_application(path: Path) -> None:
    assert "clipmill.pipeline" not in imported(path)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_frameworks_are_imported_in_their_own_modules_only(path: Path) -> None:
    trains = path == ROOT / "pipeline" / "demo" / "training.py"
    allowed = {
        "tensorflow": trains or (path.parent.name == "frameworks" and path.name.startswith("tf")),
        "keras": trains or (path.parent.name == "frameworks" and path.name.startswith("keras")),
        "torch": path.parent.name == "fastai" or (path.parent.name == "frameworks" and path.name.startswith("torch")),
    }
    for framework, may in allowed.items():
        assert may or framework not in imported(path)


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_clipmill_loads_none_of_the_heavy_packages() -> None:
    assert not loaded_by("import clipmill") & {"apache_beam", "tensorflow", "torch", "cv2", "av", "pyarrow", "numpy"}


def test_the_reader_loads_neither_beam_nor_a_framework_nor_a_decoder() -> None:
    assert not loaded_by("import clipmill.reader, clipmill.grain") & {
        "apache_beam",
        "tensorflow",
        "keras",
        "torch",
        "av",
    }


def test_the_command_line_loads_none_of_the_heavy_packages() -> None:
    loaded = loaded_by("import clipmill.pipeline.cli.main as command; command._parser()")
    assert not loaded & {"apache_beam", "tensorflow", "torch", "cv2", "av", "pyarrow", "numpy", "obstore"}


def test_a_child_that_decodes_loads_neither_beam_nor_tensorflow() -> None:
    loaded = loaded_by(
        "import clipmill.workers.child, clipmill.decoding.decode_span, clipmill.sources.probe, clipmill.shards.write"
    )
    assert {"av", "cv2"} <= loaded
    assert not loaded & {"apache_beam", "tensorflow", "torch"}
