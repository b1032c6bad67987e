"""A result as one JSON object, for programs."""

import json
from typing import Any

from ..model import Edit, EditKind
from ..pipeline import Result
from ..reasons import REASONS


def report(result: Result, path: str | None) -> str:
    """Write the object.

    `{"result": "written|refused|empty", "bundle": path, "id": id, "edits": […], "notes": […], "seconds": {stage: s}}`
    """
    outcome = "refused" if result.rude else "written" if result.bundle is not None else "empty"
    return json.dumps(
        {
            "result": outcome,
            "bundle": path,
            "id": result.id or None,
            "edits": [edit_object(e) for e in result.edits],
            "notes": list(result.notes),
            "seconds": result.seconds,
        },
        indent=1,
    )


def edit_object(edit: Edit) -> dict[str, Any]:
    reason = REASONS[edit.code] if edit.kind is EditKind.RUDE else None
    return {
        "target": str(edit.target),
        "verdict": str(edit.kind),
        "code": edit.code,
        "slug": reason.slug if reason else "",
        "path": edit.path,
        "line": edit.line,
        "message": edit.message,
        "remedy": reason.remedy if reason else "",
    }
