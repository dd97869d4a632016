//! Collections when the daemon begins and when its files are read again.

use super::super::testing::{World, collection, config, group};
use crate::api::{Fault, FaultCode, Reply, Request};
use crate::config::Error;

/// What was said of collections and groups, as `CollectionAdded c`.
fn told(world: &mut World) -> Vec<String> {
    let heard = world.heard();
    let told = heard.iter().filter_map(|line| {
        let (kind, rest) = line.strip_prefix("Event(")?.split_once('(')?;
        let name = rest.split('"').nth(1)?;
        (kind.starts_with("Collection") || kind.starts_with("Group")).then(|| format!("{kind} {name}"))
    });
    told.collect()
}

#[test]
fn at_start_up_collections_are_told_after_the_groups() {
    let groups = vec![group("a", 1, &["a"]), group("b", 2, &["b"])];
    let mut world =
        World::begin(config(groups, vec![collection("first", &["b"]), collection("late", &["a"])]));
    let expected = ["GroupAdded a", "GroupAdded b", "CollectionAdded first", "CollectionAdded late"];
    assert_eq!(told(&mut world), expected);
}

#[test]
fn a_file_that_cannot_be_read_changes_no_collection_and_tells_nobody() {
    let views = vec![collection("c", &["a"]), collection("d", &["*"])];
    let mut world = World::begin(config(vec![group("a", 1, &["a"])], views));
    world.until(3);
    let before = world.answer(Request::ListCollections);
    world.heard();
    world.files = Err(vec![Error::bare("broken".to_string())]);
    let refused = world.answer(Request::ReloadConfig);
    assert_eq!(refused, Err(Fault::new(FaultCode::CantReread, "broken")));
    assert_eq!(world.answer(Request::ListCollections), before);
    assert_eq!(told(&mut world), Vec::<String>::new());
    // And the next one that can be read is compared with what is still in force.
    world.files = Ok(config(vec![group("a", 1, &["a"])], vec![collection("c", &["a", "b"])]));
    assert!(matches!(world.answer(Request::ReloadConfig), Ok(Reply::Reread { .. })));
    assert_eq!(told(&mut world), ["CollectionChanged c", "CollectionRemoved d"]);
}
