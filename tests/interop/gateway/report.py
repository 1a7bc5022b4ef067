"""What came of each case: a line when it ends, a table when all have."""
import os
import shutil
import time
import traceback


class Missing(Exception):
    """A program that is not here."""


def tool(name):
    """The path of a program."""
    found = shutil.which(name)
    if found is None:
        raise Missing(name)
    return found


def expect(is_so, *what):
    """Unlike assert, it also holds under -O."""
    if not is_so:
        raise AssertionError(" ".join(str(word) for word in what))


def same(actual, expected, what):
    expect(actual == expected, f"{what}: {actual!r}, not {expected!r}")


def until(is_so, what, seconds=30):
    """Waits for it, and gives what it is then."""
    end = time.monotonic() + seconds
    while True:
        found = is_so()
        if found:
            return found
        expect(time.monotonic() < end, "in vain:", what)
        time.sleep(0.02)


class Report:
    def __init__(self):
        self.lines = []

    def run(self, group, name, job):
        """Runs a case. What it gives back is a figure for the table."""
        began = time.monotonic()
        verdict, remark = "ok", None
        try:
            remark = job()
        except Missing as missing:
            verdict, remark = "missing", f"there is no {missing}"
        except AssertionError as error:
            verdict, remark = "FAILED", str(error)
        except Exception:
            verdict, remark = "FAILED", traceback.format_exc()
        took = time.monotonic() - began
        print(f"{verdict:8}{group:13}{name} ({took:.1f} s){': ' + remark if remark else ''}", flush=True)
        self.lines.append((group, name, verdict, took, remark or ""))

    def finish(self):
        """Prints the table, and gives the status."""
        width = max(len(name) for _, name, *_ in self.lines)
        print(f"\n{'group':13}{'case':{width}}{'':2}{'':8}{'s':>6}  figures")
        for group, name, verdict, took, remark in self.lines:
            short = (remark.splitlines() or [""])[-1][:100]
            print(f"{group:13}{name:{width}}  {verdict:8}{took:6.1f}  {short}")
        counts = {word: sum(line[2] == word for line in self.lines) for word in ("ok", "FAILED", "missing")}
        print(f"\n{counts['ok']} passed, {counts['FAILED']} failed, {counts['missing']} left out")
        # What CI does not have would never be noticed.
        return 1 if counts["FAILED"] or (counts["missing"] and os.environ.get("CI")) else 0
