"""nghttp2's programs: h2load makes load, nghttp shows frames, nghttpd is an API, nghttpx a front."""
import re
import signal
import subprocess
import time

from curl import curl, passes, sha256
from load import number, output
from report import expect, same, tool, until
from servers import Gateway, Mock, Process, free_port, listens

ASKED = "evergrant_token_requests_total"


def asked(gateway):
    """How many token requests there were, whatever their reasons."""
    lines = (line for line in gateway.get("/metrics")[1].splitlines() if line.startswith(f"{ASKED}{{"))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def h2load(world):
    """Many streams over few connections, on every pair of sides; one token request for all of them."""
    count, rates = 1000, []
    for caller, flags in (("2", ()), ("2 over TLS", ()), ("1.1", ("--h1",)), ("1.1 over TLS", ("--h1",))):
        for place in ("", "two/", "secure/"):
            _, base = world.protocols.caller(world, caller)
            mark = f"here?h2load-{caller}-{place}".replace(" ", "-")
            text = output(tool("h2load"), *flags, "-n", str(count), "-c", "4", "-m", "1" if flags else "64", f"{base}{place}{mark}")
            same((number(r"(\d+) succeeded", text), number(r"status codes: (\d+) 2xx", text)), (count, count),
                 f"succeeded and 2xx of {caller}, {place}")
            world.nginx.saw(f"/{mark}", count)
            rates.append(number(r"([0-9.]+) req/s", text))
    same(asked(world.protocols.gateway(world)), 1, "token requests")
    return f"{len(rates)} pairs, {min(rates):.0f} to {max(rates):.0f} requests a second"


def another(world, lines="", mock=None, more="", listen=None):
    """A gateway of its own in front of nginx, over HTTP/2 on both sides."""
    return Gateway(world.binary, world.folder, {"api": mock or world.mock}, [
        f'path = "/"\nprofile = "api"\nupstream = "http://127.0.0.1:{world.protocols.nginx_port}/"\nhttp2 = true\n{more}'],
        listen or '["127.0.0.1:0"]', lines)


def reloaded(world):
    """The table is swapped under load: no request is lost, and there is one token request."""
    world.protocols.gateway(world)
    gateway = another(world).ready()
    load = Process(world.folder, "reloaded-h2", tool("h2load"), "-n", "15000", "-c", "4", "-m", "32", f"{gateway.url}/here?reloaded-h2")
    for round_number in range(3):
        before = len(world.nginx.seen("?reloaded-h2"))
        until(lambda: len(world.nginx.seen("?reloaded-h2")) > before + 300 or not load.is_running(), "there is load")
        config = gateway.folder / "config.toml"
        config.write_text(config.read_text() + f"# changed {round_number}\n")
        gateway.child.send_signal(signal.SIGHUP)
    same(load.child.wait(120), 0, "status of h2load")
    text = load.text()
    same((number(r"(\d+) succeeded", text), number(r"status codes: (\d+) 2xx", text)), (15000, 15000), "succeeded and 2xx")
    same(asked(gateway), 1, "token requests")
    same(gateway.end(), 0, "status of the gateway")
    return f"15000 requests through 3 reloads, {number(r'([0-9.]+) req/s', text):.0f} a second"


def drained(world):
    """SIGTERM under load over HTTP/2: whoever was accepted is answered, and the others have sent nothing."""
    world.protocols.gateway(world)
    answered = 0
    for round_number in range(5 if world.long else 2):
        gateway = another(world, lines='grace = "300ms"').ready()
        mark = f"/here?drained-h2-{round_number}"
        load = Process(world.folder, f"drained-h2-{round_number}", tool("h2load"), "-n", "1000000", "-c", "4", "-m", "32", gateway.url + mark)
        until(lambda: len(world.nginx.seen(mark)) > 500, "there is load")
        same(gateway.end(), 0, "status of the gateway")
        load.child.wait(30)
        text = load.text()
        done = number(r"status codes: (\d+) 2xx", text)
        same(number(r"2xx, (\d+) 3xx", text) + number(r"3xx, (\d+) 4xx", text) + number(r"4xx, (\d+) 5xx", text), 0, "other statuses")
        seen = world.nginx.seen(mark)
        same(({request["status"] for request in seen}, len(seen) - done), ({"200"}, 0), "statuses, and requests without an answer")
        answered += done
    return f"{answered:.0f} answered, none of them lost"


def queued(world):
    """The authorization server is away: more wait than there are streams of a connection, and all leave with one token."""
    world.protocols.gateway(world)
    mock = Mock(world.binary, world.folder, "queued-h2", "--delay", "2s")
    gateway = another(world, mock=mock)
    load = Process(world.folder, "queued-h2", tool("h2load"), "-n", "400", "-c", "5", "-m", "80", f"{gateway.url}/here?queued-h2")
    until(lambda: gateway.metric("evergrant_gateway_queue_depth") == 400, "they are queued")
    same(load.child.wait(60), 0, "status of h2load")
    same(number(r"status codes: (\d+) 2xx", load.text()), 400, "2xx")
    world.nginx.saw("/here?queued-h2", 400)
    same(asked(gateway), 1, "token requests")
    gateway.end()
    return "400 queued over 5 connections"


def nghttp(world):
    """Windows, padding, upgrades and streams in unusual numbers; and what it says of the frames."""
    _, base = world.protocols.caller(world, "2")
    for words in (("-w", "30", "-W", "30"), ("-w", "8", "-W", "8"), ("-b", "200"), ("--no-dep",), ("--header-table-size=0",),
                  ("--max-concurrent-streams=1",), ("--encoder-header-table-size=0",), ("-m", "120")):
        for place in ("", "two/"):
            text = output(tool("nghttp"), "-v", "-n", "--no-verify-peer", *words, f"{base}{place}page.txt?nghttp")
            statuses = re.findall(r":status: (\d+)", text.replace("\\x1b", ""))
            expected = 120 if words[0] == "-m" else 1
            same(statuses.count("200"), expected, f"answers with {words}, {place} ({text[-1500:]})")
            expect("RST_STREAM" not in text, "a stream was reset with", words)


