"""Sits at the client's shell, in a pseudo-terminal. Arguments: the client, its configuration, its history file, and
whether the daemon knows collections."""
import os
import sys

import pexpect

client, conf, history, collections = sys.argv[1:]
DEADLINE = 60


class Shell:
    def __init__(self, *args, terminal="xterm"):
        environment = dict(os.environ, TERM=terminal, NO_COLOR="1")
        self.child = pexpect.spawn(
            client, ["-c", conf, *args], encoding="utf-8", timeout=DEADLINE, dimensions=(24, 100), env=environment
        )
        self.expect("cat +RUNNING")
        self.prompt()

    def expect(self, pattern):
        self.child.expect(pattern)

    def send(self, keys):
        self.child.send(keys)

    def prompt(self):
        # A prompt is drawn more than once; the last thing that is drawn switches something on or off.
        self.expect("supervisor> ")

    def clear(self):
        self.send("\x15")

    def ends(self, status=0):
        self.expect(pexpect.EOF)
        self.child.close()
        assert self.child.exitstatus == status, (self.child.exitstatus, self.child.signalstatus)


def completion(shell):
    shell.send("stat\t")
    shell.expect("status ")
    shell.send("ca\t")
    shell.expect("status cat ")
    shell.clear()
    shell.send("sta\t\t")
    shell.expect("start +status")
    shell.clear()
    shell.send("start jobs:worker_0\t\t")
    shell.expect("jobs:worker_00 +jobs:worker_01")
    shell.clear()
    shell.send("remove jo\t")
    shell.expect("remove jobs ")
    shell.clear()
    shell.send("help vers\t")
    shell.expect("help version ")
    shell.clear()
    if collections == "yes":
        shell.send("stop @pe\t")
        shell.expect("stop @pets ")
        shell.clear()
        shell.send("collection sig\t")
        shell.expect("collection signal ")
        shell.clear()


def foreground(shell):
    shell.send("fg cat\r")
    shell.expect("==> Press Ctrl-C to exit <==")
    shell.send("hello there\r")
    # Once as the terminal shows what is typed, once as the process writes it.
    shell.expect("hello there")
    shell.expect("hello there")
    # A window that changes its size is no key.
    shell.child.setwinsize(40, 120)
    shell.send("and again\r")
    shell.expect("and again")
    shell.expect("and again")
    shell.child.sendintr()
    shell.expect("Exiting foreground")
    shell.prompt()
    shell.send("fg cat\r")
    shell.expect("==> Press Ctrl-C to exit <==")
    shell.child.sendeof()
    shell.expect("Exiting foreground")
    shell.prompt()


def following(shell):
    shell.send("tail -f cat\r")
    shell.expect("==> Press Ctrl-C to exit <==")
    shell.expect("and again")
    shell.child.sendintr()
    shell.prompt()
    shell.send("maintail -f\r")
    shell.expect("==> Press Ctrl-C to exit <==")
    shell.expect("RUNNING state")
    shell.child.sendintr()
    shell.prompt()
    # Whatever was interrupted, the shell goes on.
    shell.send("version\r")
    shell.expect("[0-9]+[.][0-9]")
    shell.prompt()


shell = Shell()
completion(shell)
foreground(shell)
following(shell)
shell.send("\x1b[A")
shell.expect("version")
shell.send("\x1b[A")
shell.expect("maintail -f")
shell.clear()
shell.send("shutdown\r")
shell.expect("Really shut the remote supervisord process down y/N[?] ")
shell.send("n\r")
shell.prompt()
shell.send("nonsense\r")
shell.expect("[*][*][*] Unknown syntax: nonsense")
shell.prompt()
shell.child.sendeof()
shell.ends()

lines = open(history).read().splitlines()
assert lines[:2] == ["fg cat", "fg cat"] or lines[0] == "fg cat", lines
assert lines[-1] == "nonsense", lines
assert os.stat(history).st_mode & 0o77 == 0

# What an earlier session left can be called back.
shell = Shell()
shell.send("\x1b[A")
shell.expect("nonsense")
shell.clear()
shell.child.sendintr()
shell.ends()

shell = Shell()
shell.send("quit\r")
shell.ends()

# At a terminal that cannot draw a line anew, Ctrl-C and Ctrl-D end the shell all the same.
for keys in ["\x03", "vers\x03", "\x04"]:
    shell = Shell(terminal="dumb")
    shell.send("version\r")
    shell.expect("[0-9]+[.][0-9]")
    shell.prompt()
    shell.send(keys)
    shell.ends()
