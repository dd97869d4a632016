//! Who may ask, and where.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;

use crate::world::World;
use crate::world::ports::free_port;
use crate::world::rpc::{self, Refusal, Server};
use crate::world::stock::{python, supervisorctl};

/// `user:secret`, in base64.
const CREDENTIALS: &str = "dXNlcjpzZWNyZXQ=";
/// `user:wrong`.
const WRONG: &str = "dXNlcjp3cm9uZw==";

fn tcp_world(password: &str) -> (World, u16) {
    let port = free_port();
    let server = format!("[inet_http_server]\nport=127.0.0.1:{port}\nusername=user\npassword={password}\n");
    (World::running(&format!("{server}[program:web]\ncommand=sleep 1000\n")), port)
}

#[test]
fn tcp_asks_for_the_password_and_takes_no_other() {
    let (_world, port) = tcp_world("secret");
    let ask = |credentials: Option<&str>| {
        rpc::call(&Server::Tcp(port, credentials.map(String::from)), "supervisor.getState", &[])
    };
    assert_eq!(ask(None), Err(Refusal::Http(401)));
    assert_eq!(ask(Some(WRONG)), Err(Refusal::Http(401)));
    assert_eq!(ask(Some(CREDENTIALS)).unwrap()["statename"], "RUNNING");
}

#[test]
fn a_hashed_password_is_as_good_as_a_plain_one() {
    let (_world, port) = tcp_world("{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4");
    let server = Server::Tcp(port, Some(CREDENTIALS.to_string()));
    assert_eq!(rpc::call(&server, "supervisor.getState", &[]).unwrap()["statecode"], 1);
    let wrong = Server::Tcp(port, Some(WRONG.to_string()));
    assert_eq!(rpc::call(&wrong, "supervisor.getState", &[]), Err(Refusal::Http(401)));
}

#[test]
fn the_stock_client_logs_in_over_tcp() {
    if python().is_none() {
        return;
    }
    let (world, port) = tcp_world("secret");
    world.await_state("web", "RUNNING");
    let conf = world.path("supervisorctl.conf");
    let url = format!("http://127.0.0.1:{port}");
    let ctl = |password| {
        let place = ["-c", conf.to_str().unwrap(), "-s", &url];
        supervisorctl(&[&place[..], &["-u", "user", "-p", password, "status"]].concat())
    };
    let right = ctl("secret");
    assert_eq!(right.status, 0, "{right:?}");
    assert!(right.stdout.starts_with("web                              RUNNING   pid "), "{right:?}");
    let wrong = ctl("guess");
    assert_eq!(wrong.status, 1, "{wrong:?}");
    assert!(wrong.stdout.starts_with("Server requires authentication\n"), "{wrong:?}");
}

#[test]
fn the_socket_is_for_its_owner_alone_unless_chmod_says_otherwise() {
    let world = World::running("");
    let mode = |world: &World| fs::metadata(world.socket()).unwrap().permissions().mode() & 0o777;
    assert!(fs::metadata(world.socket()).unwrap().file_type().is_socket());
    assert_eq!(mode(&world), 0o700);
    let world = World::running("[unix_http_server]\nchmod=0770\n");
    assert_eq!(mode(&world), 0o770);
}

#[test]
fn methods_describe_themselves_and_travel_in_bundles() {
    let world = World::running("[program:web]\ncommand=sleep 1000\n");
    let methods = world.rpc_ok("system.listMethods", &[]);
    let methods: Vec<&str> = methods.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(methods.is_sorted());
    for method in ["supervisor.startProcess", "supervisor.listCollections", "system.multicall"] {
        assert!(methods.contains(&method), "{method} in {methods:?}");
    }
    let signature = world.rpc_ok("system.methodSignature", &["supervisor.startProcess".into()]);
    assert_eq!(signature, serde_json::json!(["boolean", "string", "boolean"]));
    assert!(
        !world.rpc_ok("system.methodHelp", &["supervisor.startProcess".into()]).as_str().unwrap().is_empty()
    );
    let calls = serde_json::json!([
        {"methodName": "supervisor.getAPIVersion", "params": []},
        {"methodName": "supervisor.stopProcess", "params": ["nobody"]},
        {"methodName": "supervisor.getState"},
    ]);
    let answers = world.rpc_ok("system.multicall", &[calls]);
    assert_eq!(answers[0], "3.0");
    assert_eq!(answers[1], serde_json::json!({"faultCode": 10, "faultString": "BAD_NAME: nobody"}));
    assert_eq!(answers[2]["statename"], "RUNNING");
}

#[test]
fn nonsense_is_refused_and_hurts_nobody() {
    let world = World::running("[program:web]\ncommand=sleep 1000\n");
    let server = Server::Unix(world.socket());
    assert_eq!(rpc::post(&server, "<not xml").unwrap().0, 400);
    assert_eq!(rpc::post(&server, "").map(|answer| answer.0).unwrap_or(400), 400);
    assert_eq!(world.rpc("supervisor.nonsense", &[]), Err(Refusal::Fault(1, "UNKNOWN_METHOD".to_string())));
    let wrong = world.rpc("supervisor.getState", &[1.into()]);
    assert!(matches!(wrong, Err(Refusal::Fault(2, _))), "{wrong:?}");
    world.await_state("web", "RUNNING");
}

#[test]
fn every_answer_has_its_line_at_level_trace_log_009() {
    let mut world = World::ours();
    world.configure("");
    let traced = world.read("supervisord.conf").replacen("[supervisord]", "[supervisord]\nloglevel=trace", 1);
    world.write("supervisord.conf", &traced);
    world.boot();
    world.await_log("\"POST /RPC2 HTTP/1.1\" 200 ");
    world.await_log(" TRAC XML-RPC method called: supervisor.getState()");
    world.await_log(" TRAC XML-RPC method supervisor.getState() returned successfully");
    let _ = world.rpc("supervisor.stopProcess", &["nobody".into()]);
    world.await_log("method supervisor.stopProcess() returned fault: [10] BAD_NAME: nobody");
    assert!(world.log().contains(" TRAC localhost:0 - - ["), "{}", world.log());
}

#[test]
fn a_list_that_many_are_being_sent_is_never_an_old_one() {
    // Long enough that a client that does not read has all of it waiting in the daemon.
    let world = World::running(
        "[program:web]\ncommand=sleep 1000\nstartsecs=0\nautostart=false\n[program:idle]\ncommand=sleep 1000\n\
        process_name=idle%(process_num)03d\nnumprocs=500\nautostart=false\n",
    );
    let body = "<methodCall><methodName>supervisor.getAllProcessInfo</methodName></methodCall>";
    let call = format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut unread = Vec::new();
    for round in 0..20 {
        let mut stream = UnixStream::connect(world.socket()).unwrap();
        stream.write_all(call.as_bytes()).unwrap();
        unread.push(stream);
        let (method, expected) =
            if round % 2 == 0 { ("startProcess", "RUNNING") } else { ("stopProcess", "STOPPED") };
        world.rpc_ok(&format!("supervisor.{method}"), &["web".into()]);
        for _ in 0..2 {
            let all = world.rpc_ok("supervisor.getAllProcessInfo", &[]);
            let web = all.as_array().unwrap().iter().find(|info| info["name"] == "web").unwrap();
            assert_eq!(web["statename"], expected, "round {round}");
        }
    }
}
