//! What each section means: tables by the numbers of the inventory.

use convoke::config::diff::diff;
use convoke::config::{
    Address, Config, EventType, FcgiAddress, GroupKind, InterfaceKind, ListenerConfig, LogFile, LogLevel,
    MainLog, ResultHandler, WebConfig, lint, read,
};
use convoke::names::GroupName;

use super::world::{MAIN, World, config, error, errors};

fn only(text: &str) -> convoke::config::ProcessConfig {
    (*config(text).groups[0].processes[0]).clone()
}

fn names(config: &Config) -> Vec<String> {
    let processes = config.groups.iter().flat_map(|group| &group.processes);
    processes.map(|process| format!("{}:{}", process.group, process.name)).collect()
}

fn warnings(config: &Config) -> Vec<&str> {
    config.messages.iter().map(|message| message.text.as_str()).collect()
}

#[test]
fn defaults_of_supervisord_cfg_080_to_089() {
    let s = config("").supervisord;
    assert_eq!(s.logfile, MainLog::Path("/etc/sv/supervisord.log".to_string()));
    assert_eq!((s.logfile_maxbytes, s.logfile_backups, s.loglevel), (50 << 20, 10, LogLevel::Info));
    assert_eq!(
        (s.pidfile.as_str(), s.umask, s.minfds, s.minprocs),
        ("/etc/sv/supervisord.pid", 0o22, 1024, 200)
    );
    assert_eq!((s.identifier.as_str(), s.childlogdir.as_str(), s.user), ("supervisor", "/tmp", None));
    assert!(!s.nodaemon && !s.silent && !s.nocleanup && !s.strip_ansi && s.directory.is_none());
}

#[test]
fn syslog_is_a_log_only_in_lower_case_cfg_080() {
    assert_eq!(config("logfile=syslog\n").supervisord.logfile, MainLog::Syslog);
    assert_eq!(config("logfile=SYSLOG\n").supervisord.logfile, MainLog::Path("/etc/sv/SYSLOG".to_string()));
}

/// 4.3 expands it twice, 4.4 once: what either takes is taken.
#[test]
fn supervisord_s_environment_reaches_every_child_cfg_040_to_048() {
    let text = "environment=A=\"%(host_node_name)s\",B=\"100%%\",C=\"c\"\n[program:x]\ncommand=%(ENV_A)s\nenvironment=C=mine\n";
    let process = only(text);
    assert_eq!(process.command, "oracle-host");
    let environment: Vec<_> = process.environment.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(environment, ["A=oracle-host", "B=100%", "C=mine"]);
    assert_eq!(config("environment=A=\"50%%%%\"\n").supervisord.environment["A"], "50%");
    let sentence = error("environment=A=%(nope)s\n");
    assert!(
        sentence.starts_with("Format string 'A=%(nope)s' for 'supervisord.environment' contains"),
        "{sentence}"
    );
}

#[test]
fn defaults_of_a_program_cfg_103_to_113() {
    let p = only("[program:x]\ncommand=/bin/cat\n");
    assert_eq!((p.name.as_str(), p.group.as_str(), p.program.as_str()), ("x", "x", "x"));
    assert_eq!((p.priority, p.startsecs, p.startretries, p.stopwaitsecs), (999, 1, 3, 10));
    assert_eq!((p.exitcodes.as_slice(), p.stopsignal.number()), (&[0_u8][..], 15));
    assert!(p.autostart && !p.stopasgroup && !p.killasgroup && !p.redirect_stderr);
    assert_eq!((p.user, p.umask, p.directory, p.serverurl), (None, None, None, None));
    assert_eq!((p.stdout.logfile, p.stdout.maxbytes, p.stdout.backups), (LogFile::Auto, 50 << 20, 10));
    assert!(!p.stderr.syslog && !p.stderr.events_enabled && p.stderr.capture_maxbytes == 0);
}

