"""HTTP/2 by hand: a caller that sends the frames it likes, and an API that keeps what arrives."""
import contextlib
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from report import expect


class Answer:
    def __init__(self):
        self.status, self.fields, self.body, self.trailers = None, [], b"", None
        self.reset, self.is_over = None, False


def connect(port, authority=None):
    """A connection, over TLS if an authority is known."""
    stream = socket.create_connection(("127.0.0.1", port))
    stream.settimeout(30)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if authority is None:
        return stream
    context = ssl.create_default_context(cafile=str(authority))
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(stream, server_hostname="localhost")


class Caller:
    """What is sent is not looked at: some of it is to be wrong."""

    def __init__(self, port, stream=None):
        self.port, self.stream = port, stream or connect(port)
        self.protocol = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding=False, validate_outbound_headers=False, normalize_outbound_headers=False,
            validate_inbound_headers=False))
        self.protocol.initiate_connection()
        self.answers, self.goodbye, self.is_closed = {}, None, False
        self.flush()

    def flush(self):
        self.stream.sendall(self.protocol.data_to_send())

    def head(self, method="GET", path="/", more=(), scheme="http"):
        authority = f"127.0.0.1:{self.port}"
        return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more]

    def begin(self, fields, is_whole=True):
        """Sends a head. The number of its stream."""
        number = self.protocol.get_next_available_stream_id()
        self.answers[number] = Answer()
        self.protocol.send_headers(number, fields, end_stream=is_whole)
        self.flush()
        return number

    def send(self, number, body, is_last=True, trailers=None):
        """Sends a body as its window allows."""
        while body or (is_last and trailers is None):
            answer = self.answers[number]
            if answer.reset is not None or self.is_closed:
                return
            size = min(self.protocol.local_flow_control_window(number), self.protocol.max_outbound_frame_size, len(body))
            if body and size == 0:
                self.read()
                continue
            piece, body = body[:size], body[size:]
            self.protocol.send_data(number, piece, end_stream=is_last and not body and trailers is None)
            self.flush()
            if not body:
                break
        if trailers is not None:
            self.protocol.send_headers(number, trailers, end_stream=True)
            self.flush()

    def read(self):
        """Reads what comes. False once the connection has ended."""
        try:
            data = self.stream.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.is_closed = True
            for answer in self.answers.values():
                answer.is_over = True
            return False
        for event in self.protocol.receive_data(data):
            answer = self.answers.get(getattr(event, "stream_id", None))
            if isinstance(event, h2.events.ResponseReceived):
                fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
                answer.status, answer.fields = int(dict(fields)[":status"]), fields
            elif isinstance(event, h2.events.DataReceived):
                answer.body += event.data
                if event.flow_controlled_length:
                    self.protocol.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.TrailersReceived):
                answer.trailers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
            elif isinstance(event, h2.events.StreamEnded):
                answer.is_over = True
            elif isinstance(event, h2.events.StreamReset):
                answer.reset, answer.is_over = event.error_code, True
            elif isinstance(event, h2.events.ConnectionTerminated):
                self.goodbye = event.error_code
        with contextlib.suppress(OSError):
            self.flush()
        return True

    def answer(self, number):
        """The whole answer over a stream, or how it ended."""
        while not self.answers[number].is_over:
            self.read()
        return self.answers[number]

    def ask(self, fields, body=None, trailers=None):
        number = self.begin(fields, is_whole=body is None and trailers is None)
        if body is not None or trailers is not None:
            self.send(number, body or b"", trailers=trailers)
        return self.answer(number)

    def get(self, path="/"):
        return self.ask(self.head(path=path))

    def until_closed(self):
        """Whether the connection is closed, by the time for which one waits."""
        with contextlib.suppress(TimeoutError, h2.exceptions.ProtocolError):
            while self.read():
                pass
        return self.is_closed

    def close(self):
        self.stream.close()


class Api:
    """Keeps each request, and sends back its body and its trailers."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def take(self):
        """What arrived since the last time: method, target, fields, body, trailers."""
        requests, self.requests = self.requests, []
        return requests

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                stream, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        # What it reads it reads strictly: a field that RFC 9113 forbids is an error here.
        protocol = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=False))
        protocol.initiate_connection()
        open_requests, unsent = {}, {}
        with stream, contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            stream.sendall(protocol.data_to_send())
            while data := stream.recv(65536):
                try:
                    events = protocol.receive_data(data)
                except h2.exceptions.ProtocolError:
                    stream.sendall(protocol.data_to_send())
                    raise
                for event in events:
                    number = getattr(event, "stream_id", None)
                    if isinstance(event, h2.events.RequestReceived):
                        open_requests[number] = [event.headers, b"", []]
                    elif isinstance(event, h2.events.DataReceived):
                        open_requests[number][1] += event.data
                        if event.flow_controlled_length:
                            protocol.acknowledge_received_data(event.flow_controlled_length, number)
                    elif isinstance(event, h2.events.TrailersReceived):
                        open_requests[number][2] = event.headers
                    elif isinstance(event, h2.events.StreamReset):
                        open_requests.pop(number, None), unsent.pop(number, None)
                    elif isinstance(event, h2.events.StreamEnded):
                        unsent[number] = self._answered(protocol, number, *open_requests.pop(number))
                for number in list(unsent):
                    self._send(protocol, unsent, number)
                stream.sendall(protocol.data_to_send())

    def _answered(self, protocol, number, fields, body, trailers):
        names = dict(fields)
        rest = [(name, value) for name, value in fields if not name.startswith(b":")]
        self.requests.append((names[b":method"], names[b":path"], names[b":authority"], rest, body, list(trailers)))
        head = [(":status", "200"), ("content-type", "application/octet-stream")]
        if trailers:
            head.append(("trailer", "x-sum"))
        protocol.send_headers(number, head)
        return [body, list(trailers)]

    @staticmethod
    def _send(protocol, unsent, number):
        body, trailers = unsent[number]
        while body:
            size = min(protocol.local_flow_control_window(number), protocol.max_outbound_frame_size, len(body))
            if size == 0:
                unsent[number][0] = body
                return
            protocol.send_data(number, body[:size])
            body = body[size:]
        if trailers:
            protocol.send_headers(number, trailers, end_stream=True)
        else:
            protocol.end_stream(number)
        del unsent[number]


def whole(answer, status=200):
    expect(answer.reset is None, "the stream was reset with", answer.reset)
    expect(answer.status == status, f"status {answer.status}, not {status}:", answer.fields, answer.body[:300])
    return answer
