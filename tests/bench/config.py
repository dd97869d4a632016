#!/usr/bin/env python3
"""How fast a large configuration is read: 5,000 programs in 500 included files.

    tests/bench/config.py SUPERVISORD PYTHON [ROUNDS]

SUPERVISORD is a release build, of which `--check` is run: it reads the files, and looks up every command and directory. PYTHON has the reference installed; its own reader is run, and nothing more. The two take turns. Printed are
the medians of wall and processor time, the peak of resident memory, and how many times faster the first is.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

FILES = 500
PROGRAMS_A_FILE = 10

PROGRAM = """\
[program:web-{n}]
command=/bin/sleep {n}  ; a comment
directory=/tmp
environment=PORT="{n}",NAME="%(program_name)s"
numprocs=1
autorestart=true
startsecs=5
stdout_logfile=/tmp/%(program_name)s.log
stdout_logfile_maxbytes=10MB
redirect_stderr=true
stopsignal=INT

"""

READ = """\
import sys
from supervisor.options import ServerOptions
options = ServerOptions()
options.realize(['-c', sys.argv[1]], doc='', progname='supervisord')
assert len(options.process_group_configs) == int(sys.argv[2])
"""


def generate(directory):
    os.mkdir(os.path.join(directory, "conf.d"))
    main = os.path.join(directory, "supervisord.conf")
    with open(main, "w") as file:
        file.write("[supervisord]\nlogfile=%(here)s/log\n[include]\nfiles=conf.d/*.conf\n")
    for index in range(FILES):
        with open(os.path.join(directory, "conf.d", "%04d.conf" % index), "w") as file:
            for n in range(index * PROGRAMS_A_FILE, (index + 1) * PROGRAMS_A_FILE):
                file.write(PROGRAM.format(n=n))
    return main


def measure(command):
    """Wall seconds, processor seconds, and the peak of resident memory in MiB."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit("%s ended with %d" % (command[0], child.returncode))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    supervisord, python = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as directory:
        conf = generate(directory)
        commands = {
            "convoke": [supervisord, "--check", "-c", conf],
            "reference": [python, "-c", READ, conf, str(FILES * PROGRAMS_A_FILE)],
        }
        taken = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                taken[name].append(measure(command))
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in taken.items()}
    for name, (wall, processor, memory) in medians.items():
        print("%-10s %7.3f s wall  %7.3f s processor  %6.1f MiB" % (name, wall, processor, memory))
    ratios = [theirs / ours for ours, theirs in zip(medians["convoke"], medians["reference"])]
    print("faster by  %7.1f         %7.1f" % (ratios[0], ratios[1]))


if __name__ == "__main__":
    main()
