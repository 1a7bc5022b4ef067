"""nginx and HAProxy as the API: what they answer arrives as it was."""
import gzip
import http.client
import socket
import subprocess
import threading
import time

from curl import curl, passes, sha256
from report import expect, same, tool, until


def keep_alive(world):
    connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port(), timeout=60)
    connection.connect()
    first = connection.sock
    for target, length in (("/here?kept", 5), ("/large.bin?kept", len(world.large)), ("/chunked/page.txt?kept", len(world.text))):
        connection.request("GET", target)
        answer = connection.getresponse()
        same((answer.status, len(answer.read())), (200, length), f"status and bytes of {target}")
    for method, body, status in (("PUT", b"kept", 201), ("DELETE", None, 204), ("DELETE", None, 404)):
        connection.request(method, "/dav/kept", body)
        answer = connection.getresponse()
        answer.read()
        same(answer.status, status, f"status of {method}")
    # One of ours as well.
    connection.request("TRACE", "/here?kept")
    answer = connection.getresponse()
    same((answer.status, answer.getheader("allow") is None, answer.read() == b""), (405, False, False), "answer to TRACE")
    connection.request("GET", "/here?kept")
    same(connection.getresponse().read(), b"here\n", "answer")
    expect(connection.sock is first, "the connection was closed")
    connection.close()
    world.nginx.saw("?kept", 4)


def packed(world):
    direct = curl(world, "-H", "Accept-Encoding: gzip", f"http://127.0.0.1:{world.nginx_port}/packed/page.txt?direct")
    answer, seen = passes(world, "/packed/page.txt?gzip", "-H", "Accept-Encoding: gzip, deflate, br",
                          f"{world.url}/packed/page.txt?gzip")
    same(seen["accept"], "gzip, deflate, br", "Accept-Encoding at nginx")
    expect(seen["via"].startswith("1.1 evergrant-"), "Via:", seen["via"])
    same((answer.field("content-encoding"), answer.field("vary")), ("gzip", "Accept-Encoding"), "the coding")
    same(sha256(answer.body), sha256(direct.body), "sha256")
    same(gzip.decompress(answer.body), world.text, "what was packed")
    return f"{len(world.text)} bytes, packed {len(answer.body)}"


def chunked(world):
    answer, _ = passes(world, "/chunked/page.txt?chunked", f"{world.url}/chunked/page.txt?chunked")
    same((answer.field("transfer-encoding"), answer.field("content-length")), ("chunked", None), "the framing")
    same(sha256(answer.body), sha256(world.text.replace(b"worth", b"WORTH")), "sha256")


def location(world):
    for url in (world.url, f"http://127.0.0.1:{world.gateway.port()}"):
        answer = curl(world, f"{url}/moved")
        same((answer.status, answer.field("location")), (302, "/here"), "status and Location")
    answer = curl(world, "-L", f"{world.url}/moved?followed")
    same((answer.status, answer.body), (200, b"here\n"), "what -L leads to")


def not_modified(world):
    answer, _ = passes(world, "/page.txt?etag", f"{world.url}/page.txt?etag")
    etag = answer.field("etag")
    again = curl(world, "-H", f"If-None-Match: {etag}", f"{world.url}/page.txt?again")
    same((again.status, again.field("etag"), again.body), (304, etag, b""), "answer")
    same(curl(world, "-H", 'If-Match: "other"', f"{world.url}/page.txt?other").status, 412, "status of If-Match")


def ranges(world):
    answer = curl(world, "-r", "1000-1999", f"{world.url}/large.bin?range")
    same((answer.status, answer.field("content-range")), (206, f"bytes 1000-1999/{len(world.large)}"), "answer")
    same(sha256(answer.body), sha256(world.large[1000:2000]), "sha256")
    answer = curl(world, "-r", "0-9,20-29", f"{world.url}/page.txt?ranges")
    expect((answer.field("content-type") or "").startswith("multipart/byteranges; boundary="), answer.field("content-type"))
    same(curl(world, "-r", "999999999-", f"{world.url}/page.txt?beyond").status, 416, "status beyond the end")


def errors(world):
    for status, words in ((404, ["/dav/none.bin"]), (405, ["-d", "x", "/large.bin?post"])):
        answer = curl(world, *words[:-1], world.url + words[-1])
        # The API's own, not ours.
        same((answer.status, answer.field("proxy-status")), (status, None), "status and Proxy-Status")
        expect(b"nginx" in answer.body, answer.body)


def early(world):
    """It answers before the body has come, and closes: the answer arrives all the same."""
    large = str(world.folder / "large")
    for words in (("-T", large), ("-T", large, "-H", "Transfer-Encoding: chunked")):
        for _ in range(5):
            answer = curl(world, *words, f"{world.url}/strict/early.bin")
            same((answer.status, answer.field("proxy-status")), (413, None), f"status and Proxy-Status of {words}")
    expect(all(request["bearer"] == "one" for request in world.nginx.seen("/strict/")), "one had no token")


