"""HB2xx for functions inside functions: which is which, and whether live closures can take the new code.

A live closure was made by the old code of the function around it; it keeps its cells, its defaults and its decorators.
Its code can be replaced when the new code wants the same cells or fewer, and is called in the same way.

Pairing is by name, position and shape, never by guess: where several lambdas of one function changed and their number
differs, nobody can say which is which, and the answer is HB203.
"""

import inspect
from collections.abc import Iterator
from difflib import SequenceMatcher
from types import CodeType

from hotbuild_runtime.fingerprint import fingerprint
from hotbuild_runtime.nest import Path, inner
from hotbuild_runtime.shape import misfits, parameters

from ..model import Inner

Finding = tuple[str, str]


def nested(old: CodeType, new: CodeType) -> tuple[list[Inner], list[Finding]]:
    """Pair what two versions of a function make.

    Returns:
        The nested functions that changed, outer ones first, and what speaks against carrying them.
    """
    changed: list[Inner] = []
    findings: list[Finding] = []
    _walk(old, new, (), (), changed, findings)
    return changed, findings


def _walk(
    old: CodeType, new: CodeType, at_old: Path, at_new: Path, changed: list[Inner], findings: list[Finding]
) -> None:
    was, now = list(inner(old)), list(inner(new))
    gone = {step[0] for step, _ in was} - {step[0] for step, _ in now}
    fresh = {step[0] for step, _ in now} - {step[0] for step, _ in was}
    if gone and fresh:
        names = ", ".join(sorted(gone)), ", ".join(sorted(fresh))
        findings.append(
            ("HB203", f"{names[0]} inside {old.co_qualname} is gone and {names[1]} is new: it may be the same")
        )
    for name in dict.fromkeys(step[0] for step, _ in was):
        before = [(step, code) for step, code in was if step[0] == name]
        after = [(step, code) for step, code in now if step[0] == name]
        pairs = _pairs(before, after)
        if pairs is None:
            findings.append(("HB203", f"{_kind(before[0][1])} {name} changed inside {old.co_qualname}, among several"))
            continue
        for (old_step, a), (new_step, b) in pairs:
            if fingerprint(a) == fingerprint(b):
                continue
            here = Inner((*at_old, old_step), (*at_new, new_step), a, b)
            if _is_class(a) or _is_class(b):
                findings += _class(a, b)
            else:
                findings += _function(a, b)
                changed.append(here)
            _walk(a, b, here.old_path, here.new_path, changed, findings)


One = tuple[tuple[str, int], CodeType]
Group = list[One]


def _pairs(before: Group, after: Group) -> list[tuple[One, One]] | None:
    """Pair the code objects of one name; None where it would be a guess.

    Those that are equal pair first. What changed between two of them pairs in order, when it is as many with the same
    shapes. What only came or only went needs no partner; what came and went at once may be one that moved.
    """
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    prints = [fingerprint(c) for _, c in before], [fingerprint(c) for _, c in after]
    pairs: list[tuple[One, One]] = []
    came = went = False
    for kind, a, b, c, d in SequenceMatcher(None, *prints, autojunk=False).get_opcodes():
        if kind == "equal" or (
            kind == "replace" and [_shape(x) for _, x in before[a:b]] == [_shape(x) for _, x in after[c:d]]
        ):
            pairs += zip(before[a:b], after[c:d], strict=True)
        else:
            went, came = went or b > a, came or d > c
    return None if came and went else pairs


def _shape(code: CodeType) -> object:
    return parameters(code), _is_class(code)


def _is_class(code: CodeType) -> bool:
    return not code.co_flags & inspect.CO_OPTIMIZED


def _kind(code: CodeType) -> str:
    return "class" if _is_class(code) else "function"


def _class(old: CodeType, new: CodeType) -> Iterator[Finding]:
    """A class made in a function: its methods can be followed, its own statements ran already."""
    if _is_class(old) != _is_class(new):
        yield "HB308", f"{old.co_qualname} was a {_kind(old)}, is now a {_kind(new)}"
    elif fingerprint(_hollow(old)) != fingerprint(_hollow(new)):
        yield "HB203", f"the body of class {old.co_qualname} changed; classes made from it before stay as they are"


def _hollow(code: CodeType) -> CodeType:
    """Copy a code object with the code of nested functions taken out."""
    return code.replace(co_consts=tuple(c.co_name if isinstance(c, CodeType) else c for c in code.co_consts))


def _function(old: CodeType, new: CodeType) -> Iterator[Finding]:
    added = [name for name in new.co_freevars if name not in old.co_freevars]
    known = {*old.co_varnames, *old.co_cellvars, *old.co_names}
    for name in added:
        if name == "__class__":
            yield "HB202", f"{old.co_qualname} newly uses super() or __class__"
        elif name in known:
            yield (
                "HB204",
                f"{name} in {old.co_qualname} was {_role(old, name)}, is now captured from the function around",
            )
        else:
            yield "HB201", f"{old.co_qualname} newly captures {name}, which its live closures do not hold"
    for code, message in misfits(old, new):
        if code.startswith("HB1"):
            yield code, f"{old.co_qualname}: {message}"


def _role(code: CodeType, name: str) -> str:
    return "local" if name in code.co_varnames or name in code.co_cellvars else "global"
