"""Records what Supervisor does, for `cargo test --test oracle` to compare with what Convoke does.

    python record.py --seed 1 --count 1000 --kind single --out traces/single.jsonl.gz

The kinds: `single` is one process; `groups` are several, some traces with a shutdown or restart at the end; `lives`
are groups from start to end, and after each restart from the new beginning to the next end, with the files edited,
and broken, at any moment; `pools` are groups and event listener pools, for minutes, or for an hour and more.

One line of JSON is one trace: the configuration, then steps. A step is a moment, what happened to the
supervisor then, and all that followed at that same moment. Needs supervisor 4.3.0 to record, never to replay.
"""

import argparse
import gzip
import json
import math
import random

import differences
import scenario
from reference import CLOCK, EPOCH, SIGNALS, TICKS_PER_SECOND, Reference
from supervisor import events
from supervisor.datatypes import RestartUnconditionally
from supervisor.process import ProcessStates
from supervisor.states import SupervisorStates


# Beginnings in one trace: it ends with the end of the last.
LIVES_MAX = 4
# Seconds that a trace with pools lasts.
LIFE, LONG_LIFE = 120, 3_700


class Ambiguous(Exception):
    """No trace: two different deadlines fell into one tick, so their order is not a matter of rule; or an event was
    dropped with somebody READY for it, which depends on how often one looks."""


