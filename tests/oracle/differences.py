"""The places where Convoke decides otherwise than Supervisor, each put into Supervisor by one small change.

With these in place every trace must replay identically. docs/compatibility.md gives the reasons.

BUG-007 and BUG-022 need no code here: the recorder runs the main loop again and again at one instant, so an
exit is noticed at once and a group with nothing to stop takes no second.
"""

import signal

import supervisor.options
import supervisor.states
from supervisor.dispatchers import PEventListenerDispatcher, default_handler
from supervisor.process import EventListenerPool, Subprocess
from supervisor.rpcinterface import SupervisorNamespaceRPCInterface
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.supervisord import Supervisor
from supervisor.xmlrpc import Faults, RPCError

time = None  # Set by `reference`, so that all modules have one clock.

# Seconds from the last start before a program is started again by itself (RESTART_FLOOR), and between two
# SIGKILLs to one child (KILL_FLOOR).
RESTART_FLOOR = 1
KILL_FLOOR = 1


# Seconds before an event is told again that failed twice in a row, and at most; each failure doubles the pause (BUG-037).
RETRY_PAUSE = 0.1
RETRY_PAUSE_MAX = 30

# Why files cannot be read, and what is said when a restart is refused for that.
UNREADABLE = "the files are broken"
REFUSED = "restart refused, the configuration cannot be used: " + UNREADABLE


def namespec(process):
    return "%s:%s" % (process.group.config.name, process.config.name)


class Process(Subprocess):
    restart_cancelled = False
    failure = None  # What the world has in store for the spawn under way.

    def spawn(self):
        if not self.pid:
            self.restart_cancelled = False
        self.config.options.spawning, self.failure = self, None
        try:
            super().spawn()
        finally:
            self.config.options.spawning = None
        self.give_up_at_once()

    def finish(self, pid, sts):
        super().finish(pid, sts)
        self.give_up_at_once()

    def give_up_at_once(self):
        """FATAL in the same turn as the last BACKOFF, not in the next pass over all processes."""
        if self.state == ProcessStates.BACKOFF and self.backoff > self.config.startretries:
            self.give_up()
            self.config.options.logger.info(
                "gave up: %s entered FATAL state, too many start retries too quickly" % self.config.name)

    def kill(self, sig):
        """BUG-020: a stop in BACKOFF resets the tries. KILL_FLOOR: SIGKILL is repeated once a second at most."""
        before = self.state
        message = super().kill(sig)
        if before == ProcessStates.BACKOFF:
            self.backoff = 0
        if before == self.state == ProcessStates.STOPPING:
            self.delay = max(self.delay, time.time() + KILL_FLOOR)
        return message

    def _check_and_adjust_for_system_clock_rollback(self, test_time):
        """Never needed: our clock does not go back, and KILL_FLOOR would look as if it had."""

    def transition(self):
        """RESTART_FLOOR, and a stop request that calls an automatic restart off."""
        if self.state == ProcessStates.EXITED:
            if self.restart_cancelled or time.time() - self.laststart < RESTART_FLOOR:
                return
        super().transition()


class ProcessConfig(supervisor.options.ProcessConfig):
    def make_process(self, group=None):
        process = Process(self)
        process.group = group
        return process

    def make_dispatchers(self, process):
        return self.options.make_dispatchers(process)


class ListenerConfig(ProcessConfig):
    """A process of a pool: what it says is heard, and what it is told is written down."""

    def make_process(self, group=None):
        process = Listener(self)
        process.group = group
        return process

    def make_dispatchers(self, process):
        self.options.make_dispatchers(process)
        process.ear = PEventListenerDispatcher(process, "stdout", namespec(process))
        return {"stdout": process.ear}, {}


class Listener(Process):
    ear = None

    def write(self, chars):
        self.config.options.tell(self, chars)


class Judge:
    """The stock result handler; a pool learns from it that an event was accepted."""

    pool = None

    def __call__(self, event, result):
        default_handler(event, result)
        self.pool.failures, self.pool.resume_at = 0, None

    def __eq__(self, other):
        return isinstance(other, Judge)


