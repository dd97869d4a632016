"""Supervisor's own classes in a world we own: its clock, its fork, its kill, its wait, its file checks.

Nothing here decides what a supervisor does. `World` answers the system calls that Supervisor would make,
`Reference` runs Supervisor's main loop, pass by pass, until an instant has nothing left to give.
"""

import errno
import os
import signal
import time as calendar

import supervisor.process
import supervisor.rpcinterface
import supervisor.supervisord
from supervisor import events
from supervisor.datatypes import RestartUnconditionally, RestartWhenExitUnexpected
from supervisor.http import NOT_DONE_YET
from supervisor.options import BadCommand, NoPermission, NotExecutable, NotFound, ProcessGroupConfig
from supervisor.states import SupervisorStates
from supervisor.xmlrpc import RPCError

import differences

# One tick is 1/512 of a second: exact both in Python's floats and in nanoseconds (1,953,125), so that
# "more than" and "at least" cannot be confused by rounding.
TICKS_PER_SECOND = 512
EPOCH = 1_700_000_000

# Passes of the main loop at one instant. Reaching it means that the reference never comes to rest.
PASSES_MAX = 200


class Clock:
    """Stands in for the `time` module of Supervisor's modules."""

    def __init__(self):
        self.ticks = 0

    def time(self):
        return EPOCH + self.ticks / TICKS_PER_SECOND

    gmtime = staticmethod(calendar.gmtime)
    localtime = staticmethod(calendar.gmtime)


CLOCK = Clock()
for module in (supervisor.process, supervisor.supervisord, supervisor.rpcinterface, differences):
    module.time = CLOCK


class Logger:
    """Keeps what a log at level INFO would show, but for sentences whose moment depends on how often one looks."""

    def __init__(self, say):
        self.say = say

    def ignore(self, *args, **kwargs):
        pass

    blather = trace = debug = ignore

    def _at(level):
        def log(self, text, *args, **kwargs):
            if not text.startswith("waiting for "):
                self.say(level, without_traceback(text))

        return log

    info, warn, error, critical = _at("INFO"), _at("WARN"), _at("ERRO"), _at("CRIT")


def without_traceback(text):
    """A failed kill is reported with a Python traceback, which no other program can be asked to repeat."""
    head, found, _ = text.partition("):Traceback")
    return head + "):" if found else text


class Child:
    def __init__(self, process, pid, ticks):
        self.process, self.pid, self.born = process, pid, ticks
        self.signals = []
        # What a listener has not come to say yet.
        self.unsaid = ""


