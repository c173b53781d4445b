//! Elements of HTML.

/// An element with a class, or without one if that is empty.
pub fn element(name: &str, class: &str, inner: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<{name}{class}>{inner}</{name}>\n")
}

/// `text` as what it is, whatever letters it has.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("a < b && c > \"d\""), "a &lt; b &amp;&amp; c &gt; &quot;d&quot;");
    }

    #[test]
    fn an_element_has_a_class_if_there_is_one() {
        assert_eq!(element("p", "", "x"), "<p>x</p>\n");
        assert_eq!(element("p", "aside", "x"), "<p class=\"aside\">x</p>\n");
    }
}
