//! What was reviewed, as one page that needs nothing but itself.

use std::fmt::Write as _;

use ceremony::Time;

use crate::commands::material::picture::figure;
use crate::examine::Told;
use crate::page::page;
use crate::text::{escaped, xml};

/// The page says what the text says, word for word, and draws when what of the trust material is valid. The digest is
/// never on it: it must not travel with the files.
pub(super) fn html(told: &Told, hear: &str, now: Time) -> String {
    let mut body = String::new();
    if let Err(failure) = told.examined.fit_to_sign() {
        let _ = writeln!(
            body,
            "<p class=\"wrong\"><strong>Do not sign:</strong> {}</p>",
            xml(&escaped(failure.message()).to_string())
        );
    }
    for section in told.sections() {
        let class = if section.wrong { " class=\"wrong\"" } else { "" };
        let heading = section.heading.map_or_else(String::new, |heading| format!("<h2>{}</h2>\n", xml(heading)));
        let _ = write!(body, "<section{class}>\n{heading}<pre>{}</pre>\n</section>\n", xml(&section.text));
    }
    if !told.examined.timeline().lanes.is_empty() {
        let figure = figure(told.examined.timeline(), told.examined.trust_root(), now);
        let _ = write!(body, "<section>\n<h2>When what is valid, once this is published</h2>\n{figure}</section>\n");
    }
    let _ = write!(body, "<p>{}</p>\n<p>Reviewed at {now}.</p>\n", xml(hear));
    page(&format!("Review of {}", told.examined.ceremony()), &body)
}
