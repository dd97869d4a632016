#!/usr/bin/env python3
"""What live pages cost the daemon: at rest, and when processes crash.

    tests/bench/live.py SUPERVISORD [SECONDS]

1,000 programs run. One page, then a hundred, listen to `ui/events` for SECONDS (30) in which nothing happens, and then
while a process is killed every 100 ms. Printed are the daemon's share of one processor and the bytes of each page.
"""

import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROCESSES = 1000

# Seconds for all of them to start, and then for the daemon to come to rest.
START_MAX = 120
SETTLING = 5

CONFIG = """
[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
minfds=4096
[inet_http_server]
port=127.0.0.1:{port}
[program:p]
command=sleep 100000
process_name=p%(process_num)04d
numprocs={processes}
stdout_logfile=NONE
stderr_logfile=NONE
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processor_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as listed:
        return [int(word) for word in listed.read().split()]


class Pages:
    """Pages that listen and count what they get."""

    def __init__(self, port, count):
        self.selector = selectors.DefaultSelector()
        self.bytes = 0
        for _ in range(count):
            page = socket.create_connection(("127.0.0.1", port))
            page.sendall(b"GET /ui/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.selector.register(page, selectors.EVENT_READ)

    def listen(self, seconds, each=lambda: None):
        end, before = time.monotonic() + seconds, self.bytes
        while time.monotonic() < end:
            each()
            for key, _ in self.selector.select(0.1):
                self.bytes += len(key.fileobj.recv(1 << 20))
        return self.bytes - before

    def close(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


def main(supervisord, seconds=30):
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        config = os.path.join(directory, "supervisord.conf")
        with open(config, "w") as file:
            file.write(CONFIG.format(port=port, processes=PROCESSES))
        daemon = subprocess.Popen([supervisord, "-n", "-c", config], stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START_MAX
            while len(children(daemon.pid)) < PROCESSES:
                if time.monotonic() > deadline:
                    sys.exit("not all programs have started within %d s" % START_MAX)
                time.sleep(0.2)
            # Until the last are RUNNING and the daemon has let go of what the start took: what is measured is rest.
            time.sleep(SETTLING)
            for count in (1, 100):
                pages = Pages(port, count)
                pages.listen(5)
                killed = [0.0]

                def crash():
                    if time.monotonic() - killed[0] > 0.1:
                        killed[0] = time.monotonic()
                        os.kill(random.choice(children(daemon.pid)), signal.SIGKILL)

                for name, each in (("at rest", lambda: None), ("ten crashes a second", crash)):
                    before = processor_seconds(daemon.pid)
                    got = pages.listen(seconds, each)
                    share = (processor_seconds(daemon.pid) - before) / seconds
                    print("%4d pages, %s: %.2f%% of a processor, %d bytes a second each"
                          % (count, name, 100 * share, got / count / seconds))
                pages.close()
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
