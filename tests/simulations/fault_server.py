"""The TNG web API on this machine, with faults: busy, broken, cut short, lying about lengths, stalling."""

import hashlib
import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FAULTS = ("429", "500", "reset", "truncated", "wrong length", "stalled")


class FaultServer(ThreadingHTTPServer):
    """Serves `bodies` (path -> bytes or dict); `key` must come with every request.

    Args:
        rate: share of requests that go wrong.
        pace: seconds between pieces of 16 kB of a body.
        ranges: honour Range.
    """

    daemon_threads = True

    def __init__(self, bodies, key="secret-key-1234", rate=0.0, seed=0, pace=0.0, ranges=True, stall=3.0):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies, self.key, self.rate, self.pace, self.ranges, self.stall = bodies, key, rate, pace, ranges, stall
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.requests, self.faults, self.now, self.most, self.resumed = [], [], 0, 0, 0
        self.unknown_fields = ()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server_port}/api/"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # clients that go away are what this is for


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        with server.lock:
            server.now += 1
            server.most = max(server.most, server.now)
            server.requests.append(self.path)
            fault = server.random.choice(FAULTS) if server.random.random() < server.rate else None
            if fault:
                server.faults.append(fault)
        self.counted = True
        try:
            self._answer(fault)
        finally:
            self._over()
            self.close_connection = True

    def _over(self):
        """The client may have all it wants from now on: the request no longer counts as in flight."""
        with self.server.lock:
            self.server.now -= self.counted
            self.counted = False

    def _answer(self, fault):
        server = self.server
        if self.headers.get("api-key") != server.key:
            return self._status(403)
        if fault in ("429", "500"):
            return self._status(int(fault), {"Retry-After": "0.01"} if fault == "429" else {})
        if fault == "reset":
            self._over()
            return self.connection.close()
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if any(name in server.unknown_fields for own in query.values() for name in own[0].split(",")):
            return self._status(400)
        body = server.bodies(parts.path, query) if callable(server.bodies) else server.bodies.get(parts.path)
        if body is None:
            return self._status(404)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        first, status, headers = 0, 200, {"ETag": f'"{hashlib.md5(data).hexdigest()}"'}
        wanted = self.headers.get("Range")
        if wanted and server.ranges and self.headers.get("If-Range", headers["ETag"]) == headers["ETag"]:
            first = int(wanted.removeprefix("bytes=").split("-")[0])
            if first >= len(data):
                return self._status(416, {"Content-Range": f"bytes */{len(data)}"})
            status, headers["Content-Range"] = 206, f"bytes {first}-{len(data) - 1}/{len(data)}"
            server.resumed += 1
        rest = data[first:]
        claimed = len(rest)
        if fault == "wrong length":
            claimed = len(rest) + 1000 if server.random.random() < 0.5 else max(len(rest) // 2, 1)
        self.send_response(status)
        self.send_header("Content-Length", str(claimed))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        stop = len(rest) // 3 if fault in ("truncated", "stalled") else len(rest)
        for at in range(0, stop, 16384):
            time.sleep(server.pace)
            if at + 16384 >= min(stop, claimed):
                self._over()
            self.wfile.write(rest[at : min(at + 16384, stop)])
            self.wfile.flush()
        if fault == "stalled":
            time.sleep(server.stall)
        return None

    def _status(self, code, headers=()):
        self.send_response(code)
        self.send_header("Content-Length", "0")
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self._over()
        self.end_headers()
