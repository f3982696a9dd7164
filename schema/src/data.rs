//! The texts that ship with the product: checklists, register of laws, document forms, sample city, draw plan,
//! holiday calendar.
//!
//! They are embedded as they are; what they mean is read by [`crate::checklist`], [`crate::law`], [`crate::form`] and
//! [`crate::directory`]. Sources and certainty are described in `schema/data/README.md`.

macro_rules! checklist_files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../data/checklists/", $name)))),*]
    };
}

const CHECKLISTS: &[(&str, &str)] = checklist_files![
    "public-lodging.json",
    "public-hairdressing-beauty.json",
    "public-swimming.json",
    "public-bathing.json",
    "water-central.json",
    "water-secondary.json",
    "school.json",
    "medical-infection-control.json",
    "medical-waste.json",
    "medical-practice.json",
    "occupational-employer.json",
    "radiology.json",
    "tableware-disinfection.json",
    "disinfectant-manufacturer.json",
];

/// The checklists (检查表): file name and JSON, in the order of the index.
pub fn checklists() -> &'static [(&'static str, &'static str)] {
    CHECKLISTS
}

/// The index of the checklists: answer types, evidence codes, severities, counts.
pub fn checklist_index() -> &'static str {
    include_str!("../data/checklists/index.json")
}

/// The register of laws, standards and provisions (法律依据与标准登记表).
pub fn legal_basis() -> &'static str {
    include_str!("../data/checklists/legal-basis.json")
}

/// The register of document forms (执法文书目录): names, numbering, which are made off line.
pub fn forms() -> &'static str {
    include_str!("../data/forms.json")
}

/// The fictitious sample city: organisations, officers, entities.
pub fn sample_org() -> &'static str {
    include_str!("../data/sample-org.json")
}

/// A published plan of random inspections with its drawing rules.
pub fn draw_plan_beidaihe_2020() -> &'static str {
    include_str!("../data/draw-plan-beidaihe-2020.json")
}

/// Statutory holidays and shifted working days (法定节假日与调休).
pub fn holidays() -> &'static str {
    include_str!("../data/holidays.json")
}

/// The JSON Schema (draft 2020-12) of a checklist, for whoever writes one.
pub fn checklist_json_schema() -> &'static str {
    include_str!("../data/checklist.schema.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_checklist_of_the_index_is_embedded_in_its_order() {
        let index: Value = serde_json::from_str(checklist_index()).unwrap();
        let files: Vec<_> =
            index["checklists"].as_array().unwrap().iter().map(|c| c["file"].as_str().unwrap()).collect();
        assert_eq!(checklists().iter().map(|(name, _)| *name).collect::<Vec<_>>(), files);
    }

    #[test]
    fn every_text_is_json() {
        let others =
            [sample_org(), draw_plan_beidaihe_2020(), holidays(), checklist_json_schema(), legal_basis()];
        for text in checklists().iter().map(|(_, json)| *json).chain(others) {
            assert!(serde_json::from_str::<Value>(text).unwrap().is_object());
        }
    }
}
