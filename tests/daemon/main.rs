//! The daemon at its edges: the real binary, real children, a directory of its own for each test.

#[allow(dead_code, reason = "each test binary uses its own part of this")]
#[path = "../common/mod.rs"]
mod common;

mod children;
mod identity;
mod life;
mod logs;
mod machine;
mod notify;
mod start;
mod trouble;
mod world;
