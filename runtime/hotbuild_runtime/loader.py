"""Load, check, unload, status: the road of a bundle through a process.

    load    read → select → resolve → stage → POINT OF NO RETURN → splice (one C call, the ledger in it)
    unload  the same road backwards

Owns: the order of the steps, and that there is one operation at a time.

Rules
1. Everything that can fail happens before the splice. A refusal changes nothing; an exception at any step, Ctrl-C
   included, leaves the process as it was.
2. The order of the checks is a safety rule: the file's limits, form and digests; then Python version, magic and -O
   level; only then is any of its code unmarshalled; then every fingerprint and shape; only then is any of it executed.
3. One operation at a time in a process (HB701).
4. All problems of a step are reported together.

Tests: tests/runtime/test_loader.py, tests/runtime/test_faults.py, tests/edits/.
"""

import logging
import os
import time
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from . import behavior, bundle, ledger, sources
from .born import take_back
from .bundle import Bundle
from .errors import BusyError, HotbuildError, Problem, refusal, refuse
from .ledger import Entry, Ledger
from .manifest import PythonTarget
from .newmodules import FINDER
from .plan import Plan
from .receipt import LoadedBundle, Receipt, Status
from .splice import MISSING, Change, Kind, splice
from .transition import Event, State, advance

log = logging.getLogger("hotbuild_runtime")
log.addHandler(logging.NullHandler())  # a host that has not configured logging gets nothing on its stderr

_running: dict[str, object] = {}
_books: dict[str, Ledger] = {"now": Ledger()}


def load(path: str | os.PathLike[str]) -> Receipt:
    """Load a bundle: replace the code of every live function that it targets, all at once.

    Args:
        path: the bundle file.

    Returns:
        What was done; keep its `id` for `unload`.

    Raises:
        HotbuildError: the bundle was refused, and nothing was changed. `.problems` has every reason.
    """
    return _exclusively("load", lambda clock: _commit(_plan(path, clock), clock))


def check(path: str | os.PathLike[str]) -> Receipt:
    """Say what `load` would do, and change nothing.

    Inserted statements are not executed, so that an import or definition which fails only when it runs is not found.

    Args:
        path: the bundle file.

    Returns:
        The targets with their live functions, and the names that would be inserted.

    Raises:
        HotbuildError: `load` would refuse; the same problems.
    """
    return _exclusively("check", lambda clock: _plan(path, clock).receipt("check", clock.phases))


def unload(id: str) -> Receipt:
    """Take a bundle out: every function, name and attribute is what it would be had the bundle never been loaded.

    Args:
        id: of the receipt; the first 12 or more digits are enough.

    Raises:
        HotbuildError: HB704 when no such bundle is loaded; HB504 when something else replaced its code since.
    """
    return _exclusively("unload", lambda clock: _unload(id, clock))


def status() -> Status:
    """Tell which bundles are loaded, and which targets each of them holds."""
    books = _books["now"]
    loaded = tuple(
        LoadedBundle(e.id, e.name, e.state.value, e.since, e.targets, e.added, e.base) for e in books.entries.values()
    )
    holders: dict[str, tuple[str, ...]] = {}
    for entry in books.entries.values():
        for count in entry.targets:
            holders[count.target] = (*holders.get(count.target, ()), entry.id)
    return Status(loaded, holders)


class Clock:
    """Seconds per phase; each lap ends one phase and begins the next, so that their sum is the whole."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.phases: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.phases[phase] = self.phases.get(phase, 0.0) + now - self._last
        log.info("%s: %s took %.6f s", self.operation, phase, now - self._last)
        self._last = now


def _exclusively(name: str, work: Callable[[Clock], Receipt]) -> Receipt:
    """Run the process's one operation; what it leaves behind is settled whatever happens, Ctrl-C included."""
    token = object()
    try:
        try:
            if _running.setdefault("operation", token) is not token:
                raise refuse("HB701", f"cannot {name}: a load, check or unload is under way in this process")
            return work(Clock(name))
        except BusyError:
            raise  # not logged: a log handler that loads would be called for ever
        except HotbuildError as error:
            log.warning("%s refused, nothing was changed: %s", name, error)
            raise
        finally:
            _end(token)
    finally:
        _end(token)  # again, and whole: an interrupt that hits one leaves the other


def _end(token: object) -> None:
    """Bring the import hook and the sources in step with the books, and let the next operation in; does nothing twice."""
    if _running.get("operation") is token:
        books = _books["now"]
        FINDER.set(books.provided())
        sources.retain({name for entry in books.standing() for name in entry.sources})
        _running.pop("operation", None)


