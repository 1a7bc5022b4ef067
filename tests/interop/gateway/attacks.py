"""Callers of HTTP/2 that mean harm: each loses its stream or its connection, others are served meanwhile, and memory stays."""
import contextlib
import os
import socket
import ssl
import struct
import time

from curl import curl
from frames import Caller, connect
from report import expect, same, until
from servers import Gateway

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A field that goes into no table (RFC 7541 section 6.2.2)."""
    def text(piece):
        length = len(piece)
        if length < 127:
            return bytes([length]) + piece
        rest, out = length - 127, b"\x7f"
        while rest >= 128:
            out, rest = out + bytes([rest % 128 + 128]), rest // 128
        return out + bytes([rest]) + piece
    return b"\x00" + text(name) + text(value)


class Raw:
    """A connection over which nothing is looked at."""

    def __init__(self, gateway):
        self.authority = f"127.0.0.1:{gateway.port()}".encode()
        self.stream = connect(gateway.port())
        self.write(PREFACE + frame(SETTINGS, 0, 0))

    def write(self, data):
        """False once the gateway has closed it."""
        try:
            self.stream.sendall(data)
        except (ConnectionError, TimeoutError):
            return False
        return True

    def head(self, path=b"/here?attack", more=b"", method=b"GET"):
        return literal(b":method", method) + literal(b":scheme", b"http") + literal(b":authority", self.authority) + \
            literal(b":path", path) + more

    def frames(self, seconds=20):
        """What comes until the connection is closed: kind, flags, stream, payload."""
        unread, found = b"", []
        self.stream.settimeout(seconds)
        with contextlib.suppress(OSError):
            while data := self.stream.recv(65536):
                unread += data
                while len(unread) >= 9 and len(unread) >= 9 + (length := int.from_bytes(unread[:3], "big")):
                    found.append((unread[3], unread[4], int.from_bytes(unread[5:9], "big"), unread[9:9 + length]))
                    unread = unread[9 + length:]
        return found

    def is_closed(self, seconds=20):
        self.frames(seconds)
        with contextlib.suppress(OSError):
            self.stream.setblocking(False)
            return self.stream.recv(1) == b""
        return not self.write(frame(PING, 0, 0, bytes(8))) or not self.write(frame(PING, 0, 0, bytes(8)))


def flooded(gateway, piece, most, first=b""):
    """Sends this again and again. How many bytes it took until the gateway closed; none if it has not."""
    raw, sent = Raw(gateway), 0
    raw.write(first(raw) if callable(first) else first)
    while sent < most:
        made = piece(raw, sent) if callable(piece) else piece
        if not raw.write(made):
            return sent
        sent += len(made)
        # What is answered is read, or the flood would end at a full window.
        with contextlib.suppress(BlockingIOError):
            raw.stream.setblocking(False)
            try:
                if raw.stream.recv(65536) == b"":
                    return sent
            except ConnectionError:
                return sent
            finally:
                raw.stream.setblocking(True)
                raw.stream.settimeout(30)
    return None if not raw.is_closed(1) else sent


def rapid_reset(world, gateway):
    """CVE-2023-44487."""
    numbers = iter(range(1, 1 << 30, 2))

    def piece(raw, _):
        many = b""
        for _ in range(50):
            number = next(numbers)
            many += frame(HEADERS, END_STREAM | END_HEADERS, number, raw.head()) + frame(RST_STREAM, 0, number, struct.pack(">I", 8))
        return many
    expect(flooded(gateway, piece, 20 << 20) is not None, "it goes on after 20 MiB")


def continuations(world, gateway):
    """A head without an end (CVE-2024-27316 and its kind)."""
    def first(raw):
        return frame(HEADERS, END_STREAM, 1, raw.head())
    field = literal(b"x-more", b"y" * 1000)
    expect(flooded(gateway, frame(CONTINUATION, 0, 1, field * 10), 20 << 20, first) is not None, "it goes on after 20 MiB")
    expect(flooded(gateway, frame(CONTINUATION, 0, 1), 2 << 20, first) is not None, "empty ones go on after 2 MiB")


def long_head(world, gateway):
    """A list of fields of megabytes, whole: it is refused, and the connection may be used."""
    caller = Caller(gateway.port())
    answer = caller.ask(caller.head(more=[(f"x-{number}", "y" * 1000) for number in range(90)]))
    expect(answer.status == 431 or answer.reset is not None, answer.status, answer.fields)
    caller.close()


def bomb(world, gateway):
    """One field of 4 KB, named by a byte each time: 16 KiB become 64 MB."""
    raw = Raw(gateway)
    entry = b"\x40" + literal(b"x-bomb", b"z" * 3900)[1:]
    raw.write(frame(HEADERS, END_STREAM | END_HEADERS, 1, raw.head(more=entry)))
    for number in range(3, 43, 2):
        if not raw.write(frame(HEADERS, END_STREAM | END_HEADERS, number, raw.head(more=b"\xbe" * 16_000))):
            break
    kinds = [(kind, stream) for kind, _, stream, _ in raw.frames(2)]
    served = [stream for kind, stream in kinds if kind == DATA and stream > 1]
    # Each is answered with 431, or its stream is reset, or all of it ends.
    expect(len(world.nginx.seen("/here?attack")) <= world.seen_before + 1, "a bomb arrived:", served)


def pings(world, gateway):
    """What must be answered, from a caller that reads nothing: it is not kept for it without end."""
    raw = Raw(gateway)
    sent = 0
    raw.stream.settimeout(3)
    many = frame(PING, 0, 0, bytes(8)) * 1000 + frame(SETTINGS, 0, 0) * 1000
    while sent < 64 << 20 and raw.write(many):
        sent += len(many)
    expect(sent < 64 << 20, "all of it was taken")
    raw.stream.close()


def no_window(world, gateway):
    """Hundred answers that nobody takes."""
    raw = Raw(gateway)
    raw.write(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
    for number in range(1, 201, 2):
        raw.write(frame(HEADERS, END_STREAM | END_HEADERS, number, raw.head(b"/large.bin?attack")))
    until(lambda: gateway.metric("evergrant_gateway_in_flight") >= 90, "they are under way")
    time.sleep(0.5)
    raw.stream.close()
    until(lambda: gateway.metric("evergrant_gateway_in_flight") == 0, "they are over")


def too_many(world, gateway):
    """Streams beyond the hundred that it takes are refused, twenty of them, and then the connection is closed."""
    raw = Raw(gateway)
    for number in range(1, 401, 2):
        raw.write(frame(HEADERS, END_HEADERS, number, raw.head(method=b"POST")))
    refused = [stream for kind, _, stream, _ in raw.frames(1) if kind == RST_STREAM]
    expect(len(refused) >= 20 and min(refused) > 200, f"{len(refused)} were refused:", refused[:3])
    raw.stream.close()
    until(lambda: gateway.metric("evergrant_gateway_in_flight") == 0, "they are over")


def drops(world, gateway):
    """A body in frames of a byte, and empty ones."""
    caller = Caller(gateway.port())
    number = caller.begin(caller.head("PUT", "/dav/drops"), is_whole=False)
    for _ in range(5000):
        caller.protocol.send_data(number, b"x")
    caller.flush()
    caller.send(number, b"", is_last=True)
    same((caller.answer(number).status in (201, 204), (world.nginx.folder / "www/dav/drops").stat().st_size), (True, 5000), "answer")
    caller.close()
    empty = frame(DATA, 0, 1) * 1000
    flooded(gateway, empty, 1 << 20, lambda raw: frame(HEADERS, END_HEADERS, 1, raw.head(b"/dav/empty", method=b"PUT")))


def malformed(world, gateway):
    """What RFC 9113 section 8.2 and 8.3 forbid: nothing of it arrives."""
    heads = {
        "upper case": lambda head: [*head, ("X-Upper", "1")],
        "connection": lambda head: [*head, ("connection", "close")],
        "transfer-encoding": lambda head: [*head, ("transfer-encoding", "chunked")],
        "te": lambda head: [*head, ("te", "gzip")],
        "no method": lambda head: head[1:],
        "no path": lambda head: head[:3],
        "two paths": lambda head: [*head, (":path", "/here?attack-second")],
        "a late pseudo-header": lambda head: [*head[:3], ("x-a", "1"), head[3]],
        "an unknown pseudo-header": lambda head: [*head, (":protocol-x", "1")],
        "status": lambda head: [*head, (":status", "200")],
        "an empty path": lambda head: [*head[:3], (":path", "")],
        "another host": lambda head: [*head, ("host", "elsewhere.example")],
        "a line break": lambda head: [*head, ("x-a", "1\r\nx-b: 2")],
        "a space in a name": lambda head: [*head, ("x a", "1")],
        "a short length": lambda head: [*head, ("content-length", "1")],
        "a long length": lambda head: [*head, ("content-length", "100")],
        "two lengths": lambda head: [*head, ("content-length", "3"), ("content-length", "4")],
    }
    for name, change in heads.items():
        caller = Caller(gateway.port())
        has_body = "length" in name
        fields = change(caller.head("PUT" if has_body else "GET", "/dav/malformed" if has_body else "/here?attack-malformed"))
        try:
            answer = caller.ask(fields, b"abc" if has_body else None)
        except Exception as error:
            expect("rotocol" in type(error).__name__, name, repr(error))
            continue
        expect(answer.status in (None, 400, 403, 421, 502) and (answer.status or answer.reset is not None or caller.is_closed), name, answer.status)
        caller.close()
    same([request["target"] for request in world.nginx.seen("malformed") if request["status"] in ("200", "201", "204")], [], "what arrived")
    expect(not (world.nginx.folder / "www/dav/malformed").exists(), "a body with another length arrived")
    return f"{len(heads)} heads"


def stopped(world, gateway):
    """Beginnings without an end: of the preface, of a handshake, of a head."""
    secure = next(int(url.rsplit(":", 1)[1]) for url in gateway.listen if url.startswith("https"))
    hello = ssl.MemoryBIO()
    handshake = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        handshake.do_handshake()
    hello = hello.read()
    streams = []
    for port, beginning in ((gateway.port(), PREFACE[:10]), (gateway.port(), PREFACE[:23]), (gateway.port(), PREFACE + b"\0\0"),
                            (secure, b""), (secure, hello[:50]), (secure, hello), (secure, PREFACE), (secure, os.urandom(100))):
        stream = socket.create_connection(("127.0.0.1", port))
        stream.sendall(beginning)
        streams.append(stream)
    # By its bounds: a second for a head, and two for one that is idle.
    until(lambda: gateway.metric("evergrant_gateway_connections") == 0, "all of them are closed", 20)
    for stream in streams:
        stream.close()


ATTACKS = [("rapid resets", rapid_reset), ("CONTINUATION without end", continuations), ("a head of megabytes", long_head),
           ("an HPACK bomb", bomb), ("PING and SETTINGS, unread", pings), ("no window", no_window), ("more than 100 streams", too_many),
           ("a byte at a time", drops), ("malformed heads", malformed), ("beginnings alone", stopped)]


def survived(world, attack):
    world.protocols.gateway(world)
    gateway = Gateway(world.binary, world.folder, {"api": world.mock}, [
        f'path = "/"\nprofile = "api"\nupstream = "http://127.0.0.1:{world.nginx_port}/"'],
        f'["127.0.0.1:0", {{ address = "localhost:0", tls = {world.protocols.tls()} }}]',
        'head_time = "1s"\nidle_callers = "2s"').ready()
    same(curl(world, f"{gateway.url}/here?before").status, 200, "status before")
    before, world.seen_before = gateway.memory()[0], len(world.nginx.seen("/here?attack"))
    other = Caller(gateway.port())
    remark = attack(world, gateway)
    other.close()
    for words in ((), ("--http2-prior-knowledge",)):
        same(curl(world, *words, f"{gateway.url}/here?after").status, 200, "status after")
    highest = gateway.memory()[1]
    expect(highest - before < 48 * 1024, f"it has grown by {highest - before} KiB")
    expect("panicked" not in gateway.text(), gateway.text()[-1000:])
    until(lambda: gateway.metric("evergrant_gateway_in_flight") == 0, "nothing is under way")
    same(gateway.end(), 0, "status of the gateway")
    grown = f"grown by {(highest - before) / 1024:.1f} MiB at most"
    return f"{remark}; {grown}" if remark else grown


def cases(world):
    for name, attack in ATTACKS:
        yield "attack", name, lambda attack=attack: survived(world, attack)
