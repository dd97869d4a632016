//! The same scene under both daemons at once, and what each made of it.

use std::fmt::Debug;
use std::thread;

use crate::world::World;
use crate::world::stock::python;

/// Plays a scene in a world of ours and in one of the reference; both must give the same.
pub fn side_by_side<T: PartialEq + Debug + Send>(scene: impl Fn(&mut World) -> T + Sync) {
    if python().is_none() {
        return;
    }
    let mut reference = World::reference().expect("the reference");
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| scene(&mut reference));
        let ours = scene(&mut World::ours());
        (ours, theirs.join().expect("the reference plays the scene"))
    });
    assert_eq!(ours, theirs, "ours on the left, the reference's on the right");
}

/// The main log's lines that hold one of `words`: level and sentence, without pids and places.
pub fn story(world: &World, words: &[&str]) -> Vec<String> {
    let dir = world.dir().to_str().expect("a name in UTF-8");
    let log = world.log();
    let told = log.lines().filter(|line| words.iter().any(|word| line.contains(word))).map(|line| {
        // Date, time, then level and sentence.
        let line = line.splitn(3, ' ').nth(2).unwrap_or(line).replace(dir, "{dir}");
        without_pids(&line)
    });
    let told = told.collect::<Vec<_>>();
    assert!(!told.is_empty(), "no line with any of {words:?} in\n{log}");
    told
}

/// `pid 7` and `(7)` with N for the number.
fn without_pids(line: &str) -> String {
    let mut told = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |len| at + len);
        let (before, number) = (&rest[..at], &rest[at..end]);
        told.push_str(before);
        told.push_str(if before.ends_with("pid ") || before.ends_with('(') { "N" } else { number });
        rest = &rest[end..];
    }
    told + rest
}
