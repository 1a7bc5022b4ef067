"""gRPC through the gateway: tonic on both sides, and grpcio as another client."""
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from report import Missing, expect, same, until
from servers import Gateway, Mock, Process

SERVICE = "/evergrant.Echo/"


class Service(Process):
    """tonic's server."""

    def __init__(self, world, name="grpc"):
        if world.grpc is None:
            raise Missing("built example grpc")
        super().__init__(world.folder, name, world.grpc, "serve")
        self.port = self.answer("port", name)["port"]


def gateway_of(world, service, mock=None, more=""):
    return Gateway(world.binary, world.folder, {"api": mock or world.mock}, [
        f'path = "/"\nprofile = "api"\nupstream = "http://127.0.0.1:{service.port}/"\nhttp2 = true\n{more}'],
        f'["127.0.0.1:0", {{ address = "localhost:0", tls = {world.protocols.tls()} }}]')


def call(world, url, case):
    """A case of tonic's client: nothing, or what went wrong."""
    done = subprocess.run([world.grpc, url, case], check=False, timeout=90, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, "RUST_BACKTRACE": "0"})
    return done.stdout[-1500:] if done.returncode else None


def calls(world, gateway, *cases):
    for case in cases:
        same(call(world, gateway.url, case), None, f"what went wrong in the case {case}")
    until(lambda: gateway.metric("evergrant_gateway_in_flight") == 0, "no call is under way")


def tonic(world):
    service = Service(world)
    gateway = gateway_of(world, service).ready()
    cases = ["unary", "streams", "chat", "failed", "deadline", "late", "cancelled", "many"]
    calls(world, gateway, *cases)
    gateway.end(), service.end()
    return ", ".join(cases)


def refused(world):
    """A token dies between two calls: the one after it gets another, and its caller notices nothing."""
    service = Service(world, "grpc-refusing")
    for case in ("refused", "refused-chat"):
        # For each its own mock, or it would be the token that was revoked already.
        mock = Mock(world.binary, world.folder, f"mock-{case}")
        gateway = gateway_of(world, service, mock).ready()
        # A second refusal within seconds is not believed, and a token that is this new has to settle.
        calls(world, gateway, case)
        same(gateway.metric('evergrant_gateway_replays_total{outcome="passed"}'), 1, f"replays in {case}")
        gateway.end(), mock.end()
    service.end()


def unavailable(world):
    """There is no token."""
    service = Service(world, "grpc-unasked")
    mock = Mock(world.binary, world.folder, "grpc-away", "--fail", "503")
    gateway = gateway_of(world, service, mock, 'patience = "200ms"')
    calls(world, gateway, "unavailable")
    gateway.end(), service.end(), mock.end()


def grpcio(world):
    """Another client, in clear and over TLS."""
    try:
        import grpc
    except ImportError:
        raise Missing("grpcio") from None
    service = Service(world, "grpc-python")
    gateway = gateway_of(world, service).ready()
    secure = next(int(url.rsplit(":", 1)[1]) for url in gateway.listen if url.startswith("https"))
    credentials = grpc.ssl_channel_credentials(world.protocols.authority.read_bytes())
    options = [("grpc.enable_http_proxy", 0)]
    for channel in (grpc.insecure_channel(f"127.0.0.1:{gateway.port()}", options),
                    grpc.secure_channel(f"localhost:{secure}", credentials, options)):
        with channel:
            for size in (0, 1, 1_000_000):
                answer, call = channel.unary_unary(f"{SERVICE}Unary").with_call(b"x" * size, timeout=30)
                same((len(answer), call.code(), dict(call.initial_metadata()).get("x-echo")), (size, grpc.StatusCode.OK, "yes"), "answer")
            same([*channel.unary_stream(f"{SERVICE}Count")(b"300", timeout=30)], [b"%d" % number for number in range(300)], "messages")
            same(channel.stream_unary(f"{SERVICE}Sum")(iter([b"x" * 1000] * 200), timeout=30), b"200 200000", "sum")
            same([*channel.stream_stream(f"{SERVICE}Chat")(iter([b"a", b"b" * 100_000]), timeout=30)], [b"a", b"b" * 100_000], "chat")
            with ThreadPoolExecutor(16) as threads:
                unary = channel.unary_unary(f"{SERVICE}Unary")
                said = [b"%d" % number for number in range(300)]
                same(list(threads.map(lambda message: unary(message, timeout=60), said)), said, "answers")
            # What a deadline is called depends on which of the two is first: tonic gives the call up, too.
            late = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
            for method, codes in (("Fail", (grpc.StatusCode.INVALID_ARGUMENT,)), ("None", (grpc.StatusCode.UNIMPLEMENTED,)),
                                  ("Sleep", late)):
                try:
                    channel.unary_unary(f"{SERVICE}{method}")(b"", timeout=0.5 if method == "Sleep" else 30)
                    expect(False, method, "did not fail")
                except grpc.RpcError as error:
                    expect(error.code() in codes, f"status of {method}", f"{error.code()}, not {codes}")
                    metadata = dict(error.trailing_metadata())
                    if method == "Fail":
                        same((error.details(), metadata["x-reason"], metadata["x-raw-bin"], metadata["grpc-status-details-bin"]),
                             ("too heavy: 7 \u00a3", "weight", bytes([0, 255, 7]), bytes([8, 3, 18, 0, 255])), "the failure")
            until(lambda: channel.unary_unary(f"{SERVICE}Open")(b"", timeout=30) == b"0", "what was cancelled is over")
    gateway.end(), service.end()


def grpc_pass(world):
    """nginx's own way to gRPC, in front."""
    world.protocols.gateway(world)
    service = Service(world, "grpc-front")
    gateway = Gateway(world.binary, world.folder, {"api": world.mock}, [
        f'path = "/"\nprofile = "api"\nupstream = "http://127.0.0.1:{service.port}/"\nhttp2 = true'],
        f'[{{ address = "127.0.0.1:{world.protocols.calls_port}", hosts = ["127.0.0.1:{world.protocols.front_port}", "localhost"] }}]').ready()
    for case in ("unary", "streams", "chat", "failed", "late", "many"):
        same(call(world, f"http://127.0.0.1:{world.protocols.front_port}", case), None, f"what went wrong in the case {case}")
    gateway.end(), service.end()


CASES = [("tonic on both sides", tonic), ("a token that died", refused), ("no token: UNAVAILABLE", unavailable),
         ("grpcio, in clear and over TLS", grpcio), ("nginx in front, grpc_pass", grpc_pass)]


def cases(world):
    for name, job in CASES:
        yield "gRPC", name, lambda job=job: (world.protocols.gateway(world), job(world))[1]