def trailers(world):
    """Behind a body of its own, to an API of HTTP/1.1: nginx takes none over HTTP/2."""
    _, base = world.protocols.caller(world, "2")
    text = output(tool("nghttp"), "-v", "-n", "--trailer", "x-sum: 17", "-H", ":method: PUT", "-d", str(world.folder / "large"),
                  f"{base}dav/trailers")
    expect(":status: 201" in text, text[-1500:])
    same(sha256((world.nginx.folder / "www/dav/trailers").read_bytes()), sha256(world.large), "sha256")


def nghttpd(world):
    """As the API: in clear, and over TLS with an authority of its own; trailers too."""
    world.protocols.gateway(world)
    known = world.protocols
    clear, secure, plain = free_port(), free_port(), world.nginx.folder / "www"
    servers = [Process(world.folder, "nghttpd", tool("nghttpd"), "--no-tls", "-d", str(plain), "--trailer", "x-sum: 17", str(clear)),
               Process(world.folder, "nghttpd-tls", tool("nghttpd"), "-d", str(plain), "--max-concurrent-streams=3", str(secure),
                       str(known.key), str(known.certificate))]
    until(lambda: listens(clear) and listens(secure), "nghttpd listens")
    gateway = Gateway(world.binary, world.folder, {"api": world.mock}, [
        f'path = "/clear/"\nprofile = "api"\nupstream = "http://127.0.0.1:{clear}/"\nstrip = true\nhttp2 = true',
        f'path = "/secure/"\nprofile = "api"\nupstream = "https://localhost:{secure}/"\nstrip = true\nhttp2 = true\n'
        f'ca = "{known.authority}"'], '["127.0.0.1:0"]').ready()
    for place in ("clear", "secure"):
        for words in ((), ("--http2-prior-knowledge",)):
            answer = curl(world, *words, f"{gateway.url}/{place}/large.bin")
            same((answer.status, sha256(answer.body)), (200, sha256(world.large)), f"status and sha256 of {place}")
            same(curl(world, *words, f"{gateway.url}/{place}/none").status, 404, "status")
        # More at a time than one connection takes: others are made.
        text = output(tool("h2load"), "-n", "1000", "-c", "4", "-m", "20", f"{gateway.url}/{place}/page.txt")
        same(number(r"status codes: (\d+) 2xx", text), 1000, f"2xx of {place}")
    text = output(tool("nghttp"), "-v", "-n", "-H", "te: trailers", f"{gateway.url}/clear/page.txt")
    expect("x-sum: 17" in text, "no trailers:", text[-1500:])
    for server in servers:
        server.end()
    same(curl(world, f"{gateway.url}/clear/page.txt").status, 502, "status once it is away")
    gateway.end()


def nghttpx(world):
    """In front, with HTTP/2 on both sides."""
    world.protocols.gateway(world)
    port = free_port()
    front = Process(world.folder, "nghttpx", tool("nghttpx"), f"--frontend=127.0.0.1,{port};no-tls",
                    f"--backend=unix:{world.protocols.socket};;proto=h2", "--no-ocsp", "--workers=1", "--conf=/dev/null")
    until(lambda: listens(port) or not front.is_running(), "nghttpx listens")
    expect(front.is_running(), front.text())
    for words in ((), ("--http2-prior-knowledge",)):
        _, seen = passes(world, f"/here?nghttpx-{len(words)}", *words, f"http://127.0.0.1:{port}/two/here?nghttpx-{len(words)}")
        same(seen["forwarded"], "- -", "X-Forwarded-For")
        answer = curl(world, *words, f"http://127.0.0.1:{port}/two/large.bin?nghttpx")
        same(sha256(answer.body), sha256(world.large), "sha256")
        same(curl(world, *words, "-T", str(world.folder / "large"), f"http://127.0.0.1:{port}/dav/nghttpx-{len(words)}").status, 201, "status")
        same(sha256((world.nginx.folder / f"www/dav/nghttpx-{len(words)}").read_bytes()), sha256(world.large), "sha256 up")
    front.end()


def goodbye(world):
    """A caller with a request under way gets its answer behind GOAWAY; one without is let go."""
    world.protocols.gateway(world)
    gateway = another(world, lines='grace = "100ms"').ready()
    slow = Process(world.folder, "goodbye", tool("nghttp"), "-v", "-n", f"{gateway.url}/slow/large.bin?goodbye")
    until(lambda: gateway.metric("evergrant_gateway_in_flight") == 1, "it is under way")
    time.sleep(0.1)
    same(gateway.end(), 0, "status of the gateway")
    same(slow.child.wait(30), 0, "status of nghttp")
    text = slow.text()
    expect("GOAWAY" in text and ":status: 200" in text and "RST_STREAM" not in text, text[-2000:])
    world.nginx.saw("/slow/large.bin?goodbye", 1)
    same({request["status"] for request in world.nginx.seen("?goodbye")}, {"200"}, "status at nginx")


CASES = [("h2load, every pair", h2load), ("reloads under h2load", reloaded), ("SIGTERM under h2load", drained),
         ("queued over HTTP/2", queued), ("nghttp, in unusual manners", nghttp), ("nghttp, trailers", trailers),
         ("nghttpd as the API", nghttpd), ("nghttpx in front", nghttpx), ("GOAWAY behind an answer", goodbye)]


def cases(world):
    for name, job in CASES:
        yield "nghttp2", name, lambda job=job: job(world)
