//! Clients in other languages, unmodified, over TCP with a password: each says the same.

use std::process::Command;

use crate::world::World;
use crate::world::ports::free_port;
use crate::world::stock::python;
use crate::world::tools::{node, tool_with};

/// What each prints, one line a call.
const SAID: &str = "\
RUNNING
größe web
10 BAD_NAME: käse
1
1
\u{fffd}[1mhöhe
";

/// A daemon with a program whose name and output are not ASCII; the output has what XML cannot hold.
fn world() -> (World, u16) {
    let port = free_port();
    let world = World::ours();
    world.script("say", "printf '\\033[1mhöhe'\nexec sleep 1000");
    world.configure(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\nusername=user\npassword=secret\n\
         [program:web]\ncommand={{dir}}/say\nstartsecs=0\nstdout_logfile={{dir}}/web.log\n\
         [program:größe]\ncommand=sleep 1000\nstartsecs=0\n"
    ));
    let mut world = world;
    world.boot();
    world.await_state("web", "RUNNING");
    crate::world::procfs::until("web has spoken", || world.read("web.log").ends_with("höhe").then_some(()));
    (world, port)
}

/// Runs a client's script, which gets the port as its last argument.
fn says(client: &mut Command, arguments: &[&str]) {
    let (_world, port) = world();
    let output = client.args(arguments).arg(port.to_string()).env("LC_ALL", "C.UTF-8").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), SAID, "{errors}");
}

#[test]
fn python_speaks_to_us() {
    let Some(python) = python() else { return };
    let script = "
import sys, xmlrpc.client
server = xmlrpc.client.ServerProxy('http://user:secret@127.0.0.1:%s/RPC2' % sys.argv[1])
s = server.supervisor
print(s.getState()['statename'])
print(*[p['name'] for p in s.getAllProcessInfo()])
try:
    s.getProcessInfo('käse')
except xmlrpc.client.Fault as fault:
    print(fault.faultCode, fault.faultString)
print(int(s.stopProcess('größe', True)))
print(int(s.startProcess('größe', True)))
print(s.readProcessStdoutLog('web', 0, 0))
";
    says(&mut Command::new(python), &["-c", script]);
}

#[test]
fn perls_rpc_xml_speaks_to_us() {
    let Some(mut perl) = tool_with("perl", &["-MRPC::XML::Client", "-e", "1"]) else { return };
    let script = r#"
use strict; use utf8; use open qw(:std :utf8);
use RPC::XML; use RPC::XML::Client; use Encode;
$RPC::XML::ENCODING = 'utf-8';
my $client = RPC::XML::Client->new("http://127.0.0.1:$ARGV[0]/RPC2");
$client->request->authorization_basic('user', 'secret');
sub call { my $r = $client->send_request(@_); die $r unless ref $r; $r }
sub text { my $t = shift; utf8::is_utf8($t) ? $t : Encode::decode_utf8($t) }
print call('supervisor.getState')->value->{statename}, "\n";
print join(' ', map { text($_->{name}) } @{call('supervisor.getAllProcessInfo')->value}), "\n";
my $fault = call('supervisor.getProcessInfo', 'käse');
print $fault->code, ' ', text($fault->string), "\n";
print call('supervisor.stopProcess', 'größe', RPC::XML::boolean->new(1))->value, "\n";
print call('supervisor.startProcess', 'größe', RPC::XML::boolean->new(1))->value, "\n";
print text(call('supervisor.readProcessStdoutLog', 'web', RPC::XML::int->new(0), RPC::XML::i4->new(0))->value), "\n";
"#;
    says(&mut perl, &["-e", script]);
}

#[test]
fn perls_xmlrpc_lite_speaks_to_us() {
    let Some(mut perl) = tool_with("perl", &["-MXMLRPC::Lite", "-e", "1"]) else { return };
    // It sends text that is not ASCII as base64.
    let script = r#"
use strict; use utf8; use open qw(:std :utf8);
use XMLRPC::Lite; use Encode;
my $client = XMLRPC::Lite->proxy("http://user:secret\@127.0.0.1:$ARGV[0]/RPC2");
sub text { my $t = shift; utf8::is_utf8($t) ? $t : Encode::decode_utf8($t) }
sub call { $client->call(map { ref $_ ? $_ : Encode::encode_utf8($_) } @_) }
print call('supervisor.getState')->result->{statename}, "\n";
print join(' ', map { text($_->{name}) } @{call('supervisor.getAllProcessInfo')->result}), "\n";
my $fault = call('supervisor.getProcessInfo', 'käse');
print $fault->faultcode, ' ', text($fault->faultstring), "\n";
print call('supervisor.stopProcess', 'größe')->result, "\n";
print call('supervisor.startProcess', 'größe')->result, "\n";
print text(call('supervisor.readProcessStdoutLog', 'web', SOAP::Data->type(int => 0), SOAP::Data->type(int => 0))->result), "\n";
"#;
    says(&mut perl, &["-e", script]);
}

