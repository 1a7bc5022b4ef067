"""authlib on Flask, with the clients of the interop run, on a free port of 127.0.0.1.

Environment: INTEROP_SECRET. The secret of every client but one is that without its spaces: authlib undoes percent escapes
in a Basic header, and takes a plus sign for itself. PLATFORM, the URL of what signs assertions for the accounts that are its
clients. Prints "ready URL" when it listens. GET /token-requests says how many token requests came so far;
/token-requests?client=ID, how many of this client were granted, and how many refused. POST /client?id=&method=&life= with a secret
adds a client whose tokens live so many seconds, or gives it another secret. /parcels is a resource that wants the scope read.
"""

import json
import os
import threading
import time
import urllib.request

from authlib.common.security import generate_token
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import Flask, request
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry
from werkzeug.serving import WSGIRequestHandler, make_server

METHODS = ["client_secret_basic", "client_secret_post"]
SECRET = os.environ["INTEROP_SECRET"]
PLATFORM = os.environ["PLATFORM"]
with urllib.request.urlopen(f"{PLATFORM}/jwks") as answer:
    KEYS = KeySet.import_key_set(json.load(answer))
# Plain http to an address of loopback.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


class Client(ClientMixin):
    def __init__(self, client_id, secret, life=600, methods=METHODS):
        self.client_id = client_id
        self.secret = secret
        self.life = life
        self.methods = methods

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        return scope or "read"

    def check_client_secret(self, client_secret):
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method in self.methods

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
        """Any client may revoke it."""
        return True

    def get_scope(self):
        return self.scope

    def get_expires_in(self):
        return self.expires_in

    def is_expired(self):
        return time.monotonic() >= self.ends

    def is_revoked(self):
        return self.revoked


clients = {name: Client(name, SECRET.replace(" ", "")) for name in ("evergrant:in/ter+op", "plain", "post")}
# Of this client, a token lives 3 seconds.
clients["brief"] = Client("brief", SECRET.replace(" ", ""), 3)
clients["spaced"] = Client("spaced", SECRET)
tokens = {}


def save(issued, asked):
    tokens[issued["access_token"]] = Token(asked.client, issued)


class Vouched(JWTBearerClientAssertion):
    """A client is an account of the platform: the issuer is the platform, and the subject the account. As with the tokens of
    Kubernetes, each is good until it ends, however often it is used."""

    def verify_claims(self, claims):
        rules = {
            "iss": {"essential": True, "value": PLATFORM},
            "sub": {"essential": True},
            "aud": {"essential": True, "value": request.base_url},
            "exp": {"essential": True},
        }
        try:
            JWTClaimsRegistry(leeway=0, **rules).validate(claims)
        except JoseError as error:
            raise InvalidClientError(description=error.description) from error

    def resolve_client_public_key(self, client):
        return KEYS


class Grant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [*METHODS, Vouched.CLIENT_AUTH_METHOD]


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
        expires_generator=lambda client, grant_type: client.life,
    ),
)
# An account is a client that authenticates in this way alone.
IMPORTER = "system:serviceaccount:parcels:importer"
clients[IMPORTER] = Client(IMPORTER, None, methods=[Vouched.CLIENT_AUTH_METHOD])
server.register_client_auth_method(Vouched.CLIENT_AUTH_METHOD, Vouched())
server.register_grant(Grant)
server.register_endpoint(Revocation)
protected = ResourceProtector()
protected.register_token_validator(Validator())
lock = threading.Lock()
token_requests = 0
ended = {}


@app.before_request
def count():
    global token_requests
    if request.method == "POST" and request.path.startswith("/oauth/token"):
        with lock:
            token_requests += 1


@app.after_request
def count_of_client(answer):
    if request.method == "POST" and request.path == "/oauth/token/":
        client = request.authorization.username if request.authorization else request.form.get("client_id")
        with lock:
            granted, refused = ended.get(client, (0, 0))
            is_granted = answer.status_code == 200
            ended[client] = (granted + is_granted, refused + (not is_granted))
    return answer


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
    client = request.args.get("client")
    return "{} {}".format(*ended.get(client, (0, 0))) if client else str(token_requests)


@app.post("/client")
def client():
    name = request.args["id"]
    clients[name] = Client(name, request.get_data(as_text=True), int(request.args["life"]), [request.args["method"]])
    return ""


class Handler(WSGIRequestHandler):
    def log_request(self, *_):
        """Its log is what went wrong, not what was asked."""


def main():
    listening = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    print(f"ready http://127.0.0.1:{listening.server_port}", flush=True)
    listening.serve_forever()


main()
