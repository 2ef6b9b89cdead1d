//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::sp::MAKES;
use crate::settings::DEFAULT_FILE;

/// Federated sign-on for a French académie: discovery, identity provider, portal, viewer.
#[derive(Debug, Parser)]
#[command(name = "eduline", version, about)]
pub(crate) struct Cli {
    /// The settings file.
    #[arg(long, global = true, env = "EDULINE_CONFIG", default_value = DEFAULT_FILE)]
    pub(crate) config: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve one service, or all of them in one process.
    Serve(Serve),
    /// Look at configuration, templates, words, keys and catalogue; tell every fault at once.
    Check(Json),
    /// The story of one login, from the reference on an error page.
    Trace(Trace),
    /// What things cost, each beside its limit measured in the same run.
    Bench(Bench),
    /// Copy what cannot be made again (accounts, keys, registered metadata, settings) into one file, while
    /// everything serves.
    Backup(Copied),
    /// Lay such a copy down where nothing is; refused where something is.
    Restore(Copied),
    /// One F-TICKS line for each answer of a day, for a federation that counts sign-ons.
    Fticks(Fticks),
    /// Keys and secrets.
    #[command(subcommand)]
    Keys(Keys),
    /// Service providers.
    #[command(subcommand)]
    Sp(Sp),
    /// Identity providers of others.
    #[command(subcommand)]
    Idp(Idp),
    /// Sources of metadata, and what can be said of a document.
    #[command(subcommand)]
    Metadata(Metadata),
    /// Accounts.
    #[command(subcommand)]
    Account(Account),
    /// What can be said of a message.
    #[command(subcommand)]
    Saml(Saml),
}

/// `saml`.
#[derive(Debug, Subcommand)]
pub(crate) enum Saml {
    /// A request, a response or metadata, readable, with every rule it obeys or breaks, in plain French.
    Decode {
        /// A file with XML, base64 or a whole address; `-` or nothing: standard input.
        #[arg(default_value = "-")]
        file: String,
        #[command(flatten)]
        print: Json,
    },
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Which service.
    pub(crate) what: Which,
    /// Make the keys that are missing before serving.
    #[arg(long)]
    pub(crate) first_start: bool,
}

/// Which service a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// Every one of them.
    All,
    /// The discovery service.
    Wayf,
    /// The identity provider.
    Idp,
    /// The pages where people look after their account.
    Account,
    /// The portal.
    Portal,
    /// The viewer.
    Viewer,
}

impl Which {
    /// Whether this process runs that service.
    pub(crate) fn runs(self, service: Self) -> bool {
        self == Self::All || self == service
    }

    /// Its name, as typed.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Wayf => "wayf",
            Self::Idp => "idp",
            Self::Account => "account",
            Self::Portal => "portal",
            Self::Viewer => "viewer",
        }
    }
}

/// How data is printed.
#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `backup`, `restore`.
#[derive(Debug, Args)]
pub(crate) struct Copied {
    /// The file.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) print: Json,
}

/// `fticks`.
#[derive(Debug, Args)]
pub(crate) struct Fticks {
    /// What the federation is called in the lines.
    #[arg(long)]
    pub(crate) federation: String,
    /// The day, `2026-11-25` (UTC); today when none is named.
    #[arg(long)]
    pub(crate) day: Option<chrono::NaiveDate>,
    #[command(flatten)]
    pub(crate) print: Json,
}

/// `bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Sign-ons that a row is the median of, in batches of 50.
    #[arg(long, default_value_t = 1000)]
    pub(crate) sign_ons: u32,
    /// Password logins that a row is the mean of.
    #[arg(long, default_value_t = 30)]
    pub(crate) logins: u32,
    /// Identity providers of the federation that is read and searched.
    #[arg(long, default_value_t = 6000)]
    pub(crate) providers: u32,
    /// Services of it.
    #[arg(long, default_value_t = 4000)]
    pub(crate) services: u32,
    /// Only what a large federation costs.
    #[arg(long)]
    pub(crate) only_scale: bool,
    /// Only what a sign-on with a live session costs.
    #[arg(long)]
    pub(crate) only_sign_ons: bool,
    /// Only what memory comes to over that many sign-ons (minutes).
    #[arg(long, value_name = "SIGN_ONS", num_args = 0..=1, default_missing_value = "200000")]
    pub(crate) endurance: Option<u32>,
    /// Only what taking accounts in from a file costs.
    #[arg(long)]
    pub(crate) only_import: bool,
    /// Accounts that are taken in from a file.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) accounts: u32,
    /// Tries by which it is measured whether time tells who has an account.
    #[arg(long, default_value_t = 2000)]
    pub(crate) tries: u32,
    #[command(flatten)]
    pub(crate) print: Json,
}

