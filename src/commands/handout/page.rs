//! What is handed out, as one page that needs nothing but itself.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Sheet;
use super::report::COMPARE;
use crate::text::{escaped, xml};

/// The page: no script, nothing from elsewhere; the files are in it, to be saved or copied.
pub(super) fn html(sheet: &Sheet) -> String {
    let shown = |text: &str| xml(&escaped(text).to_string());
    let (name, root) = (shown(&sheet.name), &sheet.verified.root);
    let mut out = String::from(HEAD);
    let _ = write!(
        out,
        "<title>How clients start from {name}</title>\n<h1>How clients start from {name}</h1>\n<p>{}</p>\n<h2>The \
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
        shown(&sheet.id),
        marked(COMPARE),
    );
    for client in &sheet.clients {
        let _ = write!(out, "<section>\n<h2>{}</h2>\n", client.name);
        for note in &client.notes {
            let _ = writeln!(out, "<p>{}</p>", marked(note));
        }
        for step in &client.steps {
            let _ = writeln!(out, "<pre>{}</pre>", xml(&step.text));
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
    out.push_str("</html>\n");
    out
}

/// Text with what stands between backticks as code.
fn marked(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(i, part)| match i % 2 {
        0 => xml(part),
        _ => format!("<code>{}</code>", xml(part)),
    });
    parts.collect()
}

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif; line-height: 1.45 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 1.8rem 0 0.4rem }
p { margin: 0.4rem 0; overflow-wrap: anywhere }
th { text-align: left; vertical-align: top; padding-right: 1rem; font-weight: normal; color: #555 }
td code { overflow-wrap: anywhere }
pre { background: #f3f3f3; border: 1px solid #ddd; padding: 0.6rem; overflow-x: auto; font-size: 0.85rem }
details { margin: 0.5rem 0 } details pre { white-space: pre-wrap; overflow-wrap: anywhere }
@media print {
  body { margin: 0; max-width: none } section { break-inside: avoid } details pre { display: none }
  pre { white-space: pre-wrap; overflow-wrap: anywhere }
}
</style>
"#;
