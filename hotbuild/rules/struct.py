"""HB3xx: what objects that live already rely on: bases, layout, fields, attributes, special methods."""

from collections.abc import Callable, Iterator, Mapping

from ..model import Definition, Item, ItemKind

Finding = tuple[str, str]

_FIELD_DECORATORS = {"dataclass", "define", "frozen", "mutable", "attrs", "s", "attributes", "dataclass_transform"}
_FIELD_BASES = {
    "NamedTuple", "TypedDict", "Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "BaseModel", "BaseSettings", "RootModel",
    "Model", "DeclarativeBase", "Base", "Struct", "Schema", "Serializer", "ModelSerializer", "Form", "ModelForm",
    "Structure", "Union", "Protocol",
}  # fmt: skip
_PLAIN_BASES = {"object", "Exception", "ValueError", "TypeError", "RuntimeError", "KeyError", "OSError", "IOError", "ABC",
                "abc.ABC", "Generic", "dict", "list", "str", "int", "tuple", "set", "LookupError", "AttributeError",
                "ImportError", "NotImplementedError", "UserWarning", "Warning", "DeprecationWarning"}  # fmt: skip
MAKERS = ("__init__", "__new__", "__post_init__")
_HARMLESS_DUNDERS = {"__doc__", "__module__", "__qualname__", "__annotations__", "__author__", "__version__"}


def class_header(old: Definition, new: Definition) -> Iterator[Finding]:
    """HB301, HB302: the class statement's own line."""
    if old.bases != new.bases:
        yield "HB301", f"class {old.name} now derives from {_list(new.bases)}, was {_list(old.bases)}"
    for what, was, now in (
        ("keywords", old.keywords, new.keywords),
        ("decorators", old.decorators, new.decorators),
        ("type parameters", (old.type_parameters,), (new.type_parameters,)),
    ):
        if was != now:
            yield "HB302", f"{what} of class {old.name} were {_list(was)}, are now {_list(now)}"


Classes = Mapping[str, Definition]
"""The module's classes by qualname, to follow bases in the tree."""


def fields_of(owner: Definition, classes: Classes) -> str:
    """Say what makes a class's annotations or values fields; empty for a class that is not known to have any."""
    for one, known in _family(owner, classes):
        for decorator in one.decorators:
            if _last(decorator.partition("(")[0]) in _FIELD_DECORATORS:
                return f"@{decorator.partition('(')[0]}"
        for base in one.bases:
            name = base.partition("[")[0].partition("(")[0]
            if name not in known and _last(name) in _FIELD_BASES:
                return name
    return ""


def may_have_fields(owner: Definition, classes: Classes) -> str:
    """Say which decorator or base may treat annotated or computed names as fields; empty when none can.

    A decorator or base that is not known counts: it saw the class body when the class was made.
    """
    if found := fields_of(owner, classes):
        return found
    for one, known in _family(owner, classes):
        if one.decorators:
            return f"@{one.decorators[0]}"
        if one is not owner and any("__init_subclass__" in i.names for i in one.items):
            return one.name
        if keyword := next((k for k in one.keywords if k.startswith("metaclass=") and "ABCMeta" not in k), ""):
            return keyword
        unknown = [b for b in one.bases if b.partition("[")[0] not in _PLAIN_BASES and b not in known]
        if unknown:
            return unknown[0]
    return ""


def _family(owner: Definition, classes: Classes) -> Iterator[tuple[Definition, set[str]]]:
    """Yield a class and those bases that the module defines, each with the names of its bases that are so defined."""
    pending, seen = [owner], set[str]()
    while pending:
        one = pending.pop()
        if one.target.qualname in seen:
            continue
        seen.add(one.target.qualname)
        known = {b for b in one.bases if b in classes}
        yield one, known
        pending += [classes[b] for b in known]


def inserted_member(owner: Definition, item: Item, classes: Classes) -> Iterator[Finding]:
    """HB303, HB304, HB307: a new name in a live class's body."""
    for name in item.names:
        if name == "__slots__":
            yield "HB303", f"class {owner.name} gets __slots__"
        elif name.startswith("__") and name.endswith("__") and name not in _HARMLESS_DUNDERS:
            yield "HB307", f"class {owner.name} gets {name}"
    if item.kind is ItemKind.ANNOTATION and (why := may_have_fields(owner, classes)):
        yield "HB304", f"class {owner.name} ({why}) gets the field {item.names[0]}"
    if item.kind is ItemKind.ASSIGN:
        literal = not item.called and item.value == item.text
        why = fields_of(owner, classes) if literal else may_have_fields(owner, classes)
        if why:
            yield "HB304", f"class {owner.name} ({why}) gets the field {', '.join(item.names)}"
    if item.definition and any(d.rpartition(".")[2].startswith("abstract") for d in item.definition.decorators):
        yield "HB307", f"class {owner.name} gets the abstract method {item.names[0]}"


