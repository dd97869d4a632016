//! The status page: `/` and `/index.html` (WEB-003 to WEB-008), and what `?collection=NAME` makes of it.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::escape::Escaped;
use super::form::Quoted;
use super::frame::Page;
use crate::api::answer::LocalTime;
use crate::api::{CollectionInfo, Fault, FaultCode, ProcessInfo, Reply, Request};
use crate::daemon::handle::Handle;
use crate::names::Namespec;

/// Room for one row.
const BYTES_PER_ROW: usize = 1_400;

/// What the page shows.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Status {
    /// By group and name.
    processes: Vec<ProcessInfo>,
    /// By priority and name.
    collections: Vec<CollectionInfo>,
}

impl Status {
    /// Asks for all of it; a fault is the daemon's end.
    pub(super) async fn ask(handle: &Handle) -> Result<Status, Fault> {
        let (processes, collections) =
            (handle.call(Request::AllProcessInfo).await?, handle.call(Request::ListCollections).await?);
        match (processes, collections) {
            (Reply::Processes(processes), Reply::Collections(collections)) => {
                Ok(Status { processes, collections })
            }
            // The supervisor answers each request with its own kind of reply; should it not, this request fails.
            (_, _) => Err(FaultCode::Failed.into()),
        }
    }

    /// Whether there is such a collection.
    pub(super) fn knows(&self, collection: &str) -> bool {
        self.find(collection).is_some()
    }

    fn find(&self, collection: &str) -> Option<&CollectionInfo> {
        self.collections.iter().find(|known| known.name.as_str() == collection)
    }

    /// The page, of one collection's members or of everything.
    pub(super) fn page(&self, collection: Option<&str>, message: Option<&str>, local: LocalTime) -> String {
        let title = "Supervisor Status";
        let heading = match collection {
            None => title.to_string(),
            Some(name) => format!("{title}: {name}"),
        };
        let mut page = Page::new(title, &heading, self.processes.len() * BYTES_PER_ROW);
        if let Some(message) = message {
            page.message(message);
        }
        let keep = Keep(collection);
        let query = collection.map(|name| format!("?collection={}", Quoted(name))).unwrap_or_default();
        let _ = writeln!(page, "<p><a href=\"ui/{query}\">The page that follows what happens</a></p>");
        buttons(&mut page, &keep);
        self.views(&mut page, collection);
        let shown = self.shown(collection);
        if shown.is_empty() {
            let _ = writeln!(page, "<p>No programs to manage</p>");
        } else {
            table(&mut page, &shown, &keep, local);
        }
        page.finish()
    }

    /// The processes of the view, by group and name.
    fn shown(&self, collection: Option<&str>) -> Vec<&ProcessInfo> {
        let Some(name) = collection else { return self.processes.iter().collect() };
        let members = self.find(name).map(members).unwrap_or_default();
        self.processes.iter().filter(|info| members.contains(spec(info).as_str())).collect()
    }

    /// The list of collections, if there are any: how many of each run, and the way to each view.
    fn views(&self, page: &mut Page, current: Option<&str>) {
        if self.collections.is_empty() {
            return;
        }
        let running: BTreeSet<String> =
            self.processes.iter().filter(|info| info.state.is_up()).map(spec).collect();
        let _ =
            write!(page, "<nav id=\"collections\" aria-label=\"Collections\">\n<h2>Collections</h2>\n<ul>\n");
        view(page, "", "All processes", current.is_none(), running.len(), self.processes.len());
        for collection in &self.collections {
            let name = collection.name.as_str();
            let up = collection.processes.iter().filter(|member| running.contains(*member)).count();
            let query = format!("?collection={}", Quoted(name));
            view(page, &query, name, current == Some(name), up, collection.processes.len());
        }
        let _ = write!(page, "</ul>\n</nav>\n");
    }
}

fn view(page: &mut Page, query: &str, name: &str, current: bool, up: usize, total: usize) {
    let here = if current { " aria-current=\"page\"" } else { "" };
    let _ = writeln!(
        page,
        "<li><a href=\"index.html{query}\"{here}>{}</a> <span class=\"count\">{up} of {total} running</span></li>",
        Escaped(name)
    );
}

