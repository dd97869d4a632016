"""The places where Convoke decides otherwise than Supervisor, each put into Supervisor by one small change.

With these in place every trace must replay identically. docs/compatibility.md gives the reasons.

BUG-007 and BUG-022 need no code here: the recorder runs the main loop again and again at one instant, so an
exit is noticed at once and a group with nothing to stop takes no second.
"""

import signal

import supervisor.options
from supervisor.process import Subprocess
from supervisor.rpcinterface import SupervisorNamespaceRPCInterface
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.supervisord import Supervisor
from supervisor.xmlrpc import Faults, RPCError

time = None  # Set by `reference`, so that all modules have one clock.

# Seconds from the last start before a program is started again by itself (RESTART_FLOOR), and between two
# SIGKILLs to one child (KILL_FLOOR).
RESTART_FLOOR = 1
KILL_FLOOR = 1


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
