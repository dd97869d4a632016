//! Calls end to end: dispatch, waiting, multicall.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use convoke::api::{Request, Target};

use crate::straw::SLOW;
use crate::wire::{connect, one_answer, post};
use crate::world::World;

fn document(method: &str, values: &[&str]) -> String {
    let params: String =
        values.iter().map(|value| format!("<param><value>{value}</value></param>")).collect();
    format!("<methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>")
}

/// The values in the answer, markup taken away: enough to compare.
fn call(world: &World, method: &str, values: &[&str]) -> String {
    let mut stream = connect(world.port);
    stream.write_all(post("/RPC2", &document(method, values)).as_bytes()).unwrap();
    let answer = one_answer(&mut stream);
    let mut text = String::new();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    for piece in body.split('<').skip(1) {
        let (tag, content) = piece.split_once('>').unwrap();
        if tag == "fault" || tag == "array" {
            text.push_str(&format!("{tag} "));
        }
        if !content.trim().is_empty() {
            text.push_str(&format!("{} ", content.trim()));
        }
    }
    text.trim().to_string()
}

#[test]
fn calls_reach_the_supervisor_as_requests() {
    let world = World::new();
    assert_eq!(call(&world, "supervisor.getPID", &[]), "4711");
    assert_eq!(call(&world, "x.getPID", &[]), "4711");
    assert_eq!(call(&world, "supervisor.reloadConfig", &[]), "array array array new array array old");
    let outcome = "array name idle group idle status 80 description OK";
    assert_eq!(call(&world, "supervisor.startProcessGroup", &["@web", "<boolean>0</boolean>"]), outcome);
    assert_eq!(call(&world, "supervisor.restartCollection", &["web"]), outcome);
    let group = Target::Group("@web".to_string());
    let expected = [
        Request::Pid,
        Request::Pid,
        Request::ReloadConfig,
        Request::Start { target: group, wait: false },
        Request::Restart { collection: "web".to_string(), wait: true },
    ];
    assert_eq!(world.asked(), expected);
}

#[test]
fn faults_come_with_their_codes_and_names() {
    let world = World::new();
    let cases: [(&str, &[&str], &str); 6] = [
        ("supervisor.nope", &[], "1 faultString UNKNOWN_METHOD"),
        ("supervisor.getState.x", &[], "1 faultString UNKNOWN_METHOD"),
        ("supervisor.getState", &["x"], "2 faultString INCORRECT_PARAMETERS"),
        ("supervisor.getProcessInfo", &["<int>5</int>"], "2 faultString INCORRECT_PARAMETERS"),
        ("supervisor.getProcessInfo", &["a&lt;b"], "10 faultString BAD_NAME: a&lt;b"),
        ("system.methodHelp", &["nope"], "4 faultString SIGNATURE_UNSUPPORTED"),
    ];
    for (method, values, expected) in cases {
        assert_eq!(call(&world, method, values), format!("fault faultCode {expected}"), "{method}");
    }
}

#[test]
fn without_an_rpcinterface_only_system_is_there_cfg_135() {
    let world = World::with_namespaces(&[]);
    assert_eq!(
        call(&world, "system.listMethods", &[]),
        "array system.listMethods system.methodHelp system.methodSignature system.multicall"
    );
    let unknown = "fault faultCode 1 faultString UNKNOWN_METHOD";
    assert_eq!(call(&world, "supervisor.getState", &[]), unknown);
}

/// A struct for a multicall.
fn item(method: &str, values: &[&str]) -> String {
    let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
    format!(
        "<value><struct><member><name>methodName</name><value>{method}</value></member>\
         <member><name>params</name><value><array><data>{values}</data></array></value></member></struct></value>"
    )
}

fn multicall(world: &World, items: &str) -> String {
    call(world, "system.multicall", &[&format!("<array><data>{items}</data></array>")])
}

