"""Programs and edits from a seed.

A `Program` is a few modules of functions, classes and values, as a small tree of dataclasses; `render` writes it as
source, in one of many formattings; `edit` changes it at random and says what the change must become: carried, or
refused with a code. `calls` lists expressions to evaluate, so that two states of a process can be compared by what
they do. Everything comes from one `random.Random`: the same seed gives the same programs on every Python.
"""

import copy
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

ARGUMENTS = (0, 1, 3, 8)

HELPERS = """
def traced(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return ("traced", function(*args, **kwargs))
    return wrapper


def tagged(mark):
    def decorate(function):
        function.mark = mark
        return function
    return decorate
"""


@dataclass
class Function:
    """A function: `shape` names its body's pattern, `numbers` are the constants in it."""

    name: str
    shape: str
    numbers: list[int]
    doc: str | None = None
    kind: str = "def"  # def, yield, async, agen
    decorators: list[str] = field(default_factory=list)
    default: int | None = None
    second: str | None = None
    parameter: str = "x"
    annotation: str = ""
    helper: str = "abs"
    receiver: str = ""  # self, cls, or nothing
    cell: bool = False  # begins with a use of super()


@dataclass
class Value:
    name: str
    text: str


@dataclass
class Class:
    name: str
    bases: list[str]
    members: "list[Function | Value | Class]"
    doc: str | None = None


@dataclass
class Guard:
    """An `if` whose branches define the same function."""

    test: str
    yes: Function
    no: Function


@dataclass
class Line:
    """An import, or a statement with an effect."""

    text: str


Unit = Function | Value | Class | Guard | Line


@dataclass
class Module:
    name: str
    doc: str | None
    units: list[Unit]


@dataclass
class Program:
    modules: list[Module]
    serial: int = 0

    def fresh(self, stem: str) -> str:
        """Make a name that nothing has."""
        self.serial += 1
        return f"{stem}{self.serial}"


@dataclass(frozen=True)
class Change:
    """What one edit did, and the HB code that it must be refused with; empty when it must be carried."""

    text: str
    code: str = ""


# -- bodies: each a function of the parameter `x` and two numbers

BODIES: dict[str, str] = {
    "sum": "return {x} * {a} + {b}",
    "loop": "total = {b}\nfor i in range({x} % 7):\n    if i == {a}:\n        continue\n    total += i * {a}\nreturn total",
    "while": "n = {x} + {a}\nwhile n > {b}:\n    n -= 3\n    if n == 4:\n        break\nelse:\n    n = -n\nreturn n",
    "list": "return [i + {x} + {a} for i in range({x} % 5) if i != {b}]",
    "nested_list": "return [[j * {x} + {a} for j in range(i)] for i in range({b} % 4)]",
    "genexp": "return sum(i * {a} + {x} for i in range({b} % 6))",
    "dict": "return {{k: {x} + {a} for k in ({a}, {b})}}, {{{a}, {b}}}",
    "try": "try:\n    return {x} // ({a} - {x})\nexcept ZeroDivisionError as error:\n    return type(error).__name__, {b}\n"
    "finally:\n    done = {a}",
    "with": "with contextlib.suppress(ValueError):\n    if {x} > {a}:\n        raise ValueError({b})\n    return {x}\nreturn {b}",
    "match": "match {x} % 3:\n    case 0:\n        return {a}\n    case n if n > {b}:\n        return n\n"
    "    case _:\n        return -{b}",
    "text": 'return f"{{{x} + {a}!r:>5}} of {b}" + "-0.0"',
    "floats": "return {a}.5 - {x}, -0.0 * {b}, {a} == {b}",
    "walrus": "return [y for i in range({x} % 4) if (y := i * {a}) > {b} % 3]",
    "in_set": "return {x} in {{{a}, {b}, 3}}, ({a}, ({b}, {x}))",
    "call": "return {helper}({x} + {a}) , {b}",
    "closure": "def inner(y, z=1):\n    return y + {x} + 5\nreturn inner({a}) + {b}",
    "nonlocal": "count = {a}\ndef bump():\n    nonlocal count\n    count += {x}\n    return count\nbump()\nreturn bump(), {b}",
    "lambda": "return sorted([{x}, {a}, {b}], key=lambda v: -v), {a}",
    "shadow": "import math\nreturn math.gcd({x} + {a}, {b} + 1)",
    "star": "first, *rest = ({x}, {a}, {b})\nreturn rest, first, [*rest, {b}]",
    "cond": "return {a} if {x} > {b} else None",
    "assert": "assert {x} >= 0, 'negative'\nreturn {x} ** 2 + {a} - {b}",
}
YIELDS = {
    "gen": "for i in range({x} % 4 + 1):\n    yield i * {a}\nyield {b}",
    "gen_from": "yield from range({a} % 5)\nyield {x} + {b}",
    "gen_send": "got = yield {a}\nyield (got, {x}, {b})",
}
ASYNCS = {
    "await": "async def later(v):\n    return v\nreturn await later({x} + {a}) + {b}",
    "async_plain": "return {x} * {a}, {b}",
    "async_list": "async def numbers():\n    yield 1\n    yield 2\nreturn [n + {a} async for n in numbers()], {x} + {b}",
}
AGENS = {"agen": "for i in range({x} % 3 + 1):\n    yield i + {a}\nyield {b}"}
SHAPES = {"def": BODIES, "yield": YIELDS, "async": ASYNCS, "agen": AGENS}
LITERALS = (
    "{n}",
    "({n}, 'a', None)",
    "[{n}, 2]",
    "{{'k': {n}}}",
    "frozenset({{{n}, 1}})",
    "'text {n}'",
    "{n} * 60 + 1",
)
WORDS = ("Count the things.", "Return a value.\n\n    With more lines.\n    ", "", "Zähle «Dinge» 🐍.", "x" * 40)


