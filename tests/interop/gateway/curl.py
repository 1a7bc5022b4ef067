"""curl in front of the gateway, nginx and the mock behind it."""
import hashlib
import json
import subprocess
import time

from report import Missing, expect, same, tool

ALWAYS = ["-q", "-sS", "--max-time", "60", "--noproxy", "*", "-D", "-", "-o"]


class Answer:
    def __init__(self, out, body):
        # Interim answers come before the last one.
        heads = [head for head in out.split("\r\n\r\n") if head.startswith("HTTP/")]
        self.heads = heads
        lines = heads[-1].splitlines()
        self.version, self.status = lines[0].split(" ")[0], int(lines[0].split(" ")[1])
        self.fields = [(name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in lines[1:])]
        self.body = body

    def field(self, name):
        return next((value for known, value in self.fields if known == name), None)


def curl(world, *words, data=None):
    """What curl gets. It fails if curl does."""
    path = world.folder / "curl.body"
    path.write_bytes(b"")
    done = subprocess.run([tool("curl"), *ALWAYS, str(path), *words], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    expect(done.returncode == 0, f"curl ends with {done.returncode}:", done.stderr.decode("utf-8", "replace"))
    return Answer(done.stdout.decode("latin-1"), path.read_bytes())


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def passes(world, mark, *words, **more):
    """A request that nginx sees once, and whose answer is 200."""
    answer = curl(world, *words, **more)
    same(answer.status, 200, "status")
    [seen] = world.nginx.saw(mark)
    same((seen["bearer"], seen["key"]), ("one", "-"), "what nginx got")
    return answer, seen


def denied(world, mark, status, rule, *words, **more):
    """A request that is denied, and never arrives."""
    answer = curl(world, *words, **more)
    same(answer.status, status, "status")
    proxy = answer.field("proxy-status") or ""
    expect(proxy.startswith("evergrant"), "Proxy-Status:", proxy)
    same(answer.field("content-type"), "application/problem+json", "Content-Type")
    problem = json.loads(answer.body)
    same((problem["status"], problem["sent"]), (status, "no"), "the answer")
    expect(rule in problem["detail"], f"detail without {rule!r}:", problem["detail"])
    same(len(world.nginx.seen(mark)), 0, "requests that nginx saw")
    return answer


def get(world):
    answer, seen = passes(world, "/here?get", f"{world.url}/here?get")
    same((answer.body, seen["method"]), (b"here\n", "GET"), "answer and method")
    # One that is not ours has no Proxy-Status.
    same(answer.field("proxy-status"), None, "Proxy-Status")


def post(world):
    body = bytes(range(256)) * 64
    answer = curl(world, "--data-binary", "@-", f"{world.url}/mock/things", data=body)
    same(answer.status, 200, "status")
    meta = json.loads(answer.body)["meta"]
    same((meta["method"], meta["path"], meta["received_bytes"]), ("POST", "/things", len(body)), "what the API got")


def query(world):
    target = "/here?page[number]=2&q=%2e%2e%2f&caf\u00e9"
    for words in ((), ("-X", "DELETE")):
        answer = curl(world, "-g", *words, world.url + target)
        same(answer.status, 200, "status")
    seen = world.nginx.saw("/here?page[number]=2&q=%2e%2e%2f&caf", 2)
    # nginx writes what is no ASCII as \\xNN.
    same({request["target"] for request in seen}, {"/here?page[number]=2&q=%2e%2e%2f&caf\\xC3\\xA9"}, "target")


def expect_continue(world):
    body = world.large[:2 * 1024 * 1024]
    answer = curl(world, "-T", "-", "-H", "Expect: 100-continue", "-H", f"Content-Length: {len(body)}",
                  "-H", "Transfer-Encoding:", f"{world.url}/dav/expect.bin", data=body)
    same(answer.status, 201, "status")
    expect(answer.heads[0].startswith("HTTP/1.1 100"), "the first head is", answer.heads[0])
    same(sha256((world.nginx.folder / "www/dav/expect.bin").read_bytes()), sha256(body), "sha256")


def expect_too_large(world):
    # curl waits a second for a word before it sends: it gets the answer and sends nothing.
    answer = denied(world, "/small/large", 413, "1024", "-T", "-", "-H", "Expect: 100-continue", "-H",
                    "Content-Length: 2097152", "-H", "Transfer-Encoding:", f"{world.url}/small/large",
                    data=world.large[:2 * 1024 * 1024])
    same(len(answer.heads), 1, "heads")


def head(world):
    answer, seen = passes(world, "/large.bin?head", "-I", f"{world.url}/large.bin?head")
    same((answer.field("content-length"), seen["method"]), (str(len(world.large)), "HEAD"), "answer")
    for words in ([], ["-0"]):
        # One whose length nobody knows.
        same(curl(world, "-I", *words, f"{world.url}/chunked/page.txt").status, 200, "status")
    # With -I, curl writes the head where else the body is.
    expect(answer.body.endswith(b"\r\n\r\n") and answer.body.count(b"\r\n\r\n") == 1, "there is a body:", answer.body[-80:])


def unix_socket(world):
    passes(world, "/here?unix", "--unix-socket", str(world.socket), "http://localhost/here?unix")
    # Its permissions are what guards it: any name will do.
    passes(world, "/here?any", "--unix-socket", str(world.socket), "http://api.example/here?any")


def ipv6(world):
    if not any("[::1]" in url for url in world.gateway.listen):
        raise Missing("IPv6")
    passes(world, "/here?ipv6", "-6", f"{world.url}/here?ipv6")
    port = world.gateway.port()
    passes(world, "/here?literal", "-g", f"http://[::1]:{port}/here?literal")


def forward_proxy(world):
    """Whoever takes it for a forward proxy gets nothing elsewhere, and no tunnel."""
    proxy = ["--noproxy", "", "-x", world.url]
    passes(world, "/here?proxied", *proxy, f"{world.url}/here?proxied")
    denied(world, "/elsewhere", 403, "Host", *proxy, "http://api.example/elsewhere")
    done = subprocess.run([tool("curl"), "-q", "-sS", *proxy, "-k", "https://api.example/elsewhere"], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(done.returncode != 0 and b"405" in done.stderr, done.returncode, done.stderr)
    same(len(world.nginx.seen("elsewhere")), 0, "requests that nginx saw")


def fields(world):
    """What is between two, or for us alone, is not for the API; the token is, whatever `Connection` names."""
    words = []
    for field in ("Connection: close, authorization, x-forwarded-for", "X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.7",
                  "Cookie: a=b", "Proxy-Authorization: Basic YTpi", "Upgrade: h2c", "X-HTTP-Method-Override: DELETE"):
        words += ["-H", field]
    _, seen = passes(world, "/here?fields", *words, f"{world.url}/here?fields")
    same((seen["forwarded"], seen["between"]), ("- -", "- - - -"), "what nginx got")
    passes(world, "/here?h2c", "--http2", f"{world.url}/here?h2c")


def http_1_0(world):
    answer, _ = passes(world, "/here?one", "-0", f"{world.url}/here?one")
    same(answer.body, b"here\n", "body")
    # There are no chunks in HTTP/1.0.
    answer, _ = passes(world, "/chunked/page.txt?one", "-0", f"{world.url}/chunked/page.txt?one")
    same(answer.field("transfer-encoding"), None, "Transfer-Encoding")
    same(sha256(answer.body), sha256(world.text.replace(b"worth", b"WORTH")), "sha256")


def key(world):
    url = f"http://127.0.0.1:{world.keyed}"
    denied(world, "/here?none", 403, "key", f"{url}/here?none")
    denied(world, "/here?wrong", 403, "key", "-H", f"X-Evergrant-Key: {world.key['key'][:-1]}_", f"{url}/here?wrong")
    passes(world, "/here?key", "-H", f"X-Evergrant-Key: {world.key['key']}", f"{url}/here?key")
    passes(world, "/here?bearer", "-H", f"Authorization: Bearer {world.key['key']}", f"{url}/here?bearer")


def own_authorization(world):
    denied(world, "/here?own", 400, "uthorization", "-u", "me:secret", f"{world.url}/here?own")


def revoked(world):
    gateway, count = world.gateway, 0
    passed = 'evergrant_gateway_replays_total{outcome="passed"}'
    end = time.monotonic() + 20
    # Not beyond the first one: a second refusal within seconds is not believed.
    while gateway.metric(passed) == 0:
        expect(time.monotonic() < end, "no token was refused in", count, "requests")
        answer = curl(world, "-d", "a body", f"{world.url}/revoking/things")
        count += 1
        same(answer.status, 200, f"status of POST {count} ({answer.body!r})")
        same(json.loads(answer.body)["meta"]["received_bytes"], 6, "bytes")
        time.sleep(0.1)
    same((gateway.metric(passed), answer.field("x-evergrant-mock-token")), (1, "2"), "replays and token")
    return f"{count} POSTs, the last sent again"


def include(world):
    answer = denied(world, "/narrow/", 400, "at byte 10 of the path", "--path-as-is", f"{world.url}/narrow/a%2fb")
    proxy = answer.field("proxy-status")
    expect("encoded_slash = true" in proxy and "http_request_" in proxy, "Proxy-Status:", proxy)
    return proxy[:90]


REFUSED = ["..", "../here", "a/..", "a/./b", "%2e%2e/here", "%2E%2e", ".%2e/a", "%252e%252e/a", "..;/here", "..;x=1/a", ".;/a",
           "%2e%2e%3b/a", "a%2fb", "a%2Fb", "a%252fb", "a%2f..%2fb", "a//b", "/a", "a\\b", "..\\here", "a%5cb", "a%255cb",
           "a%00b", "a%2500", "%zz", "a%4"]
PASSED = ["a;v=1", "a:b", "a@b", "a,b", "~a", "$a", "!a", "...", "a..b", "%61", "a%20b", "caf%c3%a9", "a%3Fb", ".well-known/x"]


def paths(world):
    world.needs_nginx()
    for path in REFUSED:
        answer = curl(world, "-g", "--path-as-is", f"{world.url}/narrow/{path}")
        same(answer.status, 400, f"status of {path}")
        expect((answer.field("proxy-status") or "").startswith("evergrant"), "not ours:", path)
    for path in PASSED:
        same(curl(world, "-g", "--path-as-is", f"{world.url}/narrow/{path}").status, 200, f"status of {path}")
    seen = world.nginx.saw("/narrow/", len(PASSED))
    same([request["target"] for request in seen], [f"/narrow/{path}" for path in PASSED], "targets")
    # As nginx reads them, decoded and without what it takes for superfluous, they are where the route leads.
    outside = [request["uri"] for request in seen if not request["uri"].startswith("/narrow/")]
    same(outside, [], "outside of the route")
    return f"{len(REFUSED)} refused, {len(PASSED)} passed as they were"


def upload(world):
    large = str(world.folder / "large")
    for name, words in (("length.bin", ("-T", large)), ("chunked.bin", ("-T", large, "-H", "Transfer-Encoding: chunked")),
                        ("one.bin", ("-0", "-T", large))):
        same(curl(world, *words, f"{world.url}/dav/{name}").status, 201, f"status of {name}")
        same(sha256((world.nginx.folder / "www/dav" / name).read_bytes()), sha256(world.large), f"sha256 of {name}")
    return f"3 x {len(world.large) >> 20} MiB"


def download(world):
    answer, _ = passes(world, "/large.bin?download", f"{world.url}/large.bin?download")
    same(sha256(answer.body), sha256(world.large), "sha256")
    return f"{len(answer.body) >> 20} MiB"


CASES = [
    ("GET", get), ("POST with a body", post), ("a query of any bytes", query),
    ("Expect: 100-continue, 2 MiB", expect_continue), ("Expect: 100-continue, too large", expect_too_large),
    ("HEAD", head), ("a Unix socket", unix_socket), ("localhost and [::1], over IPv6", ipv6), ("HTTP/1.0", http_1_0),
    ("as a forward proxy", forward_proxy), ("fields that go no further", fields),
    ("a key", key), ("an Authorization of its own", own_authorization), ("a revoked token", revoked),
    ("-i shows why it was denied", include), ("paths that two servers read differently", paths),
    ("a large upload", upload), ("a large download", download),
]


def cases(world):
    for name, job in CASES:
        yield "curl", name, lambda job=job: (world.needs_nginx(), job(world))[1]
