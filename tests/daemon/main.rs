//! The daemon at its edges: the real binary, real children, a directory of its own for each test.

mod children;
mod life;
mod logs;
mod notify;
mod start;
mod world;
