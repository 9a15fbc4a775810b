//! The steps of a rehearsal.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ceremony::policy::Signers;
use ceremony::{Days, Policy, Time};
use toml_edit::{Array, DocumentMut, Item, value};

use crate::ceremony_dir::Ceremony;
use crate::cli::within;
use crate::context::Context;
use crate::disk::{self, Access, Place};
use crate::error::{Failure, OrFail as _};
use crate::machine::Machine;
use crate::policy_file::{self, PolicyFile};
use crate::ui::Ui;
use crate::workdir::Workdir;

/// The name of the online key where the policy has none.
const ONLINE: &str = "online";

/// Who joins in the second ceremony.
const NEWCOMER: &str = "newcomer";

/// The most bytes of a policy that are read.
const POLICY_LIMIT: u64 = 1 << 20;

/// A rehearsal under way: every person has a machine of their own.
pub(super) struct Rehearsal<'a> {
    context: &'a Context,
    ui: &'a mut Ui,
    directory: &'a Path,
    now: Time,
    /// The commands so far, as a person would type them.
    pub(super) steps: Vec<String>,
}

impl<'a> Rehearsal<'a> {
    pub(super) fn new(context: &'a Context, ui: &'a mut Ui, directory: &'a Path) -> Self {
        Self { context, ui, directory, now: context.now, steps: Vec::new() }
    }

    /// Rehearses with three people of whom two must sign.
    pub(super) fn run(&mut self) -> Result<(), Failure> {
        self.say("The coordinator starts a trust root: two of three people sign.");
        let people = ["alice", "bob", "carol"].map(|name| format!("--keyholder={name}"));
        let start = ["init", "--name=Rehearsal", "--threshold=2", "--file-keys"].map(str::to_owned);
        disk::create_dir(&self.room())?;
        self.step("coordinator", start.into_iter().chain(people))?;
        self.ceremonies()
    }

    /// Rehearses with the people and roles of the policy in the file at `path`.
    pub(super) fn run_with(&mut self, path: &Path) -> Result<(), Failure> {
        let text = disk::read_text(&Place::named(path), POLICY_LIMIT)?;
        let policy = policy_file::parse(&text).or_fail(|| format!("{} is not a policy", path.display()))?;
        let mut document: DocumentMut = text.parse().or_fail(|| path.display().to_string())?;
        throw_away(&mut document, &policy);
        self.say("The policy is yours, with throw-away keys for everybody in it.");
        disk::create_new(&self.room().join("trustroot.toml"), document.to_string().as_bytes(), Access::Shared)?;
        self.ceremonies()
    }

    fn ceremonies(&mut self) -> Result<(), Failure> {
        let target = self.room().join("targets/rehearsal.txt");
        disk::create_new(&target, b"rehearsed\n", Access::Shared)?;
        self.say("Everybody makes a key and proves that they have it.");
        let policy = self.policy()?;
        for name in names(&policy, |signers| matches!(signers, Signers::Keyholders(_))) {
            self.enroll(&name, false)?;
        }
        for name in names(&policy, |signers| matches!(signers, Signers::Online(_))) {
            self.enroll(&name, true)?;
        }
        self.ceremony(None)?;

        self.say("Days later a timer renews the timestamp.");
        let lifetime = policy.role("timestamp").map_or(Days(1), |role| role.lifetime);
        self.wait(Days(lifetime.0.saturating_sub(1)));
        self.online_step("renew", &policy)?;

        self.say("Somebody joins, and somebody leaves if enough stay: the second ceremony.");
        self.enroll(NEWCOMER, false)?;
        for role in ["root", "targets"] {
            self.replace_somebody(role)?;
        }
        self.ceremony(Some("repository/1.root.json"))?;

        self.say("A client that knows the first root alone fetches; an auditor looks at everything.");
        let fetch = ["fetch", "--root=repository/1.root.json", "--metadata-url=repository", "--cache=../cache"];
        let out = ["--out=../out", "rehearsal.txt"];
        self.step("client", fetch.into_iter().chain(out).map(str::to_owned))?;
        let verify = ["verify", "--repository=repository", "--root=repository/1.root.json"].map(str::to_owned);
        self.step("auditor", verify.into_iter())
    }

    /// Stage, review, sign, publish. `root` is what the keyholders trust; none before there is one.
    fn ceremony(&mut self, root: Option<&str>) -> Result<(), Failure> {
        self.say("The coordinator stages what the policy wants.");
        self.step("coordinator", ["stage".to_owned()].into_iter())?;
        let root: Vec<String> = root.map(|root| format!("--root={root}")).into_iter().collect();
        self.say("The coordinator's screen shows the digest, which everybody hears.");
        let review = ["review".to_owned(), "--digest".to_owned()];
        self.step("coordinator", review.into_iter().chain(root.clone()))?;
        let workdir = self.workdir();
        let open = Ceremony::open(&workdir)?;
        let name = open.first().ok_or_else(|| Failure::could_not("nothing was staged"))?;
        let ceremony = Ceremony::load(&workdir, name)?;
        let words = ceremony.digest.words().join(" ");
        self.say("Each person looks at the change, gives the digest as heard, and signs.");
        let staged = ceremony.staged()?;
        let mut people: Vec<String> = staged
            .roles()
            .values()
            .flat_map(|role| role.quorum.fingerprints())
            .filter_map(|key| ceremony.roster.find(&key).map(|(record, _)| record.name().to_string()))
            .collect();
        people.sort();
        people.dedup();
        let (id, holders) = (&ceremony.inputs.policy.id, &ceremony.inputs.holders);
        for name in people {
            let signatures = Ceremony::load(&workdir, &ceremony.name)?.signatures;
            if staged.clone().assemble(id, &signatures, holders).is_ok() {
                self.say("Enough people have signed.");
                break;
            }
            let sign = ["sign".to_owned(), format!("--expect={words}"), format!("--key-file={}", key_file(&name))];
            self.step(&name, sign.into_iter().chain(root.clone()))?;
        }
        self.step("coordinator", ["status".to_owned()].into_iter())?;
        self.say("The coordinator publishes: clients are tried after every single write.");
        let policy = ceremony.inputs.policy;
        self.online_step("publish", &policy)
    }

