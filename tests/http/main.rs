//! The servers, as clients meet them: a supervisor of straw behind real sockets.

mod calls;
mod hostile;
mod identity;
mod python;
mod reading;
mod sockets;
mod wire;
mod world;
