"""Real fixes into live processes: Jinja2 3.1.3 → 3.1.4 and Django 4.2.15 → 4.2.16, from the wheels that pip fetches.

    python samples/real_fix/run.py [jinja2] [django]

For each: fetch and unpack both releases, start a program on the old one, show what its objects do, try to build the
whole release and print all of the refusal, build the fix alone with --only, load it into the program, ask the same
objects again, unload, ask once more. Needs pip and the network, and is no part of the test suite. Works in a temporary
folder that it removes, and ends the processes that it started. Exit code 1 as soon as a step is not as expected.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
Answer = dict[str, object]


class Unexpected(Exception):
    """A step did not do what it should."""


@dataclass(frozen=True)
class Fix:
    """One release pair.

    Args:
        project: its name on the package index.
        old, new: versions.
        needs: what the project imports beside itself.
        program: the live program.
        only: the targets of the fix.
        refused: what the whole release must be refused for, among other things.
        sites: the targets that must be replaced.
        stays: questions that a fix must not change the answer of.
        vulnerable, fixed: what the answers must show before and after, by question.
    """

    project: str
    old: str
    new: str
    needs: tuple[str, ...]
    program: str
    only: tuple[str, ...]
    refused: str
    sites: tuple[str, ...]
    stays: tuple[str, ...]
    vulnerable: dict[str, object]
    fixed: dict[str, object]


JINJA2 = Fix(
    project="jinja2",
    old="3.1.3",
    new="3.1.4",
    needs=("markupsafe",),
    program="live_jinja2.py",
    only=("jinja2.filters:do_xmlattr",),
    refused="HB402 value-changed: __version__ was '3.1.3', is now '3.1.4'",
    sites=("jinja2.filters:do_xmlattr",),
    stays=("plain",),
    vulnerable={
        "plain": '<p title="1">',
        "space": "ValueError: Spaces are not allowed in attributes: 'a b'",
        "solidus": '<p a/b="1">',
        "greater": '<p a&gt;b="1">',
        "equals": '<p onclick=alert(1)//="1">',
        "held filter": ' a&gt;b="1"',
    },
    fixed={
        "plain": '<p title="1">',
        "space": "ValueError: Invalid character in attribute name: 'a b'",
        "solidus": "ValueError: Invalid character in attribute name: 'a/b'",
        "greater": "ValueError: Invalid character in attribute name: 'a>b'",
        "equals": "ValueError: Invalid character in attribute name: 'onclick=alert(1)//'",
        "held filter": "ValueError: Invalid character in attribute name: 'a>b'",
    },
)

DJANGO = Fix(
    project="django",
    old="4.2.15",
    new="4.2.16",
    needs=("asgiref", "sqlparse"),
    program="live_django.py",
    only=("django.contrib.auth.forms:PasswordResetForm", "django.utils.html:Urlizer"),
    refused="HB402 value-changed: VERSION was (4, 2, 15, 'final', 0), is now (4, 2, 16, 'final', 0)",
    sites=("django.contrib.auth.forms:PasswordResetForm.send_mail", "django.utils.html:Urlizer.trim_punctuation"),
    stays=("reset, unknown address", "urlize"),
    vulnerable={
        "reset, known address": "error page: ConnectionRefusedError",
        "reset, unknown address": "mail is on its way",
        "urlize": 'see <a href="http://example.com" rel="nofollow">http://example.com</a>.',
        "turns for 50 pairs": 51,
        "turns for 100 pairs": 101,
    },
    fixed={
        "reset, known address": "mail is on its way; logged: Failed to send password reset email to 1",
        "reset, unknown address": "mail is on its way",
        "urlize": 'see <a href="http://example.com" rel="nofollow">http://example.com</a>.',
        "turns for 50 pairs": 2,
        "turns for 100 pairs": 2,
    },
)

FIXES = {fix.project: fix for fix in (JINJA2, DJANGO)}


def main(names: list[str]) -> int:
    """Run the chosen fixes, all of them when none is named."""
    if unknown := set(names) - set(FIXES):
        print(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(FIXES)}", file=sys.stderr)
        return 2
    for name in names or list(FIXES):
        with tempfile.TemporaryDirectory(prefix="real_fix-") as folder:
            try:
                show(FIXES[name], Path(folder))
            except (Unexpected, subprocess.CalledProcessError) as error:
                print(f"\nNOT AS EXPECTED: {error}", file=sys.stderr)
                return 1
    print("\nEverything was as expected.")
    return 0


def show(fix: Fix, folder: Path) -> None:
    """Do every step of one fix."""
    say(f"{fix.project} {fix.old} → {fix.new}: fetch both releases with pip")
    old, new = (unpack(fix.project, version, folder) for version in (fix.old, fix.new))
    needs = folder / "needs"
    pip("install", "--target", str(needs), *fix.needs)

    with live(fix.program, old, needs) as tell:
        say(f"A live process on {old.name}")
        before = tell("ask")
        show_answer(before)
        expect("before", before, {"asked": 1, **fix.vulnerable})

        say("The whole release is refused, with every reason, and nothing is written")
        bundle = folder / "fix.hpb"
        code, text = hotbuild(folder, "diff", old.name, new.name, "-o", bundle.name)
        expect("exit code of the whole release", code, 4)
        if fix.refused not in text or bundle.exists():
            raise Unexpected(f"the refusal does not name {fix.refused!r}, or wrote a bundle")

        say("The fix alone")
        chosen = [word for target in fix.only for word in ("--only", target)]
        code, _ = hotbuild(folder, "diff", old.name, new.name, *chosen, "-o", bundle.name)
        expect("exit code of the fix", code, 0)
        code, _ = hotbuild(folder, "verify", bundle.name, "--release", old.name)
        expect("exit code of verify", code, 0)

        say("Load it into the live process: the same objects, asked again")
        loaded = tell(f"load {bundle}")
        show_answer({k: v for k, v in loaded.items() if k != "id"})
        expect("targets", loaded.get("sites"), dict.fromkeys(fix.sites, 1))
        after = tell("ask")
        show_answer(after, before)
        expect("after", after, {"asked": 2, **fix.fixed})
        expect("what the fix must not change", *({k: a[k] for k in fix.stays} for a in (after, before)))

        say("Unload: the old release, bug and all")
        expect("id of the unloaded", tell(f"unload {loaded['id']}").get("id"), loaded["id"])
        again = tell("ask")
        show_answer(again, after)
        expect("after unload", again, {"asked": 3, **fix.vulnerable})


# -- the releases


def pip(*arguments: str) -> None:
    """Run pip quietly; its complaints go to standard error."""
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([sys.executable, "-m", "pip", *arguments, *quiet], check=True)


def unpack(project: str, version: str, folder: Path) -> Path:
    """Fetch one release's wheel and unpack it."""
    wheels, tree = folder / f"wheels-{version}", folder / f"{project}-{version}"
    pip("download", "--no-deps", "--only-binary", ":all:", "--dest", str(wheels), f"{project}=={version}")
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tree)
    return tree


