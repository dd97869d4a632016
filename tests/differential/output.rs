//! Each setting of a program's output under both daemons: the same bytes in the same files.

use std::collections::BTreeMap;
use std::fs;

use crate::world::procfs::until;
use crate::world::stock::python;
use crate::world::{Boot, World};

/// Each program runs once and ends. Whatever is compared is written in one piece, or does not depend on the pieces.
const PROGRAMS: &str = "\
[program:plain]
command={dir}/plain
stdout_logfile={dir}/logs/plain.out
stderr_logfile={dir}/logs/plain.err
[program:redirected]
command={dir}/plain
stdout_logfile={dir}/logs/redirected.out
redirect_stderr=true
[program:none]
command={dir}/plain
stdout_logfile=NONE
stderr_logfile={dir}/logs/none.err
[program:bytes]
command={dir}/bytes
stdout_logfile={dir}/logs/bytes.out
stderr_logfile=off
[program:long]
command={dir}/long
stdout_logfile={dir}/logs/long.out
stdout_logfile_maxbytes=0
[program:capture]
command={dir}/capture
stdout_logfile={dir}/logs/capture.out
stdout_capture_maxbytes=1KB
stderr_logfile={dir}/logs/capture.err
stderr_capture_maxbytes=1MB
[program:events]
command={dir}/bytes
stdout_logfile={dir}/logs/events.out
stdout_events_enabled=true
[program:rotated]
command={dir}/rotated
stdout_logfile={dir}/logs/rotated.out
stdout_logfile_maxbytes=10
stdout_logfile_backups=3
[program:cut]
command={dir}/rotated
stdout_logfile={dir}/logs/cut.out
stdout_logfile_maxbytes=10
stdout_logfile_backups=0
[program:null]
command={dir}/plain
stdout_logfile=/dev/null
stderr_logfile={dir}/logs/null.err
stderr_logfile_maxbytes=0
[program:grandchild]
command={dir}/grandchild
stdout_logfile={dir}/logs/grandchild.out
[program:missing]
command={dir}/missing
directory={dir}/nowhere
stdout_logfile={dir}/logs/missing.out
stderr_logfile={dir}/logs/missing.err
";

/// The number of programs above.
const COUNT: usize = 12;

fn files(mut world: World, supervisord: &str, wait: bool) -> BTreeMap<String, Vec<u8>> {
    fs::create_dir(world.path("logs")).unwrap();
    world.script("plain", "echo out; printf 'err\\n\\n' >&2; printf 'no newline at the end' >&2");
    world.script(
        "bytes",
        "printf '\\377\\376\\000\\001 \\303\\251 \\303'; printf '\\033[1;31mred\\033[0m\\n' >&2",
    );
    world.script("long", "head -c 10485760 /dev/zero | tr '\\000' x");
    let (begin, end) = ("<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->");
    world.script(
        "capture",
        &format!(
            "printf 'before{begin}captured{end}after, and long enough to be written{begin}two{end}more of the same \
             kind, until the end\\n'; printf 'never {begin} ended' >&2"
        ),
    );
    // Each line is read before the next is written, so that each is a piece of its own.
    world.script(
        "rotated",
        "for i in 1 22 333 4444 55555 666666 7777777 88888888; do echo $i; sleep 0.3; done",
    );
    world.script("missing", "exit 0");
    world.script("grandchild", "(sleep 2; echo late) & printf early; exit 0");
    let programs = PROGRAMS.replace("command=", "startsecs=0\nautorestart=false\ncommand=");
    world.configure(&programs);
    let text =
        world.read("supervisord.conf").replace("minprocs=1\n", &format!("minprocs=1\n{supervisord}\n"));
    world.write("supervisord.conf", &text);
    world.boot();
    until("all have ended", || (world.log().matches("exited: ").count() >= COUNT).then_some(()));
    if wait {
        // The reference reports an end and writes the rest afterwards.
        let path = world.path("logs/long.out");
        until("all of the long line", || (fs::metadata(&path).unwrap().len() == 10_485_760).then_some(()));
    }
    let entries = fs::read_dir(world.path("logs")).unwrap().map(|entry| entry.unwrap());
    let files = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()));
    let dir = world.dir().to_str().unwrap();
    let without_dir = |bytes: Vec<u8>| match String::from_utf8(bytes) {
        Ok(text) => text.replace(dir, "DIR").into_bytes(),
        Err(error) => error.into_bytes(),
    };
    files.map(|(name, bytes)| (name, without_dir(bytes))).collect()
}

fn compare(supervisord: &str) {
    let Some(reference) = World::reference() else { return };
    let theirs = files(reference, supervisord, true);
    let ours = files(World::ours(), supervisord, false);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    for (name, bytes) in &ours {
        let theirs = &theirs[name];
        let show = |bytes: &[u8]| bytes[..bytes.len().min(300)].escape_ascii().to_string();
        assert!(bytes == theirs, "{name}: ours {}\ntheirs {}", show(bytes), show(theirs));
    }
    assert!(ours["long.out"].len() == 10_485_760 && ours.contains_key("rotated.out.1"));
}

#[test]
fn output_is_on_file_byte_for_byte_as_the_reference_puts_it_log_033_to_log_045() {
    if python().is_some() {
        compare("");
    }
}

#[test]
fn the_same_without_colours_log_035() {
    if python().is_some() {
        compare("strip_ansi=true");
    }
}

/// Each as the reference can bear it: without a size, since it would rename what it cannot rotate (BUG-005).
const STREAMS: &str = "\
[supervisord]
silent=true
[program:out]
command={dir}/plain
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
stderr_logfile=/dev/stderr
stderr_logfile_maxbytes=0
[program:fd]
command={dir}/plain
stdout_logfile=/dev/fd/2
stdout_logfile_maxbytes=0
redirect_stderr=true
[program:fifo]
command={dir}/plain
stdout_logfile={dir}/fifo
stdout_logfile_maxbytes=0
stderr_logfile=NONE
";

/// What came out of the daemon's standard output, its standard error and the FIFO; lines sorted, as programs run at once.
fn streams(mut world: World) -> [Vec<String>; 3] {
    world.script("plain", "echo one; echo two >&2; echo three");
    world.configure(&STREAMS.replace("command=", "startsecs=0\nautorestart=false\ncommand="));
    let wrapper =
        "mkfifo fifo out err; for f in fifo out err; do cat $f > $f.read & done; exec \"$@\" > out 2> err";
    world.boot_as(&Boot { wrapper: &["sh", "-c", wrapper, "sh"], ..Boot::default() });
    world.await_up();
    until("all have ended", || (world.log().matches("exited: ").count() >= 3).then_some(()));
    // Reopened as a log rotator asks for, they are what they were (SIG-004).
    world.signal("USR2");
    until("the logs are reopened", || world.log().contains("received SIGUSR2").then_some(()));
    [("out", 2), ("err", 4), ("fifo", 2)].map(|(name, expected)| {
        until("its lines have come", || {
            (world.read(&format!("{name}.read")).lines().count() >= expected).then_some(())
        });
        let mut lines: Vec<String> =
            world.read(&format!("{name}.read")).lines().map(str::to_string).collect();
        lines.sort();
        lines
    })
}

#[test]
fn streams_get_what_the_reference_sends_them() {
    let Some(reference) = World::reference() else { return };
    let (ours, theirs) = (streams(World::ours()), streams(reference));
    assert_eq!(ours, theirs);
    assert_eq!(ours[0], ["one", "three"]);
    assert_eq!(ours[1], ["one", "three", "two", "two"]);
    assert_eq!(ours[2], ["one", "three"]);
}
