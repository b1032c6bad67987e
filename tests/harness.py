"""What the tests share: building between two trees of text, importing a tree afresh, and looking at a live module.

The digest and the walk used to judge a patched process are this file's own: they share no code with what they judge.

A `.edit` file is a list of cases. Five directives:

    [case NAME OPTION...]   the options are those of `hotbuild diff`
    [old PATH]              a file of the old tree
    [new PATH]              a file of the new tree
    [verdict]               one line per edit that is not `same` or `moved`; `empty` when there is none
    [live]                  a doctest with the old tree's modules imported, and apply(), unload(), refusal()

Lines that begin with `--` right after a directive are comments.
"""

import bisect
import contextlib
import dis
import doctest
import gc
import importlib
import re
import sys
import types
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hotbuild_runtime
from click.testing import CliRunner

from hotbuild.cli import cli
from hotbuild.pipeline import Options, Result, diff
from hotbuild.reasons import REASONS

DIRECTIVE = re.compile(r"^\[(case|old|new|verdict|live)(?: +(.*))?\]\s*$")


@dataclass
class Case:
    """One case of a `.edit` file."""

    name: str
    line: int
    options: list[str] = field(default_factory=list)
    old: dict[str, str] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)
    verdict: list[str] = field(default_factory=list)
    verdict_line: int = 0
    live: str = ""
    live_line: int = 0

    @property
    def rude(self) -> bool:
        return any(line.startswith("rude") for line in self.verdict)


def parse_cases(text: str) -> list[Case]:
    """Read the cases of a `.edit` file."""
    cases: list[Case] = []
    body: list[str] = []
    current: tuple[str, str] = ("", "")

    def close() -> None:
        lines = list(body)
        while lines and lines[0].startswith("--"):
            lines.pop(0)
        content = "\n".join(lines).rstrip() + "\n"
        kind, argument = current
        if kind in ("old", "new"):
            getattr(cases[-1], kind)[argument] = content if content.strip() else ""
        elif kind == "verdict":
            cases[-1].verdict = [x for x in content.splitlines() if x.strip()]
        elif kind == "live":
            cases[-1].live = content

    for number, line in enumerate(text.splitlines(), 1):
        match = DIRECTIVE.match(line)
        if match is None:
            body.append(line)
            continue
        close()
        body.clear()
        current = match[1], match[2] or ""
        if match[1] == "case":
            name, *options = (match[2] or "").split()
            cases.append(Case(name, number, options))
        elif match[1] == "verdict":
            cases[-1].verdict_line = number
        elif match[1] == "live":
            cases[-1].live_line = number
    close()
    return cases


class Workbench:
    """Two trees on disk, the bundle between them, and the old tree imported into this process."""

    def __init__(self, folder: Path, old: dict[str, str | bytes], new: dict[str, str | bytes]) -> None:
        self.old = write_tree(folder / "old", old)
        self.new = write_tree(folder / "new", new)
        self.bundle = folder / "fix.hpb"
        self.receipts: list[hotbuild_runtime.Receipt] = []

    def build(self, **options: object) -> Result:
        """Diff the trees through the pipeline, and write the bundle if there is one."""
        result = diff(self.old, self.new, Options(**options))  # type: ignore[arg-type]
        if result.bundle is not None:
            self.bundle.write_bytes(result.bundle)
        return result

    def cli(self, command: str, *arguments: str) -> tuple[int, str]:
        """Run `hotbuild COMMAND OLD NEW …` and return exit code and output."""
        return run_cli(command, str(self.old), str(self.new), *arguments)

    def apply(self) -> hotbuild_runtime.Receipt:
        self.receipts.append(hotbuild_runtime.load(self.bundle))
        return self.receipts[-1]

    def unload(self) -> hotbuild_runtime.Receipt:
        return hotbuild_runtime.unload(self.receipts.pop().id)

    def refusal(self) -> list[str]:
        """Try to load and return the codes of the refusal."""
        try:
            self.apply()
        except hotbuild_runtime.HotbuildError as error:
            return sorted({p.code for p in error.problems})
        raise AssertionError("the bundle was loaded")

    @contextlib.contextmanager
    def running(self) -> Iterator[dict[str, types.ModuleType]]:
        """Import the old tree; unload what is loaded and forget the modules at the end."""
        with imported(self.old) as modules:
            try:
                yield modules
            finally:
                while self.receipts:
                    self.unload()


