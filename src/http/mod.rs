//! XML-RPC over unix and TCP sockets.
