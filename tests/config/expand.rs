//! `%(name)s` against Python's `%`.

use convoke::config::expand::Names;
use serde_json::json;

use super::property::agree;
use super::python::{ask, interpreter};
use super::random::{Random, seed};

const CASES: usize = 20_000;

const PIECES: [&str; 41] = [
    "%",
    "%%",
    "(",
    ")",
    "%(here)",
    "%(program_name)",
    "%(process_num)",
    "%(ENV_X)",
    "%(one)",
    "%(none)",
    "s",
    "d",
    "i",
    "u",
    "x",
    "X",
    "o",
    "c",
    "r",
    "a",
    "e",
    "f",
    "g",
    "G",
    "E",
    "0",
    "2",
    "9",
    "-",
    "+",
    " ",
    "#",
    ".",
    "*",
    "l",
    "é",
    "text",
    "b",
    "\n",
    "%(big)",
    "%(minus)",
];

fn names() -> Names {
    let environment = [("X", "wért\"h"), ("one", "1")].map(|(k, v)| (k.to_string(), v.to_string()));
    let mut names = Names::new(environment.into());
    names.set("here", "/etc");
    names.set("program_name", "it's");
    names.set("one", "1");
    names.set_number("process_num", 7);
    names.set_number("big", 1_234_567_890);
    names.set_number("minus", -42);
    names
}

/// A format without a name is where we differ on purpose (BUG-010): Python shows the whole mapping there.
#[test]
fn formats_read_as_python_reads_them_cfg_035_to_038() {
    let Some(python) = interpreter() else { return };
    let mut random = Random::new(seed());
    let texts: Vec<String> = (0..CASES).map(|_| random.text(&PIECES, 9)).collect();
    let script = r#"
from supervisor.options import expand
names = {'here': '/etc', 'program_name': "it's", 'one': '1', 'process_num': 7, 'big': 1234567890, 'minus': -42,
         'ENV_X': 'wért"h', 'ENV_one': '1'}
class Bare(Exception): pass
class Names(dict):
    def __str__(self): raise Bare()
    __repr__ = __str__
out = []
for text in cases:
    try: out.append({'ok': expand(text, Names(names), 'what')})
    except ValueError as e:
        if isinstance(e.__context__, Bare): out.append({'bare': True})
        else: out.append({'error': str(e)})
answer(out)"#;
    let names = names();
    agree("expansions", texts, |texts| {
        let theirs = ask(&python, script, &json!(texts));
        let ours = texts.iter().map(|text| match names.expand(text, "what") {
            Ok(text) => json!({ "ok": text }),
            Err(sentence) if sentence.contains("without a name") => json!({ "bare": true }),
            // The class of the mapping is named, and it is another one there.
            Err(sentence) => json!({ "error": sentence.replace(", not dict", ", not Names") }),
        });
        ours.zip(theirs).collect()
    });
}

#[test]
fn expansion_table_cfg_035_to_038() {
    let names = names();
    let table = [
        ("%(program_name)s", "it's"),
        ("%(process_num)02d", "07"),
        ("%(program_name)6s|", "  it's|"),
        ("%(program_name)-6s|", "it's  |"),
        ("%(program_name)r", "\"it's\""),
        ("100%%", "100%"),
        ("%(process_num)x-%(ENV_X)s", "7-wért\"h"),
    ];
    for (text, expected) in table {
        assert_eq!(names.expand(text, "what").as_deref(), Ok(expected), "{text}");
    }
    let errors = [
        ("%", "is badly formatted: incomplete format"),
        ("%(here", "is badly formatted: incomplete format key"),
        ("1%b", "is badly formatted: unsupported format character 'b' (0x62) at index 2"),
        ("%(here)d", "is badly formatted: %d format: a real number is required, not str"),
        ("%(process_num)99999999d", "is badly formatted: width too big"),
        (
            "%(nope)s",
            "contains names ('nope') which cannot be expanded. Available names: ENV_X, ENV_one, big, here, \
             minus, one, process_num, program_name",
        ),
    ];
    for (text, expected) in errors {
        let expected = format!("Format string '{text}' for 'program:x.command' {expected}");
        assert_eq!(names.expand(text, "program:x.command"), Err(expected));
    }
}

#[test]
fn a_format_without_a_name_does_not_leak_the_environment_bug_010() {
    let sentence = names().expand("date +%s", "program:x.command").unwrap_err();
    assert_eq!(
        sentence,
        "Format string 'date +%s' for 'program:x.command' is badly formatted: %s without a name; write %%s for the \
         plain characters"
    );
}
