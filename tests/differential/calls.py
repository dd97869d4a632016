"""Calls every method of a daemon with all kinds of arguments, and prints what came back, one line a call.

Arguments: the socket's URL, and the directory of the world, which is left out of what is printed. The lines are the
same for every daemon that behaves the same: numbers that differ from run to run are replaced.
"""
import json
import re
import sys
import threading
import time
import xmlrpc.client

from supervisor.xmlrpc import SupervisorTransport

URL, DIR = sys.argv[1:]
# What nobody can foretell of a process.
PASSING = {"start": 1, "stop": 1, "now": 1, "pid": 1}


def server():
    transport = SupervisorTransport(None, None, URL)
    transport.use_datetime = False
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport, allow_none=True)


def tidy(value, name=None):
    if isinstance(value, dict):
        # Release 4.4 has this one; it has a test of its own.
        return {key: tidy(item, key) for key, item in value.items() if key != "autorestart"}
    if isinstance(value, list):
        return [tidy(item) for item in value]
    if name in PASSING and type(value) is int:
        return "some" if value else 0
    if isinstance(value, str):
        value = value.replace(DIR, "{dir}")
        value = re.sub(r"pid \d+, uptime \d:\d\d:\d\d", "pid N, uptime T", value)
        value = re.sub(r"---before-\w+\.log", "---before-SUFFIX.log", value)
        return re.sub(r"^[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M$", "at some time", value)
    return value


def said(proxy, method, args):
    try:
        # The way by attributes cannot name every method.
        return tidy(proxy._ServerProxy__request(method, tuple(args)))
    except xmlrpc.client.Fault as fault:
        return tidy("fault %d %s" % (fault.faultCode, fault.faultString))
    except xmlrpc.client.ProtocolError as error:
        return "HTTP %d" % error.errcode


def show(method, args, answer):
    print("%s%s = %s" % (method, json.dumps(args, ensure_ascii=False), json.dumps(answer, ensure_ascii=False)))


def ask(method, *args):
    show(method, list(args), said(PROXY, method, args))


def until(name, *states):
    """Waits, without printing anything."""
    deadline = time.time() + 60
    while PROXY.supervisor.getProcessInfo(name)["statename"] not in states:
        if time.time() > deadline:
            raise SystemExit("%s is not %s" % (name, states))
        time.sleep(0.05)


PROXY = server()
ODD = [None, True, 5, -1, 5.5, "", "nobody", "nobody:nobody", "nobody:*", "pair", "pair:", "*", "a:b:c", "Zähler2", [], ["x"],
       {}, {"a": 1}]
NAMED = ["startProcess", "stopProcess", "getProcessInfo"]
GROUPED = ["startProcessGroup", "stopProcessGroup", "addProcessGroup", "removeProcessGroup"]
LOGS = ["readProcessLog", "readProcessStdoutLog", "readProcessStderrLog", "tailProcessLog", "tailProcessStdoutLog",
        "tailProcessStderrLog"]


def introspection():
    names = [name for name in PROXY.system.listMethods() if "Collection" not in name]
    show("system.listMethods", [], names)
    for name in names:
        ask("system.methodSignature", name)
        help = PROXY.system.methodHelp(name)
        show("tags of", [name], re.findall(r"@(param|return)\s+(\w+)", help))
    for odd in ["supervisor.nope", "nope", "", "system", "supervisor._update", 5, None, [], "a.b.c"]:
        ask("system.methodSignature", odd)
        ask("system.methodHelp", odd)
    for args in [(), ("a", "b")]:
        ask("system.methodHelp", *args)
        ask("system.methodSignature", *args)
    ask("system.listMethods", 1)


def names_of_methods():
    for name in ["nope.nope", "supervisor.nope", "supervisor.getState.x", "supervisor.supervisord.getPID",
                 "supervisor._update", "supervisor.__init__", "supervisor._getGroupAndProcess",
                 "system._methodHelp", "system.namespaces", "supervisor.supervisord", "Supervisor.getState"]:
        ask(name)
    ask("supervisor")


def numbers_of_arguments():
    for name in PROXY.system.listMethods():
        if "Collection" in name or name == "system.multicall":
            continue
        count = len(PROXY.system.methodSignature(name)) - 1
        ask(name, *["x"] * (count + 1))
        if count > 1 or (count == 1 and not name.endswith("AllProcesses")):
            ask(name)


