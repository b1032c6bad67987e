"""The two wheels, installed without the repository, do the web application sample.

The process's environment gets the runtime's wheel and nothing else. The build's environment gets both wheels; what they
depend on (click, rich, libcst, bytecode) is the running environment's, so that no network is needed.
"""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "samples" / "webapp" / "demo.py"


@dataclass(frozen=True)
class Environments:
    """A venv to build with, a venv to serve with, and the wheels they were made from."""

    build: str
    runtime: str
    wheels: dict[str, Path]


def run(*command: object, cwd: Path) -> str:
    """Run a command outside the repository, with no PYTHON… variable of ours; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def make_venv(folder: Path) -> str:
    venv.create(folder, with_pip=False, symlinks=True)
    return str(folder / "bin" / "python")


def install(python: str, *wheels: Path) -> None:
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index",
        "--disable-pip-version-check", *wheels, cwd=wheels[0].parent)  # fmt: skip


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    folder = tmp_path_factory.mktemp("wheels")
    wheels = {}
    for name, source in (("hotbuild", ROOT), ("hotbuild_runtime", ROOT / "runtime")):
        out = folder / name
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=folder)
        (wheels[name],) = out.glob("*.whl")
    runtime = make_venv(folder / "runtime-venv")
    install(runtime, wheels["hotbuild_runtime"])
    build = make_venv(folder / "build-venv")
    install(build, *wheels.values())
    site = Path(run(build, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # A .pth line adds a folder behind the venv's own, and the .pth files in that folder (of editable installs) stay unread.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Environments(build, runtime, wheels)


LIST = "from importlib.metadata import distributions\nfor d in distributions(): print(d.name)"


def distributions(python: str, folder: Path) -> list[str]:
    listed = run(python, "-c", LIST, cwd=folder)
    return sorted(listed.split())


def test_the_process_holds_the_runtime_and_nothing_else(environments: Environments, tmp_path: Path) -> None:
    assert distributions(environments.runtime, tmp_path) == ["hotbuild-runtime"]
    for name in ("hotbuild", "libcst", "bytecode", "click", "rich", "pip"):
        found = run(
            environments.runtime,
            "-c",
            f"import importlib.util; print(importlib.util.find_spec({name!r}))",
            cwd=tmp_path,
        )
        assert found == "None\n", name


@pytest.mark.parametrize(
    "side, package", [("build", "hotbuild"), ("build", "hotbuild_runtime"), ("runtime", "hotbuild_runtime")]
)
def test_what_runs_is_the_wheel(environments: Environments, tmp_path: Path, side: str, package: str) -> None:
    python = getattr(environments, side)
    place = Path(run(python, "-c", f"import {package}; print({package}.__file__)", cwd=tmp_path).strip())
    assert place.is_relative_to(Path(python).parents[1])
    assert ROOT not in place.parents


def test_the_sample_works_from_wheels(environments: Environments, tmp_path: Path) -> None:
    """Copied out of the repository; built in one environment, served in the other."""
    sample = tmp_path / "webapp"
    for path in DEMO.parent.rglob("*.py"):
        copy = sample / path.relative_to(DEMO.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    printed = run(environments.build, sample / "demo.py", "--server-python", environments.runtime, cwd=tmp_path)
    (transcript,) = re.findall(r"^```console\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert printed == transcript


def test_the_command_is_installed(environments: Environments, tmp_path: Path) -> None:
    command = Path(environments.build).with_name("hotbuild")
    assert run(command, "--version", cwd=tmp_path).startswith("hotbuild, version ")
    assert "diff" in run(environments.build, "-m", "hotbuild", "--help", cwd=tmp_path)


@pytest.mark.parametrize("name", ["hotbuild", "hotbuild_runtime"])
def test_a_wheel_holds_its_package_and_no_other(environments: Environments, name: str) -> None:
    with zipfile.ZipFile(environments.wheels[name]) as wheel:
        files = wheel.namelist()
        metadata = wheel.read(next(f for f in files if f.endswith(".dist-info/METADATA"))).decode()
    assert {f.partition("/")[0] for f in files if ".dist-info/" not in f} == {name}
    assert f"{name}/py.typed" in files
    assert any(f.rpartition("/")[2] == "LICENSE" for f in files)
    needs = {
        line.split()[1]
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist:") and "extra ==" not in line
    }
    assert bool(needs) == (name == "hotbuild")
    source = ROOT / ("hotbuild" if name == "hotbuild" else "runtime/hotbuild_runtime")
    packed = {f for f in files if f.startswith(f"{name}/")}
    assert packed == {
        f"{name}/{p.relative_to(source).as_posix()}" for p in source.rglob("*") if p.suffix in (".py", ".typed")
    }
