//! Event listeners from PyPI, as their packages have them: what they send to mail servers and to syslog under both
//! daemons, and what they do to programs that fail their checks.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::beside::side_by_side;
use crate::world::World;
use crate::world::procfs::{DEADLINE, until};
use crate::world::stock::python;

/// Where the programs of these packages are.
fn bin(world: &mut World) {
    let python = python().expect("a Python with Supervisor");
    let bin = python.parent().and_then(|bin| bin.to_str()).expect("a name in UTF-8");
    world.set_env("BIN", bin);
}

/// Takes every mail.
fn mail_server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let mails = Arc::new(Mutex::new(Vec::new()));
    let taken = mails.clone();
    thread::spawn(move || {
        for client in server.incoming().flatten() {
            if let Some(mail) = take_mail(&client) {
                taken.lock().unwrap().push(mail);
            }
        }
    });
    (port, mails)
}

/// One conversation in SMTP; the mail, if there was one.
fn take_mail(mut client: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(client.try_clone().ok()?).lines();
    client.write_all(b"220 test\r\n").ok()?;
    let mut mail = None;
    while let Some(Ok(line)) = lines.next() {
        let answer = match line.get(..4)?.to_uppercase().as_str() {
            "DATA" => {
                client.write_all(b"354 go on\r\n").ok()?;
                let text = lines.by_ref().map_while(Result::ok).take_while(|line| line != ".");
                mail = Some(text.collect::<Vec<_>>().join("\n"));
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 fine\r\n",
        };
        client.write_all(answer.as_bytes()).ok()?;
    }
    mail
}

/// Whom a mail is for, its subject, and its body without pids and times.
fn essence(mail: &str) -> Vec<String> {
    let (head, body) = mail.split_once("\n\n").expect("a head and a body");
    let mut lines: Vec<String> = head
        .lines()
        .filter(|line| ["To:", "From:", "Subject:"].iter().any(|name| line.starts_with(name)))
        .map(str::to_string)
        .collect();
    lines.extend(body.lines().map(|line| {
        let line = line.split_once(" -- ").map_or(line, |(_, text)| text);
        match line.split_once("(pid ") {
            Some((before, after)) => {
                format!("{before}(pid N{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
            }
            None => line.to_string(),
        }
    }));
    lines
}

#[test]
fn batches_of_mail_about_crashes_and_failed_starts_are_the_same() {
    side_by_side(|world| {
        bin(world);
        let (port, mails) = mail_server();
        world.set_env("SMTP", &port.to_string());
        let listener = |name: &str| {
            format!(
                "[eventlistener:{name}]\ncommand=%(ENV_BIN)s/{name} -t a@example.org,b@example.org -f \
                 s@example.org -H 127.0.0.1:%(ENV_SMTP)s -i 0.05 -e TICK_5\nevents=PROCESS_STATE,TICK_5\n\
                 buffer_size=100\n"
            )
        };
        world.script("crash", "read x; exit 7");
        world.script("frail", "sleep 0.1; exit 1");
        world.configure(&format!(
            "{}{}[program:frail]\ncommand={{dir}}/frail\nstartsecs=5\nstartretries=0\nautostart=false\n\
             [program:crash]\ncommand={{dir}}/crash\nautorestart=false\n\
             [program:fine]\ncommand={{dir}}/crash\nexitcodes=7\nautorestart=false\n",
            listener("fatalmailbatch"),
            listener("crashmailbatch")
        ));
        world.boot();
        for name in ["fatalmailbatch", "crashmailbatch", "crash", "fine"] {
            world.await_state(name, "RUNNING");
        }
        world.rpc_ok("supervisor.startProcess", &["frail".into(), false.into()]);
        for name in ["fine", "crash"] {
            world.rpc_ok("supervisor.sendProcessStdin", &[name.into(), "\n".into()]);
        }
        until("both mails have come", || (mails.lock().unwrap().len() >= 2).then_some(()));
        let mut seen: Vec<_> = mails.lock().unwrap().iter().map(|mail| essence(mail)).collect();
        seen.sort();
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert!(seen[0].contains(&"Subject: Crash alert from supervisord".to_string()), "{seen:?}");
        assert!(seen[1].iter().any(|line| line.starts_with("Process frail:frail failed")), "{seen:?}");
        seen
    });
}

#[test]
fn what_supervisor_logging_sends_to_syslog_is_the_same() {
    side_by_side(|world| {
        bin(world);
        let syslog = UdpSocket::bind("127.0.0.1:0").unwrap();
        syslog.set_read_timeout(Some(DEADLINE)).unwrap();
        world.set_env("SYSLOG_PORT", &syslog.local_addr().unwrap().port().to_string());
        world.configure(
            "[eventlistener:logging]\ncommand=%(ENV_BIN)s/supervisor_logging\nevents=PROCESS_LOG\n\
             environment=SYSLOG_SERVER=\"127.0.0.1\",SYSLOG_PROTO=\"udp\",SITE_DOMAIN=\"example\"\n\
             [program:cat]\ncommand=/bin/cat\nstdout_events_enabled=true\n\
             [program:complains]\ncommand=/bin/sh -c \"exec cat >&2\"\nstderr_events_enabled=true\n",
        );
        world.boot();
        for name in ["logging", "cat", "complains"] {
            world.await_state(name, "RUNNING");
        }
        let mut sent = Vec::new();
        for (name, text) in [
            ("cat", "one\n"),
            ("complains", "a longer line: with a colon\n"),
            ("cat", "h\u{e9} \u{20ac} \u{1f600}\n"),
            ("cat", "two\nlines\n"),
            ("complains", "last\n"),
        ] {
            world.rpc_ok("supervisor.sendProcessStdin", &[name.into(), text.into()]);
            let mut datagram = [0; 2_000];
            let length = syslog.recv(&mut datagram).expect("a message for syslog");
            let message = String::from_utf8_lossy(&datagram[..length]).into_owned();
            let (priority, rest) = message.split_once('>').expect("a priority");
            let (_, rest) = rest.split_once("Z ").expect("a time");
            let (before, rest) = rest.split_once('[').expect("a pid");
            let (pid, rest) = rest.split_once(']').expect("an end of the pid");
            assert_eq!(pid.parse(), Ok(world.pid_of(name)));
            sent.push(format!("{priority}> {before}{rest}"));
        }
        assert_eq!(sent[0], "<14> example cat: one \n\0");
        sent
    });
}

#[test]
fn checks_of_supervisor_checks_restart_what_fails_them_and_nothing_else() {
    if python().is_none() {
        return;
    }
    let mut world = World::ours();
    bin(&mut world);
    let pages = TcpListener::bind("127.0.0.1:0").unwrap();
    world.set_env("PAGES", &pages.local_addr().unwrap().port().to_string());
    thread::spawn(move || {
        for mut client in pages.incoming().flatten() {
            let mut lines = BufReader::new(client.try_clone().unwrap()).lines().map_while(Result::ok);
            let asked = lines.by_ref().take_while(|line| !line.is_empty()).next().unwrap_or_default();
            let status = if asked.starts_with("GET /well ") { "200 OK" } else { "500 Broken" };
            let _ = write!(client, "HTTP/1.0 {status}\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let check = |name: &str, command: &str| {
        format!(
            "[eventlistener:{name}_check]\ncommand=%(ENV_BIN)s/supervisor_{command} -n {name} -g {name}\n\
             events=TICK_5\nstderr_logfile={{dir}}/{name}.err\n[program:{name}]\ncommand=sleep 1000\n"
        )
    };
    world.configure(&format!(
        "{}{}{}{}",
        check("well", "http_check -u /well -p %(ENV_PAGES)s -r 0 -t 30"),
        check("ill", "http_check -u /ill -p %(ENV_PAGES)s -r 0 -t 30"),
        check("deaf", "tcp_check -p 1 -r 0 -t 1"),
        check("large", "memory_check -m 1"),
    ));
    world.boot();
    for name in ["well", "ill", "deaf", "large"] {
        world.await_state(name, "RUNNING");
    }
    let pids = ["well", "ill", "deaf", "large"].map(|name| (name, world.pid_of(name)));
    for (name, pid) in &pids[1..] {
        until(&format!("{name} is restarted"), || {
            let now = world.pid_of(name);
            (now != 0 && now != *pid).then_some(())
        });
    }
    until("what is well passes twice", || {
        let passed = world.read("well.err").matches("`http` check succeeded for process well").count();
        (passed >= 2).then_some(())
    });
    assert_eq!(world.pid_of("well"), pids[0].1);
}
