#!/usr/bin/env python3
"""What a page, the probe and the metrics of 1,000 processes cost the daemon, and when they are there, beside Supervisor's
page: processor time, the time of an answer, and where Chromium is installed, when it has painted the page.

    tests/bench/pages.py SUPERVISORD [PYTHON [TIMES]]

SUPERVISORD is the daemon to measure, PYTHON one that has Supervisor. Processes are configured and not started, so that
both daemons show the same; one collection holds half of them.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PROCESSES = 1000

# Times that the browser loads a page.
PAINTINGS = 9

CONFIG = """
[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
minfds=256
[inet_http_server]
port=127.0.0.1:{port}
metrics=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:p]
command=sleep 1000
process_name=p%(process_num)04d
numprocs={processes}
autostart=false
[collection:half]
programs=p:p0[0-4]*
"""


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processor_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(name, command, paths, times):
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        config = os.path.join(directory, "supervisord.conf")
        with open(config, "w") as file:
            file.write(CONFIG.format(port=port, processes=PROCESSES))
        daemon = subprocess.Popen(command + ["-n", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            address = "http://127.0.0.1:%d/" % port
            for _ in range(600):
                try:
                    urllib.request.urlopen(address).read()
                    break
                except urllib.error.HTTPError as error:
                    sys.exit("%s has no such page: %s" % (command[0], error))
                except OSError:
                    time.sleep(0.05)
            for path in paths:
                before, took = processor_seconds(daemon.pid), []
                for _ in range(times):
                    begun = time.monotonic()
                    size = len(urllib.request.urlopen(address + path).read())
                    took.append((time.monotonic() - begun) * 1000)
                each = (processor_seconds(daemon.pid) - before) / times * 1000
                print("%-12s /%-18s %9d bytes  %8.2f ms of processor time  %8.2f ms to the answer%s" % (
                    name, path, size, each, statistics.median(took), painted(address, path)))
        finally:
            daemon.terminate()
            daemon.wait()


def painted(address, path):
    """When the browser shows something of a page, in words; none where there is no browser, or it is no page."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    modules = os.path.join(root, "target", "node", "node_modules")
    chromium = shutil.which("chromium")
    if not chromium or not os.path.isdir(modules) or path in ("healthz", "metrics"):
        return ""
    script = os.path.join(root, "tests", "bench", "paint.js")
    command = ["node", script, chromium, address + path, str(PAINTINGS)]
    said = subprocess.run(command, env=dict(os.environ, NODE_PATH=modules), check=True, stdout=subprocess.PIPE).stdout
    times = json.loads(said)
    return "  painted after %d ms (%d to %d)" % (statistics.median(times), times[0], times[-1])


def main():
    daemon = sys.argv[1]
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    if len(sys.argv) > 2:
        reference = os.path.join(os.path.dirname(sys.argv[2]), "supervisord")
        measure("Supervisor", [reference], [""], times)
    measure("Convoke", [daemon], ["", "?collection=half", "ui/", "healthz", "metrics"], times)


if __name__ == "__main__":
    main()
