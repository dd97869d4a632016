//! `/healthz` and `/metrics`, at the real daemon and for those who read them.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::world::World;
use crate::world::ports::free_port;
use crate::world::procfs::until;
use crate::world::rpc::Server;
use crate::world::stock::python;
use crate::world::tools::tool;
use crate::world::web::{ask, get};

const HOST: (&str, &str) = ("Host", "localhost");

fn start(body: &str) -> (World, Server) {
    let world = World::running(body);
    let server = Server::Unix(world.socket());
    (world, server)
}

/// The probe's status and text.
fn health(server: &Server, query: &str) -> (String, String) {
    let page = get(server, &format!("/healthz{query}"));
    assert_eq!(page.header("Cache-Control"), Some("no-cache"), "{page:?}");
    (page.status, page.body)
}

fn said(status: &str, text: &str) -> (String, String) {
    (status.to_string(), text.to_string())
}

#[test]
fn the_probe_tells_whether_all_runs_that_should() {
    let (world, server) = start(
        "[program:web]\ncommand=sleep 1000\n[program:hand]\ncommand=sleep 1000\nautostart=false\n\
         [program:done]\ncommand=true\nstartsecs=0\nautorestart=false\n\
         [program:odd]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n\
         [collection:good]\nprograms=web,hand,done\n[collection:bad]\nprograms=odd\n",
    );
    world.await_state("web", "RUNNING");
    world.await_state("odd", "EXITED");
    world.await_state("done", "EXITED");
    let (status, text) = health(&server, "");
    assert_eq!(status, "503 Service Unavailable");
    assert!(text.starts_with("odd EXITED ") && text.ends_with("M\n") && text.lines().count() == 1, "{text}");
    assert_eq!(health(&server, "?collection=good"), said("200 OK", "OK\n"));
    assert_eq!(health(&server, "?collection=bad").0, "503 Service Unavailable");
    let unknown = said("404 Not Found", "no such collection: a b\n");
    assert_eq!(health(&server, "?collection=a%20b"), unknown);
    // A crash is seen at once.
    world.rpc_ok("supervisor.stopProcess", &["web".into()]);
    let stopped = health(&server, "?collection=good");
    assert!(stopped.0 == "503 Service Unavailable" && stopped.1.starts_with("web STOPPED "), "{stopped:?}");
    let head = ask(&server, "HEAD /healthz?collection=bad", &[HOST], "");
    assert_eq!((head.status.as_str(), head.body.as_str()), ("503 Service Unavailable", ""));
    assert_eq!(ask(&server, "POST /healthz", &[HOST], "").status, "400 Bad Request");
    assert_eq!(get(&server, "/healthz/x").status, "404 Not Found");
}

#[test]
fn nothing_to_run_is_well() {
    let (_world, server) = start("");
    assert_eq!(health(&server, ""), said("200 OK", "OK\n"));
}

#[test]
fn the_probe_needs_no_password_unless_the_section_says_so_and_metrics_always_do() {
    let ports = [free_port(), free_port()];
    let section = |name: &str, port: u16, more: &str| {
        format!("[inet_http_server:{name}]\nport=127.0.0.1:{port}\nusername=user\npassword=secret\n{more}")
    };
    let free = section("free", ports[0], "metrics=true\nbase_path=/sup\n");
    let closed = section("closed", ports[1], "healthz_auth=true\n");
    let (_world, _) = start(&format!("{free}{closed}"));
    let asked = |port: usize, known: bool, target: &str| {
        let credentials = known.then(|| "dXNlcjpzZWNyZXQ=".to_string());
        get(&Server::Tcp(ports[port], credentials), target).status
    };
    for target in ["/healthz", "/sup/healthz"] {
        assert_eq!(asked(0, false, target), "200 OK", "{target}");
    }
    for target in ["/healthz/", "/healthz2", "/metrics", "/", "/ok.html", "/x/healthz", "//healthz"] {
        assert_eq!(asked(0, false, target), "401 Unauthorized", "{target}");
    }
    assert_eq!(
        (asked(0, true, "/metrics").as_str(), asked(0, true, "/sup/metrics").as_str()),
        ("200 OK", "200 OK")
    );
    assert_eq!(asked(1, false, "/healthz"), "401 Unauthorized");
    assert_eq!(asked(1, true, "/healthz"), "200 OK");
    assert_eq!(asked(1, true, "/metrics"), "404 Not Found", "off unless switched on");
}