#[test]
fn numprocs_makes_processes_with_numbers_from_its_start_cfg_104() {
    let text = "[program:x]\ncommand=%(process_num)d of %(numprocs)s\nnumprocs=3\nnumprocs_start=9\n\
                process_name=%(program_name)s_%(process_num)02d\n";
    let config = config(text);
    assert_eq!(names(&config), ["x:x_09", "x:x_10", "x:x_11"]);
    assert_eq!(config.groups[0].processes[2].command, "11 of 3");
    assert_eq!(
        error("[program:x]\ncommand=a\nnumprocs=2\n"),
        "%(process_num) must be present within process_name when numprocs > 1 in section 'program:x' (file: \
         '/etc/sv/supervisord.conf')"
    );
    let nameless = error("[program:x]\ncommand=a\nnumprocs=2\nprocess_name=\n");
    assert!(nameless.starts_with("%(process_num) must be present"), "{nameless}");
    assert!(names(&self::config("[program:x]\ncommand=a\nnumprocs=0\n")).is_empty());
}

#[test]
fn a_slip_of_the_finger_does_not_fill_the_memory() {
    let sentence = error("[program:x]\ncommand=a\nnumprocs=100000000000\nprocess_name=%(process_num)d\n");
    assert!(sentence.starts_with("numprocs must be at most 100000, not 100000000000"), "{sentence}");
}

/// CFG-041: a program's own variables last from one number to the next, those of the daemon come back.
#[test]
fn each_process_starts_from_the_daemon_s_environment_cfg_041() {
    let text = "[program:x]\ncommand=%(ENV_PATH)s\nnumprocs=2\nprocess_name=x%(process_num)d\n\
                environment=PATH=\"/x:%(ENV_PATH)s\"\n";
    let config = config(text);
    for process in &config.groups[0].processes {
        assert_eq!(process.command, "/x:/usr/bin:/bin");
    }
}

#[test]
fn processes_of_one_name_collapse_into_the_last_cfg_104() {
    let config =
        config("[program:x]\ncommand=%(process_num)d\nnumprocs=3\nprocess_name=a%(process_num).0s\n");
    assert_eq!(names(&config), ["x:a"]);
    assert_eq!(config.groups[0].processes[0].command, "2");
}

#[test]
fn log_files_are_expanded_twice_cfg_047() {
    let process = only("[program:x]\ncommand=a\nstdout_logfile=/tmp/100%%%%.log\n");
    assert_eq!(process.stdout.logfile, LogFile::Path("/tmp/100%.log".to_string()));
    let sentence = error("[program:x]\ncommand=a\nstdout_logfile=/tmp/100%%.log\n");
    assert!(
        sentence.starts_with("Format string '/tmp/100%.log' for 'stdout_logfile' is badly"),
        "{sentence}"
    );
}

#[test]
fn warnings_of_programs_cfg_109_to_112() {
    let config = config(
        "[program:x]\ncommand=a\nredirect_stderr=true\nstderr_logfile=/tmp/e\nstdout_logfile=SYSLOG\n\
         [program:y]\ncommand=a\nstdout_logfile_maxbytes=0\n",
    );
    assert_eq!(
        warnings(&config),
        [
            "For [program:x], stdout_logfile=syslog but this is deprecated and will be removed.  Use \
             stdout_syslog=true to enable syslog instead.",
            "For [program:x], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename \
             has been ignored",
            "For [program:y], AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 to avoid \
             filling up filesystem unintentionally",
        ]
    );
    let x = &config.groups[0].processes[0];
    assert_eq!(
        (&x.stdout.logfile, x.stdout.syslog, &x.stderr.logfile),
        (&LogFile::None, true, &LogFile::None)
    );
}

#[test]
fn all_errors_come_at_once_the_reference_s_first_cfg_054() {
    let found = errors(
        "minfds=x\n[program:a]\nstartsecs=y\nautostart=z\n[inet_http_server]\n[group:g]\nprograms=a,b\n\
         [collection:c]\n",
    );
    let file = "in section 'program:a' (file: '/etc/sv/supervisord.conf')";
    assert_eq!(
        found,
        [
            "invalid literal for int() with base 10: 'x'".to_string(),
            format!("not a valid boolean value: 'z' {file}"),
            format!("invalid literal for int() with base 10: 'y' {file}"),
            format!("program section program:a does not specify a command {file}"),
            "[group:g] names unknown program or fcgi-program b".to_string(),
            "section [inet_http_server] has no port value".to_string(),
            "[collection:c] must specify at least one of programs, groups or collections".to_string(),
        ]
    );
}

#[test]
fn a_wrong_priority_is_told_of_once_and_without_wrapping_cfg_052() {
    assert_eq!(
        errors("[program:a]\ncommand=a\npriority=x\n"),
        ["invalid literal for int() with base 10: 'x'"]
    );
}