class PoolConfig(supervisor.options.EventListenerPoolConfig):
    def make_group(self):
        return Pool(self)


class Pool(EventListenerPool):
    """BUG-014: a rejected event goes back to the pool that had it. BUG-037: one that fails again and again waits."""

    failures, resume_at = 0, None

    def __init__(self, config):
        super().__init__(config)
        config.result_handler.pool = self

    def handle_rejected(self, rejected):
        if rejected.process.group is not self:
            return
        self._acceptEvent(rejected.event, head=True)
        self.failures += 1
        if self.failures >= 2:
            pause = min(RETRY_PAUSE * 2 ** (self.failures - 2), RETRY_PAUSE_MAX)
            self.resume_at = time.time() + pause
            self.config.options.logger.warn(
                "pool %s: event %d failed, %d times in a row now without success, next try in %g seconds"
                % (self.config.name, rejected.event.serial, self.failures, pause))

    def dispatch(self):
        if self.resume_at is None or time.time() >= self.resume_at:
            self.resume_at = None
            super().dispatch()

    def _acceptEvent(self, event, head=False):
        """Told at once: where this pool drops an event with somebody READY for it, Convoke drops none."""
        if len(self.event_buffer) >= self.config.buffer_size and self.is_ready():
            self.config.options.ambiguous = True
        super()._acceptEvent(event, head)

    def is_ready(self):
        ready = supervisor.states.EventListenerStates.READY
        return any(process.state == ProcessStates.RUNNING and process.listener_state == ready
                   for process in self.processes.values())


def tell_first(pools):
    """On the way to the end, whoever is READY is told what has happened before the next group, perhaps its own, stops."""
    for pool in pools:
        pool.dispatch()


class Supervisord(Supervisor):
    def handle_signal(self):
        """BUG-002: a restart reads the files first, and if they are broken everything runs on."""
        options = self.options
        if options.signals[:1] == [signal.SIGHUP] and options.mood == SupervisorStates.RUNNING:
            options.for_restart = options.on_disk
            if options.on_disk is None:
                options.get_signal()
                options.logger.warn("received SIGHUP indicating restart request")
                options.logger.critical(REFUSED)
                return
        super().handle_signal()


class RpcInterface(SupervisorNamespaceRPCInterface):
    def restart(self):
        """BUG-002: the same for the call, which says why."""
        self._update("restart")
        options = self.supervisord.options
        options.for_restart = options.on_disk
        if options.on_disk is None:
            options.logger.critical(REFUSED)
            raise RPCError(Faults.CANT_REREAD, UNREADABLE)
        return super().restart()

    def startProcess(self, name, wait=True):
        """BUG-021: a start while STOPPING is refused at once, whether or not the caller would wait."""
        process = self.find(name)
        stopping = process is not None and process.get_state() == ProcessStates.STOPPING
        answer = super().startProcess(name, wait)
        if stopping:
            raise RPCError(Faults.ABNORMAL_TERMINATION, name)
        return answer

    def stopProcess(self, name, wait=True):
        self._update("stopProcess")
        process = self.find(name)
        if process is not None:
            process.restart_cancelled = True
        return super().stopProcess(name, wait)

    def stopProcessGroup(self, name, wait=True):
        self._update("stopProcessGroup")
        group = self.supervisord.process_groups.get(name)
        if group is not None:
            self.cancel_restarts([group])
        return super().stopProcessGroup(name, wait)

    def stopAllProcesses(self, wait=True):
        self._update("stopAllProcesses")
        self.cancel_restarts(self.supervisord.process_groups.values())
        return super().stopAllProcesses(wait)

    def signalAllProcesses(self, signal):
        """SIGNAL_ALL: Supervisor sends the signals first and only then says that it is shutting down."""
        self._update("signalAllProcesses")
        return super().signalAllProcesses(signal)

    def cancel_restarts(self, groups):
        for group in groups:
            for process in group.processes.values():
                process.restart_cancelled = True

    def find(self, name):
        """The one process that `name` means, if it means one."""
        try:
            return self._getGroupAndProcess(name)[1]
        except RPCError:
            return None
