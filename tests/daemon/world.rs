//! A directory, a configuration in it, and the daemon that runs it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `look` sees something.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, look).unwrap_or_else(|| panic!("{what} did not happen"))
}

/// What `look` sees, if it sees anything in time.
fn within<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + time;
    loop {
        let seen = look();
        if seen.is_some() || Instant::now() >= deadline {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A place for one test.
pub struct World {
    dir: tempfile::TempDir,
}

impl World {
    pub fn new() -> World {
        World { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same as text.
    pub fn name(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// The text of a file, empty if there is none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read(self.path(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Writes the configuration: `rest` begins inside the `[supervisord]` section; `DIR` in it stands for this
    /// directory.
    pub fn configure(&self, rest: &str) {
        let text = format!(
            "[supervisord]\nlogfile=DIR/d.log\npidfile=DIR/d.pid\nchildlogdir=DIR\nuser={}\n{rest}",
            nix::unistd::getuid()
        );
        std::fs::write(self.path("s.conf"), text.replace("DIR", &self.dir.path().to_string_lossy())).unwrap();
    }

    /// The daemon's command line, in the foreground and silent, with an environment of its own.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supervisord"));
        command.args(["-n", "-s", "-c", &self.name("s.conf")]);
        command.current_dir(self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Configures, starts, and waits until the daemon is up.
    pub fn start(&self, rest: &str) -> Daemon<'_> {
        self.configure(rest);
        self.run(&mut self.command())
    }

    /// Starts a command line, and waits until the daemon is up.
    pub fn run(&self, command: &mut Command) -> Daemon<'_> {
        let mut daemon = Daemon { world: std::marker::PhantomData, child: command.spawn().unwrap() };
        until("the start", || {
            if daemon.child.try_wait().unwrap().is_some() {
                let mut words = String::new();
                if let Some(stderr) = &mut daemon.child.stderr {
                    stderr.read_to_string(&mut words).unwrap();
                }
                panic!("the daemon ended: {words}{}", self.read("d.log"));
            }
            self.read("d.log").contains("supervisord started with pid").then_some(())
        });
        daemon
    }

    /// Runs a daemon that is expected to end by itself.
    pub fn refused(&self, rest: &str) -> Output {
        self.configure(rest);
        self.command().output().unwrap()
    }

    /// Waits for a line of the daemon's log that holds `text`, and gives it.
    pub fn logged(&self, text: &str) -> String {
        let look = || self.read("d.log").lines().find(|line| line.contains(text)).map(str::to_string);
        within(PATIENCE, look).unwrap_or_else(|| panic!("no line with {text:?} in\n{}", self.read("d.log")))
    }

    /// Waits until a file holds `text`, and gives all of it.
    pub fn written(&self, name: &str, text: &str) -> String {
        until(&format!("{text:?} in {name}"), || Some(self.read(name)).filter(|all| all.contains(text)))
    }
}

/// A running daemon; stopped at the latest when dropped.
pub struct Daemon<'a> {
    world: std::marker::PhantomData<&'a World>,
    child: Child,
}

impl Daemon<'_> {
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Its standard output, if that was made a pipe.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// A file of /proc about the daemon.
    pub fn proc(&self, name: &str) -> String {
        std::fs::read_to_string(Path::new("/proc").join(self.pid().to_string()).join(name)).unwrap()
    }

    /// Whether the daemon itself is still there.
    pub fn alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end, and gives the exit code.
    pub fn ended(&mut self) -> Option<i32> {
        until("the end", || self.child.try_wait().unwrap()).code()
    }

    /// Asks it to end, and waits.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.ended()
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if !self.alive() {
            return;
        }
        self.signal(Signal::SIGTERM);
        within(PATIENCE, || (!self.alive()).then_some(()));
        if self.alive() {
            // Its children survive this, but nothing else is left to do.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
