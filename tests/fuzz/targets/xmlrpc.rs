//! No body makes the reader of calls and of answers panic or hang.

#![no_main]

use convoke::api::xmlrpc::{read_call, read_response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Either is a value or a refusal; which one is for other tests to say.
    let _ = read_call(data);
    let _ = read_response(data);
});
