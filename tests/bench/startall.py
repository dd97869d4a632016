#!/usr/bin/env python3
"""How long one call takes that starts a thousand programs, and how long others wait for an answer meanwhile.

    tests/bench/startall.py DAEMON [DAEMON ...]

Each DAEMON is a supervisord. Printed are the milliseconds of `supervisor.startAllProcesses`, and of `supervisor.getState`
asked again and again while it lasts, on one connection after another: median, 99th percentile, the slowest.
"""

import os
import subprocess
import sys
import tempfile
import time

import storm

COUNT = 1000

# Seconds for a daemon to answer at all.
READY_MAX = 60

# Seconds between two questions.
PAUSE = 0.002

CONFIG = storm.HEAD + "autostart=false\n"


def answers(path):
    try:
        storm.call(path, "supervisor.getState")
    except OSError:
        return False
    return True


def measure(daemon):
    with tempfile.TemporaryDirectory() as work:
        conf, path = os.path.join(work, "supervisord.conf"), os.path.join(work, "supervisor.sock")
        with open(conf, "w") as file:
            file.write(CONFIG.format(dir=work, count=COUNT, minfds=COUNT * storm.DESCRIPTORS + 200))
        quiet = subprocess.DEVNULL
        process = subprocess.Popen([daemon, "-n", "-c", conf], stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            storm.wait_for("an answer", READY_MAX, lambda: answers(path))
            asker = storm.Asker(path, PAUSE)
            begun = time.monotonic()
            storm.call(path, "supervisor.startAllProcesses")
            took = (time.monotonic() - begun) * 1000
            asked = asker.end()["took"]
            print("%s: %d ms; getState %.2f, %.2f, %.1f ms of %d" % (
                daemon, took, storm.percentile(asked, 0.5), storm.percentile(asked, 0.99), max(asked), len(asked)))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    for each in sys.argv[1:]:
        measure(each)
