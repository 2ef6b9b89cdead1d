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

impl Wire {
    /// `FriendlyName`.
    pub fn friendly(&self) -> &'static str {
        if *self == TITLE_X500 {
            TITLE.short
        } else {
            self.short
        }
    }
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
/// Posts of staff, main one first: `function$UAI$place`, the function by its id in `fonctions.toml`.
pub const POSTE: Wire = uri("poste", "urn:x-eduline:attribute:poste");
/// The post a person of several chose to be here in, of those of `poste`: `function.UAI`, or `*` for all of them.
pub const AFFECTATION: Wire = uri("affectation", "urn:x-eduline:attribute:affectation");
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

/// Function code under its name in the directory (RFC 4519); `title` alone is the ministry's.
pub const TITLE_X500: Wire = uri("title-x500", "urn:oid:2.5.4.12");
/// Number of an employee (RFC 2798): the NUMEN of the ministry, which is kept as a keyed hash only and sent to nobody.
pub const EMPLOYEE_NUMBER: Wire = uri("employeeNumber", "urn:oid:2.16.840.1.113730.3.1.3");
/// Unit of the organisation (RFC 4519).
pub const OU: Wire = uri("ou", "urn:oid:2.5.4.11");
/// Preferred language (RFC 2798).
pub const PREFERRED_LANGUAGE: Wire = uri("preferredLanguage", "urn:oid:2.16.840.1.113730.3.1.39");
/// Rights held, as URIs (eduPerson).
pub const ENTITLEMENT: Wire = uri("eduPersonEntitlement", "urn:oid:1.3.6.1.4.1.5923.1.1.1.7");
/// What came before `pairwise-id` (eduPerson).
pub const TARGETED_ID: Wire = uri("eduPersonTargetedID", "urn:oid:1.3.6.1.4.1.5923.1.1.1.10");
/// Assurance of the identity, as URIs (eduPerson; REFEDS RAF).
pub const ASSURANCE: Wire = uri("eduPersonAssurance", "urn:oid:1.3.6.1.4.1.5923.1.1.1.11");
/// What came before `subject-id`, with its scope (eduPerson).
pub const UNIQUE_ID: Wire = uri("eduPersonUniqueId", "urn:oid:1.3.6.1.4.1.5923.1.1.1.13");
/// Kind of the organisation (SCHAC).
pub const HOME_ORGANIZATION_TYPE: Wire = uri(
    "schacHomeOrganizationType",
    "urn:oid:1.3.6.1.4.1.25178.1.2.10",
);
/// Birth date (SCHAC).
pub const SCHAC_DATE_OF_BIRTH: Wire = uri("schacDateOfBirth", "urn:oid:1.3.6.1.4.1.25178.1.2.3");
/// European student identifier and the like (SCHAC).
pub const PERSONAL_UNIQUE_CODE: Wire = uri(
    "schacPersonalUniqueCode",
    "urn:oid:1.3.6.1.4.1.25178.1.2.14",
);
/// Activity (`SupAnn`).
pub const SUPANN_ACTIVITE: Wire = uri("supannActivite", "urn:oid:1.3.6.1.4.1.7135.1.2.1.2");
/// Corps of an agent (`SupAnn`).
pub const SUPANN_CORPS: Wire = uri("supannEmpCorps", "urn:oid:1.3.6.1.4.1.7135.1.2.1.35");
/// Number of an employee (`SupAnn`).
pub const SUPANN_EMP_ID: Wire = uri("supannEmpId", "urn:oid:1.3.6.1.4.1.7135.1.2.1.11");
/// Identifier shared with another system (`SupAnn`).
pub const SUPANN_REF_ID: Wire = uri("supannRefId", "urn:oid:1.3.6.1.4.1.7135.1.2.1.37");
/// National number of a pupil (`SupAnn`).
pub const SUPANN_INE: Wire = uri("supannCodeINE", "urn:oid:1.3.6.1.4.1.7135.1.2.1.9");
/// Birth date (`SupAnn`).
pub const SUPANN_DATE_OF_BIRTH: Wire = uri(
    "supannOIDCDateDeNaissance",
    "urn:oid:1.3.6.1.4.1.7135.1.2.1.40",
);
/// Birth name (`SupAnn`).
pub const SUPANN_BIRTH_NAME: Wire =
    uri("supannNomDeNaissance", "urn:oid:1.3.6.1.4.1.7135.1.2.1.38");
/// Kind of population (`SupAnn`).
pub const SUPANN_POPULATION: Wire =
    uri("supannCodePopulation", "urn:oid:1.3.6.1.4.1.7135.1.2.1.58");
