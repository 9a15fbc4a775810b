//! What `docs/people/robot.md` gives to paste, run: the units, the copying, the workflow.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use ceremony::Digest;
use tempfile::TempDir;

use crate::common::room::NOW;
use crate::common::{BINARY, Room, Run};
use crate::page;

/// The timestamp's signing window is open.
const DUE: &str = "2026-11-26T12:00:00Z";

/// The fenced block of the page that has this info string.
fn block(info: &str) -> String {
    let page = page("docs/people/robot.md");
    let (_, rest) = page.split_once(&format!("```{info}\n")).unwrap_or_else(|| panic!("no block {info}"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// The machine of a robot, with what the page has it install: `bin/` with its scripts, and `www/`, which clients see.
struct Robot {
    room: Room,
    machine: TempDir,
}

impl Robot {
    fn new() -> Self {
        let room = Room::new(&["alice", "bob", "carol"], 2);
        room.hold(&["alice", "bob"]);
        let key = room.key_file("online").display().to_string();
        let config = format!("[[online]]\nkeyholder = \"online\"\nfile = \"{key}\"\n");
        fs::write(room.coordinator.home().join("config.toml"), config).unwrap();
        let machine = tempfile::tempdir().unwrap();
        for name in ["bin", "caches", "www"] {
            fs::create_dir(machine.path().join(name)).unwrap();
        }
        fs::copy(room.path("repository/1.root.json"), machine.path().join("1.root.json")).unwrap();
        let robot = Self { room, machine };
        robot.at(NOW);
        robot.install("trustroot-serve", &block("sh trustroot-serve"));
        robot
    }

    /// From now on it is another time.
    fn at(&self, now: &str) {
        self.install("trustroot", &format!("#!/bin/sh\nexec {BINARY} \"$@\" --now {now}\n"));
    }

    fn path(&self, name: &str) -> String {
        self.machine.path().join(name).display().to_string()
    }

    fn install(&self, name: &str, script: &str) {
        let path = self.machine.path().join("bin").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The text with the places of this machine instead of those of the page.
    fn here(&self, text: &str) -> String {
        text.replace("/usr/local/bin", &self.path("bin"))
            .replace("/etc/trustroot/1.root.json", &self.path("1.root.json"))
            .replace("tuf@www.example.com:/srv/tuf", &self.path("www"))
            .replace("/srv/trust-root", &self.room.coordinator.dir().display().to_string())
    }

    fn sh(&self, script: &str, environment: &[(&str, String)]) -> Run {
        let path = format!("{}:{}", self.path("bin"), std::env::var("PATH").unwrap());
        let mut command = self.room.coordinator.program("sh", &["-c", script]);
        command.env("PATH", path).envs(environment.iter().cloned()).output().unwrap().into()
    }

    /// Runs the commands of the service one after the other, until one fails.
    fn service(&self) -> Run {
        let unit = self.here(&block("ini trustroot-renew.service"));
        let commands: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("ExecStart=")).collect();
        assert_eq!(commands.len(), 3);
        self.sh(&commands.join(" && "), &[])
    }

    /// Has a client look at what is served: a new one, and the one that remembers.
    fn clients_accept_it(&self, now: &str, why: &str) {
        let page = page("docs/people/robot.md");
        let fetch = page.lines().find(|line| line.starts_with("trustroot fetch ")).unwrap();
        let fetch = fetch.replace("https://tuf.example.com", &self.path("www"));
        let fetch = fetch.replace("1.root.json", &self.path("1.root.json"));
        self.at(now);
        for cache in ["cache", why] {
            let cache = self.path(&format!("caches/{}", Digest::of(cache.as_bytes()).short()));
            let run = self.sh(&format!("{} a.txt", fetch.replace("--cache cache", &format!("--cache {cache}"))), &[]);
            assert_eq!(run.code, 0, "{why}: {run:?}");
        }
    }
}

#[test]
fn the_units_are_what_systemd_takes() {
    let robot = Robot::new();
    let names = ["trustroot-renew.service", "trustroot-renew.timer", "trustroot-alert.service"];
    for name in names {
        fs::write(robot.path(name), robot.here(&block(&format!("ini {name}")))).unwrap();
    }
    let mut verify = Command::new("systemd-analyze");
    let output = verify.arg("verify").args(names.map(|name| robot.path(name))).output();
    let output = output.expect("systemd-analyze is missing: apt-get install systemd");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_service_renews_and_serves_what_verifies_and_nothing_else() {
    let robot = Robot::new();
    let run = robot.service();
    assert_eq!((run.code, run.stdout.contains("Nothing is due.")), (0, true), "{run:?}");
    robot.clients_accept_it(NOW, "served first");
    robot.at(DUE);
    let run = robot.service();
    assert_eq!((run.code, run.stdout.contains("Wrote timestamp.json.")), (0, true), "{run:?}");
    robot.clients_accept_it(DUE, "renewed");
    assert!(!robot.room.path(".trustroot.lock").exists());

    let served = fs::read(robot.path("www/timestamp.json")).unwrap();
    let targets = robot.room.path("repository/targets");
    for entry in fs::read_dir(&targets).unwrap() {
        fs::write(entry.unwrap().path(), "damaged\n").unwrap();
    }
    robot.at("2026-11-30T12:00:00Z");
    let run = robot.service();
    assert!(run.code == 1 && run.says("nothing was signed over it"), "{run:?}");
    assert_eq!(fs::read(robot.path("www/timestamp.json")).unwrap(), served);
}

#[test]
fn no_client_fails_while_a_new_root_is_copied() {
    let mut robot = Robot::new();
    assert_eq!(robot.service().code, 0);
    robot.clients_accept_it(NOW, "before");
    // Another online key: who sees its root without its timestamp, or the other way round, fails.
    robot.room.enroll_online("online2");
    robot.room.enroll("dave");
    for role in ["snapshot", "timestamp"] {
        robot.room.run(0, &["role", role, "--add=online2", "--drop=online"]);
    }
    robot.room.coordinator.write("targets/b.txt", "new\n");
    let ceremony = robot.room.stage();
    robot.room.sign_all(&["alice", "bob"], &ceremony);
    robot.room.run(0, &robot.room.with_keys(&["publish", &ceremony], &["online", "online2"]).each());

    let script = block("sh trustroot-serve");
    let lines: Vec<&str> = script.lines().collect();
    let copies: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("rsync ")).collect();
    assert_eq!(copies.len(), 3);
    for last in copies {
        robot.install("trustroot-serve", &lines[..=last].join("\n"));
        let serve = robot.here("/usr/local/bin/trustroot-serve /srv/trust-root tuf@www.example.com:/srv/tuf");
        let run = robot.sh(&serve, &[]);
        assert_eq!(run.code, 0, "{run:?}");
        robot.clients_accept_it(NOW, lines[last]);
    }
    assert!(Path::new(&robot.path("www/2.root.json")).exists());
    let names = |directory: &Path| crate::common::tree::listing(directory).into_keys().collect::<Vec<_>>();
    assert_eq!(names(Path::new(&robot.path("www"))), names(&robot.room.path("repository")));
}

#[test]
fn nothing_is_copied_while_something_is_published() {
    let robot = Robot::new();
    let _lock = fs::File::create(robot.room.path(".trustroot.lock")).unwrap();
    rustix::fs::flock(&_lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    robot.install("trustroot-serve", &block("sh trustroot-serve").replace("--wait 60", "--wait 1"));
    let serve = robot.here("/usr/local/bin/trustroot-serve /srv/trust-root tuf@www.example.com:/srv/tuf");
    let run = robot.sh(&serve, &[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(fs::read_dir(robot.path("www")).unwrap().count(), 0);
}

#[test]
fn the_workflow_renews_commits_and_pushes() {
    let robot = Robot::new();
    let page = block("yaml");
    let (_, script) = page.split_once("- run: |\n").unwrap();
    let (script, _) = script.split_once("        env:").unwrap();
    let run = |script: &str| {
        let key = fs::read_to_string(robot.room.key_file("online")).unwrap();
        let run = robot.sh(&format!("set -e\n{script}"), &[("KEY", key), ("RUNNER_TEMP", robot.path(""))]);
        assert_eq!(run.code, 0, "{run:?}");
        run
    };
    let remote = robot.path("remote.git");
    run(&format!(
        "mkdir .github && cp repository/1.root.json .github/\n\
         git init -q --bare {remote} && git init -q && git remote add origin {remote}\n\
         git config push.autoSetupRemote true && git add . && git -c user.name=a -c user.email=a@example.com \
         commit -qm first && git push -q origin HEAD && git branch -q -u origin/$(git branch --show-current)"
    ));
    let commits = || run("git rev-list --count origin/HEAD 2>/dev/null || git rev-list --count @{u}").stdout;
    run(script);
    assert_eq!(commits().trim(), "1");
    robot.at(DUE);
    run(script);
    assert_eq!(commits().trim(), "2");
    assert_eq!(run("git status --porcelain").stdout, "");
}