def write_tree(root: Path, files: dict[str, str | bytes]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def run_cli(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(cli, list(arguments))
    if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    return outcome.exit_code, outcome.output


def module_names(root: Path) -> list[str]:
    names = []
    for path in sorted(root.rglob("*.py")):
        parts = list(path.relative_to(root).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        if parts and parts[-1] != "__main__":
            names.append(".".join(parts))
    return names


@contextlib.contextmanager
def imported(root: Path) -> Iterator[dict[str, types.ModuleType]]:
    """Import every module of a tree, afresh; forget them all at the end."""
    before = set(sys.modules)
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        for name in module_names(root):
            importlib.import_module(name)
        yield {name: sys.modules[name] for name in module_names(root)}
    finally:
        sys.path.remove(str(root))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "") or "").startswith((str(root.parent), "<hotbuild")):
                del sys.modules[name]
        importlib.invalidate_caches()


# -- what the verdicts are


def verdicts(result: Result, everything: bool = False) -> list[str]:
    """List a result's edits as `[verdict]` lines."""
    lines = []
    for edit in result.edits:
        if edit.kind in ("same", "moved") and not everything:
            continue
        line = f"{edit.kind} {edit.target}"
        if edit.code:
            line += f" {edit.code} {REASONS[edit.code].slug}"
        if line not in lines:
            lines.append(line)
    return sorted(lines) or ["empty"]


def options_of(words: list[str]) -> dict[str, object]:
    """Translate command-line options of a `[case]` line to those of the pipeline."""
    options: dict[str, object] = {}
    queue = list(words)
    while queue:
        word = queue.pop(0).removeprefix("--").replace("-", "_")
        if word in ("only", "exclude"):
            options[word] = (*options.get(word, ()), queue.pop(0))  # type: ignore[misc]
        elif word in ("optimize",):
            options[word] = int(queue.pop(0))
        elif word in ("rebind",) and queue and not queue[0].startswith("--"):
            options[word] = (*options.get(word, ()), queue.pop(0))  # type: ignore[misc]
        else:
            options[word] = True
    return options


# -- what a live module is


def code_digest(code: types.CodeType) -> tuple[object, ...]:
    """Everything of a code object that decides what it does."""
    parameters = code.co_argcount + code.co_kwonlyargcount + sum(bool(code.co_flags & star) for star in (4, 8))
    return (
        code.co_name, code.co_qualname, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags,
        code.co_varnames[:parameters], sorted(code.co_varnames), code.co_cellvars, instructions(code),
    )  # fmt: skip


def instructions(code: types.CodeType) -> tuple[object, ...]:
    """List what a code object does, step by step, with names, constants, nested code, and jumps as step numbers.

    The step that copies captured variables into the frame is left out: a fix that stops using `super()` runs with a cell
    that it does not look at.
    """
    listing = dis.Bytecode(code)
    steps = [i for i in listing if i.opname not in ("COPY_FREE_VARS", "EXTENDED_ARG")]
    offsets = sorted(i.offset for i in steps)
    jumps = {*dis.hasjrel, *dis.hasjabs}

    def step(offset: int) -> int:
        return bisect.bisect_left(offsets, offset)

    def operand(i: dis.Instruction) -> object:
        if i.opcode in jumps:
            return step(i.argval)
        if i.opcode in dis.hasconst:
            return (
                code_digest(i.argval)
                if isinstance(i.argval, types.CodeType)
                else (type(i.argval), repr_constant(i.argval))
            )
        return i.argrepr if i.opcode in {*dis.haslocal, *dis.hasfree, *dis.hasname} else i.arg

    handlers = tuple((step(e.start), step(e.end), step(e.target), e.depth, e.lasti) for e in listing.exception_entries)
    return tuple((i.opname, operand(i)) for i in steps), handlers


def repr_constant(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    if isinstance(value, tuple):
        return tuple(map(repr_constant, value))
    return repr(value)


def functions_of(module: types.ModuleType) -> dict[str, list[types.FunctionType]]:
    """Find the functions that a module and its classes define, through the usual wrappers, by qualname."""
    found: dict[str, list[types.FunctionType]] = {}
    seen: set[int] = set()

    def visit(value: object) -> None:
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, types.FunctionType):
            if value.__globals__ is vars(module):
                found.setdefault(value.__code__.co_qualname, []).append(value)
            for cell in value.__closure__ or ():
                with contextlib.suppress(ValueError):
                    visit(cell.cell_contents)
            visit(getattr(value, "__wrapped__", None))
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for member in list(vars(value).values()):
                visit(member)
        elif isinstance(value, staticmethod | classmethod):
            visit(value.__func__)
        elif isinstance(value, property):
            for accessor in (value.fget, value.fset, value.fdel):
                visit(accessor)
        elif type(value).__name__ in ("_lru_cache_wrapper",):
            visit(value.__wrapped__)  # type: ignore[attr-defined]
        elif type(value).__name__ in ("cached_property", "partial"):
            visit(value.func)  # type: ignore[attr-defined]

    for value in list(vars(module).values()):
        visit(value)
    return found


def digests(module: types.ModuleType) -> dict[str, list[object]]:
    """The code and docstring of every function of a module."""
    return {
        name: sorted(((code_digest(f.__code__), f.__doc__) for f in functions), key=repr)
        for name, functions in functions_of(module).items()
    }


def state_of(modules: dict[str, types.ModuleType]) -> dict[str, object]:
    """Everything that an unload must restore, by identity: globals, class attributes, codes, docstrings."""
    state: dict[str, object] = {}
    for name, module in modules.items():
        for key, value in vars(module).items():
            state[f"{name}.{key}"] = id(value)
            if isinstance(value, type) and value.__module__ == module.__name__:
                for attribute, member in vars(value).items():
                    state[f"{name}.{key}.{attribute}"] = id(member) if attribute != "__doc__" else member
        for qualname, functions in functions_of(module).items():
            state[f"{name}:{qualname}"] = sorted((id(f), id(f.__code__), f.__doc__ or "") for f in functions)
        state[f"{name}.__doc__"] = module.__doc__
    return state


def untruths(modules: dict[str, types.ModuleType], fresh_root: Path) -> list[str]:
    """List the functions of patched modules that differ from those of a fresh import of the new tree."""
    have = {name: digests(module) for name, module in modules.items()}
    with apart(modules), imported(fresh_root) as fresh:
        want = {name: digests(module) for name, module in fresh.items() if name in modules}
    return [
        f"{name}:{qualname}"
        for name, functions in want.items()
        for qualname, digest in functions.items()
        if have[name].get(qualname) != digest
    ]


def unlike(modules: dict[str, types.ModuleType], fresh_root: Path, known: set[str]) -> list[str]:
    """List the names that a fix brings, not among `known`, which are not in the patched modules what a fresh import makes."""
    have = {name: names_of(module) for name, module in modules.items()}
    with apart(modules), imported(fresh_root) as fresh:
        want = {name: names_of(module) for name, module in fresh.items() if name in modules}
    return [
        f"{module}.{name}: {have[module].get(name, 'missing')}, should be {value}"
        for module, names in want.items()
        for name, value in names.items()
        if f"{module}.{name}" not in known and have[module].get(name, "missing") != value
    ]


_BOOKKEEPING = {"__builtins__", "__file__", "__cached__", "__spec__", "__loader__", "__annotations__", "__path__",
                "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__warningregistry__"}  # fmt: skip


def names_of(module: types.ModuleType) -> dict[str, object]:
    """Describe what each name of a module, and of the classes that it defines, is bound to, so that two processes compare."""
    found: dict[str, object] = {}

    def visit(prefix: str, space: dict[str, object]) -> None:
        for name, value in list(space.items()):
            if name in _BOOKKEEPING or name == "_abc_impl":
                continue
            found[prefix + name] = described(value)
            if isinstance(value, type) and value.__module__ == module.__name__ and value.__name__ == name:
                visit(f"{prefix}{name}.", dict(vars(value)))

    visit("", vars(module))
    return found


def described(value: object) -> object:
    if isinstance(value, type):
        return "class", value.__qualname__, value.__doc__, [base.__qualname__ for base in value.__mro__]
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if isinstance(value, bool | int | float | complex | str | bytes | tuple | list | dict | set | frozenset | None):
        text = repr(value)
        return type(value).__name__, "…" if " at 0x" in text else text
    return type(value).__name__, getattr(value, "__qualname__", None)


@contextlib.contextmanager
def apart(modules: dict[str, types.ModuleType]) -> Iterator[None]:
    """Take the packages of some modules out of `sys.modules` for a while."""
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in _tops(modules)}
    try:
        yield
    finally:
        sys.modules.update(saved)


