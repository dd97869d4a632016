//! What the fuzzer found worth keeping: each input leads the reader somewhere that no other does.

use super::kept::inputs;
use super::reading::read_and_explain;

#[test]
fn no_input_of_the_corpus_makes_the_reader_panic() {
    let inputs = inputs("config");
    inputs.iter().for_each(|input| read_and_explain(input));
    assert!(inputs.len() > 1_000, "only {} inputs", inputs.len());
}
