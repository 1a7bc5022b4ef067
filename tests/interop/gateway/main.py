"""Runs all cases: main.py [--long] BINARY FOLDER [GRPC]. `run` starts it."""
import signal
import sys
from pathlib import Path

import attacks
import calls
import curl
import fronts
import http2
import issue
import life
import load
import nghttp2
import pages
import proxies
import readings
import tunnels
import upstreams
from report import Report
from servers import stop_all
from world import World


def main():
    words = [word for word in sys.argv[1:] if word != "--long"]
    binary, folder, grpc = [*words, None][:3]
    # An end from outside ends the servers as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # What began this may ignore signals, as nohup does and a shell for its jobs in the background. What is caught here is not ignored by what
    # is started here, which gets them in some cases.
    for ignored in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(ignored) == signal.SIG_IGN:
            signal.signal(ignored, lambda *_: None)
    report = Report()
    try:
        world = World(binary, Path(folder), "--long" in sys.argv, grpc)
        for module in (curl, upstreams, pages, proxies, fronts, issue, readings, load, http2, nghttp2, calls, tunnels, attacks, life):
            for group, name, job in module.cases(world):
                report.run(group, name, job)
    finally:
        stop_all()
    sys.exit(report.finish())


main()
