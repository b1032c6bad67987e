"""A small web application on the standard library: `python server.py BUNDLE`.

It listens on a free loopback port and prints its address. BUNDLE is where the operator puts a bundle: the two routes
for operators load it and unload it. The path comes from the command line, never from a request: whoever can choose
the bundle can run any code.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from board import Board

Answer = tuple[str, str]


class Application:
    """Routes a request to a function; holds the board for as long as the process lives."""

    def __init__(self, bundle: str) -> None:
        board = Board()
        self.bundle = bundle
        self.show = board.visit  # a bound method, held from the start
        self.routes: dict[tuple[str, str], Callable[[dict[str, str]], Answer]] = {
            ("GET", "/"): self.visit,
            ("GET", "/total"): lambda query: ("200 OK", board.total()),
            ("GET", "/pid"): lambda query: ("200 OK", str(os.getpid())),
            ("POST", "/hotfix"): self.hotfix,
            ("POST", "/unload"): self.unload,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        route = self.routes.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        status, text = route(query) if route else ("404 Not Found", "no such page")
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [text.encode() + b"\n"]

    def visit(self, query: dict[str, str]) -> Answer:
        moment = datetime.fromisoformat(query["at"]) if "at" in query else datetime.now()
        return "200 OK", self.show(moment)

    def hotfix(self, query: dict[str, str]) -> Answer:
        import hotbuild_runtime

        try:
            receipt = hotbuild_runtime.load(self.bundle)
        except hotbuild_runtime.HotbuildError as error:
            return "409 Conflict", str(error)
        targets = ", ".join(count.target for count in receipt.targets)
        return "200 OK", f"loaded {receipt.name}: replaced {targets}; added {', '.join(receipt.added)}"

    def unload(self, query: dict[str, str]) -> Answer:
        import hotbuild_runtime

        loaded = hotbuild_runtime.status().bundles
        if not loaded:
            return "409 Conflict", "no bundle is loaded"
        try:
            receipt = hotbuild_runtime.unload(loaded[-1].id)
        except hotbuild_runtime.HotbuildError as error:
            return "409 Conflict", str(error)
        return "200 OK", f"unloaded {receipt.name}"


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> None:
    logging.basicConfig(level=logging.ERROR)
    application = Application(sys.argv[1])
    with make_server("127.0.0.1", 0, application, Server, QuietHandler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
