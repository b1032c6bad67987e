"""Pairs → edits: the verdict on every difference of a module.

Owns: the walk over a module's scopes (its body and its classes' bodies), which asks the rules and says what each
difference becomes. The rules know what is rude; this file knows what is carried.

Rules
1. Every difference becomes an edit; one that nothing here understands becomes a rude one.
2. All reasons are reported, not the first.
3. Functions are the same when their code objects have equal fingerprints: the compiler decides, not the text.

Tests: tests/edits/.
"""

import builtins
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import CodeType

from .codetree import CodeIndex, mentioned
from .model import Definition, Edit, EditKind, Import, Item, ItemKind, Outline, Pair, Span, Target
from .rules import closure, guards, module, nested, signature, struct

_ANNOTATIONS = "the live annotations stay as they are"
_SEQUENCE = (ItemKind.EFFECT, ItemKind.COMPOUND)


@dataclass(frozen=True, slots=True)
class Side:
    """One version of a module: its outline and its code."""

    outline: Outline
    codes: CodeIndex


class Classifier:
    """Judges one module.

    Args:
        old, new: its two versions.
        pairs: of its definitions.
        reads: tells whether the new tree reads an attribute of objects of a class, outside the methods that make them.
    """

    def __init__(self, old: Side, new: Side, pairs: list[Pair], reads: Callable[[Definition, str], bool]) -> None:
        self.old = old
        self.new = new
        self.path = new.outline.path
        self.module = new.outline.module
        self.reads = reads
        self.pair_of = {id(d): p for p in pairs for d in (p.old, p.new) if d is not None}
        self.classes = {d.target.qualname: d for d in new.outline.definitions() if d.is_class}
        self.class_counts = Counter(d.target.qualname for d in old.outline.definitions() if d.is_class)
        self.edits: list[Edit] = []
        self._inner_count: Counter[str] = Counter()

    def run(self) -> list[Edit]:
        """Judge everything, in no particular order."""
        self._judge()
        return [self._unless_twice(e) for e in self.edits]

    def _unless_twice(self, edit: Edit) -> Edit:
        """HB503: an edit of a class itself, where the module defines several classes of that name."""
        owner = edit.target.qualname
        if not (edit.kind is EditKind.UPDATE and edit.message == "docstring" and edit.pair):
            owner = owner.rpartition(".")[0] if edit.kind in (EditKind.INSERT, EditKind.KEEP) else ""
        if owner and self.class_counts[owner] > 1:
            text = f"the module defines {self.class_counts[owner]} classes {owner}; which one lives is not known"
            return replace(edit, kind=EditKind.RUDE, code="HB503", message=text)
        return edit

    def _judge(self) -> None:
        before, after = self.old.outline, self.new.outline
        features = [{i.name for i, _ in _import_atoms(o.items) if module.is_future(i)} for o in (before, after)]
        if self._rude(module.future(*features), Target(self.module, "")):
            return  # every code object differs; there is nothing more to say
        if before.doc != after.doc and not self._reads_doc(after.items, ""):
            self._add(EditKind.UPDATE, Target(self.module, ""), message="docstring")
        self._scope(before.items, after.items, None, None)

    def _reads_doc(self, items: tuple[Item, ...], owner: str) -> bool:
        """HB402: a statement of the scope made its value from the docstring that changed."""
        readers = [i for i in items if "__doc__" in i.reads and i.definition is None]
        for item in readers:
            name = f"{owner}.{item.names[0]}" if owner and item.names else item.names[0] if item.names else owner
            finding = ("HB402", "its value was made from the docstring, which changed")
            self._rude([finding], Target(self.module, name))
            self.edits[-1] = replace(self.edits[-1], names=("__doc__",))
        return bool(readers)

    # -- scopes

    def _scope(
        self, old: tuple[Item, ...], new: tuple[Item, ...], was: Definition | None, now: Definition | None
    ) -> None:
        names = _Names(old, new)
        self._definitions(names, was, now)
        self._imports(names, now)
        self._values(names, was, now)
        self._statements(old, new, now)

    def _target(self, owner: Definition | None, name: str) -> Target:
        return Target(self.module, f"{owner.target.qualname}.{name}" if owner else name)

    def _definitions(self, names: "_Names", was: Definition | None, now: Definition | None) -> None:
        for item in names.old:
            if (d := item.definition) and self.pair_of[id(d)].new is None:
                self._removed(item, names, was, now)
        for item in names.new:
            if (d := item.definition) is None:
                continue
            pair = self.pair_of[id(d)]
            if pair.old is None:
                self._inserted(item, names, now)
            elif d.is_class:
                self._class(pair)
            else:
                self._function(pair)

    def _function(self, pair: Pair) -> None:
        old, new = pair.old, pair.new
        assert old is not None
        assert new is not None
        before = self.old.codes.functions.get((old.line, old.name))
        after = self.new.codes.functions.get((new.line, new.name))
        findings = [*signature.signature(old, new)]
        if before is None or after is None:
            self._dropped(pair, findings, before is after)
            return
        notes = []
        if signature.annotations_changed(old, new):
            if readers := signature.readers_of_annotations(new):
                findings.append(("HB108", f"annotations of {new.name} changed, and @{readers[0]} may have read them"))
            else:
                notes.append(_ANNOTATIONS)
        findings += [*closure.kind(before, after)] if old.is_async == new.is_async else []
        inners, unclear = nested.nested(before, after)
        findings += [*closure.captures(before, after), *unclear, *signature.nested_headers(old, new)]
        if self._rude(findings, new.target, pair=pair):
            return
        if self.old.codes.prints[old.line, old.name] != self.new.codes.prints[new.line, new.name]:
            kind = EditKind.UPDATE
        else:
            kind = EditKind.SAME if old.line == new.line else EditKind.MOVED
        self._add(kind, new.target, pair=pair, message="; ".join(notes))
        for one in inners:
            target = Target(self.module, one.new.co_qualname, self._inner_ordinal(one.new))
            place = (
                Span(one.old.co_firstlineno, one.old.co_firstlineno),
                Span(one.new.co_firstlineno, one.new.co_firstlineno),
            )
            self.edits.append(Edit(EditKind.UPDATE, target, self.path, *place, inner=one, outer=old.target))

    def _dropped(self, pair: Pair, findings: list[tuple[str, str]], both: bool) -> None:
        """A definition that the compiler drops, in a branch that cannot run (`if 0:`)."""
        if not both:
            findings = [("HB401", f"{pair.either.name} is compiled on one side only")]
        if not self._rude(findings, pair.either.target, pair=pair):
            self._add(EditKind.SAME, pair.either.target, pair=pair)

    def _inner_ordinal(self, code: CodeType) -> int:
        """Count the nested functions with this qualname that were judged before."""
        self._inner_count[code.co_qualname] += 1
        return self._inner_count[code.co_qualname] - 1

    def _class(self, pair: Pair) -> None:
        old, new = pair.old, pair.new
        assert old is not None
        assert new is not None
        rude = self._rude(struct.class_header(old, new), new.target, pair=pair)
        for code, found in (
            ("HB305", struct.new_attributes(old, new, self._covered, self.reads)),
            ("HB309", struct.retyped_attributes(old, new, self.reads)),
        ):
            for attribute, text in found:
                rude = self._rude([(code, text)], new.target, pair=pair)
                self.edits[-1] = replace(self.edits[-1], attributes=(attribute,))
        if not rude:
            if old.doc != new.doc and not self._reads_doc(new.items, new.target.qualname):
                self._add(EditKind.UPDATE, new.target, pair=pair, message="docstring")
            else:
                kind = EditKind.SAME if old.line == new.line else EditKind.MOVED
                self._add(kind, new.target, pair=pair)
        self._scope(old.items, new.items, old, new)

    def _covered(self, owner: Definition, name: str) -> bool:
        pending, seen = [owner], set[str]()
        while pending:
            current = pending.pop()
            if current.target.qualname in seen:
                continue
            seen.add(current.target.qualname)
            if any(name in i.names and i.kind is not ItemKind.ANNOTATION for i in current.items):
                return True
            pending += [self.classes[b] for b in current.bases if b in self.classes]
        return False

    def _inserted(self, item: Item, names: "_Names", owner: Definition | None) -> None:
        definition = item.definition
        assert definition is not None
        target = definition.target
        findings = [*module.insertion(item)]
        rivals = names.old_bindings(definition.name)[:1]
        for rival in rivals:
            if rival.definition and rival.definition.is_class == definition.is_class:
                findings = [("HB109", f"{definition.name} gets another definition beside the one that is live")]
            else:
                findings = [module.rebound(definition.name, rival, item)]
        if owner is not None:
            findings += struct.inserted_member(owner, item, self.classes)
        if not rivals and (again := sorted(n for n in item.reads if names.rebound_values(n))):
            findings.append(("HB402", f"{definition.name} reads {again[0]}, which the module binds several times"))
        if item.guarded:
            findings = []  # the compound statement that holds it is judged as a whole
        replaced = rivals[0] if rivals and rivals[0].definition is None else None
        if not self._rude(findings, target, item=item, old_item=replaced) and not item.guarded:
            self._add(EditKind.INSERT, target, item=item)

    def _removed(self, item: Item, names: "_Names", was: Definition | None, now: Definition | None) -> None:
        definition = item.definition
        assert definition is not None
        rivals = names.new_bindings(definition.name)
        findings = []
        if rivals and all(r.definition and r.definition.is_class == definition.is_class for r in rivals):
            findings = [("HB109", f"one of the definitions of {definition.name} is gone")]
        elif rivals:
            findings = [module.rebound(definition.name, item, rivals[0])]
        elif was is not None:
            findings = [*struct.removed_member(was, item, self.classes)]
        if not rivals:
            findings += [*module.removal(item), *self._uncovers(definition.name, now)]
        if item.guarded:
            return
        if not self._rude(findings, definition.target, old_item=item):
            self._add(EditKind.KEEP, self._target(now, definition.name), old_item=item)

    def _uncovers(self, name: str, owner: Definition | None) -> list[tuple[str, str]]:
        """HB306, HB402: what the fix removes would stay and go on hiding an inherited member, or a builtin."""
        if owner is not None and (base := struct.inherited(owner, name, self.classes)):
            return [("HB306", f"{owner.name}.{name} was removed, which uncovers the one of {base}")]
        if owner is None and hasattr(builtins, name) and name in mentioned(self.new.codes.module):
            return [("HB402", f"{name} was removed and would go on hiding the builtin that the new code means")]
        return []

    # -- imports

    def _imports(self, names: "_Names", owner: Definition | None) -> None:
        before, after = _import_atoms(names.old), _import_atoms(names.new)
        known, kept = {i for i, _ in before}, {i for i, _ in after}
        for one, item in after:
            if one not in known and not module.is_future(one):
                self._new_import(one, item, names, owner)
        for one, item in before:
            if one not in kept and not module.is_future(one):
                self._lost_import(one, item, names, owner)

    def _new_import(self, one: Import, item: Item, names: "_Names", owner: Definition | None) -> None:
        target = self._target(owner, one.bound)
        rivals = names.old_bindings(one.bound) if one.bound else []
        submodule = any(_binds_package(r, one) for r in rivals)
        findings: list[tuple[str, str]] = []
        if not one.bound:
            findings = [module.star(new=True)]
        elif rivals and not submodule:
            findings = [module.rebound(one.bound, rivals[0], item)]
        elif owner:
            findings = [*struct.inserted_member(owner, item, self.classes)]
        if len({i for r in names.new_bindings(one.bound) for i in _binders(r, one.bound)}) > 1 and not submodule:
            findings = findings or [("HB401", f"{one.bound} is bound several times")]
        if not self._rude(findings, target, item=item, one=one):
            self._add(EditKind.INSERT, target, item=item, one=one, message="submodule" if submodule else "")

    def _lost_import(self, one: Import, item: Item, names: "_Names", owner: Definition | None) -> None:
        target = self._target(owner, one.bound)
        heirs = names.new_bindings(one.bound) if one.bound else []
        if not one.bound:
            self._rude([module.star(new=False)], target, old_item=item, one=one)
        elif not heirs or any(_binds_package(h, one) for h in heirs):
            findings = [] if heirs else self._uncovers(one.bound, owner)
            if not self._rude(findings, target, old_item=item, one=one):
                self._add(EditKind.KEEP, target, old_item=item, one=one)
        else:
            self._rude([module.rebound(one.bound, item, heirs[0])], target, old_item=item, one=one)

    # -- values and statements

    def _values(self, names: "_Names", was: Definition | None, now: Definition | None) -> None:
        kinds = (ItemKind.ASSIGN, ItemKind.ANNOTATION)
        before = [i for i in names.old if i.kind in kinds]
        after = [i for i in names.new if i.kind in kinds]
        lost, fresh = _difference(before, after)
        for item in fresh:
            twin = next((o for o in lost if o.value and o.value == item.value), None)
            if twin is not None:
                lost.remove(twin)
                self._annotation(item, twin, now)
            else:
                self._fresh_value(item, names, was, now)
        for item in lost:
            if any(names.new_bindings(n) for n in item.names):
                continue  # reported where the new value is judged
            findings = [*struct.removed_member(was, item, self.classes)] if was else []
            findings += [f for n in item.names for f in self._uncovers(n, now)]
            target = self._target(now, item.names[0])
            if not self._rude(findings, target, old_item=item):
                self._add(EditKind.KEEP, target, old_item=item)

    def _annotation(self, item: Item, twin: Item | None, now: Definition | None) -> None:
        """Only the annotation of a value differs."""
        target = self._target(now, item.names[0])
        why = struct.may_have_fields(now, self.classes) if now is not None else ""
        findings = [("HB304", f"the field {item.names[0]} of class {now.name} ({why}) changed")] if now and why else []
        if not self._rude(findings, target, item=item, old_item=twin):
            self._add(EditKind.SAME, target, item=item, old_item=twin, message=_ANNOTATIONS)

    def _fresh_value(self, item: Item, names: "_Names", was: Definition | None, now: Definition | None) -> None:
        target = self._target(now, item.names[0] if item.names else "")
        rivals = [r for n in item.names for r in names.old_bindings(n)]
        same_kind = [r for r in rivals if r.kind in (ItemKind.ASSIGN, ItemKind.ANNOTATION)]
        findings: list[tuple[str, str]] = []
        if rivals and item.kind is ItemKind.ANNOTATION and all(r.kind is ItemKind.ANNOTATION for r in rivals):
            self._annotation(item, rivals[0], now)
            return
        if item.kind is ItemKind.ANNOTATION and not (now is not None and not rivals):
            self._add(EditKind.SAME, target, item=item, message=_ANNOTATIONS)
            return
        if rivals and len(same_kind) == len(rivals) and was is not None and now is not None:
            findings = [*struct.changed_member(now, rivals[0], item, self.classes)]
        elif rivals and len(same_kind) == len(rivals):
            findings = [module.value(rivals[0], item)]
        elif rivals:
            findings = [module.rebound(item.names[0], rivals[0], item)]
        elif now is not None:
            findings = [*struct.inserted_member(now, item, self.classes)]
        if not rivals and any(len(names.new_bindings(n)) > 1 for n in item.names):
            findings.append(("HB401", f"{', '.join(item.names)} is bound several times"))
        if not rivals and (again := sorted(n for n in item.reads if names.rebound_values(n))):
            findings.append(("HB402", f"{item.names[0]} reads {again[0]}, which the module binds several times"))
        if self._rude(findings, target, item=item, old_item=rivals[0] if rivals else None):
            return
        if item.kind is ItemKind.ANNOTATION:
            self._add(EditKind.SAME, target, item=item, message=_ANNOTATIONS)
        else:
            self._add(EditKind.INSERT, target, item=item)

    def _statements(self, old: tuple[Item, ...], new: tuple[Item, ...], owner: Definition | None) -> None:
        before = [i for i in old if i.kind in _SEQUENCE]
        after = [i for i in new if i.kind in _SEQUENCE]
        lost, fresh = _difference(before, after)
        if not lost and not fresh and [i.text for i in before] != [i.text for i in after]:
            target = Target(self.module, owner.target.qualname if owner else "")
            self._rude([("HB401", "statements with effects changed their order")], target, None, after[0], before[0])
        names = _Names(old, new)
        for item in fresh:
            head = item.text.splitlines()[0]
            twin = next((o for o in lost if o.kind is item.kind and o.text.splitlines()[0] == head), None)
            if twin is not None:
                lost.remove(twin)
            self._statement(twin, item, names, owner)
        for item in lost:
            self._statement(item, None, names, owner)

    def _statement(self, was: Item | None, now: Item | None, names: "_Names", owner: Definition | None) -> None:
        compound = all(i is None or i.kind is ItemKind.COMPOUND for i in (was, now))
        if owner is not None or not compound or any(guards.loud(i) for i in (was, now) if i is not None):
            target = Target(self.module, owner.target.qualname if owner else "")
            self._rude([module.statement(was, now)], target, item=now, old_item=was)
            return
        bound = set(was.names) if was else set(), set(now.names) if now else set()
        target = Target(self.module, min(bound[1] - bound[0], default=""))
        findings = [*guards.changed(was, now)] if was and now else []
        for name in sorted(bound[1] - bound[0]):
            if rivals := [r for r in names.old_bindings(name) if r is not was]:
                findings.append(module.rebound(name, rivals[0], now or rivals[0]))
        for name in sorted(bound[0] - bound[1]):
            if heirs := [h for h in names.new_bindings(name) if h is not now]:
                findings.append(module.rebound(name, was or heirs[0], heirs[0]))
        if now is not None and guards.is_type_checking(now) and (was is None or guards.is_type_checking(was)):
            findings = []
            bound = set(), set()
        if self._rude(findings, target, item=now, old_item=was):
            return
        if now is not None and bound[1] - bound[0]:
            self._guarded(target, now, was, tuple(sorted(bound[1] - bound[0])))
        elif now is None and was is not None:
            self._add(EditKind.KEEP, Target(self.module, was.names[0] if was.names else ""), old_item=was)
        else:
            self._add(EditKind.SAME, target, item=now, old_item=was, message="")

    def _guarded(self, target: Target, now: Item, was: Item | None, names: tuple[str, ...]) -> None:
        """Insert the new names of a compound statement, which is run again apart from the module."""
        item = replace(now, names=names)
        self._add(EditKind.INSERT, target, item=item, old_item=was)

    # -- edits

    def _rude(
        self,
        findings: Iterable[tuple[str, str]],
        target: Target,
        pair: Pair | None = None,
        item: Item | None = None,
        old_item: Item | None = None,
        one: Import | None = None,
    ) -> bool:
        """Add a rude edit per finding; tell whether there was one."""
        found = list(findings)
        for code, message in found:
            self._add(EditKind.RUDE, target, pair, item, old_item, code, message, one)
        return bool(found)

    def _add(
        self,
        kind: EditKind,
        target: Target,
        pair: Pair | None = None,
        item: Item | None = None,
        old_item: Item | None = None,
        code: str = "",
        message: str = "",
        one: Import | None = None,
    ) -> None:
        old = pair.old.span if pair and pair.old else old_item.span if old_item else None
        new = pair.new.span if pair and pair.new else item.span if item else None
        bound = (one.bound,) if one else item.names if item else old_item.names if old_item else ()
        self.edits.append(Edit(kind, target, self.path, old, new, code, message, item, old_item, pair, bound, one))


