//! Local time, as the log and the status texts write it.
#![allow(unsafe_code, reason = "the C library knows the time zone")]

use std::mem::MaybeUninit;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `2026-11-22 09:44:01,123` (LOG-001): Unix seconds and the milliseconds past them.
pub fn stamp(unix: i64, millis: u32) -> String {
    let t = local(unix);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02},{millis:03}",
        t.year, t.month, t.day, t.hour, t.minute, t.second
    )
}

/// `Nov 22 09:44 AM` (RPC-044).
pub fn local_time(unix: i64) -> String {
    let t = local(unix);
    let month = MONTHS.get(t.month.wrapping_sub(1) as usize).copied().unwrap_or("Jan");
    let half = if t.hour < 12 { "AM" } else { "PM" };
    let hour = match t.hour % 12 {
        0 => 12,
        hour => hour,
    };
    format!("{month} {:02} {hour:02}:{:02} {half}", t.day, t.minute)
}

/// `Sun Nov  2 09:44:01 2026`, as Python's `ctime` (WEB-011).
pub fn ctime(unix: i64) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let t = local(unix);
    let day = DAYS.get(t.weekday.cast_unsigned() as usize).copied().unwrap_or("Sun");
    format!("{day} {} {:04}", syslog_time(unix), t.year)
}

/// `Nov  2 09:44:01`, as lines to the system's log begin.
pub fn syslog_time(unix: i64) -> String {
    let t = local(unix);
    let month = MONTHS.get(t.month.wrapping_sub(1) as usize).copied().unwrap_or("Jan");
    format!("{month} {:2} {:02}:{:02}:{:02}", t.day, t.hour, t.minute, t.second)
}

struct Local {
    year: i32,
    month: i32,
    day: i32,
    hour: i32,
    minute: i32,
    second: i32,
    /// From 0 for Sunday.
    weekday: i32,
}

/// A time the C library cannot break down, billions of years away, shows as zeros.
fn local(unix: i64) -> Local {
    let time: libc::time_t = unix;
    let mut broken_down = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, and `tm` is plain data for which zero is a value.
    let tm = unsafe {
        libc::localtime_r(&time, broken_down.as_mut_ptr());
        broken_down.assume_init()
    };
    Local {
        year: tm.tm_year.saturating_add(1900),
        month: tm.tm_mon + 1,
        day: tm.tm_mday,
        hour: tm.tm_hour,
        minute: tm.tm_min,
        second: tm.tm_sec,
        weekday: tm.tm_wday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_log_001_and_rpc_044_say() {
        // The zone of the machine decides the digits, not the shape.
        let text = stamp(1_795_340_641, 7);
        assert_eq!(text.len(), 23, "{text}");
        assert!(text.ends_with(",007") && text.starts_with("2026-11-2"), "{text}");
        let text = local_time(1_795_340_641);
        assert!(text.starts_with("Nov 2") && (text.ends_with(" AM") || text.ends_with(" PM")), "{text}");
        assert_eq!(text.len(), 15, "{text}");
        let text = ctime(1_794_800_641);
        let day = ["Sat Nov 14 ", "Sun Nov 15 ", "Mon Nov 16 "].iter().find(|day| text.starts_with(*day));
        assert!(day.is_some() && text.ends_with(" 2026") && text.len() == 24, "{text}");
    }
}
