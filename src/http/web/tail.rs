//! The end of a process's log: `/tail.html` (WEB-014, WEB-015).

use std::fmt::Write;

use super::escape::Escaped;
use super::form::{Form, Quoted};
use super::frame::Page;
use crate::api::{Channel, FaultCode, LogName, LogRead, Reply, Request};
use crate::daemon::handle::Handle;
use crate::http::budget::Budget;

/// Bytes of the log that are shown, unless more are asked for.
const LIMIT: i64 = 1024;

/// Bytes that are shown at most: nobody reads a longer page, and every sign of it may take six bytes.
const LIMIT_MAX: i64 = 8 * 1024 * 1024;

/// The page for what the address asks; `None` when too much is held already.
pub(super) async fn page(handle: &Handle, budget: &Budget, form: &Form) -> Option<String> {
    let limit = form.get("limit").and_then(limit).unwrap_or(LIMIT).max(LIMIT);
    let name = form.get("processname");
    let title = format!("Supervisor tail of process {}", name.unwrap_or("None"));
    let tail = match name {
        Some(name) => tail(handle, name, limit).await,
        None => "No process name found".to_string(),
    };
    if !budget.has_room(tail.len()) {
        return None;
    }
    let mut page = Page::new(&title, &title, tail.len());
    // A line break right after the tag is not part of the text; the log's own first one is.
    let _ =
        writeln!(page, "<pre tabindex=\"0\" role=\"region\" aria-label=\"Log\">\n{}</pre>", Escaped(&tail));
    let _ = writeln!(page, "<ul class=\"clr\" id=\"buttons\">");
    let (quoted, view) = match form.get("collection") {
        Some(name) => (format!("&amp;collection={}", Quoted(name)), format!("?collection={}", Quoted(name))),
        None => (String::new(), String::new()),
    };
    if let Some(name) = name {
        let name = Quoted(name);
        let _ = writeln!(
            page,
            "<li class=\"action-button\"><a href=\"tail.html?processname={name}&amp;limit={limit}{quoted}\">Refresh</a></li>"
        );
    }
    let _ = write!(
        page,
        "<li class=\"action-button\"><a href=\"index.html{view}\">All processes</a></li>\n</ul>\n"
    );
    Some(page.finish())
}

/// Digits alone; more of them than a number has are very many bytes.
fn limit(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(i64::MAX))
}

async fn tail(handle: &Handle, name: &str, limit: i64) -> String {
    let log = LogName::Process { name: name.to_string(), channel: Channel::Stdout };
    let read = LogRead::Slice { offset: -limit.min(LIMIT_MAX), length: 0 };
    match handle.call(Request::ReadLog { log, read }).await {
        Ok(Reply::Text(text)) => text,
        Ok(_) => String::new(),
        Err(fault) if fault.code == FaultCode::NoFile => format!("No file for {name}"),
        Err(fault) => format!("ERROR: unexpected rpc fault [{}] {fault}", fault.code as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::handle::Call;
    use crate::http::budget::{ANSWERS_MAX, SMALL_MAX};

    #[tokio::test]
    async fn no_page_is_made_where_there_is_no_room_for_the_log() {
        let (handle, mut calls) = Handle::new();
        tokio::spawn(async move {
            while let Some(Call { answer, .. }) = calls.recv().await {
                let _ = answer.send(Ok(Reply::Text("x".repeat(SMALL_MAX + 1))));
            }
        });
        let (budget, form) = (Budget::default(), Form::of("processname=x&limit=99999", b""));
        let unread = budget.body("x".repeat(ANSWERS_MAX));
        assert_eq!(page(&handle, &budget, &form).await, None);
        drop(unread);
        assert!(page(&handle, &budget, &form).await.is_some_and(|page| page.len() > SMALL_MAX));
    }

    #[tokio::test]
    async fn no_more_of_a_log_is_asked_for_than_a_page_shows() {
        let (handle, mut calls) = Handle::new();
        tokio::spawn(async move {
            while let Some(Call { request, answer }) = calls.recv().await {
                let _ = answer.send(Ok(Reply::Text(format!("{request:?}"))));
            }
        });
        for (asked, offset) in [(5_000, -5_000), (LIMIT_MAX + 1, -LIMIT_MAX), (i64::MAX, -LIMIT_MAX)] {
            let request = tail(&handle, "x", asked).await;
            assert!(request.contains(&format!("Slice {{ offset: {offset}, length: 0 }}")), "{request}");
        }
    }

    #[test]
    fn a_limit_is_digits() {
        assert_eq!(limit("5000"), Some(5000));
        assert_eq!(limit("99999999999999999999999"), Some(i64::MAX));
        for none in ["", "-5", "5k", "+5", " 5", "1_0"] {
            assert_eq!(limit(none), None, "{none}");
        }
    }
}