# -- making


def make(rng: random.Random) -> Program:
    """Make a program of one or two modules; the second imports the first."""
    program = Program([])
    for number in range(rng.choice((1, 1, 1, 2))):
        name = ("alpha", "beta")[number]
        lines = ["import contextlib", "import functools"]
        if number:
            lines.append("import alpha" if rng.random() < 0.5 else "from alpha import traced as imported_traced")
        head: list[Unit] = [Line(text) for text in lines]
        head.append(Line(HELPERS))
        program.modules.append(Module(name, rng.choice((None, *WORDS)), head))
        for _ in range(rng.randint(2, 4)):
            program.modules[-1].units.append(_unit(program, program.modules[-1], rng))
    return program


def _unit(program: Program, module: Module, rng: random.Random) -> Unit:
    what = rng.random()
    if what < 0.45:
        return function(program, rng, module)
    if what < 0.75:
        return klass(program, rng, module)
    if what < 0.88:
        return Value(program.fresh("VALUE"), literal(rng))
    one = function(program, rng, module)
    one.decorators = []
    return Guard(rng.choice(("functools.reduce", "not functools")), one, _like(one, rng))


def _like(one: Function, rng: random.Random) -> Function:
    other = copy.deepcopy(one)
    other.numbers = numbers(rng)
    return other


def numbers(rng: random.Random) -> list[int]:
    return [rng.randint(0, 12), rng.randint(0, 300)]


def literal(rng: random.Random) -> str:
    return rng.choice(LITERALS).format(n=rng.randint(0, 99))


def function(program: Program, rng: random.Random, module: Module | None = None) -> Function:
    """Make a function, perhaps one that calls an earlier one of its module."""
    kind = rng.choice(("def", "def", "def", "yield", "async", "agen"))
    made = Function(
        program.fresh("f"), rng.choice(sorted(SHAPES[kind])), numbers(rng), rng.choice((None, *WORDS)), kind
    )
    earlier = [u.name for u in module.units if isinstance(u, Function) and u.kind == "def"] if module else []
    if earlier and rng.random() < 0.5:
        made.helper = rng.choice(earlier)
    made.default = rng.choice((None, None, 4))
    made.annotation = rng.choice(("", "", "int"))
    made.second = rng.choice((None, None, "*", "y=2", "*, y=2", "*rest", "**rest"))
    if made.second == "*":
        made.second = None
    made.decorators = [d for d in ("@traced", "@tagged('m')", "@functools.lru_cache(maxsize=8)") if rng.random() < 0.12]
    if kind != "def" and "@functools.lru_cache(maxsize=8)" in made.decorators:
        made.decorators.remove("@functools.lru_cache(maxsize=8)")
    return made