#[test]
fn a_program_in_two_groups_exists_twice_and_errs_once_cfg_117() {
    let groups = "[group:g]\nprograms=b,a\n[group:h]\nprograms=a\npriority=1\n";
    let config = config(&format!("[program:a]\ncommand=a\npriority=3\n[program:b]\ncommand=b\n{groups}"));
    assert_eq!(names(&config), ["h:a", "g:b", "g:a"]);
    assert_eq!(errors(&format!("[program:a]\ncommand=%(x)s\n[program:b]\ncommand=b\n{groups}")).len(), 1);
}

#[test]
fn of_two_groups_of_one_name_the_first_by_priority_counts_cfg_118() {
    let config =
        config("[program:a]\ncommand=a\npriority=5\n[program:b]\ncommand=b\n[group:a]\nprograms=b\n");
    assert_eq!(names(&config), ["a:a"]);
    assert_eq!(warnings(&config), ["two groups are called a: only the first by priority is used"]);
}

#[test]
fn groups_name_sections_as_they_are_written_cfg_115() {
    assert_eq!(
        error("[program: foo ]\ncommand=a\n[group:g]\nprograms=foo\n"),
        "[group:g] names unknown program or fcgi-program foo"
    );
    assert_eq!(
        error("[program:x]\ncommand=a\n[fcgi-program:x]\ncommand=a\n[group:g]\nprograms=x\n"),
        "[group:g] name x is ambiguous (exists as program and fcgi-program)"
    );
}

#[test]
fn listeners_are_pools_with_events_and_a_buffer_cfg_127_to_133() {
    let read = config(
        "[eventlistener:l]\ncommand=a\nevents=tick_5, PROCESS_STATE,TICK_5\nnumprocs=2\n\
         process_name=l%(process_num)d\nbuffer_size=3\nevents_extended=true\n\
         [eventlistener:plain]\ncommand=a\nevents=EVENT\nresult_handler=supervisor_stdout:event_handler\n",
    );
    assert_eq!(names(&read), ["l:l0", "l:l1", "plain:plain"]);
    assert_eq!((read.groups[0].priority, read.groups[0].processes[0].priority), (-1, 999));
    let pool = |at: usize| match &read.groups[at].kind {
        GroupKind::EventListeners(listener) => listener.clone(),
        GroupKind::Programs => panic!("no pool"),
    };
    let events = vec![EventType::ProcessState, EventType::Tick5];
    let result_handler = ResultHandler::Standard;
    assert_eq!(pool(0), ListenerConfig { events, buffer_size: 3, result_handler, extended: true });
    let (events, result_handler) = (vec![EventType::Event], ResultHandler::Stdout);
    assert_eq!(pool(1), ListenerConfig { events, buffer_size: 10, result_handler, extended: false });

    let wrong = |options: &str| error(&format!("[eventlistener:l]\ncommand=a\n{options}\n"));
    assert_eq!(wrong(""), "[eventlistener:l] section requires an \"events\" line");
    assert_eq!(wrong("events=tick_5,"), "Unknown event type  in [eventlistener:l] events");
    assert_eq!(wrong("events=Nope"), "Unknown event type NOPE in [eventlistener:l] events");
    assert_eq!(
        wrong("events=EVENT\nbuffer_size=0"),
        "[eventlistener:l] section sets invalid buffer_size (0)"
    );
    assert_eq!(
        wrong("events=EVENT\nresult_handler=my.code:handler"),
        "my.code:handler cannot be resolved within [eventlistener:l]"
    );
    assert_eq!(
        wrong("events=EVENT\nredirect_stderr=true"),
        "[eventlistener:l] section sets redirect_stderr=true but this is not allowed because it will interfere \
         with the eventlistener protocol"
    );
    let sentence = wrong("events=EVENT\nstartsecs=x");
    assert!(sentence.contains("in section 'eventlistener:l'"), "{sentence}");
}

