//! How the party took the record, as it is typed: signed by name, or refused with a witness and a reason.

use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::seal::Party;

/// What was typed before signing. The passphrase is never part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) refused: bool,
    pub(super) name: String,
    pub(super) witness: String,
    pub(super) reason: String,
    /// What the officers say to a return.
    pub(super) comment: String,
    /// Whether it is to be signed although conflicts are open, and why.
    pub(super) despite: bool,
    pub(super) despite_reason: String,
    /// What is wrong with a field, by its name.
    pub(super) wrong: Vec<(&'static str, String)>,
}

impl Form {
    pub(super) fn read(fields: &Fields) -> Self {
        let get = |name: &str| fields.get(name).to_owned();
        Self {
            refused: fields.get("party") == "refused",
            name: get("name"),
            witness: get("witness"),
            reason: get("reason"),
            comment: get("comment"),
            despite: fields.get("despite") == "yes",
            despite_reason: get("despite_reason"),
            wrong: Vec::new(),
        }
    }

    /// The party's part of the statement, and the comment; what is wrong is noted beside its field.
    pub(super) fn party(&mut self, p: &Page) -> Option<(Party, Option<String>)> {
        let asked: Vec<(&'static str, String)> = if self.refused {
            vec![("witness", self.witness.trim().to_owned()), ("reason", self.reason.trim().to_owned())]
        } else {
            vec![("name", self.name.trim().to_owned())]
        };
        let comment = self.comment.trim().to_owned();
        for (field, text) in &asked {
            if text.is_empty() {
                self.wrong.push((field, p.t(format!("terminal.seal.{field}.missing"))));
            }
        }
        let despite = self.despite_reason.trim().to_owned();
        if self.despite && despite.is_empty() {
            self.wrong.push(("despite_reason", p.t("terminal.seal.despite_reason.missing")));
        }
        for (field, text) in asked.iter().chain([&("comment", comment.clone()), &("despite_reason", despite)])
        {
            if text.chars().count() > REASON_CHARS_MAX {
                self.wrong.push((field, p.t1("terminal.seal.long", "n", REASON_CHARS_MAX)));
            }
        }
        if !self.wrong.is_empty() {
            return None;
        }
        let party = match asked.as_slice() {
            [(_, witness), (_, reason)] => {
                Party::Refused { witness: witness.clone(), reason: reason.clone() }
            }
            _ => Party::Signed { name: self.name.trim().to_owned() },
        };
        Some((party, (!comment.is_empty()).then_some(comment)))
    }

    /// Why it is signed although conflicts are open; none where it is not.
    pub(super) fn despite(&self) -> Option<String> {
        self.despite.then(|| self.despite_reason.trim().to_owned())
    }

    /// What is wrong with a field.
    pub(super) fn about(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|(name, _)| *name == field).map(|(_, words)| words.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::page::Theme;
    use fieldproof_presentation::texts::Language;

    fn read(body: &str) -> (Form, Option<(Party, Option<String>)>) {
        let p = Page { language: Language::Chinese, theme: Theme::Auto, root: String::new() };
        let mut form = Form::read(&Fields::parse(body.as_bytes()));
        let party = form.party(&p);
        (form, party)
    }

    #[test]
    fn a_party_signs_by_name_or_refuses_with_witness_and_reason() {
        let (_, party) = read("party=signed&name=+Li+&witness=x&comment=");
        assert_eq!(party, Some((Party::Signed { name: "Li".into() }, None)));
        let (_, party) = read("party=refused&name=Li&witness=Wang&reason=none+given&comment=done");
        let refused = Party::Refused { witness: "Wang".into(), reason: "none given".into() };
        assert_eq!(party, Some((refused, Some("done".into()))));
    }

    #[test]
    fn what_is_missing_or_too_long_is_said_beside_its_field() {
        for (body, wrong) in [
            ("", vec!["name"]),
            ("party=signed&name=++", vec!["name"]),
            ("party=refused&name=Li", vec!["witness", "reason"]),
            ("party=refused&witness=Wang", vec!["reason"]),
        ] {
            let (form, party) = read(body);
            assert_eq!(party, None, "{body}");
            assert_eq!(form.wrong.iter().map(|(field, _)| *field).collect::<Vec<_>>(), wrong, "{body}");
        }
        let long = "长".repeat(REASON_CHARS_MAX + 1);
        let (form, party) = read(&format!("party=signed&name=Li&comment={long}"));
        assert_eq!((party, form.about("comment").is_some(), form.comment.len()), (None, true, long.len()));
    }
}