def klass(program: Program, rng: random.Random, module: Module | None = None, depth: int = 0) -> Class:
    """Make a class with members of many kinds; some derive from an earlier class and use super()."""
    made = Class(program.fresh("C"), [], [], rng.choice((None, *WORDS)))
    earlier = [u for u in module.units if isinstance(u, Class)] if module else []
    if earlier and rng.random() < 0.6:
        base = rng.choice(earlier)
        made.bases = [base.name]
        overridden = [m for m in base.members if isinstance(m, Function) and m.receiver == "self" and not m.decorators
                      and m.kind == "def"]  # fmt: skip
        if overridden:
            twin = copy.deepcopy(rng.choice(overridden))
            twin.numbers, twin.cell = numbers(rng), twin.name != "__init__" and rng.random() < 0.7
            made.members.append(twin)
    if not made.bases:
        made.members.append(Function("__init__", "init", numbers(rng), receiver="self", parameter="start", default=3))
    for _ in range(rng.randint(1, 3)):
        made.members.append(member(program, rng, depth))
    return made


def member(program: Program, rng: random.Random, depth: int = 0) -> Function | Value | Class:
    """Make something that a class body may hold."""
    what = rng.random()
    if what < 0.12:
        return Value(program.fresh("LIMIT"), literal(rng))
    if what < 0.18 and depth == 0:
        return klass(program, rng, depth=1)
    made = function(program, rng)
    made.receiver, made.decorators = "self", []
    if what < 0.30:
        made.receiver, made.decorators = "", ["@staticmethod"]
    elif what < 0.42:
        made.receiver, made.decorators = "cls", ["@classmethod"]
    elif what < 0.56:
        made.kind, made.shape, made.decorators = (
            "def",
            rng.choice(sorted(BODIES)),
            [rng.choice(("@property", "@functools.cached_property"))],
        )
        made.parameter, made.second, made.default, made.annotation = "", None, None, ""
    elif what < 0.62:
        made.name = f"__{made.name}"
    elif what < 0.70:
        made.decorators = ["@traced"]
    return made


# -- writing


@dataclass
class Style:
    """How source is formatted; nothing of it changes what the program means."""

    rng: random.Random | None = None

    def gap(self) -> str:
        if self.rng is None:
            return ""
        return "\n" * self.rng.randint(0, 2) + ("# a remark: def f(): pass\n" if self.rng.random() < 0.3 else "")

    def list(self, parts: list[str]) -> str:
        if self.rng is not None and parts and self.rng.random() < 0.3:
            return (
                "\n        " + ",  # why\n        ".join(parts) + ",\n    " if parts[-1][0] != "*" else ", ".join(parts)
            )
        return ", ".join(parts)


def render(module: Module, style: Style | None = None) -> str:
    """Write a module's source."""
    style = style or Style()
    parts = [] if module.doc is None else [f"{module.doc!r}\n"]
    for unit in module.units:
        parts.append(style.gap() + _render(unit, style, ""))
    return "\n".join(parts)


def _render(unit: Unit, style: Style, owner: str) -> str:
    if isinstance(unit, Line):
        return unit.text + "\n"
    if isinstance(unit, Value):
        return f"{unit.name} = {unit.text}\n"
    if isinstance(unit, Guard):
        return f"if {unit.test}:\n{_indent(_render(unit.yes, style, owner))}else:\n{_indent(_render(unit.no, style, owner))}"
    if isinstance(unit, Class):
        head = f"class {unit.name}({', '.join(unit.bases)}):\n" if unit.bases else f"class {unit.name}:\n"
        body = [] if unit.doc is None else [f"{unit.doc!r}\n"]
        body += [style.gap() + _render(m, style, unit.name) for m in unit.members]
        return head + _indent("".join(body) or "pass\n")
    return _function_text(unit, style, owner)


