//! No bytes on a connection make the servers panic, hang, or answer with what is no HTTP.

#![no_main]

#[allow(dead_code)]
#[path = "../../http/straw.rs"]
mod straw;
mod talking;

use std::sync::Arc;

use signal_hook::consts::SIGPIPE;

libfuzzer_sys::fuzz_target!(
    init: {
        // The fuzzer's own `main` is not Rust's, which ignores it.
        signal_hook::flag::register(SIGPIPE, Arc::default()).unwrap();
    },
    |data: &[u8]| talking::talk(data)
);
