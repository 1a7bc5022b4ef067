"""The servers, each a process in a folder of its own. All are ended with `stop_all`."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from report import expect, tool, until

STARTED = []


class Process:
    """A process whose output is in a file."""

    def __init__(self, folder, name, *command, env=None):
        self.log = folder / f"{name}.log"
        # In a session of its own: an interrupt at the terminal ends it after its clients.
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                          env=env, start_new_session=True)
        STARTED.append(self)

    @property
    def pid(self):
        return self.child.pid

    def text(self):
        return self.log.read_text("utf-8", "replace")

    def is_running(self):
        return self.child.poll() is None

    def end(self, how=signal.SIGTERM, seconds=30):
        """Its status, or minus the signal that ended it."""
        if self.is_running():
            self.child.send_signal(how)
        return self.child.wait(seconds)

    def answer(self, find, what):
        """Waits for what `find` finds in a line of JSON of its output."""
        def look():
            expect(self.is_running(), what, "ended:", self.text())
            for line in self.text().splitlines():
                if line.startswith("{") and line.endswith("}"):
                    with contextlib.suppress(ValueError):
                        document = json.loads(line)
                        if find in document:
                            return document
            return None
        return until(look, f"{what} says {find}")


def stop_all():
    for process in reversed(STARTED):
        if process.is_running():
            process.child.send_signal(signal.SIGCONT)
            process.child.terminate()
    for process in STARTED:
        try:
            process.child.wait(10)
        except subprocess.TimeoutExpired:
            process.child.kill()
            process.child.wait()


given_ports = set()


def free_port():
    """A port of which no other call was told: one that is closed again may come twice, and HAProxy shares a port with itself."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        if port not in given_ports:
            given_ports.add(port)
            return port


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Mock(Process):
    """An authorization server and an API."""

    def __init__(self, binary, folder, name, *flags):
        super().__init__(folder, name, binary, "--json", "mock", *flags)
        told = self.answer("token_endpoint", name)
        self.token_endpoint, self.api = told["token_endpoint"], told["api"]
        self.client_id, self.secret = told["client_id"], told["client_secret"]
        self.port = int(self.api.rsplit(":", 1)[1])


class Gateway(Process):
    """The gateway. `routes`: lines of TOML for each; `profiles`: name to mock."""

    COUNT = 0

    def __init__(self, binary, folder, profiles, routes, listen='["localhost:0"]', lines="", name=None, admin=0,
                 env=None):
        Gateway.COUNT += 1
        self.name = name or f"gateway-{Gateway.COUNT}"
        self.folder = folder / self.name
        self.folder.mkdir()
        text = ""
        for profile, mock in profiles.items():
            secret = self.folder / f"{profile}.secret"
            secret.write_text(mock.secret)
            secret.chmod(0o600)
            text += (f'[profile.{profile}]\ntoken_endpoint = "{mock.token_endpoint}"\nclient_id = "{mock.client_id}"\n'
                     f'client_secret = {{ file = "{secret}" }}\n')
        # Nobody routes around it: it ends as soon as what is in flight has.
        if "grace" not in lines:
            lines += '\ngrace = "50ms"'
        # Without a route it only gives out tokens.
        text += f'[gateway]\nadmin = "127.0.0.1:{admin}"\n' + (f"listen = {listen}\n" if routes else "") + f"{lines}\n"
        for route in routes:
            text += f"[[gateway.route]]\n{route}\n"
        config = self.folder / "config.toml"
        config.write_text(text)
        config.chmod(0o600)
        self.command = [binary, "--json", "gateway", "--config", str(config)]
        super().__init__(folder, self.name, *self.command, env=env)
        told = self.answer("listen", self.name)
        self.listen, self.admin = told["listen"], told["admin"]
        self.issue = told.get("issue", {}).get("listen", [])

    @property
    def url(self):
        """Its first address, without a slash at the end."""
        return self.listen[0]

    def port(self, number=0):
        return int(self.listen[number].rsplit(":", 1)[1])

    def get(self, path):
        """Status and text of a path of its admin listener."""
        try:
            with urllib.request.urlopen(self.admin + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self):
        until(lambda: self.get("/readyz")[0] == 200, f"{self.name} is ready")
        return self

    def metric(self, name):
        """A metric, its labels included; 0 if there is none."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def memory(self):
        """Resident memory now and at its highest, in KiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        values = {line.split(":")[0]: line.split() for line in lines if line.startswith("Vm")}
        return int(values["VmRSS"][1]), int(values["VmHWM"][1])