const MEASURED: &str = "\
[unix_http_server]
metrics=true
[program:web]
command=sh -c 'echo hello; exec sleep 1000'
stdout_logfile={dir}/web.log
[program:crash]
command=sh -c 'echo error >&2; sleep 0.2; exit 3'
startsecs=0
stderr_logfile={dir}/crash.log
[program:odd]
command=sleep 1000
process_name=q\"b\\n
autostart=false
[collection:tier]
programs=web,crash
[collection:also]
programs=web
";

/// Metrics, ours or another program's, read by Prometheus' own parser.
fn families(server: &Server) -> Option<Value> {
    let python = python()?;
    let page = get(server, "/metrics");
    assert_eq!(page.status, "200 OK", "{page:?}");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/metrics.py");
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(page.body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "Prometheus cannot read\n{}", page.body);
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The value of the series with these labels.
fn value(families: &Value, family: &str, sample: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let samples = families[family]["samples"].as_array().unwrap_or_else(|| panic!("no {family}: {families}"));
    let found = samples.iter().find(|found| {
        let given = found["labels"].as_object().unwrap();
        found["name"] == sample
            && given.len() == labels.len()
            && labels.iter().all(|(name, value)| given.get(*name).is_some_and(|given| given == value))
    });
    found.and_then(|found| found["value"].as_f64())
}

#[test]
fn metrics_can_be_read_by_prometheus_and_tell_what_happened() {
    let (world, server) = start(MEASURED);
    world.await_state("web", "RUNNING");
    if python().is_none() {
        return;
    }
    let web = [("group", "web"), ("name", "web")];
    let crash = [("group", "crash"), ("name", "crash")];
    let seen = until("crash has been restarted twice, and web has said something", || {
        let seen = families(&server)?;
        let count =
            |family: &str, labels: &[(&str, &str)]| value(&seen, family, &format!("{family}_total"), labels);
        let bytes = count("supervisord_process_log_bytes", &[web[0], web[1], ("channel", "stdout")])?;
        (count("supervisord_process_restarts", &crash)? >= 2.0 && bytes > 0.0).then_some(seen)
    });
    let plain = |family: &str, labels: &[(&str, &str)]| value(&seen, family, family, labels);
    let count =
        |family: &str, labels: &[(&str, &str)]| value(&seen, family, &format!("{family}_total"), labels);
    let info = world.info("web");
    let format = get(&server, "/metrics").header("Content-Type").map(str::to_string);
    assert_eq!(format.as_deref(), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(plain("node_supervisord_state", &web), Some(20.0));
    assert_eq!(plain("node_supervisord_up", &web), Some(1.0));
    assert_eq!(plain("node_supervisord_exit_status", &web), Some(0.0));
    assert_eq!(plain("node_supervisord_start_time_seconds", &web), info["start"].as_f64());
    assert!(plain("supervisord_process_uptime_seconds", &web).is_some_and(|uptime| uptime < 600.0));
    assert!(plain("supervisord_process_resident_memory_bytes", &web).is_some_and(|bytes| bytes > 10_000.0));
    assert!(count("supervisord_process_cpu_seconds", &web).is_some_and(|seconds| seconds < 60.0));
    assert_eq!(count("supervisord_process_starts", &web), Some(1.0));
    assert_eq!(count("supervisord_process_restarts", &web), Some(0.0));
    let log = |process: &[(&'static str, &'static str); 2], channel: &'static str| {
        count("supervisord_process_log_bytes", &[process[0], process[1], ("channel", channel)])
    };
    assert_eq!((log(&web, "stdout"), log(&web, "stderr")), (Some(6.0), Some(0.0)));
    let (starts, restarts) =
        (count("supervisord_process_starts", &crash), count("supervisord_process_restarts", &crash));
    assert_eq!(starts, restarts.map(|restarts| restarts + 1.0));
    let exits = count("supervisord_process_exits", &[crash[0], crash[1], ("code", "3")]).unwrap();
    assert!(exits >= 2.0 && log(&crash, "stderr").is_some_and(|bytes| bytes >= 6.0 * exits), "{exits}");
    // What has no child uses nothing, and has every other series; its name is what it is.
    let odd = [("group", "odd"), ("name", "q\"b\\n")];
    assert_eq!(
        (plain("node_supervisord_up", &odd), plain("node_supervisord_state", &odd)),
        (Some(0.0), Some(0.0))
    );
    assert_eq!(plain("node_supervisord_start_time_seconds", &odd), None);
    assert_eq!(plain("supervisord_process_resident_memory_bytes", &odd), None);
    let member = |collection: &'static str, process: [(&'static str, &'static str); 2]| {
        plain("supervisord_collection_member", &[("collection", collection), process[0], process[1]])
    };
    assert_eq!(
        (member("tier", web), member("tier", crash), member("also", web)),
        (Some(1.0), Some(1.0), Some(1.0))
    );
    assert_eq!((member("also", crash), member("tier", odd)), (None, None));
    assert!(
        count("supervisord_events", &[("type", "PROCESS_STATE_RUNNING")]).is_some_and(|events| events >= 3.0)
    );
    assert_eq!(seen["supervisord_info"]["samples"][0]["labels"]["identifier"], "supervisor");
}

