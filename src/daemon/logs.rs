//! The open logs, each shared by all who write to it, and what happens while one of them takes nothing.
//!
//! What cannot be written is held and tried again, in order, by a task of the log's own; so a full disk or a
//! stopped terminal delays nobody but the programs that write there. A file that takes nothing has failed: past
//! the bound, output is dropped at once. A stream that takes nothing may be slow: its programs are held up for a
//! while first. What was dropped is counted and told.

use std::collections::HashMap;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use tokio::net::unix::pipe::Sender;
use tokio::sync::Notify;

use super::logfile::{Appended, LogFile};
use super::target::{Target, descriptor, has_room};
use crate::names::reason;

/// Bytes held for one log; what comes past them is dropped.
const HELD_MAX: usize = 2 * 1024 * 1024;

/// Bytes held for one stream from which on its programs are held up. The rest is room for what one that ends then
/// has left in its pipe.
const HELD_UP_FROM: usize = 512 * 1024;

/// Bytes held for all logs together; what comes past them is dropped.
const HELD_BY_ALL_MAX: usize = 64 * 1024 * 1024;

/// How long the programs of a stream are held up that takes nothing at all; then their output is dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a file is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// After a stream had room and took nothing.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the end of the daemon waits for streams to take what is held for them.
const LAST_WORDS: Duration = Duration::from_secs(5);

static HELD_BY_ALL: AtomicUsize = AtomicUsize::new(0);

/// What tells a log from another: its name, or its number if it was handed to the daemon, and how it is rotated.
type Key = (Arc<str>, i64, i64);

/// All open logs. Copies are the same.
#[derive(Clone, Default)]
pub struct Logs {
    open: Arc<Mutex<HashMap<Key, Weak<Shared>>>>,
}

impl Logs {
    /// Opens a log, or joins those who have it open: their lines do not tear each other, and one rotation is for
    /// all (LOG-029).
    pub fn open(&self, path: &Arc<str>, maxbytes: i64, backups: i64) -> io::Result<SharedLog> {
        let name = descriptor(path).map_or_else(|| path.clone(), |number| format!("/dev/fd/{number}").into());
        let key = (name, maxbytes, backups);
        if let Some(shared) = self.all().get(&key).and_then(Weak::upgrade) {
            return Ok(SharedLog(shared));
        }
        let state = State {
            log: LogFile::open(path, maxbytes, backups)?,
            held: Vec::new(),
            dropped: 0,
            told: false,
            rotation_told: false,
            helped: false,
            stuck_since: None,
            given_up: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), relief: Notify::new() });
        self.all().insert(key, Arc::downgrade(&shared));
        Ok(SharedLog(shared))
    }

    /// The log of this name that somebody has open.
    pub fn find(&self, path: &str, maxbytes: i64, backups: i64) -> Option<SharedLog> {
        self.all().get(&(Arc::from(path), maxbytes, backups)).and_then(Weak::upgrade).map(SharedLog)
    }

    /// Forgets logs that nobody has open.
    pub fn prune(&self) {
        self.all().retain(|_, log| log.strong_count() > 0);
    }

    /// At the daemon's end: waits a little for streams that still take something, and tells what is lost.
    pub fn finish(&self) {
        let deadline = Instant::now() + LAST_WORDS;
        let open: Vec<SharedLog> = self.all().values().filter_map(Weak::upgrade).map(SharedLog).collect();
        for log in open {
            log.finish(deadline);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Weak<Shared>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open log; copies are the same.
#[derive(Clone, Debug)]
pub struct SharedLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told when the log takes output again, or when it is given up.
    relief: Notify,
}

#[derive(Debug)]
struct State {
    log: LogFile,
    /// What comes before anything else is written.
    held: Vec<u8>,
    /// Bytes lost in this spell of trouble.
    dropped: u64,
    /// The trouble has been told.
    told: bool,
    /// So has a rotation that failed.
    rotation_told: bool,
    /// A task tries again.
    helped: bool,
    /// Since when a stream has taken nothing.
    stuck_since: Option<Instant>,
    /// A stream has taken nothing for so long that nobody waits for it.
    given_up: bool,
}

/// What the log should say about a log; one sentence for each turn of its fate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    Began(String),
    Ended(String),
}

/// What a log in trouble waits for.
enum Wait {
    Nothing,
    Retry,
    Room(io::Result<OwnedFd>),
}

