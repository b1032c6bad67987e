"""Collects `.edit` files; `pytest --accept` rewrites their verdicts."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import Case, Workbench, options_of, parse_cases, run_case, verdicts


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite the [verdict] blocks of .edit files")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".edit":
        return EditFile.from_parent(parent, path=file_path)
    return None


class EditFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        for case in parse_cases(self.path.read_text()):
            yield EditItem.from_parent(self, name=case.name, case=case)


class EditItem(pytest.Item):
    def __init__(self, *, case: Case, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self.case = case
        self.add_marker(pytest.mark.edit)

    def runtest(self) -> None:
        folder = Path(self.config._tmp_path_factory.mktemp(self.case.name[:30]))  # type: ignore[attr-defined]
        if self.config.getoption("--accept"):
            accept(self.path, self.case, folder)
        run_case(self.case, folder)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if excinfo.errisinstance(AssertionError):
            return f"{self.path}:{self.case.line}: {excinfo.value}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.line - 1, f"[case {self.case.name}]"


def accept(path: Path, case: Case, folder: Path) -> None:
    """Write the present verdicts of a case into its file."""
    bench = Workbench(folder / "accept", dict(case.old), dict(case.new))
    result = bench.build(**options_of(case.options))
    everything = any(line.split()[0] in ("same", "moved") for line in case.verdict)
    lines = path.read_text().splitlines()
    start = next(
        i
        for i, line in enumerate(lines)
        if line.split()[:2] == ["[case", case.name + "]"] or line.startswith(f"[case {case.name} ")
    )
    at = next(i for i in range(start, len(lines)) if lines[i] == "[verdict]") + 1
    end = next((i for i in range(at, len(lines)) if lines[i].startswith("[")), len(lines))
    while end > at and not lines[end - 1].strip():
        end -= 1  # the blank line before the next case stays
    case.verdict = verdicts(result, everything)
    lines[at:end] = case.verdict
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def bench(tmp_path: Path):
    """Make a Workbench from two trees of text."""

    def make(old: dict[str, str | bytes], new: dict[str, str | bytes]) -> Workbench:
        return Workbench(tmp_path, old, new)

    return make
