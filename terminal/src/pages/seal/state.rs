//! Who signed, who is missing, what was returned, and what stands in the way of signing.

use super::Turn;
use crate::pages::inspection::words;
use fieldproof_client_core::{InspectionDetail, Obstacle, SealOutlook, SealState};
use fieldproof_presentation::page::Page;
use fieldproof_schema::conflict::{Conflict, ConflictSide, answer_conflicts};
use fieldproof_schema::document::View;
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::reference::{Decision, DecisionKind, InspectionState};
use fieldproof_schema::seal::Statement;

/// A member of the team.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) certificate: String,
}

/// One officer's place under a statement.
pub(super) struct Signature {
    pub(super) name: String,
    /// When, by that terminal's clock; none while it is awaited.
    pub(super) at: Option<String>,
}

/// Something that stands in the way, and what to do about it.
pub(super) struct Blocker {
    pub(super) sentence: String,
    /// The icon, the word and the address of what helps.
    pub(super) action: Option<Action>,
}

/// What helps.
pub(super) struct Action {
    pub(super) icon: &'static str,
    pub(super) word: String,
    pub(super) path: String,
    /// True when it syncs first and comes back to the address.
    pub(super) syncs: bool,
}

/// A return that waits for the officers.
pub(super) struct Returned {
    pub(super) by: String,
    pub(super) at: String,
    pub(super) comment: String,
    /// What it says about single items: the item, its question, the words, and where it is.
    pub(super) items: Vec<Remark>,
}

/// What a return says about one item.
pub(super) struct Remark {
    pub(super) item: String,
    pub(super) text: String,
    pub(super) words: String,
    pub(super) path: String,
}

/// A conflict that is open, or that was signed over.
pub(in crate::pages) struct Open {
    /// What it is about.
    pub(in crate::pages) text: String,
    /// What each side says, by whom.
    pub(in crate::pages) sides: Vec<String>,
    /// Where it is settled.
    pub(in crate::pages) path: String,
}

/// Open conflicts of a visit as people read them.
pub(in crate::pages) fn open(p: &Page, detail: &InspectionDetail, conflicts: &[Conflict]) -> Vec<Open> {
    let one = |conflict: &Conflict| {
        let (map, key) = conflict.path.split_once('/').unwrap_or((&conflict.path, ""));
        let item = detail.template.as_deref().and_then(|template| template.item(key));
        let side = |side: &ConflictSide| {
            let author = detail.authors.get(&side.change).and_then(|author| author.name.clone());
            let name = author.unwrap_or_else(|| p.t("kit.unknown"));
            let value = words::register(p, &conflict.path, &side.value);
            p.t2("terminal.field.part", "label", name, "words", value)
        };
        Open {
            text: match (map, item) {
                ("answers", Some(item)) => p.either(&item.text, &item.text_en).to_owned(),
                ("findings", _) => p.t("inspection.subject.finding"),
                ("measurements", _) => p.t("inspection.subject.measurement"),
                _ => key.to_owned(),
            },
            sides: conflict.sides.iter().map(side).collect(),
            path: format!("/inspections/{}/team#c-{}", detail.view.identity.inspection, conflict.id),
        }
    };
    conflicts.iter().map(one).collect()
}

/// The conflicts that a statement was signed over, as they stand in the content that it names.
pub(in crate::pages) fn signed_over(
    p: &Page,
    detail: &InspectionDetail,
    statement: &Statement,
    view: &View,
) -> Vec<Open> {
    let named = statement.unsettled.as_ref().map(|unsettled| unsettled.conflicts.as_slice());
    let mut conflicts = answer_conflicts(view);
    conflicts.retain(|conflict| named.is_some_and(|named| named.contains(&conflict.id)));
    open(p, detail, &conflicts)
}

/// Members of the team by their ids.
pub(super) fn members(detail: &InspectionDetail, ids: &[OfficerId]) -> Vec<Member> {
    let team = detail.people.iter().filter(|member| ids.contains(&member.officer));
    team.map(|member| Member { name: member.name.clone(), certificate: member.certificate.clone() }).collect()
}

/// Everybody who is to sign a statement, signed or not.
pub(super) fn signatures(p: &Page, seal: &SealState, detail: &InspectionDetail) -> Vec<Signature> {
    let team = seal.statement.team.iter();
    team.map(|officer| {
        let member = detail.person(*officer);
        let signed = seal.signatures.iter().find(|signed| signed.officer == *officer);
        Signature {
            name: member.map_or_else(|| p.t("kit.unknown"), |member| member.name.clone()),
            at: signed.map(|signed| p.moment(&signed.at)),
        }
    })
    .collect()
}

/// The return that the next version answers.
pub(super) fn returned(p: &Page, detail: &InspectionDetail) -> Option<Returned> {
    if detail.summary.state != InspectionState::Returned {
        return None;
    }
    let decisions = &detail.row.as_ref()?.decisions;
    let decision = decisions.iter().rev().find(|decision| decision.kind == DecisionKind::Returned)?;
    Some(Returned {
        by: decision.by.clone(),
        at: p.moment(&decision.at),
        comment: decision.comment.clone(),
        items: remarks(p, detail, decision),
    })
}

fn remarks(p: &Page, detail: &InspectionDetail, decision: &Decision) -> Vec<Remark> {
    let template = detail.template.as_deref();
    let remark = |(item, words): (&String, &String)| {
        let known = template.and_then(|template| template.item(item));
        let section = template.zip(known).and_then(|(template, known)| {
            template.sections.iter().position(|section| section.title == known.section)
        });
        let inspection = detail.view.identity.inspection;
        Remark {
            item: item.clone(),
            text: known.map(|known| p.either(&known.text, &known.text_en).to_owned()).unwrap_or_default(),
            words: words.clone(),
            path: match section {
                Some(at) => format!("/inspections/{inspection}/sections/{}#item-{item}", at + 1),
                None => format!("/inspections/{inspection}"),
            },
        }
    };
    decision.items.iter().map(remark).collect()
}

/// What stands in the way of this officer's signature.
pub(super) fn blocker(
    p: &Page,
    turn: &Turn,
    detail: &InspectionDetail,
    outlook: &SealOutlook,
) -> Vec<Blocker> {
    let base = format!("/inspections/{}", detail.view.identity.inspection);
    let sync = || Action {
        icon: "refresh",
        word: p.t("terminal.sync.now"),
        path: format!("{base}/seal"),
        syncs: true,
    };
    let anew = || Action {
        icon: "writing-sign",
        word: p.t("terminal.seal.anew"),
        path: format!("{base}/seal?anew"),
        syncs: false,
    };
    let mut found = Vec::new();
    if matches!(turn, Turn::Cosign) {
        if !outlook.trusted {
            found.push(Blocker { sentence: p.t("terminal.seal.foreign_key"), action: Some(sync()) });
        }
        if let Some(obstacle) = outlook.obstacle {
            let action = match obstacle {
                Obstacle::ChangesMissing
                | Obstacle::ContentDiffers
                | Obstacle::NotArrived
                | Obstacle::NothingToSign => Some(sync()),
                Obstacle::OwnChangesOutside | Obstacle::OwnCapturesMissing => Some(anew()),
                Obstacle::NotOnTeam
                | Obstacle::SignedAlready
                | Obstacle::StatementTooLong
                | Obstacle::DirectorySaysSo
                | Obstacle::ProposalDecided
                | Obstacle::PaperVoid => None,
            };
            let sentence = p.t(format!("terminal.obstacle.{}", obstacle.as_str()));
            found.push(Blocker { sentence, action });
        }
    }
    found
}
