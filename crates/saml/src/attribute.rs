//! Names attributes carry on the wire: standard ones as `urn:oid:` with NameFormat `uri`, the
//! ministry's federation ones under their bare name with NameFormat `basic`, ours as URNs.

use crate::names::{ATTRNAME_BASIC, ATTRNAME_URI};

/// How an attribute is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wire {
    /// The name operators and services use.
    pub short: &'static str,
    /// `Name`.
    pub name: &'static str,
    /// `NameFormat`.
    pub format: &'static str,
}

const fn uri(short: &'static str, name: &'static str) -> Wire {
    Wire {
        short,
        name,
        format: ATTRNAME_URI,
    }
}

const fn basic(name: &'static str) -> Wire {
    Wire {
        short: name,
        name,
        format: ATTRNAME_BASIC,
    }
}

/// Login (RFC 4519).
pub const UID: Wire = uri("uid", "urn:oid:0.9.2342.19200300.100.1.1");
/// Surname (RFC 4519).
pub const SN: Wire = uri("sn", "urn:oid:2.5.4.4");
/// Given name (RFC 4519).
pub const GIVEN_NAME: Wire = uri("givenName", "urn:oid:2.5.4.42");
/// Name to show (RFC 2798).
pub const DISPLAY_NAME: Wire = uri("displayName", "urn:oid:2.16.840.1.113730.3.1.241");
/// Mail (RFC 4524).
pub const MAIL: Wire = uri("mail", "urn:oid:0.9.2342.19200300.100.1.3");
/// Affiliation (eduPerson).
pub const AFFILIATION: Wire = uri("eduPersonAffiliation", "urn:oid:1.3.6.1.4.1.5923.1.1.1.1");
/// Affiliation with its scope (eduPerson).
pub const SCOPED_AFFILIATION: Wire = uri(
    "eduPersonScopedAffiliation",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.9",
);
/// `subject-id` (SAML V2.0 Subject Identifier Attributes 1.0, 3.3).
pub const SUBJECT_ID: Wire = uri("subject-id", "urn:oasis:names:tc:SAML:attribute:subject-id");
/// `pairwise-id` (the same, 3.4).
pub const PAIRWISE_ID: Wire = uri(
    "pairwise-id",
    "urn:oasis:names:tc:SAML:attribute:pairwise-id",
);
/// Function code of the ministry (`ENS`, `DEC`, `DIR`…).
pub const TITLE: Wire = basic("title");
/// Main place of work, UAI.
pub const RNE: Wire = basic("rne");
/// Académie code, `009` for Lille.
pub const CODACA: Wire = basic("codaca");
/// Administrative function (`DIR`, `DEC`, `IEN1D`…).
pub const FREDU_FONCT_ADM: Wire = basic("FrEduFonctAdm");
/// Places of work.
pub const FREDU_RNE: Wire = basic("FrEduRne");
/// Places the person heads.
pub const FREDU_RNE_RESP: Wire = basic("FrEduRneResp");
/// Delegations held.
pub const FREDU_RES_DEL: Wire = basic("FrEduResDel");
/// Application groups.
pub const CTGRPS: Wire = basic("ctgrps");
/// Functions by their id in `fonctions.toml`, main one first: what our portal's rules read.
pub const FONCTION: Wire = uri("fonction", "urn:x-eduline:attribute:fonction");
/// The profile of the discovery service (`personnel`, `eleve`, `parent`, `partenaire`).
pub const PROFIL: Wire = uri("profil", "urn:x-eduline:attribute:profil");

/// Full name (RFC 4519).
pub const CN: Wire = uri("cn", "urn:oid:2.5.4.3");
/// Name of the organisation (RFC 4519).
pub const O: Wire = uri("o", "urn:oid:2.5.4.10");
/// Login with its scope (eduPerson); unlike `subject-id` it may be given to somebody else one day.
pub const PRINCIPAL_NAME: Wire = uri("eduPersonPrincipalName", "urn:oid:1.3.6.1.4.1.5923.1.1.1.6");
/// The first affiliation (eduPerson).
pub const PRIMARY_AFFILIATION: Wire = uri(
    "eduPersonPrimaryAffiliation",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.5",
);
/// Groups (Internet2 MACE).
pub const IS_MEMBER_OF: Wire = uri("isMemberOf", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1");
/// Domain of the organisation (SCHAC).
pub const HOME_ORGANIZATION: Wire = uri("schacHomeOrganization", "urn:oid:1.3.6.1.4.1.25178.1.2.9");
/// `M.` or `Mme` (`SupAnn`).
pub const SUPANN_CIVILITE: Wire = uri("supannCivilite", "urn:oid:1.3.6.1.4.1.7135.1.2.1.4");
/// Places of work, `{UAI}` before each (`SupAnn`).
pub const SUPANN_ETABLISSEMENT: Wire =
    uri("supannEtablissement", "urn:oid:1.3.6.1.4.1.7135.1.2.1.14");
/// Entities of assignment (`SupAnn`): the UAIs.
pub const SUPANN_ENTITE: Wire = uri(
    "supannEntiteAffectation",
    "urn:oid:1.3.6.1.4.1.7135.1.2.1.8",
);
/// The main one of them (`SupAnn`).
pub const SUPANN_ENTITE_PRINCIPALE: Wire = uri(
    "supannEntiteAffectationPrincipale",
    "urn:oid:1.3.6.1.4.1.7135.1.2.1.13",
);
/// Professional mail, as the ministry's federation calls it.
pub const CTEMAIL: Wire = basic("ctemail");
/// Surname, as the ministry's federation calls it.
pub const CTLN: Wire = basic("ctln");
/// Given name, as the ministry's federation calls it.
pub const CTFN: Wire = basic("ctfn");
/// Login, as the ministry's federation calls it.
pub const CT_REMOTE_USER: Wire = basic("ct-remote-user");
/// National profiles (`National_ENS`…) of digital workspaces (SDET).
pub const ENT_PROFILS: Wire = basic("ENTPersonProfils");
/// UAI of the main place, as digital workspaces call it (SDET).
pub const ENT_UAI: Wire = basic("ENTPersonStructRattachRNE");

/// Every attribute known here.
pub const ALL: [Wire; 35] = [
    UID,
    SN,
    GIVEN_NAME,
    DISPLAY_NAME,
    MAIL,
    AFFILIATION,
    SCOPED_AFFILIATION,
    SUBJECT_ID,
    PAIRWISE_ID,
    TITLE,
    RNE,
    CODACA,
    FREDU_FONCT_ADM,
    FREDU_RNE,
    FREDU_RNE_RESP,
    FREDU_RES_DEL,
    CTGRPS,
    FONCTION,
    PROFIL,
    CN,
    O,
    PRINCIPAL_NAME,
    PRIMARY_AFFILIATION,
    IS_MEMBER_OF,
    HOME_ORGANIZATION,
    SUPANN_CIVILITE,
    SUPANN_ETABLISSEMENT,
    SUPANN_ENTITE,
    SUPANN_ENTITE_PRINCIPALE,
    CTEMAIL,
    CTLN,
    CTFN,
    CT_REMOTE_USER,
    ENT_PROFILS,
    ENT_UAI,
];

/// The attribute whose short or wire name is `name`.
pub fn find(name: &str) -> Option<Wire> {
    ALL.into_iter()
        .find(|wire| wire.short == name || wire.name == name)
}
