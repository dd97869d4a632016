//! Keeps the walls of docs/architecture.md: reads `src/`, `tests/` and `docs/`, and fails on any breach. A wall that
//! nobody tests is a wish.

use std::fs;
use std::path::Path;

use convoke::api::methods::METHODS;
use convoke::config::EventType;
use convoke::config::known::{KINDS, Kind};

/// Longer files hide things.
const LINES_MAX: usize = 600;

/// What a part of the crate may name of the others, and words it never contains.
struct Wall {
    /// A file, or a folder with a `/` at its end, below `src/`.
    part: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
}

const WALLS: [Wall; 9] = [
    Wall { part: "names.rs", may_use: &["names"], never: &["tokio", "nix", "libc", "std::fs", "async "] },
    Wall {
        part: "config/",
        may_use: &["config", "names"],
        never: &["std::fs", "fs::", "std::env", "env::var", "tokio", "nix", "libc", "async "],
    },
    Wall {
        part: "api/",
        may_use: &["api", "names"],
        never: &["tokio", "nix", "libc", "std::fs", "std::net", "async ", "thread::"],
    },
    Wall {
        part: "cli/",
        may_use: &["cli", "names"],
        never: &["tokio", "nix", "libc", "std::fs", "async ", "println!"],
    },
    Wall {
        part: "ctl/",
        may_use: &["ctl", "cli", "api", "config", "names"],
        never: &["tokio", "hyper", "axum", "async ", "thread::spawn", "libc", "println!"],
    },
    Wall {
        part: "supervisor/",
        may_use: &["supervisor", "api", "config", "names"],
        never: &[
            "tokio",
            "nix",
            "libc",
            "dxr",
            "tracing",
            "async ",
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "::now()",
            "HashMap",
            "HashSet",
            "println!",
        ],
    },
    Wall {
        part: "daemon/",
        may_use: &["daemon", "supervisor", "api", "cli", "config", "names", "http"],
        never: &[
            "thread::spawn",
            "spawn_blocking",
            "tokio::fs",
            "tokio::process",
            "tokio::signal",
            "ProcessState::",
            "println!",
        ],
    },
    Wall {
        part: "http/",
        may_use: &["http", "daemon::handle", "api", "config", "names"],
        never: &["thread::spawn", "spawn_blocking", "tokio::fs", "tokio::process", "ProcessState::"],
    },
    Wall {
        part: "bin/",
        may_use: &["daemon", "http", "supervisor", "ctl", "api", "cli", "config", "names"],
        never: &["thread::spawn", "tokio", "println!"],
    },
];

/// Where a word of the walls is allowed after all, and why it must be somewhere.
const EXCEPTIONS: [(&str, &[&str]); 1] = [
    // The one file of config that opens files and asks the machine who it is.
    ("config/read.rs", &["std::fs", "fs::", "std::env", "env::var", "nix", "libc"]),
];

/// The only files with `unsafe`: fork and exec, the calls around them, and local time.
const UNSAFE: [&str; 3] = ["daemon/localtime.rs", "daemon/spawn.rs", "daemon/sys.rs"];

/// The only test file that sleeps: between two looks at a condition.
const SLEEPS: [&str; 2] = ["tests/world/procfs.rs", "tests/daemon/world.rs"];

/// A file of ours.
struct Source {
    /// Relative to the repository.
    path: String,
    text: String,
}

impl Source {
    /// Lines of code with their numbers: no comments, and nothing of the tests at a file's end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        let lines = self.text[..end].lines().enumerate().map(|(number, line)| (number + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The path below `src/`, if it is there and holds more than tests.
    fn part(&self) -> Option<&str> {
        let part = self.path.strip_prefix("src/")?;
        let tests = part.ends_with("tests.rs") || part.ends_with("testing.rs") || part.contains("/tests/");
        (!tests).then_some(part)
    }
}

#[test]
fn each_part_names_only_what_its_wall_allows() {
    let mut breaches = Vec::new();
    for source in rust("src") {
        let Some(part) = source.part() else { continue };
        let Some(wall) = WALLS.iter().find(|wall| part.starts_with(wall.part)) else {
            assert_eq!(part, "lib.rs", "a part without a wall");
            continue;
        };
        for (number, line) in source.code() {
            for used in uses(line) {
                let allowed = wall.may_use.iter().any(|allowed| {
                    used == *allowed || used.strip_prefix(allowed).is_some_and(|rest| rest.starts_with("::"))
                });
                if !allowed {
                    breaches.push(format!("{}:{number}: {} may not use {used}", source.path, wall.part));
                }
            }
        }
    }
    none(&breaches);
}