def _tops(modules: dict[str, types.ModuleType]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


# -- running a case


def run_case(case: Case, folder: Path) -> None:
    """Run one case: verdicts, the doctest, and the properties truth, undo and refusal."""
    bench = Workbench(folder, dict(case.old), dict(case.new))
    result = bench.build(**options_of(case.options))
    everything = any(line.split()[0] in ("same", "moved") for line in case.verdict)
    assert verdicts(result, everything) == sorted(case.verdict), f"{case.name}: verdicts differ"
    if case.rude:
        assert result.bundle is None, "a refused diff made a bundle"
    if result.bundle is None:
        assert not case.live or case.rude, f"{case.name}: there is nothing to load"
        return
    assert case.live, f"{case.name}: an accepted case needs a [live] block"
    with bench.running() as modules:
        namespace: dict[str, object] = {name: module for name, module in modules.items() if "." not in name}
        namespace.update(apply=bench.apply, unload=bench.unload, refusal=bench.refusal, bench=bench, sys=sys)
        test = doctest.DocTestParser().get_doctest(case.live, namespace, case.name, str(folder), case.live_line)
        output: list[str] = []
        outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=output.append)
        assert outcome.failed == 0, "".join(output)
    if "refusal()" not in case.live:
        check_properties(bench, partial="--only" in case.options or "--exclude" in case.options)