/// `trace`.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// The reference, as shown or as read aloud.
    #[arg(required = true)]
    pub(crate) reference: Vec<String>,
    #[command(flatten)]
    pub(crate) print: Json,
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Which keys there are, and until when their certificates last.
    List(Json),
    /// Make those that are missing; for a realm or a key that is named, the one that comes next.
    Generate {
        /// A realm or a key, as `keys list` calls it.
        names: Vec<String>,
        /// The same, of a realm.
        #[arg(long, value_name = "REALM")]
        realm: Vec<String>,
        #[command(flatten)]
        print: Json,
    },
    /// Make the key that comes next: published from now on, it signs once it is promoted.
    Next {
        #[command(flatten)]
        which: WhichKeys,
        /// The key pair of that label in the token (section `pkcs11`), made there when there is none.
        #[arg(long, value_name = "LABEL")]
        pkcs11: Option<String>,
        #[command(flatten)]
        print: Json,
    },
    /// The next key signs from now on; the current one is retired, and still published.
    Promote {
        #[command(flatten)]
        which: WhichKeys,
        /// Whoever has not read our metadata since the next key was made is turned away.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        print: Json,
    },
    /// The key that proves to an application behind the gate who comes to it, as HS256 takes it.
    Gate {
        /// Its id in the catalogue.
        application: String,
        #[command(flatten)]
        print: Json,
    },
    /// Remove retired keys: no longer published, they open and prove nothing.
    Retire {
        /// Which: a realm or a key, as `keys list` calls it. All of them when none is named.
        names: Vec<String>,
        /// The same, of a realm.
        #[arg(long, value_name = "REALM")]
        realm: Vec<String>,
        /// Those too that were retired a short while ago.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        print: Json,
    },
}

/// Which keys are rolled.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichKeys {
    /// A realm or a key, as `keys list` calls it.
    pub(crate) names: Vec<String>,
    /// The same, of a realm.
    #[arg(long, value_name = "REALM")]
    pub(crate) realm: Vec<String>,
    /// Every key that our metadata publishes; not the one that signs metadata.
    #[arg(long)]
    pub(crate) all: bool,
}

/// `sp`.
#[derive(Debug, Subcommand)]
pub(crate) enum Sp {
    /// Register a service provider; a running server sees it within two seconds. What was understood of it, what is
    /// wrong with it and what each kind of person would send are said first.
    Add(Box<NewService>),
    /// What a person would send to a service, and which rule decided. Nobody signs in.
    Preview {
        /// Whose: a login of the staff, or realm/login.
        user: String,
        /// The service's entityID.
        id: String,
        #[command(flatten)]
        print: Json,
    },
    /// A sign-on of somebody who does not exist, with what came of each check. Nothing is sent, and nobody signs on.
    Try(TryOf),
    /// What a service of one make is configured with, with the values of this deployment.
    Snippet(SnippetOf),
    /// Those that are registered.
    List(Json),
    /// What one says of itself.
    Show {
        /// Its entityID.
        id: String,
        #[command(flatten)]
        print: Json,
    },
    /// Forget one.
    Remove {
        /// Its entityID.
        id: String,
    },
}

/// `sp try`.
#[derive(Debug, Args)]
pub(crate) struct TryOf {
    /// The service's entityID.
    pub(crate) id: String,
    /// Who would sign on: a realm, or personnel/FUNCTION.
    #[arg(long, default_value = "personnel")]
    pub(crate) kind: String,
    #[command(flatten)]
    pub(crate) print: Json,
}

