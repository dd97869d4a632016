//! The shell: a prompt, and the commands that are typed there (CTL-049 to CTL-053).

use std::cell::RefCell;
use std::env;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::rc::Rc;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::{History, MemHistory, SearchDirection};
use rustyline::{CompletionType, Config, Context, Editor, Helper, Highlighter, Hinter, Validator};

use super::commands::Flow;
use super::complete::Known;
use super::failure::Failure;
use super::session::{Interrupted, Session};
use super::terminal::{input, read_line};

/// The oldest lines go first when more are remembered.
const HISTORY_MAX: usize = 10_000;

/// Terminals that the editor does not edit on.
const PLAIN_TERMINALS: [&str; 3] = ["dumb", "cons25", "emacs"];

/// Asks for commands until the input ends; `first` comes before all. Gives the exit status of that one.
pub fn run(session: Session, first: &str) -> u8 {
    let session = Rc::new(RefCell::new(session));
    // The one borrow at a time: the editor asks for completions only while no command runs.
    let outcome = {
        let mut session = session.borrow_mut();
        session.client.wait.catch_interrupts().map_err(Failure::Io).map(|()| session.run(first))
    };
    let exit_status = session.borrow().exit_status;
    match outcome {
        Ok(Ok(Flow::On)) if can_edit() => edited(&session),
        Ok(Ok(Flow::On)) => plain(&session),
        Ok(Ok(Flow::Quit)) => (),
        Ok(Err(Interrupted)) => session.borrow_mut().out.line(""),
        Err(failure) => session.borrow_mut().fail_with(&failure),
    }
    exit_status
}

/// Whether somebody sits at a terminal that can draw a line anew. At any other the editor would read on without
/// noticing Ctrl-C.
fn can_edit() -> bool {
    let plain =
        env::var("TERM").is_ok_and(|term| PLAIN_TERMINALS.iter().any(|it| it.eq_ignore_ascii_case(&term)));
    !plain && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Carries a line out; gives whether the shell goes on.
fn carry_out(session: &RefCell<Session>, line: &str) -> bool {
    let mut session = session.borrow_mut();
    session.client.wait.forget();
    match session.run(line) {
        Ok(Flow::On) => !session.out.is_closed(),
        Ok(Flow::Quit) => false,
        // As in the reference, Ctrl-C leaves the shell.
        Err(Interrupted) => {
            session.out.line("");
            false
        }
    }
}

/// Without a terminal: prompts are written all the same, and what is read is not (CTL-050).
fn plain(session: &RefCell<Session>) {
    loop {
        let line = {
            let mut session = session.borrow_mut();
            let prompt = format!("{}> ", session.settings.prompt);
            session.out.bytes(prompt.as_bytes());
            input().map_err(Failure::Io).and_then(|mut input| read_line(&session.client.wait, &mut input))
        };
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) => "EOF".to_string(),
            Err(Failure::Interrupted) => {
                session.borrow_mut().out.line("");
                return;
            }
            Err(failure) => return session.borrow_mut().fail_with(&failure),
        };
        if !carry_out(session, &line) {
            return;
        }
    }
}

/// With a terminal: lines can be edited, completed and called back.
fn edited(session: &Rc<RefCell<Session>>) {
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true);
    let config = config.max_history_size(HISTORY_MAX).map(rustyline::config::Builder::build);
    let history = config.as_ref().ok().map(MemHistory::with_config);
    let (Ok(config), Some(history)) = (config, history) else { return plain(session) };
    let editor: rustyline::Result<Editor<Assistant, MemHistory>> = Editor::with_history(config, history);
    // A terminal that cannot be steered is read like any other input.
    let Ok(mut editor) = editor else { return plain(session) };
    editor.set_helper(Some(Assistant { session: Rc::clone(session), known: RefCell::default() }));
    let (prompt, file) = {
        let session = session.borrow();
        (format!("{}> ", session.settings.prompt), session.settings.history_file.clone())
    };
    if let Some(file) = &file {
        recall(&mut editor, file);
    }
    loop {
        match editor.readline(&prompt) {
            Ok(line) => {
                if !carry_out(session, &line) {
                    break;
                }
                if let Some(helper) = editor.helper_mut() {
                    helper.known = RefCell::default();
                }
            }
            // Ctrl-D and Ctrl-C: a new line, and the end.
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => {
                session.borrow_mut().out.line("");
                break;
            }
            Err(_) => break,
        }
    }
    if let Some(file) = &file {
        remember(&editor, file);
    }
}

/// Lines of earlier sessions; without a file there are none.
fn recall(editor: &mut Editor<Assistant, MemHistory>, file: &str) {
    for line in fs::read_to_string(file).unwrap_or_default().lines().filter(|line| !line.is_empty()) {
        // A line that is not taken is a line less to call back.
        let _ = editor.add_history_entry(line);
    }
}

/// As the stock client's library writes it: plain lines, for the user's eyes only.
fn remember(editor: &Editor<Assistant, MemHistory>, file: &str) {
    let history = editor.history();
    let lines = (0..history.len()).filter_map(|at| history.get(at, SearchDirection::Forward).ok().flatten());
    let text: String = lines.map(|line| format!("{}\n", line.entry)).collect();
    let opened = File::options().write(true).create(true).truncate(true).mode(0o600).open(file);
    // A history that cannot be kept is no reason to end otherwise (CTL-052).
    let _ = opened.and_then(|mut file| file.write_all(text.as_bytes()));
}

/// What the editor asks while a line is typed.
#[derive(Helper, Highlighter, Hinter, Validator)]
struct Assistant {
    session: Rc<RefCell<Session>>,
    known: RefCell<Known>,
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Ok(mut session) = self.session.try_borrow_mut() else { return Ok((position, Vec::new())) };
        let line = line.get(..position).unwrap_or(line);
        let (start, offers) = self.known.borrow_mut().offers(&mut session.client, line);
        let pair = |offer: String| Pair { display: offer.trim_end().to_string(), replacement: offer };
        Ok((start, offers.into_iter().map(pair).collect()))
    }
}
