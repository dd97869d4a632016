//! The status page as HTML. Names and texts go through [`Escaped`], all of them.

use std::fmt::Write as _;

use super::act::Said;
use super::query::encoded;
use super::row::{Row, span};
use super::snapshot::Snapshot;
use super::view::{By, Section, Sort, View};
use crate::http::web::escape::Escaped;

/// Columns of the table.
const COLUMNS: usize = 7;

/// Room for one row.
const BYTES_PER_ROW: usize = 1_300;

/// The whole page: what the view leaves of everything.
pub(super) fn status(all: &Snapshot, view: &View, said: Option<&Said>) -> String {
    let rows = view.rows(all);
    let mut page = String::with_capacity(8 * 1024 + all.rows.len() * BYTES_PER_ROW);
    let title = format!("{} · {}", all.name, counts(&all.rows.iter().collect::<Vec<_>>()));
    head(&mut page, &title, "app.js");
    banner(&mut page, all, view);
    chips(&mut page, all, view);
    page.push_str("<main id=\"main\">\n");
    message(&mut page, said);
    match rows {
        Some(rows) => {
            find(&mut page, view);
            table(&mut page, all, view, rows);
        }
        None => unknown(&mut page, view),
    }
    page.push_str("</main>\n");
    page.push_str(
        "<dialog id=\"ask\" aria-labelledby=\"asked\"><form method=\"dialog\"><p id=\"asked\"></p>\
         <button value=\"\">Cancel</button> <button value=\"yes\" class=\"sure\"></button></form></dialog>\n",
    );
    templates(&mut page);
    foot(&mut page, &back(view));
    page
}

/// The query that leads back to the collection that is looked at.
fn back(view: &View) -> String {
    view.collection.as_deref().map_or_else(String::new, |name| format!("?collection={}", encoded(name)))
}

/// What is shown instead when the daemon does not answer any more.
pub(super) fn closing(view: &View) -> String {
    let mut page = String::new();
    head(&mut page, "supervisord is shutting down", "app.js");
    let _ = writeln!(
        page,
        "<main id=\"main\"><h1>supervisord is shutting down</h1>\
         <p>Programs are being stopped. <a href=\"./{}\">Look again</a></p></main>",
        Escaped(&view.query())
    );
    foot(&mut page, &back(view));
    page
}

/// From the beginning to the body's first element.
pub(super) fn head(page: &mut String, title: &str, script: &str) {
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
         <link rel=\"icon\" href=\"icon.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"style.css\">\n<script src=\"{script}\" defer></script>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the content</a>\n",
        Escaped(title)
    );
}

/// `back` is the query of the page to go back to, or nothing.
pub(super) fn foot(page: &mut String, back: &str) {
    let _ = write!(
        page,
        "<footer>Convoke {version} · <a href=\"log{back}\" id=\"own\">supervisord's own log</a> · \
         <a href=\"../{back}\" id=\"classic\">the classic page</a></footer>\n</body>\n</html>\n",
        version = env!("CARGO_PKG_VERSION"),
        back = Escaped(back)
    );
}

/// What an action has to say; a screen reader speaks it.
pub(super) fn message(page: &mut String, said: Option<&Said>) {
    let (class, text) = match said {
        Some(Said { ok: true, text }) => ("well", text.as_str()),
        Some(Said { ok: false, text }) => ("badly", text.as_str()),
        None => ("", ""),
    };
    let _ = writeln!(page, "<p id=\"said\" role=\"status\" class=\"{class}\">{}</p>", Escaped(text));
}

fn banner(page: &mut String, all: &Snapshot, view: &View) {
    let _ = write!(
        page,
        "<header>\n<h1><a href=\"./\">{}</a></h1>\n<p id=\"live\" data-live=\"off\"><span></span> \
         <a id=\"refresh\" href=\"./{}\">Refresh</a></p>\n<ul id=\"states\" aria-label=\"Processes by state\">",
        Escaped(&all.name),
        Escaped(&view.query())
    );
    let mut known: Vec<(u8, &str, usize)> = Vec::new();
    for row in &all.rows {
        match known.iter_mut().find(|(_, state, _)| *state == row.state) {
            Some((_, _, count)) => *count += 1,
            None => known.push((row.rank, row.state, 1)),
        }
    }
    known.sort_unstable();
    for (_, state, count) in known {
        let _ = write!(
            page,
            "<li><a class=\"state\" data-s=\"{state}\" href=\"./{}\">{count} {}</a></li>",
            Escaped(&view.filtered(&state.to_lowercase()).query()),
            state.to_lowercase()
        );
    }
    page.push_str("</ul>\n</header>\n");
}

