//! `command=` and `environment=` against Python's `shlex`.

use convoke::config::shlex::environment;
use convoke::config::split_command;
use serde_json::{Value, json};

use super::property::agree;
use super::python::{ask, interpreter};
use super::random::{Random, seed};

const CASES: usize = 20_000;

const PIECES: [&str; 34] = [
    "a", "b", "A", "=", ",", "\"", "'", "\\", " ", "\n", "\t", "\r", "#", ";", "$", "~", "/", ":", "-", ".",
    "(", "é", "中", "\u{a0}", "%", "A=1", "B=\"x\"", ",C='y'", "\\\"", "\\\\", "=\"", "\",", "*", "\u{0}",
];

fn texts() -> Vec<String> {
    let mut random = Random::new(seed());
    (0..CASES).map(|_| random.text(&PIECES, 12)).collect()
}

fn plain<T: serde::Serialize>(result: Result<T, String>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(sentence) => json!({ "error": sentence }),
    }
}

#[test]
fn commands_split_as_shlex_split_does_cfg_102() {
    let Some(python) = interpreter() else { return };
    let script = "
import shlex
out = []
for text in cases:
    try: out.append({'ok': shlex.split(text)})
    except ValueError as e: out.append({'error': str(e)})
answer(out)";
    agree("commands", texts(), |texts| {
        let theirs = ask(&python, script, &json!(texts));
        texts.iter().map(|text| plain(split_command(text))).zip(theirs).collect()
    });
}

/// 4.4 reads by POSIX rules; what those refuse is read, or refused, as 4.3 does (CFG-071 to CFG-077, Q-07).
#[test]
fn environments_read_as_either_version_does() {
    let Some(python) = interpreter() else { return };
    let script = r#"
import shlex
from supervisor.datatypes import dict_of_key_value_pairs
def posix(text):
    lexer = shlex.shlex(text, posix=True)
    lexer.wordchars += '/.+-():'
    tokens = list(lexer)
    pairs = {}
    for i in range(0, len(tokens), 4):
        three = tokens[i:i+3]
        if len(three) != 3 or three[1] != '=':
            raise ValueError('refused')
        pairs[three[0]] = three[2]
    return pairs
out = []
for text in cases:
    try: out.append({'ok': posix(text)})
    except ValueError:
        try: out.append({'ok': dict_of_key_value_pairs(text)})
        except ValueError as e: out.append({'error': str(e)})
answer(out)"#;
    agree("environments", texts(), |texts| {
        let theirs = ask(&python, script, &json!(texts));
        texts.iter().map(|text| plain(environment(text))).zip(theirs).collect()
    });
}

#[test]
fn environment_table_cfg_072_to_078() {
    let read = |text: &str| {
        let pairs = environment(text).map(|pairs| {
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("|")
        });
        pairs.unwrap_or_else(|sentence| sentence)
    };
    let table = [
        ("A=1,B=2,", "A=1|B=2"),
        ("A=\"\"", "A="),
        ("A=\"1\";B=\"2\"", "A=1|B=2"),
        ("A=b c", "A=b"),
        ("A=1,\nB=2", "A=1|B=2"),
        ("A=1\n,B=2", "A=1|B=2"),
        ("A=$HOME", "A=$"),
        ("A=~/x", "A=~"),
        ("A=\"x\"#c", "A=x"),
        ("A='{\"x\": 1}'", "A={\"x\": 1}"),
        ("A=\"a\\\"b\"", "A=a\"b"),
        ("A=\"x\"y", "A=xy"),
        ("A=x\"y\"", "A=xy"),
        ("A=a\\b", "A=ab"),
        ("\"A\"=c", "A=c"),
        ("A=/usr/bin:/bin,B=(1+2)", "A=/usr/bin:/bin|B=(1+2)"),
        ("", ""),
        ("A=", "Unexpected end of key/value pairs in value 'A='"),
        ("A", "Unexpected end of key/value pairs in value 'A'"),
        ("A=1\nB=2", "Unexpected end of key/value pairs in value 'A=1\nB=2'"),
        ("A=a@b", "Unexpected end of key/value pairs in value 'A=a@b'"),
        ("A=\"x", "No closing quotation"),
    ];
    for (text, expected) in table {
        assert_eq!(read(text), expected, "{text:?}");
    }
}

/// 4.3 leaves a backslash before a closing quote alone; by POSIX rules the quote would not close.
#[test]
fn what_only_the_older_version_takes_is_read_as_it_did() {
    assert_eq!(environment("A=\"C:\\\"").unwrap()["A"], "C:\\");
}

#[test]
fn a_command_that_ends_in_the_middle_is_told_of_in_python_s_words() {
    assert_eq!(split_command("a 'b"), Err("No closing quotation".to_string()));
    assert_eq!(split_command("a \\"), Err("No escaped character".to_string()));
    assert_eq!(split_command("curl http://x/ #1"), Ok(vec!["curl".into(), "http://x/".into(), "#1".into()]));
}
