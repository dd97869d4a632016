//! What goes into a child and what comes out of it.

use crate::api::{Fault, FaultCode, Reply, Request};
use crate::supervisor::testing::{World, config, group};
use crate::supervisor::{Channel, Heard, Input, WriteError};

fn send(name: &str) -> Request {
    Request::SendStdin { name: name.to_string(), chars: "hé\n".to_string() }
}

#[test]
fn text_is_written_to_a_running_process_or_refused_rpc_054() {
    let mut world = World::begin(config(vec![group("g", 999, &["cat", "dog"])], Vec::new()));
    world.until(2);
    world.heard();
    assert_eq!(world.answer(send("g:cat")), Ok(Reply::True));
    assert_eq!(world.heard(), ["write g:cat hé\n", "reply 1"]);
    let fault = |code| Err(Fault::new(code, "g:cat"));
    world.no_write.insert("g:cat".to_string(), WriteError::Closed);
    assert_eq!(world.answer(send("g:cat")), fault(FaultCode::NoFile));
    world.no_write.insert("g:cat".to_string(), WriteError::Full);
    let failed = world.answer(send("g:cat")).map_err(|fault| fault.to_string());
    assert_eq!(failed, Err("FAILED: g:cat does not read its standard input".to_string()));
    world.no_write.clear();
    assert_eq!(world.answer(send("g:cat")), Ok(Reply::True), "an old failure is forgotten");
    for name in ["cat", "g:*", "nope", "g:nope"] {
        assert_eq!(world.answer(send(name)), Err(Fault::new(FaultCode::BadName, name)));
    }
    let stop = Request::Stop { target: crate::api::Target::Namespec("g:cat".to_string()), wait: false };
    assert_eq!(world.answer(stop), Ok(Reply::True));
    world.heard();
    assert_eq!(world.answer(send("g:cat")), fault(FaultCode::NotRunning), "while it is being stopped");
    world.exit("g:cat", 0);
    assert_eq!(world.answer(send("g:cat")), fault(FaultCode::NotRunning));
    assert!(!world.heard().iter().any(|line| line.starts_with("write")));
}

#[test]
fn a_client_may_tell_listeners_something_even_during_a_shutdown_rpc_015() {
    let mut world = World::begin(config(vec![group("cat", 999, &["cat"])], Vec::new()));
    world.until(2);
    assert_eq!(world.answer(Request::Shutdown), Ok(Reply::True));
    world.turn(Input::Wake);
    world.heard();
    let remote = Request::RemoteCommunication { kind: "a".to_string(), data: "b".to_string() };
    assert_eq!(world.answer(remote), Ok(Reply::True));
    assert!(world.heard()[0].contains("RemoteCommunication"));
    assert_eq!(world.answer(send("cat")), Err(FaultCode::ShutdownState.into()));
}

#[test]
fn what_is_heard_of_a_process_becomes_an_event_evt_011_evt_012() {
    let mut world = World::begin(config(vec![group("g", 999, &["cat"])], Vec::new()));
    world.until(2);
    let (key, pid) = world.children["g:cat"];
    world.heard();
    world.turn(Input::Output(key, Channel::Stderr, Heard::Logged(b"x".to_vec())));
    world.turn(Input::Output(key, Channel::Stdout, Heard::Captured(b"y".to_vec())));
    let heard = world.heard();
    for (line, event, channel) in [(&heard[0], "ProcessLog", "Stderr"), (&heard[1], "ProcessComm", "Stdout")]
    {
        assert!(line.contains(event) && line.contains(channel) && line.contains(&format!("Pid({})", pid.0)));
    }
}