/// `sp add`.
#[derive(Debug, Args)]
pub(crate) struct NewService {
    /// Its metadata: a file, an address, or `-` for what is pasted into standard input.
    pub(crate) metadata: String,
    /// Ask its address again from day to day: its keys and its own addresses are what it says there.
    /// Only over https, with a certificate that is good for its host.
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) saving: Saving,
    /// Whose attributes are shown, in place of one made-up person of each kind: a login of the staff, or realm/login.
    #[arg(long = "as", value_name = "USER")]
    pub(crate) people: Vec<String>,
    #[command(flatten)]
    pub(crate) decisions: Decisions,
    #[command(flatten)]
    pub(crate) print: Json,
}

/// Whether, and over what, a service is saved.
#[derive(Debug, Args)]
pub(crate) struct Saving {
    /// Look at it and save nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Save without asking; nobody is asked either where there is no terminal.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    /// Take the place of what is registered under the same entityID.
    #[arg(long)]
    pub(crate) replace: bool,
}

/// `sp snippet`.
#[derive(Debug, Args)]
pub(crate) struct SnippetOf {
    /// What the service is made with.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(MAKES.map(|(name, _)| name)))]
    pub(crate) make: String,
    /// The entityID of a service that is known already: its names, and what it receives.
    pub(crate) id: Option<String>,
    /// Where the service stands, without a path.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) at: Option<String>,
    /// The realm whose identity provider it asks.
    #[arg(long, default_value = "personnel")]
    pub(crate) realm: String,
    /// An attribute it is to receive, in place of what its make usually needs.
    #[arg(long = "attribute", value_name = "NAME", conflicts_with = "id")]
    pub(crate) attributes: Vec<String>,
    #[command(flatten)]
    pub(crate) print: Json,
}

/// What is decided for a service when it is registered; config/services.toml has every word.
#[derive(Debug, Args)]
pub(crate) struct Decisions {
    /// An attribute it is to receive, besides those its metadata asks for.
    #[arg(long = "attribute", value_name = "NAME")]
    pub(crate) attributes: Vec<String>,
    /// An attribute it never receives.
    #[arg(long = "withhold", value_name = "NAME")]
    pub(crate) withheld: Vec<String>,
    /// How attributes are called: oid, friendly or basic.
    #[arg(long)]
    pub(crate) name_style: Option<String>,
    /// The name identifier it gets when it asks for none: metadata, transient, persistent, email, none.
    #[arg(long)]
    pub(crate) name_id: Option<String>,
    /// Whether assertions are encrypted: with-key, always, never.
    #[arg(long)]
    pub(crate) encrypt: Option<String>,
    /// A weak way to encrypt, for a service that knows nothing better: cbc, pkcs1.
    #[arg(long = "weak-encryption", value_name = "WAY")]
    pub(crate) weak_encryption: Vec<String>,
    /// What is signed: both, response, assertion.
    #[arg(long)]
    pub(crate) sign: Option<String>,
    /// When people are told what it receives: never, once, always.
    #[arg(long)]
    pub(crate) information: Option<String>,
    /// When it asks for a second factor: none, external, always.
    #[arg(long)]
    pub(crate) second_factor: Option<String>,
    /// What happens when something it requires is missing: tell, send, refuse.
    #[arg(long)]
    pub(crate) missing: Option<String>,
    /// Let answers that it did not ask for be sent to it.
    #[arg(long)]
    pub(crate) unsolicited: bool,
}

/// `idp`.
#[derive(Debug, Subcommand)]
pub(crate) enum Idp {
    /// Trust an identity provider: the discovery service and our services offer it within two seconds.
    Add {
        /// Its metadata: a file, or an address.
        metadata: String,
        /// The profile it stands behind: the tile that leads to it, and what the portal takes its
        /// people for.
        #[arg(long, value_name = "ID", default_value = "partenaire")]
        profile: String,
        #[command(flatten)]
        print: Json,
    },
    /// Those that are registered, each with its profile.
    List(Json),
    /// What one says of itself.
    Show {
        /// Its entityID.
        id: String,
        #[command(flatten)]
        print: Json,
    },
    /// Forget one.
    Remove {
        /// Its entityID.
        id: String,
    },
}

