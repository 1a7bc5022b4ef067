"""HTTP/2 with programs of others: curl in front of the gateway, nginx behind it, over TLS and in clear."""
import socket
import subprocess

import h11

from curl import ALWAYS, curl, denied, passes, sha256
from frames import Api, Caller, whole
from protocols import APIS, CALLERS
from report import same, tool
from servers import Gateway


def spoken(spoken_by):
    return "HTTP/1.1" if spoken_by.startswith("1.1") else "HTTP/2"


def pairs(world):
    """Every pair of protocols: a GET, a large download, a large upload, with a length and without."""
    large = str(world.folder / "large")
    for caller in CALLERS:
        words, base = world.protocols.caller(world, caller)
        for api, place in APIS.items():
            mark = f"pair-{caller}-{api}".replace(" ", "-")
            answer, seen = passes(world, f"/here?{mark}", *words, f"{base}{place}here?{mark}")
            same(answer.version, spoken(caller), f"what {caller} got")
            same((seen["protocol"][:6], seen["via"].split(" ")[0]),
                 (spoken(api)[:6], spoken(caller).removeprefix("HTTP/")), f"what nginx got of {mark}")
            answer, _ = passes(world, f"/large.bin?{mark}", *words, f"{base}{place}large.bin?{mark}")
            same(sha256(answer.body), sha256(world.large), f"sha256 of {mark}")
            for name, more in (("length", ()), ("chunked", ("-H", "Transfer-Encoding: chunked", "-H", "Expect:"))):
                put = curl(world, *words, *more, "-T", large, f"{base}{place}dav/{mark}-{name}")
                same(put.status, 201, f"status of {mark}, {name}")
                same(sha256((world.nginx.folder / f"www/dav/{mark}-{name}").read_bytes()), sha256(world.large),
                     f"sha256 of {mark}, {name}")
    return f"{len(CALLERS) * len(APIS)} pairs, {len(world.large) >> 20} MiB each way"


def agreed(world):
    """What is spoken is what the caller can, and never HTTP/2 by an upgrade in clear (RFC 9113 has none)."""
    words, base = world.protocols.caller(world, "2 over TLS")
    _, clear = world.protocols.caller(world, "1.1")
    for more, url, version in ((("--http2",), clear, "HTTP/1.1"), (("--no-alpn",), base, "HTTP/1.1"),
                               (("--http1.0",), base, "HTTP/1.0"), (("--tlsv1.3",), base, "HTTP/2"),
                               (("--tls-max", "1.2"), base, "HTTP/2")):
        answer, _ = passes(world, f"/here?agreed{more[-1]}", *words, *more, f"{url}here?agreed{more[-1]}")
        same(answer.version, version, f"with {more}")
    same(subprocess.run([tool("curl"), "-q", "-sS", "--noproxy", "*", base], check=False, stderr=subprocess.PIPE).returncode,
         60, "status of curl that does not know the authority")


def own(world):
    """Our own answers, over HTTP/2 as over HTTP/1.1."""
    for caller in ("2", "2 over TLS"):
        words, base = world.protocols.caller(world, caller)
        denied(world, "/own", 400, "path", *words, "--path-as-is", f"{base}two/../own")
        denied(world, "/small/own", 413, "1024", *words, "--data-binary", f"@{world.folder}/large", f"{base}small/own")
        denied(world, "/small/own", 413, "1024", *words, "-T", str(world.folder / "large"), "-H", "Expect: 100-continue",
               f"{base}small/own")
        denied(world, "/here?own", 400, "uthorization", *words, "-u", "me:secret", f"{base}here?own")
        head = curl(world, *words, "-I", "-H", "Origin: https://page.example", f"{base}here?own")
        same((head.status, head.field("content-type")), (403, "application/problem+json"), "answer to HEAD")
        same(curl(world, *words, f"{base}here?after").status, 200, "status of the next")


def query(world):
    target = "here?page[number]=2&q=%2e%2e%2f&caf\u00e9-two"
    for caller in ("2", "2 over TLS"):
        words, base = world.protocols.caller(world, caller)
        for place in APIS.values():
            same(curl(world, "-g", *words, f"{base}{place}{target}").status, 200, f"status of {caller}, {place}")
    seen = world.nginx.saw("/here?page[number]=2&q=%2e%2e%2f&caf\\xC3\\xA9-two", 2 * len(APIS))
    same(len({request["target"] for request in seen}), 1, "targets")


def heads(world):
    for caller in CALLERS:
        words, base = world.protocols.caller(world, caller)
        for place in APIS.values():
            answer = curl(world, *words, "-I", f"{base}{place}large.bin")
            same((answer.status, answer.field("content-length")), (200, str(len(world.large))), f"HEAD by {caller}, {place}")
            # One whose length nobody knows, and answers that have no body.
            same(curl(world, *words, "-I", f"{base}{place}chunked/page.txt").status, 200, "status")
            etag = answer.field("etag")
            again = curl(world, *words, "-H", f"If-None-Match: {etag}", f"{base}{place}large.bin")
            same((again.status, again.body), (304, b""), "answer")


