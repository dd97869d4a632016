//! What the fuzzer found worth keeping is read and said again.

use convoke::api::xmlrpc::{read_call, read_response};

use super::kept::inputs;
use super::talking::talk;

#[test]
fn no_document_of_the_corpus_makes_the_reader_panic() {
    let inputs = inputs("xmlrpc");
    for input in &inputs {
        let _ = (read_call(input), read_response(input));
    }
    assert!(inputs.len() > 1_000, "only {} inputs", inputs.len());
}

#[test]
fn no_connection_of_the_corpus_is_left_without_an_answer_or_an_end() {
    let inputs = inputs("http");
    inputs.iter().for_each(|input| talk(input));
    assert!(inputs.len() > 1_000, "only {} inputs", inputs.len());
}
