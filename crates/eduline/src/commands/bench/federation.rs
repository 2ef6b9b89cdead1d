//! A federation of eduGAIN's size: made up, of realistic entities, and signed by `xmlsec1`.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use saml::keys::{KeyPair, generate};
use saml::{KeyKind, VerifyingKey};
use web::Edge;

use crate::commands::Refusal;

/// Certificates that the entities share: nobody reads whose they are.
const CERTIFICATES: u8 = 8;

const TOWNS: [&str; 24] = [
    "Lille",
    "Lyon",
    "Toulouse",
    "Nantes",
    "Strasbourg",
    "Montpellier",
    "Bordeaux",
    "Rennes",
    "Grenoble",
    "Rouen",
    "Dijon",
    "Angers",
    "Besançon",
    "Orléans",
    "Poitiers",
    "Limoges",
    "Nice",
    "Reims",
    "Créteil",
    "Versailles",
    "Amiens",
    "Nancy",
    "Caen",
    "Aix-Marseille",
];
const KINDS: [(&str, &str); 8] = [
    ("Université de", "University of"),
    ("École d'ingénieurs de", "Engineering school of"),
    ("Académie de", "Academy of"),
    ("Institut de technologie de", "Institute of technology of"),
    ("Lycée polyvalent de", "High school of"),
    ("Centre hospitalier de", "Hospital of"),
    ("Observatoire de", "Observatory of"),
    ("Bibliothèque de", "Library of"),
];

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<md:EntitiesDescriptor \
xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\" xmlns:shibmd=\"urn:mace:shibboleth:metadata:1.0\" \
xmlns:mdattr=\"urn:oasis:names:tc:SAML:metadata:attribute\" xmlns:mdrpi=\"urn:oasis:names:tc:SAML:metadata:rpi\" \
xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
xmlns:idpdisc=\"urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol\" \
ID=\"_federation\" Name=\"https://federation.example/\"";

const SIGNATURE: &str = "<ds:Signature><ds:SignedInfo><ds:CanonicalizationMethod \
Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/><ds:SignatureMethod \
Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/><ds:Reference URI=\"#_federation\"><ds:Transforms>\
<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/><ds:Transform \
Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms><ds:DigestMethod \
Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>\
<ds:SignatureValue/></ds:Signature>";

const SAML2: &str = "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"";
const BINDING: &str = "urn:oasis:names:tc:SAML:2.0:bindings:";

/// A federation on disk.
pub(super) struct Aggregate {
    /// The signed document.
    pub(super) file: PathBuf,
    /// The certificate that signs it, PEM.
    pub(super) certificate: PathBuf,
    /// The same, read.
    pub(super) key: VerifyingKey,
}

impl Aggregate {
    /// Makes one of that many identity providers and services in `folder`.
    pub(super) fn make(folder: &Path, providers: u32, services: u32) -> Result<Self, Refusal> {
        let failed = |why: std::io::Error| Refusal::of(format!("{}: {why}", folder.display()));
        let [plain, file, private, certificate] =
            ["plain.xml", "federation.xml", "key.pem", "certificate.pem"]
                .map(|name| folder.join(name));
        let pair = pair(0)?;
        std::fs::write(&private, &pair.key_pem).map_err(failed)?;
        std::fs::write(&certificate, &pair.cert_pem).map_err(failed)?;
        let key = VerifyingKey::from_pem(&pair.cert_pem);
        let key = key.map_err(|why| Refusal::of(why.to_string()))?;
        write(&plain, providers, services)?;
        let signed = Command::new("xmlsec1")
            .args(["--sign", "--privkey-pem"])
            .arg(&private)
            .args(["--id-attr:ID", ROOT, "--output"])
            .args([&file, &plain])
            .output()
            .map_err(|why| Refusal::of(format!("xmlsec1 (package xmlsec1): {why}")))?;
        if !signed.status.success() {
            let why = String::from_utf8_lossy(&signed.stderr).into_owned();
            return Err(Refusal::of(format!("xmlsec1 does not sign: {why}")));
        }
        std::fs::remove_file(plain).map_err(failed)?;
        Ok(Self {
            file,
            certificate,
            key,
        })
    }

    /// `xmlsec1 --verify` on it.
    pub(super) fn verify(&self) -> Command {
        let mut command = Command::new("xmlsec1");
        command
            .args([
                "--verify",
                "--enabled-key-data",
                "key-name",
                "--pubkey-cert-pem",
            ])
            .arg(&self.certificate)
            .args(["--id-attr:ID", ROOT])
            .arg(&self.file);
        command
    }

