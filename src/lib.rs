//! Convoke: a process supervisor that takes Supervisor's place.
//!
//! The supervisor decides; the daemon does. Read in this order:
//!
//! - [`names`]: what things are called: programs, groups, namespecs, signals.
//! - [`config`]: bytes to a typed desired state. Pure but for `config::read`.
//! - [`api`]: what can be asked and answered.
//! - [`cli`]: command lines, and completions and manual pages made from them.
//! - [`supervisor`]: the pure core; inputs in, effects out, no clock and no I/O.
//! - [`daemon`]: carries effects out and feeds results back.
//! - [`http`]: XML-RPC, pages, probes and metrics over unix and TCP sockets.
//! - [`ctl`]: supervisorctl, the client.
//!
//! `tests/tidy.rs` keeps the walls between them; docs/architecture.md explains them.
#![deny(unsafe_code)]

pub mod api;
pub mod cli;
pub mod config;
pub mod ctl;
pub mod daemon;
pub mod http;
pub mod names;
pub mod supervisor;
