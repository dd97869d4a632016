//! Which files are read, and what becomes of one that is missing, locked or broken.

use convoke::config::read::{find, read};
use convoke::config::{Config, Error, Host, LogLevel, error};

use serde_json::json;

use super::python::{ask, compare, interpreter};
use super::world::{MAIN, World};

fn world(files: &[(&str, &str)]) -> World {
    files.iter().fold(World::default(), |world, (path, text)| world.with(path, text))
}

fn sentences(result: Result<Config, Vec<Error>>) -> Vec<String> {
    result.map(|_| Vec::new()).unwrap_or_else(|errors| errors.iter().map(ToString::to_string).collect())
}

fn messages(config: &Config) -> Vec<(LogLevel, &str)> {
    config.messages.iter().map(|message| (message.level, message.text.as_str())).collect()
}

fn commands(config: &Config) -> Vec<String> {
    let processes = config.groups.iter().flat_map(|group| &group.processes);
    processes.map(|process| format!("{}={}", process.name, process.command)).collect()
}

#[test]
fn the_first_file_of_the_search_path_is_found_cli_019() {
    let found = |argv0: &str, file: &str| find(argv0, &world(&[(file, "")]));
    let table = [
        ("/opt/bin/supervisord", "/opt/etc/supervisord.conf", "/opt/etc/supervisord.conf"),
        ("/opt/bin/supervisord", "/opt/supervisord.conf", "/opt/supervisord.conf"),
        ("supervisord", "/etc/sv/supervisord.conf", "supervisord.conf"),
        ("/x", "/etc/sv/etc/supervisord.conf", "etc/supervisord.conf"),
        ("x/y", "/etc/supervisor/supervisord.conf", "/etc/supervisor/supervisord.conf"),
    ];
    for (argv0, file, expected) in table {
        assert_eq!(found(argv0, file).as_deref(), Ok(expected), "{argv0} {file}");
    }
    let both = world(&[("/etc/supervisord.conf", ""), ("/opt/supervisord.conf", "")]);
    assert_eq!(find("/opt/bin/x", &both).as_deref(), Ok("/opt/supervisord.conf"));
}

#[test]
fn without_any_file_all_places_are_named_cli_020() {
    let errors = find("/opt/bin/supervisord", &World::default()).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "No config file found at default paths (/opt/etc/supervisord.conf, /opt/supervisord.conf, supervisord.conf, \
         etc/supervisord.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf); use the -c option to \
         specify a config file at a different path"
    );
}

#[test]
fn a_main_file_that_cannot_be_read_is_named_cli_023() {
    let mut world = world(&[(MAIN, "")]);
    world.locked.insert(MAIN.to_string());
    assert_eq!(sentences(read("/none", &world)), ["could not find config file /none"]);
    assert_eq!(sentences(read(MAIN, &world)), [format!("could not read config file {MAIN}")]);
    assert_eq!(sentences(read("/tmp", &world)), ["could not read config file /tmp"]);
}

/// What the reference says is what opening the file in Python says.
#[test]
fn text_that_is_not_utf_8_is_told_of_in_python_s_words_cfg_001() {
    let Some(python) = interpreter() else { return };
    let tails: [&[u8]; 7] =
        [b"\xff", b"\x80;", b"\xc3(", b"\xc3", b"\xe2\x82(", b"\xe2\x82", b"\xf0\x9f\x92"];
    let lengths = [0, 3, 8_189, 8_190, 8_191, 8_192, 8_193, 16_383, 20_000];
    let mut files: Vec<Vec<u8>> = Vec::new();
    for filler in [";", "é"] {
        for length in lengths {
            files.extend(tails.map(|tail| [filler.repeat(length).as_bytes(), tail].concat()));
        }
    }
    let script = "
import io
def read(data):
    try: list(io.TextIOWrapper(io.BufferedReader(io.BytesIO(bytes(data))), 'utf-8'))
    except UnicodeDecodeError as e: return str(e)
answer([read(data) for data in cases])";
    let theirs = ask(&python, script, &json!(files));
    let ours = files.iter().map(|bytes| {
        let mut world = World::default();
        world.files.insert(MAIN.to_string(), bytes.clone());
        json!(sentences(read(MAIN, &world))[0])
    });
    let cases: Vec<usize> = files.iter().map(Vec::len).collect();
    compare(&cases, ours.collect(), theirs);
}

