//! Several processes at once, with a connection for each. Who is done first is told first.

use super::act::{self, Act};
use super::failure::Failure;
use super::http::Connection;
use super::session::Session;
use crate::api;

/// Processes that are seen to at once. The others wait until one of these is done, so that the server has connections
/// left for everybody else.
const AT_ONCE: usize = 64;

/// One process, and what has been asked about it.
struct Asked<'a> {
    group: String,
    name: String,
    act: Act<'a>,
    /// What is to be done afterwards.
    next: &'a [Act<'a>],
    connection: Connection,
}

/// Does to every process, given as group and name, one act after the other, whatever came of the one before. A process
/// does not wait for the others.
pub fn act_on_each(
    session: &mut Session,
    acts: &[Act<'_>],
    processes: Vec<(String, String)>,
) -> Result<(), Failure> {
    let mut waiting = processes.into_iter();
    let mut asked = Vec::new();
    loop {
        while asked.len() < AT_ONCE
            && let Some((group, name)) = waiting.next()
        {
            asked.extend(ask(session, group, name, acts)?);
        }
        if asked.is_empty() {
            return Ok(());
        }
        let fds: Vec<_> = asked.iter().map(|one| one.connection.as_fd()).collect();
        let ready = session.client.wait.readable(&fds)?;
        for (one, ready) in std::mem::take(&mut asked).into_iter().zip(ready) {
            match ready {
                true => asked.extend(answered(session, one)?),
                false => asked.push(one),
            }
        }
    }
}

fn ask<'a>(
    session: &mut Session,
    group: String,
    name: String,
    acts: &'a [Act<'a>],
) -> Result<Option<Asked<'a>>, Failure> {
    let Some((act, next)) = acts.split_first() else { return Ok(None) };
    let target = api::Target::Namespec(format!("{group}:{name}"));
    let connection = session.client.begin(&act.request(target))?;
    Ok(Some(Asked { group, name, act: *act, next, connection }))
}

/// Says what came of it, and asks for what is next.
fn answered<'a>(session: &mut Session, one: Asked<'a>) -> Result<Option<Asked<'a>>, Failure> {
    let Asked { group, name, act, next, connection } = one;
    let answer = session.client.receive(connection);
    act::tell(session, act, group.clone(), name.clone(), answer)?;
    ask(session, group, name, next)
}
