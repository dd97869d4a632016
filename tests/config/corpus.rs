//! Real configurations, and what supervisor 4.3.0 makes of each. The files lie beside the project, not in it.

use std::path::{Path, PathBuf};

use convoke::config::{Config, Error, read};
use serde_json::Value;

use super::model::{active_groups, in_scope, model};
use super::world::World;

const DIRECTORIES: &str = "/ /bin /boot /dev /dev/fd /dev/shm /etc /home /lib /media /mnt /opt /proc /proc/self \
    /proc/self/fd /proc/1 /proc/1/fd /root /run /sbin /srv /sys /tmp /usr /usr/bin /usr/lib /usr/local \
    /usr/local/bin /usr/sbin /usr/share /var /var/cache /var/lib /var/log /var/run /var/spool /var/tmp";

const USERS: [(&str, u32); 17] = [
    ("root", 0),
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("sync", 4),
    ("games", 5),
    ("man", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("proxy", 13),
    ("www-data", 33),
    ("backup", 34),
    ("list", 38),
    ("irc", 39),
    ("nobody", 65_534),
];

const GROUPS: [(&str, u32); 22] = [
    ("root", 0),
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("adm", 4),
    ("tty", 5),
    ("disk", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("man", 12),
    ("proxy", 13),
    ("dialout", 20),
    ("audio", 29),
    ("www-data", 33),
    ("backup", 34),
    ("video", 44),
    ("staff", 50),
    ("games", 60),
    ("users", 100),
    ("nogroup", 65_534),
];

fn corpus() -> Option<PathBuf> {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let directory = std::env::var_os("CONFIG_CORPUS").map_or(usual, PathBuf::from);
    if directory.is_dir() {
        return Some(directory);
    }
    eprintln!("no corpus at {}: passed over", directory.display());
    None
}

#[test]
fn real_files_read_as_the_reference_reads_them() {
    let Some(corpus) = corpus() else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(corpus.join("oracle")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut differing = 0;
    for path in &files {
        let recorded: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let problems = compare(&corpus, &recorded);
        if !problems.is_empty() {
            differing += 1;
            eprintln!("{}:\n  {}", recorded["file"].as_str().unwrap(), problems.join("\n  "));
        }
    }
    assert!(files.len() > 300, "only {} recordings", files.len());
    assert_eq!(differing, 0, "of {} files", files.len());
}

/// How our reading of one recorded file differs.
fn compare(corpus: &Path, recorded: &Value) -> Vec<String> {
    let world = world(corpus, recorded);
    let ours = read::read(recorded["world"]["config"].as_str().unwrap(), &world);
    let theirs = &recorded["result"];
    match (ours, theirs["ok"].as_bool().unwrap()) {
        (Ok(config), true) => compare_models(&config, &theirs["model"]),
        (Err(errors), false) => compare_errors(&errors, &theirs["error"]),
        (Ok(_), false) => vec![format!("accepted, not refused with {}", theirs["error"])],
        (Err(errors), true) => errors.iter().map(|error| format!("refused: {error}")).collect(),
    }
}

fn compare_models(config: &Config, theirs: &Value) -> Vec<String> {
    let ours = model(config);
    let mut theirs = theirs.clone();
    theirs["groups"] = Value::Array(active_groups(&theirs["groups"]));
    let mut found = Vec::new();
    differences("", &ours, &in_scope(&theirs, &ours), &mut found);
    found.extend(missing_messages(config, &theirs));
    found
}

/// Every warning and note of theirs is one of ours.
fn missing_messages(config: &Config, theirs: &Value) -> Vec<String> {
    let said = |text: &str| config.messages.iter().any(|message| message.text == text);
    ["parse_criticals", "parse_warnings", "parse_infos"]
        .iter()
        .flat_map(|kind| theirs["supervisord"][kind].as_array().unwrap())
        .filter_map(Value::as_str)
        .filter(|text| !said(text))
        .map(|text| format!("not said: {text}"))
        .collect()
}

fn compare_errors(errors: &[Error], theirs: &Value) -> Vec<String> {
    let (ours, theirs) = (errors[0].to_string(), theirs["message"].as_str().unwrap());
    if ours == theirs {
        Vec::new()
    } else {
        vec![format!("says    {ours:?}"), format!("they say {theirs:?}")]
    }
}

fn differences(at: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, ours) in a {
                differences(&format!("{at}.{key}"), ours, &b[key], found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, ours) in a.iter().enumerate() {
                differences(&format!("{at}[{index}]"), ours, &b[index], found);
            }
        }
        _ if ours != theirs => found.push(format!("{at}: {ours} not {theirs}")),
        _ => (),
    }
}

/// The world in which the file was recorded.
fn world(corpus: &Path, recorded: &Value) -> World {
    let name = recorded["file"].as_str().unwrap();
    let was = &recorded["world"];
    let here = was["here"].as_str().unwrap();
    let names = |table: &[(&str, u32)]| table.iter().map(|(name, id)| (name.to_string(), *id)).collect();
    let mut world = World {
        environment: serde_json::from_value(was["env"].clone()).unwrap(),
        cwd: was["cwd"].as_str().unwrap().to_string(),
        directories: DIRECTORIES.split_whitespace().map(str::to_string).collect(),
        users: names(&USERS),
        groups: names(&GROUPS),
        ..World::default()
    };
    world
        .directories
        .extend(was["mkdirs"].as_array().unwrap().iter().map(|d| d.as_str().unwrap().to_string()));
    world.directories.insert("/tmp/svcorpus".to_string());
    world.directories.insert(here.to_string());
    for (user, ids) in was["users"].as_object().unwrap() {
        world.users.insert(user.clone(), ids[0].as_u64().unwrap() as u32);
    }
    for (group, id) in was["groups"].as_object().unwrap() {
        world.groups.insert(group.clone(), id.as_u64().unwrap() as u32);
    }
    let text = std::fs::read(corpus.join(name)).unwrap();
    if was["wrapped"].as_bool().unwrap() {
        let wrapper = "[supervisord]\n\n[include]\nfiles = fragment.conf\n";
        world = world.with(&format!("{here}/supervisord.conf"), wrapper);
        world.files.insert(format!("{here}/fragment.conf"), text);
    } else {
        world.files.insert(format!("{here}/supervisord.conf"), text);
    }
    for file in was["extra_files"].as_object().unwrap().keys() {
        let stem = name.strip_suffix(".conf").unwrap();
        let bytes = std::fs::read(corpus.join(format!("{stem}.files")).join(file)).unwrap();
        world.files.insert(format!("{here}/{file}"), bytes);
    }
    world
}