def check_properties(bench: Workbench, partial: bool = False) -> None:
    """Load and unload in a fresh import of the old tree: truth after load, undo after unload, and the new code freed."""
    with bench.running() as modules:
        before, contents = state_of(modules), contents_of(modules)
        known = {f"{name}.{path}" for name, module in modules.items() for path in names_of(module)}
        old = codes_of(modules)
        bench.apply()
        if not partial:
            assert untruths(modules, bench.new) == [], "truth"
            assert unlike(modules, bench.new, known) == [], "truth of what is inserted"
        new = [weakref.ref(code) for key, code in codes_of(modules).items() if key not in old]
        bench.unload()
        after = state_of(modules)
        assert {
            k: (before.get(k), after.get(k)) for k in before.keys() | after.keys() if before.get(k) != after.get(k)
        } == {}
        assert contents_of(modules) == contents, "undo: a container was changed"
        if any(ref() is not None for ref in new):
            gc.collect()
        assert [ref() for ref in new if ref() is not None] == [], "undo: new code is still referenced"


def codes_of(modules: dict[str, types.ModuleType]) -> dict[int, types.CodeType]:
    return {id(f.__code__): f.__code__ for m in modules.values() for group in functions_of(m).values() for f in group}


def contents_of(modules: dict[str, types.ModuleType]) -> dict[str, object]:
    """What lists, dicts and sets that modules and classes hold have in them, by identity."""
    found: dict[str, object] = {}
    for name, module in modules.items():
        spaces = {"": vars(module)}
        spaces |= {f"{k}.": vars(v) for k, v in vars(module).items() if isinstance(v, type) and v.__module__ == name}  # type: ignore[dict-item]
        for prefix, space in spaces.items():
            for key, value in space.items():
                if key not in _BOOKKEEPING and isinstance(value, list | set | dict):
                    found[f"{name}.{prefix}{key}"] = sorted(map(id, value))
    return found