#[test]
fn fastcgi_programs_share_a_socket_cfg_121_to_126_bug_015() {
    let read = config(
        "[fcgi-program:f]\ncommand=a\nsocket=unix:///tmp/../run/%(program_name)s.sock\nnumprocs=2\n\
         process_name=f%(process_num)d\nsocket_mode=0770\nsocket_owner=root:adm\nsocket_backlog=7\n\
         [fcgi-program:m]\ncommand=a\nsocket=tcp://LocalHost:9000\n[program:p]\ncommand=a\n\
         [fcgi-program:six]\ncommand=a\nsocket=tcp://[::1]:9001\n\
         [fcgi-program:user]\ncommand=a\nsocket=unix:///s\nuser=www-data\n[group:g]\nprograms=p,m\n",
    );
    assert_eq!(names(&read), ["f:f0", "f:f1", "g:p", "g:m", "six:six", "user:user"]);
    let socket = |group: usize, process: usize| read.groups[group].processes[process].socket.as_deref();
    assert_eq!(socket(0, 0), socket(0, 1));
    let unix = |path: &str, mode, owner| FcgiAddress::Unix { path: path.to_string(), mode, owner };
    let first = socket(0, 0).unwrap();
    assert_eq!(first.address, unix("/run/f.sock", 0o770, (Some(0), Some(4))));
    assert_eq!((first.backlog, first.url.as_str()), (Some(7), "unix:///run/f.sock"));
    assert_eq!(socket(1, 0), None);
    let tcp = |host: &str, port| FcgiAddress::Tcp { host: host.to_string(), port };
    assert_eq!(socket(1, 1).unwrap().address, tcp("localhost", 9000));
    assert_eq!(socket(2, 0).unwrap().address, tcp("::1", 9001));
    assert_eq!(socket(2, 0).unwrap().url, "tcp://[::1]:9001");
    assert_eq!(socket(3, 0).unwrap().address, unix("/s", 0o700, (Some(33), Some(33))));

    let wrong = |options: &str| error(&format!("[fcgi-program:a]\ncommand=a\n{options}\n"));
    for (options, sentence) in [
        ("", "[fcgi-program:a] section requires a \"socket\" line"),
        ("socket=bogus", "('Bad socket format %s', 'bogus') in [fcgi-program:a] socket"),
        (
            "socket=unix://foo",
            "('Unix socket path %s is not an absolute path', 'foo') in [fcgi-program:a] socket",
        ),
        ("socket=tcp://a:b:1", "('Bad socket format %s', 'tcp://a:b:1') in [fcgi-program:a] socket"),
        ("socket=tcp://a:0", "0 is below lower bound (1) in [fcgi-program:a] socket"),
        (
            "socket=tcp://a:1\nsocket_mode=0700",
            "socket_owner and socket_mode params should only be used with a Unix domain socket in \
             [fcgi-program:a] socket",
        ),
        ("socket=tcp://a:1\nsocket_backlog=0", "Invalid socket_backlog value 0"),
        ("socket=unix:///s\nsocket_mode=x", "Invalid socket_mode value x"),
        ("socket=unix:///s\nsocket_owner=nobody:x", "Invalid socket_owner value nobody:x"),
        ("socket=unix:///s\nuser=stranger", "Invalid user name stranger"),
    ] {
        assert_eq!(wrong(options), sentence, "{options}");
    }
}

/// The reference gives such members no socket and does not look at the options.
#[test]
fn a_member_of_a_group_with_a_wrong_socket_runs_without_one_bug_015() {
    let read = config(
        "[fcgi-program:m]\ncommand=a\nsocket=tcp://a:1\nsocket_mode=0700\n[fcgi-program:n]\ncommand=a\n\
         [group:g]\nprograms=m,n\n",
    );
    assert!(read.groups[0].processes.iter().all(|process| process.socket.is_none()));
    let sentence = "For [fcgi-program:m], socket_owner and socket_mode params should only be used with a Unix domain \
                    socket in [fcgi-program:m] socket: in its group it runs without a socket";
    assert_eq!(warnings(&read), [sentence]);
    let wrong = error("[fcgi-program:m]\ncommand=a\nsocket=bogus\nuser=stranger\n[group:g]\nprograms=m\n");
    assert!(wrong.starts_with("Invalid user name stranger in section 'fcgi-program:m'"), "{wrong}");
}

