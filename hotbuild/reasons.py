"""The table of HB codes: the build stage's own, beside those that the loader raises too.

Owns: `REASONS`, code → Reason (code, slug, title, remedy), for every code that either stage can raise. A code stands in
one table only; numbers are never reused.

Tests: tests/build/test_reasons.py (each code of the table occurs in an edit case or a loader test).
"""

from hotbuild_runtime.errors import REASONS as LOADER_REASONS
from hotbuild_runtime.errors import Reason

_HOOK = "restart, or do the step by hand in the process; a module body is never run again"
_RESTART = "restart with the new release"

_BUILD = (
    Reason("HB105", "default-changed", "a parameter's default changed",
           "move the new default into the body: take the old default as the sign that none was given"),
    Reason("HB107", "decorators-changed", "decorators were added, removed, re-ordered or got other arguments",
           "the decorated object is built already: leave the decorators and change the function's body"),
    Reason("HB108", "annotation-read", "an annotation changed that a decorator or base class may have read", _RESTART),
    Reason("HB109", "binding-changed", "a method changed between instance, static, class method and property",
           "keep the binding; add a new method under a new name"),
    Reason("HB203", "nested-ambiguous", "a nested function, lambda or class changed, and its live closures cannot be matched",
           "move the change out of the nested function, or restart"),
    Reason("HB204", "cell-role-changed", "a variable of a live closure changed between local, global and nonlocal",
           "keep the variable's role"),
    Reason("HB301", "bases-changed", "a class's bases changed", _RESTART),
    Reason("HB302", "metaclass-changed", "a class's metaclass, keywords, decorators or type parameters changed", _RESTART),
    Reason("HB304", "field-changed", "a field of a dataclass, enum, named tuple, model or similar class changed", _RESTART),
    Reason("HB305", "instance-attribute-added", "an attribute is newly set when an object is made, and read elsewhere",
           'objects made before the patch lack it: read it with getattr(obj, "name", default), or give the class a default'),
    Reason("HB308", "class-replaced", "a class became a function, or the reverse", "keep the old name and add a new one"),
    Reason("HB309", "attribute-retyped", "the value that an object first gets for an attribute changed its kind",
           "let the new code handle both kinds, or use a new attribute with a class-level default"),
    Reason("HB401", "toplevel-changed", "a statement with effects changed at the top level of a module or class", _HOOK),
    Reason("HB402", "value-changed", "a module-level value changed",
           "use the new value inside the functions, under a new name; or restart"),
    Reason("HB405", "star-import", "a star import was added or changed", "import the names that are needed"),
    Reason("HB406", "module-removed", "a module was removed, or became a package or the reverse",
           "leave the module where it is"),
    Reason("HB407", "future-changed", "`from __future__` changed: every code object of the module changes its meaning",
           _RESTART),
    Reason("HB801", "syntax-error", "a source file does not parse", "mend the file, or build with the Python that it is for"),
    Reason("HB802", "undecodable", "a source file cannot be decoded", "mend its encoding, or the coding line at its top"),
    Reason("HB803", "extension-changed", "a compiled or Cython file changed", _RESTART),
    Reason("HB804", "data-changed", "a file that is not Python changed",
           "deploy the file beside the process if it is read at run time"),
)  # fmt: skip

REASONS: dict[str, Reason] = dict(sorted({**LOADER_REASONS, **{r.code: r for r in _BUILD}}.items()))
