"""A threaded HTTP server in a process of its own answers 200 concurrent requests while bundles come and go."""

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Workbench

CLIENTS = 20
REQUESTS = 10  # of each client, at least: 200 in all
LOADS = 50

SERVER = """
import http.server
import json
import logging
import sys
import threading

import hotbuild_runtime
from shop import Till

logging.disable(logging.CRITICAL)
till = Till()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            if self.path == "/sell":
                answer, status = till.sell(3), 200
            elif self.path == "/sold":
                answer, status = till.sold, 200
            else:
                answer, status = "?", 404
        except BaseException as error:
            answer, status = repr(error), 500
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever).start()
print(server.server_address[1], flush=True)
for line in sys.stdin:
    word = line.strip()
    if word == "load":
        receipt = hotbuild_runtime.load(sys.argv[1])
    elif word == "unload":
        hotbuild_runtime.unload(receipt.id)
    elif word == "stop":
        break
    print("done", flush=True)
server.shutdown()
server.server_close()
"""
OLD = """
import threading

class Till:
    def __init__(self):
        self.sold = 0
        self.lock = threading.Lock()

    def sell(self, count):
        with self.lock:
            self.sold += count
        return self.price(count)

    def price(self, count):
        return {"version": "old", "price": sum(10 for _ in range(count))}
"""
NEW = OLD.replace('"version": "old"', '"version": "new"').replace("sum(10", "sum(PRICE") + "\nPRICE = 9\n"
ANSWERS = ({"version": "old", "price": 30}, {"version": "new", "price": 27})


class Till:
    """The server's process, and what it is told on its standard input."""

    def __init__(self, bench: Workbench) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "server.py", str(bench.bundle)], cwd=bench.old, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n", self.process.stderr and self.process.stderr.read()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def get(self, path: str) -> object:
        connection = self.connect()
        try:
            return ask(connection, path)
        finally:
            connection.close()


def ask(connection: http.client.HTTPConnection, path: str) -> object:
    connection.request("GET", path)
    response = connection.getresponse()
    answer = json.loads(response.read())
    assert response.status == 200, answer
    return answer


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    bench = Workbench(tmp_path, {"shop.py": OLD, "server.py": SERVER}, {"shop.py": NEW, "server.py": SERVER})
    assert bench.build().bundle is not None
    running = Till(bench)
    try:
        yield running
    finally:
        running.process.communicate("stop\n", timeout=30)
    assert running.process.returncode == 0


def test_requests_during_loads_and_unloads(till: Till) -> None:
    answers: list[object] = []
    errors: list[BaseException] = []
    over = threading.Event()
    gate = threading.Barrier(CLIENTS + 1)

    def client() -> None:
        connection = till.connect()
        gate.wait()
        try:
            asked = 0
            while asked < REQUESTS or not over.is_set():
                answers.append(ask(connection, "/sell"))
                asked += 1
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    gate.wait()
    for _ in range(LOADS):
        till.tell("load")
        till.tell("unload")
    over.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(answers) >= CLIENTS * REQUESTS
    assert [a for a in answers if a not in ANSWERS] == []
    assert till.get("/sold") == 3 * len(answers), "the state in memory is kept"


def test_one_answer_before_between_and_after(till: Till) -> None:
    assert till.get("/sell") == ANSWERS[0]
    till.tell("load")
    assert till.get("/sell") == ANSWERS[1]
    till.tell("unload")
    assert till.get("/sell") == ANSWERS[0]
    assert till.get("/sold") == 9
