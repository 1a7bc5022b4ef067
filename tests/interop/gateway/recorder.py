"""An API that keeps every byte that arrives, and answers 200. What it reads, it reads as plainly as can be."""
import contextlib
import socket
import threading


class Recorder:
    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.requests, self.streams = [], []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def take(self):
        """What arrived since the last time."""
        requests, self.requests = self.requests, []
        return requests

    def close(self):
        # Without shutdown the threads that wait for them keep them open.
        for each in (self.listener, *self.streams):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            self.streams.append(stream)
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        rest = b""
        with stream:
            while True:
                try:
                    raw, rest = take_request(stream, rest)
                except OSError:
                    return
                if raw is None:
                    return
                self.requests.append(raw)
                body = b"" if raw.startswith(b"HEAD ") else b"{}"
                try:
                    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)
                except OSError:
                    return


def take_request(stream, unread):
    """The bytes of one request, and those behind it."""
    def more(unread):
        piece = stream.recv(65536)
        return unread + piece if piece else None

    while b"\r\n\r\n" not in unread:
        unread = more(unread)
        if unread is None:
            return None, b""
    end = unread.index(b"\r\n\r\n") + 4
    fields = dict(fields_of(unread[:end]))
    if fields.get(b"transfer-encoding") == b"chunked":
        ends = lambda: end_of_chunks(unread, end)
    else:
        length = end + int(fields.get(b"content-length", b"0"))
        ends = lambda: length if len(unread) >= length else None
    while ends() is None:
        unread = more(unread)
        if unread is None:
            return None, b""
    return unread[:ends()], unread[ends():]


def end_of_chunks(unread, at):
    """Where a chunked body that begins there ends, if it is whole; one without trailers."""
    while True:
        line = unread.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(unread[at:line].split(b";")[0], 16)
        at = line + 2 + size + 2
        if at > len(unread):
            return None
        if size == 0:
            return at


def fields_of(raw):
    """The fields of a head, names in lower case."""
    lines = raw.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    pairs = (line.split(b":", 1) for line in lines)
    return [(name.lower(), value.strip(b" \t")) for name, value in pairs]


def read(raw):
    """Method, target, fields and body."""
    head, body = raw.split(b"\r\n\r\n", 1)
    method, target, _ = head.split(b"\r\n")[0].split(b" ")
    fields = fields_of(raw)
    if dict(fields).get(b"transfer-encoding") == b"chunked":
        body = unchunked(body)
    return method, target, fields, body


def unchunked(body):
    whole = b""
    while True:
        size, body = body.split(b"\r\n", 1)
        size = int(size, 16)
        if size == 0:
            return whole
        whole, body = whole + body[:size], body[size + 2:]
