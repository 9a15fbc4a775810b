//! What is handed out, as one page that needs nothing but itself.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Sheet;
use crate::page::page;
use crate::text::{escaped, xml};

/// The page: no script, nothing from elsewhere; the files are in it, to be saved or copied.
pub(super) fn html(sheet: &Sheet) -> String {
    let root = &sheet.verified.root;
    let mut out = String::new();
    let _ = write!(
        out,
        "<p>{}</p>\n<h2>The \
         root</h2>\n<table>\n<tr><th>file</th><td>{}, version {}, expires {}</td></tr>\n\
         <tr><th>SHA-256</th><td><code>{}</code></td></tr>\n\
         <tr><th>words</th><td><code>{}</code></td></tr>\n<tr><th>metadata</th><td><code>{}</code></td></tr>\n\
         <tr><th>targets</th><td><code>{}</code></td></tr>\n<tr><th>trust root</th><td><code>{}</code></td></tr>\n\
         </table>\n<p>{}</p>\n",
        marked(&sheet.proof()),
        sheet.verified.root_name(),
        root.version,
        root.expires,
        root.sha256,
        sheet.words().join("<br>"),
        xml(sheet.place.metadata.as_str()),
        xml(&sheet.place.targets),
        xml(&escaped(&sheet.id).to_string()),
        marked(&sheet.compare()),
    );
    for client in &sheet.clients {
        let _ = write!(out, "<section>\n<h2>{}</h2>\n", client.name);
        for note in &client.notes {
            let _ = writeln!(out, "<p>{}</p>", marked(note));
        }
        for step in &client.steps {
            let _ = writeln!(out, "<pre class=\"paste\">{}</pre>", xml(&step.text));
        }
        out.push_str("</section>\n");
    }
    out.push_str("<h2>Files</h2>\n");
    for file in &sheet.files {
        let _ = write!(
            out,
            "<details>\n<summary><a download=\"{0}\" href=\"data:application/octet-stream;base64,{1}\">{0}</a>, \
             {2}</summary>\n<p>SHA-256 <code>{3}</code></p>\n<pre>{4}</pre>\n</details>\n",
            xml(&file.name),
            STANDARD.encode(&file.bytes),
            file.what,
            file.sha256(),
            xml(&String::from_utf8_lossy(&file.bytes)),
        );
    }
    page(&format!("How clients start from {}", sheet.name), &out)
}

/// Text with what stands between backticks as code.
fn marked(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(i, part)| match i % 2 {
        0 => xml(part),
        _ => format!("<code>{}</code>", xml(part)),
    });
    parts.collect()
}
