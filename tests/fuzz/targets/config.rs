//! No configuration makes the reader panic or hang: a main file and what it includes, with a NUL byte between them.
//! Whatever it says of them is written out too, with every pointer at a line.

#![no_main]

#[allow(dead_code)]
#[path = "../../config/world.rs"]
mod world;

use convoke::config::error::{explain, explain_warnings};
use convoke::config::{lint, read};
use convoke::supervisor::preview;
use libfuzzer_sys::fuzz_target;

use world::{MAIN, World};

/// More processes than this are no different, and take their time.
const NUMPROCS: &[u8] = b"numprocs";

fuzz_target!(|data: &[u8]| {
    let mut world = World::default();
    // A file that asks for 100,000 processes gets them, slowly: that is right and finds nothing.
    if data.windows(NUMPROCS.len()).any(|word| word.eq_ignore_ascii_case(NUMPROCS)) && data.len() > 4_096 {
        return;
    }
    for (number, file) in data.split(|byte| *byte == 0).enumerate().take(5) {
        let path = if number == 0 { MAIN.to_string() } else { format!("/etc/sv/{number}.ini") };
        world.files.insert(path, file.to_vec());
    }
    let reading = read::survey(MAIN, &world);
    let mut warnings = reading.warnings;
    warnings.extend(lint::files(&reading.document));
    match &reading.config {
        Ok(config) => {
            warnings.extend(lint::values(&reading.document, config, &world));
            let (processes, collections) = preview(config);
            assert!(processes.len() + collections.len() < usize::MAX);
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a word");
            assert!(!explain(errors, &world).is_empty());
        }
    }
    assert_eq!(explain_warnings(&warnings, &world).is_empty(), warnings.is_empty());
});
