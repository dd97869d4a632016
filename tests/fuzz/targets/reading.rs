//! Reads a configuration as a check does, and writes out all there is to say of it.

use convoke::config::error::{explain, explain_warnings};
use convoke::config::{lint, read};
use convoke::supervisor::preview;

use super::world::{MAIN, World};

/// A file that asks for 100,000 processes gets them, slowly: that is right, and finds nothing.
const NUMPROCS: &[u8] = b"numprocs";

/// A main file and up to four more beside it, with a NUL byte between them.
pub fn read_and_explain(data: &[u8]) {
    if data.windows(NUMPROCS.len()).any(|word| word.eq_ignore_ascii_case(NUMPROCS)) && data.len() > 4_096 {
        return;
    }
    let mut world = World::default();
    for (number, file) in data.split(|byte| *byte == 0).enumerate().take(5) {
        let path = if number == 0 { MAIN.to_string() } else { format!("/etc/sv/{number}.ini") };
        world.files.insert(path, file.to_vec());
    }
    let reading = read::survey(MAIN, &world, None);
    let mut warnings = reading.warnings;
    warnings.extend(lint::files(&reading.document));
    match &reading.config {
        Ok(config) => {
            warnings.extend(lint::values(&reading.document, config, &world));
            let all: usize = config.groups.iter().map(|group| group.processes.len()).sum();
            assert_eq!(preview(config).0.len(), all);
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a word");
            assert!(!explain(errors, &world).is_empty());
        }
    }
    assert_eq!(explain_warnings(&warnings, &world).is_empty(), warnings.is_empty());
}
