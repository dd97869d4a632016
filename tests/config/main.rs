//! The configuration reader against Python, against what Supervisor makes of real files, and on its own.

mod appendix;
mod corpus;
mod expand;
mod ini;
mod model;
mod python;
mod random;
mod shlex;
mod world;
