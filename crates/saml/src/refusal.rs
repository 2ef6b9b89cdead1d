//! Why a message is refused: one variant per clause, each with a stable public code.

use crate::Moment;

mod said;

pub use said::Said;

/// What kind of answer a refusal deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 400: the bytes are not a message.
    Malformed,
    /// 403: the message is understood, and not accepted.
    Refused,
}

/// Declares every refusal once: its code, its kind, the clause and the journal's story.
macro_rules! refusals {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident $({ $($field:ident: $type:ty),+ })?
        = $code:literal $kind:ident $clause:literal: $story:literal;
    )+) => {
        /// A refusal. `Display` is the journal's story (English, may hold what the message said,
        /// cut and escaped); the visitor reads the sentence that the edge keeps under
        /// [`Refusal::code`].
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum Refusal {
            $(
                $(#[doc = $doc])+
                #[error($story)]
                $name $({
                    $(#[doc = "What was found."] $field: $type),+
                })?,
            )+
        }

        impl Refusal {
            /// Every code with its clause, in order: codes are public and never reused.
            pub const CODES: &'static [(&'static str, &'static str)] = &[$(($code, $clause)),+];

            /// The stable public code, `EDU-2xxx`.
            pub fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code,)+ }
            }

            /// Malformed, or understood and refused.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$name { .. } => Kind::$kind,)+ }
            }

            /// Where the rule is written ("SAML Core 2.5.1.4").
            pub fn clause(&self) -> &'static str {
                match self { $(Self::$name { .. } => $clause,)+ }
            }
        }
    };
}

