//! axe-core, as PyPI's `axe-playwright-python` ships it.

use std::path::PathBuf;

/// The script's text. `AXE_SCRIPT` names the file; `make test` sets it.
pub fn script() -> String {
    let path = std::env::var_os("AXE_SCRIPT").map_or_else(
        || crate::house::root().join("var/test-tools/axe.min.js"),
        PathBuf::from,
    );
    std::fs::read_to_string(&path)
        .unwrap_or_else(|why| panic!("{}: {why} (`make test` installs it)", path.display()))
}