    /// `xmllint --noout` on it.
    pub(super) fn lint(&self) -> Command {
        let mut command = Command::new("xmllint");
        command.args(["--noout", "--huge"]).arg(&self.file);
        command
    }
}

const ROOT: &str = "urn:oasis:names:tc:SAML:2.0:metadata:EntitiesDescriptor";

fn pair(seed: u8) -> Result<KeyPair, Refusal> {
    let now = Edge::system_clock()();
    generate(
        KeyKind::Rsa2048,
        "federation.example",
        [seed; 16],
        now,
        3650,
    )
    .map_err(|why| Refusal::of(why.to_string()))
}

fn write(file: &Path, providers: u32, services: u32) -> Result<(), Refusal> {
    let failed = |why: std::io::Error| Refusal::of(format!("{}: {why}", file.display()));
    let mut certificates = Vec::new();
    for seed in 1..=CERTIFICATES {
        let key = VerifyingKey::from_pem(&pair(seed)?.cert_pem);
        let key = key.map_err(|why| Refusal::of(why.to_string()))?;
        certificates.push(folded(&key.certificate()));
    }
    let until = Edge::system_clock()() + chrono::TimeDelta::days(7);
    let until = until.format("%Y-%m-%dT%H:%M:%SZ");
    let mut out = BufWriter::new(std::fs::File::create(file).map_err(failed)?);
    write!(
        out,
        "{HEAD} validUntil=\"{until}\" cacheDuration=\"PT6H\">\n{SIGNATURE}\n"
    )
    .map_err(failed)?;
    let names = TOWNS.iter().cycle().zip(KINDS.iter().cycle());
    let mut certificates = certificates.iter().cycle();
    let mut next = || certificates.next().map_or("", String::as_str);
    for (number, (town, kind)) in (0..providers + services).zip(names) {
        let one = Organisation {
            number,
            town,
            kind,
            certificates: [next(), next()],
        };
        let text = if number < providers {
            one.provider()
        } else {
            one.service()
        };
        out.write_all(text.as_bytes()).map_err(failed)?;
    }
    out.write_all(b"</md:EntitiesDescriptor>\n")
        .map_err(failed)?;
    out.flush().map_err(failed)
}

