"""A gateway that speaks HTTP/1.1, HTTP/2 and TLS on both sides, and the certificates for that."""
import subprocess

from report import Missing, same, tool
from servers import Gateway, free_port

# The callers' side and that of the API, in clear and over TLS: how curl is told, and the path of the route.
CALLERS = {"1.1": (), "2": ("--http2-prior-knowledge",), "1.1 over TLS": ("--http1.1",), "2 over TLS": ("--http2",)}
APIS = {"1.1": "", "2": "two/", "2 over TLS": "secure/"}


def certificates(folder):
    """An authority and what it says of localhost: the files of its certificate, of the other one, and of that one's key."""
    openssl = tool("openssl")
    authority, key, request = folder / "authority.pem", folder / "authority.key", folder / "server.csr"
    names = folder / "server.ext"
    names.write_text("subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1\n")
    new = [openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        [*new, "-x509", "-days", "2", "-subj", "/CN=interop", "-keyout", key, "-out", authority],
        [*new, "-subj", "/CN=localhost", "-keyout", folder / "server.key", "-out", request],
        [openssl, "x509", "-req", "-days", "2", "-in", request, "-CA", authority, "-CAkey", key, "-CAcreateserial",
         "-extfile", names, "-out", folder / "server.pem"],
    ):
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        same(done.returncode, 0, f"status of openssl ({done.stdout.decode()})")
    return authority, folder / "server.pem", folder / "server.key"


class Protocols:
    """Ports and files from the beginning; the gateway as soon as somebody wants it."""

    def __init__(self, folder):
        self.nginx_port, self.nginx_tls_port, self.front_port = free_port(), free_port(), free_port()
        self.haproxy_port, self.tunnel_front_port = free_port(), free_port()
        # Of gateways that the cases start: of gRPC here, of WebSocket below.
        self.calls_port = free_port()
        self.socket, self.tunnels = folder / "protocols.sock", folder / "tunnels.sock"
        try:
            self.authority, self.certificate, self.key = certificates(folder)
        except Missing:
            self.authority = None
        self._gateway = None

    def tls(self):
        return f'{{ certificate = "{self.certificate}", key = "{self.key}" }}'

    def gateway(self, world):
        world.needs_nginx()
        if self.authority is None:
            raise Missing("openssl")
        if self._gateway is None:
            http2, secure = f"http://127.0.0.1:{self.nginx_port}/", f"https://127.0.0.1:{self.nginx_tls_port}/"
            self._gateway = Gateway(
                world.binary, world.folder, {"api": world.mock}, [
                    f'path = "/"\nprofile = "api"\nupstream = "http://127.0.0.1:{world.nginx_port}/"',
                    f'path = "/small/"\nprofile = "api"\nupstream = "http://127.0.0.1:{world.nginx_port}/"\nmax_body = "1KiB"',
                    f'path = "/two/"\nprofile = "api"\nupstream = "{http2}"\nstrip = true\nhttp2 = true',
                    f'path = "/secure/"\nprofile = "api"\nupstream = "{secure}"\nstrip = true\nhttp2 = true\n'
                    f'ca = "{self.authority}"',
                ],
                # A front names itself in Host.
                listen=f'[{{ address = "127.0.0.1:0", hosts = ["127.0.0.1:{self.front_port}"] }}, '
                       f'{{ address = "localhost:0", tls = {self.tls()} }}, "unix:{self.socket}"]',
                name="protocols").ready()
        return self._gateway

    def caller(self, world, spoken):
        """What curl is told, and the base of its URLs."""
        gateway = self.gateway(world)
        if spoken.endswith("TLS"):
            secure = next(url for url in gateway.listen if url.startswith("https://"))
            return ("--cacert", str(self.authority), *CALLERS[spoken]), f"https://localhost:{secure.rsplit(':', 1)[1]}/"
        return CALLERS[spoken], f"{gateway.url}/"

    def nginx(self, api):
        """Its servers: the API over HTTP/2, and a front that speaks it."""
        tls = "" if self.authority is None else f"""
    server {{ server_name api; listen 127.0.0.1:{self.nginx_tls_port} ssl http2; {api}
        ssl_certificate {self.certificate}; ssl_certificate_key {self.key}; }}"""
        return f"""
    server {{ server_name api; listen 127.0.0.1:{self.nginx_port} http2; {api} }}{tls}
    server {{ server_name front-http2; listen 127.0.0.1:{self.front_port} http2; keepalive_requests 10000;
        location / {{ proxy_pass http://unix:{self.socket}:/; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host; }}
        location /evergrant.Echo/ {{ grpc_pass grpc://127.0.0.1:{self.calls_port}; grpc_set_header Host localhost;
            client_max_body_size 0; }} }}
    # WebSocket begins with HTTP/1.1.
    server {{ server_name front-tunnels; listen 127.0.0.1:{self.tunnel_front_port};
        location / {{ proxy_pass http://unix:{self.tunnels}:/; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade; }} }}"""

    def haproxy(self):
        """HAProxy speaks HTTP/2 on both sides."""
        return f"""
frontend front-http2
    mode http
    bind 127.0.0.1:{self.haproxy_port} proto h2
    default_backend http2
backend http2
    mode http
    http-request set-header X-Forwarded-For 192.0.2.7
    server gateway unix@{self.socket} proto h2
"""