def broken_off(world):
    """Callers that go away in the middle leave nothing behind that the next one gets."""
    before = world.gateway.memory()[0]
    for words in (("/slow/large.bin?off",), ("-T", str(world.folder / "large"), "--limit-rate", "1M", "/dav/off.bin")):
        for _ in range(3):
            done = subprocess.run([tool("curl"), "-q", "-sS", "--noproxy", "*", "--max-time", "0.3", "-o", "/dev/null",
                                   *words[:-1], world.url + words[-1]], check=False, stderr=subprocess.PIPE)
            same(done.returncode, 28, "status of curl, whose time was over")
            same(curl(world, f"{world.url}/page.txt?next").body, world.text, "the next answer")
    until(lambda: world.gateway.metric("evergrant_gateway_in_flight") == 0, "they are over")
    until(lambda: world.gateway.metric("evergrant_gateway_connections") == 0, "their connections are closed")
    grown = world.gateway.memory()[0] - before
    # The large body has 16 MiB.
    expect(grown < 8 * 1024, f"it has grown by {grown} KiB")
    return f"grown by {grown} KiB"


def cut(world):
    """An answer that the API breaks off does not end as if it were whole."""
    for head in (b"Content-Length: 100000", b"Transfer-Encoding: chunked"):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            gateway = world.another(f'path = "/"\nprofile = "api"\nupstream = "http://127.0.0.1:{listener.getsockname()[1]}/"').ready()
            caller = subprocess.Popen([tool("curl"), "-q", "-sS", "--noproxy", "*", "-o", "/dev/null", f"{gateway.url}/"],
                                      stderr=subprocess.PIPE)
            with listener.accept()[0] as stream:
                stream.recv(65536)
                stream.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n")
            # 18: a file in part; 56: the connection was reset.
            expect(caller.wait(30) in (18, 56), f"curl ends with {caller.returncode} after {head}")
            caller.stderr.close()
            gateway.end()


def pipelined(world):
    """Requests that come before the answers to those before them."""
    one = f"GET /page.txt?pipe-%d HTTP/1.1\r\nHost: localhost:{world.gateway.port()}\r\n%s\r\n"
    with socket.create_connection(("127.0.0.1", world.gateway.port())) as stream:
        stream.settimeout(60)
        stream.sendall("".join(one % (number, "Connection: close\r\n" if number == 9 else "") for number in range(10)).encode())
        answers = b"".join(iter(lambda: stream.recv(65536), b""))
    same((answers.count(b"HTTP/1.1 200 OK\r\n"), answers.count(world.text)), (10, 10), "answers and bodies")
    same([request["target"][-1] for request in world.nginx.saw("/page.txt?pipe-", 10)], list("0123456789"), "order")


def hasty(world):
    """30 requests with pauses around the second after which nginx closes a connection."""
    wrong = []

    def ask(pauses):
        connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port(), timeout=60)
        try:
            for pause in pauses:
                time.sleep(pause)
                connection.request("GET", "/hasty/here?hasty")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    wrong.append((pause, answer.status, answer.getheader("proxy-status")))
        except OSError as error:
            wrong.append(error)

    pauses = [0.98 + 0.04 * number / 29 for number in range(30)]
    callers = 1 if world.long else 6
    threads = [threading.Thread(target=ask, args=(pauses[number::callers],)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not wrong, "failed:", wrong)
    world.nginx.saw("/here?hasty", 30)
    return f"{callers} at a time"


def through_haproxy(world):
    world.needs_haproxy()
    answer, seen = passes(world, "/large.bin?haproxy", f"{world.url}/haproxy/large.bin?haproxy")
    same(sha256(answer.body), sha256(world.large), "sha256")
    same(curl(world, "-T", str(world.folder / "large"), f"{world.url}/haproxy/dav/haproxy.bin").status, 201, "status")
    same(sha256((world.nginx.folder / "www/dav/haproxy.bin").read_bytes()), sha256(world.large), "sha256 of the upload")
    answer, _ = passes(world, "/chunked/page.txt?haproxy", f"{world.url}/haproxy/chunked/page.txt?haproxy")
    same(len(answer.body), len(world.text), "bytes")


CASES = [
    ("connections are kept", keep_alive), ("gzip passes as it was coded", packed), ("chunks", chunked),
    ("Location leads back here", location), ("304 by ETag", not_modified), ("Range", ranges),
    ("its own errors are its own", errors),
    ("it answers before the body has come", early), ("callers break off", broken_off), ("it breaks off", cut), ("pipelined requests", pipelined),
    ("it closes what is idle for 1 s", hasty), ("HAProxy", through_haproxy),
]


def cases(world):
    for name, job in CASES:
        yield "upstream", name, lambda job=job: (world.needs_nginx(), job(world))[1]
