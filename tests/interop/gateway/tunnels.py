"""WebSocket through the gateway: websockets of Python and ws of node, each as client and as server."""
import contextlib
import http
import os
import signal
import subprocess
import threading
import time

from report import Missing, expect, same, tool, until
from servers import Gateway, Mock, Process

TUNNELS = "evergrant_gateway_tunnels"


class Server:
    """A server of websockets, in threads. It sends back what comes, and refuses the tokens that it was told to."""

    def __init__(self):
        from websockets.sync.server import serve
        self.refused, self.tokens, self.closed = set(), [], []
        self.server = serve(self._chat, "127.0.0.1", 0, subprotocols=["chat"], process_request=self._look, max_size=16 << 20)
        self.port = self.server.socket.getsockname()[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _look(self, connection, request):
        token = request.headers.get("Authorization")
        self.tokens.append(token)
        if token in self.refused:
            answer = connection.respond(http.HTTPStatus.UNAUTHORIZED, "the token was revoked\n")
            answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            return answer
        return None

    def _chat(self, socket):
        from websockets.exceptions import ConnectionClosed
        with contextlib.suppress(ConnectionClosed):
            for message in socket:
                if message == "close":
                    socket.close(4002, "as you wish")
                elif message == "token":
                    socket.send(str((self.tokens[-1] or "").startswith("Bearer ")).lower())
                else:
                    socket.send(message)
        # What it was closed with by whom.
        self.closed.append(socket.protocol.close_code)

    def end(self):
        self.server.shutdown()


class NodeServer(Process):
    def __init__(self, world, name="ws"):
        super().__init__(world.folder, name, tool("node"), str(world.node() / "server.mjs"))
        self.port = self.answer("port", name)["port"]


def websockets():
    try:
        import websockets.sync.client
    except ImportError:
        raise Missing("websockets, of Python") from None
    return websockets.sync.client


def connect(url, world=None, **more):
    import ssl
    if url.startswith("wss:"):
        more["ssl"] = ssl.create_default_context(cafile=str(world.protocols.authority))
    return websockets().connect(url, subprotocols=["chat"], proxy=None, max_size=16 << 20, open_timeout=30, close_timeout=30, **more)


def gateway_of(world, port, mock=None, more="", lines=""):
    return Gateway(world.binary, world.folder, {"api": mock or world.mock}, [
        f'path = "/"\nprofile = "api"\nupstream = "http://127.0.0.1:{port}/"\n{more}'],
        f'["127.0.0.1:0", {{ address = "localhost:0", tls = {world.protocols.tls()} }}]', lines).ready()


UPGRADE = 'upgrade = ["websocket"]'


def chats(url, world=None):
    """What websockets sends comes back as it was."""
    with connect(url, world) as socket:
        same((socket.subprotocol, [extension.name for extension in socket.protocol.extensions]), ("chat", ["permessage-deflate"]),
             "what was agreed on")
        for said in ("token", "Stra\u00dfe", os.urandom(1 << 20), bytes(1 << 20), b"", "x" * 70_000):
            socket.send(said)
            same(socket.recv(30), "true" if said == "token" else said, "what came back")
        expect(socket.ping(b"are you there?").wait(30), "no pong")
        # In pieces.
        socket.send(iter(["one ", "two ", "three"]))
        same(socket.recv(30), "one two three", "what came back of three pieces")
        socket.send("close")
        with contextlib.suppress(Exception):
            socket.recv(30)
        same((socket.protocol.close_code, socket.protocol.close_reason), (4002, "as you wish"), "how it was closed")


def urls(gateway):
    secure = next(url for url in gateway.listen if url.startswith("https"))
    return gateway.url.replace("http", "ws", 1), f"wss://localhost:{secure.rsplit(':', 1)[1]}"


def of_python(world):
    websockets()
    server = Server()
    gateway = gateway_of(world, server.port, more=UPGRADE)
    for url in urls(gateway):
        chats(url, world)
        with connect(url, world) as socket:
            socket.close(4001, "enough")
    until(lambda: server.closed.count(4001) == 2 and server.closed.count(4002) == 2, "the server has seen how each was closed")
    until(lambda: gateway.metric(TUNNELS) == 0 and gateway.metric("evergrant_gateway_connections") == 0, "all tunnels are gone")
    gateway.end(), server.end()


def of_node(world):
    """ws as the server, with both clients; websockets as the server, with ws as its client."""
    server, other = NodeServer(world), Server()
    of_ws, of_websockets = gateway_of(world, server.port, more=UPGRADE), gateway_of(world, other.port, more=UPGRADE)
    for url in urls(of_ws):
        chats(url, world)
    for gateway in (of_ws, of_websockets):
        for url in urls(gateway):
            done = subprocess.run([tool("node"), str(world.node() / "client.mjs"), url], check=False, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=60,
                                  env={**os.environ, "NODE_EXTRA_CA_CERTS": str(world.protocols.authority)})
            same(done.returncode, 0, f"status of ws at {url} ({done.stdout[-1500:]})")
    for each in (of_ws, of_websockets, server, other):
        each.end()


def refused(world):
    """A handshake that is answered with 401 is made again with another token."""
    websockets()
    server, mock = Server(), Mock(world.binary, world.folder, "mock-tunnels")
    gateway = gateway_of(world, server.port, mock, UPGRADE)
    chats(urls(gateway)[0])
    server.refused.add(server.tokens[-1])
    chats(urls(gateway)[0])
    # A token that is this new is tried once more before it is replaced.
    tokens = server.tokens
    expect(len(set(tokens)) == 2 and len(tokens) in (3, 4) and tokens[-1] != tokens[0], len(tokens), "handshakes")
    same(gateway.metric('evergrant_gateway_replays_total{outcome="passed"}'), 1, "replays")
    for each in (gateway, server, mock):
        each.end()


def goes_on(world):
    """A reload leaves it alone; a drain ends it once nothing else is under way."""
    websockets()
    server = Server()
    gateway = gateway_of(world, server.port, more=UPGRADE, lines='grace = "1s"')
    with connect(urls(gateway)[0]) as socket:
        def says():
            socket.send("still there")
            same(socket.recv(30), "still there", "what came back")

        says()
        config = gateway.folder / "config.toml"
        config.write_text(config.read_text() + "# changed\n")
        gateway.child.send_signal(signal.SIGHUP)
        reloaded = "evergrant_gateway_reloads_total{outcome="
        until(lambda: any(line.startswith(reloaded) and not line.endswith(" 0") for line in gateway.get("/metrics")[1].splitlines()),
              "it was loaded again")
        says()
        gateway.child.send_signal(signal.SIGTERM)
        until(lambda: gateway.get("/readyz")[0] == 503, "it drains")
        says()
        began = time.monotonic()
        with contextlib.suppress(Exception):
            socket.recv(30)
        same(gateway.child.wait(30), 0, "status of the gateway")
        took = time.monotonic() - began
    server.end()
    return f"ended {took:.1f} s after SIGTERM"


def without(world):
    """A route that does not list it: the API sees an ordinary request, and the caller a failure with a status."""
    from websockets.exceptions import InvalidStatus
    server = Server()
    gateway = gateway_of(world, server.port)
    for url in urls(gateway):
        try:
            connect(url, world)
            expect(False, "there is a tunnel")
        except InvalidStatus as error:
            expect(400 <= error.response.status_code < 500, error)
    same(gateway.metric(TUNNELS), 0, "tunnels")
    gateway.end(), server.end()


def behind_nginx(world):
    websockets()
    world.protocols.gateway(world)
    server = Server()
    gateway = Gateway(world.binary, world.folder, {"api": world.mock}, [
        f'path = "/"\nprofile = "api"\nupstream = "http://127.0.0.1:{server.port}/"\n{UPGRADE}'],
        f'["unix:{world.protocols.tunnels}"]').ready()
    chats(f"ws://127.0.0.1:{world.protocols.tunnel_front_port}")
    gateway.end(), server.end()


CASES = [("websockets on both sides", of_python), ("ws of node, as client and as server", of_node), ("a refused handshake", refused),
         ("a reload, and a drain", goes_on), ("a route without upgrade", without), ("nginx in front", behind_nginx)]


def cases(world):
    for name, job in CASES:
        yield "WebSocket", name, lambda job=job: (websockets(), world.protocols.gateway(world), job(world))[2]