refusals! {
    // 20xx: the bytes, before anything is believed about them.

    /// More bytes than a message may have.
    TooLarge { bytes: usize, limit: usize }
        = "EDU-2001" Malformed "SECURITY 3": "{bytes} bytes, {limit} at most";
    /// Not base64, or not all of it.
    NotBase64 { part: &'static str }
        = "EDU-2002" Malformed "SAML Bindings 3.5.4": "{part} is not base64";
    /// Not a raw DEFLATE stream, or not all of it.
    NotDeflated
        = "EDU-2003" Malformed "SAML Bindings 3.4.4.1": "the message is not a raw DEFLATE stream";
    /// Inflates beyond the cap; the rest was never inflated.
    InflatesTooFar { limit: usize }
        = "EDU-2004" Malformed "SECURITY 3": "the message inflates to more than {limit} bytes";
    /// Not UTF-8.
    NotUtf8 { part: &'static str }
        = "EDU-2005" Malformed "XML 1.0 4.3.3": "{part} is not UTF-8";
    /// An XML declaration of another version or encoding, or not at the start.
    Declaration { found: Said }
        = "EDU-2006" Malformed "XML 1.0 2.8": "the XML declaration is not of XML 1.0 in UTF-8: {found}";
    /// A document type declaration.
    Doctype
        = "EDU-2007" Malformed "IIP-G03": "the document has a DOCTYPE";
    /// A processing instruction.
    ProcessingInstruction
        = "EDU-2008" Malformed "SECURITY 2": "the document has a processing instruction";
    /// Elements nested too deep.
    TooDeep { limit: usize }
        = "EDU-2009" Malformed "SECURITY 3": "elements are nested deeper than {limit}";
    /// Too many elements, attributes, texts and comments together.
    TooManyNodes { limit: usize }
        = "EDU-2010" Malformed "SECURITY 3": "the document has more than {limit} nodes";
    /// Too many attributes on one element.
    TooManyAttributes { limit: usize }
        = "EDU-2011" Malformed "SECURITY 3": "an element has more than {limit} attributes";
    /// An attribute's value or a text that is too long.
    ValueTooLong { limit: usize }
        = "EDU-2012" Malformed "SECURITY 3": "a value is longer than {limit} bytes";
    /// Too many namespace declarations in scope.
    TooManyNamespaces { limit: usize }
        = "EDU-2013" Malformed "SECURITY 3": "more than {limit} namespace declarations are in scope";
    /// A reference to an entity that is not one of the five of XML.
    UnknownEntity { name: Said }
        = "EDU-2014" Malformed "XML 1.0 4.1": "a reference to the unknown entity {name}";
    /// Not well-formed.
    NotWellFormed { why: Said }
        = "EDU-2015" Malformed "XML 1.0 2.1": "the document is not well-formed: {why}";
    /// A namespace that is not an absolute URI: canonical forms differ on it.
    RelativeNamespace { uri: Said }
        = "EDU-2016" Malformed "SECURITY 6": "the namespace {uri} is not an absolute URI";
    /// A comment that cuts a value.
    CommentInValue { element: Said }
        = "EDU-2017" Malformed "SECURITY 2": "a comment stands inside the value of {element}";
    /// An element that cuts a value.
    ElementInValue { element: Said }
        = "EDU-2018" Malformed "SECURITY 2": "an element stands inside the value of {element}";
    /// Two elements that answer to one identifier.
    DuplicateId { id: Said }
        = "EDU-2019" Malformed "XML Schema 2 3.3.8": "the identifier {id} is given twice";

    // 21xx: the binding.

    /// A query longer than any message needs.
    QueryTooLong { bytes: usize, limit: usize }
        = "EDU-2101" Malformed "SECURITY 3": "a query of {bytes} bytes, {limit} at most";
    /// A parameter that must be there.
    ParameterMissing { name: &'static str }
        = "EDU-2102" Malformed "SAML Bindings 3.4.4.1": "the parameter {name} is missing";
    /// A parameter given twice.
    ParameterRepeated { name: &'static str }
        = "EDU-2103" Malformed "SECURITY 19": "the parameter {name} is given twice";
    /// Parameters in another order than the one that is signed.
    ParameterOrder { name: &'static str }
        = "EDU-2104" Malformed "SAML Bindings 3.4.4.1": "the parameter {name} is out of order";
    /// A percent-encoding that decodes to nothing, or that disguises a parameter's name.
    BadEscape { part: &'static str }
        = "EDU-2105" Malformed "RFC 3986 2.1": "the percent-encoding of {part} is wrong";
    /// An encoding of the message other than DEFLATE.
    UnknownEncoding { found: Said }
        = "EDU-2106" Malformed "SAML Bindings 3.4.4": "the message has the unknown encoding {found}";
    /// RelayState beyond what we carry for others.
    RelayStateTooLong { bytes: usize, limit: usize }
        = "EDU-2107" Malformed "SAML Bindings 3.4.3": "a RelayState of {bytes} bytes, {limit} at most";
    /// A signature without its algorithm, or the reverse: which one says `name`.
    HalfSigned { name: &'static str }
        = "EDU-2108" Malformed "SAML Bindings 3.4.4.1": "the parameter {name} is missing beside the other half of the signature";
    /// An enveloped signature in a Redirect message.
    EnvelopedInRedirect
        = "EDU-2109" Malformed "SAML Bindings 3.4.4.1": "a message sent by Redirect holds a ds:Signature";
    /// An envelope with more or less than one message in it.
    SoapShape { why: &'static str }
        = "EDU-2110" Malformed "SOAP 1.1 4": "the envelope is not of the only shape that is taken: {why}";
    /// An envelope of another version.
    SoapVersion { found: Said }
        = "EDU-2111" Malformed "SOAP 1.1 4.1.2": "the envelope is {found}, not of SOAP 1.1";
    /// A header that must be understood, and is not.
    SoapHeader { found: Said }
        = "EDU-2112" Refused "SOAP 1.1 4.2.3": "the header {found} must be understood";
    /// The other side says that something is wrong.
    SoapFault { code: Said, message: Said }
        = "EDU-2113" Refused "SAML Bindings 3.2.2.1": "the answer is a fault, {code}: {message}";
    /// An artifact that is not one of SAML 2.0.
    Artifact { why: &'static str }
        = "EDU-2114" Malformed "SAML Bindings 3.6.4": "the artifact cannot be one: {why}";

    // 22xx: signatures.

    /// No signature where one is needed.
    Unsigned
        = "EDU-2201" Refused "SECURITY 9": "no signature where one is required";
    /// A `ds:Signature` that is not a direct child of the message or of its assertion.
    SignatureMisplaced
        = "EDU-2202" Refused "SAML Core 5.4.1": "a ds:Signature is not a direct child of the message or of its assertion";
    /// Two signatures on one element.
    SignatureRepeated
        = "EDU-2203" Refused "SAML Core 5.4.1": "an element has two ds:Signature children";
    /// A signature that is not built as XML Signature says, or with more than SAML needs.
    SignatureShape { why: &'static str }
        = "EDU-2204" Refused "XML Signature 4": "the signature is not of the only shape that is taken: {why}";
    /// Not exactly one `ds:Reference`.
    ReferenceCount { count: usize }
        = "EDU-2205" Refused "SAML Core 5.4.2": "the signature has {count} references";
    /// A reference to anything but the element the signature stands in.
    ReferenceElsewhere { uri: Said }
        = "EDU-2206" Refused "SAML Core 5.4.2": "the signature refers to {uri}, not to the element it stands in";
    /// A transform other than enveloped-signature and exclusive C14N.
    Transform { algorithm: Said }
        = "EDU-2207" Refused "SAML Core 5.4.4": "the transform {algorithm} is not taken here";
    /// A canonicalization other than exclusive C14N.
    Canonicalization { algorithm: Said }
        = "EDU-2208" Refused "SAML Core 5.4.3": "the canonicalization {algorithm} is not taken";
    /// A signature algorithm that is not on the list.
    SignatureAlgorithm { algorithm: Said }
        = "EDU-2209" Refused "SECURITY 8": "the signature algorithm {algorithm} is not taken";
    /// A digest algorithm that is not on the list.
    DigestAlgorithm { algorithm: Said }
        = "EDU-2210" Refused "SECURITY 8": "the digest algorithm {algorithm} is not taken";
    /// No key verifies the signature: another key's, or the message was changed.
    SignatureInvalid
        = "EDU-2211" Refused "XML Signature 3.2": "no key of this entity verifies the signature";
    /// No key to verify with.
    NoKey
        = "EDU-2212" Refused "SECURITY 7": "the metadata of this entity has no key of the signature's kind";
    /// The canonical form is empty, or is not the element that was to be signed.
    NotWhatWasSigned
        = "EDU-2213" Refused "SECURITY 6": "the signed bytes are not the element they should be";
    /// An algorithm that the operator forbids.
    AlgorithmForbidden { algorithm: &'static str }
        = "EDU-2214" Refused "IIP-ALG08": "the operator forbids the algorithm {algorithm}";

    // 23xx: any message.

    /// Another element than the one expected.
    UnexpectedRoot { found: Said }
        = "EDU-2301" Malformed "SAML Core 3.2": "the document is a {found}";
    /// Another version than 2.0.
    Version { found: Said }
        = "EDU-2302" Refused "SAML Core 4.1.3": "the version is {found}, not 2.0";
    /// An element or attribute that must be there.
    Missing { what: &'static str }
        = "EDU-2303" Malformed "SAML Core 1.3": "{what} is missing";
    /// An element that may be there once.
    Repeated { what: &'static str }
        = "EDU-2304" Malformed "SAML Core 1.3": "{what} is given twice";
    /// A value that is not of its type.
    Unreadable { what: &'static str, found: Said }
        = "EDU-2305" Malformed "SAML Core 1.3": "{what} cannot be {found}";
    /// A moment that is not an `xs:dateTime` in UTC.
    Instant { what: &'static str, found: Said }
        = "EDU-2306" Malformed "SAML Core 1.3.3": "{what} is not a moment in UTC: {found}";
    /// An issuer that is not the name of an entity.
    IssuerFormat { found: Said }
        = "EDU-2307" Refused "SAML Profiles 4.1.4": "the issuer has the format {found}";
    /// A signed message that does not say where it was sent.
    DestinationMissing
        = "EDU-2308" Refused "SAML Bindings 3.4.5.2, 3.5.5.2": "the message does not say its Destination";
    /// A message sent to somewhere else.
    DestinationOther { found: Said }
        = "EDU-2309" Refused "SAML Core 3.2.1": "the message was sent to {found}";
    /// A moment that lies ahead, beyond the skew.
    FromTheFuture { what: &'static str, at: Moment }
        = "EDU-2310" Refused "SAML Core 3.2.1": "{what} lies ahead: {at}";
    /// A message that is too old.
    TooOld { what: &'static str, at: Moment }
        = "EDU-2311" Refused "SAML Core 3.2.1": "{what} is too long ago: {at}";

    // 24xx: requests.

    /// A request about a given person: nobody is asked for by name here.
    RequestedSubject
        = "EDU-2401" Refused "SAML Core 3.4.1.4": "the request names a Subject";
    /// A request that names its assertion consumer service twice.
    AcsTwice
        = "EDU-2402" Malformed "SAML Core 3.4.1": "AssertionConsumerServiceIndex excludes AssertionConsumerServiceURL and ProtocolBinding";
    /// A binding for the answer that is not HTTP-POST.
    AnswerBinding { found: Said }
        = "EDU-2403" Refused "SAML Profiles 4.1.2": "the answer is wanted by {found}";
    /// An address that is not one of the service's metadata.
    AcsUnknown { found: Said }
        = "EDU-2404" Refused "SECURITY 18": "the metadata of the service has no assertion consumer service at {found}";
    /// An index that is not one of the service's metadata.
    AcsIndexUnknown { index: u16 }
        = "EDU-2405" Refused "SECURITY 18": "the metadata of the service has no assertion consumer service with index {index}";
    /// A service without any HTTP-POST assertion consumer service.
    AcsNone
        = "EDU-2406" Refused "SAML Metadata 2.4.4": "the metadata of the service has no HTTP-POST assertion consumer service";
    /// An index of attributes that is not one of the service's metadata.
    AttributeServiceUnknown { index: u16 }
        = "EDU-2407" Refused "SAML Core 3.4.1": "the metadata of the service has no AttributeConsumingService with index {index}";

    // 25xx: responses.

    /// A response without a status.
    StatusMissing
        = "EDU-2501" Refused "SAML Core 3.2.2": "the response has no status code";
    /// The identity provider says no.
    Status { code: Said, second: Said, message: Said }
        = "EDU-2502" Refused "SAML Core 3.2.2.2": "the identity provider answered {code}, {second}: {message}";
    /// Another issuer than the identity provider that was asked.
    IssuerOther { found: Said }
        = "EDU-2503" Refused "SAML Profiles 4.1.4.2": "the response is issued by {found}";
    /// An assertion of another issuer than the identity provider that was asked.
    AssertionIssuerOther { found: Said }
        = "EDU-2504" Refused "SAML Profiles 4.1.4.2": "the assertion is issued by {found}";
    /// An answer that does not say what it answers.
    InResponseToMissing
        = "EDU-2505" Refused "SAML Profiles 4.1.4.3": "the response does not say which request it answers";
    /// An answer to another request.
    InResponseToOther { found: Said }
        = "EDU-2506" Refused "SAML Profiles 4.1.4.3": "the response answers {found}";
    /// An unsolicited answer that says it answers something.
    Unsolicited { found: Said }
        = "EDU-2507" Refused "SAML Profiles 4.1.5": "an unsolicited response answers {found}";
    /// A success without an assertion.
    AssertionMissing
        = "EDU-2508" Refused "SAML Profiles 4.1.4.2": "the response has no assertion";
    /// More than one assertion, anywhere in the document.
    AssertionRepeated { count: usize }
        = "EDU-2509" Refused "SECURITY 4": "the document holds {count} assertions";
    /// An assertion that is not a direct child of the response.
    AssertionMisplaced
        = "EDU-2510" Refused "SAML Core 3.3.3": "an assertion is not a direct child of the response";
    /// An encrypted assertion: there is no key to open it with.
    AssertionEncrypted
        = "EDU-2511" Refused "SAML Core 2.3.4": "the assertion is encrypted and there is no key to open it with";
    /// An encrypted assertion that no key of ours opens, whatever the reason.
    Undecryptable
        = "EDU-2512" Refused "SECURITY 16": "no key of ours opens what is encrypted";
    /// Something encrypted that is not built as SAML says, or with more than SAML needs.
    EncryptionShape { why: &'static str }
        = "EDU-2513" Refused "SAML Core 2.2.4": "what is encrypted is not of the only shape that is taken: {why}";
    /// An encryption algorithm that is not on the list.
    EncryptionAlgorithm { algorithm: Said }
        = "EDU-2514" Refused "SECURITY 16": "the encryption algorithm {algorithm} is not taken";

    // 26xx: assertions.

    /// An assertion about nobody.
    SubjectMissing
        = "EDU-2601" Refused "SAML Profiles 4.1.4.2": "the assertion has no Subject";
    /// An encrypted name identifier: there is no key to open it with.
    SubjectEncrypted
        = "EDU-2602" Refused "SAML Core 2.2.4": "the subject is encrypted and there is no key to open it with";
    /// No bearer confirmation.
    NoBearer
        = "EDU-2603" Refused "SAML Profiles 4.1.4.2": "no SubjectConfirmation is by bearer";
    /// A bearer confirmation without data.
    ConfirmationDataMissing
        = "EDU-2604" Refused "SAML Profiles 4.1.4.2": "the bearer confirmation has no SubjectConfirmationData";
    /// A bearer confirmation without a recipient.
    RecipientMissing
        = "EDU-2605" Refused "SAML Profiles 4.1.4.2": "the bearer confirmation has no Recipient";
    /// A bearer confirmation for somewhere else.
    RecipientOther { found: Said }
        = "EDU-2606" Refused "SAML Profiles 4.1.4.3": "the bearer confirmation is for {found}";
    /// A bearer confirmation that never ends.
    ConfirmationEndless
        = "EDU-2607" Refused "SAML Profiles 4.1.4.2": "the bearer confirmation has no NotOnOrAfter";
    /// A bearer confirmation that ended.
    ConfirmationExpired { at: Moment }
        = "EDU-2608" Refused "SAML Profiles 4.1.4.3": "the bearer confirmation ended at {at}";
    /// A bearer confirmation that begins: it must not.
    ConfirmationBegins
        = "EDU-2609" Refused "SAML Profiles 4.1.4.2": "the bearer confirmation has a NotBefore";
    /// A bearer confirmation that does not say what it answers.
    ConfirmationAnswersNothing
        = "EDU-2610" Refused "SAML Profiles 4.1.4.3": "the bearer confirmation does not say which request it answers";
    /// A bearer confirmation for another request.
    ConfirmationAnswersOther { found: Said }
        = "EDU-2611" Refused "SAML Profiles 4.1.4.3": "the bearer confirmation answers {found}";
    /// An assertion without conditions.
    ConditionsMissing
        = "EDU-2612" Refused "SAML Profiles 4.1.4.2": "the assertion has no Conditions";
    /// An assertion that is not valid yet.
    NotYetValid { at: Moment }
        = "EDU-2613" Refused "SAML Core 2.5.1.2": "the assertion is valid from {at}";
    /// An assertion that is no longer valid.
    Expired { at: Moment }
        = "EDU-2614" Refused "SAML Core 2.5.1.2": "the assertion was valid until {at}";
    /// A condition nobody here can evaluate.
    ConditionUnknown { found: Said }
        = "EDU-2615" Refused "SAML Core 2.5.1.1": "the condition {found} cannot be evaluated";
    /// An assertion for everybody.
    AudienceMissing
        = "EDU-2616" Refused "SAML Profiles 4.1.4.2": "the assertion has no AudienceRestriction";
    /// An assertion for another service.
    AudienceOther { found: Said }
        = "EDU-2617" Refused "SAML Core 2.5.1.4": "the assertion is for {found}";
    /// An assertion that does not say how the person was authenticated.
    AuthnStatementMissing
        = "EDU-2618" Refused "SAML Profiles 4.1.4.2": "the assertion has no AuthnStatement";
    /// A session that ended at the identity provider.
    SessionEnded { at: Moment }
        = "EDU-2619" Refused "SAML Core 2.7.2": "the session ended at {at}";

    // 27xx: metadata.

    /// Another document than metadata.
    NotMetadata { found: Said }
        = "EDU-2701" Malformed "SAML Metadata 2.3": "the document is a {found}, not metadata";
    /// A document that does not say until when it is valid.
    ValidUntilMissing
        = "EDU-2702" Refused "IIP-MD04": "the metadata does not say until when it is valid";
    /// A document or an entity that is no longer valid.
    MetadataExpired { at: Moment }
        = "EDU-2703" Refused "IIP-MD04": "the metadata was valid until {at}";
    /// A document valid for longer than its source may promise.
    BeyondHorizon { at: Moment, days: u32 }
        = "EDU-2704" Refused "IIP-MD04": "the metadata is valid until {at}, more than {days} days ahead";
    /// An entityID that is not one.
    EntityIdInvalid { found: Said }
        = "EDU-2705" Refused "SAML Metadata 2.3.2": "{found} is not an entityID";
    /// An entity that stands twice in one document: the second is left out.
    EntityRepeated
        = "EDU-2706" Refused "SAML Metadata 2.3.1": "the entity stands twice in the document";
    /// An entity without a role that is known here.
    RoleMissing
        = "EDU-2707" Refused "SAML Metadata 2.3.2": "the entity has no SAML 2.0 role of identity or service provider";
    /// An identity provider without a key to verify it with.
    SigningKeyMissing
        = "EDU-2708" Refused "SAML Metadata 2.4.1.1": "the identity provider has no signing key that can be read";
    /// An identity provider without a sign-on address that is known here.
    SignOnMissing
        = "EDU-2709" Refused "SAML Metadata 2.4.3": "the identity provider has no SingleSignOnService";
    /// A service without an assertion consumer service that is known here.
    ConsumerMissing
        = "EDU-2710" Refused "SAML Metadata 2.4.4": "the service has no AssertionConsumerService";
    /// An address that is not https (or http on a loopback host, where allowed), or is disguised.
    Endpoint { location: Said }
        = "EDU-2711" Refused "SECURITY 25": "the address {location} may not be an endpoint";
    /// An entity with more than one entity needs.
    EntityTooLarge { limit: usize }
        = "EDU-2712" Refused "SECURITY 25": "the entity has more than {limit} nodes";

    // 28xx: between entities, behind the browser's back and through it.

    /// A message of another entity than the one whose keys verified it.
    SenderOther { found: Said }
        = "EDU-2801" Refused "SAML Core 3.2.1": "the message is issued by {found}";
    /// A logout request that is to be ignored by now.
    LogoutExpired { at: Moment }
        = "EDU-2802" Refused "SAML Core 3.7.1": "the logout request was valid until {at}";
    /// A logout request that names more sessions than anybody has.
    TooManySessions { limit: usize }
        = "EDU-2803" Malformed "SECURITY 3": "the logout request names more than {limit} sessions";
    /// An artifact that gave no message: spent, expired, or never given to us.
    NothingResolved
        = "EDU-2804" Refused "SAML Core 3.5.3": "the artifact gave no message";
    /// A service and a client that do not see the same channel between them.
    ChannelUnbound { why: &'static str }
        = "EDU-2805" Refused "IIP-IDP13": "the channel is not bound: {why}";

    // 29xx: what we say.

    /// A message of ours that could not be composed or signed.
    NotComposed { why: &'static str }
        = "EDU-2901" Refused "XML Signature 3.1": "the message was not composed: {why}";
    /// A service whose keys to encrypt for cannot be used as it declares.
    NoCommonEncryption
        = "EDU-2902" Refused "IIP-MD10": "the service publishes keys to encrypt for, and none with algorithms used here";
    /// An entity that declares signature algorithms or digests, none of which our key makes.
    NoCommonSignature
        = "EDU-2903" Refused "IIP-MD10": "the entity declares how it verifies, and our key does not sign so";
}

#[cfg(test)]
mod tests;
