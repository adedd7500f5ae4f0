"""A web server for tests/cli/models.sh: serve.py FOLDER PORT_FILE LOG_FILE.

Listens on any free port of 127.0.0.1, writes its number to PORT_FILE and a line for each request to LOG_FILE:
the address as it was asked for, and the range ("-" without). What it does depends on the first part of the path:

  /files/NAME   the file, or the part of it that is asked for
  /whole/NAME   the file, whatever part is asked for
  /cut/NAME     half of the file, then the connection ends; the rest when asked for just that
  /stuck/NAME   the same, but the connection stays, silently
  /other/NAME   another part than the one asked for
  /moved/NAME   a redirection to /files/NAME
  /simple/P/    the index page of the Python package P, a-package as JSON and old-package as HTML; both have
                every file of the folder
"""

import http.server
import json
import os
import re
import sys
import threading
import urllib.parse

FOLDER, PORT_FILE, LOG_FILE = sys.argv[1:]
stop = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, code, data=b"", headers=()):
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def do_GET(self):
        asked = self.headers.get("Range", "-")
        with open(LOG_FILE, "a") as log:
            log.write(f"{self.path} {asked}\n")
        # A proxy is asked for whole addresses.
        verb, _, name = urllib.parse.urlparse(self.path).path.lstrip("/").partition("/")
        if verb == "simple":
            files = [{"filename": f, "url": f"../../files/{f}#sha256=0"} for f in os.listdir(FOLDER)]
            if name == "old-package/":
                links = "".join(f"<a href=\"{f['url']}\">{f['filename']}</a><br>" for f in files)
                return self.answer(200, f"<!DOCTYPE html><html><body>{links}</body></html>".encode())
            if name != "a-package/" or "application/vnd.pypi.simple.v1+json" not in self.headers.get("Accept", ""):
                return self.answer(404)
            return self.answer(200, json.dumps({"meta": {"api-version": "1.0"}, "files": files}).encode())
        if verb == "moved":
            return self.answer(302, headers=[("Location", f"/files/{name}")])
        path = os.path.join(FOLDER, os.path.basename(name))
        if verb not in ("files", "whole", "cut", "stuck", "other") or not os.path.isfile(path):
            return self.answer(404)
        data = open(path, "rb").read()
        start = re.fullmatch(r"bytes=(\d+)-", asked)
        if start and verb != "whole":
            at = int(start[1]) + (verb == "other")
            if at >= len(data):
                return self.answer(416, headers=[("Content-Range", f"bytes */{len(data)}")])
            return self.answer(206, data[at:], [("Content-Range", f"bytes {at}-{len(data) - 1}/{len(data)}")])
        if verb in ("cut", "stuck"):
            self.answer(200, data[: len(data) // 2], [("Content-Length", str(len(data)))])
            self.close_connection = True
            if verb == "stuck":
                stop.wait()
            return None
        return self.answer(200, data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args):
        """Clients that go away in the middle are what some tests are about."""


server = Server(("127.0.0.1", 0), Handler)
with open(PORT_FILE + ".new", "w") as port:
    port.write(str(server.server_address[1]))
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
