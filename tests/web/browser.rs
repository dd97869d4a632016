//! A headless Chromium, driven by `drive.js`; what it does there is a scenario of `scenarios.js`.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::world::World;
use crate::world::ports::free_port;
use crate::world::tools::{node, tool};

/// A daemon with these programs, and its port.
pub fn serve(body: &str) -> (World, u16) {
    let port = free_port();
    let server = format!("[inet_http_server]\nport=127.0.0.1:{port}\n");
    (World::running(&format!("{server}{body}")), port)
}

/// Plays a scenario, which fails the test if it throws, and gives what it has returned; `None` where there is no
/// browser.
pub fn play(scenario: &str, world: &World, port: u16) -> Option<Value> {
    let chromium = tool("chromium")?;
    node("axe-core")?;
    let mut node = node("playwright-core")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web/drive.js");
    let facts = json!({ "chromium": chromium, "port": port, "dir": world.dir() });
    let output = node.arg(script).arg(scenario).arg(facts.to_string()).stdin(Stdio::null()).output().unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{scenario}: {said}\n{told}\n{}", world.log());
    Some(serde_json::from_str(said.trim()).unwrap_or(Value::Null))
}

/// Whether scenarios can be played here; where they cannot, the test has said so.
pub fn is_there() -> bool {
    tool("chromium").is_some() && node("axe-core").is_some() && node("playwright-core").is_some()
}
