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

/// Lets go of the pages of code that only the start ran, and of free heap. Code is read from its file again when it
/// is next run, in the pieces that are run; what is measured as the daemon's memory is then what it works with.
pub fn give_back() {
    // Without /proc there is nothing to go by, and nothing is lost.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, end) in maps.lines().filter_map(code) {
        sys::drop_code_pages(start, end);
    }
    sys::trim_heap();
}

/// The bounds of a mapping if it is code from a file, which nobody has written to: it may be run, not written, and
/// has a path.
fn code(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, permissions) = (words.next()?, words.next()?);
    let path = words.nth(3)?;
    if permissions != "r-xp" || !path.starts_with('/') {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_from_a_file_is_let_go() {
        let line = "5590a0000000-5590a0003000 r-xp 00002000 fe:00 4711    /usr/bin/supervisord";
        assert_eq!(code(line), Some((0x5590_a000_0000, 0x5590_a000_3000)));
        for other in [
            "5590a0000000-5590a0003000 r--p 00002000 fe:00 4711    /usr/bin/supervisord",
            "5590a0000000-5590a0003000 rwxp 00002000 fe:00 4711    /usr/bin/supervisord",
            "7ffe00000000-7ffe00002000 r-xp 00000000 00:00 0       [vdso]",
            "5590a0000000-5590a0003000 r-xp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(code(other), None, "{other}");
        }
    }

    #[test]
    fn the_program_goes_on_after_its_code_was_let_go() {
        give_back();
        assert_eq!((0..1_000).map(|number| format!("{number}").len()).sum::<usize>(), 2_890);
    }
}
