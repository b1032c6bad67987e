"""Refusals: one record per HB code that the loader can raise, and the exceptions that carry them.

Owns: `Reason` (a code with its slug, title and remedy), the table `REASONS`, `Problem` (a reason at a place), and
`HotbuildError` with its subclasses.

Rules
1. A code is permanent: never renumbered, never reused. The build stage adds its own codes to this table and repeats none.
2. A raised HotbuildError means that nothing in the process was changed.
3. Everything that is wrong is reported together: `.problems` holds all of it, `.code` and `.remedy` are the first's.

Pure: no threads, no clock, no files. Tests: tests/runtime/test_errors.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A numbered reason for a refusal.

    Args:
        code: `HB301`.
        slug: `bases-changed`.
        title: what the code means, one sentence without full stop.
        remedy: what a person does next.
    """

    code: str
    slug: str
    title: str
    remedy: str


_SIGNATURE = "write a new function under a new name and call it from the old one, or restart"
_REBUILD = "build the bundle against the release that this process runs"
_DAMAGED = "copy the bundle again from where it was built, or build it again; compare its SHA-256"

REASONS: dict[str, Reason] = {
    r.code: r
    for r in (
        Reason("HB101", "parameter-added", "a parameter was added", _SIGNATURE),
        Reason("HB102", "parameter-removed", "a parameter was removed", "keep the parameter and ignore it"),
        Reason("HB103", "parameter-renamed", "a parameter was renamed", "keep the name: callers may pass it by keyword"),
        Reason("HB104", "parameter-reordered", "parameters were re-ordered or changed their kind", _SIGNATURE),
        Reason("HB106", "kind-changed", "a plain function, generator, coroutine or async generator became another of them",
               "write a new function under a new name; callers handle the result of the old kind"),
        Reason("HB201", "captures-changed", "the function captures other variables than its live closures hold",
               "pass the value as an argument, or keep the captured names"),
        Reason("HB202", "class-cell-added", "super() or __class__ is newly used in a method that has no class cell",
               "write super(Cls, self) with the class's name"),
        Reason("HB303", "slots-changed", "the class's __slots__ changed", "restart: instances have a fixed layout"),
        Reason("HB306", "class-attribute-changed", "a class-level value changed",
               "set it from a hook, or move the value into a function"),
        Reason("HB307", "protocol-method-added", "a special method would be added to a live class",
               "call a plain method instead; objects and containers already rely on the class as it is"),
        Reason("HB403", "name-collision", "an inserted name already exists in the live module or class",
               "choose another name in the fix"),
        Reason("HB404", "import-fails", "an inserted import or definition cannot be executed in this process",
               "install what it needs into the process's environment, or import it inside the function"),
        Reason("HB501", "not-a-python-function", "the target is not a plain Python function (builtin, C, Cython, numba)",
               "patch a Python function that calls it"),
        Reason("HB502", "target-missing", "the target does not exist in this process",
               "import the module first, and " + _REBUILD),
        Reason("HB503", "site-ambiguous", "several different live functions answer to one target",
               "the process made several versions of this function; restart, or patch what it calls"),
        Reason("HB504", "live-code-differs", "the running code is not the code that the bundle was built against",
               _REBUILD + "; if something replaced the function at run time, take that out first"),
        Reason("HB506", "interpreter-unsupported", "this interpreter is not supported",
               "run a supported CPython with the GIL: 3.11, 3.12 or 3.13"),
        Reason("HB507", "holders-frozen", "live closures of the target may hide in the frozen heap (gc.freeze)",
               "call gc.unfreeze() before loading, or load before gc.freeze()"),
        Reason("HB601", "python-differs", "the bundle holds no code for this Python version",
               "build the bundle with the Python version that the process runs"),
        Reason("HB602", "optimization-differs", "the bundle holds no code for this optimization level (-O, -OO)",
               "build the bundle with --optimize set to the process's level"),
        Reason("HB609", "malformed", "the file is not a whole, unaltered bundle", _DAMAGED),
        Reason("HB610", "format-newer", "the bundle was written in a newer format than this loader knows",
               "upgrade hotbuild-runtime in the process, or build with an older hotbuild"),
        Reason("HB701", "busy", "another load or unload is under way in this process", "try again when it has ended"),
        Reason("HB703", "already-loaded", "this bundle is loaded already", "nothing to do; unload it first to load it anew"),
        Reason("HB704", "not-loaded", "no bundle with this id is loaded", "hotbuild_runtime.status() lists the loaded ids"),
        Reason("HB705", "requires-missing", "the bundle was built on another bundle that is not loaded here",
               "load the base bundle first"),
        Reason("HB706", "conflict", "another bundle holds the target, and this one is not built on it",
               "unload the other bundle first, or build this one against the patched tree (hotbuild diff --base)"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason at one place.

    Args:
        code: an HB code of the table.
        message: what was found, and what was expected.
        where: target, file or member that it is about; may be empty.
        remedy: what to do; the table's when empty.
    """

    code: str
    message: str
    where: str = ""
    remedy: str = ""

    @property
    def slug(self) -> str:
        return REASONS[self.code].slug

    @property
    def cure(self) -> str:
        return self.remedy or REASONS[self.code].remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.code} {self.slug}: {self.message}\n    {self.cure}"


class HotbuildError(Exception):
    """A refusal. Nothing in the process was changed.

    Attributes:
        code: the HB code of the first problem.
        remedy: what to do about it.
        problems: every problem that was found, first the one that `code` names.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        self.code = problems[0].code
        self.remedy = problems[0].cure


class BundleError(HotbuildError):
    """The file is at fault: not a bundle, damaged, or not for this interpreter (HB6xx)."""


class MismatchError(HotbuildError):
    """The process is not what the bundle was built for, or the edit cannot be made safely (HB1xx to HB5xx)."""


class StateError(HotbuildError):
    """The bundles in this process do not allow it: loaded already, not loaded, conflict (HB7xx)."""


class BusyError(StateError):
    """Another operation is under way (HB701)."""


_FAMILY: dict[str, type[HotbuildError]] = {"HB6": BundleError, "HB7": StateError, "HB701": BusyError}


def refusal(problems: Sequence[Problem]) -> HotbuildError:
    """Make the exception of the type that fits the first problem's code."""
    code = problems[0].code
    return _FAMILY.get(code, _FAMILY.get(code[:3], MismatchError))(problems)


def refuse(code: str, message: str, where: str = "", remedy: str = "") -> HotbuildError:
    """Make the exception for a single problem."""
    return refusal([Problem(code, message, where, remedy)])
