//! How far a ceremony is, for people and for programs.

use ceremony::assemble::Refusal;
use ceremony::{Finding, Json, Time};

use super::{Next, Reach, Refused, RoleStanding, SetStanding, Standing};
use crate::ceremony_dir::Abandoned;
use crate::deadlines::distance;
use crate::report::object;
use crate::text::{escaped, one_word, wrapped};

impl Standing {
    /// How far it is and what comes next, in lines of at most 80 columns.
    pub(crate) fn text(&self, now: Time) -> String {
        let mut out = self.so_far(now);
        next(self, &mut out);
        out
    }

    /// How far it is, and why it does not go on.
    pub(crate) fn so_far(&self, now: Time) -> String {
        let text = self.next.text();
        let name = escaped(&self.name);
        let mut out = wrapped(&format!("Ceremony {name}, staged {}: {text}", distance(now, self.staged_at)), 0);
        self.roles.iter().for_each(|role| self::role(role, now, &mut out));
        for (path, why) in &self.unreadable {
            out.push_str(&wrapped(&format!("{} counts for nothing: {}", one_word(path), escaped(why)), 2));
        }
        why(self, &mut out);
        out
    }

    /// The commands for what comes next, in order.
    pub(crate) fn commands(&self) -> Vec<String> {
        let name = &self.name;
        match &self.next {
            Next::TooSoon(_) => vec![format!("trustroot abandon {name}")],
            Next::Await | Next::Closed | Next::Done => Vec::new(),
            Next::Behind { missing, .. } if missing.is_empty() => Vec::new(),
            Next::Behind { .. } | Next::Sign(_) => {
                vec![format!("trustroot review {name}"), format!("trustroot sign {name}")]
            }
            Next::Publish | Next::Resume => vec![format!("trustroot publish {name}")],
            Next::Expired { .. } | Next::Overtaken { .. } => {
                vec![format!("trustroot abandon {name}"), "trustroot stage".to_owned()]
            }
        }
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Json {
        let abandoned = self.abandoned.as_ref().map(|closed| {
            let (at, reason) = (Json::string(closed.at.to_string()), Json::string(&closed.reason));
            object([("at", at), ("reason", reason)])
        });
        let unreadable = self.unreadable.iter();
        let unreadable =
            unreadable.map(|(path, why)| object([("path", Json::string(path)), ("why", Json::string(why))]));
        let too_soon: &[Finding] = if let Next::TooSoon(found) = &self.next { found } else { &[] };
        object([
            ("ceremony", Json::string(&self.name)),
            ("staged-at", Json::string(self.staged_at.to_string())),
            ("state", Json::string(self.next.as_str())),
            ("roles", self.roles.iter().map(RoleStanding::json).collect()),
            ("unreadable", unreadable.collect()),
            ("too-soon", too_soon.iter().map(|finding| Json::string(finding.to_string())).collect()),
            ("abandoned", abandoned.unwrap_or(Json::Null)),
            ("commands", self.commands().iter().map(Json::string).collect()),
        ])
    }
}

fn role(role: &RoleStanding, now: Time, out: &mut String) {
    let from = role.replaces.map_or_else(String::new, |version| format!("{version} -> "));
    let reach = match role.reach {
        Reach::None => "",
        Reach::Visible if role.published > Some(role.version) => "; a later version is published",
        Reach::Visible => "; published",
        Reach::Written => "; written, not yet visible to clients",
    };
    let expires = format!("expires {} ({})", role.expires, distance(now, role.expires));
    out.push_str(&wrapped(&format!("{} {from}{}{reach}; {expires}", escaped(&role.role), role.version), 2));
    role.sets.iter().for_each(|set| out.push_str(&wrapped(&set_text(set), 4)));
    for stale in &role.stale {
        let text = format!(
            "stale: {} signed version {} with the digest {}, and {} is staged: sign again",
            one_word(&stale.keyholder),
            stale.version,
            stale.covers,
            stale.staged
        );
        out.push_str(&wrapped(&text, 4));
    }
    for Refused { file, keyholder, why } in &role.refused {
        let keyholder = one_word(keyholder);
        let todo = match why {
            Refusal::Bad => format!("take the file away, and ask {keyholder} for it again"),
            _ => "take the file away".to_owned(),
        };
        let text = format!("refused: {}, said to be {keyholder}'s: {why}; {todo}", one_word(file));
        out.push_str(&wrapped(&text, 4));
    }
}

/// `2 of 3 outgoing keys must sign; signed: alice; missing: bob, carol`
fn set_text(set: &SetStanding) -> String {
    let list = |names: &[String]| names.iter().map(|name| escaped(name).to_string()).collect::<Vec<_>>().join(", ");
    let keys = set.signed.len() + set.missing.len();
    let which = set.set.map_or_else(String::new, |set| format!("{set} "));
    let mut text = match set.threshold {
        0 => format!("the {keys} {which}keys need not sign, as the policy accepts"),
        threshold => format!("{threshold} of {keys} {which}keys must sign"),
    };
    text.push_str(match set.signed.is_empty() {
        true => "; nobody has",
        false => "; signed: ",
    });
    text.push_str(&list(&set.signed));
    if !set.missing.is_empty() {
        let enough = set.signed.len() as u64 >= set.threshold;
        text.push_str(if enough { " (enough); not signed: " } else { "; missing: " });
        text.push_str(&list(&set.missing));
    }
    text
}

/// Why it does not simply go on.
fn why(standing: &Standing, out: &mut String) {
    let text = match &standing.next {
        Next::Closed => match &standing.abandoned {
            Some(Abandoned { at, reason }) => format!("Closed at {at}: {}", escaped(reason)),
            None => return,
        },
        Next::Behind { role, follows, present: Some(present), .. } => format!(
            "Your copy of repository/ is older than what this ceremony follows: it has {} {present}, and not \
             {follows}. Get a new copy: only that shows whether it is published already.",
            escaped(role)
        ),
        Next::Behind { role, follows, present: None, .. } => format!(
            "Your copy of repository/ has no {0}, and this ceremony follows {0} {follows}. Only a new copy shows \
             whether it is published already.",
            escaped(role)
        ),
        Next::TooSoon(found) => {
            found.iter().for_each(|finding| out.push_str(&wrapped(&format!("! {finding}"), 2)));
            return;
        }
        Next::Expired { role } => format!("The staged {} has expired.", escaped(role)),
        Next::Overtaken { role, staged_on, published } => {
            let version = |version: &Option<u64>| version.map_or("nothing".to_owned(), |v| format!("version {v}"));
            let (was, is) = (version(staged_on), version(published));
            format!("{} was to follow {was}, and {is} is published now.", escaped(role))
        }
        Next::Resume => "It was interrupted.".to_owned(),
        Next::Await | Next::Done | Next::Publish | Next::Sign(_) => return,
    };
    out.push_str(&wrapped(&text, 2));
}

fn next(standing: &Standing, out: &mut String) {
    let text = match &standing.next {
        Next::Await | Next::Closed | Next::Done => return,
        Next::Behind { missing: names, .. } | Next::Sign(names) if names.is_empty() => return,
        Next::Behind { missing: names, .. } | Next::Sign(names) => {
            let names: Vec<String> = names.iter().map(|name| escaped(name).to_string()).collect();
            format!("Next, each at their own machine: {}", or(&names))
        }
        Next::Publish => "Next, the coordinator:".to_owned(),
        Next::Resume => "Next, the coordinator runs it again:".to_owned(),
        Next::TooSoon(_) => "Next, close it, give a later start or accept it, and stage again:".to_owned(),
        Next::Expired { .. } | Next::Overtaken { .. } => "Next, close it and stage again:".to_owned(),
    };
    out.push_str(&wrapped(&text, 2));
    for command in standing.commands() {
        out.push_str(&format!("    {}\n", escaped(&command)));
    }
}

/// `a`, `a or b`, `a, b or c`
fn or(names: &[String]) -> String {
    match names {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        names => names.concat(),
    }
}

impl Next {
    /// What to call it to a person.
    pub(crate) fn text(&self) -> &'static str {
        match self {
            Self::Await => "written; clients see it when the snapshot of others names it",
            Self::Behind { .. } => "it follows what this copy does not have",
            Self::Closed => "closed",
            Self::Done => "published: clients see all of it",
            Self::Expired { .. } | Self::Overtaken { .. } => "it can no longer be published",
            Self::Publish => "signed completely, not published yet",
            Self::Resume => "published in part",
            Self::Sign(_) => "signatures are missing",
            Self::TooSoon(_) => "what it adds would start too soon",
        }
    }