def hotbuild(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run hotbuild in the folder, show the command and all that it says, and return exit code and text."""
    print("$ hotbuild", *arguments)
    done = subprocess.run(
        [sys.executable, "-m", "hotbuild", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout, end="")
    print(f"exit code {done.returncode}")
    return done.returncode, done.stdout


# -- the live process


@contextlib.contextmanager
def live(program: str, *places: Path) -> Iterator[Callable[[str], Answer]]:
    """Start a program with these folders on its path; yield what asks it; end it."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places)), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, str(HERE / program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def read() -> Answer:
        line = stdout.readline()
        if not line:
            raise Unexpected(f"{program} ended with exit code {process.wait()}")
        return json.loads(line)

    def tell(command: str) -> Answer:
        stdin.write(command + "\n")
        stdin.flush()
        return read()

    try:
        read()
        yield tell
        stdin.close()
        expect(f"exit code of {program}", process.wait(), 0)
    finally:
        process.kill()
        process.wait()
        stdout.close()


# -- what is shown


def say(text: str) -> None:
    """Print what comes next."""
    print(f"\n# {text}", flush=True)


def show_answer(answer: Answer, before: Answer | None = None) -> None:
    """Print an answer, marking what differs from the one before."""
    for name, value in answer.items():
        mark = "*" if before is not None and before.get(name) != value else " "
        shown = value if isinstance(value, str) else json.dumps(value)
        print(f" {mark} {name}: {shown}")


def expect(what: str, found: object, wanted: object) -> None:
    """Stop the run unless the two are equal."""
    if found != wanted:
        raise Unexpected(f"{what}: {found!r}, and not {wanted!r}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
