//! No configuration makes the reader panic or hang.

#![no_main]

mod reading;
#[allow(dead_code)]
#[path = "../../config/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|data: &[u8]| reading::read_and_explain(data));