class _Names:
    """What a scope binds, before and after."""

    def __init__(self, old: tuple[Item, ...], new: tuple[Item, ...]) -> None:
        self.old = old
        self.new = new
        self._before, self._after = _by_name(old), _by_name(new)

    def old_bindings(self, name: str) -> list[Item]:
        return self._before.get(name, [])

    def new_bindings(self, name: str) -> list[Item]:
        return self._after.get(name, [])

    def rebound_values(self, name: str) -> bool:
        """Tell whether a name's value depends on when it is read: bound more than once, not by imports or accessors alone."""
        kinds = [i.kind for i in self.new_bindings(name)]
        return len(kinds) > 1 and not all(k in (ItemKind.IMPORT, ItemKind.FUNCTION) for k in kinds)


def _by_name(items: tuple[Item, ...]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if not item.guarded:
            for name in set(item.names):
                found[name].append(item)
    return found


def _import_atoms(items: tuple[Item, ...]) -> list[tuple[Import, Item]]:
    return [(one, item) for item in items if item.kind is ItemKind.IMPORT for one in item.imports]


def _binds_package(item: Item, one: Import) -> bool:
    """Tell whether a statement binds by `import package.module` the package that `one` binds in the same way."""
    return _is_dotted(one) and any(_is_dotted(i) and i.bound == one.bound for i in item.imports)


def _is_dotted(one: Import) -> bool:
    return not one.name and not one.renamed


def _binders(item: Item, name: str) -> list[object]:
    """List what in a statement binds a name: equal imports count as one."""
    return [i for i in item.imports if i.bound == name] or [item]


def _difference(old: list[Item], new: list[Item]) -> tuple[list[Item], list[Item]]:
    """List the statements that only one side has, by canonical text, each as often as it is too many."""
    extra = Counter(i.text for i in old)
    extra.subtract(Counter(i.text for i in new))
    lost, fresh = [], []
    for item in reversed(old):
        if extra[item.text] > 0:
            extra[item.text] -= 1
            lost.append(item)
    for item in reversed(new):
        if extra[item.text] < 0:
            extra[item.text] += 1
            fresh.append(item)
    return lost[::-1], fresh[::-1]