def removed_member(owner: Definition, item: Item, classes: Classes) -> Iterator[Finding]:
    """HB303, HB304, HB307: a name that the fix takes out of a class and that cannot just stay."""
    for name in item.names:
        if name == "__slots__":
            yield "HB303", f"class {owner.name} loses __slots__"
        elif name.startswith("__") and name.endswith("__") and name not in _HARMLESS_DUNDERS:
            yield "HB307", f"class {owner.name} loses {name}, which would stay in force"
    if item.kind in (ItemKind.ANNOTATION, ItemKind.ASSIGN) and (why := fields_of(owner, classes)):
        yield "HB304", f"class {owner.name} ({why}) loses the field {', '.join(item.names)}"


def changed_member(owner: Definition, old: Item, new: Item, classes: Classes) -> Iterator[Finding]:
    """HB303, HB304, HB306: a class-level value changed."""
    name = new.names[0] if new.names else "a value"
    if "__slots__" in new.names:
        yield "HB303", f"__slots__ of class {owner.name} were {_value(old)}, are now {_value(new)}"
    elif why := fields_of(owner, classes):
        yield "HB304", f"field {name} of class {owner.name} ({why}) was {_value(old)}, is now {_value(new)}"
    else:
        yield "HB306", f"{owner.name}.{name} was {_value(old)}, is now {_value(new)}"


def new_attributes(
    old: Definition,
    new: Definition,
    covered: Callable[[Definition, str], bool],
    read: Callable[[Definition, str], bool],
) -> Iterator[tuple[str, str]]:
    """HB305: attributes that a class's makers newly set, that something reads, and that no class-level default covers.

    Args:
        old, new: the class.
        covered: whether a class-level value of this class or of a base in the tree has the name.
        read: whether the new tree reads an attribute of this name, outside the methods that make objects of the class.

    Yields:
        (attribute, message).
    """
    for name in sorted(_made_by_makers(new) - _made_by_makers(old)):
        if not covered(new, name) and read(new, name):
            yield name, f"{new.name}.{name} is first set when an object is made; objects made before the patch lack it"


def retyped_attributes(
    old: Definition, new: Definition, read: Callable[[Definition, str], bool]
) -> Iterator[tuple[str, str]]:
    """HB309: attributes to which the makers first give a value of another kind, and that something reads.

    Yields:
        (attribute, message).
    """
    was, now = _given(old), _given(new)
    for name in sorted(set(was) & set(now)):
        if was[name] != now[name] and read(new, name):
            kinds = " or ".join(sorted(was[name])), " or ".join(sorted(now[name]))
            yield (
                name,
                f"{new.name}.{name} first held {kinds[0]}, now {kinds[1]}; objects in mid-life hold the old kind",
            )


def _given(owner: Definition) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in MAKERS:
        method = _methods(owner).get(name)
        for attribute, kind in method.gives if method else ():
            found.setdefault(attribute, set()).add(kind)
    return found


def _methods(owner: Definition) -> dict[str, Definition]:
    return {i.definition.name: i.definition for i in owner.items if i.definition and not i.definition.is_class}


def _made_by_makers(owner: Definition) -> frozenset[str]:
    methods = _methods(owner)
    pending, seen, stored = [m for m in MAKERS if m in methods], set[str](), set[str]()
    while pending:
        name = pending.pop()
        if name in seen or name not in methods:
            continue
        seen.add(name)
        stored |= methods[name].stores
        pending += methods[name].calls
    return frozenset(stored)


def inherited(owner: Definition, name: str, classes: Classes) -> str:
    """Name the base in the module from which a class would inherit a member; empty when none has it."""
    for one, _ in _family(owner, classes):
        if one is not owner and any(name in i.names for i in one.items):
            return one.name
    return ""


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _value(item: Item) -> str:
    text = item.text.partition("=")[2].strip() if "=" in item.text else item.text
    return text if len(text) <= 60 else text[:57] + "..."


def _list(texts: tuple[str, ...]) -> str:
    return ", ".join(t for t in texts if t) or "nothing"