#[test]
fn calls_are_counted_by_method_with_their_time_and_unknown_ones_are_not() {
    let (world, server) =
        start("[unix_http_server]\nmetrics=true\n[program:web]\ncommand=sleep 1000\nstartsecs=2\n");
    world.await_state("web", "RUNNING");
    let Some(before) = families(&server) else { return };
    let method = [("method", "supervisor.startProcess")];
    assert_eq!(
        value(&before, "supervisord_rpc_duration_seconds", "supervisord_rpc_duration_seconds_count", &method),
        None
    );
    world.rpc_ok("supervisor.stopProcess", &["web".into()]);
    world.rpc_ok("supervisor.startProcess", &["web".into()]);
    world.rpc("supervisor.startProcess", &["web".into()]).unwrap_err();
    world.rpc("supervisor.nonsense", &[]).unwrap_err();
    let inner = serde_json::json!([{"methodName": "supervisor.startProcess", "params": ["nobody"]}]);
    world.rpc_ok("system.multicall", &[inner]);
    let after = families(&server).unwrap();
    let spent = |part: &str, method: &str| {
        let name = format!("supervisord_rpc_duration_seconds_{part}");
        value(&after, "supervisord_rpc_duration_seconds", &name, &[("method", method)])
    };
    let faults = |method: &str| {
        value(&after, "supervisord_rpc_faults", "supervisord_rpc_faults_total", &[("method", method)])
    };
    assert_eq!((spent("count", method[0].1), faults(method[0].1)), (Some(3.0), Some(2.0)));
    assert!(spent("sum", method[0].1).is_some_and(|seconds| seconds >= 2.0), "it waited for startsecs");
    assert_eq!((spent("count", "system.multicall"), faults("system.multicall")), (Some(1.0), Some(0.0)));
    assert_eq!(spent("count", "supervisor.nonsense"), None);
}

#[test]
fn the_node_exporters_supervisord_collector_reads_the_daemon_and_says_the_same() {
    let (world, server) = start(MEASURED);
    world.await_state("web", "RUNNING");
    let Some(exporter) = tool("prometheus-node-exporter") else { return };
    let Some(ours) = families(&server) else { return };
    let port = free_port();
    let exporter = Command::new(exporter)
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--web.disable-exporter-metrics", "--collector.disable-defaults", "--collector.supervisord"])
        .arg(format!("--collector.supervisord.url=unix://{}", world.socket().display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _exporter = Ends(exporter);
    until("the exporter listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    let theirs = families(&Server::Tcp(port, None)).unwrap();
    assert_eq!(
        value(
            &theirs,
            "node_scrape_collector_success",
            "node_scrape_collector_success",
            &[("collector", "supervisord")]
        ),
        Some(1.0)
    );
    let web = [("group", "web"), ("name", "web")];
    for family in ["up", "state", "exit_status", "start_time_seconds"] {
        let family = format!("node_supervisord_{family}");
        // The exporter calls a point in time a counter, whose samples its reader names anew.
        let total = format!("{family}_total");
        let of =
            |families| value(families, &family, &family, &web).or(value(families, &family, &total, &web));
        let both = [&theirs, &ours].map(of);
        assert!(both[0].is_some() && both[0] == both[1], "{family}: {both:?}");
    }
    let odd = [("group", "odd"), ("name", "q\"b\\n")];
    assert_eq!(value(&theirs, "node_supervisord_up", "node_supervisord_up", &odd), Some(0.0));
}

/// A program that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
