"""The frozen heap: `gc.freeze()` hides objects from the collector, and live closures could be among them (HB507).

Run in a process of its own: freezing cannot be confined to a test.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from harness import Workbench

OLD = "def make():\n    k = 1\n    def inner():\n        return k\n    return inner\nheld = {'x': [make()]}\n"
PROGRAM = """
import gc, sys
sys.path.insert(0, sys.argv[1])
import shop, hotbuild_runtime
if sys.argv[3] == "hidden":
    class Box: pass
    box = Box(); box.f = shop.make(); hidden = iter([box]); del box
gc.collect(); gc.freeze()
try:
    hotbuild_runtime.load(sys.argv[2])
except hotbuild_runtime.HotbuildError as error:
    print(error.code)
else:
    print("loaded", shop.held["x"][0]())
"""


@pytest.mark.parametrize(("where", "expected"), [("hidden", "HB507"), ("found", "loaded 2")])
def test_closures_in_the_frozen_heap(tmp_path: Path, where: str, expected: str) -> None:
    """What the walk from the module finds is patched; what may hide is refused, never missed."""
    bench = Workbench(tmp_path, {"shop.py": OLD}, {"shop.py": OLD.replace("return k", "return k + 1")})
    bench.build()
    command = [sys.executable, "-c", PROGRAM, str(bench.old), str(bench.bundle), where]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == expected
