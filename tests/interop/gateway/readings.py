"""Two programs never read one request differently: what the gateway sends is read by nginx and by h11 as by the API."""
import base64
import json
import socket
from pathlib import Path

import h11

from frames import Api, Caller
from recorder import Recorder, fields_of, read
from report import expect, same

VECTORS = Path(__file__).parents[2] / "vectors" / "gateway" / "heads.json"

# h11 takes no byte beyond ASCII in a target (RFC 3986 section 2); the gateway and nginx pass it on, as many APIs expect.
REFUSED_BY_H11 = {"UTF-8 in a query"}

# Of one connection alone; and the framing, of which the body tells.
HOP = {b"connection", b"transfer-encoding", b"content-length"}

# More of them.
BETWEEN = {b"keep-alive", b"proxy-connection", b"upgrade", b"te", b"trailer"}


def head_of(vector):
    if "head_base64" in vector:
        return base64.b64decode(vector["head_base64"])
    pieces = [vector["head"]] if isinstance(vector["head"], str) else vector["head"]
    return "".join(piece if isinstance(piece, str) else piece["repeat"] * piece["times"] for piece in pieces).encode()


def with_body(head):
    """The head with a body as it announces one, and what that is."""
    lower = head.lower()
    if b"transfer-encoding:" in lower:
        return head + b"6\r\nab\r\ncd\r\n3;x=1\r\n0\r\n\r\n0\r\n\r\n", b"ab\r\ncd0\r\n"
    if b"content-length: 5\r\n" in lower:
        # As a request of its own would begin.
        return head + b"GET /", b"GET /"
    return head, b""


class Gateways:
    """One for each set of what the vectors want of a route, all in front of the same API."""

    def __init__(self, world, api):
        self.world, self.api, self.known = world, api, {}

    def of(self, vector):
        """Its gateway, and a connection to the listener that is meant."""
        lines = "".join(f"{name} = {json.dumps(vector[name])}\n" for name in ("methods", "origins", "authorization")
                        if name in vector)
        hosts = vector.get("hosts", [])
        if (lines, str(hosts)) not in self.known:
            socket_path = self.world.folder / f"reading-{len(self.known)}.sock"
            listen = json.dumps([f"unix:{socket_path}"]) if hosts == "any" else \
                f'[{{ address = "127.0.0.1:0", hosts = {json.dumps(hosts)} }}]'
            gateway = self.world.another(f'path = "/"\nprofile = "api"\nvia = false\nupstream = "{self.api.url}"\n{lines}',
                                         listen=listen).ready()
            self.known[lines, str(hosts)] = gateway, socket_path
        gateway, socket_path = self.known[lines, str(hosts)]
        if hosts == "any":
            stream = socket.socket(socket.AF_UNIX)
            stream.connect(str(socket_path))
            return stream, b":8484"
        port = gateway.port()
        return socket.create_connection(("127.0.0.1", port)), f":{port}".encode()


def exchange(stream, request):
    """The status of the answer. Interim ones are left out."""
    with stream:
        stream.settimeout(30)
        stream.sendall(request)
        unread = b""
        while True:
            while b"\r\n\r\n" not in unread:
                piece = stream.recv(65536)
                expect(piece, "the connection was closed without an answer")
                unread += piece
            status = int(unread.split(b" ")[1])
            if status >= 200:
                return status
            unread = unread.split(b"\r\n\r\n", 1)[1]