class Recorder:
    def __init__(self, seed, kind):
        self.rng = random.Random(seed)
        self.single, self.lives, self.pools = kind == "single", kind == "lives", kind == "pools"
        if self.pools:
            self.groups = scenario.some_groups_and_pools(self.rng)
        else:
            self.groups = scenario.some_groups(self.rng, self.single)
        self.later = scenario.changed_groups(self.rng, self.groups)
        CLOCK.ticks = TICKS_PER_SECOND * self.rng.randint(1, 50) + self.rng.randrange(TICKS_PER_SECOND)
        self.reference = Reference(self.groups)
        self.steps, self.known, self.requests = [], {}, 0
        # How much longer than usual nothing happens.
        self.pace = 1

    def trace(self):
        if self.lives:
            return self.trace_of_lives()
        self.step(["begin"], self.reference.begin)
        for _ in self.moments():
            if self.reference.ended:
                break
            self.something()
        if self.rng.random() < 0.4 and not self.reference.ended:
            self.shut_down()
        trace = {"groups": [without_defaults(group) for group in self.groups], "steps": self.steps}
        if self.reference.world.on_disk is self.later:
            trace["later"] = [without_defaults(group) for group in self.later]
        return trace

    def trace_of_lives(self):
        for life in range(LIVES_MAX):
            self.step(["begin"], self.reference.begin)
            for _ in range(self.rng.randint(2, 10)):
                if not self.reference.ended:
                    self.something()
            if not self.reference.ended:
                self.shut_down()
            if not self.reference.ended or self.reference.world.mood != SupervisorStates.RESTARTING:
                break
            self.reference = self.reference.born_again()
            self.known = {}
        return {"groups": [without_defaults(group) for group in self.groups], "steps": self.steps}

    def moments(self):
        """As often as something is to happen."""
        if not self.pools:
            yield from range(self.rng.randint(8, 30))
            return
        life = self.rng.choice([LIFE] * 9 + [LONG_LIFE])
        self.pace = life // LIFE
        until = CLOCK.ticks + TICKS_PER_SECOND * life
        while CLOCK.ticks < until:
            yield
            self.obey()
            if self.rng.random() < 0.05:
                # Nothing but what comes by itself.
                self.advance(min(TICKS_PER_SECOND * self.rng.randint(1, 400), max(until - CLOCK.ticks, 1)))

    def obey(self):
        """Most children end soon when they are told to, so that a life is not one long wait for SIGKILL."""
        for child in self.mortal():
            if child.signals and self.rng.random() < 0.7 and not self.reference.ended:
                self.exit(child)

    # What can happen.

    def something(self):
        rng = self.rng
        kind = rng.random()
        mortal = self.mortal()
        if self.lives and rng.random() < 0.1:
            self.edit()
        elif self.pools and rng.random() < 0.7:
            self.somebody_speaks()
        elif kind < 0.35:
            self.advance(scenario.some_ticks(rng, TICKS_PER_SECOND) * self.pace)
        elif kind < 0.55 and mortal:
            self.exit(rng.choice(mortal))
        elif kind < 0.70:
            self.arm()
        else:
            self.request(*scenario.some_request(rng, self.reference, self.single or self.pools))

    def somebody_speaks(self):
        """A listener in its protocol, a program in its output, or a client to the listeners."""
        rng, children = self.rng, self.heard()
        listeners = [child for child in children if hasattr(child.process, "ear")]
        if listeners and rng.random() < 0.7:
            children = listeners
        child = rng.choice(children) if children else None
        if child is None or rng.random() < 0.15:
            self.request("sendRemoteCommEvent", rng.choice(["t", "a b", "\u00e9"]), rng.choice(["", "data\n"]))
        elif child in listeners:
            self.speak(child)
        else:
            kind, text = rng.choice(scenario.OUTPUT), rng.choice(["one line\n", "\u00e9\u20ac", ""])
            self.step(["output", differences.namespec(child.process), kind, text],
                      lambda: self.reference.output(child.process, kind, text))

    def heard(self):
        """Children whose output anybody reads; not those whose group is gone."""
        here = list(self.reference.processes())
        return [child for child in self.reference.world.children.values() if any(child.process is one for one in here)]

    def speak(self, child):
        """Perhaps the first part of a sentence only; the rest comes next."""
        text = child.unsaid or scenario.some_words(self.rng, child.process)
        if text and self.rng.random() < 0.1:
            cut = self.rng.randint(1, len(text))
            text, child.unsaid = text[:cut], text[cut:]
        else:
            child.unsaid = ""
        if text and child.process.state != ProcessStates.UNKNOWN:
            self.step(["say", differences.namespec(child.process), text],
                      lambda: self.reference.say(child.process, text))

    def listen(self):
        """While time passes, most listeners do their work."""
        for child in self.heard():
            if hasattr(child.process, "ear") and self.rng.random() < 0.8:
                self.speak(child)

    def mortal(self):
        """Children that may exit. Supervisor dies of an exit in UNKNOWN, so there is nothing to compare with."""
        return [child for child in self.reference.world.children.values()
                if child.process.state != ProcessStates.UNKNOWN]

    def exit(self, child):
        if child.born == CLOCK.ticks:
            self.advance(1)
        if child.pid not in self.reference.world.children or child not in self.mortal():
            return
        status = scenario.some_exit(self.rng, child)
        self.step(["exit", differences.namespec(child.process), status],
                  lambda: self.reference.world.child_exits(child.pid, status))

    def arm(self):
        processes = list(self.reference.processes())
        if not processes:
            return
        process = differences.namespec(self.rng.choice(processes))
        what, how = scenario.some_failure(self.rng)
        for _ in range(self.rng.choice([1, 1, 2, 4]) if what == "spawn" else 1):
            self.reference.world.arm(process, what, how)
            self.steps.append({"at": CLOCK.ticks, "do": ["arm", process, what, how]})

    def edit(self):
        """Somebody edits the files; what he leaves may be beyond reading."""
        groups = None if self.rng.random() < 0.25 else scenario.changed_groups(self.rng, self.groups)
        self.reference.world.on_disk = groups
        written = groups and [without_defaults(group) for group in groups]
        self.steps.append({"at": CLOCK.ticks, "do": ["edit", written]})

    def request(self, method, *args):
        if method == "reloadConfig" and not self.lives:
            self.reference.world.on_disk = self.later
        self.requests += 1
        number = self.requests
        self.step(["request", number, method] + list(args),
                  lambda: self.reference.request(number, method, *args))

    def signal(self, name):
        self.step(["signal", SIGNALS[name]],
                  lambda: self.reference.world.signals.append(SIGNALS[name]))

    def shut_down(self):
        """To the end: the children die by and by, clients and signals still come."""
        rng = self.rng
        ways = [lambda: self.signal("SIGTERM"), lambda: self.signal("SIGINT"), lambda: self.signal("SIGHUP"),
                lambda: self.request("shutdown"), lambda: self.request("restart")]
        rng.choice(ways)()
        for _ in range(60):
            if self.reference.ended:
                return
            kind, mortal = rng.random(), self.mortal()
            if kind < 0.5 and mortal:
                self.exit(rng.choice(mortal))
            elif kind < 0.58:
                self.request(*scenario.some_request(rng, self.reference, self.single))
            elif kind < 0.64:
                rng.choice(ways)()
            elif kind < 0.68:
                self.arm()
            elif self.lives and kind < 0.72:
                self.edit()
            else:
                self.advance(scenario.some_ticks(rng, TICKS_PER_SECOND))

    # Time.

    def advance(self, ticks):
        """Stops at every moment at which a process is due, so that no two different ones are passed at once."""
        target = CLOCK.ticks + ticks
        while not self.reference.ended:
            due = [d for d in map(self.deadline, self.reference.processes()) if d is not None]
            due = [(at, after) for at, after in due if CLOCK.ticks < at + after <= target]
            first = min([at + after for at, after in due], default=target + 1)
            if len({d for d in due if sum(d) == first}) > 1:
                raise Ambiguous
            first = min([first] + [at for at in self.pools_due() if at <= target])
            if first > target:
                break
            CLOCK.ticks = first
            self.step(["wake"], lambda: None)
            if self.pools:
                self.listen()
        if not self.reference.ended:
            CLOCK.ticks = target

    def pools_due(self):
        """When the clock ticks for a pool, and when a pause of one ends."""
        pools = self.reference.pools()
        for pool in pools:
            if pool.resume_at is not None and pool.event_buffer:
                over = math.ceil((pool.resume_at - EPOCH) * TICKS_PER_SECOND)
                if over > CLOCK.ticks:
                    yield over
        if any(issubclass(tick, kind) for tick in events.TICK_EVENTS for pool in pools
               for kind in pool.config.pool_events):
            yield CLOCK.ticks // (5 * TICKS_PER_SECOND) * 5 * TICKS_PER_SECOND + 5 * TICKS_PER_SECOND

    def deadline(self, process):
        """When the process does something by itself: the tick, and 1 if it must have passed."""
        config, running = process.config, self.reference.world.mood == SupervisorStates.RUNNING
        ticks = lambda seconds: round((seconds - EPOCH) * TICKS_PER_SECOND)
        if process.state == ProcessStates.STARTING:
            return ticks(process.laststart + config.startsecs), 1
        if process.state == ProcessStates.BACKOFF and running:
            return ticks(process.delay), 1
        if process.state == ProcessStates.STOPPING:
            return ticks(process.delay), 0
        if process.state == ProcessStates.EXITED and running and not process.restart_cancelled:
            always = config.autorestart is RestartUnconditionally
            if always or (config.autorestart and process.exitstatus not in config.exitcodes):
                return ticks(process.laststart + differences.RESTART_FLOOR), 0
        return None

    # Writing down.

    def step(self, what, act):
        reference, world = self.reference, self.reference.world
        world.saw, world.log, world.told, reference.replies = [], [], {}, []
        act()
        reference.run_until_still()
        if world.ambiguous:
            raise Ambiguous
        step = {"at": CLOCK.ticks, "do": what}
        if reference.ended:
            world.saw.append("exit %s" % ("restart" if world.mood == SupervisorStates.RESTARTING else "shutdown"))
        changed = self.changed_infos() if world.mood == SupervisorStates.RUNNING else {}
        for key, value in (("saw", world.saw), ("told", world.told), ("log", world.log), ("replies", reference.replies), ("info", changed)):
            if value:
                step[key] = value
        self.steps.append(step)

    def changed_infos(self):
        """What getAllProcessInfo says now of those for whom it says something new; None for those gone."""
        infos = {}
        for info in self.reference.rpc.getAllProcessInfo():
            fields = ("state", "pid", "start", "stop", "exitstatus", "spawnerr", "stdout_logfile", "stderr_logfile")
            infos["%s:%s" % (info["group"], info["name"])] = [info[field] for field in fields]
        changed = {name: info for name, info in infos.items() if self.known.get(name) != info}
        changed.update({name: None for name in self.known if name not in infos})
        self.known = infos
        return changed


def without_defaults(group):
    processes = [{key: value for key, value in process.items() if scenario.DEFAULTS.get(key) != value}
                 for process in group["processes"]]
    return dict(group, processes=processes)


def record(seed, count, kind):
    """`count` traces, each with the seed that makes it again."""
    while count:
        try:
            trace = Recorder(seed, kind).trace()
        except Ambiguous:
            pass
        else:
            yield dict(seed=seed, **trace)
            count -= 1
        seed += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the first trace; each next one has the next")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--kind", choices=["single", "groups", "lives", "pools"], default="groups")
    parser.add_argument("--out", required=True, help="a file; its name ends in .jsonl.gz")
    args = parser.parse_args()
    # No name and no time in the file: the same traces are the same bytes.
    with open(args.out, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        for trace in record(args.seed, args.count, args.kind):
            packed.write(json.dumps(trace, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    main()
