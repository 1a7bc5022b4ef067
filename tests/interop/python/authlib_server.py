"""authlib on Flask, with the clients of the interop run, on a free port of 127.0.0.1.

Environment: INTEROP_SECRET. The secret of every client but one is that without its spaces: authlib undoes percent escapes
in a Basic header, and takes a plus sign for itself. Prints "ready URL" when it listens. GET /token-requests says how many
token requests came so far; /parcels is a resource that wants the scope read.
"""

import os
import threading
import time

from authlib.common.security import generate_token
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from flask import Flask, request
from werkzeug.serving import WSGIRequestHandler, make_server

METHODS = ["client_secret_basic", "client_secret_post"]
SECRET = os.environ["INTEROP_SECRET"]
# Plain http to an address of loopback.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


class Client(ClientMixin):
    def __init__(self, client_id, secret):
        self.client_id = client_id
        self.secret = secret

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        return scope or "read"

    def check_client_secret(self, client_secret):
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method in METHODS

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"


class Token(TokenMixin):
    def __init__(self, client, issued):
        self.client = client
        self.scope = issued.get("scope", "")
        self.expires_in = issued["expires_in"]
        self.ends = time.monotonic() + self.expires_in
        self.revoked = False

    def check_client(self, client):
        return client is self.client

    def get_scope(self):
        return self.scope

    def get_expires_in(self):
        return self.expires_in

    def is_expired(self):
        return time.monotonic() >= self.ends

    def is_revoked(self):
        return self.revoked


clients = {name: Client(name, SECRET.replace(" ", "")) for name in ("evergrant:in/ter+op", "plain", "post", "brief")}
clients["spaced"] = Client("spaced", SECRET)
tokens = {}


def save(issued, asked):
    tokens[issued["access_token"]] = Token(asked.client, issued)


class Grant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, token_string, token_type_hint):
        return tokens.get(token_string)

    def revoke_token(self, token, request):
        token.revoked = True


class Validator(BearerTokenValidator):
    def authenticate_token(self, token_string):
        return tokens.get(token_string)


app = Flask(__name__)
app.config["OAUTH2_SCOPES_SUPPORTED"] = ["read", "write"]
server = AuthorizationServer(app, clients.get, save)
server.register_token_generator(
    "default",
    BearerTokenGenerator(
        lambda **_: generate_token(42),
        # Of the client named brief, a token lives 3 seconds.
        expires_generator=lambda client, grant_type: 3 if client.client_id == "brief" else 600,
    ),
)
server.register_grant(Grant)
server.register_endpoint(Revocation)
protected = ResourceProtector()
protected.register_token_validator(Validator())
lock = threading.Lock()
token_requests = 0


@app.before_request
def count():
    global token_requests
    if request.method == "POST" and request.path.startswith("/oauth/token"):
        with lock:
            token_requests += 1


# Without the last slash, Flask answers with a redirect to this path.
@app.post("/oauth/token/")
def token():
    return server.create_token_response()


@app.post("/oauth/revoke")
def revoke():
    return server.create_endpoint_response(Revocation.ENDPOINT_NAME)


@app.get("/parcels")
@protected("read")
def parcels():
    return {}


@app.get("/token-requests")
def counted():
    return str(token_requests)


class Handler(WSGIRequestHandler):
    def log_request(self, *_):
        """Its log is what went wrong, not what was asked."""


def main():
    listening = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    print(f"ready http://127.0.0.1:{listening.server_port}", flush=True)
    listening.serve_forever()


main()
