"""Sits at a client in a pseudo-terminal: who is asked for a password, `-i`, and colours. Arguments: the client, a URL
that needs the password, one that needs none, and whether the client has colours."""
import os
import sys

import pexpect

client, locked, open_url, colours = sys.argv[1:]
DEADLINE = 60


def run(*args, **variables):
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment.update({"TERM": "xterm", **variables})
    return pexpect.spawn(
        client, list(args), encoding="utf-8", timeout=DEADLINE, dimensions=(24, 100), env=environment
    )


def rest_of(child):
    child.expect(pexpect.EOF)
    child.close()
    return child.before


def password_is_asked_for_and_not_shown():
    child = run("-s", locked, NO_COLOR="1")
    child.expect("Server requires authentication")
    child.expect("Username:")
    child.sendline("me")
    child.expect("Password:")
    assert "me" in child.before
    child.sendline("secret")
    child.expect("x +RUNNING")
    assert "secret" not in child.before, child.before
    child.expect("supervisor> ")
    child.sendline("version")
    child.expect("4[.]3[.]0")
    child.sendline("exit")
    rest_of(child)


def commands_first_and_then_the_shell():
    child = run("-s", open_url, "-i", "version", NO_COLOR="1")
    child.expect("4[.]3[.]0")
    child.expect("supervisor> ")
    child.sendline("pid")
    child.expect(r"\d+\r\n")
    child.expect("supervisor> ")
    child.sendline("exit")
    rest_of(child)


def colours_are_for_people():
    painted = rest_of(run("-s", open_url, "status"))
    plain = rest_of(run("-s", open_url, "status", NO_COLOR="1"))
    dumb = rest_of(run("-s", open_url, "status", TERM="dumb"))
    assert "RUNNING" in painted and "RUNNING" in plain and "RUNNING" in dumb
    assert ("\x1b[" in painted) == (colours == "yes"), repr(painted)
    assert "\x1b[" not in plain and "\x1b[" not in dumb, (plain, dumb)


password_is_asked_for_and_not_shown()
if colours == "yes":
    # The stock client only asks before it shuts down, then.
    commands_first_and_then_the_shell()
colours_are_for_people()
