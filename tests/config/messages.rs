//! Every error of a configuration, as people and as scripts see it, beside what causes it.
//!
//! `UPDATE_MESSAGES=1` writes messages.txt anew; what has changed in it is then for a reviewer to judge.

use std::path::Path;

use convoke::config::{error, read};

use super::world::{MAIN, World};

/// Whole files; all others have a `[supervisord]` section before them.
const FILES: [&str; 10] = [
    "[supervisord\n",
    "nodaemon=true\n",
    "[supervisord]\nnodaemon\n=x\n  logfile\n",
    "",
    "[program:a]\ncommand=a\n",
    "[Supervisord]\nnodaemon=true\n",
    "[supervisrod]\n",
    "[supervisord]\n[include]\n",
    "[supervisord]\n[include]\nfile=*.conf\n",
    "[supervisord]\n[include]\nfiles=%(program_name)s\n",
];

/// One mistake each.
const MISTAKES: [&str; 90] = [
    // [supervisord]
    "minfds=many\n",
    "minprocs=\n",
    "directory=/nowhere\n",
    "umask=9\n",
    "logfile=/nowhere/x\n",
    "logfile_maxbytes=10M\n",
    "logfile_backups=1.5\n",
    "loglevel=warning\n",
    "pidfile=/nowhere/x\n",
    "nodaemon=y\n",
    "childlogdir=/nowhere\n",
    "environment=A\n",
    "environment=A=\"x\n",
    "environment=A=%(nope)s\n",
    "identifier=%(host_node_name)s\n",
    "user=stranger\n",
    "user=4711\n",
    "logfile=50%\n",
    "logfile=%s\n",
    "logfile=%(here)d\n",
    "logfile=%(here\n",
    "logfile=%(here)y\n",
    // HTTP servers
    "[inet_http_server]\n",
    "[inet_http_server]\nprot=9001\n",
    "[inet_http_server]\nport=x\n",
    "[inet_http_server]\nport=\n",
    "[inet_http_server]\nport=a:\n",
    "[inet_http_server]\nport=a:b\n",
    "[inet_http_server]\nport=a:0\n",
    "[inet_http_server]\nport=a:70000\n",
    "[inet_http_server]\nport=1\nusername=u\n",
    "[inet_http_server]\nport=1\npassword=p\n",
    "[unix_http_server]\n",
    "[unix_http_server]\nfile=/s\nchmod=x\n",
    "[unix_http_server]\nfile=/s\nchown=nobody:strangers\n",
    // [rpcinterface:x]
    "[rpcinterface:x]\n",
    "[rpcinterface:x]\nsupervisor.rpcinterface_factroy=a:b\n",
    // programs
    "[program:a]\n",
    "[program:a]\ncomand=a\n",
    "[program:a b]\ncommand=a\n",
    "[program:a/b]\ncommand=a\n",
    "[program:a]\ncommand=%(ENV_NOPE)s\n",
    "[program:a]\ncommand=date +%s\n",
    "[program:a]\ncommand=100%\n",
    "[program:a]\ncommand=a\nprocess_name=a:b\n",
    "[program:a]\ncommand=a\nprocess_name=%(nope)s\n",
    "[program:a]\ncommand=a\nnumprocs=2\n",
    "[program:a]\ncommand=a\nnumprocs=two\n",
    "[program:a]\ncommand=a\nnumprocs=100001\nprocess_name=%(process_num)d\n",
    "[program:a]\ncommand=a\nnumprocs_start=x\n",
    "[program:a]\ncommand=a\npriority=high\n",
    "[program:a]\ncommand=a\nautostart=maybe\n",
    "[program:a]\ncommand=a\nautorestart=always\n",
    "[program:a]\ncommand=a\nstartsecs=10s\n",
    "[program:a]\ncommand=a\nstartsecs=%(process_num)d\n",
    "[program:a]\ncommand=a\nstartretries=x\n",
    "[program:a]\ncommand=a\nexitcodes=0,256\n",
    "[program:a]\ncommand=a\nstopsignal=BYE\n",
    "[program:a]\ncommand=a\nstopsignal=99\n",
    "[program:a]\ncommand=a\nstopwaitsecs=x\n",
    "[program:a]\ncommand=a\nstopasgroup=x\n",
    "[program:a]\ncommand=a\nstopasgroup=true\nkillasgroup=false\n",
    "[program:a]\ncommand=a\nuser=stranger\n",
    "[program:a]\ncommand=a\numask=x\n",
    "[program:a]\ncommand=a\nenvironment=A=\n",
    "[program:a]\ncommand=a\nredirect_stderr=x\n",
    "[program:a]\ncommand=a\nstdout_logfile=/nowhere/x\n",
    "[program:a]\ncommand=a\nstdout_logfile_maxbytes=1TB\n",
    "[program:a]\ncommand=a\nstderr_events_enabled=x\n",
    // groups and collections
    "[program:web]\ncommand=a\n[group:g]\nprograms=wbe\n",
    "[program: web ]\ncommand=a\n[group:g]\nprograms=web\n",
    "[program:a]\ncommand=a\n[fcgi-program:a]\ncommand=a\nsocket=unix:///s\n[group:g]\nprograms=a\n",
    "[group:g]\npriority=x\n",
    "[group:a b]\n",
    "[collection:c]\n",
    "[collection:c]\ncollections=c\n",
    // listeners
    "[eventlistener:l]\ncommand=a\n",
    "[eventlistener:l]\ncommand=a\nevents=PROCESS_STATES\n",
    "[eventlistener:l]\ncommand=a\nevents=TICK_5,\n",
    "[eventlistener:l]\ncommand=a\nevents=TICK_5\nbuffer_size=0\n",
    "[eventlistener:l]\ncommand=a\nevents=TICK_5\nresult_handler=my.code:handler\n",
    "[eventlistener:l]\ncommand=a\nevents=TICK_5\nredirect_stderr=true\n",
    // FastCGI programs
    "[fcgi-program:f]\ncommand=a\n",
    "[fcgi-program:f]\ncommand=a\nsocket=bogus\n",
    "[fcgi-program:f]\ncommand=a\nsocket=unix:///s\nsocket_mode=9\n",
    "[fcgi-program:f]\ncommand=a\nsocket=unix://s\n",
    "[fcgi-program:f]\ncommand=a\nsocket=unix:///s\nsocket_owner=x\n",
    "[fcgi-program:f]\ncommand=a\nsocket=tcp://a:70000\n",
    "[fcgi-program:f]\ncommand=a\nsocket=tcp://a:1\nsocket_owner=root\n",
    "[fcgi-program:f]\ncommand=a\nsocket=tcp://a:1\nsocket_backlog=0\n",
];

/// A broken file as people see it, and then as scripts do.
fn shown(text: &str) -> String {
    let world = World::default().with(MAIN, text);
    let errors = read::read(MAIN, &world).expect_err(text);
    let input: String = text.lines().map(|line| format!("> {line}\n")).collect();
    format!("{input}{}Error: {}\n\n", error::explain(&errors, &world), errors[0])
}

#[test]
fn every_error_says_what_it_has_always_said() {
    let mistakes = MISTAKES.iter().map(|text| format!("[supervisord]\n{text}"));
    let all: String =
        FILES.iter().map(ToString::to_string).chain(mistakes).map(|text| shown(&text)).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/messages.txt");
    if std::env::var_os("UPDATE_MESSAGES").is_some() {
        std::fs::write(&path, &all).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    for (number, (ours, kept)) in all.lines().zip(kept.lines()).enumerate() {
        assert_eq!(ours, kept, "line {} of {}", number + 1, path.display());
    }
    assert_eq!(all.len(), kept.len());
}
