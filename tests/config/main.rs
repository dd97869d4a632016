//! The configuration reader against Python, against what Supervisor makes of real files, and on its own.

mod appendix;
mod corpus;
mod expand;
mod files;
mod fuzzed;
mod ini;
#[path = "../fuzz/kept.rs"]
mod kept;
mod messages;
mod model;
mod options;
mod property;
mod python;
mod random;
#[path = "../fuzz/targets/reading.rs"]
mod reading;
mod sample;
mod sections;
mod shlex;
mod values;
mod world;
