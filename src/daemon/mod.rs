//! Carries out what the supervisor decides, and feeds the results back. One thread, one loop.

pub mod autolog;
pub mod child;
pub mod handle;
pub mod identity;
pub mod limits;
pub mod localtime;
pub mod log;
pub mod logfile;
pub mod notes;
pub mod output;
pub mod reap;
pub mod signals;
pub mod spawn;
pub mod sys;
