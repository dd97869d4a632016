//! Carries out what the supervisor decides, and feeds the results back.

pub mod handle;