#[test]
fn a_multicall_gives_bare_values_and_fault_structs_in_order_rpc_061() {
    let world = World::new();
    let items = [
        item("supervisor.getPID", &[]),
        item("supervisor.getProcessInfo", &["nope"]),
        item("system.multicall", &["<array><data/></array>"]),
        item("supervisor.nope", &[]),
        "<value><struct/></value>".to_string(),
        "<value><int>5</int></value>".to_string(),
        "<value><struct><member><name>methodName</name><value>supervisor.getVersion</value></member></struct>\
            </value>"
            .to_string(),
    ];
    let expected = "array 4711 \
        faultCode 10 faultString BAD_NAME: nope \
        faultCode 2 faultString INCORRECT_PARAMETERS: Recursive system.multicall forbidden \
        faultCode 1 faultString UNKNOWN_METHOD \
        faultCode 2 faultString INCORRECT_PARAMETERS: No methodName \
        faultCode 2 faultString INCORRECT_PARAMETERS \
        3.0";
    assert_eq!(multicall(&world, &items.concat()), expected);
    assert_eq!(multicall(&world, ""), "array");
    let not_an_array = call(&world, "system.multicall", &["x"]);
    assert_eq!(not_an_array, "fault faultCode 2 faultString INCORRECT_PARAMETERS");
}

#[test]
fn an_answer_under_way_is_whole_although_the_server_closes() {
    let mut world = World::new();
    // More than a socket holds.
    let items = item("supervisor.getAllProcessInfo", &[]).repeat(400);
    let many = document("system.multicall", &[&format!("<array><data>{items}</data></array>")]);
    let mut stream = UnixStream::connect(&world.socket).unwrap();
    stream.write_all(post("/RPC2", &many).as_bytes()).unwrap();
    let mut answer = vec![0];
    stream.read_exact(&mut answer).unwrap();
    let socket = world.socket.clone();
    let closing = std::thread::spawn(move || world.close());
    let deadline = Instant::now() + Duration::from_secs(20);
    while socket.exists() {
        assert!(Instant::now() < deadline, "the servers do not close");
        std::thread::yield_now();
    }
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(b"</methodResponse>\n"), "{} bytes", answer.len());
    closing.join().unwrap();
}

fn wait_until_asked(world: &World, request: &Request) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !world.asked().contains(request) {
        assert!(Instant::now() < deadline, "never asked: {request:?}");
        std::thread::yield_now();
    }
}

fn slow_start() -> Request {
    Request::Start { target: Target::Namespec(SLOW.to_string()), wait: true }
}

#[test]
fn others_are_served_while_a_call_waits_rpc_064() {
    let world = World::new();
    let mut waiting = connect(world.port);
    waiting.write_all(post("/RPC2", &document("supervisor.startProcess", &[SLOW])).as_bytes()).unwrap();
    wait_until_asked(&world, &slow_start());
    // The supervisor of straw answers the first only once this has come through.
    assert_eq!(call(&world, "supervisor.getPID", &[]), "4711");
    assert!(one_answer(&mut waiting).contains("<boolean>1</boolean>"));
}

#[test]
fn a_client_that_has_said_all_gets_an_answer_that_takes_its_time() {
    let world = World::new();
    let mut waiting = connect(world.port);
    waiting.write_all(post("/RPC2", &document("supervisor.startProcess", &[SLOW])).as_bytes()).unwrap();
    waiting.shutdown(Shutdown::Write).unwrap();
    wait_until_asked(&world, &slow_start());
    assert_eq!(call(&world, "supervisor.getPID", &[]), "4711");
    assert!(one_answer(&mut waiting).contains("<boolean>1</boolean>"));
}

#[test]
fn a_multicall_awaits_each_call_before_the_next_rpc_062() {
    let world = World::new();
    let items =
        [item("supervisor.startProcess", &[SLOW]), item("supervisor.getIdentification", &[])].concat();
    let mut waiting = connect(world.port);
    let many = document("system.multicall", &[&format!("<array><data>{items}</data></array>")]);
    waiting.write_all(post("/RPC2", &many).as_bytes()).unwrap();
    wait_until_asked(&world, &slow_start());
    assert_eq!(call(&world, "supervisor.getPID", &[]), "4711");
    assert!(one_answer(&mut waiting).contains("<string>straw</string>"));
    assert_eq!(world.asked(), [slow_start(), Request::Pid, Request::Identification]);
}

#[test]
fn a_client_that_leaves_ends_only_its_own_waiting_rpc_065() {
    let world = World::new();
    let mut leaving = connect(world.port);
    leaving.write_all(post("/RPC2", &document("supervisor.startProcess", &[SLOW])).as_bytes()).unwrap();
    wait_until_asked(&world, &slow_start());
    drop(leaving);
    assert_eq!(call(&world, "supervisor.getPID", &[]), "4711");
    assert_eq!(call(&world, "supervisor.getVersion", &[]), "3.0");
}