#[test]
fn no_part_contains_the_words_it_must_not() {
    let mut breaches = Vec::new();
    for source in rust("src") {
        let Some(part) = source.part() else { continue };
        let Some(wall) = WALLS.iter().find(|wall| part.starts_with(wall.part)) else { continue };
        let excepted = EXCEPTIONS.iter().find(|(file, _)| *file == part).map_or(&[][..], |(_, words)| words);
        for (number, line) in source.code() {
            for word in wall.never.iter().filter(|word| contains_word(line, word) && !excepted.contains(word))
            {
                breaches.push(format!("{}:{number}: {} never contains {word}", source.path, wall.part));
            }
        }
    }
    none(&breaches);
}

#[test]
fn unsafe_code_stays_where_fork_is() {
    let mut breaches = Vec::new();
    for source in rust("src") {
        let allowed = source.part().is_some_and(|part| UNSAFE.contains(&part));
        for (number, line) in source.code() {
            if !allowed && (contains_word(line, "unsafe") || line.contains("allow(unsafe_code")) {
                breaches.push(format!("{}:{number}: unsafe belongs to {UNSAFE:?}", source.path));
            }
        }
    }
    none(&breaches);
    assert!(UNSAFE.iter().all(|file| root().join("src").join(file).exists()), "{UNSAFE:?} should all exist");
}

#[test]
fn nothing_outside_tests_can_panic_by_unwrapping() {
    let mut breaches = Vec::new();
    for source in rust("src") {
        if source.part().is_none() {
            continue;
        }
        for (number, line) in source.code() {
            for word in [
                ".unwrap()",
                ".expect(",
                "panic!(",
                "unreachable!(",
                "unimplemented!(",
                &["to", "do!("].concat(),
            ] {
                if line.contains(word) {
                    breaches.push(format!("{}:{number}: {word} would orphan every child", source.path));
                }
            }
        }
    }
    none(&breaches);
}

#[test]
fn no_file_is_longer_than_can_be_read() {
    let sources = rust("src").into_iter().chain(rust("tests"));
    let long = sources.filter(|source| source.text.lines().count() > LINES_MAX);
    let long: Vec<_> =
        long.map(|source| format!("{}: {} lines", source.path, source.text.lines().count())).collect();
    none(&long);
}

#[test]
fn tests_wait_for_conditions_and_are_ignored_only_with_a_reason() {
    let (sleep, ignore) = (["thread::", "sleep("].concat(), ["#[ign", "ore]"].concat());
    let mut breaches = Vec::new();
    for source in rust("src").into_iter().chain(rust("tests")) {
        for (number, line) in source.text.lines().enumerate() {
            if line.contains(&sleep) && !SLEEPS.contains(&source.path.as_str()) {
                breaches.push(format!("{}:{}: wait for a condition instead", source.path, number + 1));
            }
            if line.contains(&ignore) {
                breaches.push(format!("{}:{}: say why it is ignored", source.path, number + 1));
            }
        }
    }
    none(&breaches);
}

#[test]
fn the_repository_names_no_machine_and_no_unfinished_business() {
    // Put together here, so that this file does not hold them.
    let words = [
        ["/wo", "rk/"],
        ["/tmp", "/peers"],
        ["/tmp", "/w/"],
        ["/ro", "ot/"],
        ["FIX", "ME"],
        ["XX", "X"],
        ["TO", "DO"],
    ];
    let words: Vec<String> = words.iter().map(|halves| halves.concat()).collect();
    let mut breaches = Vec::new();
    for source in every_text() {
        for (number, line) in source.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                breaches.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    none(&breaches);
}

/// A page is opened over slow lines, too.
const PAGE_BYTES_MAX: usize = 100 * 1024;

#[test]
fn the_live_page_with_its_files_is_small() {
    let folder = root().join("src/http/ui");
    let files = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind != "rs")).collect();
    assert!(files.len() >= 4, "{files:?}");
    let bytes: usize = files.iter().map(|path| fs::read(path).unwrap().len()).sum();
    // What page.rs and log.rs write around the rows is in no file of its own; their source is longer than that.
    let written = read("src/http/ui/page.rs").len() + read("src/http/ui/log.rs").len();
    assert!(bytes + written < PAGE_BYTES_MAX, "{bytes} bytes of files, less than {written} around the rows");
}

