//! FastCGI programs: the socket they share, and what a web server in front of them sees.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::world::ports::free_port;
use crate::world::procfs::until;
use crate::world::rpc::Refusal;
use crate::world::tools::tool;
use crate::world::{World, nginx};

const RESPONDER: &str = include_str!("responder.py");

/// What is behind a child's descriptor 0, such as `socket:[123]`.
fn input(world: &World, process: &str) -> String {
    let link = format!("/proc/{}/fd/0", world.pid_of(process));
    fs::read_link(link).unwrap().to_string_lossy().into_owned()
}

/// The body of an answer with status 200; anything else comes back whole as the error.
fn get(port: u16, path: &str) -> Result<String, String> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    write!(server, "GET {path} HTTP/1.0\r\n\r\n").map_err(|error| error.to_string())?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let body = answer.split_once("\r\n\r\n").filter(|(head, _)| head.starts_with("HTTP/1.1 200 "));
    body.map(|(_, body)| body.to_string()).ok_or(answer)
}

const LOCATIONS: &str = "location / {
    fastcgi_pass unix:{dir}/app.sock;
    fastcgi_param SCRIPT_NAME $uri;
}";

#[test]
fn nginx_is_answered_while_one_of_two_processes_is_started_anew() {
    let (Some(nginx), Some(python)) = (tool("nginx"), tool("python3")) else { return };
    let mut world = World::ours();
    let port = free_port();
    let nginx = nginx::program(&world, &nginx, port, LOCATIONS);
    world.write("responder.py", RESPONDER);
    world.configure(&format!(
        "[fcgi-program:app]\ncommand={} {{dir}}/responder.py\nsocket=unix://{{dir}}/app.sock\nnumprocs=2\n\
         process_name=app%(process_num)d\nstartsecs=0\nstdout_logfile={{dir}}/app%(process_num)d.log\n{nginx}",
        python.display()
    ));
    world.boot();
    until("nginx answers", || get(port, "/x").ok());
    let pid = |name: &str| world.pid_of(&format!("app:{name}")).to_string();
    let answers_as = |pid: String| {
        until("it has answered", || get(port, "/x").ok().filter(|body| *body == format!("{pid} /x\n")));
    };
    answers_as(pid("app0"));
    answers_as(pid("app1"));
    let over = AtomicBool::new(false);
    let said = thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let over = &over;
                scope.spawn(move || {
                    let (mut asked, mut failed) = (0, Vec::new());
                    while !over.load(Ordering::Relaxed) {
                        let path = format!("/{client}/{asked}");
                        let answer = get(port, &path);
                        if !answer.as_ref().is_ok_and(|body| body.ends_with(&format!(" {path}\n"))) {
                            failed.push(answer);
                        }
                        asked += 1;
                    }
                    (asked, failed)
                })
            })
            .collect();
        for name in ["app0", "app1", "app0"] {
            let namespec = format!("app:{name}");
            let before = world.read(&format!("{name}.log")).len();
            world.rpc_ok("supervisor.stopProcess", &[namespec.clone().into()]);
            world.rpc_ok("supervisor.startProcess", &[namespec.into()]);
            until("it is up again", || (world.read(&format!("{name}.log")).len() > before).then_some(()));
            answers_as(pid(name));
        }
        over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    let asked: u32 = said.iter().map(|(asked, _)| asked).sum();
    assert!(asked >= 10, "only {asked} requests");
    assert!(said.iter().all(|(_, failed)| failed.is_empty()), "{said:?}");
    assert_eq!(world.log().matches("Creating socket ").count(), 2, "once to try it: {}", world.log());
    world.rpc_ok("supervisor.stopProcessGroup", &["app".into()]);
    assert!(get(port, "/x").unwrap_err().starts_with("HTTP/1.1 502 "));
    assert!(!world.path("app.sock").exists());
}

