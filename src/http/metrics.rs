//! `/metrics`: everything that is counted, in the text format of Prometheus. What the supervisord collector of
//! Prometheus' node exporter tells has the names that it has there, so that its dashboards and alerts go on.

use std::fmt::{self, Display, Write};

use axum::body::Body;
use axum::http::{Method, Response, StatusCode};

use super::times::Spent;
use super::{Site, refuse, refuse_saying, with_type};
use crate::api::metrics::{Metrics, ProcessMetrics};
use crate::api::{Reply, Request, SUPERVISOR_VERSION};

const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Room for the series of one process.
const BYTES_PER_PROCESS: usize = 1_200;

/// The whole document; 404 unless the server's section says that there is one.
pub(super) async fn answer(site: &Site, method: &Method) -> Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        return refuse(StatusCode::BAD_REQUEST);
    }
    if !site.web.metrics {
        return refuse(StatusCode::NOT_FOUND);
    }
    match site.rpc.handle().call(Request::Metrics).await {
        Ok(Reply::Metrics(metrics)) => {
            let document = document(&metrics, &site.rpc.times().list());
            match site.rpc.budget().body(document) {
                Some(body) => with_type(StatusCode::OK, FORMAT, body),
                None => refuse(StatusCode::SERVICE_UNAVAILABLE),
            }
        }
        Err(_) => refuse_saying(StatusCode::SERVICE_UNAVAILABLE, "supervisord is shutting down"),
        // The supervisor answers each request with its own kind of reply; should it not, this request fails.
        Ok(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// A document under way. Writing to a string cannot fail, so what `write!` returns is passed over.
struct Document(String);

impl Document {
    /// What the series that follow are about.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn series(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{}\"", if number == 0 { '{' } else { ',' }, Escaped(text));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// A family with one series for each process that has a value.
    fn processes<V: Display>(
        &mut self,
        metrics: &Metrics,
        (name, kind, help): (&str, &str, &str),
        value: impl Fn(&ProcessMetrics) -> Option<V>,
    ) {
        self.family(name, kind, help);
        for process in &metrics.processes {
            if let Some(value) = value(process) {
                self.series(name, &labels(process), value);
            }
        }
    }
}

/// What names a process, as in the node exporter.
fn labels(process: &ProcessMetrics) -> [(&'static str, &str); 2] {
    [("group", process.info.group.as_str()), ("name", process.info.name.as_str())]
}

fn document(metrics: &Metrics, calls: &[(String, Spent)]) -> String {
    let mut document = Document(String::with_capacity(4_096 + metrics.processes.len() * BYTES_PER_PROCESS));
    let name = "supervisord_info";
    document.family(name, "gauge", "1, with what this daemon is.");
    let version = env!("CARGO_PKG_VERSION");
    let about = [
        ("identifier", metrics.identifier.as_str()),
        ("supervisor", SUPERVISOR_VERSION),
        ("version", version),
    ];
    document.series(name, &about, 1);
    states(&mut document, metrics);
    counters(&mut document, metrics);
    memberships(&mut document, metrics);
    rest(&mut document, metrics, calls);
    document.0
}

/// What the node exporter tells, and the uptime.
fn states(document: &mut Document, metrics: &Metrics) {
    let up = ("node_supervisord_up", "gauge", "1 while there is a child.");
    document.processes(metrics, up, |process| Some(u8::from(process.info.state.is_signallable())));
    let state = ("node_supervisord_state", "gauge", "The state's number: 20 is RUNNING, 200 is FATAL.");
    document.processes(metrics, state, |process| Some(process.info.state.number()));
    let exit = ("node_supervisord_exit_status", "gauge", "How the last child ended; -1 for a signal.");
    document.processes(metrics, exit, |process| Some(process.info.exitstatus));
    let start =
        ("node_supervisord_start_time_seconds", "gauge", "When the child was started, in Unix seconds.");
    document.processes(metrics, start, |process| {
        process.info.state.is_signallable().then_some(process.info.start)
    });
    let uptime = ("supervisord_process_uptime_seconds", "gauge", "How long the child has been there.");
    document.processes(metrics, uptime, |process| {
        let info = &process.info;
        info.state.is_signallable().then(|| (info.now - info.start).max(0))
    });
}

fn counters(document: &mut Document, metrics: &Metrics) {
    let starts = ("supervisord_process_starts_total", "counter", "Starts, whoever asked for them.");
    document.processes(metrics, starts, |process| Some(process.starts));
    let restarts = (
        "supervisord_process_restarts_total",
        "counter",
        "Starts by themselves, after an end or a failed start.",
    );
    document.processes(metrics, restarts, |process| Some(process.restarts));
    let name = "supervisord_process_exits_total";
    document.family(name, "counter", "Ends of children, by exit code or signal.");
    for process in &metrics.processes {
        for (code, count) in &process.exits {
            let [group, process] = labels(process);
            document.series(name, &[group, process, ("code", code)], count);
        }
    }
    let name = "supervisord_process_log_bytes_total";
    document.family(name, "counter", "Bytes of output for the log, with those that it could not take.");
    for process in &metrics.processes {
        let [group, label] = labels(process);
        document.series(name, &[group, label, ("channel", "stdout")], process.written.stdout);
        document.series(name, &[group, label, ("channel", "stderr")], process.written.stderr);
    }
    let cpu = ("supervisord_process_cpu_seconds_total", "counter", "Time of the child on processors.");
    document.processes(metrics, cpu, |process| Some(process.usage?.cpu.as_secs_f64()));
    let memory = ("supervisord_process_resident_memory_bytes", "gauge", "Memory that the child holds.");
    document.processes(metrics, memory, |process| Some(process.usage?.resident));
}

/// One series for each membership, to be joined with the others by group and name.
fn memberships(document: &mut Document, metrics: &Metrics) {
    let name = "supervisord_collection_member";
    document.family(name, "gauge", "1 for each process in each collection.");
    for (collection, members) in &metrics.collections {
        for process in members.iter().filter_map(|place| metrics.processes.get(*place)) {
            let [group, process] = labels(process);
            document.series(name, &[("collection", collection.as_str()), group, process], 1);
        }
    }
}

fn rest(document: &mut Document, metrics: &Metrics, calls: &[(String, Spent)]) {
    let name = "supervisord_events_total";
    document.family(name, "counter", "Events, by type, whether or not anybody listens.");
    for (kind, count) in &metrics.events {
        document.series(name, &[("type", kind)], count);
    }
    let name = "supervisord_rpc_duration_seconds";
    document.family(name, "summary", "Calls by method, and how long their answers took; waiting counts.");
    for (method, spent) in calls {
        document.series(&format!("{name}_sum"), &[("method", method)], spent.time.as_secs_f64());
        document.series(&format!("{name}_count"), &[("method", method)], spent.calls);
    }
    let name = "supervisord_rpc_faults_total";
    document.family(name, "counter", "Calls by method that were answered with a fault.");
    for (method, spent) in calls {
        document.series(name, &[("method", method)], spent.faults);
    }
}

/// A label's value.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_series_without_labels_have_no_braces() {
        let mut document = Document(String::new());
        document.series("a", &[("x", "q\"b\\s\nn"), ("y", "\u{e9}{}")], 1.5);
        document.series("b", &[], 2);
        assert_eq!(document.0, "a{x=\"q\\\"b\\\\s\\nn\",y=\"\u{e9}{}\"} 1.5\nb 2\n");
    }
}