/// In lines of 64 letters, as certificates are written.
fn folded(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let lines = letters
        .chunks(64)
        .map(|line| line.iter().collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

/// One entity to be.
struct Organisation<'a> {
    number: u32,
    town: &'a str,
    kind: &'a (&'a str, &'a str),
    certificates: [&'a str; 2],
}

impl Organisation<'_> {
    fn host(&self) -> String {
        format!("org{}.federation.example", self.number)
    }

    fn head(&self, path: &str, categories: &[&str]) -> String {
        let host = self.host();
        let values = categories.iter().map(|category| {
            format!("          <saml:AttributeValue>{category}</saml:AttributeValue>\n")
        });
        let values: String = values.collect();
        format!(
            "<md:EntityDescriptor entityID=\"https://{host}/{path}\">\n  <md:Extensions>\n    \
             <mdrpi:RegistrationInfo registrationAuthority=\"https://federation.example/\" \
             registrationInstant=\"2019-03-04T09:12:45Z\">\n      <mdrpi:RegistrationPolicy xml:lang=\"en\">\
             https://services.federation.example/federation/en/metadata_registration_practice_statement</mdrpi:RegistrationPolicy>\n    \
             </mdrpi:RegistrationInfo>\n    <mdattr:EntityAttributes>\n      <saml:Attribute \
             Name=\"http://macedir.org/entity-category\" NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\">\n{values}      \
             </saml:Attribute>\n      <saml:Attribute Name=\"urn:oasis:names:tc:SAML:attribute:assurance-certification\" \
             NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\">\n        <saml:AttributeValue>\
             https://refeds.org/sirtfi</saml:AttributeValue>\n      </saml:Attribute>\n    </mdattr:EntityAttributes>\n  \
             </md:Extensions>\n"
        )
    }

    fn shown(&self, out: &mut String) {
        let (host, number, town) = (self.host(), self.number, self.town);
        let (fr, en) = self.kind;
        out.push_str("      <mdui:UIInfo>\n");
        for (lang, kind, about) in [
            (
                "fr",
                fr,
                "forme, cherche et transmet, pour ses étudiantes, ses étudiants et ses personnels",
            ),
            (
                "en",
                en,
                "teaches, does research and passes it on, for its students and its staff",
            ),
        ] {
            write!(
                out,
                "        <mdui:DisplayName xml:lang=\"{lang}\">{kind} {town} {number}</mdui:DisplayName>\n        \
                 <mdui:Description xml:lang=\"{lang}\">{kind} {town} {number} {about}.</mdui:Description>\n        \
                 <mdui:Keywords xml:lang=\"{lang}\">{town} campus{number} recherche+enseignement</mdui:Keywords>\n        \
                 <mdui:InformationURL xml:lang=\"{lang}\">https://www.{host}/{lang}/about?a=1&amp;b=2</mdui:InformationURL>\n        \
                 <mdui:PrivacyStatementURL xml:lang=\"{lang}\">https://www.{host}/{lang}/privacy</mdui:PrivacyStatementURL>\n"
            )
            .ok();
        }
        write!(
            out,
            "        <mdui:Logo height=\"60\" width=\"80\">https://www.{host}/logo-80x60.png</mdui:Logo>\n        \
             <mdui:Logo height=\"16\" width=\"16\">https://www.{host}/favicon.png</mdui:Logo>\n      </mdui:UIInfo>\n"
        )
        .ok();
    }

    fn keys(&self, out: &mut String) {
        for (used, certificate) in ["signing", "encryption"].into_iter().zip(self.certificates) {
            write!(
                out,
                "    <md:KeyDescriptor use=\"{used}\">\n      <ds:KeyInfo>\n        <ds:X509Data>\n          \
                 <ds:X509Certificate>\n{certificate}\n          </ds:X509Certificate>\n        </ds:X509Data>\n      \
                 </ds:KeyInfo>\n    </md:KeyDescriptor>\n"
            )
            .ok();
        }
    }

    fn tail(&self, out: &mut String) {
        let (host, number, town) = (self.host(), self.number, self.town);
        let (fr, en) = self.kind;
        out.push_str("  <md:Organization>\n");
        for element in ["OrganizationName", "OrganizationDisplayName"] {
            for (lang, kind) in [("fr", fr), ("en", en)] {
                writeln!(
                    out,
                    "    <md:{element} xml:lang=\"{lang}\">{kind} {town} {number}</md:{element}>"
                )
                .ok();
            }
        }
        for lang in ["fr", "en"] {
            writeln!(out, "    <md:OrganizationURL xml:lang=\"{lang}\">https://www.{host}/{lang}/</md:OrganizationURL>").ok();
        }
        out.push_str("  </md:Organization>\n");
        for (kind, given) in [
            ("technical", "Équipe d'exploitation"),
            ("administrative", "Direction du numérique"),
            ("support", "Assistance"),
        ] {
            write!(
                out,
                "  <md:ContactPerson contactType=\"{kind}\">\n    <md:GivenName>{given}</md:GivenName>\n    \
                 <md:SurName>{town}</md:SurName>\n    <md:EmailAddress>mailto:{kind}@{host}</md:EmailAddress>\n  \
                 </md:ContactPerson>\n"
            )
            .ok();
        }
        out.push_str("</md:EntityDescriptor>\n");
    }

    fn endpoints(&self, out: &mut String, element: &str, path: &str, bindings: &[&str]) {
        let host = self.host();
        for binding in bindings {
            let place = binding.to_lowercase();
            writeln!(
                out,
                "    <md:{element} Binding=\"{BINDING}{binding}\" Location=\"https://{host}/{path}/{place}\"/>"
            )
            .ok();
        }
    }

    fn provider(&self) -> String {
        let host = self.host();
        let mut out = self.head(
            "idp/shibboleth",
            &[
                "http://refeds.org/category/research-and-scholarship",
                "https://refeds.org/category/code-of-conduct/v2",
                "https://federation.example/category/higher-education",
            ],
        );
        write!(
            out,
            "  <md:IDPSSODescriptor {SAML2} errorURL=\"https://{host}/error?code=ERRORURL_CODE\">\n    <md:Extensions>\n      \
             <shibmd:Scope regexp=\"false\">{host}</shibmd:Scope>\n      \
             <shibmd:Scope regexp=\"false\">etu.{host}</shibmd:Scope>\n"
        )
        .ok();
        self.shown(&mut out);
        write!(
            out,
            "      <mdui:DiscoHints>\n        <mdui:IPHint>2001:db8:{:x}::/48</mdui:IPHint>\n        \
             <mdui:DomainHint>{host}</mdui:DomainHint>\n        <mdui:GeolocationHint>geo:50.6,3.1</mdui:GeolocationHint>\n      \
             </mdui:DiscoHints>\n    </md:Extensions>\n",
            self.number % 65_536
        )
        .ok();
        self.keys(&mut out);
        self.endpoints(
            &mut out,
            "SingleLogoutService",
            "idp/slo",
            &["HTTP-Redirect", "HTTP-POST", "SOAP"],
        );
        out.push_str(
            "    <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</md:NameIDFormat>\n    \
             <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>\n",
        );
        self.endpoints(
            &mut out,
            "SingleSignOnService",
            "idp/sso",
            &["HTTP-Redirect", "HTTP-POST", "HTTP-POST-SimpleSign"],
        );
        write!(
            out,
            "  </md:IDPSSODescriptor>\n  <md:AttributeAuthorityDescriptor {SAML2}>\n    <md:Extensions>\n      \
             <shibmd:Scope regexp=\"false\">{host}</shibmd:Scope>\n    </md:Extensions>\n"
        )
        .ok();
        self.keys(&mut out);
        self.endpoints(&mut out, "AttributeService", "idp/attributes", &["SOAP"]);
        out.push_str("  </md:AttributeAuthorityDescriptor>\n");
        self.tail(&mut out);
        out
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one document, from its top to its end"
    )]
    fn service(&self) -> String {
        const ASKED: [(&str, &str); 14] = [
            ("0.9.2342.19200300.100.1.1", "uid"),
            ("0.9.2342.19200300.100.1.3", "mail"),
            ("2.16.840.1.113730.3.1.241", "displayName"),
            ("2.5.4.42", "givenName"),
            ("2.5.4.4", "sn"),
            ("2.5.4.3", "cn"),
            ("2.5.4.10", "o"),
            ("1.3.6.1.4.1.5923.1.1.1.6", "eduPersonPrincipalName"),
            ("1.3.6.1.4.1.5923.1.1.1.9", "eduPersonScopedAffiliation"),
            ("1.3.6.1.4.1.5923.1.1.1.7", "eduPersonEntitlement"),
            ("1.3.6.1.4.1.5923.1.1.1.10", "eduPersonTargetedID"),
            ("1.3.6.1.4.1.5923.1.1.1.11", "eduPersonAssurance"),
            ("1.3.6.1.4.1.25178.1.2.9", "schacHomeOrganization"),
            ("1.3.6.1.4.1.25178.1.2.10", "schacHomeOrganizationType"),
        ];
        let host = self.host();
        let mut out = self.head(
            "shibboleth",
            &[
                "http://refeds.org/category/research-and-scholarship",
                "https://refeds.org/category/code-of-conduct/v2",
            ],
        );
        write!(out, "  <md:SPSSODescriptor {SAML2} AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\">\n    <md:Extensions>\n").ok();
        self.shown(&mut out);
        for (index, path) in ["login", "ds"].into_iter().enumerate() {
            writeln!(
                out,
                "      <idpdisc:DiscoveryResponse \
                 Binding=\"urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol\" \
                 Location=\"https://{host}/Shibboleth.sso/{path}\" index=\"{index}\"/>"
            )
            .ok();
        }
        out.push_str("    </md:Extensions>\n");
        self.keys(&mut out);
        self.endpoints(
            &mut out,
            "SingleLogoutService",
            "Shibboleth.sso/SLO",
            &["HTTP-Redirect", "HTTP-POST", "SOAP", "HTTP-Artifact"],
        );
        for (index, binding) in ["HTTP-POST", "HTTP-POST-SimpleSign", "HTTP-Artifact", "PAOS"]
            .into_iter()
            .enumerate()
        {
            writeln!(
                out,
                "    <md:AssertionConsumerService Binding=\"{BINDING}{binding}\" \
                 Location=\"https://{host}/Shibboleth.sso/SAML2/{index}\" index=\"{index}\"/>"
            )
            .ok();
        }
        write!(
            out,
            "    <md:AttributeConsumingService index=\"1\">\n      <md:ServiceName xml:lang=\"fr\">{} {}</md:ServiceName>\n",
            self.kind.0, self.town
        )
        .ok();
        for (oid, name) in ASKED {
            writeln!(
                out,
                "      <md:RequestedAttribute FriendlyName=\"{name}\" Name=\"urn:oid:{oid}\" \
                 NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\" isRequired=\"true\"/>"
            )
            .ok();
        }
        out.push_str("    </md:AttributeConsumingService>\n  </md:SPSSODescriptor>\n");
        self.tail(&mut out);
        out
    }
}
