"""A local web server that can misbehave on demand."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from py_djl_resnet._java.jars import Jar


class Repository:
    """Serves `files` (path → content), such as those of a Maven repository.

    Each request takes the next of `faults`, if any: None, `cut` (half of the file), `damage` (other bytes), or a
    status.
    """

    def __init__(self):
        self.files = {}
        self.faults = []
        self.requests = []
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                repository.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def add(self, artifact, content, **native):
        """Adds a jar with `content`; returns its entry in the lock."""
        digest = hashlib.sha256(content).hexdigest()
        jar = Jar("org.example", artifact, "1.0", digest, len(content), **native)
        self.files[f"/{jar.path}"] = content
        return jar

    def answer(self, handler):
        """Answers a request, or takes the next fault."""
        self.requests.append(handler.path)
        fault = self.faults.pop(0) if self.faults else None
        body = self.files.get(handler.path)
        if isinstance(fault, int) or body is None:
            handler.send_error(fault if isinstance(fault, int) else 404)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if fault == "damage":
            body = bytes(len(body))
        handler.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

    def close(self):
        """Stops the server."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
