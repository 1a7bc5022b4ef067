"""Callers that behave badly, servers that are away, and how a gateway starts and ends."""
import json
import re
import signal
import socket
import time

from curl import curl, passes, sha256
from recorder import Recorder
from report import expect, same, tool, until
from servers import Mock, Process, listens

DEPTH = "evergrant_gateway_queue_depth"


def whole_answer(stream):
    """Status and body of the only answer."""
    answer = b"".join(iter(lambda: stream.recv(65536), b""))
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split(b" ")[1]), head.decode("latin-1"), body


def sends_first(gateway, path, framing, body):
    """What a caller gets that sends all of its body before it reads."""
    with socket.create_connection(("127.0.0.1", gateway.port())) as stream:
        stream.settimeout(60)
        head = f"POST {path} HTTP/1.1\r\nHost: localhost:{gateway.port()}\r\nConnection: close\r\n{framing}\r\n\r\n"
        stream.sendall(head.encode() + body)
        # It reads when it has done something else.
        time.sleep(0.1)
        return whole_answer(stream)


def five_megabytes(world):
    """Without a token, and denied by a rule: the answer is read, not a reset."""
    mock = Mock(world.binary, world.folder, "never", "--fail", "503")
    gateway = world.another('path = "/"\nprofile = "api"\nupstream = "{api}"\npatience = "300ms"\nmax_body = "6MiB"',
                            'path = "/small/"\nprofile = "api"\nupstream = "{api}"\nmax_body = "1KiB"', mock=mock)
    size = 5_000_000
    length, body = f"Content-Length: {size}", b"x" * size
    chunked = "Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    count = 0
    for path, status, problem in [("/megabytes", 503, "no-token"), ("/small/megabytes", 413, "too-large"), ("/../megabytes", 400, "path")]:
        for framing, sent in [(length, body), chunked] * 3:
            if (status, framing) == (413, chunked[0]):
                # Only its length says so without a token.
                continue
            seen, head, text = sends_first(gateway, path, framing, sent)
            same(seen, status, f"status of {path}, {framing}")
            document = json.loads(text)
            expect(problem in document["type"], "type:", document["type"])
            same(document["sent"], "no", "sent")
            expect(status != 503 or re.search(r"(?im)^retry-after: *[1-9]", head), "Retry-After:", head)
            count += 1
    same(world.nginx.seen("megabytes"), [], "what nginx saw")
    gateway.end()
    return f"{count} of {count} have read it"


def hangs_up(world):
    """A queued caller whose body nobody has read is noticed when it has gone."""
    mock = Mock(world.binary, world.folder, "slow", "--delay", "10m")
    gateway = world.another('path = "/"\nprofile = "api"\nupstream = "{api}"\npatience = "5m"', mock=mock)
    streams = []
    for lines, body in [("Content-Length: 20000", b"x" * 20000), ("Content-Length: 20000", b"x" * 100),
                        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n"), ("Content-Length: 2000000\r\nExpect: 100-continue", b""),
                        ("Content-Length: 0", b"")]:
        streams.append(socket.create_connection(("127.0.0.1", gateway.port())))
        streams[-1].sendall(f"POST /hangs HTTP/1.1\r\nHost: localhost:{gateway.port()}\r\n{lines}\r\n\r\n".encode() + body)
    until(lambda: gateway.metric(DEPTH) == len(streams), "all are queued")
    began = time.monotonic()
    for stream in streams:
        stream.close()
    until(lambda: gateway.metric(DEPTH) == 0, "all are noticed", 10)
    took = time.monotonic() - began
    until(lambda: gateway.metric("evergrant_gateway_connections") == 0, "their connections are closed")
    same(world.nginx.seen("/hangs"), [], "what nginx saw")
    gateway.end()
    return f"{len(streams)} noticed within {took:.1f} s (1.5 s on a quiet machine)"


def second(world):
    gateway = world.another('path = "/"\nprofile = "api"\nupstream = "{api}"', listen=f'["unix:{world.folder}/second.sock"]').ready()
    flags = ["--token-endpoint", world.mock.token_endpoint, "--client-id", world.mock.client_id, "--upstream", world.mock.api,
             "--admin", "none", "--timeout", "5s"]
    for number, address in enumerate((world.url.removeprefix("http://"), f"127.0.0.1:{world.gateway.port()}", f"unix:{world.folder}/second.sock")):
        other = Process(world.folder, f"second-{number}", world.binary, "gateway", *flags, "--listen", address,
                        env={"EVERGRANT_CLIENT_SECRET": world.mock.secret, "HOME": str(world.folder)})
        status = other.child.wait(20)
        expect(status == 2 and "another process listens" in other.text(), f"{address}: status {status}, {other.text()}")
    curl(world, "--unix-socket", f"{world.folder}/second.sock", "http://localhost/here?second")
    passes(world, "/here?first", f"{world.url}/here?first")
    gateway.end()


