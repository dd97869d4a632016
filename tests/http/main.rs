//! The servers, as clients meet them: a supervisor of straw behind real sockets.

mod calls;
mod fuzzed;
mod hostile;
mod identity;
#[path = "../fuzz/kept.rs"]
mod kept;
mod python;
mod reading;
mod sockets;
mod straw;
#[path = "../fuzz/targets/talking.rs"]
mod talking;
mod wire;
mod world;