#[test]
fn included_files_come_in_order_and_go_over_the_main_one_cfg_024_to_031() {
    let config = world(&[
        (MAIN, "[supervisord]\nidentifier=main\n[include]\nfiles=conf.d/*.conf %(here)s/b.ini\n   none/*\n"),
        ("/etc/sv/conf.d/b.conf", "[program:b]\ncommand=%(here)s/b\n[supervisord]\nidentifier=b\n"),
        ("/etc/sv/conf.d/a.conf", "[program:a]\ncommand=a\n[include]\nfiles=/more.conf\n"),
        ("/etc/sv/conf.d/.hidden.conf", "[program:hidden]\ncommand=h\n"),
        ("/etc/sv/conf.d/sub/c.conf", "[program:sub]\ncommand=s\n"),
        ("/etc/sv/b.ini", "[program:a]\ncommand=again\n"),
        ("/more.conf", "[program:more]\ncommand=m\n"),
    ]);
    let config = read(MAIN, &config).unwrap();
    assert_eq!(commands(&config), ["a=again", "b=/etc/sv/conf.d/b"]);
    assert_eq!(config.supervisord.identifier, "b");
    assert_eq!(
        messages(&config),
        [
            (LogLevel::Warn, "No file matches via include \"/etc/sv/none/*\""),
            (LogLevel::Info, "Included extra file \"/etc/sv/conf.d/a.conf\" during parsing"),
            (LogLevel::Info, "Included extra file \"/etc/sv/conf.d/b.conf\" during parsing"),
            (LogLevel::Info, "Included extra file \"/etc/sv/b.ini\" during parsing"),
        ]
    );
}

#[test]
fn patterns_match_as_python_s_glob_does_cfg_025() {
    let world = world(&[
        ("/d/a.conf", ""),
        ("/d/b.conf", ""),
        ("/d/.c.conf", ""),
        ("/d/sub/a.conf", ""),
        ("/d/sub/deep/a.conf", ""),
        ("/d/[x].conf", ""),
    ]);
    let table = [
        ("/d/*.conf", "[x].conf a.conf b.conf"),
        ("/d/**", "[x].conf a.conf b.conf sub"),
        ("/d/**/a.conf", "sub/a.conf"),
        ("/d/.*.conf", ".c.conf"),
        ("/d/[ab].conf", "a.conf b.conf"),
        ("/d/[!a].conf", "b.conf"),
        ("/d/[[]x].conf", "[x].conf"),
        ("/d/[", ""),
        ("/d/?.conf", "a.conf b.conf"),
        ("/d/a.conf", "a.conf"),
        ("/d/none", ""),
        ("/*/sub/*", "sub/a.conf sub/deep"),
        ("/d/{a,b}.conf", ""),
        ("/d/*/", "sub/"),
    ];
    for (pattern, expected) in table {
        let found = convoke::config::glob::matches(pattern, &world);
        let found: Vec<&str> = found.iter().map(|path| path.strip_prefix("/d/").unwrap()).collect();
        assert_eq!(found.join(" "), expected, "{pattern}");
    }
}

#[test]
fn an_included_file_that_cannot_be_read_is_warned_of_and_harms_nothing_cfg_029() {
    let mut world = world(&[
        (MAIN, "[supervisord]\n[include]\nfiles=*.ini\n[program:a]\ncommand=a\n"),
        ("/etc/sv/a.ini", "[program:b]\ncommand=b\n"),
    ]);
    world.locked.insert("/etc/sv/a.ini".to_string());
    let config = read(MAIN, &world).unwrap();
    assert_eq!(commands(&config), ["a=a"]);
    let expected = "could not read included file \"/etc/sv/a.ini\": permission denied; it is left out";
    assert_eq!(messages(&config)[0], (LogLevel::Warn, expected));
}

#[test]
fn bad_lines_of_all_files_come_together_the_main_file_s_first_cfg_030() {
    let world = world(&[
        (MAIN, "[supervisord]\n[include]\nfiles=*.ini\n[program:a]\nfoo\n"),
        ("/etc/sv/a.ini", "x=1\n"),
        ("/etc/sv/b.ini", "[a]\nb\nc=1\n=d\n"),
    ]);
    assert_eq!(
        sentences(read(MAIN, &world)),
        [
            format!("Source contains parsing errors: '{MAIN}'\n\t[line  5]: 'foo\\n'"),
            "File contains no section headers.\nfile: '/etc/sv/a.ini', line: 1\n'x=1\\n'".to_string(),
            "Source contains parsing errors: '/etc/sv/b.ini'\n\t[line  2]: 'b\\n'\n\t[line  4]: '=d\\n'"
                .to_string(),
            "Source contains parsing errors: '/etc/sv/b.ini'\n\t[line  2]: 'b\\n'\n\t[line  4]: '=d\\n'"
                .to_string(),
        ]
    );
}

