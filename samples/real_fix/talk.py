"""How run.py talks with a live program: a line in, a line of JSON out, until its standard input ends.

`ask` answers with what the program's objects do now; `load PATH` and `unload ID` are the two calls of hotbuild_runtime.
A refused load or unload answers with its codes and changes nothing.
"""

import json
import sys
from collections.abc import Callable

import hotbuild_runtime


def serve(ask: Callable[[], dict[str, object]]) -> None:
    """Answer commands; `ask` says what the live objects do."""
    print(json.dumps({"ready": sys.version.split()[0]}), flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        print(json.dumps(_answer(command, argument, ask)), flush=True)


def _answer(command: str, argument: str, ask: Callable[[], dict[str, object]]) -> dict[str, object]:
    if command == "ask":
        return ask()
    operation = {"load": hotbuild_runtime.load, "unload": hotbuild_runtime.unload}[command]
    try:
        receipt = operation(argument)
    except hotbuild_runtime.HotbuildError as error:
        return {"refused": [p.code for p in error.problems], "why": str(error)}
    return {"id": receipt.id, "sites": {s.target: s.sites for s in receipt.targets}, "added": list(receipt.added)}