def killed(world):
    path = world.folder / "killed.sock"
    start = lambda: world.another('path = "/"\nprofile = "api"\nupstream = "{api}"', listen=f'["unix:{path}"]').ready()
    ask = lambda mark: passes(world, mark, "--unix-socket", str(path), f"http://localhost{mark}")
    gateway = start()
    ask("/here?alive")
    same(gateway.end(signal.SIGKILL), -signal.SIGKILL, "status")
    expect(path.exists(), "the socket has gone with it")
    gateway = start()
    ask("/here?again")
    same(gateway.end(), 0, "status")


def drained(world):
    """SIGTERM under load: status 0, and whoever was accepted is answered."""
    lost = closed = answered = 0
    for number in range(5 if world.long else 1):
        gateway = world.another('path = "/"\nprofile = "api"\nupstream = "{api}"', lines='grace = "400ms"').ready()
        mark = f"/here?drained-{number}"
        load = Process(world.folder, f"wrk-{number}", tool("wrk"), "-t1", "-c16", "-d60s", gateway.url + mark)
        until(lambda: len(world.nginx.seen(mark)) > 500, "there is load")
        same(gateway.end(), 0, "status of the gateway")
        load.end(signal.SIGINT)
        text = load.text()
        done = int(re.search(r"(\d+) requests in", text)[1])
        expect("Non-2xx" not in text, text)
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        expect(errors is None or errors[4] == "0", text)
        seen = world.nginx.seen(mark)
        same({request["status"] for request in seen}, {"200"}, "statuses at nginx")
        lost += len(seen) - done
        answered += done
        # wrk counts a connection as an error that is closed before it has sent anything, as well as one that is after.
        closed += int(errors[2]) if errors else 0
    same(lost, 0, f"of {answered} requests that arrived, those that got no answer")
    return f"{answered} answered, {closed} connections closed idle"


def drained_in_a_reload(world):
    """SIGTERM while a changed file waits for the first token of its client: what serves is drained as ever."""
    gateway = world.another('path = "/"\nprofile = "api"\nupstream = "{api}"', lines='grace = "400ms"').ready()
    mark = "/here?reloading"
    load = Process(world.folder, "wrk-reloading", tool("wrk"), "-t1", "-c16", "-d60s", gateway.url + mark)
    until(lambda: len(world.nginx.seen(mark)) > 200, "there is load")
    slow = Mock(world.binary, world.folder, "never-first", "--delay", "10m")
    config = gateway.folder / "config.toml"
    config.write_text(config.read_text().replace(world.mock.token_endpoint, slow.token_endpoint))
    gateway.child.send_signal(signal.SIGHUP)
    before = len(world.nginx.seen(mark))
    until(lambda: len(world.nginx.seen(mark)) > before + 200, "the old client serves meanwhile")
    same(gateway.end(), 0, "status of the gateway")
    load.end(signal.SIGINT)
    text = load.text()
    expect("Non-2xx" not in text, text)
    done = int(re.search(r"(\d+) requests in", text)[1])
    same(len(world.nginx.seen(mark)) - done, 0, f"of {done} requests that arrived, those that got no answer")
    return f"{done} answered"


def in_the_middle(world):
    """SIGTERM while a large download and a large upload are under way: both end whole, and then it ends."""
    gateway = world.another('path = "/"\nprofile = "api"\nupstream = "{api}"').ready()
    out, put = world.folder / "middle", world.nginx.folder / "www/dav/middle.bin"
    common = [tool("curl"), "-q", "-sS", "--fail", "--noproxy", "*", "--max-time", "60", "--limit-rate", "6M"]
    load = [Process(world.folder, "middle-down", *common, "-o", str(out), f"{gateway.url}/large.bin?middle"),
            Process(world.folder, "middle-up", *common, "-T", str(world.folder / "large"), f"{gateway.url}/dav/middle.bin")]
    until(lambda: gateway.metric("evergrant_gateway_in_flight") == 2 and out.exists() and out.stat().st_size > 0, "both have begun")
    gateway.child.send_signal(signal.SIGTERM)
    until(lambda: not listens(gateway.port()), "it accepts no more")
    same([process.is_running() for process in load], [True, True], "whether they are still under way")
    for process in load:
        same(process.child.wait(60), 0, f"status of curl ({process.text()})")
    same(gateway.child.wait(30), 0, "status of the gateway")
    same((sha256(out.read_bytes()), sha256(put.read_bytes())), (sha256(world.large),) * 2, "sha256")


