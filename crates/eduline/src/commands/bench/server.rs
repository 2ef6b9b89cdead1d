//! The server that is measured, and who visits it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::commands::Refusal;
use crate::serve::DEMO_PASSWORD;

/// `eduline serve all`, on embedded stores in a folder of its own.
pub(super) struct Server {
    data: TempDir,
    program: PathBuf,
    port: u16,
    settings: Vec<(&'static str, String)>,
    child: Option<Child>,
}

/// A visitor with a browser's cookies.
pub(super) struct Visitor {
    agent: ureq::Agent,
    base: String,
}

/// A login form that was fetched.
pub(super) struct LoginForm {
    action: String,
    csrf: String,
    flow: String,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(super) fn start(settings: &[(&'static str, &str)]) -> Result<Self, Refusal> {
        let data = TempDir::new().map_err(failed)?;
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(failed)?
            .port();
        let mut server = Self {
            data,
            program: std::env::current_exe().map_err(failed)?,
            port,
            settings: settings
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            child: None,
        };
        server.again()?;
        Ok(server)
    }

    /// Starts it anew on what it wrote; says how long the first answer took from exec.
    pub(super) fn again(&mut self) -> Result<Duration, Refusal> {
        self.end();
        let agent = agent();
        let address = self.at("/health/ready");
        let started = Instant::now();
        let mut command = self.command(&["serve", "all"]);
        self.child = Some(command.spawn().map_err(failed)?);
        while !agent
            .get(&address)
            .call()
            .is_ok_and(|answer| answer.status().as_u16() == 200)
        {
            if started.elapsed() > Duration::from_secs(30) {
                return Err(Refusal::of("the server to be measured does not start"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(started.elapsed())
    }

    /// What it costs to exec the binary and do nothing.
    pub(super) fn bare_exec(&self) -> Result<Duration, Refusal> {
        let started = Instant::now();
        self.command(&["--version"]).status().map_err(failed)?;
        Ok(started.elapsed())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("EDULINE_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("EDULINE_PUBLIC_URL", self.base())
            .env("EDULINE_DATA", self.data.path())
            .env("EDULINE__SERVER__DEMO", "true")
            .env("EDULINE__ADMIN__LISTEN", "off")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Registers a service by its metadata, as an operator does.
    pub(super) fn register(&self, metadata: &str, decisions: &[&str]) -> Result<(), Refusal> {
        let file = self.data.path().join("service.xml");
        std::fs::write(&file, metadata).map_err(failed)?;
        let mut command = self.command(&["sp", "add"]);
        let ended = command
            .arg(&file)
            .args(decisions)
            .status()
            .map_err(failed)?;
        if ended.success() {
            Ok(())
        } else {
            Err(Refusal::of("the measure's own service is not taken"))
        }
    }

    fn base(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// An address of it.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// Where it writes.
    pub(super) fn data(&self) -> &Path {
        self.data.path()
    }

    /// The CPU time it spent, all threads.
    pub(super) fn cpu(&self) -> Duration {
        cpu_of(self.child.as_ref().map_or(0, Child::id))
    }

    /// The memory it holds, kB: resident pages, those of its file included.
    pub(super) fn resident_kb(&self) -> u32 {
        self.status("VmRSS:")
    }

    /// The most it ever held, kB.
    pub(super) fn peak_kb(&self) -> u32 {
        self.status("VmHWM:")
    }

    /// The pages of its file among them, kB.
    pub(super) fn file_kb(&self) -> u32 {
        self.status("RssFile:")
    }

    fn status(&self, field: &str) -> u32 {
        let id = self.child.as_ref().map_or(0, Child::id);
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    }

    /// Somebody who was never here.
    pub(super) fn visitor(&self) -> Visitor {
        Visitor {
            agent: agent(),
            base: self.base(),
        }
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ended = child.kill().and_then(|()| child.wait());
        }
    }
}

impl LoginForm {
    /// Where it is sent, its token and its flow.
    pub(super) fn parts(self) -> (String, String, String) {
        (self.action, self.csrf, self.flow)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl Visitor {
    /// The page at an address, after redirections.
    pub(super) fn get(&self, address: &str) -> Result<String, Refusal> {
        let mut answer = self.agent.get(address).call().map_err(unanswered)?;
        answer.body_mut().read_to_string().map_err(unanswered)
    }

    /// The login form of a realm, on the way to the portal.
    pub(super) fn login_form(&self, realm: &str) -> Result<LoginForm, Refusal> {
        let provider = format!("{}/idp/{realm}", self.base);
        let escaped = provider.replace(':', "%3A").replace('/', "%2F");
        let page = self.get(&format!("{}/portail/login?entityID={escaped}", self.base))?;
        let field = |name: &str| after(&page, &format!("name=\"{name}\" value=\""));
        Ok(LoginForm {
            action: format!("{}/idp/{realm}/login", self.base),
            csrf: field("csrf")?,
            flow: field("flow")?,
        })
    }

    /// Sends the form with the demo's password, up to the answer that goes to the portal.
    pub(super) fn send(&self, form: &LoginForm, login: &str) -> Result<(), Refusal> {
        let fields = [
            ("csrf", form.csrf.as_str()),
            ("flow", form.flow.as_str()),
            ("username", login),
            ("password", DEMO_PASSWORD),
        ];
        let mut answer = self
            .agent
            .post(&form.action)
            .send_form(fields)
            .map_err(unanswered)?;
        let page = answer.body_mut().read_to_string().map_err(unanswered)?;
        if page.contains("name=\"SAMLResponse\"") {
            Ok(())
        } else {
            Err(Refusal::of(format!("nobody was signed in: {page}")))
        }
    }

    /// The value of a field on the page at an address.
    pub(super) fn field(&self, address: &str, name: &str) -> Result<String, Refusal> {
        after(&self.get(address)?, &format!("name=\"{name}\" value=\""))
    }

    /// Sends a form from an address that a proxy of ours tells, and reads what comes.
    pub(super) fn post_from(
        &self,
        action: &str,
        from: &str,
        fields: Vec<(&str, &str)>,
    ) -> Result<(), Refusal> {
        let sent = self.agent.post(action).header("x-forwarded-for", from);
        let mut answer = sent.send_form(fields).map_err(unanswered)?;
        answer
            .body_mut()
            .read_to_string()
            .map(drop)
            .map_err(unanswered)
    }

    /// Signs in at a realm.
    pub(super) fn sign_in(&self, realm: &str, login: &str) -> Result<(), Refusal> {
        self.send(&self.login_form(realm)?, login)
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(20)))
        .max_idle_connections_per_host(super::AT_ONCE)
        .build()
        .into()
}

fn after(page: &str, mark: &str) -> Result<String, Refusal> {
    page.split_once(mark)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(value, _)| value.to_owned())
        .ok_or_else(|| Refusal::of(format!("no {mark:?} on the page: {page}")))
}

fn failed(why: std::io::Error) -> Refusal {
    Refusal::of(why.to_string())
}

fn unanswered(why: ureq::Error) -> Refusal {
    Refusal::of(why.to_string())
}

/// The CPU time of a process, all threads that live.
pub(super) fn cpu_of(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.into_iter().flatten().flatten();
    threads.map(|thread| spent_by(&thread.path())).sum()
}

/// That of the thread of this folder: the scheduler's own account, in nanoseconds.
pub(super) fn spent_by(thread: &Path) -> Duration {
    let text = std::fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    let first = text.split_whitespace().next().map(str::parse);
    Duration::from_nanos(first.and_then(Result::ok).unwrap_or(0))
}