def plain():
    for name in ["getAPIVersion", "getVersion", "getSupervisorVersion", "getIdentification", "getState",
                 "getAllConfigInfo"]:
        ask("supervisor." + name)
    show("type of getPID", [], type(PROXY.supervisor.getPID()).__name__)
    ask("supervisor.getAllProcessInfo")


def odd_arguments():
    for odd in ODD:
        for name in NAMED + GROUPED:
            # These are good names of groups, and tried later.
            if name in GROUPED and odd == "pair" or name in NAMED and odd == "pair:":
                continue
            ask("supervisor." + name, odd)
        ask("supervisor.signalProcess", odd, "HUP")
        ask("supervisor.signalProcess", "idle", odd)
        ask("supervisor.signalProcessGroup", odd, "HUP") if odd != "pair" else None
        ask("supervisor.sendProcessStdin", odd, "x")
        ask("supervisor.sendProcessStdin", "idle", odd)
        ask("supervisor.clearProcessLogs", odd)
        ask("supervisor.clearProcessLog", odd)
        for name in LOGS:
            ask("supervisor." + name, odd, 0, 10)
    for offset, length in [(0, 0), (0, 4), (6, 4), (-3, 0), (-100, 0), (-1, 1), (0, -1), (-1, -1), (100, 0), (100, 5),
                           ("1", "2"), (1.9, 2.9), (True, True), ("x", 0), (0, "x"), (None, 0), (0, []), ("", 0),
                           (" 1 ", 2), ("1.5", 0), ("+1", "0_1")]:
        for name in LOGS:
            ask("supervisor." + name, "talk", offset, length)
        if offset != 0 or length not in (0, 4):
            show("readLog", [offset, length], kind(said(PROXY, "supervisor.readLog", (offset, length))))


def kind(answer):
    """Of an answer that differs from run to run, whether it is a fault, and which."""
    return answer if str(answer).startswith(("fault", "HTTP")) else type(answer).__name__


def starting_and_stopping():
    for name in ["gone", "dir", "plain", "unparsable", "empty"]:
        ask("supervisor.startProcess", name)
        ask("supervisor.startProcess", name, False)
    for name in ["quick", "quick", "idle"]:
        ask("supervisor.startProcess", name)
    ask("supervisor.getProcessInfo", "quick")
    # The reference's answer depends on whether it sees the end before it answers.
    said(PROXY, "supervisor.startProcess", ["exits"])
    until("exits", "EXITED")
    ask("supervisor.getProcessInfo", "exits")
    ask("supervisor.startProcess", "idle")
    ask("supervisor.startProcess", "idle:idle", False)
    ask("supervisor.startProcess", "idle:", True)
    for signal in ["HUP", "SIGCONT", "cont", 18, "18", 0, "0", "NOPE", "SIG_DFL", "SIG", "", " HUP", "KILLX", 999, -1, 1.0]:
        ask("supervisor.signalProcess", "trap", signal)
    ask("supervisor.signalProcess", "gone", "HUP")
    ask("supervisor.signalProcess", "gone", "NOPE")
    ask("supervisor.signalProcess", "pair:*", "CONT")
    ask("supervisor.signalProcessGroup", "pair", "CONT")
    ask("supervisor.startProcessGroup", "pair")
    until("pair:one", "RUNNING"), until("pair:two", "RUNNING")
    ask("supervisor.startProcess", "pair:*")
    ask("supervisor.signalProcessGroup", "pair", "NOPE")
    ask("supervisor.signalProcessGroup", "pair", "CONT")
    ask("supervisor.signalProcess", "pair:*", 18)
    ask("supervisor.stopProcess", "pair:two")
    ask("supervisor.stopProcess", "pair:two")
    ask("supervisor.stopProcessGroup", "pair", False)
    until("pair:one", "STOPPED")
    ask("supervisor.stopProcessGroup", "pair")
    ask("supervisor.startProcess", "pair:", 0)
    # Who ends first comes first (RPC-035), which is chance.
    ended = said(PROXY, "supervisor.stopProcess", ["pair:*", True])
    show("stopped in any order", [], sorted(ended, key=lambda outcome: outcome["name"]))
    for wait in [None, "", "x", 0, 1.5, [], {}]:
        ask("supervisor.startProcess", "idle2", wait)
        until("idle2", "RUNNING")
        ask("supervisor.stopProcess", "idle2", wait)
        until("idle2", "STOPPED")
    ask("supervisor.startProcess", "Zähler")
    ask("supervisor.startProcess", "Zähler")
    ask("supervisor.stopProcess", "Zähler")
    ask("supervisor.stopProcess", "quick")
    ask("supervisor.signalAllProcesses", "NOPE")
    ask("supervisor.signalAllProcesses", "CONT")


