//! Our `supervisorctl` beside the stock one: the same words to the same daemon, ours or the reference.

#[path = "../world/mod.rs"]
mod world;

mod additions;
mod both;
mod daemons;
mod proxy;
mod rows;
mod scripted;
mod shell;
mod unreachable;