def unix_socket(world):
    world.protocols.gateway(world)
    for words in CALLERS["1.1"], CALLERS["2"]:
        mark = f"/here?unix-{len(words)}"
        passes(world, mark, *words, "--unix-socket", str(world.protocols.socket), f"http://localhost{mark}")


def together(world):
    """Fifty requests over one connection. In clear some versions of curl fail at that, whatever the server."""
    words, base = world.protocols.caller(world, "2 over TLS")
    done = subprocess.run(
        [tool("curl"), *ALWAYS[:-3], *words, "--parallel", "--parallel-max", "50", "-o", str(world.folder / "together-#1"), "-w",
         "%{http_code} %{http_version} %{num_connects}\n", f"{base}two/page.txt?together-[1-50]"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)
    lines = [line.split(" ") for line in done.stdout.splitlines()]
    same((len(lines), {(status, version) for status, version, _ in lines}), (50, {("200", "2")}), "answers")
    same(sum(int(connects) for *_, connects in lines), 1, "connections")
    same({(world.folder / f"together-{number}").read_bytes() for number in range(1, 51)}, {world.text}, "bodies")
    world.nginx.saw("?together-", 50)


def fields(world):
    """Of one connection alone is nothing; a cookie in pieces is one; the token is ours."""
    words, base = world.protocols.caller(world, "2")
    for place in APIS.values():
        more = []
        for field in ("X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.7", "Cookie: a=b", "Proxy-Authorization: Basic YTpi",
                      "X-HTTP-Method-Override: DELETE"):
            more += ["-H", field]
        _, seen = passes(world, f"/here?fields-{place}", *words, *more, f"{base}{place}here?fields-{place}")
        same((seen["forwarded"], seen["between"]), ("- -", "- - - -"), "what nginx got")


def fronts(world):
    """HAProxy with HTTP/2 on both sides, and nginx with HTTP/2 on its callers' side."""
    world.needs_haproxy()
    world.protocols.gateway(world)
    for port, version in ((world.protocols.haproxy_port, "2"), (world.protocols.front_port, "1.1")):
        base, words = f"http://127.0.0.1:{port}", CALLERS["2"]
        for place in APIS.values():
            mark = f"front-{port}-{place.strip('/')}"
            answer, seen = passes(world, f"/here?{mark}", *words, f"{base}/{place}here?{mark}")
            same((answer.version, seen["forwarded"], seen["via"].split(" ")[0]), ("HTTP/2", "- -", version), "what nginx got")
            answer, _ = passes(world, f"/large.bin?{mark}", *words, f"{base}/{place}large.bin?{mark}")
            same(sha256(answer.body), sha256(world.large), f"sha256 of {mark}")
            same(curl(world, *words, "-T", str(world.folder / "large"), f"{base}/{place}dav/{mark}").status, 201, f"status of {mark}")
            same(sha256((world.nginx.folder / f"www/dav/{mark}").read_bytes()), sha256(world.large), f"sha256 of {mark}")


def trailers(world):
    """Bodies and trailers arrive byte for byte, both ways, over every pair; the API is one that h2 reads strictly."""
    world.protocols.gateway(world)
    api, body = Api(), bytes(range(256)) * 4000
    gateway = Gateway(world.binary, world.folder, {"api": world.mock}, [
        f'path = "/"\nprofile = "api"\nupstream = "{api.url}"\nhttp2 = true'], '["127.0.0.1:0"]').ready()
    caller = Caller(gateway.port())
    answer = whole(caller.ask(caller.head("POST", "/a?b", [("trailer", "x-sum"), ("te", "trailers")]), body, [("x-sum", "17")]))
    same((answer.body == body, answer.trailers), (True, [("x-sum", "17")]), "what came back over HTTP/2")
    caller.close()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[at:at + 7001] for at in range(0, len(body), 7001)))
    with socket.create_connection(("127.0.0.1", gateway.port())) as stream:
        stream.settimeout(30)
        head = f"POST /a?b HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port()}\r\nTE: trailers\r\nTrailer: X-Sum\r\nConnection: close\r\n"
        stream.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-Sum: 17\r\n\r\n")
        raw = b"".join(iter(lambda: stream.recv(65536), b""))
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(raw)
    connection.receive_data(b"")
    came, end = b"", None
    while end is None:
        event = connection.next_event()
        if isinstance(event, h11.Data):
            came += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            end = [(bytes(name), bytes(value)) for name, value in event.headers]
    same((came == body, end), (True, [(b"x-sum", b"17")]), "what came back over HTTP/1.1")
    for method, target, authority, _, arrived, behind in api.take():
        same((method, target, authority, arrived == body, behind), (b"POST", b"/a?b", f"127.0.0.1:{api.port}".encode(), True, [(b"x-sum", b"17")]),
             "what arrived")
    gateway.end(), api.close()


CASES = [("every pair of protocols", pairs), ("what is agreed on", agreed), ("our own answers", own), ("a query of any bytes", query),
         ("HEAD and 304", heads), ("a Unix socket", unix_socket), ("50 at a time over one connection", together),
         ("fields that go no further", fields), ("HAProxy and nginx in front", fronts), ("trailers, both ways", trailers)]


def cases(world):
    for name, job in CASES:
        yield "http2", name, lambda job=job: job(world)
