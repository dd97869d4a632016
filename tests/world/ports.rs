//! TCP ports for servers under test.

use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that the kernel gives to clients: else the connection of another test could take a port between our
/// look at it and the server's start.
const PORTS: Range<u16> = 10_000..32_000;

/// A port of the loopback that nobody listens at. No other test of this program is given the same one.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Test programs that run side by side begin at places of their own.
    let first = std::process::id().wrapping_mul(101);
    let mut ports = std::iter::repeat_with(|| {
        let next = first.wrapping_add(u32::from(GIVEN.fetch_add(1, Ordering::Relaxed)));
        PORTS.start + u16::try_from(next % u32::from(PORTS.end - PORTS.start)).unwrap()
    });
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}
