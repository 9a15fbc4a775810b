//! What became of the signatures, for people and programs.

use std::fmt;

use ceremony::{Json, Tally};

use crate::import::Left;
use crate::report::{Report, object};
use crate::text::{columns, escaped, wrapped};

/// One signature of the answer.
pub(crate) struct Row {
    /// The file that it came in, where one was given.
    pub(crate) file: Option<String>,
    pub(crate) role: String,
    pub(crate) key: String,
    pub(crate) keyholder: Option<String>,
    pub(crate) fate: Fate,
}

impl Row {
    fn columns(&self) -> [String; 4] {
        let key: String = self.key.chars().take(16).collect();
        let why = match &self.fate {
            Fate::Left(left) => left.to_string(),
            _ => self.keyholder.clone().unwrap_or_default(),
        };
        [self.fate.word(), &self.role, &key, &why].map(|text| escaped(text).to_string())
    }
}

/// What became of it.
pub(crate) enum Fate {
    Kept,
    There,
    Left(Left),
}

impl Fate {
    fn word(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::There => "was there",
            Self::Left(_) => "left",
        }
    }
}

/// What was taken in, and what was left.
pub(crate) struct Imported {
    pub(crate) ceremony: String,
    pub(crate) rows: Vec<Row>,
    /// By role: the outgoing and the incoming tally.
    pub(crate) tallies: Vec<(String, Option<Tally>, Tally)>,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return writeln!(f, "There is no signature in it.");
        }
        for rows in self.rows.chunk_by(|a, b| a.file == b.file) {
            if let Some(file) = rows.first().and_then(|row| row.file.as_ref()) {
                f.write_str(&wrapped(&escaped(file).to_string(), 0))?;
            }
            let rows: Vec<_> = rows.iter().map(Row::columns).collect();
            f.write_str(&columns(&rows, 2))?;
        }
        writeln!(f)?;
        for (role, outgoing, incoming) in &self.tallies {
            let count = |tally: &Tally| format!("{} of {} needed", tally.signed.len(), tally.threshold);
            let outgoing = outgoing.as_ref().map_or(String::new(), |tally| format!("; outgoing keys {}", count(tally)));
            f.write_str(&wrapped(&format!("{role}: incoming keys {}{outgoing}", count(incoming)), 0))?;
        }
        writeln!(f, "\nNext:\n  trustroot status {}", escaped(&self.ceremony))
    }
}

impl Report for Imported {
    fn json(&self) -> Json {
        let taken = |row: &&Row| !matches!(row.fate, Fate::Left(_));
        let signatures = self.rows.iter().map(|row| {
            object([
                ("file", row.file.as_ref().map_or(Json::Null, Json::string)),
                ("role", Json::string(&row.role)),
                ("key", Json::string(&row.key)),
                ("keyholder", row.keyholder.as_ref().map_or(Json::Null, Json::string)),
                ("fate", Json::string(row.fate.word())),
                (
                    "reason",
                    match &row.fate {
                        Fate::Left(left) => Json::string(left.to_string()),
                        _ => Json::Null,
                    },
                ),
            ])
        });
        let count = |tally: &Tally| {
            object([("threshold", tally.threshold.into()), ("signed", (tally.signed.len() as u64).into())])
        };
        let roles = self.tallies.iter().map(|(role, outgoing, incoming)| {
            object([
                ("role", Json::string(role)),
                ("outgoing", outgoing.as_ref().map_or(Json::Null, count)),
                ("incoming", count(incoming)),
            ])
        });
        object([
            ("ok", Json::Bool(self.rows.iter().any(|row| taken(&row)))),
            ("ceremony", Json::string(&self.ceremony)),
            ("signatures", signatures.collect()),
            ("roles", roles.collect()),
        ])
    }
}