#[test]
fn a_changed_socket_is_a_change_of_the_group_cfg_139_bug_028() {
    let socket = "[fcgi-program:f]\ncommand=a\nsocket=unix:///s\nsocket_mode=0700\nsocket_owner=root\nsocket_backlog=5\n";
    let active = config(socket).groups;
    for (old, new) in
        [("unix:///s", "unix:///t"), ("0700", "0770"), ("owner=root", "owner=nobody"), ("log=5", "log=6")]
    {
        let changed = diff(&active, &config(&socket.replace(old, new))).changed;
        assert_eq!(changed, [GroupName::from("f")], "{new}");
    }
    assert_eq!(diff(&active, &config(socket)).changed, []);
}

#[test]
fn a_changed_pool_is_a_change_of_the_group_cfg_139() {
    let pool = "[eventlistener:l]\ncommand=a\nevents=TICK_5\nbuffer_size=10\n";
    let active = config(pool).groups;
    for (old, new) in [
        ("TICK_5", "TICK_60"),
        ("=10", "=11"),
        ("=10", "=10\nevents_extended=true"),
        ("=10", "=10\nresult_handler=supervisor_stdout:event_handler"),
        ("=10", "=10\npriority=5"),
        (
            "[eventlistener:l]\ncommand=a\nevents=TICK_5\nbuffer_size=10\n",
            "[program:l]\ncommand=a\npriority=-1\n",
        ),
    ] {
        let changed = diff(&active, &config(&pool.replace(old, new))).changed;
        assert_eq!(changed, [GroupName::from("l")], "{new}");
    }
    // As in the reference, which compares sets.
    let active = config(&pool.replace("TICK_5", "TICK_5,PROCESS_LOG")).groups;
    for events in ["PROCESS_LOG,TICK_5", "TICK_5,process_log,TICK_5"] {
        assert_eq!(diff(&active, &config(&pool.replace("TICK_5", events))).changed, [], "{events}");
    }
}

#[test]
fn servers_are_all_sections_that_begin_so_cfg_092_to_097() {
    let config = config(
        "[unix_http_server]\nfile=~/s\nchmod=0770\nchown=root:adm\n[inet_http_server:b]\nport=*:9001\n\
         [inet_http_server2]\nport=LocalHost:9002\nusername=u\npassword=50%%\n",
    );
    let sections: Vec<&str> = config.servers.iter().map(|server| server.section.as_str()).collect();
    assert_eq!(sections, ["inet_http_server:b", "inet_http_server2", "unix_http_server"]);
    assert_eq!(config.servers[0].address, Address::Inet { host: String::new(), port: 9001 });
    assert_eq!(config.servers[1].address, Address::Inet { host: "localhost".to_string(), port: 9002 });
    assert_eq!(config.servers[1].password.as_deref(), Some("50%"));
    let unix = Address::Unix { path: "/home/me/s".to_string(), mode: 0o770, owner: (Some(0), Some(4)) };
    assert_eq!(config.servers[2].address, unix);
    assert_eq!(config.server_url().as_deref(), Some("unix:///home/me/s"));
    assert_eq!(
        error("[unix_http_server]\nfile=/s\nusername=u\n"),
        "Section [unix_http_server] contains incomplete authentication: If a username or a password is specified, \
         both the username and password must be specified"
    );
    assert_eq!(error("[unix_http_server]\nfile=/s\nchmod=9\n"), "Invalid chmod value 9");
}

#[test]
fn a_servers_section_may_say_where_its_pages_are_and_what_they_tell() {
    let read = |lines: &str| {
        let config = config(&format!("[inet_http_server]\nport=1\n{lines}"));
        config.servers.into_iter().next().unwrap().web
    };
    assert_eq!(read(""), WebConfig { base_path: None, metrics: false, healthz_auth: false });
    let all = read("base_path=/a/b-c/\nmetrics=on\nhealthz_auth=true\n");
    assert_eq!(all, WebConfig { base_path: Some("/a/b-c".to_string()), metrics: true, healthz_auth: true });
    assert_eq!(read("base_path=/\n").base_path.as_deref(), Some(""));
    for wrong in ["supervisor", "//host", "/a b", "/a?b", "http://x/", "/\u{e9}", ""] {
        let wrong = error(&format!("[unix_http_server]\nfile=/s\nbase_path={wrong}\n"));
        assert!(wrong.starts_with("not a valid base path: '"), "{wrong}");
    }
    assert_eq!(
        error("[unix_http_server]\nfile=/s\nmetrics=perhaps\n"),
        "not a valid boolean value: 'perhaps'"
    );
}

