//! What every page has around its content.

use std::fmt::Write;

use super::escape::Escaped;
use crate::api::SUPERVISOR_VERSION;

/// A page under way. Writing to a string cannot fail, so what `write!` returns is passed over.
pub(super) struct Page(String);

impl Page {
    /// A page with this title and heading, with room for so many bytes of content.
    pub(super) fn new(title: &str, heading: &str, room: usize) -> Page {
        let mut text = String::with_capacity(room + 2_048);
        let _ = write!(
            text,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
             <link href=\"stylesheets/supervisor.css\" rel=\"stylesheet\" type=\"text/css\">\n\
             <link href=\"images/icon.png\" rel=\"icon\" type=\"image/png\">\n</head>\n<body>\n\
             <header id=\"header\"><h1>{}</h1></header>\n<main id=\"content\">\n",
            Escaped(title),
            Escaped(heading)
        );
        Page(text)
    }

    /// The sentence that tells what the last action did.
    pub(super) fn message(&mut self, message: &str) {
        let _ = writeln!(self.0, "<div class=\"status_msg\" role=\"status\">{}</div>", Escaped(message));
    }

    /// The whole page.
    pub(super) fn finish(mut self) -> String {
        let _ = write!(
            self.0,
            "</main>\n<footer id=\"footer\">Convoke {}, compatible with Supervisor <span>{SUPERVISOR_VERSION}</span>\
             </footer>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        );
        self.0
    }
}

impl Write for Page {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write_str(text)
    }
}
