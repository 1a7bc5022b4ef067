"""Runs all cases: main.py [--long] BINARY FOLDER. `run` starts it."""
import signal
import sys
from pathlib import Path

import curl
import fronts
import issue
import life
import load
import pages
import proxies
import readings
import upstreams
from report import Report
from servers import stop_all
from world import World


def main():
    *flags, binary, folder = sys.argv[1:]
    # An end from outside ends the servers as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = Report()
    try:
        world = World(binary, Path(folder), "--long" in flags)
        for module in (curl, upstreams, pages, proxies, fronts, issue, readings, load, life):
            for group, name, job in module.cases(world):
                report.run(group, name, job)
    finally:
        stop_all()
    sys.exit(report.finish())


main()