    /// The word for it in a report for programs.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Await => "awaiting-snapshot",
            Self::Behind { .. } => "behind",
            Self::Closed => "closed",
            Self::Done => "published",
            Self::Expired { .. } => "expired",
            Self::Overtaken { .. } => "overtaken",
            Self::Publish => "signed",
            Self::Resume => "partly-published",
            Self::Sign(_) => "signing",
            Self::TooSoon(_) => "too-soon",
        }
    }
}

impl RoleStanding {
    fn json(&self) -> Json {
        let number = |number: Option<u64>| number.map_or(Json::Null, Json::from);
        let stale = self.stale.iter().map(|stale| {
            object([
                ("keyholder", Json::string(&stale.keyholder)),
                ("version", stale.version.into()),
                ("covers", Json::string(&stale.covers)),
                ("staged", Json::string(&stale.staged)),
            ])
        });
        let refused = self.refused.iter();
        let refused = refused.map(|refused| {
            object([
                ("file", Json::string(&refused.file)),
                ("keyholder", Json::string(&refused.keyholder)),
                ("why", Json::string(refused.why.to_string())),
            ])
        });
        let reach = match self.reach {
            Reach::None => "none",
            Reach::Written => "written",
            Reach::Visible => "visible",
        };
        object([
            ("role", Json::string(&self.role)),
            ("version", self.version.into()),
            ("replaces", number(self.replaces)),
            ("published", number(self.published)),
            ("reach", Json::string(reach)),
            ("expires", Json::string(self.expires.to_string())),
            ("met", Json::Bool(self.met())),
            ("sets", self.sets.iter().map(SetStanding::json).collect()),
            ("stale", stale.collect()),
            ("refused", refused.collect()),
        ])
    }
}

impl SetStanding {
    /// `{"set","threshold","signed":[..],"missing":[..]}`
    pub(crate) fn json(&self) -> Json {
        let names = |names: &[String]| names.iter().map(Json::string).collect::<Json>();
        object([
            ("set", Json::string(self.set.unwrap_or("same"))),
            ("threshold", self.threshold.into()),
            ("signed", names(&self.signed)),
            ("missing", names(&self.missing)),
        ])
    }
}
