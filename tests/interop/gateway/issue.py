"""Servers in front of an API that ask the gateway for a token, and OAuth libraries that ask it as an authorization server."""
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from answering import Api
from curl import curl
from report import expect, same, tool, until
from servers import Mock, Nginx, Process, free_port, listens

CALLER = ("-H", "Authorization: Bearer of-the-caller", "-H", "Cookie: a=b", "-H", "Origin: https://shop.example")

GUIDE = Path(__file__).parents[3] / "docs/guide/src/issue.md"

ENVOY = """
static_resources:
  listeners:
    - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: front
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      request_headers_to_remove: [cookie]
                      routes:
                        - match: {{ prefix: /orders/ }}
                          route: {{ cluster: api }}
                http_filters:
{filters}
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
    - name: evergrant
      connect_timeout: 5s
      load_assignment:
        cluster_name: evergrant
        endpoints:
          - lb_endpoints:
              - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {issue_port} }} }} }}
    - name: api
      connect_timeout: 5s
      load_assignment:
        cluster_name: api
        endpoints:
          - lb_endpoints:
              - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {api_port} }} }} }}
"""


def recipe(name, **places):
    """The recipe of the guide, word for word, but for what is another one here."""
    blocks = GUIDE.read_text("utf-8").split("```")[1::2]
    [text] = [block.split("\n", 2)[2] for block in blocks if block.split("\n", 2)[1] == f"# {name}"]
    for place, there in places.items():
        expect(place in text, f"the recipe for {name} has no {place}")
        text = text.replace(place, str(there))
    return text


class Desk:
    """A gateway that gives out tokens: over a socket to its own user, and at a port to whoever has the key."""

    COUNT = 0

    def __init__(self, world, mock, names="orders"):
        Desk.COUNT += 1
        self.world, self.folder = world, world.folder / f"issue-{Desk.COUNT}"
        self.folder.mkdir()
        self.socket, self.key = self.folder / "issue.sock", world.key["key"]
        listen = f'"unix:{self.socket}", {{ address = "127.0.0.1:0", keys = {{ front = "{world.key["digest"]}" }} }}'
        self.gateway = world.issuing({names: mock}, f"[gateway.issue]\nlisten = [{listen}]\nprofiles = \"{names}\"\n")
        self.port = int(self.gateway.issue[1].rsplit(":", 1)[1])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def requests(self):
        """Token requests so far, at the authorization server."""
        lines = self.gateway.get("/metrics")[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("evergrant_token_requests_total{"))

    @property
    def places(self):
        return {"/run/evergrant/issue.sock": self.socket}


def nginx(desk, api, port, **others):
    places = {"listen 80;": f"listen 127.0.0.1:{port};", "https://api.example.com": api.url}
    return Nginx(desk.folder, recipe("nginx", **(others or desk.places), **places))


def caddy(desk, api, port, **others):
    config = desk.folder / "Caddyfile"
    places = {"https://api.example.com": api.url, "127.0.0.1:8488": f"127.0.0.1:{free_port()}",
              ":80 {": f"http://127.0.0.1:{port} {{\n    bind 127.0.0.1"}
    config.write_text("{\n    admin off\n    auto_https off\n}\n" + recipe("Caddy", **(others or desk.places), **places))
    return Process(desk.folder, "caddy", tool("caddy"), "run", "--config", str(config), "--adapter", "caddyfile",
                   env={"HOME": str(desk.folder), "PATH": "/usr/bin:/bin"})


def envoy(desk, api, port, **others):
    config = desk.folder / "envoy.yaml"
    filters = textwrap.indent(recipe("Envoy", **(others or {"…": desk.key}), **{"localhost:8487": f"localhost:{desk.port}"}), " " * 18)
    config.write_text(ENVOY.format(port=port, api_port=api.port, issue_port=desk.port, filters=filters))
    # Where `run` has put the wheel that it comes in.
    return Process(desk.folder, "envoy", tool("envoy"), "-c", str(config), "--concurrency", "1", "--disable-hot-restart",
                   "--log-level", "warning")


def front(start, replays):
    """With a token it passes, and the caller's own Authorization does not; a refused token is rejected, and the next one passes."""
    def case(world):
        api, port = Api(), free_port()
        desk = Desk(world, world.mock)
        desk.gateway.ready()
        server = start(desk, api, port)
        until(lambda: listens(port) or expect(server.is_running(), server.text()), "it listens")
        base = f"http://127.0.0.1:{port}/orders"

        def passes(mark, *words, data=None):
            answer = curl(world, *CALLER, *words, f"{base}/{mark}", data=data)
            return answer, api.take()

        answer, seen = passes("one?a=b")
        expect(answer.status == 200, answer.status, answer.body, server.text())
        same([(method, path, body) for method, path, _, body in seen], [("GET", "/orders/one?a=b", b"")], "what arrived")
        [token] = seen[0][2]
        expect(token.startswith("Bearer ey") and token != "Bearer of-the-caller", "what arrived:", token[:12])
        _, seen = passes("two", "--data-binary", "@-", data=b"a body")
        same([(method, sent, body) for method, _, sent, body in seen], [("POST", [token], b"a body")], "what arrived")
        same(desk.requests(), 1, "token requests")
        # A new token is given the time to get around.
        time.sleep(2.2)
        api.refused.add(token)
        first, seen = passes("three", "--data-binary", "@-", data=b"once more")
        if replays:
            same((first.status, [body for *_, body in seen]), (200, [b"once more"] * 2), "the refused one")
        else:
            same((first.status, first.field("retry-after"), len(seen)), (503, "1", 1), "the refused one")
        answer, seen = passes("four")
        same(answer.status, 200, "status with the next token")
        expect(seen[-1][2] != [token], "the next request has the refused token")
        same(desk.requests(), 2, "token requests")
        rejected = desk.gateway.metric('evergrant_gateway_issued_total{endpoint="reject",outcome="rejected"}')
        same(rejected, 1, "rejections")
        server.end()
        desk.gateway.end()
        return "refused: " + ("sent once more" if replays else "503, the next one passes")
    return case