#[test]
fn an_inet_server_may_have_an_ipv6_address_cfg_068_bug_038() {
    let url = |port: &str| config(&format!("[inet_http_server]\nport={port}\n")).server_url().unwrap();
    assert_eq!(url("[::]:9001"), "http://[::]:9001");
    assert_eq!(url("[::1]:9001"), "http://[::1]:9001");
    assert_eq!(url("::1:9001"), "http://[::1]:9001");
    assert_eq!(url("[FE80::1%%eth0]:9001"), "http://[fe80::1%eth0]:9001");
    let none = error("[inet_http_server]\nport=[::1]\n");
    assert!(none.contains("1]"), "{none}");
    assert_eq!(error("[unix_http_server]\nfile=/s\nchown=x\n"), "Invalid sockchown value x");
}

#[test]
fn a_namespace_is_served_where_its_factory_is_one_that_is_built_in_cfg_134_to_136() {
    let main = "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n";
    let config = config(&format!(
        "[rpcinterface:supervisor]\n{main}[rpcinterface:again]\n{main}[rpcinterface:twiddler]\n\
         supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface\n\
         whitelist = log, getGroupNames\n[rpcinterface:mine]\nsupervisor.rpcinterface_factory = my.code:make\n"
    ));
    let served: Vec<&str> = config.interfaces.iter().map(|interface| interface.namespace.as_str()).collect();
    assert_eq!(served, ["supervisor", "again", "twiddler"]);
    let whitelist = ["log", "getGroupNames"].map(str::to_string).to_vec();
    assert_eq!(config.interfaces[2].kind, InterfaceKind::Twiddler { whitelist });
    let [warning] = warnings(&config)[..] else { panic!("{:?}", config.messages) };
    for part in ["[rpcinterface:mine]", "/etc/sv/supervisord.conf:10", "mine.*", "my.code:make"] {
        assert!(warning.contains(part), "{warning}");
    }
    assert_eq!(
        error("[rpcinterface:x]\n"),
        "section [rpcinterface:x] does not specify a supervisor.rpcinterface_factory"
    );
}

const PROGRAMS: &str = "[program:nginx]\ncommand=a\n[program:worker]\ncommand=a\nnumprocs=2\n\
                        process_name=worker_%(process_num)d\n[program:m]\ncommand=a\n[group:metrics]\nprograms=m\n";

#[test]
fn collections_come_by_priority_and_name_with_what_they_name() {
    let config = config(&format!(
        "{PROGRAMS}[collection:z]\nprograms=nginx, worker\npriority=1\n[collection:b]\ncollections=z\nexclude=nginx\n\
         [collection:a]\ngroups=metr*,%(ENV_LANG)s\n"
    ));
    let shown: Vec<String> = config
        .collections
        .iter()
        .map(|c| {
            let selectors = |items: &[convoke::names::Selector]| {
                items.iter().map(|item| item.as_str().to_string()).collect::<Vec<_>>().join(" ")
            };
            let nested: Vec<&str> = c.collections.iter().map(|name| name.as_str()).collect();
            let (programs, exclude) = (selectors(&c.programs), selectors(&c.exclude));
            format!(
                "{} {}: {programs}/{}/{}/{exclude}",
                c.name,
                c.priority,
                c.groups.join(" "),
                nested.join(" ")
            )
        })
        .collect();
    assert_eq!(shown, ["z 1: nginx worker///", "a 999: /metr* C.UTF-8//", "b 999: //z/nginx"]);
}

#[test]
fn an_item_that_matches_nothing_is_one_warning_with_its_place() {
    let config = config(&format!(
        "{PROGRAMS}[collection:a]\nprograms=nginx,,work*,worker_1,metrics:m,typo,\ngroups=metrics,none*\n\
         collections=a2\nexclude=gone\n"
    ));
    let file = "/etc/sv/supervisord.conf";
    assert_eq!(
        warnings(&config),
        [
            format!("[collection:a] programs: typo matches nothing ({file}:13)"),
            format!("[collection:a] groups: none* matches nothing ({file}:14)"),
            format!("[collection:a] collections: a2 matches nothing ({file}:15)"),
            format!("[collection:a] exclude: gone matches nothing ({file}:16)"),
        ]
    );
}