class World:
    """The `options` object that Supervisor's classes reach the system through."""

    identifier = "supervisor"
    serverurl = None
    logfile = None

    def __init__(self, groups):
        self.mood = SupervisorStates.RUNNING
        self.pidhistory = {}
        self.saw, self.log = [], []
        # What each pool's processes were told; and what somebody says, on its way to who hears it.
        self.told, self.said = {}, b""
        self.ambiguous = False
        self.logger = Logger(lambda level, text: self.log.append(level + " " + text))
        self.children, self.zombies, self.signals = {}, [], []
        self.armed = {}
        self.spawning = None
        self.next_pid = 100
        self.process_group_configs = self.read(groups)
        # What the files say; None if they cannot be read.
        self.on_disk = groups
        # What they said when a restart was asked for.
        self.for_restart = None

    # What the recorder does to the world.

    def arm(self, process, what, how):
        self.armed.setdefault((process, what), []).append(how)

    def armed_for(self, process, what):
        waiting = self.armed.get((process, what))
        return waiting.pop(0) if waiting else None

    def child_exits(self, pid, status):
        self.zombies.append((pid, status))
        del self.children[pid]

    def read(self, groups):
        configs = []
        for group in groups:
            if "events" in group:
                configs.append(self.read_pool(group))
                continue
            processes = [differences.ProcessConfig(self, **parameters(group, p)) for p in group["processes"]]
            configs.append(ProcessGroupConfig(self, group["name"], group["priority"], processes))
        return sorted(configs)

    def read_pool(self, group):
        processes = [differences.ListenerConfig(self, **parameters(group, p)) for p in group["processes"]]
        kinds = [getattr(events.EventTypes, name) for name in group["events"]]
        return differences.PoolConfig(self, group["name"], group["priority"], processes, group["buffer_size"],
                                      kinds, differences.Judge())

    # What Supervisor asks of the system.

    def process_config(self, do_usage=True):
        if self.on_disk is None:
            raise ValueError(differences.UNREADABLE)
        self.process_group_configs = self.read(self.on_disk)

    def stat(self, filename):
        return filename

    def get_path(self):
        return ["/bin"]

    def check_execv_args(self, filename, argv, st):
        process = filename.removeprefix("/bin/")
        how = self.armed_for(process, "spawn" if self.spawning else "check")
        if how is None or how.startswith(("pipes:", "fork:")):
            if how is not None:
                self.spawning.failure = how
            return
        raise {
            "missing": NotFound("can't find command %r" % filename),
            "directory": NotExecutable("command at %r is a directory" % filename),
            "mode": NotExecutable("command at %r is not executable" % filename),
            "access": NoPermission("no permission to run command %r" % filename),
            "empty": BadCommand("command is empty"),
        }[how]

    def make_dispatchers(self, process):
        if process.failure and process.failure.startswith("pipes:"):
            raise OSError(getattr(errno, process.failure[6:]), "armed")
        return {}, {}

    def readfd(self, fd):
        """What its process just said; nothing when the child has ended."""
        said, self.said = self.said, b""
        return said

    def tell(self, process, envelope):
        text = "%s %s" % (process.config.name, envelope.decode())
        self.told.setdefault(process.group.config.name, []).append(text)

    def fork(self):
        process = self.spawning
        if process.failure:
            raise OSError(getattr(errno, process.failure[5:]), "armed")
        self.next_pid += 1
        self.children[self.next_pid] = Child(process, self.next_pid, CLOCK.ticks)
        return self.next_pid

    def kill(self, pid, sig):
        process = self.children[abs(pid)].process
        self.saw.append("kill %s %d%s" % (differences.namespec(process), sig, " group" if pid < 0 else ""))
        how = self.armed_for(differences.namespec(process), "kill")
        if how:
            code = getattr(errno, how)
            raise OSError(code, os.strerror(code))
        self.children[abs(pid)].signals.append(sig)

    def waitpid(self):
        return self.zombies.pop(0) if self.zombies else (None, None)

    def get_signal(self):
        return self.signals.pop(0) if self.signals else None

    def close_parent_pipes(self, pipes):
        pass

    close_child_pipes = close_parent_pipes

    def reopenlogs(self):
        pass

    def get_autochildlog_name(self, name, identifier, channel):
        return None

    def get_pid(self):
        return 1


def parameters(group, process):
    """A process of a trace, as the parameters of Supervisor's ProcessConfig."""
    given = {key: process[key] for key in process if key != "autorestart"}
    given["autorestart"] = {
        "never": False,
        "unexpected": RestartWhenExitUnexpected,
        "always": RestartUnconditionally,
    }[process["autorestart"]]
    channel = {"logfile": None, "capture_maxbytes": 0, "events_enabled": False, "syslog": False,
               "logfile_backups": 0, "logfile_maxbytes": 0}
    for key, value in channel.items():
        given["stdout_" + key] = given["stderr_" + key] = value
    given["command"] = "/bin/%s:%s --loop" % (group["name"], process["name"])
    return dict(given, uid=None, directory=None, umask=None, redirect_stderr=False)


