"""What most cases share: an authorization server, nginx and HAProxy on both sides, a gateway between them."""
import json
import os
import subprocess
from pathlib import Path

from protocols import Protocols
from report import Missing, until
from servers import Gateway, Haproxy, Mock, Nginx, free_port, listens

# Bytes: more than all that is buffered on the way.
LARGE = 16 * 1024 * 1024


class World:
    def __init__(self, binary, folder, long, grpc=None):
        self.binary, self.folder, self.long = binary, folder, long
        # The example of gRPC, if it was built.
        self.grpc = grpc
        self.nginx_port, self.hasty_port, self.haproxy_port = free_port(), free_port(), free_port()
        self.front_port, self.plain_port, self.recorder_port = free_port(), free_port(), free_port()
        self.front_http_port, self.front_tcp_port = free_port(), free_port()
        # Two gateways that are not there yet, with health, and what is in front of both.
        self.pair = [(free_port(), free_port()) for _ in range(2)]
        self.pair_nginx_port, self.pair_haproxy_port = free_port(), free_port()
        self.protocols = Protocols(folder)
        self.key = json.loads(subprocess.run([binary, "--json", "gateway", "key", "front"], check=True,
                                             stdout=subprocess.PIPE).stdout)
        self.mock = Mock(binary, folder, "mock")
        self.revoking = Mock(binary, folder, "revoking", "--revoke-all-after", "2s")
        self.socket = folder / "gateway.sock"
        self.gateway = Gateway(
            binary, folder, {"api": self.mock, "revoking": self.revoking}, [
                f'path = "/"\nprofile = "api"\nupstream = "http://127.0.0.1:{self.nginx_port}/"',
                f'path = "/narrow/"\nprofile = "api"\nupstream = "http://127.0.0.1:{self.nginx_port}/"',
                f'path = "/small/"\nprofile = "api"\nupstream = "http://127.0.0.1:{self.nginx_port}/"\nmax_body = "1KiB"',
                f'path = "/hasty/"\nprofile = "api"\nupstream = "http://127.0.0.1:{self.hasty_port}/"\nstrip = true',
                f'path = "/haproxy/"\nprofile = "api"\nupstream = "http://127.0.0.1:{self.haproxy_port}/"\nstrip = true',
                f'path = "/mock/"\nprofile = "api"\nupstream = "{self.mock.api}/"\nstrip = true',
                f'path = "/revoking/"\nprofile = "revoking"\nupstream = "{self.revoking.api}/"\nstrip = true',
            ],
            listen=f'["localhost:0", {{ address = "127.0.0.1:0", keys = {{ front = "{self.key["digest"]}" }} }}, '
                   f'"unix:{self.socket}"]', name="gateway").ready()
        # localhost is two addresses where there is IPv6.
        self.keyed = next(int(url.rsplit(":", 1)[1]) for url in self.gateway.listen if url.startswith("http://127.0.0.1:")
                          and int(url.rsplit(":", 1)[1]) != self.gateway.port())
        self.url = f"http://localhost:{self.gateway.port()}"
        self._files()
        self.nginx = self._optional(lambda: Nginx(folder, self._nginx()))
        self.haproxy = self._optional(lambda: Haproxy(folder, self._haproxy()))
        for server, port in ((self.nginx, self.nginx_port), (self.haproxy, self.haproxy_port)):
            if server:
                until(lambda: listens(port) or not server.is_running(), "a server listens")
                if not server.is_running():
                    raise RuntimeError(server.text())
        if self.nginx:
            self._place_files()

    @staticmethod
    def _optional(make):
        try:
            return make()
        except Missing:
            return None

    def _files(self):
        self.large = os.urandom(4 * LARGE if self.long else LARGE)
        self.text = b"".join(b"line %d of a text that is worth packing\n" % number for number in range(2000))
        (self.folder / "large").write_bytes(self.large)

    def _place_files(self):
        """For nginx, once its folder is there."""
        www = self.nginx.folder / "www"
        (www / "large.bin").write_bytes(self.large)
        (www / "page.txt").write_bytes(self.text)

    def _nginx(self):
        keyed = f"http://127.0.0.1:{self.keyed}"
        api = """
        root www;
        location / { return 200 "here\\n"; }
        location = /large.bin { }
        location = /page.txt { }
        location = /packed/page.txt { alias www/page.txt; gzip on; gzip_types text/plain; gzip_proxied any; gzip_vary on; }
        location = /chunked/page.txt { alias www/page.txt; sub_filter_types text/plain; sub_filter worth WORTH; sub_filter_once off; }
        location = /moved { return 302 /here; }
        location /dav/ { dav_methods PUT DELETE; create_full_put_path on; }
        location /strict/ { client_max_body_size 100k; dav_methods PUT; create_full_put_path on; }
        location /slow/ { alias www/; limit_rate 4m; }
        location /small/ { return 200 "small\\n"; }"""
        front = f"""
        proxy_set_header X-Evergrant-Key {self.key["key"]};
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Real-IP $remote_addr;
        # As it is unless somebody says otherwise: HTTP/1.0, a connection for each.
        location / {{ proxy_pass {keyed}; }}
        location /kept/ {{ proxy_pass http://gateway/; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header X-Evergrant-Key {self.key["key"]}; proxy_request_buffering off; }}
        location /socket/ {{ proxy_pass http://unix:{self.socket}:/; }}"""
        return f"""
    upstream gateway {{ server 127.0.0.1:{self.keyed}; keepalive 8; }}
    server {{ server_name api; listen 127.0.0.1:{self.nginx_port}; {api} }}
    server {{ server_name api; listen 127.0.0.1:{self.hasty_port}; keepalive_timeout 1s; {api} }}
    server {{ server_name front; listen 127.0.0.1:{self.front_port}; {front} }}
    # Left out after a failure, one would be missing when the other ends.
    upstream pair {{ {" ".join(f"server 127.0.0.1:{port} max_fails=0;" for port, _ in self.pair)} keepalive 8; }}
    server {{ server_name pair; listen 127.0.0.1:{self.pair_nginx_port};
        location / {{ proxy_pass http://pair; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header X-Evergrant-Key {self.key["key"]}; }} }}
    server {{ server_name plain; listen 127.0.0.1:{self.plain_port};
        ignore_invalid_headers off; underscores_in_headers on;
        location / {{ proxy_pass http://127.0.0.1:{self.recorder_port}; proxy_http_version 1.1; proxy_request_buffering off;
            proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_set_header TE $http_te; }} }}
    {self.protocols.nginx(api)}
"""

    def _haproxy(self):
        pair = "\n    ".join(f"server gateway-{port} 127.0.0.1:{port} port {admin}" for port, admin in self.pair)
        return f"""
frontend api
    mode http
    bind 127.0.0.1:{self.haproxy_port}
    default_backend nginx
backend nginx
    mode http
    server nginx 127.0.0.1:{self.nginx_port}
frontend front-http
    mode http
    bind 127.0.0.1:{self.front_http_port}
    default_backend http
backend http
    mode http
    option httpchk GET /readyz
    http-request set-header X-Evergrant-Key {self.key["key"]}
    http-request set-header X-Forwarded-For 192.0.2.7
    server gateway 127.0.0.1:{self.keyed} check port {self.gateway.admin.rsplit(":", 1)[1]} inter 200ms
frontend pair
    mode http
    bind 127.0.0.1:{self.pair_haproxy_port}
    default_backend pair
backend pair
    mode http
    option httpchk GET /readyz
    option redispatch
    http-request set-header X-Evergrant-Key {self.key["key"]}
    default-server check inter 100ms fall 1 rise 1
    {pair}
frontend front-tcp
    mode tcp
    bind 127.0.0.1:{self.front_tcp_port}
    default_backend tcp
backend tcp
    mode tcp
    option httpchk GET /readyz
    server gateway 127.0.0.1:{self.keyed} check port {self.gateway.admin.rsplit(":", 1)[1]} inter 200ms
{self.protocols.haproxy()}
"""

    def another(self, *routes, mock=None, lines="", listen='["localhost:0"]', admin=0):
        """One more gateway, for itself; {api} in a route is nginx."""
        routes = [route.replace("{api}", f"http://127.0.0.1:{self.nginx_port}/") for route in routes]
        return Gateway(self.binary, self.folder, {"api": mock or self.mock}, routes, listen, lines, admin=admin)

    def issuing(self, profiles, table):
        """One that gives out tokens, by these lines."""
        return Gateway(self.binary, self.folder, profiles, [], lines=f'grace = "50ms"\n{table}')

    def node(self):
        """The folder with the programs for node and what they need, where `run` could install it."""
        folder = os.environ.get("INTEROP_NODE")
        if not folder:
            raise Missing("node with npm")
        return Path(folder)

    def needs_nginx(self):
        if not self.nginx:
            raise Missing("nginx")
        return self.nginx

    def needs_haproxy(self):
        self.needs_nginx()
        if not self.haproxy:
            raise Missing("haproxy")
        return self.haproxy
