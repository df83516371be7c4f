"""A server on the loopback interface, which can be told to misbehave: a Maven repository, or any files."""

import hashlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from py_djl_resnet._java.jars import Jar


class Repository:
    """Serves `files` (path → content); `faults` are answered first, one for each request.

    With a `certificate` (a file of a key and its certificate) it speaks TLS.

    A fault is `cut` (half of the file, then the end), `damage` (other bytes), a status, or the address of a redirect.
    """

    def __init__(self, certificate=None):
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
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
            self.server.handle_error = lambda *_: None  # a client that does not trust us goes away
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        scheme = "http" if certificate is None else "https"
        self.address = f"{scheme}://127.0.0.1:{self.server.server_port}"

    def add(self, artifact, content, **native):
        """Hold a new jar with `content`, and return what the lock says of it."""
        digest = hashlib.sha256(content).hexdigest()
        jar = Jar("org.example", artifact, "1.0", digest, len(content), **native)
        self.files[f"/{jar.path}"] = content
        return jar

    def answer(self, handler):
        """Answer a request, or misbehave as the next fault says."""
        ranged = handler.headers.get("Range")
        self.requests.append((handler.path, ranged))
        fault = self.faults.pop(0) if self.faults else None
        content = self.files.get(handler.path)
        if isinstance(fault, str) and "://" in fault:
            handler.send_response(302)
            handler.send_header("Location", fault)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if isinstance(fault, int) or content is None:
            handler.send_error(fault if isinstance(fault, int) else 404)
            return
        start = int(ranged.removeprefix("bytes=").rstrip("-")) if ranged else 0
        body = content[start:]
        handler.send_response(206 if ranged else 200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if fault == "damage":
            body = bytes(len(body))
        handler.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

    def close(self):
        """Serve no more."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