class Reference:
    """A whole supervisord at rest, waiting for the next thing to happen to it."""

    def __init__(self, groups):
        self.world = World(groups)
        self.supervisord = differences.Supervisord(self.world)
        self.rpc = differences.RpcInterface(self.supervisord)
        self.waiting, self.replies = [], []
        self.ended = False
        events.clear()
        events.subscribe(events.Event, self.heard)
        supervisor.process.GlobalSerial.serial = -1

    def born_again(self):
        """What comes after a restart, in the same world."""
        before = self.world
        after = Reference(before.for_restart)
        after.world.on_disk, after.world.armed, after.world.next_pid = (
            before.on_disk, before.armed, before.next_pid)
        return after

    def heard(self, event):
        if isinstance(event, events.TickEvent) and not self.wants(event):
            # Convoke's clock does not tick for nobody.
            return
        name = events.getEventNameByType(event.__class__)
        self.world.saw.append("%s %s" % (name, event.payload()))

    def pools(self):
        return [group for group in self.supervisord.process_groups.values() if isinstance(group, differences.Pool)]

    def wants(self, event):
        return any(isinstance(event, kind) for pool in self.pools() for kind in pool.config.pool_events)

    def say(self, process, text):
        self.world.said = text.encode()
        process.ear.handle_read_event()

    def output(self, process, kind, text):
        events.notify(getattr(events.EventTypes, kind)(process, process.pid, text.encode()))

    def begin(self):
        for config in self.world.process_group_configs:
            self.supervisord.add_process_group(config)
        events.notify(events.SupervisorRunningEvent())

    def request(self, number, method, *args):
        try:
            answer = getattr(self.rpc, method)(*args)
        except RPCError as fault:
            self.reply(number, fault)
            return
        if callable(answer):
            self.waiting.append((number, answer))
            self.poll()
        else:
            self.reply(number, answer)

    def reply(self, number, answer):
        if isinstance(answer, RPCError):
            answer = {"fault": [answer.code, without_traceback(answer.text)]}
        elif isinstance(answer, list):
            answer = [one if not isinstance(one, dict) or "description" not in one
                      else dict(one, description=without_traceback(one["description"])) for one in answer]
        self.replies.append([number, answer])

    def poll(self):
        for item in self.waiting[:]:
            number, callback = item
            try:
                answer = callback()
            except RPCError as fault:
                answer = fault
            if answer is not NOT_DONE_YET:
                self.waiting.remove(item)
                self.reply(number, answer)

    def run_until_still(self):
        """Passes of `Supervisor.runforever`, all at this instant, until one changes nothing."""
        for _ in range(PASSES_MAX):
            before = self.mark()
            self.one_pass()
            if self.ended or self.mark() == before:
                return
        raise RuntimeError("the reference does not come to rest")

    def mark(self):
        supervisord = self.supervisord
        left = len(supervisord.stop_groups) if supervisord.stop_groups is not None else -1
        told = sum(map(len, self.world.told.values()))
        return (told, len(self.world.saw), len(self.world.log), len(self.replies), self.world.mood,
                supervisord.stopping, left, len(self.world.signals), len(self.world.zombies))

    def one_pass(self):
        supervisord = self.supervisord
        self.poll()
        groups = sorted(supervisord.process_groups.values())
        down = self.world.mood < SupervisorStates.RUNNING
        if down:
            if not supervisord.stopping:
                supervisord.stopping = True
                supervisord.stop_groups = groups[:]
                events.notify(events.SupervisorStoppingEvent())
            differences.tell_first(self.pools())
            supervisord.ordered_stop_groups_phase_1()
            if not supervisord.shutdown_report():
                self.poll()
                self.ended = True
                return
        for group in groups:
            group.transition()
        supervisord.reap()
        supervisord.handle_signal()
        supervisord.tick()
        if self.world.mood < SupervisorStates.RUNNING:
            supervisord.ordered_stop_groups_phase_2()

    def processes(self):
        for group in self.supervisord.process_groups.values():
            yield from group.processes.values()


SIGNALS = {name: getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP")}
