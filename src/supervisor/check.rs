//! What must hold after every turn; for the simulation and for whoever changes this folder.

use super::Supervisor;
use super::process::Process;
use crate::api::ProcessState;

impl Supervisor {
    /// Looks for a broken invariant and says which. Slow: it looks at everything.
    pub fn check(&self) -> Result<(), String> {
        if !self.steps.is_empty() || !self.added.is_empty() || !self.replies.is_empty() {
            return Err("the turn ended with work left".to_string());
        }
        let mut timers = 0;
        for (key, member) in self.groups.members() {
            let process = &member.process;
            if !self.timers.agrees(key, process) {
                let deadline = process.deadline();
                return Err(format!(
                    "{}: its deadline is {deadline:?}, its timer another",
                    process.config.name
                ));
            }
            timers += usize::from(process.deadline().is_some());
            check_pid(process)?;
        }
        if timers != self.timers.len() || !self.timers.is_exact() {
            return Err(format!("{} timers for {timers} deadlines", self.timers.len()));
        }
        self.check_pools()?;
        self.check_parked()
    }

    fn check_parked(&self) -> Result<(), String> {
        for (id, parked) in &self.parked {
            if parked.launching != parked.to_visit.len() || parked.is_done() {
                return Err(format!("request {} should have been answered", id.0));
            }
            for key in parked.waiting.keys() {
                let Some(process) = self.groups.process(*key) else {
                    return Err(format!("request {} waits for a process that has left", id.0));
                };
                if parked.arrival(process).is_some() {
                    return Err(format!(
                        "request {} waits for {}, which has arrived",
                        id.0, process.config.name
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A pid exactly where a state holds one.
fn check_pid(process: &Process) -> Result<(), String> {
    let wanted = match process.state() {
        ProcessState::Starting | ProcessState::Running | ProcessState::Stopping => true,
        ProcessState::Stopped | ProcessState::Backoff | ProcessState::Exited | ProcessState::Fatal => false,
        ProcessState::Unknown => return Ok(()),
    };
    if process.pid().is_some() == wanted {
        Ok(())
    } else {
        Err(format!("{}: {} with pid {:?}", process.config.name, process.state(), process.pid()))
    }
}
