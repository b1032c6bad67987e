"""The outcome of every stage as files, for whoever wants to see how a verdict came about (`--keep DIR`)."""

import json
from dataclasses import asdict
from pathlib import Path

from hotbuild_runtime.bundle import read

from ..pipeline import Result
from .jsonview import edit_object, report


def write_stages(result: Result, folder: Path) -> None:
    """Write `scan.json`, `outline/*.json`, `edits.json`, `report.json`, and the bundle's members.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scanned = result.scanned
    _write(folder / "scan.json", {
        "files": scanned.files,
        "changed": [{"module": c.module, "path": c.path, "new": c.old is None, "gone": c.new is None} for c in scanned.changes],
        "other": scanned.other, "extensions": scanned.extensions, "left_out": scanned.left_out,
    })  # fmt: skip
    for module in result.modules:
        for side, outline in (("old", module.old_outline), ("new", module.new_outline)):
            if outline is not None:
                _write(folder / "outline" / f"{module.change.module}.{side}.json", asdict(outline))
    _write(folder / "edits.json", [edit_object(e) for e in result.edits])
    (folder / "report.json").write_text(report(result, None) + "\n")
    if result.bundle is not None:
        box = read(result.bundle)
        for name, data in {"manifest.json": box.manifest.encode(), **box.members}.items():
            target = folder / "bundle" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, default=sorted) + "\n")
