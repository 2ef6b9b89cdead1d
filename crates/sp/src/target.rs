//! Where a visitor wanted to go: a path of the service itself, whoever wrote it.

/// A same-site path (and query) under a service's prefix. The only thing this room ever redirects
/// a signed-in browser to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Target(String);

/// Longest target kept, in bytes: what every browser and proxy carries in an address.
const LONGEST: usize = 2048;

impl Target {
    /// Reads a target for the service at `prefix`. `None` for anything that could lead a browser
    /// elsewhere, or into the login machinery itself (a loop).
    pub fn parse(text: &str, prefix: &str) -> Option<Self> {
        // Graphic ASCII only: no control, no white space; a browser reads `\` as `/`.
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'#');
        let path = text.split('?').next().unwrap_or_default();
        let below = path.strip_prefix(prefix)?;
        let inside = below.is_empty() || below.starts_with('/');
        let straight = !path.contains("//") && !path.split('/').any(is_dot_segment);
        (text.len() <= LONGEST && plain && inside && straight && !is_machinery(below))
            .then(|| Self(text.to_owned()))
    }

    /// The home of a service, as its builder wrote it.
    pub(crate) fn home(path: &'static str) -> Self {
        Self(path.to_owned())
    }

    /// The path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A segment that a browser removes, and the one before it with it (WHATWG URL, "double-dot path
/// segment": percent-encoded dots count).
fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

/// The routes of this room: landing on one of them would start over, or sign out.
fn is_machinery(below: &str) -> bool {
    let below = below.trim_end_matches('/');
    matches!(below, "/login" | "/land" | "/logout" | "/saml") || below.starts_with("/saml/")
}