/// `metadata`.
#[derive(Debug, Subcommand)]
pub(crate) enum Metadata {
    /// Where others' metadata is read from.
    #[command(subcommand)]
    Source(MetadataSource),
    /// Read every source now; a running server does the same within two seconds.
    Refresh(Json),
    /// Who came, who went and whose keys changed, refresh by refresh; the latest last.
    Changes {
        /// A source, or a part of an entityID.
        about: Option<String>,
        #[command(flatten)]
        print: Json,
    },
    /// What is wrong with a document, line by line, in plain French.
    Lint {
        /// A file, or an address.
        from: String,
        #[command(flatten)]
        print: Json,
    },
    /// Whether a document is signed by a key.
    Verify {
        /// A file, or an address.
        file: String,
        /// The certificate of the key, PEM.
        #[arg(long, value_name = "PEM")]
        key: PathBuf,
        #[command(flatten)]
        print: Json,
    },
}

/// `metadata source`.
#[derive(Debug, Subcommand)]
pub(crate) enum MetadataSource {
    /// Add one, once it was read with success.
    Add {
        #[command(flatten)]
        source: NewSource,
        #[command(flatten)]
        print: Json,
    },
    /// Those of the settings and those that were added, with what each gave last.
    List(Json),
    /// Forget one that was added.
    Remove {
        /// Its name.
        name: String,
    },
}

/// A source to add.
#[derive(Debug, Args)]
pub(crate) struct NewSource {
    /// An address, a file, or a folder of files.
    pub(crate) place: String,
    /// The certificate of the only key that may sign it, PEM.
    #[arg(long, value_name = "PEM")]
    pub(crate) key: PathBuf,
    /// What it is called; after its host when nothing is said.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Days that validUntil may lie ahead; without one, a document is refused.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) horizon_days: u32,
    /// The address is of a Metadata Query service, asked for one entity after the other.
    #[arg(long)]
    pub(crate) mdq: bool,
    /// Take only who is of this entity category; several times: of one of them.
    #[arg(long, value_name = "URI")]
    pub(crate) category: Vec<String>,
    /// Take only whom this one registered (mdrpi); several times: one of them.
    #[arg(long, value_name = "URI")]
    pub(crate) registrar: Vec<String>,
    /// Leave out who is of this entity category (hide-from-discovery, say).
    #[arg(long, value_name = "URI")]
    pub(crate) without_category: Vec<String>,
    /// Leave out this entity.
    #[arg(long, value_name = "ID")]
    pub(crate) without: Vec<String>,
}

/// `account import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The files; schools are read before their people.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What they are, where their names do not end in .csv, .ldif or .xml (AAF).
    #[arg(long)]
    pub(crate) format: Option<Format>,
    /// Whose accounts an LDIF file tells of.
    #[arg(long)]
    pub(crate) realm: Option<String>,
    /// Do everything but keep it: every fault is told with its line.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave out what is wrong, and tell it, in place of taking nothing in.
    #[arg(long)]
    pub(crate) skip: bool,
    /// Write a letter to each person who comes, with their first password: HTML to be printed.
    #[arg(long, value_name = "FILE")]
    pub(crate) letters: Option<PathBuf>,
    /// Whoever is there already and stands in a CSV file keeps their password.
    #[arg(long)]
    pub(crate) keep_passwords: bool,
    #[command(flatten)]
    pub(crate) print: Json,
}

/// What a file of accounts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table (config/demo/accounts.csv).
    Csv,
    /// An export of a tree (RFC 2849).
    Ldif,
    /// The ministry's `ficAlimMENESR`.
    Aaf,
}

