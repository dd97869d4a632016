//! Starts that are refused, by both: the same words and the same exit status.

use std::net::TcpListener;

use crate::world::stock::python;
use crate::world::{Boot, World};

/// What is put below `[supervisord]`, further sections, and arguments after `-c FILE`.
type Row = (&'static str, &'static str, &'static [&'static str]);

const ROWS: &[Row] = &[
    ("user=nobody-of-this-name", "", &[]),
    ("user=99999", "", &[]),
    ("umask=9", "", &[]),
    ("loglevel=loud", "", &[]),
    ("logfile_maxbytes=ten", "", &[]),
    ("logfile_backups=x", "", &[]),
    ("directory={dir}/nowhere", "", &[]),
    ("logfile={dir}/nowhere/supervisord.log", "", &[]),
    ("pidfile={dir}/nowhere/supervisord.pid", "", &[]),
    ("childlogdir={dir}/nowhere", "", &[]),
    ("nodaemon=perhaps", "", &[]),
    ("nocleanup=2", "", &[]),
    ("strip_ansi=", "", &[]),
    ("minfds=many", "", &[]),
    ("minfds=1000000000000", "", &[]),
    ("environment=A", "", &[]),
    ("identifier=%(nope)s", "", &[]),
    ("", "[unix_http_server:x]\nfile={dir}/nowhere/x.sock\n", &[]),
    ("", "[unix_http_server:x]\nfile={dir}/x.sock\nchmod=rwx\n", &[]),
    ("", "[unix_http_server:x]\nfile={dir}/x.sock\nchown=nobody-of-this-name\n", &[]),
    ("", "[unix_http_server:x]\nusername=u\n", &[]),
    ("", "[inet_http_server]\nport={port}\n", &[]),
    ("", "[inet_http_server]\nport=127.0.0.1:http\n", &[]),
    ("", "[inet_http_server]\nusername=u\n", &[]),
    ("", "[program:x]\n", &[]),
    ("", "[program:x]\ncommand=true\nnumprocs=2\n", &[]),
    ("", "[program:x]\ncommand=true\nstopsignal=SIGNOPE\n", &[]),
    ("", "[program:x]\ncommand=true\nuser=nobody-of-this-name\n", &[]),
    ("", "[program:x]\ncommand=true\nstdout_logfile={dir}/nowhere/x.log\n", &[]),
    ("", "[program:x:y]\ncommand=true\n", &[]),
    ("", "[program:x]\ncommand=%(nope)s\n", &[]),
    ("", "[program:x]\ncommand=true\nstopasgroup=true\nkillasgroup=false\n", &[]),
    ("", "[group:g]\nprograms=nope\n", &[]),
    ("", "[eventlistener:x]\ncommand=true\n", &[]),
    ("", "[eventlistener:x]\ncommand=true\nevents=NOPE\n", &[]),
    ("", "[eventlistener:x]\ncommand=true\nevents=TICK_5\nbuffer_size=0\n", &[]),
    ("", "[eventlistener:x]\ncommand=true\nevents=TICK_5\nredirect_stderr=true\n", &[]),
    ("", "[fcgi-program:x]\ncommand=true\n", &[]),
    ("", "[fcgi-program:x]\ncommand=true\nsocket=file:///tmp/x\n", &[]),
    ("", "[fcgi-program:x]\ncommand=true\nsocket=tcp://localhost\n", &[]),
    ("", "[include]\n", &[]),
    ("", "[rpcinterface:x]\n", &[]),
    ("", "no equals sign\n", &[]),
    ("", "", &["-Z"]),
    ("", "", &["--nope"]),
    ("", "", &["extra"]),
    ("", "", &["-l"]),
    ("", "", &["-e", "loud"]),
    ("", "", &["-m", "8"]),
    ("", "", &["-y", "ten"]),
    ("", "", &["-z", "x"]),
    ("", "", &["-a", "x"]),
    ("", "", &["-u", "nobody-of-this-name"]),
    ("", "", &["-d", "/nowhere-at-all"]),
    ("", "", &["-q", "/nowhere-at-all"]),
    ("", "", &["-l", "/nowhere-at-all/x.log"]),
    ("", "", &["--nodaemon=yes"]),
    ("", "", &["-c", "/nowhere-at-all.conf"]),
];

fn refused(world: &World, row: &Row, port: u16) -> (Option<i32>, String) {
    let (options, sections, arguments) = row;
    let dir = world.dir().to_str().unwrap().to_string();
    let filled = |text: &str| text.replace("{dir}", &dir).replace("{port}", &port.to_string());
    world.configure("");
    let whole = world.read("supervisord.conf").replacen(
        "[supervisord]\n",
        &format!("[supervisord]\n{}\n", filled(options)),
        1,
    );
    // The usual value would win over the one before it.
    let name = options.split_once('=').map_or("", |(name, _)| name);
    let usual = |line: &str| line.split_once('=').is_some_and(|(other, _)| other == name);
    let mut lines: Vec<&str> = whole.lines().collect();
    if let Some(at) = lines.iter().rposition(|line| usual(line) && *line != filled(options)) {
        lines.remove(at);
    }
    let text = lines.join("\n") + "\n" + &filled(sections);
    world.write("supervisord.conf", &text);
    let conf = world.path("supervisord.conf");
    let mut args = vec!["-c", conf.to_str().unwrap()];
    args.extend(*arguments);
    let (status, said) = world.run_to_end(&Boot { args: &args, ..Boot::default() });
    (status.code(), said.replace(&dir, "{dir}").replace(&port.to_string(), "{port}"))
}

/// The lines that scripts know: what is for people stands above, and each program calls itself by its own path.
fn stock_lines(said: &str) -> String {
    let usage = "For help, use ";
    said.lines()
        .skip_while(|line| !line.starts_with("Error: "))
        .map(|line| line.find(usage).map_or(line, |at| &line[..at + usage.len()]))
        // The reference names the limit it asked for, not the one there is.
        .map(|line| line.find(" will only allow you to open ").map_or(line, |at| &line[..at]))
        // It tells the number, and not what it is about.
        .map(|line| {
            if line.contains("socket.error reported ") {
                line.split("; ").next().unwrap_or(line)
            } else {
                line
            }
        })
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn a_start_is_refused_in_the_reference_s_words() {
    if python().is_none() {
        return;
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (ours, theirs) = (World::ours(), World::reference().unwrap());
    let mut differences = Vec::new();
    for row in ROWS {
        let (our_status, we_said) = refused(&ours, row, port);
        let (their_status, they_said) = refused(&theirs, row, port);
        let (we, they) = (stock_lines(&we_said), stock_lines(&they_said));
        if (our_status, &we) != (their_status, &they) {
            differences.push(format!("{row:?}\nours {our_status:?}: {we}\ntheirs {their_status:?}: {they}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        ROWS.len(),
        differences.join("\n")
    );
}
