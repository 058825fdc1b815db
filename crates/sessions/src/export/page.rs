//! HTML that text cannot break out of.

use std::fmt;

use crate::text::harmless;

/// A page that is being written. Markup comes from this program alone: it is `'static`. Everything else goes in as text.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Adds markup.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, for between tags and for quoted attributes.
    pub(super) fn text(&mut self, text: impl fmt::Display) -> &mut Self {
        for c in harmless(&text.to_string()).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_opens_and_closes_nothing(text in r#"[<>&"'/a-z\x00-\x1f -]{0,40}|\PC{0,40}"#) {
            let mut page = Page::default();
            page.text(&text);
            let html = page.finish();
            prop_assert!(!html.contains(['<', '>', '"', '\'']), "{html}");
            prop_assert!(html.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            let back = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            prop_assert_eq!(back.replace("&amp;", "&"), harmless(&text));
        }
    }
}
