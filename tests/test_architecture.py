"""The rules of the house that no linter knows: sizes, names, directions, light imports, the error tree."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from pathlib import Path

import pytest

from ingest import errors
from ingest.errors import TroikaError, UsageError
from service.http_errors import STATUS_OF, status_of

ROOT = Path(__file__).resolve().parents[1]
# Data flows from left to right, and each package may import those on its left.
PACKAGES = ("ingest", "service", "eval", "finetune")
PRODUCT = (ROOT / "troika.py", *(path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))))
MODULES = tuple(path for path in PRODUCT if path.name != "__init__.py")
EVERY_FILE = (*PRODUCT, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "examples").rglob("*.py")))

# What may be an import of the module that is called as the builtin is.
_IMPORTS_EVAL = re.compile(r"^\s*import\b.*\beval\b", re.MULTILINE)

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
VAGUE_WORDS = {"util", "utils", "helper", "helpers", "common", "manager", "types", "misc"}
HEAVY = {
    "accelerate",
    "datasets",
    "faiss",
    "gguf",
    "onnxruntime",
    "openvino",
    "peft",
    "pymilvus",
    "ray",
    "sentence_transformers",
    "tantivy",
    "torch",
    "transformers",
    "trl",
    "unstructured",
    "vllm",
    "xllamacpp",
}
# What the command line, the web application and every reader of settings load before any work is asked for.
LIGHT = (
    "troika",
    *(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in PRODUCT if path.name == "cli.py"),
    "ingest.snapshots.collection",
    "ingest.document",
    "ingest.errors",
    "ingest.settings",
    "service.app",
    "service.doctor",
    "service.history.history",
    "service.prompt",
    "service.releases.release",
    "eval.measures.answers",
    "eval.retrieval.report",
    "finetune.settings.train_config",
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(autouse=True, scope="module")
def forget_trees() -> Iterator[None]:
    """Do not keep millions of nodes for the tests of other files."""
    yield
    tree_of.cache_clear()
    nodes_of.cache_clear()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


@cache
def nodes_of(path: Path) -> tuple[ast.stmt | ast.Call, ...]:
    """Every statement and every call of a file, at any depth."""
    return tuple(node for node in ast.walk(tree_of(path)) if isinstance(node, ast.stmt | ast.Call))


def place(path: Path, node: ast.stmt | ast.expr) -> str:
    return f"{name_of(path)}:{node.lineno}"


def imports_of(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every statement of a file that imports, at any depth, with the full name of the module."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(path, node)} imports relatively: name the package"
            yield node, node.module or ""


def error_classes() -> list[type[TroikaError]]:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    return [value for value in classes if issubclass(value, TroikaError)]


def test_a_file_fits_on_a_few_screens() -> None:
    lines = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in PRODUCT}
    assert {name: count for name, count in lines.items() if count > MAX_FILE_LINES} == {}


def test_a_function_fits_on_one_screen() -> None:
    lengths = {
        f"{place(path, node)} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in PRODUCT
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: count for name, count in lengths.items() if count > MAX_FUNCTION_LINES} == {}


def test_a_name_says_what_the_file_holds() -> None:
    vague = [
        name_of(path)
        for path in EVERY_FILE
        if {word for part in Path(name_of(path)).with_suffix("").parts for word in part.split("_")}
        & VAGUE_WORDS
    ]
    assert vague == []


def test_a_module_says_what_it_is_for() -> None:
    assert [name_of(path) for path in MODULES if not ast.get_docstring(tree_of(path))] == []


def test_annotations_are_not_evaluated() -> None:
    evaluated = [
        name_of(path)
        for path in MODULES
        if not any(
            isinstance(node, ast.ImportFrom)
            and (node.module, node.names[0].name) == ("__future__", "annotations")
            for node in tree_of(path).body
        )
    ]
    assert evaluated == []


def test_packages_do_nothing_when_imported() -> None:
    assert [
        name_of(path) for path in PRODUCT if path.name == "__init__.py" and path.read_text().strip()
    ] == []
    folders = {path.parent for path in MODULES} - {ROOT}
    assert [name_of(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_imports_follow_the_data() -> None:
    wrong = [
        f"{place(path, node)} {module}"
        for path in PRODUCT
        for node, module in imports_of(path)
        if module.split(".")[0] in forbidden_imports(path)
    ]
    assert wrong == []


def forbidden_imports(path: Path) -> set[str]:
    """Top-level names that a file of the product may not import."""
    own = path.relative_to(ROOT).parts[0]
    right = PACKAGES[PACKAGES.index(own) + 1 :] if own in PACKAGES else ()
    return {"tests", "examples", *(("troika", *right) if own in PACKAGES else ())}


def test_the_builtin_eval_is_not_hidden() -> None:
    hidden = [
        place(path, node)
        for path in EVERY_FILE
        if _IMPORTS_EVAL.search(path.read_text("utf-8"))
        for node in nodes_of(path)
        if isinstance(node, ast.Import)
        and any((alias.asname or alias.name.split(".")[0]) == "eval" for alias in node.names)
    ]
    assert hidden == [], "write `from eval.x import y`"


def test_heavy_libraries_are_imported_at_the_top_of_their_adapters() -> None:
    late = [
        f"{place(path, node)} {module}"
        for path in PRODUCT
        for node, module in imports_of(path)
        if module.split(".")[0] in HEAVY and node not in tree_of(path).body
    ]
    assert late == [], "import the library at the top of an adapter module, and that module late"


def test_commands_and_settings_load_no_heavy_library() -> None:
    script = (
        "import json, sys\n"
        "from importlib import import_module\n"
        "light, heavy = json.loads(sys.argv[1])\n"
        "guilty, seen = {}, set()\n"
        "for module in light:\n"
        "    import_module(module)\n"
        "    new = {name for name in heavy if name in sys.modules} - seen\n"
        "    seen |= new\n"
        "    if new: guilty[module] = sorted(new)\n"
        "print(json.dumps(guilty))\n"
    )
    assert json.loads(run_python("-c", script, json.dumps([LIGHT, sorted(HEAVY)]))) == {}


def test_the_front_door_answers_without_loading_anything() -> None:
    script = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import troika\n"
        "sys.argv = ['troika', '--help']\n"
        "troika.main()\n"
        "third = {name.split('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names\n"
        "print(sorted(third))\n"
    )
    assert run_python("-c", script).splitlines()[-1] == "['troika']"


def test_nothing_reports_home() -> None:
    """OpenVINO sends an event to an analytics service when it is imported, unless its reporter is missing."""
    script = "import sys, ingest.embedders.openvino; print(bool(sys.modules.get('openvino_telemetry')))"
    assert run_python("-c", script).strip() == "False"


def run_python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_left_for_later() -> None:
    stubs = [
        place(path, node)
        for path in PRODUCT
        for node in nodes_of(path)
        if isinstance(node, ast.Raise) and node.exc and "NotImplemented" in ast.unparse(node.exc)
    ]
    marks = [name_of(path) for path in PRODUCT if re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text("utf-8"))]
    assert stubs + marks == []


def test_libraries_do_not_print() -> None:
    printed = [
        place(path, node)
        for path in MODULES
        if path.name not in ("cli.py", "troika.py")
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printed == []


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    drawn: dict[str, tuple[str | None, str]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"    (?P<branch>[│├└─ ]*)(?P<name>\w+Error)\b *(?P<note>.*)", line)
        if match:
            del above[len(match["branch"]) // 4 :]
            drawn[match["name"]] = (above[-1] if above else None, match["note"])
            above.append(match["name"])
    real = {cls.__name__: cls.__mro__[1].__name__ for cls in error_classes()}
    assert {name: parent or "Exception" for name, (parent, _) in drawn.items()} == real
    leaves = [cls for cls in error_classes() if not cls.__subclasses__()]
    assert {cls.__name__: drawn[cls.__name__][1].split()[-1] for cls in leaves} == {
        cls.__name__: cls.code for cls in leaves
    }


def test_every_error_has_a_code_of_its_own() -> None:
    codes = {cls.__name__: vars(cls).get("code") for cls in error_classes()}
    assert [name for name, code in codes.items() if code is None] == []
    assert len(set(codes.values())) == len(codes)


def test_every_error_has_a_status_and_a_wrong_request_is_the_callers_fault() -> None:
    families = [cls for cls in error_classes() if cls.__mro__[1] is TroikaError]
    assert [cls.__name__ for cls in families if cls not in STATUS_OF] == []
    statuses = {
        cls.__name__: status_of(cls("said")) for cls in error_classes() if issubclass(cls, UsageError)
    }
    assert {name for name, status in statuses.items() if not 400 <= status < 500} == set()
    missing = [name for name in statuses if name.endswith("NotFoundError") and name != "PathNotFoundError"]
    assert {statuses[name] for name in missing} == {HTTPStatus.NOT_FOUND}
