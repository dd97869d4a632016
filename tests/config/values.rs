//! One value at a time (CFG-056 to CFG-070), against the reference's own converters and as tables.

use convoke::config::value;
use serde_json::{Value, json};

use super::property::agree;
use super::python::{ask, interpreter};
use super::random::{Random, seed};
use super::world::World;

const CASES: usize = 10_000;

const PIECES: [&str; 38] = [
    "0",
    "1",
    "7",
    "8",
    "9",
    "12",
    "255",
    "256",
    "-",
    "+",
    "_",
    " ",
    "\u{a0}",
    "\t",
    "0o",
    "0O",
    "x",
    "kb",
    "MB",
    "Gb",
    "K",
    ",",
    ":",
    "*",
    ".",
    "yes",
    "TRUE",
    "off",
    "unexpected",
    "SIG",
    "term",
    "usr1",
    "RTMIN",
    "٣",
    "é",
    "'",
    "\"",
    "debug",
];

fn plain<T: Into<Value>>(result: Result<T, String>) -> Value {
    result.map_or_else(|sentence| json!({ "error": sentence }), |value| json!({ "ok": value.into() }))
}

#[test]
fn values_read_as_the_reference_reads_them() {
    let Some(python) = interpreter() else { return };
    let mut random = Random::new(seed());
    let texts: Vec<String> = (0..CASES).map(|_| random.text(&PIECES, 4)).collect();
    let script = r#"
from supervisor import datatypes as d
def octal(text):
    number = d.octal_type(text)
    # No mode is negative; the reference takes one and fails later.
    if number < 0: raise ValueError('%s can not be converted to an octal type' % text)
    return number
readers = [d.integer, octal, d.boolean, d.byte_size, d.signal_number, d.list_of_exitcodes,
           d.process_or_group_name, d.inet_address, d.logging_level]
def read(reader, text):
    try: value = reader(text)
    except ValueError as e: return {'error': str(e)}
    return {'ok': list(value) if isinstance(value, tuple) else value}
answer([[read(reader, text) for reader in readers] for text in cases])"#;
    let ours = |text: &String| {
        let level = value::log_level(text).map(|level| json!(super::model::level(level)));
        json!([
            plain(value::integer(text)),
            plain(value::octal(text)),
            plain(value::boolean(text)),
            plain(value::byte_size(text)),
            plain(value::signal(text).map(|signal| signal.number())),
            plain(value::exitcodes(text)),
            plain(value::name(text)),
            plain(value::inet_address(text).map(|(host, port)| json!([host, port]))),
            plain(level),
        ])
    };
    agree("values", texts, |texts| {
        let theirs = ask(&python, script, &json!(texts));
        texts.iter().map(ours).zip(theirs).collect()
    });
}

#[test]
fn paths_cfg_064_and_065() {
    let world = World::default();
    let directory = |text: &str| value::existing_directory(text, &world);
    assert_eq!(directory("/var/log"), Ok("/var/log".to_string()));
    assert_eq!(directory("~"), Ok("/home/me".to_string()));
    assert_eq!(directory("~nosuch"), Err("~nosuch is not an existing directory".to_string()));
    let path = |text: &str| value::existing_dirpath(text, &world);
    assert_eq!(path("~/x.log"), Ok("/home/me/x.log".to_string()));
    assert_eq!(path("x.log"), Ok("x.log".to_string()));
    assert_eq!(path("/x.log"), Ok("/x.log".to_string()));
    let sentence = "The directory named as part of the path ~nobody/x does not exist";
    assert_eq!(path("~nobody/x"), Err(sentence.to_string()));
}

#[test]
fn users_and_owners_cfg_069_and_087() {
    let world = World::default();
    assert_eq!(value::user("www-data", &world), Ok(33));
    assert_eq!(value::user(" 33 ", &world), Ok(33));
    assert_eq!(value::user("99", &world), Err("Invalid user id 99".to_string()));
    assert_eq!(value::user("-1", &world), Err("Invalid user id -1".to_string()));
    assert_eq!(value::user("bob", &world), Err("Invalid user name bob".to_string()));
    assert_eq!(value::user("b\0b", &world), Err("embedded null byte".to_string()));
    assert_eq!(value::owner("nobody:adm", &world), Some((Some(65_534), Some(4))));
    assert_eq!(value::owner("0", &world), Some((Some(0), None)));
    for bad in ["nobody.adm", "root:", "root:99", ":adm", "root:adm:x"] {
        assert_eq!(value::owner(bad, &world), None, "{bad}");
    }
}

#[test]
fn numbers_too_large_for_us_are_the_largest_we_have() {
    assert_eq!(value::integer("99999999999999999999"), Ok(i64::MAX));
    assert_eq!(value::byte_size("9999999999999GB"), Ok(i64::MAX));
}