/// All, and every collection, with how much of it runs.
fn chips(page: &mut String, all: &Snapshot, view: &View) {
    page.push_str("<nav aria-label=\"Collections\"><ul id=\"chips\">");
    let everything: Vec<&Row> = all.rows.iter().collect();
    chip(page, view, None, &everything);
    let by_id = super::view::by_id(all);
    for collection in &all.collections {
        let rows: Vec<&Row> =
            collection.members.iter().filter_map(|id| by_id.get(id.as_str()).copied()).collect();
        chip(page, view, Some(&collection.name), &rows);
    }
    page.push_str("</ul></nav>\n");
}

fn chip(page: &mut String, view: &View, name: Option<&str>, rows: &[&Row]) {
    let current = if view.collection.as_deref() == name { " aria-current=\"page\"" } else { "" };
    let _ = write!(
        page,
        "<li><a href=\"./{}\"{current}>{} <span>{}</span></a></li>",
        Escaped(&view.of_collection(name).query()),
        Escaped(name.unwrap_or("All")),
        counts(rows)
    );
}

fn counts(rows: &[&Row]) -> String {
    let running = rows.iter().filter(|row| row.state == "RUNNING").count();
    format!("{running}/{} running", rows.len())
}

/// Filter and grouping; without a script it is an ordinary form.
fn find(page: &mut String, view: &View) {
    page.push_str("<form id=\"find\" role=\"search\" action=\"./\">\n");
    if let Some(collection) = &view.collection {
        let _ = write!(page, "<input type=\"hidden\" name=\"collection\" value=\"{}\">", Escaped(collection));
    }
    if view.sort != Sort::Name {
        let _ = write!(page, "<input type=\"hidden\" name=\"sort\" value=\"{}\">", view.sort.word());
    }
    if view.descending {
        page.push_str("<input type=\"hidden\" name=\"desc\" value=\"1\">");
    }
    let _ = write!(
        page,
        "<label>Filter <input type=\"search\" name=\"q\" id=\"q\" value=\"{}\" placeholder=\"name, state, pid…\" \
         autocomplete=\"off\" aria-keyshortcuts=\"/\"></label>\n<label>Group by <select name=\"by\" id=\"by\">",
        Escaped(&view.filter)
    );
    for by in By::ALL {
        let selected = if by == view.by { " selected" } else { "" };
        let word = if by == By::Nothing { "nothing" } else { by.word() };
        let _ = write!(page, "<option value=\"{}\"{selected}>{word}</option>", by.word());
    }
    page.push_str("</select></label>\n<button id=\"apply\">Apply</button>\n</form>\n");
}

fn unknown(page: &mut String, view: &View) {
    let _ = writeln!(
        page,
        "<p class=\"none\">There is no collection called <b>{}</b>. <a href=\"./\">Show all processes</a></p>",
        Escaped(view.collection.as_deref().unwrap_or_default())
    );
}

fn table(page: &mut String, all: &Snapshot, view: &View, rows: Vec<&Row>) {
    let _ = write!(
        page,
        "<form id=\"acts\" method=\"post\" action=\"act{}\">\n<div id=\"whole\"><p id=\"shown\">{}</p>\
         <button name=\"do\" value=\"start\">Start all</button> \
         <button name=\"do\" value=\"stop\">Stop all</button> \
         <button name=\"do\" value=\"restart\">Restart all</button></div>\n<table id=\"table\" role=\"table\" aria-label=\"Processes\">\n\
         <thead role=\"rowgroup\"><tr role=\"row\">",
        Escaped(&view.query()),
        Escaped(&shown(view, rows.len()))
    );
    for sort in Sort::ALL {
        let order = match (sort == view.sort, view.descending) {
            (true, false) => " aria-sort=\"ascending\"",
            (true, true) => " aria-sort=\"descending\"",
            (false, _) => "",
        };
        let _ = write!(
            page,
            "<th role=\"columnheader\" scope=\"col\"{order}><a href=\"./{}\" data-sort=\"{}\">{}</a></th>",
            Escaped(&view.sorted(sort).query()),
            sort.word(),
            match sort {
                Sort::Name => "Name",
                Sort::State => "State",
                Sort::Uptime => "Uptime",
                Sort::Pid => "PID",
                Sort::Exit => "Last exit",
            }
        );
    }
    page.push_str("<th role=\"columnheader\" scope=\"col\">Description</th><th role=\"columnheader\" scope=\"col\">Actions</th></tr></thead>\n");
    let none = rows.is_empty();
    for section in view.sections(all, rows) {
        write_section(page, view, &section, all.now);
    }
    let hidden = if none { "" } else { " hidden" };
    let _ =
        write!(page, "</table>\n<p id=\"none\" class=\"none\"{hidden}>No process to show.</p>\n</form>\n");
}

/// What the buttons for the whole view are about.
fn shown(view: &View, count: usize) -> String {
    let many = if count == 1 { "1 process".to_string() } else { format!("{count} processes") };
    match (&view.collection, view.filter.is_empty()) {
        (None, true) => many,
        (None, false) => format!("{many} found"),
        (Some(name), true) => format!("{many} in {name}"),
        (Some(name), false) => format!("{many} found in {name}"),
    }
}