def _function_text(f: Function, style: Style, owner: str) -> str:
    parameters = [f.receiver] if f.receiver else []
    if f.parameter:
        text = f.parameter + (f": {f.annotation}" if f.annotation else "")
        parameters.append(text + (f"={f.default}" if f.default is not None else ""))
    if f.second and (f.default is not None or f.second[0] == "*" or "=" in f.second):
        parameters.append(f.second)
    text = "".join(f"{d}\n" for d in f.decorators)
    text += f"{'async ' if f.kind in ('async', 'agen') else ''}def {f.name}({style.list(parameters)}):\n"
    lines = [] if f.doc is None else [f"{f.doc!r}"]
    if f.shape == "init":
        lines.append(f"self.n = start + {f.numbers[0]}")
        lines.append(f"self.unit = {f.numbers[1]} if start else None")
        return text + _indent("\n".join(lines) + "\n")
    if f.cell:
        lines.append(f"above = super().{f.name}")
    if style.rng is not None and style.rng.random() < 0.4:
        lines.append("# inside")
    x = f.parameter or "self.n"
    body = SHAPES[f.kind][f.shape]
    lines.append(body.format(x=x, a=f.numbers[0], b=f.numbers[1], helper=f.helper))
    return text + _indent("\n".join(lines) + "\n")


def _indent(text: str) -> str:
    return "".join(f"    {line}\n" if line.strip() else "\n" for line in text.split("\n")[:-1])


def tree(program: Program, style: Style | None = None) -> dict[str, str]:
    """Write all modules: text by path."""
    return {f"{m.name}.py": render(m, style) for m in program.modules}


# -- calling


def calls(program: Program) -> list[str]:
    """List expressions over the modules, with `run` to drive what a call gives."""
    found: list[str] = []
    for module in program.modules:
        for unit in module.units:
            one = unit.yes if isinstance(unit, Guard) else unit
            if isinstance(one, Function):
                found += [f"run({module.name}.{one.name}({n}))" for n in ARGUMENTS]
            elif isinstance(one, Class):
                found += _calls_of(one, f"{module.name}.{one.name}")
            elif isinstance(one, Value):
                found.append(f"{module.name}.{one.name}")
    return found


def _calls_of(owner: Class, path: str) -> Iterator[str]:
    for one in owner.members:
        if isinstance(one, Class):
            yield from _calls_of(one, f"{path}.{one.name}")
        elif isinstance(one, Value) or not one.parameter:
            yield f"{path}().{one.name}"
        elif one.name == "__init__":
            yield f"vars({path}(5))"
        else:
            name = f"_{owner.name}{one.name}" if one.name.startswith("__") else one.name
            yield from (f"run({path}().{name}({n}))" for n in ARGUMENTS)


def methods_held(program: Program) -> list[tuple[str, str]]:
    """List (class, method) whose bound method can be held over a patch."""
    return [
        (f"{m.name}.{c.name}", f.name)
        for m in program.modules
        for c in m.units
        if isinstance(c, Class)
        for f in c.members
        if isinstance(f, Function) and f.receiver == "self" and f.parameter == "x" and not f.name.startswith("_")
    ]


# -- editing


def functions(program: Program) -> list[tuple[Class | None, Function]]:
    """List every function with its class; of an `if`, the branch that is taken."""
    found: list[tuple[Class | None, Function]] = []

    def visit(owner: Class | None, units: list[Unit]) -> None:
        for unit in units:
            if isinstance(unit, Function):
                found.append((owner, unit))
            elif isinstance(unit, Guard):
                found.append((None, unit.no if unit.test.startswith("not ") else unit.yes))
            elif isinstance(unit, Class):
                visit(unit, unit.members)  # type: ignore[arg-type]

    for module in program.modules:
        visit(None, module.units)
    return found


def classes(program: Program) -> list[Class]:
    found = [u for m in program.modules for u in m.units if isinstance(u, Class)]
    return [*found, *(inner for c in found for inner in c.members if isinstance(inner, Class))]


def carried(program: Program, rng: random.Random) -> Change | None:
    """Make one edit that must be carried; None when the program has no place for it."""
    return rng.choice(CARRIED)(program, rng)


def refused(program: Program, rng: random.Random) -> Change | None:
    """Make one edit that must be refused."""
    return rng.choice(REFUSED)(program, rng)


def _some(program: Program, rng: random.Random, keep: Callable[[Function], bool] = lambda f: True) -> Function | None:
    fitting = [f for _, f in functions(program) if keep(f)]
    return rng.choice(fitting) if fitting else None


def _other_number(program: Program, rng: random.Random) -> Change | None:
    f = _some(program, rng)
    if f is None:
        return None
    f.numbers = [f.numbers[0], f.numbers[1] + rng.randint(1, 50)]
    return Change(f"other number in {f.name}")


