//! Python's `glob`, as `[include]` uses it (CFG-025). The crate of that name treats `**`, hidden files and broken
//! patterns differently.

use super::host::{Host, join, split};
use crate::names::pattern_matches;

/// The files that a pattern means, sorted by their bytes (CFG-026).
pub fn matches(pattern: &str, host: &dyn Host) -> Vec<String> {
    let mut found = paths(pattern, host);
    found.sort();
    found
}

fn paths(pattern: &str, host: &dyn Host) -> Vec<String> {
    let (directory, name) = split(pattern);
    if !has_magic(pattern) {
        let there = if name.is_empty() { host.is_dir(directory) } else { host.exists(pattern) };
        return there.then(|| pattern.to_string()).into_iter().collect();
    }
    let directories = if has_magic(directory) {
        paths(directory, host).into_iter().filter(|path| host.is_dir(path)).collect()
    } else {
        vec![directory.to_string()]
    };
    directories.iter().flat_map(|directory| names_in(directory, name, host)).collect()
}

fn names_in(directory: &str, name: &str, host: &dyn Host) -> Vec<String> {
    let path = join(directory, name);
    if !has_magic(name) {
        let there = if name.is_empty() { host.is_dir(directory) } else { host.exists(&path) };
        return there.then_some(path).into_iter().collect();
    }
    let shown = |found: &String| name.starts_with('.') || !found.starts_with('.');
    let found = host.list(directory).into_iter().filter(shown).filter(|found| pattern_matches(name, found));
    found.map(|found| join(directory, &found)).collect()
}

fn has_magic(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}
