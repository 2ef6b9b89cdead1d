//! nginx, with what stands in its http context, on loopback, in one process: one with workers would leave them behind when it is ended at once.

use std::path::Path;
use std::process::Command;

use crate::process::Running;

/// Starts it with `http` in its http context and waits until `port` answers. It writes to `folder` only.
pub fn start(folder: &Path, port: u16, http: &str) -> Running {
    std::fs::create_dir_all(folder).expect("folder");
    let at = folder.display();
    let whole = format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/errors warn;\n\
         events {{ worker_connections 512; }}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {at}/body;\nproxy_temp_path {at}/proxy;\n\
         fastcgi_temp_path {at}/fastcgi;\nuwsgi_temp_path {at}/uwsgi;\nscgi_temp_path {at}/scgi;\n\
         {http}\n}}\n"
    );
    let conf = folder.join("nginx.conf");
    std::fs::write(&conf, whole).expect("the configuration");
    let mut nginx = Command::new("nginx");
    let mut running = Running::start(nginx.arg("-c").arg(&conf).arg("-p").arg(folder));
    running.wait_for_port(port);
    running
}
