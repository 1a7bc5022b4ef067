"""PHP on both sides: an API whose pages are links, and a client that follows them as MyParcel.com's SDK does."""
import json
import subprocess
from pathlib import Path

from curl import curl
from report import expect, same, tool, until
from servers import Process, free_port, listens

PHP = Path(__file__).parent / "php"


def php(*words):
    return subprocess.run([tool("php"), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)


def api(world):
    """PHP's own web server, which is started once."""
    if not hasattr(world, "php_port"):
        world.php_port = free_port()
        Process(world.folder, "php", tool("php"), "-S", f"127.0.0.1:{world.php_port}", str(PHP / "api.php"))
        until(lambda: listens(world.php_port), "PHP listens")
    return f"http://127.0.0.1:{world.php_port}/"


def gateway(world, *lines):
    route = "\n".join(['path = "/"', 'profile = "api"', f'upstream = "{api(world)}"', *lines])
    return world.another(route).ready()


def followed(world):
    """All pages, each through the gateway."""
    served = gateway(world, "links = true")
    done = php(str(PHP / "pages.php"), served.url)
    same((done.returncode, done.stdout, done.stderr), (0, "1 2 3 4 5 6\n", ""), "what PHP prints")
    served.end()


def not_followed(world):
    """Without `links` the second page is one that nobody has."""
    served = gateway(world)
    done = php(str(PHP / "pages.php"), served.url)
    same(done.returncode, 1, "status of PHP")
    expect("http://" in done.stderr.removeprefix(served.url), "it put its base before a URL:", done.stderr)
    served.end()


def by_curl(world):
    """The second page by its number, as it is written."""
    served = gateway(world, "links = true")
    direct = curl(world, "-g", "-H", "Authorization: Bearer x", f"{api(world)}shipments?page[number]=2")
    answer = curl(world, "-g", "--compressed", f"{served.url}/shipments?page[number]=2")
    same((answer.status, answer.field("etag")), (200, '"2"'), "status and ETag")
    document = json.loads(answer.body)
    same([item["id"] for item in document["data"]], ["3", "4"], "ids")
    same(document["links"]["next"], f"{served.url}/shipments?page[number]=3&page[size]=2", "the next link")
    # All else is as it was: PHP escapes slashes and what is not ASCII.
    here, there = (url.rstrip("/").replace("/", "\\/").encode() for url in (served.url, api(world)))
    plain = answer.body.replace(served.url.encode() + b"/", there + b"\\/")
    expect(b"caf\\u00e9" in plain and here not in answer.body, "the text:", answer.body)
    same(plain, direct.body, "the text")
    # The next one, as it stands.
    same(json.loads(curl(world, "-g", document["links"]["next"]).body)["links"]["next"], None, "the link behind the last page")
    served.end()


def cases(world):
    for name, job in (("PHP follows links.next to the end", followed), ("it does not without links", not_followed),
                      ("curl -g '?page[number]=2'", by_curl)):
        yield "pages", name, lambda job=job: (tool("php"), job(world))[1]
