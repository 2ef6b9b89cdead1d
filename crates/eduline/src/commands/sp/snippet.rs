//! `eduline sp snippet`: what a service of one make is configured with, with the values of this deployment.
//!
//! What is written stands in `snippets/<make>.txt`: lines that say what the make is called by, then files,
//! each after a line `=== path`; after `=== $` come commands. `{{name}}` stands for a value, and a line that
//! names an `{{attribute.…}}` is written once for each.

use idp::policy::Policy;
use idp::release::{self, Asking, Chosen};
use saml::EntityId;
use saml::attribute::{self, Wire};
use serde_json::json;
use web::Edge;

use crate::cli::SnippetOf;
use crate::commands::Refusal;
use crate::house::{self, decided::Decided};
use crate::keyring::{self, KeyRing};
use crate::say::Voice;
use crate::settings::Settings;

/// Every make, and what is written for it.
pub(crate) const MAKES: [(&str, &str); 13] = [
    (
        "shibboleth",
        include_str!("../../../snippets/shibboleth.txt"),
    ),
    (
        "mod_auth_mellon",
        include_str!("../../../snippets/mellon.txt"),
    ),
    (
        "simplesamlphp",
        include_str!("../../../snippets/simplesamlphp.txt"),
    ),
    (
        "moodle-auth-saml2",
        include_str!("../../../snippets/moodle-auth-saml2.txt"),
    ),
    (
        "moodle-auth-shibboleth",
        include_str!("../../../snippets/moodle-auth-shibboleth.txt"),
    ),
    ("sogo", include_str!("../../../snippets/sogo.txt")),
    ("nextcloud", include_str!("../../../snippets/nextcloud.txt")),
    ("gitlab", include_str!("../../../snippets/gitlab.txt")),
    ("spring", include_str!("../../../snippets/spring.txt")),
    ("keycloak", include_str!("../../../snippets/keycloak.txt")),
    ("pysaml2", include_str!("../../../snippets/pysaml2.txt")),
    (
        "python3-saml",
        include_str!("../../../snippets/python3-saml.txt"),
    ),
    ("rust", include_str!("../../../snippets/rust.txt")),
];

/// What stands for `{{example}}`: compiled and signed on with by the tests.
const EXAMPLE: &str = include_str!("../../../../sp/examples/relying_party.rs");
/// Where a service stands that is not there yet (RFC 2606).
const SOMEWHERE: &str = "https://service.example";
/// The path that stands for what is typed rather than written into a file.
const COMMANDS: &str = "$";

/// Runs the subcommand.
pub(super) fn run(settings: &Settings, asked: &SnippetOf) -> Result<(), Refusal> {
    let made = MAKES.iter().find(|(name, _)| *name == asked.make);
    let (name, text) =
        made.ok_or_else(|| Refusal::of(format!("no make is called {}", asked.make)))?;
    let snippet =
        Snippet::parse(text).ok_or_else(|| Refusal::of(format!("{name}: not complete")))?;
    let service = Service::of(settings, asked, &snippet)?;
    let values = Values::of(settings, asked, &service)?;
    let filled = values.fill_all(&snippet, &service).map_err(Refusal::of)?;
    let lines: Vec<String> = filled.iter().flat_map(Section::lines).collect();
    let (commands, files): (Vec<&Section>, Vec<&Section>) =
        filled.iter().partition(|section| section.path == COMMANDS);
    let files = files
        .iter()
        .map(|file| json!({"path": file.path, "content": file.content}));
    let commands = commands.iter().flat_map(|section| section.content.lines());
    let attributes = service.attributes.iter().map(|wire| wire.short);
    let whole = json!({
        "make": name,
        "entityID": service.id,
        "metadata": service.metadata,
        "attributes": attributes.collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "commands": commands.collect::<Vec<_>>(),
    });
    Voice::of(asked.print.json).tell(&lines, &whole);
    Ok(())
}

