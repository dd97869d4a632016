//! The pages, as people meet them: in a real browser, with its script and without, and what another site may not do.

#[path = "../world/mod.rs"]
mod world;

mod browser;
mod page;
mod wire;
