//! `ui/log`: the end of a log, which the page's script follows through `ui/tail`.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::act::Said;
use super::page::{foot, head, message};
use super::query::{Query, encoded};
use super::{cut, write};
use crate::api::{Channel, Fault, FaultCode, LogName, LogRead, Reply, Request};
use crate::http::logtail;
use crate::http::rpc::Rpc;
use crate::http::watcher::Watcher;
use crate::http::web::escape::Escaped;

/// Bytes of the log that the page itself holds, for browsers without a script.
const TAIL: i64 = 32 * 1024;

/// Which log the address means; without a name it is the daemon's own.
pub(super) struct Which {
    name: Option<String>,
    channel: Channel,
    /// The view from which it was come to, to go back to.
    collection: Option<String>,
}

impl Which {
    pub(super) fn of(query: &Query) -> Which {
        let channel = match query.get("channel") {
            Some("stderr") => Channel::Stderr,
            Some(_) | None => Channel::Stdout,
        };
        Which {
            name: query.get("name").map(str::to_string),
            channel,
            collection: query.get("collection").map(str::to_string),
        }
    }

    fn log(&self) -> LogName {
        match &self.name {
            Some(name) => LogName::Process { name: name.clone(), channel: self.channel },
            None => LogName::Main,
        }
    }

    /// The address again, from the question mark on.
    pub(super) fn query(&self) -> String {
        self.query_of(self.channel)
    }

    fn query_of(&self, channel: Channel) -> String {
        let mut query = match (&self.name, channel) {
            (Some(name), Channel::Stdout) => format!("?name={}", encoded(name)),
            (Some(name), Channel::Stderr) => format!("?name={}&channel=stderr", encoded(name)),
            (None, _) => "?".to_string(),
        };
        query.push_str(&self.back().replacen('?', "&", 1));
        query
    }

    /// The query of the page to go back to; empty for the usual.
    fn back(&self) -> String {
        self.collection.as_deref().map_or_else(String::new, |name| format!("?collection={}", encoded(name)))
    }

    fn title(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => "supervisord".to_string(),
        }
    }
}

/// What is added to the log, for as long as the client listens.
pub(super) async fn stream(rpc: &Rpc, query: &Query, client: Option<&Watcher>) -> Response<Body> {
    logtail::page(rpc, Which::of(query).log(), client).await
}

/// The page with the end of the log in it.
pub(super) async fn page(rpc: &Rpc, query: &Query) -> Response<Body> {
    let which = Which::of(query);
    let said = query.get("message").map(|text| Said { ok: query.get("failed").is_none(), text: cut(text) });
    let read = Request::ReadLog { log: which.log(), read: LogRead::Tail { offset: 0, length: TAIL } };
    let (status, text, said) = match rpc.handle().call(read).await {
        Ok(Reply::Tail { text, .. }) => (StatusCode::OK, text, said),
        Ok(_) => (StatusCode::INTERNAL_SERVER_ERROR, String::new(), said),
        Err(fault) => {
            let (status, sentence) = why_not(&which, &fault);
            (status, String::new(), Some(Said { ok: false, text: sentence }))
        }
    };
    let follows = status == StatusCode::OK;
    write(rpc, status, "text/html; charset=utf-8", html(&which, &text, said.as_ref(), follows))
}

fn why_not(which: &Which, fault: &Fault) -> (StatusCode, String) {
    let title = which.title();
    match fault.code {
        FaultCode::BadName => (StatusCode::NOT_FOUND, format!("There is no process called {title}")),
        FaultCode::NoFile => (StatusCode::NOT_FOUND, format!("{title} has no such log")),
        FaultCode::ShutdownState => {
            (StatusCode::SERVICE_UNAVAILABLE, "supervisord is shutting down".to_string())
        }
        FaultCode::UnknownMethod
        | FaultCode::IncorrectParameters
        | FaultCode::BadArguments
        | FaultCode::SignatureUnsupported
        | FaultCode::BadSignal
        | FaultCode::NotExecutable
        | FaultCode::Failed
        | FaultCode::AbnormalTermination
        | FaultCode::SpawnError
        | FaultCode::AlreadyStarted
        | FaultCode::NotRunning
        | FaultCode::Success
        | FaultCode::AlreadyAdded
        | FaultCode::StillRunning
        | FaultCode::CantReread
        | FaultCode::NotInWhitelist => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("The log could not be read: {fault}"))
        }
    }
}

fn html(which: &Which, text: &str, said: Option<&Said>, follows: bool) -> String {
    let mut page = String::with_capacity(text.len() + 4 * 1024);
    let title = which.title();
    head(&mut page, &format!("{title} · log"), "log.js");
    let _ = write!(
        page,
        "<header>\n<p class=\"back\"><a href=\"./{}\">All processes</a></p><h1>{}</h1>\n\
         <p id=\"live\" data-live=\"off\"><span></span> <a id=\"refresh\" href=\"log{}\">Refresh</a></p>\n</header>\n",
        Escaped(&which.back()),
        Escaped(&title),
        Escaped(&which.query())
    );
    if which.name.is_some() {
        page.push_str("<nav aria-label=\"Channels\"><ul id=\"chips\">");
        for channel in [Channel::Stdout, Channel::Stderr] {
            let current = if channel == which.channel { " aria-current=\"page\"" } else { "" };
            let (address, name) = (which.query_of(channel), channel.name());
            let _ = write!(page, "<li><a href=\"log{}\"{current}>{name}</a></li>", Escaped(&address));
        }
        page.push_str("</ul></nav>\n");
    }
    page.push_str("<main id=\"main\" class=\"log\">\n");
    message(&mut page, said);
    tools(&mut page, which);
    let stream = if follows { format!("tail{}", which.query()) } else { String::new() };
    // A line break right after the tag of `pre` is not part of the text; the log's own first one is.
    let _ = write!(
        page,
        "<div id=\"log\" class=\"plain\" role=\"log\" aria-live=\"off\" aria-label=\"Log of {}\" tabindex=\"0\" data-stream=\"{}\">\
         <pre>\n{}</pre></div>\n</main>\n",
        Escaped(&title),
        Escaped(&stream),
        Escaped(text)
    );
    foot(&mut page, &which.back());
    page
}

/// What needs the script is hidden until it runs.
fn tools(page: &mut String, which: &Which) {
    page.push_str(
        "<div id=\"tools\"><div id=\"scripted\" hidden>\
         <label>Search <input type=\"search\" id=\"q\" autocomplete=\"off\" aria-keyshortcuts=\"/\"></label>\
         <button type=\"button\" id=\"previous\" aria-label=\"Previous match\">↑</button>\
         <button type=\"button\" id=\"next\" aria-label=\"Next match\">↓</button>\
         <output id=\"found\" for=\"q\"></output>\
         <label><input type=\"checkbox\" id=\"only\"> Only lines that match</label>\
         <button type=\"button\" id=\"follow\" aria-pressed=\"true\">Follow</button>\
         <button type=\"button\" id=\"pause\" aria-pressed=\"false\">Pause</button></div>\n",
    );
    if let Some(name) = &which.name {
        let _ = write!(
            page,
            "<form method=\"post\" action=\"act{}&amp;back=log\"><button name=\"do\" value=\"clear:{}\">\
             Clear log</button></form>",
            Escaped(&which.query()),
            Escaped(name)
        );
    }
    page.push_str("</div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_begins_with_an_empty_line_still_does_without_the_script() {
        let which = Which::of(&Query::parse("name=a"));
        let page = html(&which, "\nline\n", None, true);
        assert!(page.contains("<pre>\n\nline\n</pre>"), "{page}");
    }
}