#[test]
fn ruby_speaks_to_us() {
    let Some(mut ruby) = tool_with("ruby", &["-e", "require 'xmlrpc/client'"]) else { return };
    let script = r##"
require 'xmlrpc/client'
client = XMLRPC::Client.new_from_uri("http://user:secret@127.0.0.1:#{ARGV[0]}/RPC2")
client.http_header_extra = {'accept-encoding' => 'identity'}
s = client.proxy('supervisor')
puts s.getState['statename']
puts s.getAllProcessInfo.map { |p| p['name'] }.join(' ')
begin
  s.getProcessInfo('käse')
rescue XMLRPC::FaultException => fault
  puts "#{fault.faultCode} #{fault.faultString}"
end
puts s.stopProcess('größe', true) ? 1 : 0
puts s.startProcess('größe', true) ? 1 : 0
puts s.readProcessStdoutLog('web', 0, 0)
"##;
    says(&mut ruby, &["-W0", "-E", "UTF-8:UTF-8", "-e", script]);
}

#[test]
fn node_speaks_to_us() {
    let Some(mut node) = node("xmlrpc") else { return };
    let script = r#"
const xmlrpc = require('xmlrpc');
const client = xmlrpc.createClient({host: '127.0.0.1', port: process.argv[1], path: '/RPC2',
    basic_auth: {user: 'user', pass: 'secret'}});
const call = (method, ...params) => new Promise((done, fail) =>
    client.methodCall('supervisor.' + method, params, (error, value) => error ? fail(error) : done(value)));
(async () => {
    console.log((await call('getState')).statename);
    console.log((await call('getAllProcessInfo')).map(p => p.name).join(' '));
    await call('getProcessInfo', 'käse').catch(fault => console.log(fault.faultCode, fault.faultString));
    console.log(Number(await call('stopProcess', 'größe', true)));
    console.log(Number(await call('startProcess', 'größe', true)));
    console.log(await call('readProcessStdoutLog', 'web', 0, 0));
})();
"#;
    says(&mut node, &["-e", script]);
}

#[test]
fn php_speaks_to_us() {
    let Some(mut php) = tool_with("php", &["-r", "exit(function_exists('xmlrpc_encode_request') ? 0 : 1);"])
    else {
        return;
    };
    let script = r#"
error_reporting(E_ALL & ~E_DEPRECATED);
function call($method, ...$params) {
    global $argv;
    $options = ['encoding' => 'UTF-8', 'escaping' => 'markup'];
    $context = stream_context_create(['http' => ['method' => 'POST',
        'header' => "Content-Type: text/xml\r\nAuthorization: Basic " . base64_encode('user:secret'),
        'content' => xmlrpc_encode_request("supervisor.$method", $params, $options)]]);
    return xmlrpc_decode(file_get_contents("http://127.0.0.1:{$argv[1]}/RPC2", false, $context), 'UTF-8');
}
echo call('getState')['statename'], "\n";
echo implode(' ', array_column(call('getAllProcessInfo'), 'name')), "\n";
$fault = call('getProcessInfo', 'käse');
echo $fault['faultCode'], ' ', $fault['faultString'], "\n";
echo (int) call('stopProcess', 'größe', true), "\n";
echo (int) call('startProcess', 'größe', true), "\n";
echo call('readProcessStdoutLog', 'web', 0, 0), "\n";
"#;
    says(&mut php, &["-r", script, "--"]);
}

/// Ansible's supervisorctl module: it splits each line of `status` at blanks, takes the first two pieces for name and
/// state, and compares the state and what start and stop say.
#[test]
fn ansible_finds_what_it_looks_for() {
    let Some(_) = python() else { return };
    let (world, _) = world();
    let of_status = |name: &str| -> Option<String> {
        let answer = world.ctl("status");
        let lines = answer.stdout.lines();
        let mut fields =
            lines.map(|line| line.split(' ').filter(|field| !field.is_empty()).collect::<Vec<_>>());
        fields.find(|fields| fields[0] == name).map(|fields| fields[1].to_string())
    };
    assert_eq!(of_status("web").as_deref(), Some("RUNNING"));
    assert_eq!(of_status("nobody"), None);
    let does = |words: &str, expected: &str| {
        let said = world.ctl_ok(words);
        assert!(said.contains(&format!("web: {expected}")), "{words}: {said}");
    };
    does("stop web", "stopped");
    assert_eq!(of_status("web").as_deref(), Some("STOPPED"));
    does("start web", "started");
    does("signal CONT web", "signalled");
    does("restart web", "started");
    assert_eq!(world.ctl_ok("reread"), "No config updates to processes\n");
    assert_eq!(world.ctl_ok("update"), "");
    does("stop web", "stopped");
    assert_eq!(world.ctl_ok("remove web"), "web: removed process group\n");
    assert_eq!(world.ctl_ok("add web"), "web: added process group\n");
}
