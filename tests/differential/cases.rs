//! Which configurations are compared.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::adapt;

/// A configuration, adapted so that it runs anywhere.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    /// Paths relative to the world, and texts. The first is the main file.
    pub files: Vec<(String, String)>,
    pub env: Vec<(String, String)>,
}

/// Chosen so that together they have includes, groups, `numprocs` with and without `numprocs_start`, environments
/// with both kinds of quotes, `%(ENV_X)s`, redirect_stderr, continuation lines, inline comments, CRLF and text that
/// is not ASCII; each of another owner.
const REAL: [&str; 10] = [
    "BongoHive__magriculture__01",
    "DataDog__dd-agent__01",
    "LAKostis__altlinux-mailman-docker__01",
    "StackStorm__st2-docker__01",
    "bgruening__docker-galaxy-stable__03",
    "cash2one__weizoom-openapi__01",
    "daeneiljoshue__clarify.ai__02",
    "invoiceninja__dockerfiles__01",
    "kamon-io__docker-grafana-graphite__02",
    "praekeltfoundation__vumi__01",
];

/// Our own: one directory each, with `supervisord.conf`, what it includes, and `env` in lines `NAME=value`.
pub fn fixtures() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/fixtures");
    let mut cases = Vec::new();
    for entry in fs::read_dir(root).unwrap().flatten() {
        let mut files = vec![("supervisord.conf".to_string(), read(&entry.path().join("supervisord.conf")))];
        collect(&entry.path(), "", &mut files);
        let env = fs::read_to_string(entry.path().join("env")).unwrap_or_default();
        let env = env.lines().filter_map(|line| line.split_once('='));
        let env = env.map(|(name, value)| (name.to_string(), value.to_string())).collect();
        cases.push(case(entry.file_name().to_string_lossy().into_owned(), files, env));
    }
    assert!(!cases.is_empty());
    cases
}

/// Real ones, from a directory beside the repository that is no part of it.
pub fn corpus() -> Option<Vec<Case>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let root = root.is_dir().then_some(root)?;
    let cases = REAL.iter().map(|name| {
        let mut files = vec![("supervisord.conf".to_string(), read(&root.join(format!("{name}.conf"))))];
        let included = root.join(format!("{name}.files"));
        if included.is_dir() {
            collect(&included, "", &mut files);
        }
        case((*name).to_string(), files, world_env(&root, name))
    });
    Some(cases.collect())
}

/// The variables that the corpus says this file needs.
fn world_env(root: &Path, name: &str) -> Vec<(String, String)> {
    let facts: Value = serde_json::from_str(&read(&root.join(format!("oracle/{name}.json")))).unwrap();
    let variables = facts["world"]["env"].as_object().unwrap().iter();
    let wanted = variables.filter(|(name, _)| !matches!(name.as_str(), "PATH" | "LANG"));
    wanted.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_string())).collect()
}

fn case(name: String, files: Vec<(String, String)>, env: Vec<(String, String)>) -> Case {
    let mut files: Vec<_> = files.into_iter().map(|(path, text)| (path, adapt::adapt(&text))).collect();
    let all: String = files.iter().map(|(_, text)| text.as_str()).collect();
    files[0].1.push_str(&adapt::missing_sections(&all));
    Case { name, files, env }
}

/// Every file below `dir` but the main one, with its path relative to where we began.
fn collect(dir: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else if name != "supervisord.conf" && name != "env" {
            files.push((name, read(&entry.path())));
        }
    }
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8(bytes).unwrap()
}
