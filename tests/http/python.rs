//! The real clients: Supervisor's transport, Python's own, and the stock supervisorctl.

use std::process::Command;

use convoke::api::{Request, Target};

use crate::world::{World, python};

/// Runs a script; its arguments come as sys.argv[1:].
fn run(mut python: Command, script: &str, arguments: &[&str]) -> String {
    let output = python.arg("-c").arg(script).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

const TRANSPORT: &str = "
import sys, xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport
def proxy(url, user=None, password=None):
    return xmlrpc.client.ServerProxy('http://127.0.0.1', transport=SupervisorTransport(user, password, url))
";

#[test]
fn supervisors_own_transport_speaks_to_us_over_both_kinds_of_socket() {
    let Some(_) = python() else { return };
    let world = World::new();
    let script = format!(
        "{TRANSPORT}
for url in sys.argv[1:]:
    s = proxy(url)
    for i in range(3):
        print(s.supervisor.getState(), s.supervisor.getPID())
    try:
        s.supervisor.startProcess('cat')
    except xmlrpc.client.Fault as fault:
        print(fault.faultCode, fault.faultString)
    info = s.supervisor.getAllProcessInfo()
    print(info[0]['description'], '|', info[1]['description'], '|', ascii(info[0]['logfile']))
    print(s.system.methodSignature('supervisor.startProcess'))
"
    );
    let url = format!("http://127.0.0.1:{}", world.port);
    let once = "{'statecode': 1, 'statename': 'RUNNING'} 4711\n".repeat(3)
        + "60 ALREADY_STARTED: cat\n\
           pid 6648, uptime 0:00:53 | Nov 22 09:44 AM | '/tmp/\\ufffd[1mcat.log'\n\
           ['boolean', 'string', 'boolean']\n";
    assert_eq!(run(python().unwrap(), &script, &[&world.unix_url(), &url]), once.repeat(2));
}

#[test]
fn credentials_are_taken_from_supervisors_transport() {
    let Some(python) = python() else { return };
    let world = World::new();
    let script = format!(
        "{TRANSPORT}
for port in sys.argv[1:]:
    url = 'http://127.0.0.1:' + port
    print(proxy(url, 'u', 'p').supervisor.getPID())
    bad = proxy(url, 'u', 'wrong')
    for i in range(2):
        try:
            bad.supervisor.getPID()
        except xmlrpc.client.ProtocolError as error:
            print(error.errcode, error.errmsg)
"
    );
    let ports = [world.guarded.to_string(), world.hashed.to_string()];
    let expected = "4711\n401 Unauthorized\n401 Unauthorized\n".repeat(2);
    assert_eq!(run(python, &script, &[&ports[0], &ports[1]]), expected);
}

#[test]
fn help_has_the_tags_that_supervisors_parser_looks_for() {
    let Some(python) = python() else { return };
    let world = World::new();
    let script = "
import sys, xmlrpc.client
from supervisor.xmlrpc import gettags
s = xmlrpc.client.ServerProxy(sys.argv[1])
for name in s.system.listMethods():
    tags = gettags(s.system.methodHelp(name))
    kinds = [t[2] for t in tags if t[1] == 'return'] + [t[2] for t in tags if t[1] == 'param']
    assert kinds == s.system.methodSignature(name), (name, kinds)
    assert all(t[3] and t[4] for t in tags[1:]), (name, tags)
print(len(s.system.listMethods()))
";
    let count: usize =
        run(python, script, &[&format!("http://127.0.0.1:{}", world.port)]).trim().parse().unwrap();
    let system = 4;
    assert_eq!(count, 2 * (convoke::api::methods::METHODS.len() - system) + system);
}

/// What the stock supervisorctl prints.
fn supervisorctl(python: &mut Command, url: &str, arguments: &[&str]) -> String {
    let output = python
        .args(["-c", "import sys; from supervisor.supervisorctl import main; main(sys.argv[1:])", "-s", url])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_stock_supervisorctl_works_over_both_kinds_of_socket() {
    let Some(_) = python() else { return };
    let world = World::new();
    let ctl = |url: &str, arguments: &[&str]| supervisorctl(&mut python().unwrap(), url, arguments);
    for url in [world.unix_url(), format!("http://127.0.0.1:{}", world.port)] {
        let status = "cat                              RUNNING   pid 6648, uptime 0:00:53\n\
            idle                             STOPPED   Nov 22 09:44 AM\n";
        assert_eq!(ctl(&url, &["status"]), status);
        assert_eq!(ctl(&url, &["start", "cat"]), "cat: ERROR (already started)\n");
        assert_eq!(ctl(&url, &["start", "@web:*"]), "idle: started\n");
        assert_eq!(ctl(&url, &["stop", "idle"]), "idle: stopped\n");
        assert_eq!(ctl(&url, &["signal", "HUP", "@web:*"]), "idle: signalled\n");
        assert_eq!(ctl(&url, &["pid"]), "4711\n");
        assert_eq!(ctl(&url, &["version"]), "4.3.0\n");
        assert_eq!(ctl(&url, &["reread"]), "new: available\nold: disappeared\n");
    }
    let web = Target::Group("@web".to_string());
    assert!(world.asked().contains(&Request::Signal { target: web, signal: "HUP".to_string() }));
}
