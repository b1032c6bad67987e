"""Tracebacks, `inspect` and `linecache` show the source that runs, whatever the file on disk says."""

import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Workbench
from hotbuild_runtime import sources

Process = Callable[..., tuple[Workbench, dict[str, Any]]]

OLD = """def fails():
    return 1 / 0  # old line

def untouched():
    return [][1]  # untouched line

class Cart:
    def deep(self):
        return (lambda: {}["old key"])()
"""
NEW = """# a new first line

def fails():
    divisor = 0
    return 2 / divisor  # new line

def untouched():
    return [][1]  # untouched line

class Cart:
    def deep(self):
        return {}["new key"] or (lambda: {}["old key"])()
    def added(self):
        raise LookupError  # added line
"""


def shown(call: Callable[[], object]) -> tuple[str, str, int]:
    """Call what fails; the last line of its traceback, the file and the line number."""
    try:
        call()
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        text = "".join(traceback.format_exception(error))
        assert frame.line is not None
        assert frame.line in text
        return frame.line, frame.filename, frame.lineno or 0
    raise AssertionError("nothing failed")


def disk_as_it_was(file: Path) -> None: ...


def disk_changed(file: Path) -> None:
    file.write_text("# nothing of the kind\n" * 50)


def disk_new(file: Path) -> None:
    file.write_text(NEW)


def disk_gone(file: Path) -> None:
    file.unlink()


DISKS = [disk_as_it_was, disk_changed, disk_new, disk_gone]


@pytest.mark.parametrize("disk", DISKS, ids=lambda f: f.__name__)
def test_patched_functions_show_the_new_source(process: Process, disk: Callable[[Path], None]) -> None:
    bench, modules = process(OLD, NEW)
    receipt = bench.apply()
    disk(bench.old / "shop.py")
    linecache.checkcache()
    cart = modules["shop"].Cart()
    line, file, number = shown(modules["shop"].fails)
    assert (line, number) == ("return 2 / divisor  # new line", 5)
    assert file == f"<hotbuild:{receipt.id[:12]} shop.py>"
    assert shown(cart.deep)[::2] == ('return {}["new key"] or (lambda: {}["old key"])()', 12)
    assert shown(cart.added)[::2] == ("raise LookupError  # added line", 14)
    assert (
        inspect.getsource(modules["shop"].fails)
        == "def fails():\n    divisor = 0\n    return 2 / divisor  # new line\n"
    )
    assert "added line" in inspect.getsource(cart.added)
    assert inspect.getsourcelines(cart.deep)[1] == 11


def test_untouched_functions_show_the_old_file(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    before = shown(modules["shop"].untouched)
    bench.apply()
    assert (
        shown(modules["shop"].untouched) == before == ("return [][1]  # untouched line", str(bench.old / "shop.py"), 5)
    )
    assert inspect.getsource(modules["shop"].untouched) == "def untouched():\n    return [][1]  # untouched line\n"


def test_the_old_view_is_back_after_unload(process: Process) -> None:
    bench, modules = process(OLD, NEW)
    before = shown(modules["shop"].fails), inspect.getsource(modules["shop"].fails)
    bench.apply()
    shown(modules["shop"].fails)
    bench.unload()
    assert (shown(modules["shop"].fails), inspect.getsource(modules["shop"].fails)) == before
    assert [name for name in linecache.cache if name.startswith("<hotbuild")] == []


def test_two_bundles_show_each_their_own(process: Process, tmp_path: Path) -> None:
    bench, modules = process(OLD, NEW)
    newest = NEW.replace("2 / divisor", "3 / divisor")
    over = Workbench(tmp_path / "over", {"shop.py": NEW}, {"shop.py": "\n" + newest})
    over.build()
    first = bench.apply()
    second = over.apply()
    assert shown(modules["shop"].fails)[1:] == (f"<hotbuild:{second.id[:12]} shop.py>", 6)
    assert shown(modules["shop"].Cart().deep)[1] == f"<hotbuild:{first.id[:12]} shop.py>"
    over.unload()
    assert shown(modules["shop"].fails)[1:] == (f"<hotbuild:{first.id[:12]} shop.py>", 5)


def test_encodings_and_line_endings(process: Process, tmp_path: Path) -> None:
    old = '# -*- coding: latin-1 -*-\r\ndef f():\r\n    return "é", 1 / 0\r\n'
    bench = Workbench(
        tmp_path / "latin",
        {"latin.py": old.encode("latin-1")},
        {"latin.py": old.replace("1 /", "2 /").encode("latin-1")},
    )
    bench.build()
    with bench.running() as modules:
        bench.apply()
        assert shown(modules["latin"].f)[0] == 'return "é", 2 / 0'  # type: ignore[attr-defined]


def test_a_form_feed_and_odd_separators_do_not_shift_lines(process: Process) -> None:
    r"""str.splitlines breaks at \x0c, \x1c and \u2028; Python's lines do not."""
    head = 'MARK = "\x1c \u2028 \x85 \x0b"\n\x0c\n'
    bench, modules = process(head + "def f():\n    return 1 / 0\n", head + "def f():\n    return 2 / 0\n")
    bench.apply()
    assert shown(modules["shop"].f)[::2] == ("return 2 / 0", 4)


def test_names_tell_bundle_and_file() -> None:
    name = sources.patched_name("ab" * 32, "shop/cart.py")
    assert re.fullmatch(r"<hotbuild:(ab){6} shop/cart\.py>", name)


def test_relabelling_reaches_nested_code() -> None:
    code = compile("def f():\n    class C:\n        x = [lambda: (i for i in j)]\n", "old.py", "exec")

    def files(one: Any) -> set[str]:
        return {one.co_filename}.union(*(files(c) for c in one.co_consts if hasattr(c, "co_filename")))

    assert files(sources.relabel(code, "new.py")) == {"new.py"}
    assert files(code) == {"old.py"}


def test_forgetting_twice_is_harmless() -> None:
    sources.publish("<hotbuild:test x.py>", "a\nb")
    assert linecache.getline("<hotbuild:test x.py>", 2) == "b"
    sources.retain({"<hotbuild:test x.py>"})
    assert linecache.getline("<hotbuild:test x.py>", 1) == "a\n"
    sources.retain(set())
    sources.retain(set())
    assert linecache.getline("<hotbuild:test x.py>", 2) == ""
    assert sys.exc_info() == (None, None, None)
