"""Programs that make load: every answer is 200, and nginx saw as many requests."""
import re
import signal
import subprocess

from report import expect, same, tool, until
from servers import Process


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120)
    same(done.returncode, 0, f"status of {command[0]} ({done.stdout[-300:]})")
    return done.stdout


def number(pattern, text):
    found = re.search(pattern, text)
    expect(found, f"no {pattern!r} in", text)
    return float(found[1])


def wrk(world):
    seconds, connections = (5 if world.long else 1), 16
    text = output(tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", f"{world.url}/here?wrk")
    done = number(r"(\d+) requests in", text)
    expect("Non-2xx" not in text and "Socket errors" not in text, text)
    until(lambda: len(world.nginx.seen("/here?wrk")) >= done > 0, "nginx has logged them", 5)
    # What was on the way when the time was over arrived as well.
    seen = world.nginx.seen("/here?wrk")
    expect(len(seen) - done <= connections, f"{done} answers, {len(seen)} requests at nginx")
    same({(request["status"], request["bearer"]) for request in seen}, {("200", "one")}, "what nginx saw")
    return f"{number(r'Requests/sec: *([0-9.]+)', text):.0f} requests a second"


def h2load(world):
    count = 3000
    text = output(tool("h2load"), "--h1", "-n", str(count), "-c", "16", f"{world.url}/here?h2load")
    same(number(r"(\d+) succeeded", text), count, "succeeded")
    same(number(r"status codes: (\d+) 2xx", text), count, "2xx")
    world.nginx.saw("/here?h2load", count)
    return f"{number(r'([0-9.]+) req/s', text):.0f} requests a second"


def ab(world):
    """HTTP/1.0 with keep-alive."""
    count = 3000
    text = output(tool("ab"), "-k", "-q", "-n", str(count), "-c", "16", f"http://127.0.0.1:{world.gateway.port()}/here?ab")
    same(number(r"Complete requests: +(\d+)", text), count, "complete")
    same(number(r"Failed requests: +(\d+)", text), 0, "failed")
    same(number(r"Keep-Alive requests: +(\d+)", text), count, "with keep-alive")
    expect("Non-2xx" not in text, text)
    world.nginx.saw("/here?ab", count)
    return f"{number(r'Requests per second: +([0-9.]+)', text):.0f} requests a second"


def ab_closing(world):
    """HTTP/1.0, and a connection for each request."""
    count = 1000
    text = output(tool("ab"), "-q", "-n", str(count), "-c", "16", f"http://127.0.0.1:{world.gateway.port()}/here?closing")
    same((number(r"Complete requests: +(\d+)", text), number(r"Failed requests: +(\d+)", text)), (count, 0), "complete and failed")
    expect("Non-2xx" not in text, text)
    world.nginx.saw("/here?closing", count)
    return f"{number(r'Requests per second: +([0-9.]+)', text):.0f} requests a second"


def reloaded(world):
    """nginx closes what is idle at each reload, and a request may be on its way there."""
    load = Process(world.folder, "reloaded", tool("wrk"), "-t1", "-c16", "-d60s", f"{world.url}/here?reloaded")
    for _ in range(5):
        before = len(world.nginx.seen("?reloaded"))
        until(lambda: len(world.nginx.seen("?reloaded")) > before + 100, "there is load")
        world.nginx.child.send_signal(signal.SIGHUP)
    before = len(world.nginx.seen("?reloaded"))
    until(lambda: len(world.nginx.seen("?reloaded")) > before + 100, "there is load")
    load.end(signal.SIGINT)
    text = load.text()
    expect("Non-2xx" not in text and "Socket errors" not in text, text)
    count = number(r"(\d+) requests in", text)
    return f"{count:.0f} requests, none failed"


def swapped(world):
    """The gateway's own file, which leads to one of two APIs in turns: no request is lost, and each has the token."""
    base = f"127.0.0.1:{world.nginx_port}"
    gateway = world.another('path = "/"\nprofile = "api"\nupstream = "{api}"').ready()
    config = gateway.folder / "config.toml"
    text = config.read_text()
    files = [text, text.replace(f'http://{base}/"', f'http://{base}/small/"')]
    expect(files[0] != files[1], "the file has the API's URL")
    taken = 'evergrant_gateway_reloads_total{outcome="taken"}'
    load = [Process(world.folder, "swapped-wrk", tool("wrk"), "-t1", "-c16", "-d60s", f"{gateway.url}/here?swapped"),
            Process(world.folder, "swapped-h2load", tool("h2load"), "--h1", "-D", "60", "-c", "8", f"{gateway.url}/here?swapped")]
    rounds = 50 if world.long else 12
    for number in range(1, rounds + 1):
        before = len(world.nginx.seen("?swapped"))
        until(lambda: len(world.nginx.seen("?swapped")) > before + 20, "there is load")
        config.write_text(files[number % 2])
        gateway.child.send_signal(signal.SIGHUP)
        until(lambda: gateway.metric(taken) == number, f"reload {number} is taken")
    for process in load:
        process.end(signal.SIGINT)
    wrk, h2 = (process.text() for process in load)
    expect("Non-2xx" not in wrk and "Socket errors" not in wrk, wrk)
    seen = world.nginx.seen("?swapped")
    same({(request["status"], request["bearer"]) for request in seen}, {("200", "one")}, "what nginx saw")
    both = {request["target"].startswith("/small/") for request in seen}
    same(both, {True, False}, "whether both APIs were called")
    same(gateway.metric('evergrant_gateway_reloads_total{outcome="failed"}'), 0, "failed reloads")
    gateway.end()
    return f"{number_of(wrk)} requests of wrk, none failed, in {rounds} reloads"


def number_of(text):
    return f"{number(r'([0-9]+) requests in', text):.0f}"


def cases(world):
    for name, job in (("wrk", wrk), ("h2load", h2load), ("ab with keep-alive", ab), ("ab", ab_closing),
                      ("nginx is reloaded, under wrk", reloaded),
                      ("the gateway's file changes again and again, under wrk and h2load", swapped)):
        yield "load", name, lambda job=job: (world.needs_nginx(), job(world))[1]
