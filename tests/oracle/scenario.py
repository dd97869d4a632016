"""Random situations: which groups there are, and what happens to them next."""

from supervisor.states import EventListenerStates

NAMES = ["web", "api", "job", "tick"]
# What is configured where nothing says otherwise; a trace names only what differs.
DEFAULTS = {
    "priority": 999, "autostart": True, "autorestart": "unexpected", "startsecs": 1, "startretries": 3,
    "exitcodes": [0], "stopsignal": 15, "stopwaitsecs": 10, "stopasgroup": False, "killasgroup": False,
}


def some_process(rng, name):
    """One process; settings lean to the small numbers where rules meet."""
    asgroup = rng.random() < 0.2
    return {
        "name": name,
        "priority": rng.choice([999, 999, 1, 2, 3]),
        "autostart": rng.random() < 0.7,
        "autorestart": rng.choice(["never", "unexpected", "unexpected", "always", "always"]),
        "startsecs": rng.choice([0, 0, 1, 1, 1, 2, 3]),
        "startretries": rng.choice([0, 1, 1, 2, 3]),
        "exitcodes": rng.choice([[0], [0], [0, 2], [1], []]),
        "stopsignal": rng.choice([15, 15, 2, 3, 1, 10]),
        "stopwaitsecs": rng.choice([0, 1, 1, 2, 3, 10]),
        "stopasgroup": asgroup,
        "killasgroup": asgroup or rng.random() < 0.2,
    }


def some_group(rng, name, most):
    names = ["%s_%02d" % (name, i) for i in range(rng.randint(1, most))]
    if rng.random() < 0.3:
        names = [name]
    rng.shuffle(names)
    return {"name": name, "priority": rng.choice([999, 999, 1, 2, 3]),
            "processes": [some_process(rng, each) for each in names]}


def some_groups(rng, single):
    if single:
        name = rng.choice(NAMES)
        group = some_group(rng, name, 1)
        group["processes"][0]["autostart"] = rng.random() < 0.85
        return [group]
    names = rng.sample(NAMES, rng.randint(1, len(NAMES)))
    return [some_group(rng, name, 4) for name in names]


# What pools subscribe to; one in three hears the clock.
EVENTS = [
    ["EVENT"], ["PROCESS_STATE", "TICK_60"], ["TICK", "TICK_3600"], ["PROCESS_STATE"],
    ["PROCESS_STATE_EXITED", "PROCESS_STATE", "REMOTE_COMMUNICATION"],
    ["PROCESS_LOG", "PROCESS_COMMUNICATION"], ["REMOTE_COMMUNICATION", "SUPERVISOR_STATE_CHANGE"],
    ["PROCESS_GROUP", "PROCESS_STATE_FATAL", "PROCESS_LOG_STDERR", "SUPERVISOR_STATE_CHANGE_RUNNING"],
]
OUTPUT = ["PROCESS_LOG_STDOUT", "PROCESS_LOG_STDERR", "PROCESS_COMMUNICATION_STDOUT", "PROCESS_COMMUNICATION_STDERR"]


def some_pool(rng, name):
    """An event listener pool; its listeners are as other processes, but for what they say."""
    pool = some_group(rng, name, 3)
    for process in pool["processes"]:
        process.update(autostart=rng.random() < 0.9, autorestart=rng.choice(["always", "always", "unexpected"]))
    return dict(pool, priority=rng.choice([-1, -1, -1, 999]), events=rng.choice(EVENTS),
                buffer_size=rng.choice([1, 2, 10, 10, 100]))


def some_groups_and_pools(rng):
    pools = [some_pool(rng, name) for name in rng.sample(["ear", "eye", "nose"], rng.randint(1, 2))]
    return pools + some_groups(rng, False)


def some_words(rng, process):
    """What a listener says next, mostly what the protocol wants of it."""
    state = process.listener_state
    if state == EventListenerStates.BUSY:
        return rng.choices(
            ["RESULT 2\nOKREADY\n", "RESULT 2\nOK", "RESULT 4\nFAILREADY\n", "RESULT 3\nOK\nREADY\n", "RESULT x\n",
             "RESALT 2\nOKREADY\n", "RESULT 0\nREADY\n", "RESULT 2\nOKREADY\nREADY\n", "RESULT 2\nOKh\u00e9llo!"],
            [150, 40, 25, 5, 1, 4, 2, 1, 1])[0]
    if state == EventListenerStates.ACKNOWLEDGED:
        return rng.choices(["READY\n", "ready\n", "READY\nmore"], [100, 1, 1])[0]
    return "what\n" if rng.random() < 0.02 else ""


