//! Questions to the person at the terminal.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::failure::Failure;
use super::session::Session;
use super::wait::Wait;

/// Standard input without a buffer: what is read ahead would not be seen by whoever waits for more.
pub fn input() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

/// Asks on standard output, and gives the line typed, without its end.
pub fn ask(session: &mut Session, question: &str) -> Result<String, Failure> {
    session.client.wait.catch_interrupts()?;
    session.out.bytes(question.as_bytes());
    read_line(&session.client.wait, &mut input()?)?.ok_or(Failure::NoInput)
}

/// Whether the answer is yes; anything but a word that begins with y is no (CTL-045).
pub fn confirm(session: &mut Session, question: &str) -> Result<bool, Failure> {
    Ok(ask(session, question)?.to_lowercase().starts_with('y'))
}

/// Asks for a password, which does not show. Where there is no terminal it is read from standard input.
pub fn ask_secret(wait: &mut Wait, question: &str) -> Result<String, Failure> {
    match File::options().read(true).write(true).open("/dev/tty") {
        Ok(mut terminal) => secret_line(wait, &mut terminal, question),
        Err(_) => read_line(wait, &mut input()?)?.ok_or(Failure::NoInput),
    }
}

/// A password typed by whoever sits at standard input; `None` where nobody does.
pub fn secret_from_input(question: &str) -> Option<io::Result<String>> {
    io::stdin().is_terminal().then(|| {
        ask_secret(&mut Wait::default(), question).map_err(|failure| match failure {
            Failure::Io(error) => error,
            failure => io::Error::other(failure.to_string()),
        })
    })
}

fn secret_line(wait: &mut Wait, terminal: &mut File, question: &str) -> Result<String, Failure> {
    // Ctrl-C must not leave a terminal that shows nothing.
    wait.catch_interrupts()?;
    terminal.write_all(question.as_bytes())?;
    let before = tcgetattr(terminal.as_fd()).map_err(io::Error::from)?;
    let mut silent = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(terminal.as_fd(), SetArg::TCSAFLUSH, &silent).map_err(io::Error::from)?;
    let line = read_line(wait, terminal);
    tcsetattr(terminal.as_fd(), SetArg::TCSAFLUSH, &before).map_err(io::Error::from)?;
    // The person's own line end did not show either.
    terminal.write_all(b"\n")?;
    line?.ok_or(Failure::NoInput)
}

/// A line longer than this is cut: nobody types that.
const LINE_MAX: usize = 1024 * 1024;

/// One line, without its end, read byte by byte so that the next one stays for whoever reads next; `None` at the end
/// of the input.
pub fn read_line(wait: &Wait, input: &mut (impl Read + AsFd)) -> Result<Option<String>, Failure> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        wait.readable(&[input.as_fd()])?;
        match input.read(&mut byte)? {
            0 if line.is_empty() => return Ok(None),
            0 => break,
            _ if byte[0] == b'\n' || line.len() >= LINE_MAX => break,
            _ => line.push(byte[0]),
        }
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches('\r').to_string()))
}
