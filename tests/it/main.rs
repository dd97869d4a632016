//! End to end: the real binary in a temporary directory, driven by the stock `supervisorctl` and by XML-RPC.

#[path = "../world/mod.rs"]
mod world;

mod client;