#[test]
fn every_program_of_a_group_has_a_socket_that_its_processes_share_bug_015() {
    let world = World::running(
        "[fcgi-program:a]\ncommand=sleep 1000\nsocket=unix://{dir}/a.sock\nsocket_mode=0640\nnumprocs=2\n\
         process_name=a%(process_num)d\n[fcgi-program:b]\ncommand=sleep 1000\nsocket=unix://{dir}/b.sock\n\
         [program:plain]\ncommand=sleep 1000\n[group:g]\nprograms=a,b,plain\n",
    );
    ["g:a0", "g:a1", "g:b", "g:plain"].iter().for_each(|name| world.await_state(name, "RUNNING"));
    let [first, second, other, plain] = ["g:a0", "g:a1", "g:b", "g:plain"].map(|name| input(&world, name));
    assert!(first.starts_with("socket:") && other.starts_with("socket:"), "{first} {other}");
    assert_eq!(first, second);
    assert_ne!(first, other);
    assert!(plain.starts_with("pipe:"), "{plain}");
    assert_eq!(fs::metadata(world.path("a.sock")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::metadata(world.path("b.sock")).unwrap().mode() & 0o777, 0o700);
    let said = world.rpc("supervisor.sendProcessStdin", &["g:a0".into(), "x".into()]);
    assert_eq!(said, Err(Refusal::Fault(20, "NO_FILE: g:a0".to_string())), "PROC-064");

    // It stays while one of them has it, and is the same for who comes back.
    world.rpc_ok("supervisor.stopProcess", &["g:a0".into()]);
    assert!(world.path("a.sock").exists());
    world.rpc_ok("supervisor.startProcess", &["g:a0".into()]);
    assert_eq!(input(&world, "g:a0"), first);
    for name in ["g:a0", "g:a1"] {
        world.rpc_ok("supervisor.stopProcess", &[name.into()]);
    }
    let closing = |name: &str| {
        world.log().matches(&format!("INFO Closing socket unix://{}", world.path(name).display())).count()
    };
    assert_eq!((closing("a.sock"), closing("b.sock")), (2, 1), "{}", world.log());
    assert!(!world.path("a.sock").exists() && world.path("b.sock").exists());
}

#[test]
fn a_socket_that_cannot_be_made_is_a_spawn_error_bug_008() {
    let world = World::running(
        "[fcgi-program:lost]\ncommand=sleep 1000\nsocket=unix://{dir}/no/app.sock\nstartretries=0\n\
         [fcgi-program:taken]\ncommand=sleep 1000\nsocket=unix://{dir}/taken\nautostart=false\n\
         startretries=0\nstartsecs=0\n",
    );
    world.await_state("lost", "FATAL");
    let trouble = |name: &str, reason: &str| {
        format!("Could not create FastCGI socket unix://{}: {reason}", world.path(name).display())
    };
    let missing = trouble("no/app.sock", "No such file or directory");
    assert_eq!(world.info("lost")["spawnerr"], missing.as_str());
    let log = world.log();
    assert!(log.contains(&format!("ERRO {missing}")), "at the start: {log}");
    assert!(log.contains(&format!("INFO spawnerr: {missing}")), "{log}");
    fs::create_dir(world.path("no")).unwrap();
    world.rpc_ok("supervisor.startProcess", &["lost".into()]);
    assert!(input(&world, "lost").starts_with("socket:"));

    fs::write(world.path("taken"), "precious").unwrap();
    let answer = world.rpc("supervisor.startProcess", &["taken".into()]);
    assert_eq!(answer, Err(Refusal::Fault(50, "SPAWN_ERROR: taken".to_string())));
    let reason = "the path exists and is not a socket; remove it or change socket=";
    assert_eq!(world.info("taken")["spawnerr"], trouble("taken", reason).as_str());
    assert_eq!(world.read("taken"), "precious");
    // What somebody else's socket has left is no hindrance.
    fs::remove_file(world.path("taken")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(world.path("taken")).unwrap());
    world.rpc_ok("supervisor.startProcess", &["taken".into()]);
    std::os::unix::net::UnixStream::connect(world.path("taken")).unwrap();
}

#[test]
fn a_command_that_fails_gives_its_socket_back() {
    let world = World::running(
        "[fcgi-program:ghost]\ncommand=/nonexistent/ghost\nsocket=unix://{dir}/ghost.sock\nstartretries=0\n",
    );
    world.await_state("ghost", "FATAL");
    assert!(!world.path("ghost.sock").exists());
}

#[test]
fn a_change_of_the_socket_is_seen_by_reread_bug_028() {
    let program = |options: &str| {
        format!("[fcgi-program:a]\ncommand=sleep 1000\nsocket=unix://{{dir}}/a.sock\nstartsecs=0\n{options}")
    };
    let world = World::running(&program(""));
    world.await_state("a", "RUNNING");
    let mut options = String::new();
    for option in ["socket_mode=0600", "socket_backlog=7", "socket_owner=0:0"] {
        options += &format!("{option}\n");
        world.configure(&program(&options));
        let changes = world.rpc_ok("supervisor.reloadConfig", &[]);
        assert_eq!(changes, serde_json::json!([[[], ["a"], []]]), "{option}");
        if option == "socket_owner=0:0" && !nix::unistd::geteuid().is_root() {
            return;
        }
        world.rpc_ok("supervisor.stopProcessGroup", &["a".into()]);
        world.rpc_ok("supervisor.removeProcessGroup", &["a".into()]);
        world.rpc_ok("supervisor.addProcessGroup", &["a".into()]);
        world.await_state("a", "RUNNING");
    }
    assert_eq!(fs::metadata(world.path("a.sock")).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_tcp_socket_may_have_an_ipv6_address_bug_038() {
    if !Path::new("/proc/net/if_inet6").exists() || TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6 here");
        return;
    }
    let port = free_port();
    let world = World::running(&format!(
        "[fcgi-program:a]\ncommand=sleep 1000\nsocket=tcp://[::1]:{port}\nstartsecs=0\n"
    ));
    world.await_state("a", "RUNNING");
    TcpStream::connect(("::1", port)).unwrap();
    world.rpc_ok("supervisor.stopProcess", &["a".into()]);
    TcpStream::connect(("::1", port)).unwrap_err();
    world.await_log(&format!("INFO Closing socket tcp://[::1]:{port}"));
}
