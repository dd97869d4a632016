//! Where a directory lies: on a file system of this machine, or on one that may leave whoever enters it waiting for
//! somebody else, as NFS and FUSE do.

use std::path::{Path, PathBuf};

/// File systems that answer by themselves. One that is not among them is taken for one that may not.
const LOCAL: [&str; 15] = [
    "bcachefs", "btrfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs", "squashfs",
    "tmpfs", "vfat", "xfs", "zfs",
];

/// Whether entering the directory may take for ever. Nothing of it is touched to find out. A link is not followed, and
/// without /proc every directory is taken for local.
pub fn may_hang(directory: &str) -> bool {
    let Ok(mounts) = std::fs::read("/proc/self/mountinfo") else { return false };
    kind(&String::from_utf8_lossy(&mounts), Path::new(directory)).is_some_and(|kind| !LOCAL.contains(&&*kind))
}

/// The kind of file system that a path lies on: that of the deepest mount above it, and of several there the last.
fn kind(mounts: &str, path: &Path) -> Option<String> {
    let above = mounts.lines().filter_map(mount).filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind.to_string())
}

/// The point and the kind of one line, as proc(5) has them.
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (head, tail) = line.split_once(" - ")?;
    // Blanks and the like are written as three octal digits after a backslash; of those, blanks alone occur in practice.
    let point = head.split(' ').nth(4)?.replace("\\040", " ");
    Some((PathBuf::from(point), tail.split(' ').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_lies_on_the_deepest_mount_above_it() {
        let mounts = "22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                      30 22 0:30 / /srv rw - nfs4 server:/srv rw\n\
                      31 30 0:31 / /srv/local\\040disk rw shared:2 master:3 - xfs /dev/sdb1 rw\n\
                      32 22 0:32 / /twice rw - ext4 /dev/sdc1 rw\n\
                      33 22 0:33 / /twice rw - fuse.sshfs host: rw\n\
                      nonsense\n";
        let on = |path| kind(mounts, Path::new(path)).unwrap_or_default();
        assert_eq!(["/", "/srvx", "/srv", "/srv/web"].map(on), ["ext4", "ext4", "nfs4", "nfs4"]);
        assert_eq!(["/srv/local disk/a", "/twice/a"].map(on), ["xfs", "fuse.sshfs"]);
        assert_eq!(kind(mounts, Path::new("relative")), None);
        assert!(may_hang("/proc/self") && !may_hang("relative"));
    }
}
