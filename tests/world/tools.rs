//! Programs and packages of other kinds that tests need; `tests/run` has the lists from which they are installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a command of this name is, such as `ruby`. Without it a test is skipped, except where CI is set: there it
/// fails.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers in the last two, which are not on everybody's path.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|candidate| candidate.is_file());
    found.or_else(|| missing(&format!("{name} is not installed")))
}

/// A command of this name, if it also runs this without an error: where a language is there, a package of it may
/// still be missing. Skipped or failed as by [`tool`].
pub fn tool_with(name: &str, probe: &[&str]) -> Option<Command> {
    let tool = tool(name)?;
    let quiet = || Stdio::null();
    let tried =
        Command::new(&tool).args(probe).stdin(quiet()).stdout(quiet()).stderr(quiet()).status().unwrap();
    if tried.success() {
        return Some(Command::new(tool));
    }
    missing(&format!("`{name} {}` fails", probe.join(" ")))
}

/// Node, told where the npm package of this name is. Skipped or failed as by [`tool`].
pub fn node(package: &str) -> Option<Command> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/node/node_modules");
    if !modules.join(package).is_dir() {
        return missing(&format!("the npm package {package} is not installed"));
    }
    let mut node = Command::new(tool("node")?);
    node.env("NODE_PATH", modules);
    Some(node)
}

fn missing<T>(what: &str) -> Option<T> {
    assert!(env::var_os("CI").is_none(), "{what}: run tests/run");
    eprintln!("skipped: {what}; tests/run installs it");
    None
}
