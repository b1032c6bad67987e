"""Patch a web application while it runs, and take the fix out again. Exits 1 if anything is not as it should be.

    python samples/webapp/demo.py

The server is a process of its own that runs old/. The bundle is built with `hotbuild diff` from old/ and new/. What is
printed is the same on every run: each request carries the time that it asks about; sizes and ids are left out.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOMENT = "2024-03-05T14:07:09"


class Unexpected(Exception):
    """Something was not as the demo promises."""


class Server:
    """The application in its own process, from `with` to the end of its block."""

    def __init__(self, python: str, tree: Path, bundle: Path) -> None:
        self._process = subprocess.Popen(
            [python, str(tree / "server.py"), str(bundle)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "Server":
        try:
            assert self._process.stdout is not None
            address = self._process.stdout.readline().strip()
            if not address:
                raise Unexpected("the server did not start")
            self._host = address.removeprefix("http://")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, method: str, path: str) -> tuple[int, str]:
        """Send a request; return the status and the first line of the answer."""
        connection = HTTPConnection(self._host, timeout=30)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode().partition("\n")[0]
        finally:
            connection.close()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def build(bundle: Path) -> None:
    """Run the command line, and print what it says without sizes and ids."""
    print("$ hotbuild diff old new -o fix.hpb")
    command = [sys.executable, "-m", "hotbuild", "diff", "old", "new", "-o", str(bundle)]
    result = subprocess.run(command, cwd=HERE, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    said = (result.stdout + result.stderr).replace(str(bundle), bundle.name)
    print(re.sub(r"\d+ bytes, id [0-9a-f]+", "... bytes, id ...", said), end="")
    if result.returncode != 0:
        raise Unexpected(f"hotbuild diff ended with exit code {result.returncode}")


def ask(server: Server, path: str, expected: str, method: str = "GET", status: int = 200) -> None:
    """Send a request, print it and its answer."""
    print(f"$ curl {'-X POST ' if method == 'POST' else ''}'localhost{path}'")
    got, text = server.ask(method, path)
    print(text)
    if (got, text) != (status, expected):
        raise Unexpected(f"expected {status} {expected!r}, got {got} {text!r}")


def play(python: str, folder: Path) -> None:
    bundle = folder / "fix.hpb"
    with Server(python, HERE / "old", bundle) as server:
        process = server.ask("GET", "/pid")
        print("# A server runs old/. It is 14:07, and it says 14:03: the month stands where the minutes should.")
        ask(server, f"/?at={MOMENT}", "visit 1 at 14:03:09")
        ask(server, f"/?at={MOMENT}", "visit 2 at 14:03:09")
        print("\n# Build the fix from the two source trees.")
        build(bundle)
        print("\n# Load it into the running server. The count goes on: nothing was restarted.")
        ask(server, "/hotfix", "loaded fix: replaced board:Board.visit; added board:clock", "POST")
        ask(server, f"/?at={MOMENT}", "visit 3 at 14:07:09")
        print("\n# What cannot be done is refused, and changes nothing.")
        code, text = server.ask("POST", "/hotfix")
        print("$ curl -X POST 'localhost/hotfix'\n" + re.sub(r"\([0-9a-f]+\)", "(...)", text))
        if code != 409 or not text.startswith("HB703 already-loaded"):
            raise Unexpected(f"loading twice was answered with {code}")
        print("\n# Take the fix out: the bug is back, the count still goes on.")
        ask(server, "/unload", "unloaded fix", "POST")
        ask(server, f"/?at={MOMENT}", "visit 4 at 14:03:09")
        ask(server, "/total", "4 visits")
        if server.ask("GET", "/pid") != process:
            raise Unexpected("another process answers")
        print("\n# One process from the first request to the last.")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Patch a web application while it runs.")
    parser.add_argument("--server-python", metavar="PYTHON", default=sys.executable,
                        help="the interpreter that serves; needs hotbuild-runtime only (default: this one)")  # fmt: skip
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server ends with the demo
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        with tempfile.TemporaryDirectory() as folder:
            play(options.server_python, Path(folder))
    except (Unexpected, OSError) as error:
        print(f"\nnot as expected: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
