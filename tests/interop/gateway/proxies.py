"""tinyproxy between the gateway and an API over TLS, which nginx is."""
import json
import os
import subprocess

from curl import curl
from report import expect, same, tool, until
from servers import Gateway, Nginx, Process, free_port, listens

USER, PASSWORD = "me", "hunter22"


class Tinyproxy(Process):
    """It lets those through who know a password, to one port."""

    def __init__(self, folder, port, to):
        self.port = port
        config = folder / "tinyproxy.conf"
        config.write_text(f"Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nConnectPort {to}\nBasicAuth {USER} {PASSWORD}\n"
                          f"LogLevel Connect\nTimeout 60\nMaxClients 20\n")
        super().__init__(folder, "tinyproxy", tool("tinyproxy"), "-d", "-c", str(config))
        until(lambda: listens(port) or not self.is_running(), "tinyproxy listens")
        expect(self.is_running(), "tinyproxy:", self.text())

    def tunnels(self):
        return self.text().count("CONNECT localhost:")


class Way:
    """nginx over TLS, by a name, and tinyproxy before it."""

    def __init__(self, world):
        folder = self.folder = world.folder / "tls"
        folder.mkdir()
        self.ca, key = folder / "cert.pem", folder / "key.pem"
        subprocess.run([tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", str(key), "-out", str(self.ca), "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.api_port, self.other_port = free_port(), free_port()
        ports = "".join(f"listen {address}:{port} ssl; " for port in (self.api_port, self.other_port)
                        for address in ("127.0.0.1", "[::1]"))
        self.nginx = Nginx(folder, f"""
    server {{ server_name api; {ports}
        ssl_certificate {self.ca}; ssl_certificate_key {key}; location / {{ return 200 "over tls\\n"; }} }}
""")
        until(lambda: listens(self.api_port) or not self.nginx.is_running(), "nginx listens")
        expect(self.nginx.is_running(), self.nginx.text())
        self.proxy = Tinyproxy(folder, free_port(), self.api_port)

    def gateway(self, world, port, password=PASSWORD, **variables):
        """A gateway to that port of nginx, whose environment names the proxy."""
        env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        env |= {"HTTPS_PROXY": f"http://{USER}:{password}@127.0.0.1:{self.proxy.port}"} | variables
        route = f'path = "/"\nprofile = "api"\nupstream = "https://localhost:{port}/"\nca = "{self.ca}"'
        return Gateway(world.binary, world.folder, {"api": world.mock}, [route], env=env).ready()


def way(world):
    if not hasattr(world, "way"):
        world.way = Way(world)
    return world.way


def through(world):
    """Two requests over one tunnel, which the proxy knows nothing of."""
    here = way(world)
    served = here.gateway(world, here.api_port)
    before = here.proxy.tunnels()
    for number in range(2):
        answer = curl(world, f"{served.url}/here?proxied-{number}")
        same((answer.status, answer.body), (200, b"over tls\n"), "the answer")
    same(here.proxy.tunnels() - before, 1, "tunnels")
    for seen in here.nginx.saw("/here?proxied-", 2):
        same((seen["bearer"], seen["between"].split(" ")[1]), ("one", "-"), "token and Proxy-Authorization")
    expect("/here" not in here.proxy.text(), "the proxy saw a request:", here.proxy.text())
    served.end()


def by_no_proxy(world):
    """NO_PROXY lists the API."""
    here = way(world)
    served = here.gateway(world, here.api_port, NO_PROXY="localhost")
    before = here.proxy.tunnels()
    same(curl(world, f"{served.url}/direct").status, 200, "status")
    same(here.proxy.tunnels() - before, 0, "tunnels")
    served.end()


def refused(world, served, says):
    answer = curl(world, f"{served.url}/refused")
    problem = json.loads(answer.body)
    same((answer.status, problem["type"], problem["sent"]), (502, "urn:evergrant:problem:upstream-unreachable", "no"), "the answer")
    named = f"the proxy 127.0.0.1:{way(world).proxy.port}, set by HTTPS_PROXY, {says}"
    expect(problem["detail"].startswith(named), f"detail without {named!r}:", problem["detail"])
    text = answer.body.decode() + str(answer.heads) + served.text()
    expect(PASSWORD not in text and "wrong-one" not in text, "a password is shown:", text)
    served.end()


def wrong_password(world):
    here = way(world)
    refused(world, here.gateway(world, here.api_port, "wrong-one"), "answered CONNECT with http 40")


def another_port(world):
    here = way(world)
    refused(world, here.gateway(world, here.other_port), "answered CONNECT with http 403: it does not let this host through")


def gone(world):
    here = way(world)
    served = here.gateway(world, here.api_port)
    here.proxy.end()
    refused(world, served, "cannot be reached: connection refused")


def cases(world):
    for name, job in (("tinyproxy opens a tunnel", through), ("NO_PROXY", by_no_proxy), ("a wrong password", wrong_password),
                      ("a port that it does not allow", another_port), ("it is gone", gone)):
        yield "proxies", name, lambda job=job: (world.needs_nginx(), tool("tinyproxy"), tool("openssl"), job(world))[3]
