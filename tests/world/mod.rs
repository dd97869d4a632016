//! A daemon in a directory of its own, ours or the reference, and everything a test does to it.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod nginx;
pub mod ports;
pub mod procfs;
pub mod rpc;
pub mod stock;
pub mod tools;
pub mod web;

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use procfs::{DEADLINE, children, descendants, kill, runs, until, within};
use rpc::{Refusal, Server};
use stock::{Answer, python};

/// Time for an orderly end before it is forced.
const GRACE: Duration = Duration::from_secs(15);

/// A directory, a configuration, and perhaps a running daemon. Dropping it ends the daemon and what it started.
pub struct World {
    dir: TempDir,
    program: Program,
    env: Vec<(String, String)>,
    daemon: Option<Child>,
    /// The daemon's pid; not the child's where a wrapper stands between.
    pid: i32,
}

enum Program {
    Ours,
    Other(PathBuf),
}

/// How a daemon is started.
#[derive(Default)]
pub struct Boot<'a> {
    /// Run before the daemon's command line, such as `sh -c 'ulimit -n 40; exec "$@"' sh`.
    pub wrapper: &'a [&'a str],
    /// After `-n`; empty means `-c` and the configuration.
    pub args: &'a [&'a str],
    /// The working directory, if not that of the world.
    pub cwd: Option<&'a Path>,
    /// Another copy of the daemon's program.
    pub program: Option<&'a Path>,
    /// The wrapper forks: the daemon is its child.
    pub forks: bool,
    /// Without `-n`: the daemon goes into the background.
    pub background: bool,
}

impl World {
    /// A world for the daemon under test. The environment may name another, to see where it would fail.
    pub fn ours() -> World {
        World::new(
            env::var_os("SUPERVISORD_UNDER_TEST").map_or(Program::Ours, |path| Program::Other(path.into())),
        )
    }

    /// A world for Supervisor itself; none where it is not installed.
    pub fn reference() -> Option<World> {
        Some(World::new(Program::Other(python()?.with_file_name("supervisord"))))
    }

    /// The daemon under test, already up with these programs.
    pub fn running(body: &str) -> World {
        let mut world = World::ours();
        world.configure(body);
        world.boot();
        world
    }

    fn new(program: Program) -> World {
        let dir = tempfile::Builder::new().prefix("convoke-").tempdir().unwrap();
        fs::create_dir(dir.path().join("childlogs")).unwrap();
        let env = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")];
        let env = env.map(|(name, value)| (name.to_string(), value.to_string())).to_vec();
        let mut world = World { dir, program, env, daemon: None, pid: 0 };
        // Where AUTO logs go by default: each start removes those of the last, and other daemons use /tmp.
        let childlogs = world.path("childlogs");
        world.set_env("TMPDIR", childlogs.to_str().unwrap());
        let client = "[supervisorctl]\nserverurl=unix://{dir}/supervisor.sock\n";
        world.write("supervisorctl.conf", client);
        world
    }