def groups():
    ask("supervisor.addProcessGroup", "pair")
    ask("supervisor.removeProcessGroup", "trap")
    ask("supervisor.removeProcessGroup", "pair")
    ask("supervisor.removeProcessGroup", "pair")
    ask("supervisor.getProcessInfo", "pair:one")
    ask("supervisor.startProcess", "pair:one")
    ask("supervisor.reloadConfig")
    ask("supervisor.addProcessGroup", "pair")
    ask("supervisor.getProcessInfo", "pair:one")
    with open(DIR + "/supervisord.conf") as file:
        text = file.read()
    with open(DIR + "/supervisord.conf", "w") as file:
        file.write(text.replace("[program:idle2]", "[program:fresh]").replace("identifier=before", "identifier=after"))
    ask("supervisor.reloadConfig")
    ask("supervisor.getIdentification")
    ask("supervisor.addProcessGroup", "idle2")
    ask("supervisor.addProcessGroup", "fresh")
    ask("supervisor.removeProcessGroup", "idle2")
    show("inuse", [], [[c["name"], c["inuse"]] for c in PROXY.supervisor.getAllConfigInfo()])
    with open(DIR + "/supervisord.conf", "w") as file:
        file.write(text + "[program:broken]\nautostart=maybe\n")
    show("a broken file", [], said(PROXY, "supervisor.reloadConfig", ())[:22])
    with open(DIR + "/supervisord.conf", "w") as file:
        file.write(text)


def multicalls():
    call = lambda name, *params: {"methodName": name, "params": list(params)}
    many = lambda *calls: ask("system.multicall", list(calls))
    many()
    many(call("supervisor.getState"), call("supervisor.getAPIVersion"), call("supervisor.nope"))
    many({"methodName": "supervisor.getAPIVersion"}, {"params": []}, {}, {"methodName": None}, {"methodName": ""})
    many(call("system.multicall", []), call("system.methodSignature", "nope"), call("a"), call("a.b.c"))
    many(call("supervisor.getProcessInfo", "nobody"), call("supervisor.getState", 1), call("supervisor.startProcess"))
    many(call("supervisor.startProcess", "idle"), call("supervisor.stopProcess", "idle"),
         call("supervisor.startProcess", "idle"), call("supervisor.startProcess", "quick"),
         call("supervisor.getProcessInfo", "idle"), call("supervisor.startProcess", "gone"))
    many(call("supervisor.stopProcess", "idle", False), call("supervisor.stopProcess", "nobody"))
    until("idle", "STOPPED")
    for odd in [5, None, "x", {}, [5], ["x"], [None], [[]]]:
        ask("system.multicall", odd)
    ask("system.multicall")
    ask("system.multicall", [], [])


def end():
    """While the daemon stops a process that takes its time."""
    ask("supervisor.shutdown")
    for name in ["getState", "getPID", "getAPIVersion", "getVersion", "getSupervisorVersion", "getIdentification",
                 "getAllProcessInfo", "getAllConfigInfo", "shutdown", "restart", "reloadConfig", "startAllProcesses",
                 "stopAllProcesses", "clearAllProcessLogs", "clearLog", "nope"]:
        ask("supervisor." + name)
    for name in NAMED + GROUPED + ["clearProcessLogs", "clearProcessLog", "signalAllProcesses"]:
        ask("supervisor." + name, "nobody")
        ask("supervisor." + name, None)
    for name in LOGS:
        ask("supervisor." + name, "nobody", "x", None)
    ask("supervisor.readLog", -1, -1)
    ask("supervisor.readMainLog", "x", "y")
    ask("supervisor.signalProcess", "nobody", "NOPE")
    ask("supervisor.signalProcessGroup", "nobody", "NOPE")
    ask("supervisor.getState", 1)
    ask("supervisor.startProcess")
    ask("system.methodSignature", "supervisor.getState")
    ask("system.multicall", [{"methodName": "supervisor.getState"}, {"methodName": "system.methodHelp"}])


until("trap", "RUNNING")
until("talk", "EXITED")
for part in [introspection, names_of_methods, numbers_of_arguments, plain, odd_arguments, starting_and_stopping, groups,
             multicalls, end]:
    print("--", part.__name__)
    part()
