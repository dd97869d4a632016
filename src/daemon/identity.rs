//! Becoming another user: whom, and whether that is possible.

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, getgrouplist, getuid, setgid, setgroups, setuid};
use std::ffi::CString;
use std::io::{self, ErrorKind};

use super::spawn::Identity;
use crate::config::read::ourselves;
use crate::names::reason;

/// What to become for `uid`: `None` if that is who we are. The errors are the reference's sentences (CLI-030).
/// Groups are the user's own first, then every group that lists the user (CLI-031).
pub fn find(uid: u32) -> Result<Option<Identity>, String> {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let user = user.ok_or_else(|| format!("Can't find uid {uid}"))?;
    let ourselves = getuid();
    if ourselves.as_raw() == uid {
        return Ok(None);
    }
    if !ourselves.is_root() {
        return Err("Can't drop privilege as nonroot user".to_string());
    }
    let no_groups = "Could not set groups of effective user";
    let name = CString::new(user.name).map_err(|_| no_groups.to_string())?;
    let groups = getgrouplist(&name, user.gid).map_err(|_| no_groups.to_string())?;
    let groups = groups.into_iter().map(Gid::as_raw).collect();
    Ok(Some(Identity { uid, gid: user.gid.as_raw(), groups }))
}

/// The reason of an error about a file; where it is a matter of permissions, also whose they are.
pub fn reason_for_us(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => format!("{}; supervisord runs as user {}", reason(error), ourselves()),
        _ => reason(error),
    }
}

/// The daemon itself becomes `uid`, for good.
pub fn assume(uid: u32) -> Result<(), String> {
    let Some(identity) = find(uid)? else { return Ok(()) };
    let groups: Vec<Gid> = identity.groups.iter().copied().map(Gid::from_raw).collect();
    let refused = |what: &str, errno: Errno| {
        let help = "root needs CAP_SETUID and CAP_SETGID to become another user";
        format!("Could not set {what}: {}; {help}", errno.desc())
    };
    setgroups(&groups).map_err(|errno| refused("groups of effective user", errno))?;
    setgid(Gid::from_raw(identity.gid)).map_err(|errno| refused("group id of effective user", errno))?;
    setuid(Uid::from_raw(uid)).map_err(|errno| refused("user id", errno))
}