/// What is written for one make.
struct Snippet<'a> {
    /// What a service of this make calls itself.
    entity: &'a str,
    /// Where it publishes its metadata.
    metadata: &'a str,
    /// The attributes it usually needs.
    wants: Vec<&'a str>,
    sections: Vec<Section>,
}

/// A file, or what is typed.
struct Section {
    path: String,
    content: String,
}

impl<'a> Snippet<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split("\n=== ");
        let head = parts.next()?;
        let said = |name: &str| {
            let mut lines = head.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        };
        let sections = parts.map(|part| {
            let (path, content) = part.split_once('\n')?;
            Some(Section {
                path: path.to_owned(),
                content: format!("{}\n", content.trim_end()),
            })
        });
        Some(Self {
            entity: said("entity")?,
            metadata: said("metadata")?,
            wants: said("wants")?.split(' ').collect(),
            sections: sections.collect::<Option<_>>()?,
        })
    }
}

impl Section {
    /// For a person.
    fn lines(&self) -> Vec<String> {
        let head = if self.path == COMMANDS {
            "# ---- in a shell:".to_owned()
        } else {
            format!("# ---- {}", self.path)
        };
        let content = self.content.lines().map(str::to_owned);
        std::iter::once(head).chain(content).collect()
    }
}

/// The service that is to be configured.
struct Service {
    at: String,
    id: String,
    metadata: String,
    /// What it receives, whoever signs on.
    attributes: Vec<Wire>,
    policy: Policy,
    is_known: bool,
}

impl Service {
    fn of(settings: &Settings, asked: &SnippetOf, snippet: &Snippet<'_>) -> Result<Self, Refusal> {
        let known = asked
            .id
            .as_deref()
            .map(|id| known(settings, id))
            .transpose()?;
        let stands = known.as_ref().and_then(|known| known.at.as_deref());
        let at = asked.at.as_deref().or(stands).unwrap_or(SOMEWHERE);
        let at = at.trim_end_matches('/').to_owned();
        if !at.starts_with("https://") && !at.starts_with("http://") {
            return Err(Refusal::of(format!(
                "{at}: an address starts with https://"
            )));
        }
        let fill = |text: &str| text.replace("{{service}}", &at);
        let service = match (known, &asked.id) {
            (Some(known), Some(id)) => Self {
                id: id.clone(),
                metadata: fill(snippet.metadata),
                attributes: known.attributes,
                policy: known.policy,
                is_known: true,
                at,
            },
            _ => Self {
                id: fill(snippet.entity),
                metadata: fill(snippet.metadata),
                attributes: wanted(asked, snippet)?,
                policy: Policy::default(),
                is_known: false,
                at,
            },
        };
        for text in [&service.at, &service.id] {
            writable(text)?;
        }
        Ok(service)
    }
}

/// A name that others chose goes into configurations only where no make reads anything into it.
fn writable(text: &str) -> Result<(), Refusal> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || ":/.-_~?=@%+,".contains(c);
    if text.chars().all(harmless) {
        Ok(())
    } else {
        let text = text.escape_debug();
        Err(Refusal::of(format!(
            "{text}: not a name that can be written into a configuration"
        )))
    }
}

/// What is to be received by a service that nobody knows yet.
fn wanted(asked: &SnippetOf, snippet: &Snippet<'_>) -> Result<Vec<Wire>, Refusal> {
    let named: Vec<&str> = if asked.attributes.is_empty() {
        snippet.wants.clone()
    } else {
        asked.attributes.iter().map(String::as_str).collect()
    };
    let find = |name: &&str| {
        attribute::find(name).ok_or_else(|| Refusal::of(format!("no attribute is called {name:?}")))
    };
    named.iter().map(find).collect()
}

/// What is known of a service.
struct Known {
    /// Where its answers go, without a path.
    at: Option<String>,
    attributes: Vec<Wire>,
    policy: Policy,
}

