//! Option errors, broken files, and servers that do not answer or do not let in.

use std::fs;

use tempfile::TempDir;

use crate::both::{Compare, difference, none, ours, text};
use crate::world::World;
use crate::world::stock::python;

/// Everything that says whether the server is there.
const WORDS: [&str; 19] = [
    "status",
    "start x",
    "stop x",
    "restart x",
    "signal HUP x",
    "pid",
    "tail x",
    "maintail",
    "clear x",
    "version",
    "fg x",
    "avail",
    "add x",
    "remove x",
    "reread",
    "update",
    "reload",
    "shutdown",
    "open http://127.0.0.1:1",
];

#[test]
fn a_server_that_is_not_there_is_told_alike() {
    if python().is_none() {
        return;
    }
    let dir = TempDir::new().unwrap();
    let unix = format!("unix://{}/none.sock", dir.path().display());
    let mut differences = Vec::new();
    for url in ["http://127.0.0.1:1", &unix, "https://localhost", "ftp://localhost", "http://nothing.invalid"]
    {
        for words in WORDS {
            let args: Vec<&str> = ["-s", url].into_iter().chain(words.split_whitespace()).collect();
            differences.extend(difference(&args, Compare::Everything, || ()));
        }
    }
    none(&differences, 5 * WORDS.len());
}

#[test]
fn the_way_out_is_told_on_standard_error() {
    let dir = TempDir::new().unwrap();
    let (conf, socket) = (dir.path().join("c.conf"), dir.path().join("none.sock"));
    let url = format!("unix://{}", socket.display());
    let body = format!("[supervisord]\npidfile=%(here)s/pid\n[supervisorctl]\nserverurl={url}\n");
    fs::write(&conf, body).unwrap();
    let dead = ours(&["-c", text(&conf), "status"]);
    assert_eq!((dead.stdout, dead.status), (format!("{url} no such file\n"), 4));
    assert!(
        dead.stderr.contains(&format!("note: {url} is the server that {} names", conf.display())),
        "{}",
        dead.stderr
    );
    assert!(dead.stderr.contains(&format!("supervisord -c {}", conf.display())), "{}", dead.stderr);
    // This test itself stands for a daemon that lives.
    fs::write(dir.path().join("pid"), std::process::id().to_string()).unwrap();
    let lives = ours(&["-c", text(&conf), "shutdown"]);
    assert_eq!(
        (lives.stdout, lives.status),
        (format!("ERROR: {url} no such file (already shut down?)\n"), 1)
    );
    assert!(lives.stderr.contains(&format!("runs with pid {}", std::process::id())), "{}", lives.stderr);
}

#[test]
fn options_are_refused_alike() {
    if python().is_none() {
        return;
    }
    let dir = TempDir::new().unwrap();
    let file = |name: &str, body: &str| {
        let path = dir.path().join(name);
        fs::write(&path, body).unwrap();
        text(&path).to_string()
    };
    let good = file("good", "[supervisorctl]\nserverurl=http://127.0.0.1:1\n");
    let none_there = file("none", "[supervisord]\n");
    let percent = file("percent", "[supervisorctl]\nserverurl=http://%(nobody)s\n");
    let plugin = file("plugin", "[supervisorctl]\n[ctlplugin:x]\na=b\n");
    let latin = dir.path().join("latin");
    fs::write(&latin, b"[supervisorctl]\nprompt=\xe9\n").unwrap();
    let directory = text(dir.path()).to_string();
    let rows: Vec<Vec<&str>> = vec![
        vec!["--bogus"],
        vec!["-x"],
        vec!["-c"],
        vec!["--configuration"],
        vec!["-s"],
        vec!["-s", "foo", "status"],
        vec!["-s", "foo:", "status"],
        vec!["-s", "://x", "status"],
        vec!["--serverurl", "", "status"],
        vec!["--server=foo", "status"],
        vec!["-s", "foo:bar", "status"],
        vec!["-s", "unix://", "status"],
        vec!["--interactive=1"],
        vec!["-i", "-i"],
        vec!["-c", "a", "-c", "b"],
        vec!["-u", "a", "--user", "b"],
        vec!["-p", "a", "--pass", "b"],
        vec!["-c", "/nonexistent/file", "status"],
        vec!["-c", &directory, "status"],
        vec!["-c", &none_there, "status"],
        vec!["-c", &none_there, "-s", "http://127.0.0.1:1", "status"],
        vec!["-c", &plugin, "status"],
        vec!["-c", text(&latin), "status"],
        vec!["-c", &good, "status"],
        vec!["-c", &good, ""],
        vec!["-c", &good, "  "],
        vec!["-c", &good, "signal HUP", "name"],
        vec!["-c", &good, "status foo"],
        vec!["-c", &good, "-s", "http://127.0.0.1:2", "status"],
        vec!["-c", &good, "--", "status"],
        vec!["-c", &good, "--", "-x"],
        vec!["--conf", &good, "version"],
        vec!["-c", "", "-s", "http://127.0.0.1:1", "version"],
    ];
    let differences: Vec<String> =
        rows.iter().filter_map(|args| difference(args, Compare::Everything, || ())).collect();
    none(&differences, rows.len());
    // Where the reference lists every variable of the environment, people get the place first.
    let answer = ours(&["-c", &percent, "status"]);
    assert_eq!(answer.status, 2);
    assert!(answer.stderr.contains("percent:2 in [supervisorctl]"), "{}", answer.stderr);
    let broken = file("broken", "[supervisorctl]\nserverurl\n");
    let answer = ours(&["-c", &broken, "status"]);
    assert_eq!(answer.status, 1, "BUG-042: no traceback, the same status");
    assert!(answer.stderr.contains("broken:2"), "{}", answer.stderr);
}

#[test]
fn whoever_may_not_come_in_is_told_once_and_how_to_bug_042() {
    let mut world = World::ours();
    world.configure("[program:x]\ncommand=sleep 1000\n");
    let conf = world.read("supervisord.conf");
    let locked = "[unix_http_server:locked]\nfile={dir}/locked.sock\nusername=me\npassword=secret\n";
    world.write("supervisord.conf", &format!("{conf}{locked}"));
    world.boot();
    let url = format!("unix://{}", world.path("locked.sock").display());
    let answer = ours(&["-s", &url, "status"]);
    assert_eq!((answer.stdout.as_str(), answer.status), ("Server requires authentication\n", 1));
    assert!(answer.stderr.contains("-u and -p"), "{}", answer.stderr);
    let wrong = ours(&["-s", &url, "-u", "me", "-p", "wrong", "version"]);
    assert_eq!((wrong.stdout.as_str(), wrong.status), ("Server requires authentication\n", 1));
    assert_eq!(ours(&["-s", &url, "-u", "me", "-p", "secret", "version"]).stdout, "4.3.0\n");
    let password = world.write("password", "secret\nnot this\n");
    let file = ours(&["-s", &url, "-u", "me", "--password-file", text(&password), "version"]);
    assert_eq!((file.stdout.as_str(), file.status), ("4.3.0\n", 0), "{}", file.stderr);
    let both = ours(&["-s", &url, "-p", "x", "--password-file", text(&password), "version"]);
    assert_eq!(both.status, 2);
    let missing = ours(&["-s", &url, "-u", "me", "--password-file", "/nonexistent", "version"]);
    let said = "could not read the password from /nonexistent: No such file or directory\n";
    assert!(missing.stderr.contains(said), "{}", missing.stderr);
    // An empty standard input holds an empty password.
    let input = ours(&["-s", &url, "-u", "me", "-p", "-", "version"]);
    assert_eq!(input.stdout, "Server requires authentication\n");
}
