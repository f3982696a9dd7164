//! Who signed, who is missing, what was returned, and what stands in the way of signing.

use super::Turn;
use fieldproof_client_core::{InspectionDetail, Obstacle, SealOutlook, SealState};
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::reference::{Decision, DecisionKind, InspectionState};

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
    if matches!(turn, Turn::Draft) && !detail.conflicts.is_empty() {
        let (icon, word) = ("arrows-diff", p.t("terminal.seal.settle"));
        found.push(Blocker {
            sentence: p.t1("terminal.seal.conflicts", "n", detail.conflicts.len()),
            action: Some(Action { icon, word, path: format!("{base}/team"), syncs: false }),
        });
    }
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
                | Obstacle::ProposalDecided => None,
            };
            let sentence = p.t(format!("terminal.obstacle.{}", obstacle.as_str()));
            found.push(Blocker { sentence, action });
        }
    }
    found
}