def _other_body(program: Program, rng: random.Random) -> Change | None:
    inside = {"closure", "nonlocal", "lambda", "await", "async_list"}  # what is made in these may be in other hands
    f = _some(program, rng, lambda f: f.shape != "init" and f.shape not in inside)
    if f is None:
        return None
    f.shape = rng.choice(sorted(SHAPES[f.kind]))
    f.numbers = numbers(rng)
    return Change(f"body of {f.name} is {f.shape}")


def _other_doc(program: Program, rng: random.Random) -> Change | None:
    f = rng.choice([*(f for _, f in functions(program)), *classes(program), *program.modules])
    f.doc = rng.choice([w for w in (None, *WORDS, "Another.") if w != f.doc])
    return Change(f"docstring of {f.name}")


def _new_function(program: Program, rng: random.Random) -> Change | None:
    module = rng.choice(program.modules)
    made = function(program, rng, module)
    made.decorators = [d for d in made.decorators if "lru_cache" in d]
    made.helper = "abs"
    module.units.insert(rng.randint(_head(module), len(module.units)), made)
    return Change(f"new function {made.name}")


def _new_helper(program: Program, rng: random.Random) -> Change | None:
    """A new function, and a changed one that calls it."""
    module = rng.choice(program.modules)
    users = [u for u in module.units if isinstance(u, Function) and u.shape in ("sum", "call", "cond", "list")]
    if not users:
        return None
    user = rng.choice(users)
    made = Function(program.fresh("f"), rng.choice(("sum", "cond", "loop", "closure")), numbers(rng))
    module.units.append(made)
    user.shape, user.helper, user.numbers = "call", made.name, numbers(rng)
    return Change(f"{user.name} calls the new {made.name}")


def _new_class(program: Program, rng: random.Random) -> Change | None:
    module = rng.choice(program.modules)
    made = klass(program, rng, module)
    for one in made.members:
        if isinstance(one, Function) and "@traced" in one.decorators:
            one.decorators = []
    module.units.append(made)
    return Change(f"new class {made.name}")


def _new_method(program: Program, rng: random.Random) -> Change | None:
    if not classes(program):
        return None
    owner = rng.choice(classes(program))
    made = member(program, rng, depth=1)
    if isinstance(made, Function) and "@traced" in made.decorators:
        made.decorators = []
    owner.members.append(made)
    return Change(f"new member {made.name} of {owner.name}")


def _new_value(program: Program, rng: random.Random) -> Change | None:
    made = Value(program.fresh("VALUE"), literal(rng))
    rng.choice(program.modules).units.append(made)
    return Change(f"new value {made.name}")


def _new_import(program: Program, rng: random.Random) -> Change | None:
    module = rng.choice(program.modules)
    text = rng.choice(
        ("import string", "from math import pi as PI", "import os.path as where", "from json import dumps")
    )
    if any(isinstance(u, Line) and u.text == text for u in module.units):
        return None
    module.units.insert(0, Line(text))
    return Change(f"new {text}")


def _registered(unit: Function) -> bool:
    """Tell whether a decorator of the program's own saw the function: what it did with it would stay."""
    return any("traced" in d or "tagged" in d for d in unit.decorators)


def _gone(program: Program, rng: random.Random) -> Change | None:
    """Remove a function or method that nothing mentions and that hides nothing."""
    source = "\n".join(tree(program).values())
    lists: list[list[Unit]] = [m.units for m in program.modules] + [c.members for c in classes(program)]  # type: ignore[misc]
    places = [(units, u) for units in lists for u in units if isinstance(u, Function) and u.name != "__init__"]
    lonely = [
        (units, u)
        for units, u in places
        if len(re.findall(rf"\b{u.name}\b", source)) == 1 and not u.cell and not _registered(u)
    ]
    if not lonely:
        return None
    units, unit = rng.choice(lonely)
    units.remove(unit)
    return Change(f"{unit.name} is gone")


def _moved(program: Program, rng: random.Random) -> Change | None:
    """Move a plain function to the end of its module."""
    module = rng.choice(program.modules)
    free = [u for u in module.units if isinstance(u, Function) and not u.decorators]
    if not free:
        return None
    unit = rng.choice(free)
    module.units.remove(unit)
    module.units.append(unit)
    return Change(f"{unit.name} moved")


