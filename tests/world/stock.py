"""Runs the stock supervisorctl many times from one warm interpreter.

One request a line on stdin, a JSON array of arguments; one answer a line on stdout, a JSON object. Each run is a
fork of its own, so that nothing is left over from one to the next.
"""
import json
import os
import signal
import sys
import tempfile
import traceback

from supervisor import supervisorctl

DEADLINE = 120  # seconds for one command


def run(args, out, err):
    """In the fork: becomes the command, and ends with its status."""
    status = 1
    try:
        signal.alarm(DEADLINE)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.argv = ["supervisorctl"] + args
        supervisorctl.main(args)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def text(file):
    file.seek(0)
    return file.read().decode("utf-8", "replace")


for line in iter(sys.stdin.readline, ""):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            run(json.loads(line), out, err)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"status": status, "stdout": text(out), "stderr": text(err)}), flush=True)
