//! The sample that `echo_supervisord_conf` prints.

use std::process::Command;

use convoke::config::ini::Document;
use convoke::config::known::KINDS;
use convoke::config::{Address, SAMPLE, lint};

use super::python;
use super::world::World;

#[test]
fn the_program_prints_it_whatever_it_is_asked_cli_039() {
    for arguments in [&[][..], &["-h"], &["--nonsense", "x"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_echo_supervisord_conf")).args(arguments).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), SAMPLE);
    }
}

#[test]
fn it_sets_only_what_a_first_daemon_needs_cli_040() {
    let config = World::default().config(SAMPLE).unwrap();
    assert!(config.groups.is_empty() && config.collections.is_empty() && config.messages.is_empty());
    let [server] = config.servers.as_slice() else { panic!("{:?}", config.servers) };
    let unix = Address::Unix { path: "/tmp/supervisor.sock".to_string(), mode: 0o700, owner: (None, None) };
    assert_eq!(server.address, unix);
    assert_eq!(config.supervisord.pidfile, "/tmp/supervisord.pid");
    let mut document = Document::default();
    document.read("sample", SAMPLE);
    let mut sections = document.sections();
    sections.sort();
    let enabled = ["rpcinterface:supervisor", "supervisorctl", "supervisord", "unix_http_server"];
    assert_eq!(sections, enabled);
    assert_eq!(document.get("supervisorctl", "serverurl").as_deref(), Some("unix:///tmp/supervisor.sock"));
}

#[test]
fn every_section_and_option_is_in_it_with_a_word_of_explanation() {
    let document = uncommented();
    for kind in &KINDS {
        let sections = document.sections().into_iter().filter(|section| {
            section == kind.head || section.strip_prefix(kind.head).is_some_and(|rest| rest.starts_with(':'))
        });
        let sections: Vec<String> = sections.collect();
        assert!(!sections.is_empty(), "no section of the kind {}", kind.head);
        for option in kind.options {
            let shown = sections.iter().any(|section| document.get(section, option).is_some());
            assert!(shown, "{option} is in none of {sections:?}");
        }
    }
    for line in SAMPLE.lines().filter(|line| line.contains('=') && !line.starts_with("; ")) {
        let explained = line.split_once(" ; ").is_some_and(|(_, words)| words.len() > 5);
        assert!(explained || line.contains("_factory="), "{line}");
    }
}

#[test]
fn nothing_in_it_is_unknown_once_its_comments_are_taken_away() {
    let warnings = lint::files(&uncommented());
    assert!(warnings.is_empty(), "{warnings:#?}");
}

#[test]
fn the_reference_reads_it_as_we_do() {
    let Some(python) = python::interpreter() else { return };
    let script = "import sys\n\
        from supervisor.options import ServerOptions\n\
        options = ServerOptions()\n\
        options.realize(['-c', sys.argv[1]], doc='')\n\
        print(options.pidfile, options.process_group_configs, [c['file'] for c in options.server_configs])\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("supervisord.conf");
    std::fs::write(&path, SAMPLE).unwrap();
    let output = Command::new(python).arg("-c").arg(script).arg(&path).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed, "/tmp/supervisord.pid [] ['/tmp/supervisor.sock']\n", "{output:?}");
}

/// The column of examples in docs/configuration.md, as one file.
#[test]
fn the_examples_of_the_manual_are_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let manual = std::fs::read_to_string(path).unwrap();
    let mut text = "[program:web]\ncommand=a\n[program:worker]\ncommand=a\n".to_string();
    for kind in &KINDS {
        let body = manual.split(&format!("\n## `{}`", kind.example("x"))).nth(1).unwrap();
        let body = body.split("\n## ").next().unwrap();
        text.push_str(&format!("{}\n", kind.example(kind.head)));
        if kind.program {
            text.push_str("command=a\n");
        }
        for option in kind.options {
            let row = body.lines().find(|line| line.starts_with(&format!("| `{option}` |"))).unwrap();
            let cells: Vec<&str> = row.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
            let [_, _, _, example, _] = cells.as_slice() else { panic!("{row}: no five columns") };
            let example = example.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
            text.push_str(&format!("{option}={}\n", example.unwrap_or_else(|| panic!("{row}"))));
        }
    }
    let config = World::default().config(&text).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
    let program = config.groups.iter().find(|group| group.name.as_str() == "program").unwrap();
    assert_eq!(program.processes.len(), 4);
    assert_eq!((config.servers.len(), config.collections.len()), (2, 1));
}

/// With every commented section and option in force.
fn uncommented() -> Document {
    let set = |line: &str| line.strip_prefix(';').filter(|rest| !rest.starts_with(' ')).map(str::to_string);
    let text: String = SAMPLE.lines().map(|line| set(line).unwrap_or(line.to_string()) + "\n").collect();
    let mut document = Document::default();
    assert!(document.read("sample", &text).is_empty());
    document
}