def stays_ready(gateway, seconds, meanwhile):
    """Asks /readyz twice a second, and `meanwhile` between."""
    end, statuses = time.monotonic() + seconds, []
    while time.monotonic() < end:
        statuses.append(gateway.get("/readyz")[0])
        meanwhile()
        time.sleep(0.5)
    same(set(statuses), {200}, f"the statuses of /readyz, of {len(statuses)}")
    return len(statuses)


def server_away(world):
    """The authorization server is away while the token ends: 503 and nothing sent, but ready; then all is as before."""
    mock = Mock(world.binary, world.folder, "away", "--lifetime", "4s")
    gateway = world.another('path = "/"\nprofile = "api"\nupstream = "{api}"\npatience = "100ms"',
                            'path = "/patient/"\nprofile = "api"\nupstream = "{api}"', mock=mock).ready()
    passes(world, "/here?before-away", f"{gateway.url}/here?before-away")
    same(mock.end(signal.SIGKILL), -signal.SIGKILL, "status of the mock")
    statuses = []
    count = stays_ready(gateway, 20 if world.long else 5,
                        lambda: statuses.append(curl(world, f"{gateway.url}/here?away").status))
    expect({200, 503} == set(statuses) and statuses == sorted(statuses), "statuses:", statuses)
    same(len(world.nginx.seen("/here?away")), statuses.count(200), "requests at nginx")
    patient = 300
    load = Process(world.folder, "patient", tool("h2load"), "--h1", "-n", str(patient), "-c", str(patient),
                   f"{gateway.url}/patient/here")
    until(lambda: gateway.metric(DEPTH) == patient, "they are queued")
    back = time.monotonic()
    Mock(world.binary, world.folder, "back", "--port", str(mock.port))
    until(lambda: curl(world, f"{gateway.url}/here?back").status == 200, "there is a token again", 60)
    took = time.monotonic() - back
    same(load.child.wait(60), 0, "status of h2load")
    expect(f"{patient} succeeded" in load.text() and f"status codes: {patient} 2xx" in load.text(), load.text())
    world.nginx.saw("/patient/here", patient)
    gateway.end()
    return f"{patient} queued and released; ready {count} of {count} times; {statuses.count(503)} x 503; a token {took:.1f} s after it was back"


def api_away(world):
    api = Recorder()
    gateway = world.another(f'path = "/"\nprofile = "api"\nupstream = "{api.url}"').ready()
    same(curl(world, f"{gateway.url}/").status, 200, "status")
    api.close()
    statuses = []
    count = stays_ready(gateway, 20 if world.long else 2,
                        lambda: statuses.append(curl(world, f"{gateway.url}/").status))
    same(set(statuses), {502}, "statuses")
    gateway.end()
    return f"ready {count} of {count} times"


def at_last(world):
    """Nothing that was not meant to arrive has; what it has taken; and it ends as it should."""
    gateway = world.gateway
    for request in world.nginx.seen():
        same((request["bearer"], request["key"], request["forwarded"]), ("one" if "direct" not in request["target"] else "none", "-", "- -"),
             f"what nginx got with {request['target']}")
    for name in (DEPTH, "evergrant_gateway_in_flight"):
        same(gateway.metric(name), 0, name)
    now, highest = gateway.memory()
    text = gateway.text()
    for secret in (world.mock.secret, world.key["key"], "Bearer e"):
        expect(secret not in text, "a secret is in the log")
    same(gateway.end(), 0, "status")
    expect(now < 64 * 1024, f"it holds {now} KiB")
    return f"RSS {now / 1024:.1f} MiB, at most {highest / 1024:.1f} MiB; {len(world.nginx.seen())} requests at nginx"


CASES = [
    ("5 MB are sent before the answer is read", five_megabytes), ("a queued caller hangs up", hangs_up),
    ("a second gateway does not start", second), ("kill -9, and the same Unix socket", killed),
    ("SIGTERM under wrk", drained), ("SIGTERM while a changed file waits for a token, under wrk", drained_in_a_reload),
    ("SIGTERM in the middle of large bodies", in_the_middle), ("the authorization server is away", server_away), ("the API is away", api_away),
    ("at last", at_last),
]


def cases(world):
    for name, job in CASES:
        yield "life", name, lambda job=job: (world.needs_nginx(), job(world))[1]