fn known(settings: &Settings, id: &str) -> Result<Known, Refusal> {
    let service = EntityId::parse(id).map_err(|why| Refusal::of(why.to_string()))?;
    let snapshot = house::known(settings, &KeyRing::of(settings))?;
    let Some((entity, role)) = snapshot.service(&service) else {
        return Err(Refusal::of(format!("{id} is not known as a service")));
    };
    let policy = Decided::read(settings)?.of(&service);
    let asking = Asking {
        service: &service,
        requested: &role.requested_attributes,
        entity_attributes: &entity.attributes,
        policy: &policy,
        is_own: house::own_services(settings)?.contains(&service),
        post: Chosen::Unasked,
        now: Edge::system_clock()().date_naive(),
    };
    Ok(Known {
        at: role.acs.first().and_then(|acs| origin(&acs.location)),
        attributes: release::released(&asking),
        policy: (*policy).clone(),
    })
}

/// Scheme, host and port of an address.
fn origin(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{host}"))
}

/// What stands for what.
struct Values(Vec<(&'static str, String)>);

impl Values {
    fn of(settings: &Settings, asked: &SnippetOf, service: &Service) -> Result<Self, Refusal> {
        let realms = &settings.idp.realms;
        let realm = realms.iter().map(|one| one.realm);
        let realm = { realm }.find(|realm| realm.as_str() == asked.realm);
        let realm =
            realm.ok_or_else(|| Refusal::of(format!("no realm is called {}", asked.realm)))?;
        let ring = KeyRing::of(settings);
        let certificate = |name: &str| {
            let bunch = ring.bunch(name).map_err(Refusal::from)?;
            Ok::<_, Refusal>(bunch.current().certificate().to_owned())
        };
        let signing = certificate(&keyring::of_realm(realm))?;
        let public = |path: &str| settings.server.public_url.join(path);
        let provider = public(&format!("/idp/{}", realm.as_str()));
        let at = |path: &str| format!("{provider}{path}");
        let (scheme, host) = service.at.split_once("://").unwrap_or_default();
        Ok(Self(vec![
            ("service", service.at.clone()),
            ("scheme", scheme.to_owned()),
            ("is_https", (scheme == "https").to_string()),
            (
                "host",
                host.split(':').next().unwrap_or_default().to_owned(),
            ),
            ("entity_id", service.id.clone()),
            ("metadata", service.metadata.clone()),
            ("provider_metadata", at("/metadata")),
            ("sso_redirect", at("/sso/redirect")),
            ("sso_post", at("/sso/post")),
            ("slo_redirect", at("/slo/redirect")),
            ("provider", provider.clone()),
            ("discovery", public("/wayf/")),
            ("example", EXAMPLE.trim_end().to_owned()),
            ("signing_certificate_pem", pem(&signing)),
            (
                "signing_certificate_oneline",
                pem(&signing).replace('\n', "\\n"),
            ),
            ("signing_certificate", signing),
            (
                "metadata_certificate_pem",
                pem(&certificate(keyring::METADATA)?),
            ),
        ]))
    }

    /// Every file and command of the make.
    fn fill_all(&self, snippet: &Snippet<'_>, service: &Service) -> Result<Vec<Section>, String> {
        let mut all = Vec::new();
        for section in &snippet.sections {
            let mut content = self.fill_section(&section.content, service)?;
            if section.path == COMMANDS && !service.is_known {
                content.push_str(&registering(service));
            }
            all.push(Section {
                path: section.path.clone(),
                content,
            });
        }
        Ok(all)
    }

    fn fill_section(&self, content: &str, service: &Service) -> Result<String, String> {
        let mut filled = String::new();
        for line in content.split_inclusive('\n') {
            if line.contains("{{attribute.") {
                for wire in &service.attributes {
                    filled.push_str(&self.fill(line, service, Some(*wire))?);
                }
            } else {
                filled.push_str(&self.fill(line, service, None)?);
            }
        }
        Ok(filled)
    }

    /// What is filled in is not looked at again.
    fn fill(&self, line: &str, service: &Service, wire: Option<Wire>) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").unwrap_or((after, ""));
            let value = self.value(name, service, wire);
            filled.push_str(before);
            filled.push_str(&value.ok_or_else(|| format!("nothing is called {name}"))?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value(&self, name: &str, service: &Service, wire: Option<Wire>) -> Option<String> {
        if let Some(short) = name.strip_prefix("name.") {
            let (name, _) = release::called(attribute::find(short)?, &service.policy);
            return Some(name.to_owned());
        }
        if let (Some(part), Some(wire)) = (name.strip_prefix("attribute."), wire) {
            return of_attribute(part, wire, &service.policy);
        }
        let found = self.0.iter().find(|(called, _)| *called == name);
        found.map(|(_, value)| value.clone())
    }
}

fn of_attribute(part: &str, wire: Wire, policy: &Policy) -> Option<String> {
    let (name, format) = release::called(wire, policy);
    let value = match part {
        "short" => wire.short,
        "name" => name,
        "format" => format,
        "decoder" if release::is_scoped(wire) => "ScopedAttributeDecoder",
        "decoder" => "StringAttributeDecoder",
        _ => return None,
    };
    Some(value.to_owned())
}

/// How the service is made known here, once it publishes its metadata.
fn registering(service: &Service) -> String {
    let attributes = service.attributes.iter();
    let attributes: String = attributes
        .map(|wire| format!(" --attribute {}", wire.short))
        .collect();
    format!("eduline sp add {}{attributes}\n", service.metadata)
}

/// Lines of 64 characters (RFC 7468 2).
fn pem(base64: &str) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----".to_owned();
    for (at, c) in base64.chars().enumerate() {
        if at % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text.push_str("\n-----END CERTIFICATE-----");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service {
            at: "https://service.example".into(),
            id: "https://service.example/{{provider}}".into(),
            metadata: "https://service.example/metadata".into(),
            attributes: vec![attribute::UID, attribute::PAIRWISE_ID],
            policy: Policy::default(),
            is_known: false,
        }
    }

    #[test]
    fn every_make_is_complete_and_asks_for_attributes_that_exist() {
        for (name, text) in MAKES {
            let snippet = Snippet::parse(text).unwrap_or_else(|| panic!("{name}"));
            assert!(snippet.entity.starts_with("{{service}}"), "{name}");
            assert!(
                snippet
                    .wants
                    .iter()
                    .all(|short| attribute::find(short).is_some()),
                "{name}"
            );
            let last = snippet.sections.last().map(|section| section.path.as_str());
            assert_eq!(last, Some(COMMANDS), "{name}");
        }
    }

    #[test]
    fn a_line_is_written_for_each_attribute_and_what_is_filled_in_is_not_filled_again() {
        let service = service();
        let values = Values(vec![("entity_id", service.id.clone())]);
        let filled = values.fill_section(
            "a {{entity_id}}\n{{attribute.short}} {{attribute.decoder}};\n",
            &service,
        );
        assert_eq!(
            filled.unwrap(),
            "a https://service.example/{{provider}}\nuid StringAttributeDecoder;\npairwise-id ScopedAttributeDecoder;\n"
        );
        assert!(values.fill_section("{{nonsense}}", &service).is_err());
        assert!(
            values
                .fill_section("{{attribute.nonsense}}", &service)
                .is_err()
        );
    }

    #[test]
    fn a_name_that_a_configuration_would_read_something_into_is_refused() {
        writable("https://service.example:8443/sp?idp=1").unwrap();
        for bad in [
            "https://x.example/\"",
            "https://x/'",
            "https://x/$(id)",
            "https://x/<",
            "https://x/\n",
            "https://x/{{",
            "https://x/;",
            "https://x/`",
        ] {
            assert!(writable(bad).is_err(), "{bad}");
        }
    }
}
