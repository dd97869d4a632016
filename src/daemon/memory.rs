//! Memory that a start or an answer needed and the rest of the daemon's life does not is given back.

use std::time::Duration;

use super::handle::LetGo;
use super::sys;

/// By then the programs of an ordinary configuration have been started too.
const START_TIME: Duration = Duration::from_secs(1);

/// How long after a large answer its memory is given back: others may follow.
const BURST_TIME: Duration = Duration::from_millis(500);

/// [`give_back`], once the start is over, and after every burst of large answers. Ends with the runtime.
pub async fn give_back_in_time(let_go: LetGo) {
    tokio::time::sleep(START_TIME).await;
    give_back();
    loop {
        let_go.happened().await;
        tokio::time::sleep(BURST_TIME).await;
        // While it goes on, the code is wanted, but not all of the heap that its first moments took.
        while tokio::time::timeout(Duration::ZERO, let_go.happened()).await.is_ok() {
            sys::trim_heap();
            tokio::time::sleep(BURST_TIME).await;
        }
        give_back();
    }
}

/// Lets go of the pages of code and of constants, and of free heap. What is in a file is read from there again when it
/// is next wanted, in the pieces that are wanted; what is measured as the daemon's memory is then what it works with.
pub fn give_back() {
    // Without /proc there is nothing to go by, and nothing is lost.
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    for (start, end) in unchanged(&maps) {
        sys::drop_file_pages(start, end);
    }
    drop(maps);
    sys::trim_heap();
}

/// The bounds of the mappings of files that may not be written and never were: what the loader wrote before it closed
/// them is nowhere else.
fn unchanged(smaps: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut mapping = None;
    let mut pages = Pages::default();
    for line in smaps.lines() {
        if let Some((name, value)) = line.split_once(": ") {
            let size = value.trim().strip_suffix(" kB").and_then(|size| size.parse().ok());
            match name {
                "Anonymous" => pages.changed = size,
                "Swap" => pages.changed_and_swapped = size,
                // The last line of every mapping.
                "VmFlags" => found.extend(mapping.take().filter(|_| pages.are_the_files())),
                _ => (),
            }
        } else {
            (mapping, pages) = (read_only(line), Pages::default());
        }
    }
    found
}

/// Of one mapping, in kB: pages that are no longer those of the file.
#[derive(Default)]
struct Pages {
    changed: Option<u64>,
    changed_and_swapped: Option<u64>,
}

impl Pages {
    fn are_the_files(&self) -> bool {
        (self.changed, self.changed_and_swapped) == (Some(0), Some(0))
    }
}

/// The bounds of a mapping that is of a file and may not be written.
fn read_only(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, permissions) = (words.next()?, words.next()?);
    let path = words.nth(3)?;
    if !matches!(permissions, "r-xp" | "r--p") || !path.starts_with('/') {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One mapping as the kernel tells of it.
    fn told(head: &str, anonymous: u64, swap: u64) -> String {
        format!(
            "{head}\nSize:   12 kB\nRss:    8 kB\nAnonymous:      {anonymous} kB\nSwap:       {swap} kB\n\
             SwapPss:    0 kB\nTHPeligible:    0\nVmFlags: rd ex mr mw me\n"
        )
    }

    #[test]
    fn only_what_is_still_as_in_its_file_is_let_go() {
        let code = "5590a0000000-5590a0003000 r-xp 00002000 fe:00 4711    /usr/bin/supervisord";
        let constants = "5590a0004000-5590a0005000 r--p 00006000 fe:00 4711    /usr/bin/supervisord";
        let both = told(code, 0, 0) + &told(constants, 0, 0);
        assert_eq!(
            unchanged(&both),
            [(0x5590_a000_0000, 0x5590_a000_3000), (0x5590_a000_4000, 0x5590_a000_5000)]
        );
        assert_eq!(unchanged(&(told(code, 4, 0) + &told(constants, 0, 4))), []);
        for other in [
            "5590a0000000-5590a0003000 rw-p 00002000 fe:00 4711    /usr/bin/supervisord",
            "5590a0000000-5590a0003000 rwxp 00002000 fe:00 4711    /usr/bin/supervisord",
            "5590a0000000-5590a0003000 r--s 00002000 fe:00 4711    /var/lib/cache",
            "7ffe00000000-7ffe00002000 r-xp 00000000 00:00 0       [vdso]",
            "5590a0000000-5590a0003000 r-xp 00000000 00:00 0",
        ] {
            assert_eq!(unchanged(&told(other, 0, 0)), [], "{other}");
        }
        // A kernel that does not say.
        assert_eq!(unchanged(&format!("{code}\nSize: 12 kB\nVmFlags: rd ex\n")), []);
        assert_eq!(unchanged(""), []);
    }

    #[test]
    fn the_kernel_tells_of_this_program_in_this_way() {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let ours = unchanged as fn(&str) -> Vec<(usize, usize)> as usize;
        let code = unchanged(&maps);
        assert!(code.iter().any(|(start, end)| (*start..*end).contains(&ours)), "{maps}");
    }

    #[test]
    fn the_program_goes_on_after_its_code_was_let_go() {
        give_back();
        assert_eq!((0..1_000).map(|number| format!("{number}").len()).sum::<usize>(), 2_890);
    }
}
