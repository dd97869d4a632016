"""A storm: a thousand children exit at once, again and again, and the daemon must still answer.

    python tests/bench/storm.py --daemon target/release/supervisord --daemon target/venv/bin/supervisord

Runs each daemon in turn and prints one line of JSON for each, then a table. Everything lives in a directory of its
own below --workdir. Needs Linux and Python 3; the reference needs nothing more than its `supervisord`.

What is measured:
  restarts        how often a child was replaced, in all
  return          from the SIGKILL of all children to the moment at which all run anew, seconds
  rpc             `supervisor.getState` on one connection after another while the storm lasts, milliseconds
                  with --bare, of a server beside the daemon that does nothing but answer: what the machine allows
  memory          resident kilobytes of the daemon: before the storm, at its height, and after, when it is quiet
"""

import argparse
import http.client
import json
import os
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

# Bytes of the head of a configuration; HTTP servers and RPC interface as everybody has them.
HEAD = """[supervisord]
logfile={dir}/supervisord.log
logfile_maxbytes=0
pidfile={dir}/supervisord.pid
childlogdir={dir}
minfds={minfds}
nodaemon=true
silent=true
[unix_http_server]
file={dir}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:s]
command=/bin/sleep 100000
process_name=s%(process_num)05d
numprocs={count}
startsecs=0
autorestart=true
stdout_logfile=NONE
stderr_logfile=NONE
"""

# Descriptors a child costs the reference, and some for the daemon itself.
DESCRIPTORS = 8

# Seconds until a daemon must have started everything.
START_MAX = 120

# Seconds without a storm before memory is read again.
QUIET = 5


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def call(path, method):
    """One call, on a connection of its own; the body of the answer."""
    connection = Connection(path)
    body = "<?xml version='1.0'?><methodCall><methodName>%s</methodName><params/></methodCall>" % method
    try:
        connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise OSError("HTTP %d" % answer.status)
        return text
    finally:
        connection.close()


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(word) for word in file.read().split()]


def runs(pid):
    """Whether a child lives and runs its program: before that it bears the daemon's name."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            head, _, tail = file.read().rpartition(") ")
    except OSError:
        return False
    return head.endswith("(sleep") and tail[0] not in "ZX"


def resident(pid):
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


class Asker:
    """Asks again and again in a process of its own, and knows how long each answer took, in milliseconds."""

    def __init__(self, path, pause):
        command = [sys.executable, os.path.abspath(__file__), "--ask", path, "--pause", str(pause)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def end(self):
        said, _ = self.process.communicate()
        return json.loads(said)


def ask(path, pause):
    """The asker's life: until its standard input ends."""
    took, failed = [], 0
    while not select.select([sys.stdin], [], [], pause)[0]:
        begun = time.monotonic()
        try:
            call(path, "supervisor.getState")
            took.append((time.monotonic() - begun) * 1000)
        except (OSError, http.client.HTTPException):
            failed += 1
    print(json.dumps({"took": took, "failed": failed}))


def answer_barely(path):
    """The life of a server that gives everybody the same few bytes."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(64)
    while True:
        client, _ = server.accept()
        with client:
            text = b""
            while b"</methodCall>" not in text:
                text += client.recv(4096)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


def wait_for(what, seconds, look, pause=0.05):
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise SystemExit("%s did not happen within %d s" % (what, seconds))
        time.sleep(pause)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def storm(daemon, args):
    work = tempfile.mkdtemp(prefix="storm-", dir=args.workdir)
    conf = os.path.join(work, "supervisord.conf")
    with open(conf, "w") as file:
        file.write(HEAD.format(dir=work, count=args.count, minfds=args.count * DESCRIPTORS + 200))
    process = subprocess.Popen([daemon, "-n", "-c", conf], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return measured(daemon, process.pid, os.path.join(work, "supervisor.sock"), args)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            for child in children(process.pid):
                os.kill(child, signal.SIGKILL)
            process.kill()
            process.wait()
        shutil.rmtree(work, ignore_errors=True)


def measured(daemon, pid, path, args):
    def all_run(but=frozenset()):
        now = children(pid)
        return len(now) == args.count and but.isdisjoint(now) and all(map(runs, now))

    wait_for("the start", START_MAX, lambda: all_run())
    time.sleep(QUIET)
    before = height = resident(pid)
    bare = None
    if args.bare:
        path += ".bare"
        bare = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--answer", path])
        wait_for("the bare server", START_MAX, lambda: os.path.exists(path))
    asker = Asker(path, args.pause)
    begun, returns, restarts = time.monotonic(), [], 0
    while time.monotonic() - begun < args.seconds:
        dying = children(pid)
        killed = time.monotonic()
        for child in dying:
            os.kill(child, signal.SIGKILL)
        old = frozenset(dying)
        wait_for("the return", START_MAX, lambda: all_run(old))
        returns.append(time.monotonic() - killed)
        restarts += len(dying)
        height = max(height, resident(pid))
    lasted = time.monotonic() - begun
    asked = asker.end()
    if bare:
        bare.kill()
        bare.wait()
    took = asked["took"]
    time.sleep(QUIET)
    return {
        "daemon": daemon, "count": args.count, "seconds": round(lasted, 1), "storms": len(returns),
        "restarts_per_s": round(restarts / lasted), "return_p50_s": round(statistics.median(returns), 3),
        "return_max_s": round(max(returns), 3), "rpc_calls": len(took), "rpc_failed": asked["failed"],
        "rpc_p50_ms": round(percentile(took, 0.5), 2), "rpc_p99_ms": round(percentile(took, 0.99), 2),
        "rpc_max_ms": round(max(took), 2), "rss_before_kb": before, "rss_height_kb": height,
        "rss_after_kb": resident(pid),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    parser.add_argument("--answer", help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help="ask a server that does nothing but answer")
    parser.add_argument("--daemon", action="append", default=[], help="a supervisord; may be given more than once")
    parser.add_argument("--count", type=int, default=1000, help="children")
    parser.add_argument("--seconds", type=float, default=30, help="how long the storm lasts")
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between two calls")
    parser.add_argument("--workdir", default=None, help="where directories are made; in memory is best")
    args = parser.parse_args()
    if args.ask:
        return ask(args.ask, args.pause)
    if args.answer:
        return answer_barely(args.answer)
    results = []
    for daemon in args.daemon:
        results.append(storm(os.path.abspath(daemon), args))
        print(json.dumps(results[-1]), flush=True)
    if not results:
        parser.error("no --daemon given")
    print("\n| what | %s |" % " | ".join(os.path.relpath(result["daemon"]) for result in results))
    print("|---|%s" % ("---|" * len(results)))
    for key in results[0]:
        if key != "daemon":
            print("| %s | %s |" % (key, " | ".join(str(result[key]) for result in results)))


if __name__ == "__main__":
    main()