def without(start, status, retry_after):
    """What callers get while there is no token."""
    def case(world):
        mock = Mock(world.binary, world.folder, f"refusing-{Desk.COUNT}", "--fail", "401")
        api, port = Api(), free_port()
        desk = Desk(world, mock)
        server = start(desk, api, port)
        until(lambda: listens(port) or expect(server.is_running(), server.text()), "it listens")
        answer = curl(world, *CALLER, f"http://127.0.0.1:{port}/orders/one")
        same(answer.status, status, "status")
        same(answer.field("retry-after") is not None, retry_after, "Retry-After is there")
        same(api.take(), [], "what arrived")
        server.end()
        desk.gateway.end()
        mock.end()
    return case


def denied(start, status, others):
    """What callers get of a front that may not have a token, or asks for one that there is not."""
    def case(world):
        api, port = Api(), free_port()
        desk = Desk(world, world.mock)
        desk.gateway.ready()
        server = start(desk, api, port, **others(desk))
        until(lambda: listens(port) or expect(server.is_running(), server.text()), "it listens")
        same(curl(world, *CALLER, f"http://127.0.0.1:{port}/orders/one").status, status, "status")
        same(api.take(), [], "what arrived")
        server.end()
        desk.gateway.end()
    return case


def by_port(prefix):
    """Over TCP, without a key."""
    return lambda desk: {f"{prefix}/run/evergrant/issue.sock": f"127.0.0.1:{desk.port}"}


def unknown(desk):
    """Another profile than that of the gateway."""
    return {**desk.places, "/authorize/orders": "/authorize/labels"}


def library(name, *command):
    """Many processes, each with a library that keeps its token: one request at the authorization server for each life."""
    def case(world):
        processes, calls = 8, 25
        api = Api()
        mock = Mock(world.binary, world.folder, f"library-{name}", "--lifetime", "1h")
        desk = Desk(world, mock)
        desk.gateway.ready()
        words = [desk.url + "/token", "front", desk.key, api.url, str(calls)]
        began = [subprocess.Popen([*map(str, command), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(processes)]
        for process in began:
            out, error = process.communicate(timeout=120)
            expect(process.returncode == 0, out.decode(), error.decode())
        seen = api.take()
        same(len(seen), processes * calls, "requests at the API")
        same(len({tuple(sent) for _, _, sent, _ in seen}), 1, "tokens")
        same(desk.requests(), 1, "token requests at the authorization server")
        asked = desk.gateway.metric('evergrant_gateway_issued_total{endpoint="token",outcome="issued"}')
        same(asked, processes, "tokens given out")
        desk.gateway.end()
        mock.end()
        return f"{processes} processes, {len(seen)} calls, 1 token request"
    return case


def lives(world):
    """A library whose token ends asks again, and the server is asked once for all of them."""
    api = Api()
    mock = Mock(world.binary, world.folder, "short-lives", "--lifetime", "4s")
    desk = Desk(world, mock)
    desk.gateway.ready()
    script = Path(__file__).with_name("authlib_client.py")
    words = [sys.executable, str(script), desk.url + "/token", "front", desk.key, api.url, "60", "0.1"]
    began = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    for process in began:
        out, error = process.communicate(timeout=120)
        expect(process.returncode == 0, out.decode(), error.decode())
    tokens = {tuple(sent) for _, _, sent, _ in api.take()}
    requests = int(desk.requests())
    expect(2 <= len(tokens) <= requests, len(tokens), "tokens for", requests, "requests")
    desk.gateway.end()
    mock.end()
    return f"4 processes, {len(tokens)} tokens, {requests} token requests"


def cases(world):
    here = Path(__file__).parent
    table = [
        ("nginx, auth_request", front(nginx, True)), ("nginx without a token", without(nginx, 503, True)),
        ("Caddy, forward_auth", front(caddy, False)), ("Caddy without a token", without(caddy, 503, True)),
        ("Envoy, ext_authz", front(envoy, False)), ("Envoy without a token", without(envoy, 503, False)),
        ("nginx without a key", denied(nginx, 403, by_port("unix:"))),
        ("Caddy without a key", denied(caddy, 403, by_port("unix/"))),
        ("Envoy without a key", denied(envoy, 403, lambda desk: {"…": "none"})),
        ("nginx, an unknown profile", denied(nginx, 503, unknown)),
        ("Caddy, an unknown profile", denied(caddy, 404, unknown)),
        ("Envoy, an unknown profile", denied(envoy, 404, lambda desk: {"…": desk.key, "/authorize/orders": "/authorize/labels"})),
        ("Authlib on /token", library("authlib", sys.executable, here / "authlib_client.py")),
        ("Authlib, several lives", lives),
        ("simple-oauth2 on /token", lambda world: library("node", tool("node"), world.node() / "oauth.mjs")(world)),
    ]
    for name, job in table:
        yield "issue", name, lambda job=job: job(world)