fn write_section(page: &mut String, view: &View, section: &Section<'_>, now: i64) {
    let Section { title, rows } = section;
    let _ =
        writeln!(page, "<tbody role=\"rowgroup\" data-section=\"{}\">", Escaped(title.unwrap_or_default()));
    if view.by != By::Nothing {
        section_head(page, view.by, *title, &counts(rows), view.is_part());
    }
    for row in rows {
        write_row(page, row, now, view.collection.as_deref());
    }
    page.push_str("</tbody>\n");
}

/// Its buttons are for the whole group or collection, so they are not shown where only a part of it is.
fn section_head(page: &mut String, by: By, title: Option<&str>, counts: &str, is_part: bool) {
    let _ = write!(
        page,
        "<tr role=\"row\" class=\"section\"><th role=\"rowheader\" colspan=\"{COLUMNS}\" scope=\"rowgroup\"><b>{}</b> <span>{counts}</span>",
        Escaped(title.unwrap_or(rest(by)))
    );
    let target = match (by, title) {
        (By::Group, Some(group)) => format!(":{group}:*"),
        (By::Collection, Some(collection)) => format!("@{collection}"),
        (By::Nothing, _) | (_, None) => String::new(),
    };
    if !target.is_empty() {
        let name = title.unwrap_or_default();
        let hidden = if is_part { " hidden" } else { "" };
        for (verb, label) in [("start", "Start"), ("stop", "Stop"), ("restart", "Restart")] {
            let _ = write!(
                page,
                " <button name=\"do\" value=\"{verb}{}\" aria-label=\"{label} all of {}\"{hidden}>{label}</button>",
                Escaped(&target),
                Escaped(name)
            );
        }
    }
    page.push_str("</th></tr>\n");
}

/// What those are called that belong nowhere.
fn rest(by: By) -> &'static str {
    match by {
        By::Nothing => "",
        By::Group => "On their own",
        By::Collection => "In no collection",
    }
}

fn write_row(page: &mut String, row: &Row, now: i64, collection: Option<&str>) {
    let (id, address) = (Escaped(&row.id), encoded(&row.id));
    let kept = collection.map_or_else(String::new, |name| format!("&amp;collection={}", encoded(name)));
    let pid = if row.pid == 0 { String::new() } else { row.pid.to_string() };
    let uptime = if row.start == 0 { String::new() } else { span(now - row.start) };
    let exit =
        if row.stop == 0 { String::new() } else { format!("{}, {} ago", row.exit, span(now - row.stop)) };
    let able = |able: bool| if able { "" } else { " aria-disabled=\"true\"" };
    let shown = |shown: bool| if shown { "" } else { " hidden" };
    let _ = writeln!(
        page,
        "<tr role=\"row\" data-id=\"{id}\" data-s=\"{state}\"><th role=\"rowheader\" scope=\"row\"><a href=\"log?name={address}{kept}\">{id}</a></th>\
         <td role=\"cell\" class=\"st\"><span class=\"state\">{state}</span></td><td role=\"cell\" class=\"up\">{uptime}</td>\
         <td role=\"cell\" class=\"pid\">{pid}</td><td role=\"cell\" class=\"exit\">{exit}</td><td role=\"cell\" class=\"what\">{what}</td><td role=\"cell\" class=\"do\">\
         <button name=\"do\" value=\"start:{id}\" aria-label=\"Start {id}\"{can_start}>Start</button>\
         <button name=\"do\" value=\"stop:{id}\" aria-label=\"Stop {id}\"{can_stop}>Stop</button>\
         <button name=\"do\" value=\"restart:{id}\" aria-label=\"Restart {id}\"{can_restart}>Restart</button>\
         <button name=\"do\" value=\"clear:{id}\" aria-label=\"Clear log of {id}\">Clear log</button>\
         <a href=\"log?name={address}{kept}\" aria-label=\"stdout of {id}\"{out}>stdout</a>\
         <a href=\"log?name={address}&amp;channel=stderr{kept}\" aria-label=\"stderr of {id}\"{err}>stderr</a>\
         </td></tr>",
        state = row.state,
        what = Escaped(&row.what),
        can_start = able(row.can_start),
        can_stop = able(row.can_stop),
        can_restart = able(row.can_start || row.can_stop),
        out = shown(row.out),
        err = shown(row.err),
    );
}

/// A row and a section's head that the script copies, so that they are described in one place.
fn templates(page: &mut String) {
    let row = Row {
        id: String::new(),
        group: String::new(),
        state: "UNKNOWN",
        rank: 0,
        pid: 0,
        start: 0,
        stop: 0,
        exit: String::new(),
        what: String::new(),
        out: true,
        err: true,
        can_start: true,
        can_stop: true,
    };
    page.push_str("<template id=\"row\">");
    write_row(page, &row, 0, None);
    page.push_str("</template>\n<template id=\"section\">");
    section_head(page, By::Collection, Some(""), "", false);
    page.push_str("</template>\n");
}