impl SharedLog {
    /// Appends, at once or later, or drops it: see the module's text. What is to be told comes back.
    #[must_use = "somebody has to tell it"]
    pub fn write(&self, bytes: &[u8]) -> Option<Trouble> {
        let mut state = self.state();
        let told = state.write(bytes);
        let help = !state.held.is_empty() && !state.helped;
        // Before the runtime runs there is nobody who could; the next write asks again.
        if help && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            state.helped = true;
            runtime.spawn(help_out(self.clone()));
        }
        told
    }

    /// Waits until the log takes output or has been given up. Files never let anybody wait.
    pub async fn room(&self) {
        while self.is_full() {
            let relieved = self.0.relief.notified();
            if !self.is_full() {
                return;
            }
            relieved.await;
        }
    }

    /// Whether its programs are to be held up.
    pub fn is_full(&self) -> bool {
        let state = self.state();
        state.stuck_since.is_some() && !state.given_up && state.held.len() >= HELD_UP_FROM
    }

    /// The name it was opened under.
    pub fn path(&self) -> Arc<str> {
        self.state().log.path().clone()
    }

    /// Closes and opens it again (SIG-004).
    pub fn reopen(&self) -> io::Result<()> {
        self.state().log.reopen()
    }

    /// Empties it (LOG-038); what is held for it goes too.
    pub fn clear(&self) -> io::Result<()> {
        let mut state = self.state();
        state.log.clear()?;
        state.let_go(usize::MAX);
        Ok(())
    }

    fn retry(&self) -> Option<Trouble> {
        let told = self.state().retry();
        self.0.relief.notify_waiters();
        told
    }

    fn waits_for(&self) -> Wait {
        let mut state = self.state();
        match state.log.target() {
            _ if state.held.is_empty() => {
                state.helped = false;
                Wait::Nothing
            }
            Target::Stream(file, _) if state.stuck_since.is_some() => {
                Wait::Room(file.as_fd().try_clone_to_owned())
            }
            Target::File(_) | Target::Plain(_) | Target::Stream(..) => Wait::Retry,
        }
    }

    /// What is left of the patience with a stream; `None` once it is given up.
    fn patience(&self) -> Option<Duration> {
        let state = self.state();
        let since = state.stuck_since.filter(|_| !state.given_up)?;
        Some(PATIENCE.saturating_sub(since.elapsed()))
    }

    fn held(&self) -> usize {
        self.state().held.len()
    }

    fn give_up(&self) {
        self.state().given_up = true;
        self.0.relief.notify_waiters();
    }

    fn finish(&self, deadline: Instant) {
        let mut state = self.state();
        let lost = state.dropped;
        while !state.held.is_empty() {
            // What is lost is told below.
            drop(state.retry());
            let left = deadline.saturating_duration_since(Instant::now());
            if state.stuck_since.is_none() || left.is_zero() {
                break;
            }
            let millis = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            has_room(state.log.target().file().as_fd(), millis);
        }
        let lost = lost + state.held.len() as u64;
        let path = state.log.path().clone();
        state.let_go(usize::MAX);
        drop(state);
        if lost > 0 {
            tracing::error!("log {path} did not take {lost} bytes, which are lost");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, bytes: &[u8]) -> Option<Trouble> {
        if !self.held.is_empty() {
            self.hold(bytes);
            return self.tell_of_loss();
        }
        let Appended { taken, trouble, rotated } = self.log.append(bytes);
        let rest = bytes.get(taken..).unwrap_or_default();
        let told = match trouble {
            None => self.settled(),
            Some(error) => self.failed(&error, taken > 0, rest),
        };
        told.or_else(|| self.rotated(rotated))
    }

    /// Writes what is held.
    fn retry(&mut self) -> Option<Trouble> {
        let Appended { taken, trouble, rotated } = self.log.append(&self.held);
        self.let_go(taken);
        let told = match trouble {
            None => self.settled(),
            Some(error) => self.failed(&error, taken > 0, &[]),
        };
        told.or_else(|| self.rotated(rotated))
    }

    fn rotated(&mut self, rotated: Option<io::Result<()>>) -> Option<Trouble> {
        let path = self.log.path();
        match rotated? {
            Ok(()) if std::mem::take(&mut self.rotation_told) => {
                Some(Trouble::Ended(format!("log {path} is rotated again")))
            }
            Err(error) if !std::mem::replace(&mut self.rotation_told, true) => {
                let reason = reason(&error);
                Some(Trouble::Began(format!("could not rotate log {path}: {reason}; it grows meanwhile")))
            }
            Ok(()) | Err(_) => None,
        }
    }

    fn failed(&mut self, error: &io::Error, some_taken: bool, rest: &[u8]) -> Option<Trouble> {
        if error.kind() == ErrorKind::WouldBlock {
            if some_taken || self.stuck_since.is_none() {
                self.stuck_since = Some(Instant::now());
                self.given_up = false;
            }
            self.hold(rest);
            return self.tell_of_loss();
        }
        self.stuck_since = None;
        if error.kind() == ErrorKind::BrokenPipe {
            // Nobody will ever read it.
            self.dropped += (self.held.len() + rest.len()) as u64;
            self.let_go(usize::MAX);
        } else {
            self.hold(rest);
        }
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        let (path, reason) = (self.log.path(), reason(error));
        Some(Trouble::Began(format!("could not write to log {path}: {reason}")))
    }

    /// A slow stream is nobody's trouble before output is lost.
    fn tell_of_loss(&mut self) -> Option<Trouble> {
        if self.dropped == 0 || std::mem::replace(&mut self.told, true) {
            return None;
        }
        Some(Trouble::Began(format!("log {} takes no more output, which is dropped", self.log.path())))
    }

    fn settled(&mut self) -> Option<Trouble> {
        self.stuck_since = None;
        self.given_up = false;
        let dropped = std::mem::take(&mut self.dropped);
        if !std::mem::take(&mut self.told) && dropped == 0 {
            return None;
        }
        let path = self.log.path();
        Some(Trouble::Ended(format!("log {path} takes output again; {dropped} bytes were dropped")))
    }

    fn hold(&mut self, bytes: &[u8]) {
        let others = HELD_BY_ALL.load(Ordering::Relaxed);
        let room = (HELD_MAX.saturating_sub(self.held.len())).min(HELD_BY_ALL_MAX.saturating_sub(others));
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.held.extend_from_slice(kept);
        HELD_BY_ALL.fetch_add(kept.len(), Ordering::Relaxed);
        self.dropped += (bytes.len() - kept.len()) as u64;
    }

    /// Forgets the first bytes that are held.
    fn let_go(&mut self, count: usize) {
        let count = count.min(self.held.len());
        self.held.drain(..count);
        HELD_BY_ALL.fetch_sub(count, Ordering::Relaxed);
        if self.held.is_empty() {
            self.held = Vec::new();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.let_go(usize::MAX);
    }
}

/// Tries again until nothing is held.
async fn help_out(log: SharedLog) {
    loop {
        match log.waits_for() {
            Wait::Nothing => return,
            Wait::Retry => tokio::time::sleep(RETRY).await,
            Wait::Room(fd) => match fd.and_then(Sender::from_owned_fd_unchecked) {
                // Any stream will do: it is only watched.
                Ok(stream) => room(&log, &stream).await,
                // Without a descriptor to spare it is looked at now and then.
                Err(_) => tokio::time::sleep(RETRY).await,
            },
        }
        let held = log.held();
        say(log.retry());
        if log.held() == held {
            // A terminal may have room, but not for this.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Waits for room in a stream, and gives it up meanwhile if that takes too long.
async fn room(log: &SharedLog, stream: &Sender) {
    let patience = log.patience();
    let impatient = async {
        match patience {
            Some(left) => tokio::time::sleep(left).await,
            None => pending().await,
        }
    };
    tokio::select! {
        // Looked at afterwards, whatever it says.
        _ = stream.writable() => (),
        () = impatient => log.give_up(),
    }
}

/// Tells the main log.
pub fn say(trouble: Option<Trouble>) {
    match trouble {
        Some(Trouble::Began(text)) => tracing::error!("{text}"),
        Some(Trouble::Ended(text)) => tracing::warn!("{text}"),
        None => (),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn log(path: &str) -> SharedLog {
        Logs::default().open(&Arc::from(path), 0, 0).unwrap()
    }

    fn fifo() -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo").to_string_lossy().into_owned();
        nix::unistd::mkfifo(&*path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        (dir, path)
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn the_same_log_is_opened_once_log_029() {
        let dir = tempfile::tempdir().unwrap();
        let path: Arc<str> = Arc::from(dir.path().join("l").to_string_lossy());
        let logs = Logs::default();
        let [one, two] = [10, 10].map(|maxbytes| logs.open(&path, maxbytes, 2).unwrap());
        assert!(Arc::ptr_eq(&one.0, &two.0));
        let other = logs.open(&path, 11, 2).unwrap();
        assert!(!Arc::ptr_eq(&one.0, &other.0));
        let stdout = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
        let stdout = stdout.map(|name| logs.open(&Arc::from(name), 0, 0).unwrap());
        assert!(stdout.iter().all(|log| Arc::ptr_eq(&log.0, &stdout[0].0)));
        drop((one, two, other));
        logs.prune();
        assert_eq!(logs.all().len(), 1);
    }

    #[test]
    fn a_full_disk_is_complained_of_once_and_output_is_held_to_a_bound() {
        let full = log("/dev/full");
        let began = |text: &str| Some(Trouble::Began(text.to_string()));
        assert_eq!(full.write(b"x"), began("could not write to log /dev/full: No space left on device"));
        assert_eq!(full.write(&vec![b'y'; HELD_MAX]), None);
        assert_eq!(full.retry(), None);
        let state = full.state();
        assert_eq!((state.held.len(), state.dropped), (HELD_MAX, 1));
        assert!(state.stuck_since.is_none(), "a file holds nobody up");
    }

    #[test]
    fn a_stream_takes_up_where_it_left_off_and_not_a_byte_is_lost() {
        let (_dir, path) = fifo();
        let log = log(&path);
        let sent: Vec<u8> = (0..400_000u32).flat_map(u32::to_le_bytes).take(HELD_MAX).collect();
        let mut reader = std::fs::OpenOptions::new().read(true).open(&path).unwrap();
        run(async {
            for piece in sent.chunks(10_000) {
                assert_eq!(log.write(piece), None, "a slow stream is nobody's trouble");
            }
            assert!(log.is_full());
            let mut read = Vec::new();
            while read.len() < sent.len() {
                let mut piece = vec![0; 5_000.min(sent.len() - read.len())];
                reader.read_exact(&mut piece).unwrap();
                read.extend(piece);
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            }
            assert!(read == sent);
            assert!(!log.is_full() && log.held() == 0);
        });
    }

    #[test]
    fn a_stream_that_takes_nothing_holds_its_programs_up_for_a_while_only() {
        let (_dir, path) = fifo();
        let log = log(&path);
        run(async {
            assert_eq!(log.write(&vec![b'x'; HELD_UP_FROM + 100_000]), None);
            assert!(log.is_full());
            // The clock that is paused is the timers' only.
            log.state().stuck_since = Some(Instant::now() - PATIENCE);
            log.room().await;
            assert!(log.state().given_up);
            assert!(matches!(log.write(&[b'x'; HELD_MAX]), Some(Trouble::Began(_))));
            assert_eq!(log.write(b"x"), None);
        });
        let dropped = log.state().dropped;
        assert!(dropped > 0);
        let mut reader = std::fs::OpenOptions::new().read(true).open(&path).unwrap();
        let mut taken = 0;
        let relief = loop {
            taken += reader.read(&mut vec![0; 100_000]).unwrap() as u64;
            if let Some(told) = log.retry() {
                break told;
            }
        };
        let text = format!("log {path} takes output again; {dropped} bytes were dropped");
        assert_eq!(relief, Trouble::Ended(text));
        let left = (HELD_UP_FROM + 100_000 + HELD_MAX + 1) as u64 - dropped - taken;
        let mut rest = vec![0; usize::try_from(left).unwrap()];
        reader.read_exact(&mut rest).unwrap();
        assert!(!log.state().given_up);
    }

    #[test]
    fn a_stream_that_nobody_will_read_again_is_not_held_for() {
        let (read, write) = nix::unistd::pipe().unwrap();
        let log = log("/dev/null");
        log.state().log.replace(Target::Stream(std::fs::File::from(write), super::super::target::Way::Own));
        drop(read);
        assert!(matches!(log.write(b"abc"), Some(Trouble::Began(text)) if text.ends_with("Broken pipe")));
        assert_eq!(log.write(b"de"), None);
        assert_eq!((log.held(), log.state().dropped), (0, 5));
    }
}