    fn enroll(&mut self, name: &str, online: bool) -> Result<(), Failure> {
        let mut enroll: Vec<String> = ["keyholder", "enroll", name].map(str::to_owned).into();
        enroll.push(format!("--file={}", key_file(name)));
        enroll.extend(["--generate", "--no-passphrase", "--new-nonce"].map(str::to_owned));
        enroll.extend(online.then(|| "--online".to_owned()));
        disk::create_dir(&Place::named(self.directory.join("keys")))?;
        self.step(name, enroll.into_iter())
    }

    fn replace_somebody(&mut self, role: &str) -> Result<(), Failure> {
        let policy = self.policy()?;
        let Some(role_policy) = policy.role(role) else { return Ok(()) };
        let signers = role_policy.signers.names();
        let mut change = vec!["role".to_owned(), role.to_owned(), format!("--add={NEWCOMER}")];
        if signers.len() as u64 > role_policy.threshold {
            change.extend(signers.last().map(|name| format!("--drop={name}")));
        }
        self.step("coordinator", change.into_iter())
    }

    fn online_step(&mut self, command: &str, policy: &Policy) -> Result<(), Failure> {
        let keys = names(policy, |signers| matches!(signers, Signers::Online(_)));
        let keys = keys.iter().map(|name| format!("--online-key={}", key_file(name)));
        self.step("coordinator", [command.to_owned()].into_iter().chain(keys))
    }

    /// Runs one command on the machine of `who`, and shows it as it would be typed.
    fn step(&mut self, who: &str, arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
        let arguments: Vec<String> = arguments.collect();
        let typed = arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" ");
        self.ui.say_apart(format!("{who}$ trustroot {typed}"));
        self.steps.push(format!("trustroot {typed}"));
        let room = self.room().path();
        let mut all = vec![OsString::from("-C"), room.clone().into(), format!("--now={}", self.now).into()];
        all.extend(arguments.iter().map(|argument| absolute(argument, &room).into()));
        let machine = Machine::at(&self.directory.join("machines").join(who));
        let outcome = within(self.context, &machine, &all, self.ui);
        let outcome = outcome.or_fail(|| format!("the rehearsal stopped at `trustroot {typed}`"))?;
        self.ui.show(&*outcome.report);
        Ok(())
    }

    fn say(&mut self, text: &str) {
        self.ui.say_apart(format!("== {text}"));
    }

    fn wait(&mut self, days: Days) {
        self.now = self.now.plus(days).unwrap_or(self.now);
    }

    fn room(&self) -> Place {
        Place::named(self.directory.join("room"))
    }

    fn workdir(&self) -> Workdir {
        Workdir::at(self.directory.join("room"))
    }

    fn policy(&self) -> Result<Policy, Failure> {
        Ok(PolicyFile::read(&self.workdir())?.policy)
    }
}

/// The names that sign roles with signers of one kind, each once.
fn names(policy: &Policy, kind: impl Fn(&Signers) -> bool) -> Vec<String> {
    let roles = policy.roles.values().filter(|role| kind(&role.signers));
    let mut names: Vec<String> = roles.flat_map(|role| role.signers.names().to_vec()).collect();
    names.sort();
    names.dedup();
    names
}

/// Lets everybody sign with files, and gives the roles that somebody else signs to a throw-away online key.
fn throw_away(document: &mut DocumentMut, policy: &Policy) {
    document.entry("devices").or_insert(toml_edit::table())["file-keys"] = value(true);
    for (name, role) in &policy.roles {
        if role.signers == Signers::External
            && let Some(table) = crate::policy_file::role_table(document, name)
        {
            table.insert("online", Item::Value(Array::from_iter([ONLINE]).into()));
        }
    }
}

fn key_file(name: &str) -> String {
    format!("../keys/{name}.pem")
}

/// An argument as a shell would want it.
fn quoted(argument: &str) -> String {
    match argument.split_once('=') {
        Some((flag, text)) if text.contains(' ') => format!("{flag}='{text}'"),
        _ => argument.to_owned(),
    }
}

/// The paths of the script are relative to the room; a person would stand in it.
fn absolute(argument: &str, room: &Path) -> String {
    const PATHS: [&str; 8] =
        ["--root", "--file", "--key-file", "--online-key", "--cache", "--out", "--repository", "--metadata-url"];
    match argument.split_once('=') {
        Some((flag, path)) if PATHS.contains(&flag) => {
            let path: PathBuf = room.join(path);
            format!("{flag}={}", path.display())
        }
        _ => argument.to_owned(),
    }
}
