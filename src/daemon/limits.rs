//! Resource limits: what the configuration demands, and what many programs need.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use crate::config::SupervisordConfig;

/// Open files at most; each program takes about five. More helps nobody, and some kernels refuse it.
const OPEN_FILES_MAX: u64 = 1 << 20;

/// Raises the soft limits to `minfds` and `minprocs` (CLI-032) and returns the lines to log. The error is the
/// reference's sentence (CLI-033), with the true hard limit in it.
pub fn raise_to_minimum(config: &SupervisordConfig) -> Result<Vec<String>, String> {
    let files = Demand {
        resource: Resource::RLIMIT_NOFILE,
        name: "RLIMIT_NOFILE",
        least: config.minfds,
        option: "minfds",
        what: "file descriptors",
        purpose: "process",
        verb: "open",
    };
    let processes = Demand {
        resource: Resource::RLIMIT_NPROC,
        name: "RLIMIT_NPROC",
        least: config.minprocs,
        option: "minprocs",
        what: "available processes",
        purpose: "program",
        verb: "run",
    };
    let raised = [files.meet()?, processes.meet()?];
    Ok(raised.into_iter().flatten().collect())
}

/// Lifts the daemon's own soft limit of open files as far as it may go. Returns the soft and hard limit that
/// children are to have, if that changed anything: programs take a high limit for an invitation.
pub fn raise_own_open_files() -> Option<(u64, u64)> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let wanted = hard.min(OPEN_FILES_MAX);
    if soft >= wanted {
        return None;
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).ok()?;
    Some((soft, hard))
}

struct Demand {
    resource: Resource,
    name: &'static str,
    least: i64,
    option: &'static str,
    what: &'static str,
    purpose: &'static str,
    verb: &'static str,
}

impl Demand {
    fn meet(&self) -> Result<Option<String>, String> {
        let Ok(least) = u64::try_from(self.least) else { return Ok(None) };
        let Ok((soft, hard)) = getrlimit(self.resource) else { return Ok(None) };
        if soft == RLIM_INFINITY || soft >= least {
            return Ok(None);
        }
        // Raising the hard limit too takes privileges, which may be there.
        let new_hard = if hard == RLIM_INFINITY { hard } else { hard.max(least) };
        match setrlimit(self.resource, least, new_hard) {
            Ok(()) => Ok(Some(format!("Increased {} limit to {least}", self.name))),
            Err(_) => Err(self.refusal(least, hard)),
        }
    }

    fn refusal(&self, least: u64, hard: u64) -> String {
        let Demand { option, what, purpose, verb, .. } = self;
        format!(
            "The minimum number of {what} required to run this {purpose} is {least} as per the \"{option}\" \
             command-line argument or config file setting. The current environment will only allow you to {verb} \
             {hard} of them. Either raise the limit in your environment or lower the {option} setting in the \
             config file to allow the {purpose} to start."
        )
    }
}
