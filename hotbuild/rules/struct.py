"""HB3xx: what objects that live already rely on: bases, layout, fields, attributes, special methods."""

from collections.abc import Callable, Iterator

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


def fields_of(owner: Definition) -> str:
    """Say what makes a class's annotations or values fields; empty for a plain class.

    A decorator that is not known counts: it saw the class body when the class was made.
    """
    for decorator in owner.decorators:
        name = decorator.partition("(")[0]
        if name.rpartition(".")[2] in _FIELD_DECORATORS:
            return f"@{name}"
    for base in owner.bases:
        name = base.partition("[")[0].partition("(")[0]
        if name.rpartition(".")[2] in _FIELD_BASES:
            return name
    return ""


def may_have_fields(owner: Definition) -> str:
    """Say which decorator or base may treat annotated names as fields; empty when none can."""
    known = fields_of(owner)
    if known:
        return known
    if owner.decorators:
        return f"@{owner.decorators[0]}"
    if any(k.startswith("metaclass=") and "ABCMeta" not in k for k in owner.keywords):
        return next(k for k in owner.keywords if k.startswith("metaclass="))
    unknown = [b for b in owner.bases if b.partition("[")[0] not in _PLAIN_BASES]
    return unknown[0] if unknown else ""


def inserted_member(owner: Definition, item: Item) -> Iterator[Finding]:
    """HB303, HB304, HB307: a new name in a live class's body."""
    for name in item.names:
        if name == "__slots__":
            yield "HB303", f"class {owner.name} gets __slots__"
        elif name.startswith("__") and name.endswith("__") and name not in _HARMLESS_DUNDERS:
            yield "HB307", f"class {owner.name} gets {name}"
    if item.kind is ItemKind.ANNOTATION and (why := may_have_fields(owner)):
        yield "HB304", f"class {owner.name} ({why}) gets the field {item.names[0]}"
    if item.kind is ItemKind.ASSIGN:
        literal = not item.called and ":" not in item.text.partition("=")[0]
        why = fields_of(owner) if literal else may_have_fields(owner)
        if why:
            yield "HB304", f"class {owner.name} ({why}) gets the field {', '.join(item.names)}"
    if item.definition and any(d.rpartition(".")[2].startswith("abstract") for d in item.definition.decorators):
        yield "HB307", f"class {owner.name} gets the abstract method {item.names[0]}"


def removed_member(owner: Definition, item: Item) -> Iterator[Finding]:
    """HB303, HB304, HB307: a name that the fix takes out of a class and that cannot just stay."""
    for name in item.names:
        if name == "__slots__":
            yield "HB303", f"class {owner.name} loses __slots__"
        elif name.startswith("__") and name.endswith("__") and name not in _HARMLESS_DUNDERS:
            yield "HB307", f"class {owner.name} loses {name}, which would stay in force"
    if item.kind in (ItemKind.ANNOTATION, ItemKind.ASSIGN) and (why := fields_of(owner)):
        yield "HB304", f"class {owner.name} ({why}) loses the field {', '.join(item.names)}"


def changed_member(owner: Definition, old: Item, new: Item) -> Iterator[Finding]:
    """HB303, HB304, HB306: a class-level value changed."""
    name = new.names[0] if new.names else "a value"
    if "__slots__" in new.names:
        yield "HB303", f"__slots__ of class {owner.name} were {_value(old)}, are now {_value(new)}"
    elif why := fields_of(owner):
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


def _value(item: Item) -> str:
    text = item.text.partition("=")[2].strip() if "=" in item.text else item.text
    return text if len(text) <= 60 else text[:57] + "..."


def _list(texts: tuple[str, ...]) -> str:
    return ", ".join(t for t in texts if t) or "nothing"
