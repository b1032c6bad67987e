"""Who may import what, and who may write `__code__`: the table of docs/architecture.md, held against every import
statement of the product, the ones inside functions too.

A rule says which files it is about, and which imports it forbids. Names are dotted and absolute; `a.b` stands for
everything below it. Names that `hotbuild_runtime` hands on (`load`, `HotbuildError`) count as imports of their home.
"""

import ast
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hotbuild_runtime
import pytest

import hotbuild

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"hotbuild": ROOT / "hotbuild", "hotbuild_runtime": ROOT / "runtime" / "hotbuild_runtime"}


def source_files() -> dict[str, Path]:
    """Every product file by module name."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


FILES = source_files()
TREES = {name: ast.parse(path.read_text(encoding="utf-8"), str(path)) for name, path in FILES.items()}


def imports_of(module: str) -> Iterator[str]:
    """Every name that a module imports, absolute: `from . import emit` in `hotbuild.cli` is `hotbuild.emit`."""
    is_package = FILES[module].name == "__init__.py"
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                yield _resolved(base, alias.name)


def _resolved(base: str, name: str) -> str:
    if f"{base}.{name}" in FILES:
        return f"{base}.{name}"
    home = hotbuild_runtime._HOME.get(name) if base == "hotbuild_runtime" else None
    return f"{base}.{home}" if home else base


def below(name: str, *tops: str) -> bool:
    return any(name == top or name.startswith(top + ".") for top in tops)


STAGES = tuple(
    f"hotbuild.{stage}"
    for stage in ("scan", "outline", "correlate", "classify", "insertions", "audit", "selection", "assemble", "emit")
)
SHARED_TYPES = {"hotbuild.assemble": ("hotbuild.insertions", "hotbuild.selection", "hotbuild.emit")}
"""`Module` and `Parts` stand in assemble, and these stages take them from there."""

PURE = tuple(
    f"hotbuild_runtime.{name}"
    for name in (
        "bundle", "decode", "errors", "fingerprint", "ledger", "manifest", "nest", "receipt", "shape", "transition",
    )
)  # fmt: skip
LENT = tuple(
    f"hotbuild_runtime.{name}" for name in ("behavior", "bundle", "errors", "fingerprint", "manifest", "nest", "shape")
)
"""What the build stage uses of the runtime."""


def is_stage(module: str) -> bool:
    return below(module, *STAGES)


def other_stage(module: str, name: str) -> bool:
    return below(name, *STAGES) and not below(name, module) and module not in SHARED_TYPES.get(name, ())


@dataclass(frozen=True)
class Rule:
    """`about` picks the importing modules, `forbids` the imports that they must not have."""

    name: str
    about: Callable[[str], bool]
    forbids: Callable[[str, str], bool]


RULES = [
    Rule(
        "the runtime imports the standard library and itself",
        lambda module: below(module, "hotbuild_runtime"),
        lambda module, name: name.partition(".")[0] not in {*sys.stdlib_module_names, "hotbuild_runtime"},
    ),
    Rule(
        "the pure files know no thread, socket, collector or clock",
        lambda module: module in PURE,
        lambda module, name: below(name, "threading", "socket", "gc", "time"),
    ),
    Rule(
        "fingerprint runs on its own",
        lambda module: module == "hotbuild_runtime.fingerprint",
        lambda module, name: below(name, "hotbuild_runtime", "hotbuild"),
    ),
    Rule(
        "the build stage never uses what touches a live process",
        lambda module: below(module, "hotbuild"),
        lambda module, name: below(name, "hotbuild_runtime") and not below(name, *LENT),
    ),
    Rule(
        "stages meet in the pipeline",
        is_stage,
        other_stage,
    ),
    Rule(
        "stages do not know the pipeline, nor the reports",
        is_stage,
        lambda module, name: below(name, "hotbuild.pipeline", "hotbuild.report"),
    ),
    Rule(
        "no rule imports another rule",
        lambda module: below(module, "hotbuild.rules"),
        lambda module, name: below(name, "hotbuild.rules"),
    ),
    Rule(
        "nothing imports the command line",
        lambda module: not below(module, "hotbuild.cli", "hotbuild.commands", "hotbuild.__main__"),
        lambda module, name: below(name, "hotbuild.cli", "hotbuild.commands"),
    ),
    Rule(
        "only outline and the rules parse with libcst",
        lambda module: not below(module, "hotbuild.outline", "hotbuild.rules"),
        lambda module, name: below(name, "libcst"),
    ),
    Rule(
        "only reshape assembles with bytecode",
        lambda module: module != "hotbuild.reshape",
        lambda module, name: below(name, "bytecode"),
    ),
    Rule(
        "only the command line and the reports print",
        lambda module: not below(module, "hotbuild.cli", "hotbuild.commands", "hotbuild.report"),
        lambda module, name: below(name, "click", "rich"),
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_imports(rule: Rule) -> None:
    about = [module for module in FILES if rule.about(module)]
    assert about, "the rule is about no file: was one renamed?"
    broken = [
        f"{module} imports {name}" for module in about for name in imports_of(module) if rule.forbids(module, name)
    ]
    assert broken == []


def test_names_in_the_table_are_files() -> None:
    assert [name for name in (*STAGES, *PURE, *LENT) if name not in FILES] == []


def test_imports_are_read() -> None:
    """The reader itself: relative, absolute, nested in a function, handed on by the package."""
    assert "hotbuild.emit" in set(imports_of("hotbuild.commands.diff"))
    assert "hotbuild.rules.struct" in set(imports_of("hotbuild.classify"))
    assert "hotbuild_runtime.loader" in set(imports_of("hotbuild_runtime"))
    assert "hotbuild_runtime.errors" in set(imports_of("hotbuild.cli"))
    assert "hotbuild_runtime.bundle" in set(imports_of("hotbuild.pipeline"))
    assert "libcst" in set(imports_of("hotbuild.outline"))


@pytest.mark.parametrize("stage, users", SHARED_TYPES.items())
def test_exceptions_are_still_needed(stage: str, users: tuple[str, ...]) -> None:
    assert [user for user in users if stage not in set(imports_of(user))] == []


SETTERS = {"setattr", "delattr", "__setattr__", "__delattr__"}


def writes_code(tree: ast.AST) -> Iterator[int]:
    """Lines that assign or delete an attribute `__code__`, or hold its name as a string beside a function that sets."""
    names = {node.attr if isinstance(node, ast.Attribute) else node.id
             for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}  # fmt: skip
    for node in ast.walk(tree):
        assigned = isinstance(node, ast.Attribute) and node.attr == "__code__" and not isinstance(node.ctx, ast.Load)
        named = isinstance(node, ast.Constant) and node.value == "__code__"
        if assigned or (named and names & SETTERS):
            yield node.lineno


def test_only_splice_writes_code() -> None:
    assert [module for module in FILES if list(writes_code(TREES[module]))] == ["hotbuild_runtime.splice"]


@pytest.mark.parametrize(
    "text",
    [
        "f.__code__ = c",
        "del f.__code__",
        "f.__code__, g = c, d",
        "f.__code__ += c",
        "with a as f.__code__: pass",
        "setattr(f, '__code__', c)",
        "row = object.__setattr__, f, '__code__', c",
    ],
)
def test_every_way_to_write_code_is_seen(text: str) -> None:
    assert list(writes_code(ast.parse(text)))


@pytest.mark.parametrize("text", ["names = f.__code__.co_names", "c = getattr(f, '__code__')"])
def test_reading_code_is_no_writing(text: str) -> None:
    assert not list(writes_code(ast.parse(text)))


def test_only_behavior_asks_for_the_version() -> None:
    asking = {
        module
        for module in FILES
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Attribute) and node.attr in ("version_info", "hexversion")
    }
    assert asking == {"hotbuild_runtime.behavior"}


def test_one_version() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = tomllib.loads((ROOT / "runtime" / "pyproject.toml").read_text())["project"]
    assert {build["version"], runtime["version"], hotbuild.__version__, hotbuild_runtime.__version__} == {
        build["version"]
    }
    assert f"hotbuild-runtime=={build['version']}" in build["dependencies"]


def test_the_runtime_depends_on_nothing() -> None:
    assert tomllib.loads((ROOT / "runtime" / "pyproject.toml").read_text())["project"]["dependencies"] == []