def changed_groups(rng, groups):
    """The configuration after somebody edited it: groups gone, groups changed, groups new."""
    after = []
    for group in groups:
        fate = rng.random()
        if fate < 0.25:
            continue
        after.append(some_group(rng, group["name"], 3) if fate < 0.5 else group)
    free = [name for name in NAMES if name not in [group["name"] for group in groups]]
    after.extend(some_group(rng, name, 3) for name in free if rng.random() < 0.5)
    return after


def some_name(rng, reference, single):
    """A name as a client writes it; some mean nothing."""
    if rng.random() < 0.05:
        return rng.choice(["nope", "web:nope", "nope:*", "", ":", "web:", "@web"])
    group = rng.choice(NAMES if not reference.supervisord.process_groups
                       else list(reference.supervisord.process_groups))
    known = reference.supervisord.process_groups.get(group)
    if known is None or (not single and rng.random() < 0.1):
        return group + ":*"
    return "%s:%s" % (group, rng.choice(list(known.processes)))


def some_group_name(rng):
    return rng.choice(NAMES + NAMES + ["nope"])


def some_signal(rng):
    return rng.choice(["HUP", "SIGUSR1", "10", "usr2", "15", "BOGUS", "99", "KILL"])


def some_request(rng, reference, single):
    """A method and its arguments."""
    wait = rng.random() < 0.6
    one = [
        (30, "startProcess", lambda: [some_name(rng, reference, single), wait]),
        (30, "stopProcess", lambda: [some_name(rng, reference, single), wait]),
        (6, "signalProcess", lambda: [some_name(rng, reference, single), some_signal(rng)]),
        (3, "getProcessInfo", lambda: [some_name(rng, reference, single)]),
        (1, "getState", lambda: []),
    ]
    many = [
        (3, "startProcessGroup", lambda: [some_group_name(rng), wait]),
        (3, "stopProcessGroup", lambda: [some_group_name(rng), wait]),
        (2, "signalProcessGroup", lambda: [some_group_name(rng), some_signal(rng)]),
        (2, "startAllProcesses", lambda: [wait]),
        (2, "stopAllProcesses", lambda: [wait]),
        (1, "signalAllProcesses", lambda: [some_signal(rng)]),
        (3, "addProcessGroup", lambda: [some_group_name(rng)]),
        (3, "removeProcessGroup", lambda: [some_group_name(rng)]),
        (2, "reloadConfig", lambda: []),
    ]
    rows = one + [(weight if single else weight * 5, method, args) for weight, method, args in many]
    _, method, args = rng.choices(rows, [row[0] for row in rows])[0]
    return [method] + args()


def some_failure(rng):
    """What goes wrong next for one process, and how."""
    what = rng.choice(["spawn", "spawn", "spawn", "check", "kill"])
    how = {
        "spawn": ["missing", "access", "directory", "mode", "empty", "pipes:EMFILE", "pipes:EACCES",
                  "fork:EAGAIN", "fork:EAGAIN", "fork:ENOMEM"],
        "check": ["missing", "access", "directory", "mode", "empty"],
        "kill": ["ESRCH", "EPERM"],
    }[what]
    return what, rng.choice(how)


def some_exit(rng, child):
    """A wait status; a child that was told to stop mostly dies of that."""
    if child.signals and rng.random() < 0.6:
        return child.signals[-1] or 9
    return rng.choice([0, 0, 0, 1 << 8, 2 << 8, 127 << 8, 9, 11 | 0x80, 40])


def some_ticks(rng, second):
    """How long nothing happens: mostly moments, often whole seconds so that deadlines meet, sometimes long."""
    kind = rng.random()
    if kind < 0.45:
        return rng.randint(1, second)
    if kind < 0.85:
        return second * rng.randint(1, 3) + rng.choice([0, 0, 1, -1])
    return rng.randint(second, 12 * second)