#[test]
fn a_collection_without_members_or_with_a_bad_name_is_refused() {
    for text in ["", "programs=\n", "programs=,,\n", "exclude=nginx\n", "priority=1\n"] {
        assert_eq!(
            error(&format!("[collection:x]\n{text}")),
            "[collection:x] must specify at least one of programs, groups or collections",
            "{text}"
        );
    }
    assert_eq!(error("[collection:a b]\nprograms=x\n"), "Invalid name: 'a b' because of character: ' '");
}

#[test]
fn a_circle_of_collections_is_shown_once() {
    let circle = |text: &str| errors(text);
    assert_eq!(
        circle("[collection:a]\ncollections=b\n[collection:b]\ncollections=a\n"),
        ["[collection:a] leads back to itself: a -> b -> a"]
    );
    assert_eq!(
        circle(
            "[collection:x]\ncollections=b\n[collection:b]\ncollections=c\n[collection:c]\ncollections=b\n"
        ),
        ["[collection:b] leads back to itself: b -> c -> b"]
    );
    assert_eq!(circle("[collection:a]\ncollections=a\n"), ["[collection:a] leads back to itself: a -> a"]);
}

/// Each of thirty collections names all that follow: 2^30 ways down, and no circle.
#[test]
fn deeply_nested_collections_are_looked_through_at_once() {
    let mut text = String::new();
    for at in 0..30 {
        let nested: Vec<String> = (at + 1..31).map(|next| format!("c{next}")).collect();
        text.push_str(&format!("[collection:c{at}]\ncollections={}\n", nested.join(",")));
    }
    assert_eq!(config(&text).collections.len(), 30);
}

#[test]
fn the_same_text_gives_the_same_configuration() {
    let text = format!("[supervisord]\n{PROGRAMS}[collection:a]\nprograms=nginx\n");
    assert_eq!(World::default().config(&text), World::default().config(&text));
}

#[test]
fn unknown_sections_and_options_are_passed_over_cfg_018() {
    assert_eq!(
        config("what=ever\n[Program:a]\nx=%\n[supervisorctl]\nserverurl=%\n[ctlplugin:x]\n").groups,
        []
    );
}

#[test]
fn a_reread_names_groups_in_the_order_of_either_side_rpc_025() {
    let program = |name: &str, more: &str| format!("[program:{name}]\ncommand=a\n{more}");
    let old = config(&["d", "b", "c", "a"].map(|name| program(name, "")).concat());
    let new = config(
        &[
            program("b", ""),
            program("c", "environment=A=1\n"),
            program("z", "priority=1\n"),
            program("e", ""),
        ]
        .concat(),
    );
    let active: Vec<_> = ["d", "b", "a", "c"]
        .iter()
        .filter_map(|name| old.groups.iter().find(|group| group.name.as_str() == *name).cloned())
        .collect();
    let diff = diff(&active, &new);
    let shown = |names: &[GroupName]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ");
    assert_eq!(
        (shown(&diff.added), shown(&diff.changed), shown(&diff.removed)),
        ("z e".into(), "c".into(), "d a".into())
    );
}

#[test]
fn a_log_switched_from_a_file_to_auto_is_a_change_bug_028() {
    let with = |log: &str| config(&format!("[program:a]\ncommand=a\nstdout_logfile={log}\n"));
    let changes = |old: &str, new: &str| diff(&with(old).groups, &with(new)).changed.len();
    assert_eq!(changes("/tmp/x", "AUTO"), 1);
    assert_eq!(changes("AUTO", "/tmp/x"), 1);
    assert_eq!(changes("AUTO", "auto"), 0);
}

/// CLI-030, PROC-047: who is not root can run programs as nobody but themselves.
#[test]
fn a_user_that_the_daemon_could_not_become_is_warned_of() {
    let warned = |uid: u32, text: &str| {
        let world = World { uid, ..World::default() }.with(MAIN, text);
        let reading = read::survey(MAIN, &world, None);
        let warnings = lint::values(&reading.document, &reading.config.unwrap(), &world);
        warnings.iter().filter(|warning| warning.error.sentence.contains("only root can")).count()
    };
    let text = "[supervisord]\nuser=nobody\n[program:x]\ncommand=/bin/cat\nuser=www-data\n";
    assert_eq!((warned(0, text), warned(33, text), warned(65_534, text), warned(1000, text)), (0, 1, 1, 2));
}
