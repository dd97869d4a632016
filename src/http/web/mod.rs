//! The pages that people know.

pub(super) mod escape;
