//! What is said of a policy that is none, and where.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Run, Trustroot, says};

/// A policy with a delegated role and a few targets and acceptances.
fn policy() -> (Trustroot, String) {
    let room = Trustroot::new();
    room.ok(&["init", "--name=Test", "--keyholder=alice", "--keyholder=bob", "--keyholder=carol", "--threshold=2"]);
    let more = "
[[delegation]]
name = \"team\"
paths = [\"team/*\"]
keyholders = [
    \"dave\",
    \"erin\",
]
threshold = 2
lifetime-days = 90
signing-window-days = 30

[targets.\"team/a\\\"b.txt\"]
role = \"team\"

[[accept]]
finding = \"key-lost\"
subject = \"root\"
reason = \"small\"
until = \"2027-01-01T00:00:00Z\"
";
    let text = room.read("trustroot.toml") + more;
    room.write("trustroot.toml", &text);
    (room, text)
}

fn status(room: &Trustroot, text: &str) -> Run {
    room.write("trustroot.toml", text);
    room.exits(2, &["status"])
}

/// The line of the text that follows `mark`, which it has once, counted from 1.
fn line_of(text: &str, mark: &str) -> usize {
    assert_eq!(text.matches(mark).count(), 1, "{mark} in {text}");
    text[..text.find(mark).unwrap()].matches('\n').count() + 1
}

#[test]
fn a_mistake_of_meaning_is_shown_with_its_line() {
    let (room, text) = policy();
    let team = "name = \"team\"\n";
    let (before, after) = text.split_once(team).unwrap();
    let in_team = |from: &str, to: &str| {
        assert!(after.contains(from), "{from}");
        format!("{before}{team}{}", after.replacen(from, to, 1))
    };
    let everywhere = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        text.replacen(from, to, 1)
    };
    let cases = [
        (in_team("threshold = 2", "threshold = 0 #"), "threshold = 0 #", "role \"team\" has a threshold of 0"),
        (everywhere("threshold = 2", "threshold = 4 #"), "threshold = 4 #", "role \"root\" has a threshold of 4"),
        (in_team("threshold = 2\n", ""), "[[delegation]]\nname", "role \"team\" has no threshold"),
        (in_team("lifetime-days = 90", "lifetime-days = 9"), "lifetime-days = 9\n", "role \"team\" needs a lifetime"),
        (
            in_team("\"erin\"", "\"erin\", \"dave\"").replace(", \"dave\"", ",\n\"dave\" #"),
            "\"dave\" #",
            "\"dave\" twice",
        ),
        (in_team("\"erin\"", "\"../x\""), "\"../x\"", "names \"../x\", which no record can have"),
        (in_team("paths = [\"team/*\"]", "by = \"nobody\"\npaths = [\"a\"]"), "by = \"nobody\"", "which is no role"),
        (in_team("[\"team/*\"]", "[]"), "paths = []", "role \"team\" has no paths"),
        (
            everywhere("support = []", "support = [\n \"tough\",\n \"toughh\"]"),
            "\"toughh\"]",
            "support lists \"toughh\"",
        ),
        (
            everywhere("# pin-policy = \"once\"", "pin-policy = \"often\""),
            "pin-policy = \"often\"",
            "pin-policy: \"often\"",
        ),
        (
            everywhere("# metadata-url = \"https://tuf.example.com\"", "metadata-url = \"x\""),
            "metadata-url = \"x\"",
            "url",
        ),
        (in_team("role = \"team\"", "role = \"snapshot\""), "[targets.\"team/a", "which is no role for targets"),
        (
            in_team("until = \"2027-01", "until = \"2027-13"),
            "[[accept]]\nfinding = \"key-lost",
            "[[accept]] of \"key-lost\"",
        ),
        (in_team("reason = \"small\"", "reason = \" \""), "[[accept]]\nfinding = \"key-lost", "it has no reason"),
    ];
    for (wrong, mark, what) in cases {
        let line = line_of(&wrong, mark);
        says(&status(&room, &wrong), &["trustroot.toml is not a policy", &format!("at line {line}: "), what]);
    }
    let id = text.lines().find(|line| line.starts_with("id = ")).unwrap();
    let wrong = text.replace(id, "id = \"short\"");
    let line = line_of(&wrong, "id = \"short\"");
    says(&status(&room, &wrong), &[&format!("at line {line}: trust-root.id must be")]);
    // Of two roles of one name it is the second.
    let role = text.split_once("[[delegation]]\nname").unwrap().1.split_once("\n[targets").unwrap().0;
    let second = format!("{text}\n[[delegation]]\nname{role}");
    let line = second[..second.rfind("[[delegation]]").unwrap()].matches('\n').count() + 1;
    says(&status(&room, &second), &[&format!("at line {line}: role \"team\" is there twice")]);
    // What is no TOML says so itself, and nothing of a file speaks for this program.
    says(&status(&room, &format!("{text}\nx = \"")), &["TOML parse error at line"]);
    let hostile = in_team("\"erin\"", "\"\\u001b[2J\"");
    let line = line_of(&hostile, "\\u001b[2J");
    says(status(&room, &hostile).harmless(), &[&format!("at line {line}: role \"team\" names")]);
}

#[test]
fn a_rehearsal_of_a_policy_that_is_none_shows_the_line_too() {
    let (room, text) = policy();
    let wrong = text.replacen("threshold = 2", "threshold = 0", 1);
    room.write("other.toml", &wrong);
    let line = line_of(&wrong, "threshold = 0");
    says(
        &room.exits(2, &["rehearse", "--policy", "other.toml"]),
        &["other.toml is not a policy", &format!("at line {line}: ")],
    );
}