/// Keeps the view in an address that has a query already.
struct Keep<'a>(Option<&'a str>);

impl std::fmt::Display for Keep<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(name) => write!(f, "&amp;collection={}", Quoted(name)),
            None => Ok(()),
        }
    }
}

fn buttons(page: &mut Page, keep: &Keep<'_>) {
    const BUTTONS: [(&str, &str); 4] = [
        ("refresh", "Refresh"),
        ("restartall", "Restart All"),
        ("stopall", "Stop All"),
        ("startall", "Start All"),
    ];
    let _ = writeln!(page, "<ul class=\"clr\" id=\"buttons\">");
    for (action, name) in BUTTONS {
        let _ = writeln!(
            page,
            "<li class=\"action-button\"><a href=\"index.html?action={action}{keep}\">{name}</a></li>"
        );
    }
    let _ = writeln!(page, "</ul>");
}

fn table(page: &mut Page, shown: &[&ProcessInfo], keep: &Keep<'_>, local: LocalTime) {
    let _ = write!(
        page,
        "<table>\n<thead>\n<tr>\n<th class=\"state\" scope=\"col\">State</th>\n\
         <th class=\"desc\" scope=\"col\">Description</th>\n<th class=\"name\" scope=\"col\">Name</th>\n\
         <th class=\"action\" scope=\"col\">Action</th>\n</tr>\n</thead>\n<tbody>\n"
    );
    for (number, info) in shown.iter().enumerate() {
        row(page, info, number % 2 == 1, keep, local);
    }
    let _ = write!(page, "</tbody>\n</table>\n");
}

fn row(page: &mut Page, info: &ProcessInfo, shade: bool, keep: &Keep<'_>, local: LocalTime) {
    let name = spec(info);
    let (quoted, escaped) = (Quoted(&name).to_string(), Escaped(&name).to_string());
    let class = match (info.state.is_up(), info.state.has_failed()) {
        (true, _) => "statusrunning",
        (false, true) => "statuserror",
        (false, false) => "statusnominal",
    };
    let _ = write!(
        page,
        "<tr{}>\n<td class=\"status\"><span class=\"{class}\">{}</span></td>\n<td><span>{}</span></td>\n\
         <td><a href=\"tail.html?processname={quoted}{keep}\" target=\"_blank\" rel=\"noopener\">{escaped}</a></td>\n\
         <td class=\"action\">\n<ul>\n",
        if shade { " class=\"shade\"" } else { "" },
        info.state.name().to_ascii_lowercase(),
        Escaped(&info.description(local)),
    );
    let slots = if info.state.is_up() {
        [Some(("restart", "Restart")), Some(("stop", "Stop"))]
    } else if info.state.can_be_started() {
        [Some(("start", "Start")), None]
    } else {
        [None, None]
    };
    for slot in slots.into_iter().chain([Some(("clearlog", "Clear Log"))]) {
        let _ = match slot {
            Some((action, label)) => writeln!(
                page,
                "<li><a href=\"index.html?processname={quoted}&amp;action={action}{keep}\" name=\"{label}\" \
                 aria-label=\"{label} {escaped}\">{label}</a></li>"
            ),
            None => writeln!(
                page,
                "<li class=\"hidden\"><a class=\"hidden\" href=\"#\" name=\"#\">Action</a></li>"
            ),
        };
    }
    for (channel, label) in [("", "Tail -f Stdout"), ("/stderr", "Tail -f Stderr")] {
        let _ = writeln!(
            page,
            "<li><a href=\"logtail/{quoted}{channel}\" name=\"{label}\" target=\"_blank\" rel=\"noopener\" \
             aria-label=\"{label} {escaped}\">{label}</a></li>"
        );
    }
    let _ = write!(page, "</ul>\n</td>\n</tr>\n");
}

fn members(collection: &CollectionInfo) -> BTreeSet<&str> {
    collection.processes.iter().map(String::as_str).collect()
}

fn spec(info: &ProcessInfo) -> String {
    Namespec::display(&info.group, &info.name)
}
