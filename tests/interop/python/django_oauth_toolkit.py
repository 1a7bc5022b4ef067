"""django-oauth-toolkit, with the clients of the interop run, on a free port of 127.0.0.1.

Environment: INTEROP_SECRET, the secret of every client; INTEROP_DATABASE, a file that is not there yet; INTEROP_JSON=1 for
JSON bodies in place of forms. Prints "ready URL" when it listens. GET /token-requests says how many token requests
came so far; /api is a resource that wants the scope read.
"""

import os
import socketserver
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings


def lifetime(request):
    """The seconds a token lives: 3 of a client named brief."""
    return 3 if request.client.client_id == "brief" else 600


provider = {
    "SCOPES": {"read": "read", "write": "write", "introspection": "ask about tokens"},
    "DEFAULT_SCOPES": ["read"],
    "EXTRA_SERVER_KWARGS": {"token_expires_in": lifetime},
}
if os.environ.get("INTEROP_JSON") == "1":
    provider["OAUTH2_BACKEND_CLASS"] = "oauth2_provider.oauth2_backends.JSONOAuthLibCore"

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["INTEROP_DATABASE"],
            # A writer waits for the others this many seconds.
            "OPTIONS": {"timeout": 30},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    OAUTH2_PROVIDER=provider,
    # Secrets are hashed as passwords are; the usual hash takes a second of a busy machine, and guards nothing here.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a server that lives as long as one run",
    USE_TZ=True,
)
django.setup()

# Django can be imported from only once it is set up.
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.decorators import protected_resource  # noqa: E402
from oauth2_provider.models import get_application_model  # noqa: E402


@protected_resource(scopes=["read"])
def api(request):
    return JsonResponse({})


urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("api", api),
]


class Counting:
    """Counts the token requests on their way to the application."""

    def __init__(self, application):
        self.application = application
        self.lock = threading.Lock()
        self.token_requests = 0

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/token-requests":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(self.token_requests).encode()]
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].startswith("/o/token"):
            with self.lock:
                self.token_requests += 1
        return self.application(environ, start_response)


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        """Its log is what went wrong, not what was asked."""


def main():
    call_command("migrate", verbosity=0)
    for name in ("evergrant:in/ter op", "plain", "post", "brief", "resource"):
        get_application_model().objects.create(
            client_id=name,
            name=name,
            client_type="confidential",
            authorization_grant_type="client-credentials",
            client_secret=os.environ["INTEROP_SECRET"],
        )
    server = make_server("127.0.0.1", 0, Counting(get_wsgi_application()), Server, Handler)
    print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


main()
