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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Target::parse(text, "/portail").map(|target| target.as_str().to_owned())
    }

    #[test]
    fn a_path_of_the_service_is_kept_as_it_is_query_included() {
        for path in [
            "/portail",
            "/portail/",
            "/portail/applications?categorie=formation",
            "/portail/applications?retour=https%3A%2F%2Fac-lille.fr%2F",
            "/portail?retour=https://ac-lille.fr//x",
            "/portail/a.b/..c/...?x=%C3%A9&y=..",
            "/portail/loginx",
        ] {
            assert_eq!(read(path).as_deref(), Some(path));
        }
    }

    #[test]
    fn another_site_is_never_a_target() {
        for elsewhere in [
            "https://evil.example/portail/",
            "http:/portail/",
            "//evil.example/portail/",
            "///evil.example",
            "/\\evil.example/portail/",
            "\\\\evil.example",
            "/portail\\..\\evil",
            "/portail/\\evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "https:evil.example",
            "evil.example",
            "@evil.example/portail/",
            " /portail/",
            "\t//evil.example",
            "",
            "?x",
            "#x",
        ] {
            assert_eq!(read(elsewhere), None, "{elsewhere:?}");
        }
    }

    #[test]
    fn another_room_of_the_same_site_is_not_a_target() {
        for room in [
            "/",
            "/idp/personnel/logout",
            "/portailx/",
            "/portail-evil",
            "/portail.evil/",
            "/PORTAIL/",
            "/portail/../idp/personnel/logout",
            "/portail/./../idp",
            "/portail/%2e%2e/idp",
            "/portail/%2E./idp",
            "/portail/.%2e/idp",
            "/portail/..",
            "/portail//evil.example",
            "/portail//",
        ] {
            assert_eq!(read(room), None, "{room:?}");
        }
    }

    #[test]
    fn a_header_is_not_split() {
        for split in [
            "/portail/\r\nSet-Cookie: a=b",
            "/portail/\n",
            "/portail/\0",
            "/portail/ x",
            "/portail/\u{7f}",
            "/portail/é",
            "/portail/\u{2028}",
            "/portail/#fragment",
        ] {
            assert_eq!(read(split), None, "{split:?}");
        }
    }

    #[test]
    fn the_login_machinery_is_not_a_target() {
        for machinery in [
            "/portail/login",
            "/portail/login?target=/portail/login",
            "/portail/login/",
            "/portail/logout",
            "/portail/land?ticket=x",
            "/portail/saml/acs",
            "/portail/saml",
        ] {
            assert_eq!(read(machinery), None, "{machinery:?}");
        }
    }

    #[test]
    fn a_target_longer_than_an_address_is_refused() {
        let fits = format!("/portail/{}", "a".repeat(LONGEST - 9));
        assert_eq!(read(&fits), Some(fits.clone()));
        assert_eq!(read(&format!("{fits}a")), None);
    }

    #[test]
    fn what_was_read_stays_under_the_prefix_for_a_browser_too() {
        // WHATWG URL: how a browser resolves what it finds in a Location field.
        let base = url::Url::parse("https://eduline.example/portail/saml/acs").unwrap();
        for text in [
            "/portail/a?b=/../..",
            "/portail/%2f%2fevil.example",
            "/portail/%5cevil.example",
            "/portail/;//x",
            "/portail/%09/x",
            "/portail/a:b@c/",
        ] {
            if let Some(target) = read(text) {
                let seen = base.join(&target).unwrap();
                assert_eq!(seen.origin(), base.origin(), "{text}");
                assert!(seen.path().starts_with("/portail/"), "{text}");
            }
        }
    }
}
