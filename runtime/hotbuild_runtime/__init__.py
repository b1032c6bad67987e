"""hotbuild_runtime: load a bundle of replacement code into this process, and take it out again.

Owns: the public names, and nothing else. Importing this module imports nothing (tests/runtime/test_import_cost.py):
each name is fetched from its own file when it is first used, so that a process pays for the loader only when it loads.

    receipt = hotbuild_runtime.load("fix.hpb")
    hotbuild_runtime.unload(receipt.id)

Every refusal is a `HotbuildError`: it carries `.code` (HB504), `.remedy`, and `.problems` (all of them), and it means
that nothing in the process was changed.
"""

__version__ = "0.1.0"

_HOME = {
    "load": "loader", "check": "loader", "unload": "loader", "status": "loader",
    "Receipt": "receipt", "Status": "receipt", "LoadedBundle": "receipt", "SiteCount": "receipt",
    "HotbuildError": "errors", "BundleError": "errors", "MismatchError": "errors", "StateError": "errors",
    "BusyError": "errors", "Problem": "errors",
}  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .errors import BundleError, BusyError, HotbuildError, MismatchError, Problem, StateError
    from .loader import check, load, status, unload
    from .receipt import LoadedBundle, Receipt, SiteCount, Status

__all__ = [
    "BundleError", "BusyError", "HotbuildError", "LoadedBundle", "MismatchError", "Problem", "Receipt", "SiteCount",
    "StateError", "Status", "__version__", "check", "load", "status", "unload",
]  # fmt: skip


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
