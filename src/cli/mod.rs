//! Command lines: read as the reference reads its own, and described for shells and manuals.

pub mod getopt;
pub mod pages;

pub use getopt::{Given, Grammar, Row};
