//! What the real checklists do not ask: kinds of later versions, and answers of later versions.

use super::card::Card;
use super::control::Control;
use super::region::Said;
use super::typed::{self, Typo};
use super::visit::Visit;
use askama::Template as _;
use fieldproof_client_core::{InspectionDetail, InspectionSummary, ItemState, Unsent};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Page, Theme};
use fieldproof_presentation::texts::Language;
use fieldproof_schema::checklist::{Answer, Applicability, Template, Verdict};
use fieldproof_schema::document::{Actor, Document, EntitySnapshot, Genesis, Identity, genesis};
use fieldproof_schema::ids::{CaseId, EntityId, InspectionId, OfficerId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::{checklist::Judgement, data};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A pool's checklist whose first item is of a kind that this version does not know.
fn later_checklist() -> Template {
    let json = data::checklists().iter().find(|(name, _)| *name == "public-swimming.json").unwrap().1;
    let mut checklist: Value = serde_json::from_str(json).unwrap();
    checklist["items"][0]["answer"] = json!({"type": "hologram"});
    Template::parse_released(&checklist.to_string()).unwrap()
}

/// A visit whose first two items have answers of a form that this version does not know.
fn visit(editable: bool) -> Visit {
    let template = later_checklist();
    let (id, officer) = (InspectionId::from_bytes([1; 16]), OfficerId::from_bytes([2; 16]));
    let identity = Identity {
        format: 1,
        inspection: id,
        case: CaseId::from_bytes([3; 16]),
        task: None,
        template: template.pin(),
        entity: EntitySnapshot {
            id: EntityId::from_bytes([4; 16]),
            name: "pool".into(),
            uscc: None,
            address: String::new(),
            fields: serde_json::Map::new(),
        },
        team: Vec::new(),
    };
    let items: Vec<&str> = template.item_ids().collect();
    let first = genesis(&Genesis { identity: &identity, items: &items }).unwrap();
    let mut document = Document::from_changes([first.0.as_slice()]).unwrap();
    let written = document.edit(Actor([9; 16]), Moment::from_micros(1), |edit| {
        edit.answer(items[0], r#"{"type":"hologram","beam":1}"#)?;
        edit.answer(items[1], r#"{"type":"hologram","beam":2}"#)
    });
    written.unwrap();
    let view = document.view().unwrap();
    let states = template.items.iter().map(|item| {
        let register = view.answers.get(&item.id).map(|register| register.standing.value.as_str());
        let answer = register.map(Answer::from_register);
        let judgement =
            answer.as_ref().map(|_| Judgement { verdict: Verdict::NotDecided, automatic: false, why: None });
        let (applicability, note, conflict) = (Applicability::Applies, None, None);
        ItemState { item: item.id.clone(), applicability, answer, judgement, note, conflict }
    });
    let detail = InspectionDetail {
        summary: summary(id),
        row: None,
        task: None,
        entity: None,
        heads: document.heads(),
        template: None,
        items: states.collect(),
        conflicts: Vec::new(),
        authors: BTreeMap::new(),
        evidence: Vec::new(),
        seals: Vec::new(),
        team: Vec::new(),
        people: Vec::new(),
        editable,
        me: officer,
        waiting_changes: 0,
        view,
    };
    Visit { id, detail, template: Arc::new(template), laws: None }
}

fn summary(id: InspectionId) -> InspectionSummary {
    InspectionSummary {
        id,
        entity_name: "pool".into(),
        task_no: String::new(),
        plan_name: String::new(),
        due: None,
        state: InspectionState::InProgress,
        answered: None,
        applicable: None,
        conflicts: 0,
        quarantined: 0,
        last_edit_at: None,
        unsent: Unsent::default(),
        lost: false,
    }
}

fn page(language: Language) -> Page {
    Page { language, theme: Theme::Auto, root: "/x".into() }
}

#[test]
fn a_kind_of_a_later_version_is_named_and_left_as_it_is() {
    let visit = visit(true);
    let known = visit.items().next().unwrap();
    for language in Language::ALL {
        let p = page(*language);
        let card = Card::new(&p, &visit, known, Said::default());
        assert!(matches!(card.control, Control::Unknown) && !card.is_typed());
        let region = card.region.render().unwrap();
        assert!(region.contains(&p.t("inspection.answer.other")), "{region}");
        assert!(!region.contains("name=\"result\""), "nothing on it can be tapped");
        assert!(!region.contains("hologram"), "{region}");
    }
    let posted: Fields = [("result", "pass"), ("text", "x")].into_iter().collect();
    assert_eq!(typed::answer(known.item, &posted, None), Err(Typo::Unknown));
}

#[test]
fn an_answer_of_a_later_version_says_so_and_its_item_can_still_be_answered() {
    let visit = visit(true);
    let (p, known) = (page(Language::English), visit.items().nth(1).unwrap());
    let region = Card::new(&p, &visit, known, Said::default()).region.render().unwrap();
    assert!(
        region.contains(&p.t("inspection.answer.other")) && region.contains("value=\"pass\""),
        "{region}"
    );
    assert!(region.contains("aria-pressed=\"false\"") && !region.contains("aria-pressed=\"true\""));
}

#[test]
fn what_is_closed_offers_nothing_to_change() {
    let visit = visit(false);
    let p = page(Language::Chinese);
    for known in visit.items() {
        let card = Card::new(&p, &visit, known, Said { fresh: true, ..Said::default() });
        assert!(!card.editable && !card.note.editable && !card.shots.takes);
        let region = card.region.render().unwrap();
        assert!(!region.contains("<form") && (!region.contains("<button") || region.contains("disabled")));
    }
}

#[test]
fn the_next_open_item_comes_after_the_officers_place_and_then_from_the_beginning() {
    let visit = visit(true);
    let ids: Vec<&str> = visit.template.item_ids().collect();
    let next = |after: Option<&str>| visit.next_open(after).map(|known| known.item.id.as_str());
    assert_eq!(next(None), Some(ids[2]), "the first two have answers");
    assert_eq!(next(Some(ids[5])), Some(ids[6]));
    assert_eq!(next(ids.last().copied()), Some(ids[2]));
    assert_eq!(next(Some("NOPE")), Some(ids[2]));
    assert_eq!(visit.progress(), (2, ids.len()));
    assert_eq!(visit.section_of(ids[0]), 1);
}