def _super_dropped(program: Program, rng: random.Random) -> Change | None:
    f = _some(program, rng, lambda f: f.cell)
    if f is None:
        return None
    f.cell = False
    return Change(f"{f.name} drops super()")


def _annotated(program: Program, rng: random.Random) -> Change | None:
    guarded = {u.yes.name for m in program.modules for u in m.units if isinstance(u, Guard)}
    f = _some(program, rng, lambda f: bool(f.parameter) and not f.decorators and f.name not in guarded)
    if f is None:
        return None
    f.annotation = "int" if f.annotation != "int" else ""
    return Change(f"annotation of {f.name}")


CARRIED = (
    _other_number, _other_number, _other_body, _other_body, _other_doc, _new_function, _new_helper, _new_class,
    _new_method, _new_value, _new_import, _gone, _moved, _super_dropped, _annotated,
)  # fmt: skip


def _parameter_added(program: Program, rng: random.Random) -> Change | None:
    f = _some(program, rng, lambda f: bool(f.parameter) and f.second is None)
    if f is None:
        return None
    f.second = rng.choice(("*, extra=1", "*extra", "**extra"))
    return Change(f"parameter of {f.name}", "HB101")


def _parameter_renamed(program: Program, rng: random.Random) -> Change | None:
    f = _some(program, rng, lambda f: f.parameter == "x")
    if f is None:
        return None
    f.parameter = "renamed"
    return Change(f"parameter of {f.name} renamed", "HB103")


def _default_changed(program: Program, rng: random.Random) -> Change | None:
    f = _some(program, rng, lambda f: f.default is not None)
    if f is None:
        return None
    assert f.default is not None
    f.default += 1
    return Change(f"default of {f.name}", "HB105")


def _kind_changed(program: Program, rng: random.Random) -> Change | None:
    f = _some(program, rng, lambda f: f.kind in ("def", "yield") and f.shape != "init" and bool(f.parameter))
    if f is None:
        return None
    f.kind = "yield" if f.kind == "def" else "def"
    f.shape = rng.choice(("gen", "gen_from")) if f.kind == "yield" else "sum"
    return Change(f"kind of {f.name}", "HB106")


def _decorated(program: Program, rng: random.Random) -> Change | None:
    f = _some(program, rng, lambda f: not f.decorators and f.shape != "init")
    if f is None:
        return None
    f.decorators = ["@traced"]
    return Change(f"decorator of {f.name}", "HB107")


def _super_added(program: Program, rng: random.Random) -> Change | None:
    fitting = [f for c in classes(program) for f in c.members
               if isinstance(f, Function) and f.receiver == "self" and not f.cell and f.shape != "init"]  # fmt: skip
    if not fitting:
        return None
    f = rng.choice(fitting)
    f.cell = True
    return Change(f"{f.name} uses super()", "HB202")


def _base_changed(program: Program, rng: random.Random) -> Change | None:
    c = rng.choice(classes(program) or [None])  # type: ignore[list-item]
    if c is None:
        return None
    c.bases = ["dict"] if c.bases != ["dict"] else []
    return Change(f"bases of {c.name}", "HB301")


def _value_changed(program: Program, rng: random.Random) -> Change | None:
    values = [u for m in program.modules for u in m.units if isinstance(u, Value)]
    if not values:
        return None
    value = rng.choice(values)
    value.text += " or None"
    return Change(f"value of {value.name}", "HB402")


def _effect(program: Program, rng: random.Random) -> Change | None:
    rng.choice(program.modules).units.append(
        Line(rng.choice(("functools.reduce(max, [1])", "if functools.reduce(max, [1]):\n    pass")))
    )
    return Change("a statement with an effect", "HB401")


def _special_method(program: Program, rng: random.Random) -> Change | None:
    if not classes(program):
        return None
    owner = rng.choice(classes(program))
    if any(m.name == "__hash__" for m in owner.members):
        return None
    owner.members.append(Function("__hash__", "sum", numbers(rng), receiver="self", parameter=""))
    return Change(f"__hash__ of {owner.name}", "HB307")


REFUSED = (
    _parameter_added, _parameter_renamed, _default_changed, _kind_changed, _decorated, _super_added, _base_changed,
    _value_changed, _effect, _special_method,
)  # fmt: skip


def _head(module: Module) -> int:
    return 1 + max(i for i, u in enumerate(module.units) if isinstance(u, Line) and u.text == HELPERS)
