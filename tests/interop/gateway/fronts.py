"""nginx and HAProxy in front of the gateway: they add the key, and ask whether it is ready."""
import json
import re
import signal
import time
from collections import Counter

from curl import curl, passes, sha256
from report import expect, same, tool, until
from servers import Haproxy, Process, free_port, listens


def nginx(world):
    port = world.front_port
    for place in ("", "kept/", "socket/"):
        base = f"http://127.0.0.1:{port}/{place}"
        mark = place.rstrip("/") or "plain"
        _, seen = passes(world, f"/here?front-{mark}", f"{base}here?front-{mark}")
        # What a front says of its callers is not for the API.
        same(seen["forwarded"], "- -", "X-Forwarded-For and X-Real-IP")
        answer, _ = passes(world, f"/large.bin?front-{mark}", f"{base}large.bin?front-{mark}")
        same(sha256(answer.body), sha256(world.large), f"sha256 by {mark}")
        answer, _ = passes(world, f"/chunked/page.txt?front-{mark}", f"{base}chunked/page.txt?front-{mark}")
        same(len(answer.body), len(world.text), f"bytes by {mark}")
        same(curl(world, "-T", str(world.folder / "large"), "-H", "Transfer-Encoding: chunked", f"{base}dav/front.bin").status,
             201 if mark == "plain" else 204, f"status of an upload by {mark}")
        same(sha256((world.nginx.folder / "www/dav/front.bin").read_bytes()), sha256(world.large), f"sha256 up by {mark}")


def haproxy(world):
    world.needs_haproxy()
    base = f"http://127.0.0.1:{world.front_http_port}"
    _, seen = passes(world, "/here?front-http", f"{base}/here?front-http")
    same(seen["forwarded"], "- -", "X-Forwarded-For")
    answer, _ = passes(world, "/large.bin?front-http", f"{base}/large.bin?front-http")
    same(sha256(answer.body), sha256(world.large), "sha256")
    body = b"x" * 100_000
    answer = curl(world, "--data-binary", "@-", f"{base}/mock/things", data=body)
    same(json.loads(answer.body)["meta"]["received_bytes"], len(body), "bytes")


def haproxy_tcp(world):
    world.needs_haproxy()
    base = f"http://127.0.0.1:{world.front_tcp_port}"
    same(curl(world, f"{base}/here?front-none").status, 403, "status without a key")
    passes(world, "/here?front-tcp", "-H", f"X-Evergrant-Key: {world.key['key']}", f"{base}/here?front-tcp")


def health(world):
    """It is up by /readyz, and down as soon as the gateway is told to end."""
    world.needs_haproxy()
    for backend in ("http", "tcp"):
        until(lambda: world.haproxy.state(backend) == ("UP", "L7OK"), f"{backend} is up", 10)
    gateway = world.another('path = "/"\nprofile = "api"\nupstream = "{api}"', lines='grace = "10s"')
    port = free_port()
    front = Haproxy(world.folder, f"""
frontend front
    mode http
    bind 127.0.0.1:{port}
    default_backend http
backend http
    mode http
    option httpchk GET /readyz
    http-request set-header Host localhost:{gateway.port()}
    server gateway 127.0.0.1:{gateway.port()} check port {gateway.admin.rsplit(":", 1)[1]} inter 100ms fall 1
""", name="health")
    until(lambda: listens(port) and front.state("http") == ("UP", "L7OK"), "it is up", 10)
    passes(world, "/here?health", f"http://127.0.0.1:{port}/here?health")
    gateway.child.send_signal(signal.SIGTERM)
    until(lambda: front.state("http") == ("DOWN", "L7STS"), "it is down", 10)
    # It goes on for those that have not noticed.
    passes(world, "/here?grace", f"{gateway.url}/here?grace")
    front.end()
    # A second signal is an end at once.
    expect(gateway.end() != 0, "it ended as if nothing had been cut")


def replaced(world, port, mark):
    """Each of two gateways ends under load and is started again: no request fails."""
    def start(number):
        at, admin = world.pair[number]
        return world.another('path = "/"\nprofile = "api"\nupstream = "{api}"', lines='grace = "400ms"', admin=admin,
                             listen=f'[{{ address = "127.0.0.1:{at}", keys = {{ front = "{world.key["digest"]}" }} }}]').ready()

    gateways = [start(0), start(1)]
    until(lambda: curl(world, f"http://127.0.0.1:{port}/here?{mark}-first").status == 200, "both are seen", 20)
    load = Process(world.folder, mark, tool("wrk"), "-t1", "-c8", "-d60s", f"http://127.0.0.1:{port}/here?{mark}-load")
    for number in (0, 1):
        before = len(world.nginx.seen(f"{mark}-load"))
        until(lambda: len(world.nginx.seen(f"{mark}-load")) > before + 200, "there is load")
        same(gateways[number].end(), 0, "status of a gateway")
        gateways[number] = start(number)
        # HAProxy looks ten times a second.
        time.sleep(0.3)
    load.end(signal.SIGINT)
    text = load.text()
    front = [request["status"] for request in world.nginx.seen(f"{mark}-load", "pair")]
    expect("Non-2xx" not in text and "Socket errors" not in text, text, "statuses at nginx:", Counter(front))
    for gateway in gateways:
        same(gateway.end(), 0, "status of a gateway")
    return f"{int(re.search(r'([0-9]+) requests in', text)[1])} requests, none failed"


def replaced_behind_nginx(world):
    return replaced(world, world.pair_nginx_port, "pair-nginx")


def replaced_behind_haproxy(world):
    world.needs_haproxy()
    return replaced(world, world.pair_haproxy_port, "pair-haproxy")


CASES = [("nginx, three ways", nginx), ("HAProxy, HTTP", haproxy), ("HAProxy, TCP", haproxy_tcp), ("health by /readyz", health),
         ("replaced behind nginx, under wrk", replaced_behind_nginx), ("replaced behind HAProxy, under wrk", replaced_behind_haproxy)]


def cases(world):
    for name, job in CASES:
        yield "front", name, lambda job=job: (world.needs_nginx(), job(world))[1]