    /// A variable of the daemon's own environment.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.env.push((name.to_string(), value.to_string()));
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.path("supervisor.sock")
    }

    /// Writes a file; `{dir}` stands for this world's directory.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text.replace("{dir}", self.dir.path().to_str().unwrap())).unwrap();
        path
    }

    /// A program of `sh`, to be named in a command as `{dir}/NAME`.
    pub fn script(&self, name: &str, body: &str) {
        let path = self.write(name, &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The main log.
    pub fn log(&self) -> String {
        self.read("supervisord.log")
    }

    /// Writes the configuration: what every daemon here needs, then `body`.
    pub fn configure(&self, body: &str) {
        self.write("supervisord.conf", &format!("{HEAD}{body}"));
    }

    /// Starts the daemon and waits until it answers.
    pub fn boot(&mut self) {
        self.boot_as(&Boot::default());
        self.await_up();
    }

    /// Starts the daemon and waits for nothing.
    pub fn boot_as(&mut self, boot: &Boot<'_>) {
        assert!(self.daemon.is_none(), "one daemon at a time");
        let output = File::create(self.path("daemon.out")).unwrap();
        let mut child =
            self.command(boot).stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        self.pid = i32::try_from(child.id()).unwrap();
        if boot.forks {
            let wrapper = self.pid;
            self.pid = until("the wrapper has started the daemon", || {
                assert!(
                    child.try_wait().unwrap().is_none(),
                    "the wrapper ended: {}",
                    self.read("daemon.out")
                );
                children(wrapper).first().copied()
            });
        }
        self.daemon = Some(child);
    }

    /// Starts the daemon in the background, which its program says by ending, and waits until it answers.
    pub fn boot_background(&mut self) {
        let (status, said) = self.run_to_end(&Boot { background: true, ..Boot::default() });
        assert!(status.success(), "{said}");
        self.pid =
            until("the daemon has written its pid", || self.read("supervisord.pid").trim().parse().ok());
        self.await_up();
    }

    /// The daemon's command, in a clean environment, without input.
    pub fn command(&self, boot: &Boot<'_>) -> Command {
        let mut words: Vec<PathBuf> = boot.wrapper.iter().map(PathBuf::from).collect();
        let program = match &self.program {
            Program::Ours => Path::new(env!("CARGO_BIN_EXE_supervisord")),
            Program::Other(path) => path,
        };
        words.push(boot.program.unwrap_or(program).to_path_buf());
        if !boot.background {
            words.push("-n".into());
        }
        if boot.args.is_empty() {
            words.extend(["-c".into(), self.path("supervisord.conf")]);
        }
        words.extend(boot.args.iter().map(PathBuf::from));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(boot.cwd.unwrap_or(self.dir.path())).stdin(Stdio::null());
        command
    }

    /// Runs the daemon's program to its end, which must come by itself: for starts that are refused.
    pub fn run_to_end(&self, boot: &Boot<'_>) -> (ExitStatus, String) {
        let path = self.path("ended.out");
        let output = File::create(&path).unwrap();
        let mut child =
            self.command(boot).stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        let status = within(DEADLINE, || child.try_wait().unwrap());
        let status = status.unwrap_or_else(|| {
            let _ = child.kill();
            panic!("the daemon runs, and should have ended:\n{}", fs::read_to_string(&path).unwrap())
        });
        (status, fs::read_to_string(path).unwrap())
    }

    /// Waits until the daemon answers.
    pub fn await_up(&mut self) {
        until("the daemon answers", || {
            if let Some(child) = &mut self.daemon
                && let Some(status) = child.try_wait().unwrap()
            {
                (self.daemon, self.pid) = (None, 0);
                panic!("the daemon ended with {status}:\n{}", self.read("daemon.out"));
            }
            self.rpc("supervisor.getState", &[]).ok()
        });
    }

    /// Waits until the daemon has ended by itself.
    pub fn await_end(&mut self) -> ExitStatus {
        let mut child = self.daemon.take().expect("a daemon");
        let status = until("the daemon has ended", || child.try_wait().unwrap());
        self.pid = 0;
        status
    }

    /// The daemon's pid, as seen from here.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends the daemon a signal, by name.
    pub fn signal(&self, signal: &str) {
        kill(signal, self.pid);
    }

    /// Runs the stock `supervisorctl` against the unix socket.
    pub fn ctl(&self, words: &str) -> Answer {
        let conf = self.path("supervisorctl.conf");
        let args: Vec<&str> =
            ["-c", conf.to_str().unwrap()].into_iter().chain(words.split_whitespace()).collect();
        stock::supervisorctl(&args)
    }

    /// Runs the stock `supervisorctl`, which must succeed, and gives what it printed.
    pub fn ctl_ok(&self, words: &str) -> String {
        let answer = self.ctl(words);
        assert_eq!(answer.status, 0, "supervisorctl {words}: {answer:?}");
        answer.stdout
    }

    /// Calls a method over the unix socket.
    pub fn rpc(&self, method: &str, params: &[Value]) -> Result<Value, Refusal> {
        rpc::call(&Server::Unix(self.socket()), method, params)
    }

    /// Calls a method that must succeed.
    pub fn rpc_ok(&self, method: &str, params: &[Value]) -> Value {
        self.rpc(method, params).unwrap_or_else(|refusal| panic!("{method}{params:?}: {refusal:?}"))
    }

    /// `getProcessInfo`.
    pub fn info(&self, name: &str) -> Value {
        self.rpc_ok("supervisor.getProcessInfo", &[name.into()])
    }

    /// The state of one process, such as `RUNNING`.
    pub fn state(&self, name: &str) -> String {
        self.info(name)["statename"].as_str().unwrap().to_string()
    }

    /// The pid of one process; 0 when it does not run.
    pub fn pid_of(&self, name: &str) -> i32 {
        i32::try_from(self.info(name)["pid"].as_i64().unwrap()).unwrap()
    }

    /// Waits until a process is in a state.
    pub fn await_state(&self, name: &str, state: &str) {
        until(&format!("{name} is {state}"), || (self.state(name) == state).then_some(()));
    }

    /// Waits until the main log holds a text.
    pub fn await_log(&self, text: &str) {
        until(&format!("the log says {text:?}"), || self.log().contains(text).then_some(()));
    }

    /// Ends the daemon at once, without ceremony, and what it started.
    pub fn kill(&mut self) {
        if self.pid == 0 {
            return;
        }
        let family = descendants(self.pid);
        kill("KILL", self.pid);
        if let Some(mut child) = self.daemon.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        family.into_iter().filter(|&pid| runs(pid)).for_each(|pid| kill("KILL", pid));
        self.pid = 0;
    }

    /// Whether the daemon is gone; its zombie is waited for.
    fn ended(&mut self) -> bool {
        match &mut self.daemon {
            Some(child) => child.try_wait().is_ok_and(|ended| ended.is_some()),
            None => !runs(self.pid),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.pid == 0 || self.ended() {
            return;
        }
        // A shell ends at TERM and leaves its own child behind, as it should; that is for us to end.
        let family = descendants(self.pid);
        kill("TERM", self.pid);
        if within(GRACE, || self.ended().then_some(())).is_none() {
            self.kill();
        }
        family.into_iter().filter(|&pid| runs(pid)).for_each(|pid| kill("KILL", pid));
    }
}

const HEAD: &str = "\
[supervisord]
logfile={dir}/supervisord.log
pidfile={dir}/supervisord.pid
childlogdir={dir}/childlogs
minfds=256
minprocs=1
[unix_http_server]
file={dir}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
";
