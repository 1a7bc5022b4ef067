"""An API that keeps what arrives, and refuses the tokens that it is told to."""
import http.server
import threading


class Api:
    def __init__(self):
        self.seen, self.refused = [], set()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                authorization = self.headers.get_all("Authorization") or []
                api.seen.append((self.command, self.path, authorization, body))
                status = 401 if not authorization or set(authorization) & api.refused else 200
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
                self.send_header("Content-Length", "3")
                self.end_headers()
                self.wfile.write(b"{}\n")

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def take(self):
        """What arrived since the last time."""
        seen, self.seen = self.seen, []
        return seen
