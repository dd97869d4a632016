//! nginx in front of a daemon, in the foreground and in the world's directory.

use std::path::Path;

use super::World;

const CONF: &str = "daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
events {}
http {
    access_log off;
    client_body_temp_path {dir}/temp;
    fastcgi_temp_path {dir}/temp;
    proxy_temp_path {dir}/temp;
    scgi_temp_path {dir}/temp;
    uwsgi_temp_path {dir}/temp;
    server {
        listen 127.0.0.1:PORT;
        LOCATIONS
    }
}
";

/// Writes the configuration of an nginx that serves `locations` at a port, and gives the section of the program that
/// runs it.
pub fn program(world: &World, nginx: &Path, port: u16, locations: &str) -> String {
    world.write("nginx.conf", &CONF.replace("PORT", &port.to_string()).replace("LOCATIONS", locations));
    format!(
        "[program:nginx]\ncommand={} -p {{dir}} -c {{dir}}/nginx.conf -e {{dir}}/nginx.log\nstartsecs=0\n",
        nginx.display()
    )
}