class Nginx(Process):
    """An API, a plain proxy and a front, by the servers in `text`. Its access log tells what arrived."""

    FIELDS = ["method", "target", "status", "bearer", "key", "via", "accept", "forwarded", "between", "uri", "server", "protocol"]

    def __init__(self, folder, text):
        self.folder = folder / "nginx"
        for name in ("", "www", "www/dav"):
            (self.folder / name).mkdir()
        paths = " ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # Whoever is root keeps to it: nobody else may read the folder.
        user = "user root root;" if os.getuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(f"""
{user}
daemon off;
worker_processes 1;
pid {self.folder}/pid;
error_log {self.folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    {paths}
    types {{ text/plain txt; }}
    default_type application/octet-stream;
    map $http_authorization $bearer {{ default other; "" none; "~^Bearer [^ ]+$" one; }}
    log_format seen '$request_method\t$request_uri\t$status\t$bearer\t$http_x_evergrant_key\t$http_via\t'
                    '$http_accept_encoding\t$http_x_forwarded_for $http_x_real_ip\t'
                    '$http_cookie $http_proxy_authorization $http_upgrade $http_x_http_method_override\t$uri\t$server_name\t$server_protocol';
    access_log {self.folder}/access.log seen;
    client_max_body_size 0;
    keepalive_requests 100;
{text}
}}
""")
        super().__init__(folder, "nginx", tool("nginx"), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"),
                         "-e", str(self.folder / "error.log"))

    def text(self):
        error = self.folder / "error.log"
        return super().text() + (error.read_text("utf-8", "replace") if error.exists() else "")

    def seen(self, mark="", server="api"):
        """The requests that arrived whose target has this."""
        log = self.folder / "access.log"
        # The last line may not be whole yet.
        lines = log.read_text("utf-8", "replace").split("\n")[:-1] if log.exists() else []
        seen = (dict(zip(self.FIELDS, line.split("\t"))) for line in lines)
        return [request for request in seen if mark in request["target"] and request["server"] == server]

    def saw(self, mark, count=1):
        """Exactly so many; a request is logged once it has ended."""
        until(lambda: len(self.seen(mark)) >= count, f"nginx has logged {count} of {mark}", 5)
        seen = self.seen(mark)
        expect(len(seen) == count, f"nginx saw {len(seen)} requests of {mark}, not {count}")
        return seen


class Haproxy(Process):
    """By the sections in `text`; `state` asks it how it finds a server."""

    def __init__(self, folder, text, name="haproxy"):
        self.socket = folder / f"{name}.sock"
        config = folder / f"{name}.cfg"
        config.write_text(f"""
global
    maxconn 1000
    stats socket {self.socket} mode 600
defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s
{text}
""")
        super().__init__(folder, name, tool("haproxy"), "-db", "-f", str(config))

    def state(self, backend):
        """(status, check) of its server."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            stream.connect(str(self.socket))
            stream.sendall(b"show stat\n")
            text = b"".join(iter(lambda: stream.recv(65536), b"")).decode()
        names = text.splitlines()[0].lstrip("# ").split(",")
        rows = (dict(zip(names, line.split(","))) for line in text.splitlines()[1:])
        row = next(row for row in rows if row.get("pxname") == backend and row["svname"] == "gateway")
        return row["status"], row["check_status"]