#[test]
fn every_method_is_in_the_api_documentation() {
    let text = read("docs/api.md");
    let missing: Vec<_> =
        METHODS.iter().map(|method| method.name).filter(|name| !text.contains(&format!("{name}("))).collect();
    assert!(missing.is_empty(), "docs/api.md says nothing of {missing:?}");
}

#[test]
fn every_type_of_event_is_in_the_manual_of_events() {
    let text = read("docs/events.md");
    let names = EventType::all().map(EventType::name);
    let missing: Vec<_> = names.filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/events.md says nothing of {missing:?}");
}

#[test]
fn every_option_is_in_the_configuration_documentation() {
    let text = read("docs/configuration.md");
    let mut missing = Vec::new();
    for kind in KINDS {
        let section = kind.example("x");
        let heading = format!("\n## `{section}`");
        let Some(at) = text.find(&heading) else {
            missing.push(section);
            continue;
        };
        let body = &text[at + heading.len()..];
        let body = &body[..body.find("\n## ").unwrap_or(body.len())];
        let absent = kind.options.iter().filter(|option| !body.contains(&format!("| `{option}` |")));
        missing.extend(absent.map(|option| format!("{section} {option}")));
    }
    assert!(missing.is_empty(), "docs/configuration.md says nothing of {missing:?}");
}

#[test]
fn every_option_that_the_reader_asks_for_is_known_and_documented() {
    let text = read("docs/configuration.md");
    let mut asked = 0;
    for source in rust("src/config") {
        let dense: String = source.text.split_whitespace().collect();
        for call in [".read(\"", ".read_optional(\"", ".raw(\"", ".text(\""] {
            for option in dense.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                asked += 1;
                assert!(
                    text.contains(&format!("| `{option}` |")),
                    "{}: {option} is not documented",
                    source.path
                );
                let known = KINDS.iter().flat_map(Kind::all_options).any(|known| known == option);
                assert!(known, "{}: {option} would be called unknown by a check", source.path);
            }
        }
    }
    assert!(asked > 20, "the reader asks in another way: teach this test");
}

/// The parts that a line names: `daemon::handle` of `crate::daemon::handle::Handle`.
fn uses(line: &str) -> Vec<String> {
    // A quote before the name makes it a text, such as the target of a log line.
    let ours = line.split("convoke::").zip(line.split("convoke::").skip(1));
    let ours = ours.filter(|(before, _)| !before.ends_with('"')).map(|(_, rest)| rest);
    let rest = line.split("crate::").skip(1).chain(ours);
    rest.flat_map(|rest| {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
        let path = rest[..end].trim_end_matches(':');
        let items = rest[end..].strip_prefix('{').map(|items| items.split('}').next().unwrap_or(""));
        match items {
            Some(items) if path.is_empty() => items.split(',').map(|item| item.trim().to_string()).collect(),
            Some(_) | None => vec![path.to_string()],
        }
    })
    .collect()
}

/// Whether `line` holds `word`, not merely as a piece of a longer name.
fn contains_word(line: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let open = !word.ends_with(part_of_name) || !after.starts_with(part_of_name);
        open && !(word.starts_with(part_of_name) && before.ends_with(part_of_name))
    })
}

fn none(breaches: &[String]) {
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All Rust below a folder.
fn rust(folder: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&root().join(folder), &mut sources);
    sources.retain(|source| source.path.ends_with(".rs"));
    sources
}

/// Everything a person reads, wherever it lies.
fn every_text() -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in ["src", "tests", "docs", "examples", ".ci"] {
        collect(&root().join(folder), &mut sources);
    }
    for file in ["README.md", "Cargo.toml"] {
        sources.push(Source { path: file.to_string(), text: read(file) });
    }
    sources
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            collect(&path, sources);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            sources.push(Source { path, text });
        }
    }
}

#[test]
fn the_reader_of_paths_sees_groups_and_single_names() {
    assert_eq!(uses("use crate::names::{Pid, Signal};"), ["names"]);
    assert_eq!(uses("use crate::daemon::handle::Handle;"), ["daemon::handle::Handle"]);
    assert_eq!(uses("use crate::{api, config};"), ["api", "config"]);
    assert!(contains_word("use tokio::net;", "tokio") && !contains_word("mytokio_x", "tokio"));
    assert!(contains_word("Instant::now()", "::now()"));
}