/// Letter of the system an agent's number comes from.
pub const TYPENSI: Wire = basic("typensi");
/// Grade of an agent.
pub const GRADE: Wire = basic("grade");
/// Birth date, as the ministry's federation calls it.
pub const DATENAISSANCE: Wire = basic("datenaissance");
/// Code of the civility, as the ministry's federation calls it.
pub const CODECIVILITE: Wire = basic("codecivilite");
/// Structures managed.
pub const FREDU_GEST_RESP: Wire = basic("FrEduGestResp");
/// Address back to the portal, without signing out.
pub const FREDU_URL_RETOUR: Wire = basic("FrEduUrlRetour");
/// Rights in local applications.
pub const APPLICATION_LOCALE: Wire = basic("AttributApplicationLocale");
/// Identity vector of pupils and parents.
pub const FREDU_VECTEUR: Wire = basic("FrEduVecteur");
/// Identifier of `EduConnect`.
pub const FREDU_CT_ID: Wire = uri("FrEduCtId", "urn:oid:1.3.6.1.4.1.20326.10.999.1.57");
/// Profile of `EduConnect`.
pub const FREDU_CT_AFFILIATION: Wire = uri(
    "FrEduCtPersonAffiliation",
    "urn:oid:1.3.6.1.4.1.20326.10.999.1.7",
);
/// Moment of the sign-on at `EduConnect`.
pub const FREDU_CT_SIGNED_ON: Wire = uri(
    "FrEduCtDateConnexion",
    "urn:oid:1.3.6.1.4.1.20326.10.999.1.6",
);
/// Digest of the national number (`EduConnect`).
pub const FREDU_CT_INE: Wire = uri(
    "FrEduCtEleveINEHash",
    "urn:oid:1.3.6.1.4.1.20326.10.999.1.64",
);
/// Birth date (`EduConnect`).
pub const FREDU_CT_DATE_OF_BIRTH: Wire = uri(
    "FrEduCtDateNaissance",
    "urn:oid:1.3.6.1.4.1.20326.10.999.1.67",
);
/// School of a pupil (`EduConnect`).
pub const FREDU_CT_UAI: Wire = uri("FrEduCtEleveUAI", "urn:oid:1.3.6.1.4.1.20326.10.999.1.72");
/// Level of a pupil (`EduConnect`).
pub const FREDU_CT_LEVEL: Wire = uri(
    "FrEduCtEleveNiveau",
    "urn:oid:1.3.6.1.4.1.20326.10.999.1.73",
);
/// Civility of a pupil (`EduConnect`).
pub const FREDU_CT_CIVILITE: Wire = uri("FrEduCtCivilite", "urn:oid:1.3.6.1.4.1.20326.10.999.1.76");
/// Key of the main structure (SDET).
pub const ENT_STRUCTURE: Wire = basic("ENTPersonStructRattach");
/// Join key of the federating directory (SDET).
pub const ENT_JOIN: Wire = basic("ENTPersonJointure");
/// Functions by structure (SDET).
pub const ENT_FUNCTIONS: Wire = basic("ENTPersonFonctions");
/// Classes of a pupil (SDET).
pub const ENT_CLASSES: Wire = basic("ENTEleveClasses");
/// Profile at the GAR.
pub const GAR_PROFIL: Wire = basic("GARPersonProfil");

/// Every attribute known here.
pub const ALL: [Wire; 77] = [
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
    POSTE,
    AFFECTATION,
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
    TITLE_X500,
    EMPLOYEE_NUMBER,
    OU,
    PREFERRED_LANGUAGE,
    ENTITLEMENT,
    TARGETED_ID,
    ASSURANCE,
    UNIQUE_ID,
    HOME_ORGANIZATION_TYPE,
    SCHAC_DATE_OF_BIRTH,
    PERSONAL_UNIQUE_CODE,
    SUPANN_ACTIVITE,
    SUPANN_CORPS,
    SUPANN_EMP_ID,
    SUPANN_REF_ID,
    SUPANN_INE,
    SUPANN_DATE_OF_BIRTH,
    SUPANN_BIRTH_NAME,
    SUPANN_POPULATION,
    TYPENSI,
    GRADE,
    DATENAISSANCE,
    CODECIVILITE,
    FREDU_GEST_RESP,
    FREDU_URL_RETOUR,
    APPLICATION_LOCALE,
    FREDU_VECTEUR,
    FREDU_CT_ID,
    FREDU_CT_AFFILIATION,
    FREDU_CT_SIGNED_ON,
    FREDU_CT_INE,
    FREDU_CT_DATE_OF_BIRTH,
    FREDU_CT_UAI,
    FREDU_CT_LEVEL,
    FREDU_CT_CIVILITE,
    ENT_STRUCTURE,
    ENT_JOIN,
    ENT_FUNCTIONS,
    ENT_CLASSES,
    GAR_PROFIL,
];

/// The attribute whose short or wire name is `name`.
pub fn find(name: &str) -> Option<Wire> {
    ALL.into_iter()
        .find(|wire| wire.short == name || wire.name == name)
}
