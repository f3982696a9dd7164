//! What a form posted: names and values in order, repeated names kept.

/// The fields of a form, `application/x-www-form-urlencoded`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a body or a query. Line breaks become `\n`, as every other text of the product has them.
    pub fn parse(body: &[u8]) -> Self {
        let fields = form_urlencoded::parse(body);
        Self(fields.map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n"))).collect())
    }

    /// Adds a value at the end.
    pub fn push(&mut self, name: String, value: &str) {
        self.0.push((name, value.replace("\r\n", "\n")));
    }

    /// The first value under a name; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// The first value under a name that says something: blanks alone are nothing.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.find(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The first value under a name.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value under a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Everything, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The query of an address with these fields; those without a value are left out. Begins with `?`, or is empty.
pub fn query(fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_order_and_repeats() {
        let fields = Fields::parse("item=a&option=%E7%94%B2&option=b+c&note=1%0D%0A2&empty=".as_bytes());
        assert_eq!(fields.get("item"), "a");
        assert_eq!(fields.all("option").collect::<Vec<_>>(), ["甲", "b c"]);
        assert_eq!(fields.get("note"), "1\n2");
        assert_eq!(
            (fields.filled("empty"), fields.find("empty"), fields.find("none")),
            (None, Some(""), None)
        );
    }

    #[test]
    fn a_query_holds_what_is_set() {
        assert_eq!(
            query(&[("state", "sealed"), ("q", ""), ("unit", "甲 乙")]),
            "?state=sealed&unit=%E7%94%B2+%E4%B9%99"
        );
        assert_eq!(query(&[("q", "")]), "");
    }
}