#[test]
fn an_include_without_files_is_an_error_cfg_022() {
    let result = World::default().config("[supervisord]\n[include]\n");
    assert_eq!(sentences(result), [".ini file has [include] section, but no files setting"]);
}

#[test]
fn without_a_supervisord_section_nothing_is_read_cfg_055() {
    let result = World::default().config("[program:a]\n");
    assert_eq!(sentences(result), [".ini file does not include supervisord section"]);
    let with = world(&[(MAIN, "[include]\nfiles=a.ini\n"), ("/etc/sv/a.ini", "[supervisord]\n")]);
    assert!(read(MAIN, &with).is_ok());
}

/// CFG-033: the replacement is plain text, so an escaped one breaks, but only where files are included.
#[test]
fn here_is_replaced_as_text_only_where_files_are_included_cfg_032() {
    let program = "[program:a]\ncommand=%%(here)s\n";
    let plain = World::default().config(&format!("[supervisord]\n{program}")).unwrap();
    assert_eq!(commands(&plain), ["a=%(here)s"]);
    let result = World::default().config(&format!("[supervisord]\n[include]\nfiles=x\n{program}"));
    let sentence = &sentences(result)[0];
    assert!(
        sentence.starts_with("Format string '%/etc/sv' for 'program:a.command' is badly formatted"),
        "{sentence}"
    );
}

/// CFG-034: the file named is the one in which the section first appeared; the place is where the value stands.
#[test]
fn an_error_names_the_section_s_file_and_its_place_the_value_s_cfg_051() {
    let world = world(&[
        (MAIN, "[supervisord]\n[include]\nfiles=a.ini\n[program:a]\ncommand=a\n"),
        ("/etc/sv/a.ini", "[program:a]\n\nstartsecs=ten\n"),
    ]);
    let errors = read(MAIN, &world).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        format!("invalid literal for int() with base 10: 'ten' in section 'program:a' (file: '{MAIN}')")
    );
    let place = errors[0].place.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.line), ("/etc/sv/a.ini", 3));
}

#[test]
fn errors_are_shown_to_people_with_line_and_way_out() {
    let text = "[supervisord]\n[program:web]\ncommand = /bin/%(ENV_NOPE)s\n\tautostart = maybe ; perhaps\nfoo:1\n\
                [group:g]\nprograms=none\n";
    let world = World::default().with(MAIN, text);
    let errors = read(MAIN, &world).unwrap_err();
    assert_eq!(
        error::explain(&errors, &world),
        "\
error: [group:g] names unknown program or fcgi-program none
  --> /etc/sv/supervisord.conf:7 in [group:g]
  |
7 | programs=none
  |          ^^^^ known here: web
error: Format string '/bin/%(ENV_NOPE)s\\nautostart = maybe' for 'program:web.command' contains names ('ENV_NOPE') \
which cannot be expanded
  --> /etc/sv/supervisord.conf:3 in [program:web]
  |
3 | command = /bin/%(ENV_NOPE)s
  |           ^^^^^^^^^^^^^^^^^ set the variable, in UTF-8, where supervisord is started; %% is a plain percent sign
"
    );
    let broken = World::default().with(MAIN, "[supervisord]\nfoo\n");
    assert_eq!(
        error::explain(&read(MAIN, &broken).unwrap_err(), &broken),
        "\
error: neither a section nor an option
  --> /etc/sv/supervisord.conf:2
  |
2 | foo
  | ^^^ an option is written name=value; a long value goes on in lines that are indented more
"
    );
}

#[test]
fn the_machine_itself_is_a_world_too() {
    let host = convoke::config::read::SystemHost::now();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.conf");
    std::fs::write(&path, "[supervisord]\n[include]\nfiles=*.ini\n").unwrap();
    std::fs::write(directory.path().join("a.ini"), "[program:a]\ncommand=%(here)s/a\nuser=root\n").unwrap();
    let config = read(path.to_str().unwrap(), &host).unwrap();
    let real = directory.path().to_str().unwrap();
    assert_eq!(commands(&config), [format!("a={real}/a")]);
    assert_eq!(config.groups[0].processes[0].user, Some(0));
    assert!(host.is_dir(host.tempdir()) && host.has_gid(0) && !host.has_uid(u32::MAX - 7));
    assert!(host.home(Some("root")).is_some_and(|home| home.starts_with('/')));
}