def by_h11(raw):
    """As h11 reads it, or what it says against it."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=65536)
    connection.receive_data(raw)
    body, request = b"", None
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                same(list(event.headers), [], "trailers")
                break
            else:
                raise AssertionError(f"h11 has read no whole request: {event}")
    except h11.RemoteProtocolError as error:
        return f"refused: {error}"
    same(connection.trailing_data[0], b"", "bytes that h11 has left")
    return bytes(request.method), bytes(request.target), [(bytes(name), bytes(value)) for name, value in request.headers], body


def by_nginx(world, proxied, raw):
    """As nginx reads it: what it sends on."""
    same(exchange(socket.create_connection(("127.0.0.1", world.plain_port)), raw), 200, "status of nginx")
    arrived = proxied.take()
    same(len(arrived), 1, "requests behind nginx")
    return read(arrived[0])


def without_hop(reading):
    method, target, fields, body = reading
    # nginx has an order of its own for what it writes anew.
    return method, target, sorted(field for field in fields if field[0] not in HOP), body


def one(world, gateways, proxied, vector):
    stream, port = gateways.of(vector)
    request, body = with_body(head_of(vector).replace(b":8484", port))
    same(exchange(stream, request), 200, "status")
    arrived = gateways.api.take()
    same(len(arrived), 1, "requests that arrived")
    [raw] = arrived
    sent = read(raw)
    expected = vector["expect"]["sent"]
    same((sent[0].decode(), sent[1].decode()), (expected["method"], expected["target"]), "what was sent")
    same([value.split(b" ")[0] for name, value in sent[2] if name == b"authorization"], [b"Bearer"], "tokens")
    same(len([name for name, _ in sent[2] if name == b"host"]), 1, "Hosts")
    same(sent[3], body, "body")
    h11_read = by_h11(raw)
    if vector["name"] in REFUSED_BY_H11:
        expect(isinstance(h11_read, str), "h11 takes it now: no exception is needed")
    else:
        same(h11_read, sent, "as h11 reads it")
    same(without_hop(by_nginx(world, proxied, raw)), without_hop(sent), "as nginx reads it")


def every_accepted_head(world):
    world.needs_nginx()
    api, proxied = Recorder(), Recorder(world.recorder_port)
    gateways = Gateways(world, api)
    vectors = [vector for vector in json.loads(VECTORS.read_text("utf-8")) if "sent" in vector["expect"]]
    expect(len(vectors) > 30, "only", len(vectors), "vectors")
    wrong = []
    for vector in vectors:
        try:
            one(world, gateways, proxied, vector)
        except (AssertionError, OSError) as error:
            wrong.append(f"{vector['name']}: {error}")
            api.take(), proxied.take()
    for gateway, _ in gateways.known.values():
        gateway.end()
    expect(not wrong, f"{len(wrong)} of {len(vectors)}:", "\n".join(wrong))
    return f"{len(vectors)} heads, {len(gateways.known)} gateways"


def over_http2(vector, port):
    """The same request as HTTP/2 has it, where there is one: fields of a connection have no place there (RFC 9113 section 8.2.2)."""
    head, body = with_body(head_of(vector).replace(b":8484", port))
    head = head.split(b"\r\n\r\n")[0]
    method, target, _ = head.split(b"\r\n")[0].split(b" ")
    fields = fields_of(head)
    names = dict(fields)
    named = {name.strip().lower() for value in (value for name, value in fields if name == b"connection") for name in value.split(b",")}
    authority = names.pop(b"host", b"")
    if target.startswith(b"http://"):
        authority, slash, rest = target.removeprefix(b"http://").partition(b"/")
        target = slash + rest or b"/"
    rest = [(name, value) for name, value in fields if name not in HOP | BETWEEN | named | {b"host", b"expect"}]
    if body and b"content-length" in names:
        rest.append((b"content-length", b"%d" % len(body)))
    return [(b":method", method), (b":scheme", b"http"), (b":authority", authority), (b":path", target), *rest], body


def whole_of(vector, port):
    request, _ = with_body(head_of(vector).replace(b":8484", port))
    return request


def pair(gateway_of, vector, by_http2, api):
    """Sends it, and gives what the API got: method, target, authority, fields, body."""
    gateway, port = gateway_of(vector)
    if by_http2:
        fields, body = over_http2(vector, port)
        caller = Caller(gateway.port())
        same(caller.ask(fields, body or None).status, 200, "status over HTTP/2")
        caller.close()
    else:
        stream = socket.create_connection(("127.0.0.1", gateway.port()))
        same(exchange(stream, whole_of(vector, port)), 200, "status over HTTP/1.1")
    arrived = api.take()
    same(len(arrived), 1, "requests that arrived")
    if isinstance(arrived[0], bytes):
        method, target, fields, body = read(arrived[0])
        authority = dict(fields)[b"host"]
    else:
        method, target, authority, fields, body, _ = arrived[0]
    # Each gateway has a token of its own, each connection its framing, and Via tells by what version the request came.
    same([value.split(b" ")[0] for name, value in fields if name == b"authorization"], [b"Bearer"], "tokens")
    others = HOP | BETWEEN | {b"host", b"via", b"authorization"}
    return method, target, authority == f"127.0.0.1:{api.port}".encode(), \
        sorted(field for field in fields if field[0] not in others), body


def every_pair(world):
    """Of one request, an API of HTTP/1.1 and one of HTTP/2 get the same, however it came."""
    apis = {1: Recorder(), 2: Api()}
    known = {}

    def gateway_of(number, vector):
        lines = "".join(f"{name} = {json.dumps(vector[name])}\n" for name in ("methods", "origins", "authorization") if name in vector)
        lines += "http2 = true\n" if number == 2 else ""
        hosts = json.dumps(vector.get("hosts", []))
        if (lines, hosts) not in known:
            known[lines, hosts] = world.another(f'path = "/"\nprofile = "api"\nupstream = "{apis[number].url}"\n{lines}',
                                                listen=f'[{{ address = "127.0.0.1:0", hosts = {hosts} }}]').ready()
        return known[lines, hosts], f":{known[lines, hosts].port()}".encode()

    vectors = [vector for vector in json.loads(VECTORS.read_text("utf-8"))
               if "sent" in vector["expect"] and vector.get("hosts") != "any" and b"HTTP/1.0" not in head_of(vector)]
    wrong = []
    for vector in vectors:
        try:
            readings = [pair(lambda each: gateway_of(number, each), vector, by_http2, api)
                        for number, api in apis.items() for by_http2 in (False, True)]
            for reading in readings[1:]:
                same(reading, readings[0], "what arrived")
            expected = vector["expect"]["sent"]
            same((readings[0][0].decode(), readings[0][1].decode(), readings[0][2]), (expected["method"], expected["target"], True), "what was sent")
        except (AssertionError, OSError, ValueError) as error:
            wrong.append(f"{vector['name']}: {error}")
            for api in apis.values():
                api.take()
    for gateway in known.values():
        gateway.end()
    expect(not wrong, f"{len(wrong)} of {len(vectors)}:", "\n".join(wrong))
    return f"{len(vectors)} requests, each over four pairs"


def cases(world):
    yield "reading", "every accepted head, by nginx and by h11", lambda: every_accepted_head(world)
    yield "reading", "the same over every pair of HTTP/1.1 and HTTP/2", lambda: every_pair(world)
