//! What systemd is told (`sd_notify(3)`): nothing where nobody listens.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Says one thing to whoever started us, if they asked to hear it.
pub(super) fn say(what: &str) {
    let Some(to) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let to = to.to_string_lossy();
    let address = match to.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(to.as_ref()),
    };
    let said = address.and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        socket.send_to_addr(what.as_bytes(), &address)
    });
    if let Err(why) = said {
        tracing::warn!(%why, what, "NOTIFY_SOCKET cannot be told");
    }
}
