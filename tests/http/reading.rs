//! What is read of a call, against the reference's own reader: the same documents, well-formed, odd and broken.

use std::io::Write;
use std::process::Stdio;

use convoke::api::arguments::Argument;
use convoke::api::xmlrpc::read_call;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::world::python;

/// Documents compared in one run.
const DOCUMENTS: usize = 1_500;

/// Reads documents, a JSON text a line, and prints what the reference makes of each.
const READER: &str = "
import json, sys
from supervisor.xmlrpc import supervisor_xmlrpc_handler
handler = supervisor_xmlrpc_handler(None, ())
for line in sys.stdin:
    try:
        params, method = handler.loads(json.loads(line))
        print(json.dumps([method, list(params or ())]) if method else 'null')
    except Exception:
        print('null')
";

/// Text as it may stand between two tags.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 é中.:*]{0,6}",
        1 => Just("&amp;".to_string()),
        1 => Just("&lt;&gt;&quot;&apos;".to_string()),
        1 => Just("&#233;&#x41;".to_string()),
        1 => Just("<![CDATA[<a>&amp;]]>".to_string()),
        1 => Just("<!-- <value> -->".to_string()),
        1 => Just("\r\n\t".to_string()),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// What may stand around a typed value.
fn blank() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n  "), 1 => Just("<!-- c -->")]
        .prop_map(String::from)
}

fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        text(),
        text().prop_map(|text| format!("<string>{text}</string>")),
        any::<i32>().prop_map(|number| format!("<int>{number}</int>")),
        any::<i16>().prop_map(|number| format!("<i4> {number}\n</i4>")),
        Just("<int>+5</int>".to_string()),
        Just("<boolean>1</boolean>".to_string()),
        Just("<boolean>0</boolean>".to_string()),
        any::<i16>().prop_map(|number| format!("<double>{}</double>", f64::from(number) / 8.0)),
        Just("<nil/>".to_string()),
        Just("<string/>".to_string()),
        Just("<base64>w6k=\n</base64>".to_string()),
        "[a-z]{1,4}".prop_map(|name| format!("<int>{name}</int>")),
    ];
    let typed = scalar.prop_recursive(3, 12, 3, |inner| {
        let items = proptest::collection::vec((inner.clone(), blank()), 0..3);
        let members = proptest::collection::vec(("[a-z]{1,3}", inner), 0..3);
        prop_oneof![
            items.prop_map(|items| {
                let items: String =
                    items.into_iter().map(|(item, blank)| format!("<value>{item}</value>{blank}")).collect();
                format!("<array><data>{items}</data></array>")
            }),
            members.prop_map(|members| {
                let member =
                    |(name, value)| format!("<member><name>{name}</name><value>{value}</value></member>");
                format!("<struct>{}</struct>", members.into_iter().map(member).collect::<String>())
            }),
        ]
    });
    (blank(), typed, blank()).prop_map(|(before, value, after)| match value.starts_with('<') {
        true => format!("{before}{value}{after}"),
        false => value,
    })
}

fn document() -> impl Strategy<Value = String> {
    let heads = ["", "<?xml version='1.0'?>\n", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<!-- c -->\n"];
    let roots = ["methodCall", "methodCall", "x"];
    let method = prop_oneof![4 => Just("a.b".to_string()), 1 => "[a-z.é]{0,4}"];
    let params = proptest::option::of(proptest::collection::vec((value(), blank()), 0..3));
    let tails = ["", "\n", "<!-- c -->", "x", "<y/>"];
    let pick = |from: &[&'static str]| proptest::sample::select(from.to_vec());
    // Most stay whole; some are cut anywhere.
    let cut = prop_oneof![5 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    (pick(&heads), pick(&roots), method, params, pick(&tails), cut).prop_map(
        |(head, root, method, params, tail, cut)| {
            let params = params.map_or(String::new(), |params| {
                let param = |(value, blank)| format!("<param><value>{value}</value></param>{blank}");
                format!("<params>{}</params>", params.into_iter().map(param).collect::<String>())
            });
            let whole = format!("{head}<{root}><methodName>{method}</methodName>{params}</{root}>{tail}");
            let Some(cut) = cut else { return whole };
            whole.chars().take(cut.index(whole.chars().count())).collect()
        },
    )
}

fn plain(argument: &Argument) -> Value {
    match argument {
        Argument::Text(text) => json!(text),
        Argument::Number(number) => json!(number),
        Argument::Double(double) => json!(double),
        Argument::Flag(flag) => json!(flag),
        Argument::Nil => Value::Null,
        Argument::List(items) => items.iter().map(plain).collect(),
        Argument::Record(members) => {
            members.iter().map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>().into()
        }
    }
}

#[test]
fn calls_are_read_as_the_reference_reads_them_rpc_003() {
    let Some(mut python) = python() else { return };
    let mut runner = TestRunner::deterministic();
    let strategy = document();
    let documents: Vec<String> =
        (0..DOCUMENTS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let mut child = python.args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = documents.iter().map(|document| format!("{}\n", json!(document))).collect();
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let (mut read, mut differences) = (0, Vec::new());
    for (document, theirs) in documents.iter().zip(String::from_utf8(output.stdout).unwrap().lines()) {
        let theirs: Value = serde_json::from_str(theirs).unwrap();
        let ours = read_call(document.as_bytes()).map_or(Value::Null, |call| {
            json!([call.method, call.arguments.iter().map(plain).collect::<Vec<_>>()])
        });
        read += usize::from(!theirs.is_null());
        if ours != theirs {
            differences.push(format!("{document:?}\n  ours:   {ours}\n  theirs: {theirs}"));
        }
    }
    assert!(read > DOCUMENTS / 4, "only {read} were calls");
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences[..differences.len().min(20)].join("\n")
    );
}
