//! Pages of HTML that need nothing but themselves.

use crate::text::{escaped, xml};

/// A whole page, for the screen and for paper: no script, nothing from elsewhere, nothing that only a colour says.
///
/// `title` is text, shown as the first heading too. `body` is HTML, in which [`xml`] made everything harmless.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = xml(&escaped(title).to_string());
    format!("{HEAD}<title>{title}</title>\n<h1>{title}</h1>\n{body}</html>\n")
}

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif; line-height: 1.4 }
h1 { font-size: 1.5rem; overflow-wrap: anywhere } h2 { font-size: 1.15rem; margin: 1.8rem 0 0.4rem }
p { overflow-wrap: anywhere }
pre { font-size: 0.9rem; margin: 0.4rem 0; white-space: pre-wrap; overflow-wrap: anywhere }
svg { display: block; max-width: 100% }
th { text-align: left; vertical-align: top; padding-right: 1rem; font-weight: normal } td { overflow-wrap: anywhere }
.paste { border: 1px solid; padding: 0.6rem } details { margin: 0.5rem 0 }
.wrong { border: 3px solid; padding: 0.6rem 1rem } .wrong h2 { margin-top: 0 }
@media print {
  @page { margin: 15mm }
  body { margin: 0; padding: 0; max-width: none } h2 { break-after: avoid } svg, section { break-inside: avoid } details pre { display: none }
  pre { font-size: 9.5pt }
}
</style>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_text() {
        let page = page("a </title><script>\u{202e}", "<p>b</p>\n");
        assert!(page.contains("<h1>a &lt;/title&gt;&lt;script&gt;\\u{202e}</h1>\n<p>b</p>\n</html>\n"), "{page}");
        assert!(!page.contains("<script") && page.starts_with("<!DOCTYPE html>\n"), "{page}");
    }
}