/// `account`.
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Create an account, or replace the one with that login.
    Add(NewAccount),
    /// Take accounts in from files (CSV, LDIF, AAF), all or none.
    Import(Import),
    /// The accounts of one realm, or of all.
    List {
        /// personnel, eleve, parent or partenaire.
        realm: Option<String>,
        #[command(flatten)]
        print: Json,
    },
    /// One account.
    Show {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        print: Json,
    },
    /// Disable an account: within two seconds its sessions end, here and at every service that can be
    /// told.
    Disable {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        print: Json,
    },
    /// Enable it again.
    Enable {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        print: Json,
    },
    /// Forget that wrong passwords and codes were typed for it: nobody waits any more.
    Unlock {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        print: Json,
    },
    /// Give it a new password, printed this once, to be changed at the next sign-on; its sessions end.
    Reset {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        print: Json,
    },
    /// Its functions and its roles: list them, or set them.
    Roles(Roles),
    /// Hardware tokens (OATH): import a box of them, hand them out, take them back.
    #[command(subcommand)]
    Tokens(Tokens),
}

/// `account tokens`.
#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Take the tokens of a maker's file into the drawer: CSV or PSKC (RFC 6030); all of them, or none.
    Import {
        /// The file.
        file: PathBuf,
        /// A file with the key that a PSKC file is encrypted with, in hexadecimal.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[command(flatten)]
        print: Json,
    },
    /// All of them, and whose they are.
    List(Json),
    /// Hand one to a person: nobody else can make it theirs.
    Bind {
        /// What stands on its back.
        serial: String,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        print: Json,
    },
    /// Take one back: it proves nobody any more, and can be handed out again.
    Release {
        /// What stands on its back.
        serial: String,
        #[command(flatten)]
        print: Json,
    },
    /// Forget one that is lost or broken: it proves nobody any more.
    Discard {
        /// What stands on its back.
        serial: String,
        #[command(flatten)]
        print: Json,
    },
}

/// Whose account.
#[derive(Debug, Args)]
pub(crate) struct Whose {
    /// Its realm and its login; a login alone is one of the staff.
    #[arg(required = true, num_args = 1..=2, value_names = ["REALM", "LOGIN"])]
    pub(crate) who: Vec<String>,
}

/// `account roles`.
#[derive(Debug, Args)]
pub(crate) struct Roles {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// A function and where, in place of those there are: `directeur_ecole:0590121L:École Jean-Macé`. The
    /// first is the main one.
    #[arg(long = "post", value_name = "FUNCTION:UAI:PLACE")]
    pub(crate) posts: Vec<String>,
    /// No function any more.
    #[arg(long, conflicts_with = "posts")]
    pub(crate) no_posts: bool,
    /// A role inside Eduline: operateur or assistance.
    #[arg(long, value_name = "ROLE")]
    pub(crate) grant: Vec<String>,
    /// A role that is taken back.
    #[arg(long, value_name = "ROLE")]
    pub(crate) revoke: Vec<String>,
    #[command(flatten)]
    pub(crate) print: Json,
}

/// `account add`.
#[derive(Debug, Args)]
pub(crate) struct NewAccount {
    /// Its realm.
    pub(crate) realm: String,
    /// Its login.
    pub(crate) login: String,
    /// Given name.
    #[arg(long)]
    pub(crate) given_name: String,
    /// Usual name.
    #[arg(long)]
    pub(crate) surname: String,
    /// `M.` or `Mme`.
    #[arg(long, default_value = "")]
    pub(crate) title: String,
    /// Professional mail.
    #[arg(long)]
    pub(crate) mail: Option<String>,
    /// A function and where: `directeur_ecole:0590121L:École Jean-Macé`. The first is the main one.
    #[arg(long = "post", value_name = "FUNCTION:UAI:PLACE")]
    pub(crate) posts: Vec<String>,
    /// NUMEN, kept as a keyed hash only.
    #[arg(long)]
    pub(crate) numen: Option<String>,
    /// Birth date, `1964-01-10`.
    #[arg(long)]
    pub(crate) birth_date: Option<chrono::NaiveDate>,
    /// Where the person is reached who has lost their password.
    #[arg(long)]
    pub(crate) recovery_mail: Option<String>,
    /// Read the password from standard input; without this one is made and printed once.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) print: Json,
}
