//! The INI dialect against Python's parser as Supervisor sets it (CFG-001 to CFG-020).

use convoke::config::ini::Document;
use serde_json::{Value, json};

use super::property::agree;
use super::python::{ask, interpreter};
use super::random::{Random, seed};

const CASES: usize = 20_000;

/// Between a file and what it includes, in one text.
const NEXT_FILE: char = '\u{1}';

const PIECES: [&str; 44] = [
    "[",
    "]",
    "a",
    "B",
    "=",
    ":",
    ";",
    "#",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\u{a0}",
    "\u{1f}",
    "\u{c}",
    "é",
    "x=1",
    "[s]\n",
    "[DEFAULT]\n",
    "\n  ",
    "\n\t",
    "%(here)s",
    "\\",
    "\u{2028}",
    "\u{feff}",
    "\u{85}",
    "|",
    "\\n",
    "~",
    "'",
    "\"",
    "[t]\n",
    "key = value\n",
    "  more\n",
    "\n\n",
    " ;c",
    " #c",
    "Σς",
    "=\n",
    "k:v\n",
    "\u{b}",
    "\u{0}",
    "\n[s]\n",
];

/// What a text is to supervisord: its sections with all their options, or the sentence.
fn plain(document: &Document, errors: Vec<convoke::config::Error>) -> Value {
    if let Some(error) = errors.first() {
        return json!({ "error": error.to_string() });
    }
    let options = |section: &String| -> Vec<Value> {
        let options = document.options(section).into_iter();
        options.map(|option| json!([option, document.get(section, &option)])).collect()
    };
    json!({ "ok": document.sections().iter().map(|s| json!([s, options(s)])).collect::<Vec<_>>() })
}

/// Reads each case as one file, or two where the second is included.
pub const READ: &str = r#"
import io, configparser
from supervisor.options import UnhosedConfigParser
out = []
for case in cases:
    parser = UnhosedConfigParser()
    try:
        for name, here, text in case:
            parser.read_file(io.StringIO(text, newline=None), name)
            if here: parser.expand_here(here)
        out.append({'ok': [[s, [[o, parser.get(s, o)] for o in parser.options(s)]] for s in parser.sections()]})
    except configparser.ParsingError as e:
        out.append({'error': str(e)})
answer(out)"#;

fn files() -> Vec<String> {
    let mut random = Random::new(seed());
    (0..CASES)
        .map(|_| {
            let head = ["", "[s]\n", "[s]\nk=v\n", "[s]\n  k=v\n"][random.below(4)];
            format!("{head}{}", random.text(&PIECES, 16))
        })
        .collect()
}

#[test]
fn files_read_as_python_reads_them() {
    let Some(python) = interpreter() else { return };
    agree("files", files(), |texts| {
        let cases: Vec<Value> = texts.iter().map(|text| json!([["f", null, text]])).collect();
        let theirs = ask(&python, READ, &json!(cases));
        let ours = texts.iter().map(|text| {
            let mut document = Document::default();
            let errors = document.read("f", text);
            plain(&document, errors)
        });
        ours.zip(theirs).collect()
    });
}

#[test]
fn an_included_file_goes_over_the_main_one_as_in_python_cfg_013_and_cfg_032() {
    let Some(python) = interpreter() else { return };
    let texts = files();
    let pairs = texts.iter().zip(texts.iter().skip(1)).map(|(main, more)| format!("{main}{NEXT_FILE}{more}"));
    agree("includes", pairs.collect(), |texts| {
        let pairs: Vec<_> =
            texts.iter().map(|text| text.split_once(NEXT_FILE).unwrap_or((text, ""))).collect();
        let case = |(main, more): &(&str, &str)| json!([["f", "/main\\n", main], ["g", "/more", more]]);
        let theirs = ask(&python, READ, &json!(pairs.iter().map(case).collect::<Vec<_>>()));
        let ours = pairs.iter().map(|(main, more)| {
            let mut document = Document::default();
            let mut errors = document.read("f", main);
            document.expand_here("/main\\n");
            errors.extend(document.read("g", more));
            document.expand_here("/more");
            plain(&document, errors)
        });
        ours.zip(theirs).collect()
    });
}

#[test]
fn every_option_knows_its_file_and_line() {
    let mut document = Document::default();
    assert_eq!(document.read("f", "; c\n[s]\na = 1\n  2\nb = 3\n[DEFAULT]\nd = 4\n"), []);
    assert_eq!(document.read("g", "[s]\n\nb = 5\n[t]\n"), []);
    let spot = |section: &str, option| {
        document.spot(section, option).map(|spot| format!("{}:{}", spot.file, spot.line))
    };
    assert_eq!(spot("s", Some("a")).as_deref(), Some("f:3"));
    assert_eq!(spot("s", Some("b")).as_deref(), Some("g:3"));
    assert_eq!(spot("t", Some("d")).as_deref(), Some("f:7"));
    assert_eq!(spot("s", Some("nope")).as_deref(), Some("f:2"));
    assert_eq!(spot("t", None).as_deref(), Some("g:4"));
    assert_eq!(document.file_of("s"), Some("f"));
}

#[test]
fn a_comment_inside_a_quote_is_noticed_on_whatever_line_it_stands_bug_049() {
    for (text, cut) in [
        ("[s]\ncommand=sh -c \"a ; b\"\n", &[("command", 2)][..]),
        ("[s]\ncommand=sh -c '\n  a\n  b # c\n  d'\n", &[("command", 4)]),
        ("[s]\nenvironment=A=\"1 ; 2\",B=3\nb=1\n", &[("environment", 2)]),
        ("[s]\nstdout_logfile='a ; b'\n", &[("stdout_logfile", 2)]),
        ("[s]\ncommand=sh -c \"a; b\" ; c\n", &[]),
        ("[s]\ncommand=echo \\\" ; c\n", &[]),
        ("[s]\ncommand=echo '\\' ; c'\n", &[]),
        ("[s]\nprompt=don't ; ask\n", &[]),
        ("[s]\ncommand=a 'b\nother=c ; d\n", &[]),
        ("[s]\ncommand=a 'b\n  ; c\n  d'\n", &[]),
    ] {
        let mut document = Document::default();
        assert!(document.read("f", text).is_empty());
        let cuts = document.cuts().iter().map(|place| (place.option.as_deref().unwrap(), place.line));
        assert_eq!(cuts.collect::<Vec<_>>(), cut, "{text}");
    }
}