def _plan(path: str | os.PathLike[str], clock: Clock) -> Plan:
    if why := behavior.why_unsupported():
        raise refuse("HB506", why)
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(bundle.MAX_FILE + 1)
    except (OSError, ValueError, TypeError) as error:
        raise refuse("HB609", f"cannot be read: {getattr(error, 'strerror', None) or error}", str(path)) from None
    box = bundle.read(data)
    clock.lap("read")
    books = _books["now"]
    python = _select(box)
    _check_books(box, books)
    plan = Plan(box, python, bundle.payload(box, python.tag), books)
    clock.lap("select")
    plan.resolve()
    clock.lap("resolve")
    if plan.problems:
        raise refusal(plan.problems)
    return plan


def _select(box: Bundle) -> PythonTarget:
    """Find the bundle's code for this interpreter, before any of it is unmarshalled."""
    targets = box.manifest.python
    magic = MAGIC_NUMBER.hex()
    wanted = behavior.python_tag()
    tag, _, level = wanted.rpartition("-O")
    same = [p for p in targets if p.tag.rpartition("-O")[0] == tag and p.magic == magic]
    if not same:
        has = ", ".join(f"{p.version} (magic {p.magic})" for p in targets)
        raise refuse("HB601", f"it holds code for Python {has}; this is {tag} (magic {magic})")
    for target in same:
        if target.tag == wanted and str(target.optimize) == level:
            return target
    has = ", ".join(str(p.optimize) for p in same)
    raise refuse("HB602", f"it holds code for optimization level {has}; this process runs at level {level}")


def _check_books(box: Bundle, books: Ledger) -> None:
    if box.id in books.entries:
        raise refuse("HB703", f"bundle {box.manifest.name} ({box.id[:12]}) is loaded already")
    missing = [base for base in box.manifest.base if base not in books.entries]
    if missing:
        raise refusal(
            [Problem("HB705", f"it was built on bundle {base[:12]}, which is not loaded") for base in missing]
        )


def _commit(plan: Plan, clock: Clock) -> Receipt:
    staging = plan.staging
    state = advance(State.LOADED, Event.BEGIN)
    try:
        for module in plan.manifest.modules:
            sources.publish(plan.files[module.name], plan.box.members[module.member].decode("utf-8"))
        staging.run()
        clock.lap("stage")
        changes = [*plan.changes, *staging.changes]
        entry = plan.entry(advance(state, Event.COMMIT))
        after = ledger.add(plan.books, entry, changes, staging.staged)
        splice(changes, (dict.__setitem__, _books, "now", after))
    except BaseException:
        if plan.box.id not in _books["now"].entries:
            advance(state, Event.FAIL)
            staging.rollback()
        raise
    clock.lap("splice")
    return plan.receipt("load", clock.phases)


def _unload(id: str, clock: Clock) -> Receipt:
    books = _books["now"]
    entry = _entry(books, id)
    state = advance(entry.state, Event.UNDO)
    changes, after = ledger.remove(books, entry.id)
    reborn, stuck = take_back(entry.born)
    kept = after.provided()
    gone = {name: m for name, m in books.provided().items() if name not in kept}
    changes += [(slot, MISSING) for slot in FINDER.live(gone)]
    _check_untouched(books, entry, changes)
    changes += [(slot, code) for slot, code in reborn if after.stack(slot) is None]
    notes = (f"{stuck} closures made while it was loaded keep its code until they die",) if stuck else ()
    clock.lap("resolve")
    splice(changes, (dict.__setitem__, _books, "now", after))
    advance(state, Event.COMMIT)
    clock.lap("splice")
    return Receipt(entry.id, entry.name, "unload", entry.targets, entry.added, notes=notes, phases=clock.phases)


def _entry(books: Ledger, id: str) -> Entry:
    text = str(id)
    matches = [e for e in books.entries.values() if e.id == text or (len(text) >= 12 and e.id.startswith(text))]
    if len(matches) != 1:
        loaded = ", ".join(e.id[:12] for e in books.entries.values()) or "none"
        raise refuse("HB704", f"no loaded bundle has the id {text[:64]!r} (loaded: {loaded})")
    return matches[0]


def _check_untouched(books: Ledger, entry: Entry, changes: list[Change]) -> None:
    """Refuse to undo over code that something else put in after the bundle."""
    problems = []
    for slot, _ in changes:
        stack = books.stack(slot)
        if slot.kind is Kind.CODE and stack is not None and slot.read() is not stack.layers[-1][1]:
            where = f"{slot.owner.__module__}:{slot.owner.__qualname__}"
            problems.append(Problem("HB504", f"something replaced its code after bundle {entry.id[:12]}", where))
    if problems:
        raise refusal(problems)


if hasattr(os, "register_at_fork"):
    # The thread whose operation was under way does not exist in the child.
    os.register_at_fork(after_in_child=_running.clear)

__all__ = ["check", "load", "status", "unload"]
