//! What the system's log gets of both daemons. Its socket is put in place in a mount namespace, which needs root.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::world::procfs::until;
use crate::world::stock::python;
use crate::world::{Boot, World};

const PROGRAMS: &str = "\
[program:both]
command={dir}/say
stdout_logfile={dir}/both.out
stdout_syslog=true
startsecs=0
autorestart=false
stderr_logfile=NONE
[program:only]
command={dir}/say
stdout_logfile=syslog
stderr_logfile=NONE
stderr_syslog=true
startsecs=0
autorestart=false
";

/// The lines that come until `enough` says so, without their times, sorted.
fn lines(mut world: World, logfile: Option<&str>, enough: fn(&[String]) -> bool) -> Vec<String> {
    let socket = UnixDatagram::bind(world.path("log.sock")).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    world.script("say", "printf 'one\\n\\n  two\\nno newline'; printf 'err\\n' >&2");
    world.configure(PROGRAMS);
    if let Some(logfile) = logfile {
        let log = format!("logfile={}", world.path("supervisord.log").display());
        world.write("supervisord.conf", &world.read("supervisord.conf").replace(&log, logfile));
    }
    let mount = format!("mount --bind {} /dev/log && exec \"$@\"", world.path("log.sock").display());
    world.boot_as(&Boot { wrapper: &["unshare", "-m", "sh", "-c", &mount, "sh"], ..Boot::default() });
    let mut lines = Vec::new();
    let mut datagram = [0; 65_536];
    until("the lines", || {
        while let Ok(length) = socket.recv(&mut datagram) {
            lines.push(String::from_utf8_lossy(&datagram[..length]).into_owned());
        }
        enough(&lines).then_some(())
    });
    // `<14>Nov 26 10:00:00 supervisord: text`: the time is of one length.
    for line in &mut lines {
        line.replace_range(4..19, "TIME");
        // So is that of a line of the main log.
        if line.contains(" INFO ") {
            line.replace_range(22..45, "0000-00-00 00:00:00,000");
        }
    }
    lines.sort();
    lines
}

fn compare(
    logfile: Option<&str>,
    enough: fn(&[String]) -> bool,
    shown: fn(&String) -> bool,
) -> Option<Vec<String>> {
    python()?;
    // Somewhere to mount it.
    let place = "unshare -m true && { [ -e /dev/log ] || : > /dev/log; }";
    let allowed = Command::new("sh").args(["-c", place]).stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a mount namespace needs root");
        return None;
    }
    let theirs = lines(World::reference()?, logfile, enough);
    let ours = lines(World::ours(), logfile, enough);
    let shown = |lines: &[String]| lines.iter().filter(|line| shown(line)).cloned().collect::<Vec<_>>();
    assert_eq!(shown(&ours), shown(&theirs), "{ours:#?}\n{theirs:#?}");
    Some(shown(&ours))
}

#[test]
fn a_channel_goes_to_syslog_line_by_line_log_036() {
    let of_programs = |line: &String| line.contains(": both ") || line.contains(": only ");
    if let Some(lines) = compare(None, |lines| lines.len() >= 9, of_programs) {
        assert_eq!(lines.len(), 9, "{lines:?}");
    }
}

#[test]
fn the_main_log_goes_to_syslog_with_its_own_times_log_005() {
    let enough = |lines: &[String]| lines.iter().filter(|line| line.contains("INFO exited: ")).count() == 2;
    let exits = |line: &String| line.contains("INFO exited: ");
    let Some(lines) = compare(Some("logfile=syslog"), enough, exits) else { return };
    let shape: String = lines[0].chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert!(shape.starts_with("<99>TIME supervisord: 9999-99-99 99:99:99,999 INFO "), "{shape}");
}
